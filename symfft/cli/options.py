"""Arguments that several subcommands share, and the types of their values."""

from __future__ import annotations

import argparse
import math

#: What a density holds, as :data:`symfft.kinds.KINDS`.
KINDS = ("charge", "potential", "elf", "kinetic_energy", "other")
#: Options that say how to read a file; they reach a command as one value, ``reading``.
READING = ("format", "kind", "dataset", "species")
#: Formats that are read, as :data:`symfft.io.any_format.FORMATS`.
FORMATS = ("vasp", "cube", "ccp4", "xsf", "json", "hdf5", "au", "mtz", "cif")
#: Formats that are written, as :data:`symfft.io.any_format.WRITABLE`.
WRITABLE = ("vasp", "cube", "ccp4", "xsf")


def add_file(command: argparse.ArgumentParser, name: str = "file", metavar: str = "FILE") -> None:
    """Add one density to read, and how; the command is called with `name` and with ``reading``."""
    command.add_argument(name, metavar=metavar)
    _add_reading(command)


def add_files(command: argparse.ArgumentParser) -> None:
    """Add any number of densities to read one after the other, and how."""
    command.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a file, a folder (the densities in it and below), a pattern, - (stdin)",
    )
    _add_reading(command)


def _add_reading(command: argparse.ArgumentParser) -> None:
    if command.get_default("reading") is not None:
        return
    command.set_defaults(reading=READING)
    group = command.add_argument_group("how to read")
    group.add_argument("--format", choices=FORMATS, help="the format (default: detected from content and name)")
    group.add_argument("--kind", choices=KINDS, help="what the values are, where the file does not say")
    group.add_argument(
        "--dataset", metavar="D", help="which of several: a number from 0 (cube, xsf) or a path (hdf5: locpot/total)"
    )
    group.add_argument(
        "--species", type=_names, metavar="A,B,…", help="elements of the counts of atoms, where a VASP file lacks them"
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def add_output(command: argparse.ArgumentParser, what: str) -> None:
    """Add the file to write, and --force."""
    command.add_argument("-o", "--output", required=True, metavar="OUT", help=what)
    command.add_argument("--force", action="store_true", help="overwrite an output that exists")


def add_density_output(command: argparse.ArgumentParser, *, positional: bool = False, required: bool = True) -> None:
    """Add the density to write, its format, and --force."""
    what = "density to write, format by name: CHGCAR, *.cube, *.ccp4, *.xsf, …; - (standard output) with --to"
    if positional:
        command.add_argument("output", metavar="OUT", help=what)
    else:
        optional = "" if required else " (default: none)"
        command.add_argument("-o", "--output", required=required, metavar="OUT", help=what + optional)
    command.add_argument("--to", choices=WRITABLE, help="the format to write, where the name does not say it")
    command.add_argument("--force", action="store_true", help="overwrite an output that exists")


def add_group(command: argparse.ArgumentParser) -> None:
    """Add the space group, and how closely the structure must have it."""
    command.add_argument(
        "--group", metavar="G", help="space group instead of the structure's: number, symbol, or hall:SYMBOL"
    )
    add_symprec(command)


def add_symprec(command: argparse.ArgumentParser) -> None:
    """Add the distance within which atoms count as equivalent."""
    command.add_argument(
        "--symprec",
        type=symprec,
        default=1e-3,
        metavar="Å",
        help="how far an atom may be from where symmetry puts it (default: 0.001 Å)",
    )


def add_tolerance(command: argparse.ArgumentParser, default: float, what: str) -> None:
    """Add the largest residual that counts as symmetric."""
    command.add_argument(
        "--tolerance",
        type=positive,
        default=default,
        metavar="T",
        help=f"{what}, relative to the largest value (default: {default:g})",
    )


def add_augmentation(command: argparse.ArgumentParser) -> None:
    """Add what becomes of PAW occupancies."""
    command.add_argument(
        "--augmentation",
        choices=("keep", "drop"),
        default="keep",
        help="PAW occupancies and site moments, which are not values on the grid (default: keep them unchanged)",
    )


def positive(text: str) -> float:
    """Return a number above zero, infinity included."""
    value = float(text)
    if not value > 0 or math.isnan(value):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def symprec(text: str) -> float:
    """Return a distance in Å that spglib can use, as :func:`symfft.crystal.structure.require_symprec` does."""
    value = float(text)
    if not 1e-10 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a distance from 1e-10 to 1 Å")
    return value


def count(text: str) -> int:
    """Return an integer from 0 to 100."""
    if not text.isdigit() or int(text) > 100:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to 100")
    return int(text)


def point(text: str) -> tuple[float, ...]:
    """Return three finite numbers x,y,z."""
    parts = tuple(float(part) for part in text.split(","))
    if len(parts) != 3 or not all(map(math.isfinite, parts)):
        raise argparse.ArgumentTypeError(f"{text} is not three numbers x,y,z")
    return parts


def shape(text: str) -> tuple[int, ...]:
    """Return a grid, from 48 or 48x48x64."""
    parts = text.replace(",", "x").split("x")
    if len(parts) not in (1, 3) or not all(part.isdigit() and 0 < int(part) < 10**9 for part in parts):
        raise argparse.ArgumentTypeError(f"{text} is not a grid: give 48 or 48x48x64")
    sizes = tuple(int(part) for part in parts)
    return sizes * 3 if len(sizes) == 1 else sizes
