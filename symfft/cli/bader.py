"""`symfft bader`: charges, volumes and moments of atoms."""

from __future__ import annotations

import argparse
from functools import reduce
from operator import add

from symfft.cli import files, options, results, words
from symfft.cli.command import Command, Result
from symfft.density import Density
from symfft.errors import SymfftError

#: Non-nuclear maxima with fewer electrons are counted, not listed.
LISTED = 1e-3


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_files(command)
    command.add_argument(
        "--reference",
        action="append",
        metavar="FILE",
        help="density whose maxima and slopes decide; given several times, their sum: AECCAR0 and AECCAR2",
    )
    command.add_argument(
        "--cores", action="store_true", help="add known frozen cores to the reference: for a file of valence electrons"
    )
    command.add_argument(
        "--vacuum", type=options.positive, metavar="RHO", help="density in e/Å³ below which points belong to nobody"
    )
    command.add_argument(
        "--group", metavar="G", help="space group instead of the structure's: number, symbol, or hall:SYMBOL"
    )
    command.add_argument("--atom", type=_index, metavar="N", help="write the basin of this atom, counted from 1")
    options.add_density_output(command, required=False)


def run(
    file: str,
    *,
    reading: files.Reading,
    reference: list[str] | None,
    cores: bool,
    vacuum: float | None,
    group: str | None,
    atom: int | None,
    output: str | None,
    to: str | None,
    force: bool,
) -> Result:
    """Divide a density among its atoms."""
    from symfft.basins.charges import bader, basin
    from symfft.basins.cores import frozen_cores

    if (atom is None) != (output is None):
        raise SymfftError("--atom and --output belong together: the basin of an atom is written as a density")
    if output is not None:
        files.require_new(output, force)
    density, _ = files.load(file, reading)
    decides = None if reference is None else _sum([files.load(name, reading)[0].total() for name in reference])
    if cores:
        decides = (density.total() if decides is None else decides) + frozen_cores(density)
    space_group = None if group is None else files.find_group(density, group, 1e-3)
    found = bader(density, reference=decides, space_group=space_group, vacuum=vacuum)
    notes = list(found.notes)
    if atom is not None and output is not None:
        if atom > len(density.numbers):
            raise SymfftError(f"there is no atom {atom}: the crystal has {len(density.numbers)}")
        part = basin(density, atom - 1, reference=decides, space_group=space_group, vacuum=vacuum)
        notes += files.write(output, part, to)
        notes.append(f"{output}: the basin of {files.atom_label(density, atom - 1)}, {part.electrons:.4f} electrons")
    moments = None if found.moments is None else found.moments.tolist()
    return {
        "file": file,
        "formula": files.formula(density),
        "space_group": results.name(found.space_group),
        "atoms": [
            {
                "atom": files.atom_label(density, i),
                "position": density.positions[i].tolist(),
                "electrons": float(found.electrons[i]),
                "volume": float(found.volumes[i]),
                **({} if moments is None else {"moment": moments[i]}),
            }
            for i in range(len(density.numbers))
        ],
        "maxima": [
            {
                "position": m.position,
                "count": m.count,
                "density": m.density,
                "nearest": None if m.nearest is None else files.atom_label(density, m.nearest),
                "distance": m.distance if m.nearest is not None else None,
                "nuclear": m.nuclear,
                "electrons": m.electrons,
                "volume": m.volume,
            }
            for m in found.maxima
        ],
        "vacuum": {"electrons": found.vacuum_electrons, "volume": found.vacuum_volume},
        "electrons": found.total,
        "notes": notes,
    }


def text(result: Result) -> str:
    """Return a table of atoms, and what belongs to none of them."""
    lines = [f"{result['file']}: {result['formula'] or 'no atoms'}, {words.group(result['space_group'])}"]
    lines.append(f"  {'atom':<8}{'x':>9}{'y':>9}{'z':>9}{'electrons':>12}{'volume/Å³':>12}")
    if result["atoms"] and "moment" in result["atoms"][0]:
        lines[-1] += f"{'moment/μB':>12}"
    for atom in result["atoms"]:
        place = "".join(f"{v:9.5f}" for v in atom["position"])
        row = f"  {atom['atom']:<8}{place}{atom['electrons']:12.5f}{atom['volume']:12.4f}"
        moment = atom.get("moment")
        if moment is not None:
            row += "".join(f"{v:12.5f}" for v in (moment if isinstance(moment, list) else [moment]))
        lines.append(row)
    extra = [m for m in result["maxima"] if not m["nuclear"]]
    for m in extra:
        if abs(m["electrons"]) < LISTED:
            continue
        place = "".join(f"{v:9.5f}" for v in m["position"])
        near = "" if m["nearest"] is None else f", {m['distance']:.3f} Å from {m['nearest']}"
        row = f"  {'(none)':<8}{place}{m['electrons']:12.5f}{m['volume']:12.4f}"
        lines.append(f"{row}  non-nuclear, {m['count']} in the cell{near}")
    small = sum(m["count"] for m in extra if abs(m["electrons"]) < LISTED)
    if small:
        lines.append(f"  and {small} more with fewer than {LISTED:g} electrons each")
    if result["vacuum"]["volume"]:
        lines.append(f"  vacuum{'':29}{result['vacuum']['electrons']:12.5f}{result['vacuum']['volume']:12.4f}")
    return "\n".join(lines + words.total(result) + words.notes(result))


def _sum(densities: list[Density]) -> Density:
    return reduce(add, densities)


def _index(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not the number of an atom: give 1, 2, …")
    return int(text)


BADER = Command(arguments, run, text, by_file=True)
