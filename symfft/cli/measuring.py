"""`symfft average`, `profile`, `integrate`: numbers along lines and in regions."""

from __future__ import annotations

import argparse
import math
from typing import Any

from symfft.cli import files, options, words
from symfft.cli.command import Command, Result
from symfft.crystal.elements import ATOMIC_NUMBERS
from symfft.errors import SymfftError


def average_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of average."""
    options.add_file(command)
    command.add_argument("--axis", choices=("a", "b", "c"), required=True, help="vector along which planes follow")
    command.add_argument(
        "--window",
        type=options.positive,
        action="append",
        metavar="Å",
        help="length of the slab to average over (macroscopic average); twice for two, one after the other",
    )


def average(file: str, *, reading: files.Reading, axis: str, window: list[float] | None) -> Result:
    """Average over planes, or over slabs."""
    density, _ = files.load(file, reading)
    line = density.average(axis, None if window is None else tuple(window))
    return {"file": file, "axis": axis, "window": window, **_columns(line, density.kind)}


def profile_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of profile."""
    options.add_file(command)
    command.add_argument(
        "--from", dest="start", type=options.point, required=True, metavar="X,Y,Z", help="first point, fractional"
    )
    command.add_argument("--to", dest="end", type=options.point, required=True, metavar="X,Y,Z", help="last point")
    command.add_argument("--points", type=_points, default=101, metavar="N", help="how many (default: 101)")


def profile(
    file: str, *, reading: files.Reading, start: tuple[float, ...], end: tuple[float, ...], points: int
) -> Result:
    """Return values along a line."""
    density, _ = files.load(file, reading)
    line = density.profile(start, end, points)
    return {"file": file, "from": start, "to": end, **_columns(line, density.kind)}


def table(result: Result) -> str:
    """Return a column of distances and one of each grid."""
    unit = words.UNITS[result["kind"]].strip()
    suffix = "" if not unit else f"/({unit})" if "/" in unit else f"/{unit}"
    names = [name for name in ("values", "magnetization", "spin_down") if result[name] is not None]
    columns: list[tuple[str, list[float]]] = [("distance/Å", result["distance"])]
    for name in names:
        rows = result[name]
        if rows and isinstance(rows[0], list):
            columns += [(f"{name}_{axis}{suffix}", row) for axis, row in zip("xyz", rows, strict=True)]
        else:
            columns.append((f"{name}{suffix}", rows))
    width = max(16, *(len(name) for name, _ in columns))
    head = "# " + " ".join(f"{name:>{width}}" for name, _ in columns)
    rows = zip(*(values for _, values in columns), strict=True)
    return "\n".join([head, *("  " + " ".join(f"{v:{width}.9g}" for v in row) for row in rows)])


def integrate_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of integrate."""
    options.add_file(command)
    where = command.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--atoms", type=_radii, metavar="R", help="spheres of R Å around all atoms, or by element: Na=0.9,Cl=1.6"
    )
    where.add_argument(
        "--sphere", type=_sphere, metavar="X,Y,Z,R", help="a sphere: centre, fractional, and radius in Å"
    )
    where.add_argument(
        "--box", type=_box, metavar="X,Y,Z:X,Y,Z", help="a box along the cell's vectors: two corners, fractional"
    )


def integrate(
    file: str,
    *,
    reading: files.Reading,
    atoms: float | dict[str, float] | None,
    sphere: tuple[float, ...] | None,
    box: tuple[tuple[float, ...], tuple[float, ...]] | None,
) -> Result:
    """Integrate over spheres or a box."""
    density, _ = files.load(file, reading)
    if atoms is not None:
        found = density.integrate_atoms(atoms)
        regions = [files.atom_label(density, i) for i in range(len(density.numbers))]
    elif sphere is not None:
        found, regions = density.integrate_spheres([sphere[:3]], sphere[3]), ["sphere"]
    elif box is not None:
        found, regions = density.integrate_box(*box), ["box"]
    else:
        raise SymfftError("give --atoms, --sphere or --box")
    rows: list[Result] = []
    for i, region in enumerate(regions):
        row: Result = {"region": region, "volume": float(found.volume[i]), "integral": float(found.values[i])}
        if found.magnetization is not None:
            row["moment"] = found.magnetization[..., i].tolist()
        if found.spin_down is not None:
            row["spin_down"] = float(found.spin_down[i])
        rows.append(row)
    return {"file": file, "kind": density.kind, "regions": rows}


def integrate_text(result: Result) -> str:
    """Return a line for every region."""
    unit = "electrons" if result["kind"] == "charge" else f"{words.UNITS[result['kind']]} Å³".strip()
    lines = [f"{result['file']}:"]
    for row in result["regions"]:
        line = f"  {row['region']:<8}{row['integral']:14.6f} {unit} in {row['volume']:.4f} Å³"
        moment = row.get("moment")
        if moment is not None:
            line += ", moment " + " ".join(f"{v:.5f}" for v in (moment if isinstance(moment, list) else [moment]))
            line += " μB" if result["kind"] == "charge" else ""
        if "spin_down" in row:
            line += f", spin down {row['spin_down']:.6f}"
        lines.append(line)
    return "\n".join(lines)


def _columns(line: Any, kind: str) -> Result:
    found = {name: getattr(line, name) for name in line._fields}
    return {"kind": kind, **{name: None if value is None else value.tolist() for name, value in found.items()}}


def _points(text: str) -> int:
    if not text.isdigit() or not 2 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 2 to 1000000")
    return int(text)


def _radii(text: str) -> float | dict[str, float]:
    if "=" not in text:
        return _length(text)
    radii: dict[str, float] = {}
    for part in text.split(","):
        element, _, radius = part.partition("=")
        if element not in ATOMIC_NUMBERS:
            raise argparse.ArgumentTypeError(f"{element!r} is not an element: give a radius, or Na=0.9,Cl=1.6")
        radii[element] = _length(radius)
    return radii


def _length(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of Å")
    return value


def _sphere(text: str) -> tuple[float, ...]:
    centre, _, radius = text.rpartition(",")
    return *options.point(centre), _length(radius)


def _box(text: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    lower, _, upper = text.partition(":")
    return options.point(lower), options.point(upper)


AVERAGE = Command(average_arguments, average, table)
PROFILE = Command(profile_arguments, profile, table)
INTEGRATE = Command(integrate_arguments, integrate, integrate_text)
