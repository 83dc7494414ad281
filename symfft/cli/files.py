"""Densities in and out for the commands: which group they have, and no file overwritten by accident."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symfft.crystal.elements import SYMBOLS
from symfft.crystal.lattice import METRIC_TOLERANCE, metric_change
from symfft.crystal.space_group import SpaceGroup
from symfft.density import Density
from symfft.errors import SpaceGroupError, SymfftError
from symfft.io import au_file, write_density
from symfft.io._compressed import bare_name
from symfft.io.any_format import WRITABLE, format_of_name, read_with_format
from symfft.io.ccp4 import is_left_handed

#: The name of standard output.
STANDARD = "-"
#: How to read a file, by the names of the options in :data:`symfft.cli.options.READING`; None leaves it to the file.
Reading = Mapping[str, Any]


def load(file: str, reading: Reading) -> tuple[Density, bool]:
    """Read a density, from any format or expanded from a reduced one; say whether it was reduced."""
    density, format = read_with_format(file, **reading)
    return density, format == "au"


def find_group(density: Density, group: str | None, symprec: float) -> SpaceGroup:
    """Return the group that was asked for, that of the structure, or without atoms that which the file states.

    Raises
    ------
    SpaceGroupError
        If it is unknown, changes the metric of the cell, or there are no atoms to find it from.
    """
    if group is None:
        if not len(density.numbers) and density.stated_group is None:
            raise SpaceGroupError("the file holds no atoms to find the space group from: give it with --group")
        return density.space_group(symprec)
    if group.startswith("hall:"):
        found = SpaceGroup.from_hall(group.removeprefix("hall:"))
    else:
        is_number = re.fullmatch(r"[0-9]{1,9}", group)
        found = SpaceGroup.from_number(int(group)) if is_number else SpaceGroup.from_symbol(group)
    change = metric_change(found.rotations, density.lattice)
    if change.max() > METRIC_TOLERANCE:
        raise SpaceGroupError(
            f"operator {found.triplets[int(change.argmax())]} of {found.symbol} does not map the cell onto itself: a "
            "number or symbol means the conventional cell; leave --group out to find the group in this cell, or "
            "convert --standardize first"
        )
    return found


def formula(density: Density) -> str:
    """Return elements and their number in the cell, in the order of the file."""
    counts: dict[str, int] = {}
    for number in density.numbers.tolist():
        name = SYMBOLS[number - 1] if 1 <= number <= len(SYMBOLS) else f"(unknown {abs(number)})"
        counts[name] = counts.get(name, 0) + 1
    return " ".join(name + (str(count) if count > 1 else "") for name, count in counts.items())


def atom_label(density: Density, atom: int) -> str:
    """Return element and number, from 1, of an atom given by its index."""
    number = int(density.numbers[atom])
    return f"{SYMBOLS[number - 1] if 1 <= number <= len(SYMBOLS) else 'X'}{atom + 1}"


def require_new(output: str, force: bool) -> None:
    """Refuse to overwrite a file, or to write where there is no folder; ``-`` is standard output.

    Raises
    ------
    SymfftError
        If so.
    """
    target = Path(output)
    if output == STANDARD:
        return
    if target.is_dir():
        raise SymfftError(f"{output} is a folder: name a file in it")
    if target.exists() and not target.is_file():
        raise SymfftError(f"{output} is a device or a pipe: name a file")
    if not target.parent.is_dir():
        raise SymfftError(f"{output}: there is no folder {target.parent}")
    if target.exists() and not force:
        raise SymfftError(f"{output} exists: give --force to overwrite it")


def write(output: str, density: Density, to: str | None = None) -> list[str]:
    """Write a density in a given format, or that which the name says; return notes on what it has no room for.

    Raises
    ------
    SymfftError
        If the name says no format that can be written, or another than the given one.
    """
    said = format_of_name(output)
    if output == STANDARD:
        if to is None:
            raise SymfftError(f"standard output has no name that says a format: give --to {', '.join(WRITABLE)}")
        _write_to_standard_output(density, to)
    else:
        if bare_name(output).lower().endswith(au_file.SUFFIXES) and to is None:
            raise SymfftError(f"{output}: reduced densities are written by symfft reduce")
        if to is not None and said not in (None, to):
            raise SymfftError(f"{output}: the name says {said}, --to says {to}: give one of them")
        write_density(output, density, format=to)
    format = to or said
    if format == "vasp":
        return []
    lost = {
        "magnetization": density.magnetization is not None,
        "spin down (spin up was written)": density.spin_down is not None,
        "PAW augmentation occupancies": density.augmentation is not None,
        "atoms": format == "ccp4" and len(density.numbers) > 0,
        "the orientation of the cell, and more than seven digits": format == "ccp4",
    }
    what = ", ".join(part for part, there in lost.items() if there)
    notes = [f"the format has no room for: {what}"] if what else []
    if format == "ccp4" and is_left_handed(density.lattice):
        notes.append("the cell is left-handed, which the format cannot say: all axes are reversed, point i is now -i")
    return notes


def _write_to_standard_output(density: Density, to: str) -> None:
    with tempfile.TemporaryDirectory(prefix="symfft-") as folder:
        path = Path(folder) / "standard output"
        try:
            write_density(path, density, format=to)
        except SymfftError as error:
            raise SymfftError(str(error).replace(str(path), "standard output")) from None
        try:
            with path.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        except OSError as error:
            error.filename = "standard output"
            raise
