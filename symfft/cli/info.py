"""`symfft info`: what files hold."""

from __future__ import annotations

import argparse
from dataclasses import asdict

import numpy as np

from symfft.cli import files, options, results, words
from symfft.cli.command import Command, Result
from symfft.crystal.elements import symbol
from symfft.errors import SpaceGroupError
from symfft.grid.orbits import orbit_count
from symfft.grid.shape import fitting_operators
from symfft.io.ccp4 import cell_parameters

#: Sites that are listed; a large cell without symmetry has as many as atoms.
MOST_SITES = 12


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_files(command)
    options.add_group(command)


def run(file: str, *, reading: files.Reading, group: str | None, symprec: float) -> Result:
    """Tell what a file holds."""
    density, reduced = files.load(file, reading)
    result: Result = {
        "holds": results.what(density),
        "reduced": reduced,
        "formula": files.formula(density),
        "atoms": len(density.numbers),
        "lattice": density.lattice.tolist(),
        "cell": dict(zip(("a", "b", "c", "alpha", "beta", "gamma"), cell_parameters(density.lattice), strict=True)),
        "volume": density.volume,
        "shape": density.shape,
        "points": density.values.size,
        "spacing": (np.linalg.norm(density.lattice, axis=1) / density.shape).tolist(),
        "kind": density.kind,
        "blocks": density.blocks,
        "electrons": results.electrons(density),
        "moment": results.moment(density),
        "min": float(density.values.min()),
        "max": float(density.values.max()),
        "augmentation": density.augmentation is not None,
        "space_group": None,
        "next_compatible_shape": None,
        "asymmetric_unit": None,
        "sites": [],
        "notes": [],
    }
    try:
        found = files.find_group(density, group, symprec)
    except SpaceGroupError as error:
        if group is not None:
            raise
        return {**result, "notes": [str(error)]}
    if group is None and len(density.numbers):
        result["sites"] = [
            {**asdict(site), "element": symbol(site.number) if site.number > 0 else f"kind {-site.number}"}
            for site in density.sites(symprec)
        ]
    fits = fitting_operators(found, density.shape)
    result["space_group"] = {**results.name(found), "fitting_operators": int(fits.sum()), "fits": bool(fits.all())}
    if not fits.all():
        return {**result, "next_compatible_shape": results.fitting_shape(found, density)}
    size = orbit_count(found, density.shape)
    result["asymmetric_unit"] = {"size": size, "ratio": density.values.size / size}
    return result


def text(result: Result) -> str:
    """Return the description of a file."""
    cell, grid, atoms = result["cell"], words.shape(result["shape"]), words.count(result["atoms"], "atom")
    rows = [
        ("holds", result["holds"] + (" (reduced to the asymmetric unit)" if result["reduced"] else "")),
        ("composition", f"{result['formula']} ({atoms})" if result["atoms"] else "no atoms"),
        ("cell", "a {a:.4f}  b {b:.4f}  c {c:.4f} Å   α {alpha:.2f}  β {beta:.2f}  γ {gamma:.2f}°".format(**cell)),
        ("volume", f"{result['volume']:.3f} Å³"),
        ("grid", f"{grid} = {result['points']:,} points, every {words.spacing(result['spacing'])} Å"),
        ("values", f"{result['min']:.5g} to {result['max']:.5g}{words.UNITS[result['kind']]}"),
    ]
    if result["electrons"] is not None:
        rows.append(("electrons", f"{result['electrons']:.6f}"))
    if result["moment"] is not None:
        moment = result["moment"] if isinstance(result["moment"], list) else [result["moment"]]
        rows.append(("moment", f"{'  '.join(f'{m:.4f}' for m in moment)} μB"))
    if result["augmentation"]:
        rows.append(("augmentation", "PAW occupancies present"))
    group = result["space_group"]
    if group is not None:
        rows.append(("space group", words.group(group)))
        rows += [("site", _site(site)) for site in result["sites"][:MOST_SITES]]
        if len(result["sites"]) > MOST_SITES:
            rows.append(("sites", f"and {len(result['sites']) - MOST_SITES} more (--json lists all)"))
        misfits = group["order"] - group["fitting_operators"]
        wanted = words.next_grid(result["shape"], result["next_compatible_shape"])
        misses = f"no, {misfits} of {group['order']} operators do not fit; {wanted}"
        rows.append(("grid fits", "yes" if group["fits"] else misses))
    unit = result["asymmetric_unit"]
    if unit is not None:
        rows.append(("asym. unit", f"{unit['size']:,} points, 1/{unit['ratio']:.1f} of the cell"))
    rows += [("note", note) for note in result["notes"]]
    return "\n".join([result["file"], *(f"  {name:<13} {value}" for name, value in rows)])


def _site(site: Result) -> str:
    x, y, z = site["position"]
    place = f"letter {site['wyckoff']}, {site['site_symmetry']}"
    return f"{site['multiplicity']:3d} {site['element']:<2} at {x:8.5f} {y:8.5f} {z:8.5f}  {place}"


INFO = Command(arguments, run, text, by_file=True)
