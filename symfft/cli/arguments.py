"""The arguments of the command `symfft`; imports nothing that takes time."""

from __future__ import annotations

import argparse
import math
from typing import NoReturn

from symfft import __version__

DESCRIPTION = "Symmetry of electron densities: look, check, symmetrize, reduce to the asymmetric unit, convert, draw."
EXIT_CODES = "exit codes: 0 done; 1 the density or its grid breaks the symmetry; 2 wrong usage or unreadable input"


class Parser(argparse.ArgumentParser):
    """A parser whose errors take one line."""

    def error(self, message: str) -> NoReturn:
        """Print one line and leave with exit code 2."""
        self.exit(2, f"symfft: error: {message} (see {self.prog} --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command and its subcommands."""
    parser = Parser(prog="symfft", description=DESCRIPTION, epilog=EXIT_CODES, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"symfft {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, help_text: str, *, symmetry: bool = False, output: str | None = None) -> argparse.ArgumentParser:
        description = help_text[0].upper() + help_text[1:] + "."
        command = commands.add_parser(
            name, help=help_text, description=description, epilog=EXIT_CODES, allow_abbrev=False
        )
        command.add_argument("--json", action="store_true", help="print one JSON object instead of text")
        if symmetry:
            command.add_argument(
                "--group", metavar="G", help="space group instead of the structure's: number, symbol, or hall:SYMBOL"
            )
            _add_symprec(command)
        if output is not None:
            command.add_argument("-o", "--output", required=True, metavar="OUT", help=output)
        if output is not None or name == "convert":
            command.add_argument("--force", action="store_true", help="overwrite an output that exists")
        return command

    info = add("info", "tell what files hold: cell, grid, space group, asymmetric unit, electrons", symmetry=True)
    info.add_argument("files", nargs="+", metavar="FILE")

    check = add("check", "check densities against every operator of a space group", symmetry=True)
    check.add_argument("files", nargs="+", metavar="FILE")
    _add_tolerance(check, 1e-3, "largest residual that passes")

    symmetrize = add(
        "symmetrize", "average a density over its space group", symmetry=True, output="density to write, format by name"
    )
    symmetrize.add_argument("file", metavar="FILE")
    _add_tolerance(symmetrize, 1e-2, "largest residual taken for noise; inf forces it on a density of any kind")
    _add_augmentation(symmetrize)
    symmetrize.add_argument("--drop-magnetization", action="store_true", help="write the total density alone")

    reduce = add(
        "reduce", "store a density on its asymmetric unit", symmetry=True, output="file to write: *.npz or *.h5"
    )
    reduce.add_argument("file", metavar="FILE")
    _add_tolerance(reduce, 1e-3, "largest residual that is averaged away")
    reduce.add_argument("--float32", action="store_true", help="store values with 7 digits instead of 16")
    _add_augmentation(reduce)

    expand = add("expand", "bring a reduced density back to the whole grid", output="density to write, format by name")
    expand.add_argument("file", metavar="AU", help="file that `symfft reduce` wrote")

    convert = add("convert", "convert between formats, grids and cells")
    convert.add_argument("file", metavar="IN")
    convert.add_argument("output", metavar="OUT", help="density to write, format by name: CHGCAR, *.cube, *.ccp4, …")
    convert.add_argument(
        "--shape",
        type=_shape,
        metavar="N",
        help="grid to resample to: 48, 48x48x64, or fit (the next that fits the group)",
    )
    convert.add_argument(
        "--standardize",
        dest="to_standard",
        action="store_true",
        help="go to the group's conventional cell (ITA)",
    )
    _add_symprec(convert)

    plot = add(
        "plot", "draw planes of the cell and layers of the asymmetric unit", symmetry=True, output="picture: *.png"
    )
    plot.add_argument("file", metavar="FILE")
    plot.add_argument("--log", action="store_true", help="logarithmic colours")
    plot.add_argument("--isolines", type=_count, default=0, metavar="N", help="number of contour lines (default: none)")
    plot.add_argument(
        "--at", type=_point, metavar="X,Y,Z", help="where the planes meet, fractional (default: the largest value)"
    )
    plot.add_argument(
        "--quantity", choices=("values", "magnetization", "spin_down"), default="values", help="which grid to draw"
    )
    return parser


def _add_symprec(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--symprec",
        type=_positive,
        default=1e-3,
        metavar="Å",
        help="how far an atom may be from where symmetry puts it (default: 0.001 Å)",
    )


def _add_tolerance(command: argparse.ArgumentParser, default: float, what: str) -> None:
    command.add_argument(
        "--tolerance",
        type=_positive,
        default=default,
        metavar="T",
        help=f"{what}, relative to the largest value (default: {default:g})",
    )


def _add_augmentation(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--augmentation",
        choices=("keep", "drop"),
        default="keep",
        help="PAW occupancies and site moments, which are no values on the grid (default: keep them unchanged)",
    )


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0 or math.isnan(value):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def _count(text: str) -> int:
    if not text.isdigit() or int(text) > 100:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to 100")
    return int(text)


def _point(text: str) -> tuple[float, ...]:
    parts = tuple(float(part) for part in text.split(","))
    if len(parts) != 3 or not all(map(math.isfinite, parts)):
        raise argparse.ArgumentTypeError(f"{text} is not three numbers x,y,z")
    return parts


def _shape(text: str) -> tuple[int, ...] | str:
    if text == "fit":
        return text
    parts = text.replace(",", "x").split("x")
    if len(parts) not in (1, 3) or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise argparse.ArgumentTypeError(f"{text} is no grid: give 48, 48x48x64 or fit")
    sizes = tuple(int(part) for part in parts)
    return sizes * 3 if len(sizes) == 1 else sizes
