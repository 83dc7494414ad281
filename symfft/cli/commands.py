"""What each command does: a function from options to a plain dictionary, ready for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from symfft.asymmetric_unit import asymmetric_unit
from symfft.asymmetric_unit import symmetrize as project
from symfft.cli import au_file, files, spins
from symfft.density import Density
from symfft.errors import NotSymmetricError, SpaceGroupError, SymfftError
from symfft.grid import fitting_operators, grid_operators, next_compatible_shape
from symfft.io._compressed import replace_file
from symfft.io.ccp4 import cell_parameters
from symfft.residuals import check_symmetry
from symfft.symmetry import SpaceGroup

Result = dict[str, Any]

PICTURES = (".png", ".pdf", ".svg")

KINDS = {
    "charge": "electron density",
    "potential": "potential",
    "elf": "electron localization function",
    "kinetic_energy": "kinetic-energy density",
}


def info(file: str, *, group: str | None, symprec: float) -> Result:
    """Tell what a file holds."""
    density, reduced = files.load(file)
    result: Result = {
        "holds": _what(density),
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
        "electrons": _electrons(density),
        "moment": _moment(density),
        "min": float(density.values.min()),
        "max": float(density.values.max()),
        "augmentation": density.augmentation is not None,
        "space_group": None,
        "next_compatible_shape": None,
        "asymmetric_unit": None,
        "notes": [],
    }
    try:
        found = files.find_group(density, group, symprec)
    except SpaceGroupError as error:
        if group is not None:
            raise
        return {**result, "notes": [str(error)]}
    fits = fitting_operators(found, density.shape)
    result["space_group"] = {**_name(found), "fitting_operators": int(fits.sum()), "fits": bool(fits.all())}
    if not fits.all():
        return {**result, "next_compatible_shape": next_compatible_shape(found, density.shape)}
    au = asymmetric_unit(found, density.shape)
    result["asymmetric_unit"] = {
        "size": au.size,
        "ratio": density.values.size / au.size,
        "brick_shape": au.brick_shape,
        "brick_origin": au.brick_origin,
    }
    return result


def check(file: str, *, group: str | None, symprec: float, tolerance: float) -> Result:
    """Check a density against every operator of a group."""
    density, _ = files.load(file)
    found = files.find_group(density, group, symprec)
    total, spin = spins.parts(density)
    report = check_symmetry(total, found)
    symmetric = report.is_symmetric(tolerance)
    result: Result = {
        "space_group": _name(found),
        "shape": density.shape,
        "tolerance": tolerance,
        "fits": report.fits,
        "next_compatible_shape": None if report.fits else next_compatible_shape(found, density.shape),
        "total": {"symmetric": symmetric, **report.to_dict()},
        "magnetization": None,
        "notes": [],
    }
    if spin is None:
        return {**result, "symmetric": symmetric}
    collinear = spin.ndim == 3
    report = check_symmetry(spin if collinear else np.linalg.norm(spin, axis=0), found)
    if spins.is_negligible(spin, total):
        keeps = report.fits
        result["notes"].append(f"magnetization below {spins.NEGLIGIBLE:g} of the largest density: taken for zero")
    elif collinear:
        keeps = report.fits and report.largest_residual <= tolerance and spins.is_character(found, report.signs)
    else:
        keeps = report.is_symmetric(tolerance)
        result["notes"].append("non-collinear magnetization: its length is checked, its direction is not")
    result["magnetization"] = {
        "symmetric": keeps,
        "measure": "value" if collinear else "length",
        "sign_changing_operators": sum(s < 0 for s in report.signs) if collinear else None,
        **report.to_dict(),
    }
    return {**result, "symmetric": symmetric and keeps}


def symmetrize(
    file: str,
    output: str,
    *,
    group: str | None,
    symprec: float,
    tolerance: float,
    augmentation: str,
    drop_magnetization: bool,
    force: bool,
) -> Result:
    """Average a density over its group; its magnetization with the signs that it has."""
    files.require_new(output, force)
    density, _ = files.load(file)
    found = files.find_group(density, group, symprec)
    if drop_magnetization:
        density = spins.total_alone(density)
    total, spin = spins.parts(density)
    grid_operators(found, density.shape)
    before = _largest_residual(total, found)
    if before > tolerance:
        raise NotSymmetricError(
            f"{file}: the density breaks {found.symbol} by {before:.1e} of its largest value, which is no noise "
            f"(tolerance {tolerance:g}): check the group, or force the average with --tolerance inf"
        )
    new_total, new_spin, magnetization = project(total, found), None, None
    if spin is not None:
        try:
            signs, residual = spins.trusted_signs(spin, total, found, tolerance)
        except NotSymmetricError as error:
            raise NotSymmetricError(f"{file}: {error}") from None
        new_spin = project(spin, found, signs=signs)
        magnetization = {"sign_changing_operators": sum(s < 0 for s in signs), "residual_before": residual}
    new = spins.from_parts(density, new_total, new_spin)
    notes = []
    if density.augmentation is not None:
        fate = "kept as they were" if augmentation == "keep" else "left out"
        notes.append(f"PAW augmentation occupancies are no values on the grid and were not symmetrized: {fate}")
    if augmentation == "drop":
        new = replace(new, augmentation=None, site_moments=None)
    notes += files.write(output, new)
    return {
        "file": file,
        "output": output,
        "space_group": _name(found),
        "residual_before": before,
        "largest_change": float(np.abs(new_total - total).max() / (np.abs(total).max() or 1.0)),
        "electrons": _electrons(new),
        "magnetization": magnetization,
        "notes": notes,
    }


def reduce(
    file: str,
    output: str,
    *,
    group: str | None,
    symprec: float,
    tolerance: float,
    float32: bool,
    augmentation: str,
    force: bool,
) -> Result:
    """Store a density on its asymmetric unit."""
    files.require_new(output, force)
    suffix = Path(output).suffix.lower()
    if suffix not in au_file.SUFFIXES:
        raise SymfftError(f"{output}: the name must end in {', '.join(au_file.SUFFIXES)}")
    density, _ = files.load(file)
    found = files.find_group(density, group, symprec)
    record = au_file.reduce_density(
        density,
        found,
        tolerance=tolerance,
        dtype=np.float32 if float32 else np.float64,
        augmentation=augmentation == "keep",
    )
    bytes_before = Path(file).stat().st_size
    with replace_file(output, compress=False) as target:
        au_file.write_au(target, record, suffix)
    grids = {
        name: {"values": record[f"{name}/data"].size, "operators": len(record[f"{name}/rotations"])}
        for name in au_file.GRIDS
        if f"{name}/data" in record
    }
    points, values = density.blocks * density.values.size, sum(grid["values"] for grid in grids.values())
    return {
        "file": file,
        "output": output,
        "space_group": _name(found),
        "shape": density.shape,
        "dtype": str(record["values/data"].dtype),
        "points": points,
        "values": values,
        "ratio": points / values,
        "grids": grids,
        "residual": _largest_residual(spins.parts(density)[0], found),
        "bytes_before": bytes_before,
        "bytes_after": Path(output).stat().st_size,
        "electrons": _electrons(density),
        "notes": [],
    }


def expand(file: str, output: str, *, force: bool) -> Result:
    """Bring a reduced density back to the whole grid."""
    files.require_new(output, force)
    density = au_file.expand_density(au_file.read_au(file), file)
    notes = files.write(output, density)
    return {
        "file": file,
        "output": output,
        "shape": density.shape,
        "formula": files.formula(density),
        "electrons": _electrons(density),
        "notes": notes,
    }


def convert(
    file: str, output: str, *, shape: tuple[int, ...] | str | None, to_standard: bool, symprec: float, force: bool
) -> Result:
    """Convert between formats; between grids and cells where asked."""
    files.require_new(output, force)
    old, _ = files.load(file)
    new, notes = old, []
    if to_standard or shape is not None:
        from symfft.resample import resample, standardize

        if to_standard:
            new = standardize(old, shape=None if isinstance(shape, str) else shape, symprec=symprec)
        elif isinstance(shape, str):
            fitting = next_compatible_shape(files.find_group(old, None, symprec), old.shape)
            new = resample(old, fitting)
        elif shape is not None:
            new = resample(old, shape)
    if to_standard and old.augmentation is not None:
        notes.append("PAW augmentation occupancies belong to the old cell: left out")
    if new is not old and old.kind == "charge" and new.values.min() < min(old.values.min(), 0.0):
        lowest = f"{new.values.min():.2e} e/Å³ (before: {old.values.min():.2e})"
        notes.append(f"interpolation made negative values down to {lowest}")
    notes += files.write(output, new)
    return {
        "file": file,
        "output": output,
        "shape_before": old.shape,
        "shape": new.shape,
        "formula": files.formula(new),
        "electrons_before": _electrons(old),
        "electrons": _electrons(new),
        "min": float(new.values.min()),
        "max": float(new.values.max()),
        "notes": notes,
    }


def plot(
    file: str,
    output: str,
    *,
    group: str | None,
    symprec: float,
    log: bool,
    isolines: int,
    at: Sequence[float] | None,
    quantity: Any,
    force: bool,
) -> Result:
    """Draw planes of the cell and layers of the asymmetric unit."""
    from symfft.plot import plot_slices

    files.require_new(output, force)
    suffix = Path(output).suffix.lower()
    if suffix not in PICTURES:
        raise SymfftError(f"{output}: the name must end in {', '.join(PICTURES)}")
    density, _ = files.load(file)
    notes: list[str] = []
    found: SpaceGroup | None = None
    try:
        found = files.find_group(density, group, symprec)
    except SpaceGroupError as error:
        if group is not None:
            raise
        notes.append(f"drawn without an asymmetric unit: {error}")
    if found is not None and not fitting_operators(found, density.shape).all():
        notes.append(f"drawn without an asymmetric unit: the grid {density.shape} does not fit {found.symbol}")
        found = None
    title = "   ".join(filter(None, (Path(file).name, files.formula(density), " × ".join(map(str, density.shape)))))
    figure = plot_slices(density, found, quantity=quantity, at=at, log=log, isolines=isolines, title=title)
    with replace_file(output, compress=False) as target:
        figure.savefig(target, format=suffix[1:])
    return {"file": file, "output": output, "space_group": None if found is None else _name(found), "notes": notes}


# ---- shared ---------------------------------------------------------------------------------------------------------


def _name(group: SpaceGroup) -> Result:
    return {"number": group.number, "symbol": group.symbol, "order": group.order}


def _what(density: Density) -> str:
    spin = {1: "", 2: ", collinear spin", 4: ", non-collinear spin"}[density.blocks]
    return KINDS[density.kind] + spin


def _largest_residual(total: spins.Grid, group: SpaceGroup) -> float:
    return max(o.even for o in check_symmetry(total, group).operators if o.even is not None)


def _electrons(density: Density) -> float | None:
    return density.electrons if density.kind == "charge" else None


def _moment(density: Density) -> float | list[float] | None:
    """Return the magnetic moment of the cell in μB."""
    if density.kind != "charge" or density.magnetization is None:
        return None
    moment: float | list[float] = (density.magnetization.mean(axis=(-3, -2, -1)) * density.volume).tolist()
    return moment
