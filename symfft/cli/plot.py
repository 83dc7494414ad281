"""`symfft plot`: planes of the cell and layers of the asymmetric unit."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from symfft.cli import files, options, results, words
from symfft.cli.command import Command, Result
from symfft.crystal.space_group import SpaceGroup
from symfft.errors import SpaceGroupError, SymfftError
from symfft.grid.shape import fitting_operators
from symfft.io.atomic import replace_file

PICTURES = (".png", ".pdf", ".svg")


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_file(command)
    options.add_output(command, "picture: *.png, *.pdf or *.svg")
    options.add_group(command)
    command.add_argument("--log", action="store_true", help="logarithmic colours")
    command.add_argument(
        "--isolines", type=options.count, default=0, metavar="N", help="number of contour lines (default: none)"
    )
    command.add_argument(
        "--at",
        type=options.point,
        metavar="X,Y,Z",
        help="where the planes meet, fractional (default: the largest value)",
    )
    command.add_argument(
        "--quantity", choices=("values", "magnetization", "spin_down"), default="values", help="which grid to draw"
    )


def run(
    file: str,
    output: str,
    *,
    reading: files.Reading,
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
    density, _ = files.load(file, reading)
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
    with replace_file(output) as target:
        figure.savefig(target, format=suffix[1:])
    return {
        "file": file,
        "output": output,
        "space_group": None if found is None else results.name(found),
        "notes": notes,
    }


def text(result: Result) -> str:
    """Return what was drawn."""
    group = result["space_group"]
    return "\n".join([result["output"] + ("" if group is None else f": {words.group(group)}"), *words.notes(result)])


PLOT = Command(arguments, run, text)
