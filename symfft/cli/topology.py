"""`symfft critical-points`: where the gradient of a density vanishes, with density and Laplacian there."""

from __future__ import annotations

import argparse
import math

from symfft.cli import files, options, results, words
from symfft.cli.command import Command, Result

PLURAL = {"maximum": "maxima", "bond": "bonds", "ring": "rings", "cage": "cages"}


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_files(command)
    command.add_argument(
        "--vacuum", type=options.positive, metavar="RHO", help="density in e/Å³ below which no points are sought"
    )
    command.add_argument(
        "--group", metavar="G", help="space group instead of the structure's: number, symbol, or hall:SYMBOL"
    )


def run(file: str, *, reading: files.Reading, vacuum: float | None, group: str | None) -> Result:
    """Find the critical points of a density."""
    from symfft.basins.topology import critical_points

    density, _ = files.load(file, reading)
    space_group = None if group is None else files.find_group(density, group, 1e-3)
    found = critical_points(density, space_group=space_group, vacuum=vacuum)

    def label(atom: int | None) -> str | None:
        return None if atom is None else files.atom_label(density, atom)

    return {
        "file": file,
        "formula": files.formula(density),
        "space_group": results.name(found.space_group),
        "counts": found.counts(),
        "morse_sum": found.morse_sum,
        "points": [
            {
                "kind": point.kind,
                "position": point.position,
                "count": point.count,
                "density": _number(point.density),
                "laplacian": _number(point.laplacian),
                "curvatures": [_number(value) for value in point.curvatures],
                "ellipticity": _number(point.ellipticity),
                "nearest": label(point.nearest),
                "distance": _number(point.distance),
                "nuclear": point.nuclear,
                "merged": point.merged,
                "ends": None if point.ends is None else [label(atom) for atom in point.ends],
            }
            for point in found.points
        ],
        "notes": list(found.notes),
    }


def text(result: Result) -> str:
    """Return a table of points, one of each orbit."""
    lines = [f"{result['file']}: {result['formula'] or 'no atoms'}, {words.group(result['space_group'])}"]
    head = "".join(f"{word:>9}" for word in "xyz") + f"{'ρ, e/Å³':>11}{'∇²ρ, e/Å⁵':>12}{'λ₁':>9}{'λ₂':>9}{'λ₃':>9}"
    lines.append(f"  {'kind':<8}{'in cell':>8}{head}")
    for point in result["points"]:
        row = f"  {'atom' if point['nuclear'] else point['kind']:<8}{point['count']:8d}"
        row += "".join(f"{v:9.5f}" for v in point["position"])
        if point["density"] is None:
            row += f"{'–':>11}{'–':>12}{'–':>9}{'–':>9}{'–':>9}"
        else:
            row += f"{point['density']:11.5f}{point['laplacian']:12.4f}"
            row += "".join(f"{v:9.3f}" for v in point["curvatures"])
        lines.append((row + _of(point)).rstrip())
    counts = ", ".join(f"{count} {kind if count == 1 else PLURAL[kind]}" for kind, count in result["counts"].items())
    lines.append(f"  in the cell: {counts}; maxima - bonds + rings - cages = {result['morse_sum']}")
    return "\n".join(lines + words.notes(result))


def _of(point: Result) -> str:
    """Return which atoms a point belongs to."""
    if point["nuclear"]:
        return f"  {point['nearest']}"
    if point["ends"] is not None:
        between = "–".join(end or "(no atom)" for end in point["ends"])
        return f"  {between}, ellipticity {point['ellipticity']:.3f}"
    return "" if point["nearest"] is None else f"  {point['distance']:.3f} Å from {point['nearest']}"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


CRITICAL_POINTS = Command(arguments, run, text, by_file=True)
