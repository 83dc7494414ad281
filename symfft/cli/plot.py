"""`symfft plot`: lattice planes, or the cell and its asymmetric unit."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from symfft.cli import files, options, results, words
from symfft.cli.command import Command, Result
from symfft.crystal.space_group import SpaceGroup
from symfft.density import Density
from symfft.errors import SpaceGroupError, SymfftError
from symfft.grid.shape import fitting_operators
from symfft.io.atomic import replace_file

PICTURES = (".png", ".pdf", ".svg")


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_file(command)
    options.add_output(command, "picture: *.png, *.pdf or *.svg")
    command.add_argument(
        "--plane",
        type=_plane,
        action="append",
        dest="planes",
        metavar="H,K,L[@D]",
        help="lattice plane hx + ky + lz = D; repeatable (default: two planes through atoms and bonds)",
    )
    command.add_argument(
        "--unit",
        action="store_true",
        help="draw the asymmetric unit instead, with planes of the cell",
    )
    command.add_argument(
        "--at",
        type=options.point,
        metavar="X,Y,Z",
        help="with --unit: where planes meet (default: the largest value)",
    )
    options.add_group(command)
    command.add_argument("--log", action="store_true", help="logarithmic colours")
    command.add_argument(
        "--isolines", type=options.count, default=0, metavar="N", help="number of contour lines (default: none)"
    )
    command.add_argument(
        "--range", type=_range, dest="limits", metavar="LOW,HIGH", help="values of the first and the last colour"
    )
    command.add_argument(
        "--quantity", choices=("values", "magnetization", "spin_down"), default="values", help="which grid to draw"
    )


def _numbers(text: str, count: int, what: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        raise argparse.ArgumentTypeError(f"{text} is not {what}")
    return numbers


def _plane(text: str) -> tuple[float, ...]:
    indices, _, place = text.partition("@")
    what = "a plane: give h,k,l or h,k,l@d"
    return _numbers(indices, 3, what) + (_numbers(place, 1, what) if "@" in text else ())


def _range(text: str) -> tuple[float, ...]:
    return _numbers(text, 2, "a range: give low,high")


def run(
    file: str,
    output: str,
    *,
    reading: files.Reading,
    planes: Sequence[Sequence[float]] | None,
    unit: bool,
    at: Sequence[float] | None,
    group: str | None,
    symprec: float,
    log: bool,
    isolines: int,
    limits: tuple[float, float] | None,
    quantity: Any,
    force: bool,
) -> Result:
    """Draw lattice planes, or the asymmetric unit."""
    from symfft.plot import plot_planes, plot_slices

    files.require_new(output, force)
    suffix = Path(output).suffix.lower()
    if suffix not in PICTURES:
        raise SymfftError(f"{output}: the name must end in {', '.join(PICTURES)}")
    if unit and planes:
        raise SymfftError("--plane and --unit are two pictures: leave one of them out")
    if not unit and (at is not None or group is not None):
        raise SymfftError("--at and --group belong to the picture of the asymmetric unit: give --unit as well")
    density, _ = files.load(file, reading)
    notes: list[str] = []
    found: SpaceGroup | None = None
    title = "   ".join(filter(None, (Path(file).name, files.formula(density), words.shape(density.shape))))
    if unit:
        found = _group(density, group, symprec, notes)
        figure = plot_slices(
            density, found, quantity=quantity, at=at, log=log, isolines=isolines, limits=limits, title=title
        )
    else:
        figure = plot_planes(density, planes, quantity=quantity, log=log, isolines=isolines, limits=limits, title=title)
    with replace_file(output) as target:
        figure.savefig(target, format=suffix[1:])
    return {
        "file": file,
        "output": output,
        "planes": [] if unit else [ax.get_title() for ax in figure.axes[:-1]],
        "space_group": None if found is None else results.name(found),
        "notes": notes,
    }


def _group(density: Density, group: str | None, symprec: float, notes: list[str]) -> SpaceGroup | None:
    """Return the group whose asymmetric unit can be drawn; a note says why where there is none."""
    try:
        found = files.find_group(density, group, symprec)
    except SpaceGroupError as error:
        if group is not None:
            raise
        notes.append(f"drawn without an asymmetric unit: {error}")
        return None
    if not fitting_operators(found, density.shape).all():
        notes.append(f"drawn without an asymmetric unit: the grid {density.shape} does not fit {found.symbol}")
        return None
    return found


def text(result: Result) -> str:
    """Return what was drawn."""
    group = result["space_group"]
    what = words.group(group) if group is not None else ", ".join(result["planes"])
    return "\n".join([result["output"] + (f": {what}" if what else ""), *words.notes(result)])


PLOT = Command(arguments, run, text)
