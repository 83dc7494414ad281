"""`symfft-vae fetch`: other people's densities as CHGCAR files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from symfft import SymfftError
from symfft.cli.command import Command, Result
from symfft_models.cli import options
from symfft_models.datasets.fetch.journal import Pace
from symfft_models.datasets.fetch.materials_project import KEY, fetch_materials_project
from symfft_models.datasets.fetch.parquet import COLUMNS, fetch_parquet


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the two sources."""
    options.add_quiet(command)
    shared = argparse.ArgumentParser(add_help=False)
    add = shared.add_argument
    add("-o", "--out", type=options.folder, required=True, help="folder for CHGCARs; the same command goes on with it")
    add("--group", type=options.space_group, action="append", default=[], metavar="N", help="space group; repeatable")
    add("--limit", type=options.positive, metavar="N", help="store at most N densities this time")
    add(
        "--per-second",
        type=options.positive_number,
        default=2.0,
        metavar="X",
        help="requests per second, at most (%(default)g)",
    )
    sources = command.add_subparsers(dest="source", required=True, metavar="SOURCE")

    source = sources.add_parser(
        "materials-project", parents=[shared], help=f"the Materials Project; its key from the variable {KEY}"
    )
    source.add_argument(
        "--id", action="append", default=[], dest="identifiers", metavar="mp-N", help="a material; repeatable"
    )
    options.add_common_to_action(source)

    source = sources.add_parser("parquet", parents=[shared], help="parquet collections, such as LeMat-Rho")
    source.add_argument("inputs", nargs="+", metavar="INPUT", help="file, folder, or http(s) address")
    source.add_argument(
        "--column",
        type=_column,
        action="append",
        default=[],
        dest="columns",
        metavar="WHAT=NAME",
        help=f"name of a column; WHAT is one of {', '.join(COLUMNS)}",
    )
    source.add_argument("--vasp", action="store_true", help="the values are rho times V, as in a CHGCAR, not e/Å³")
    options.add_common_to_action(source)


def run(
    source: str,
    *,
    out: Path,
    group: Sequence[int],
    limit: int | None,
    per_second: float,
    quiet: bool,
    identifiers: Sequence[str] = (),
    inputs: Sequence[str] = (),
    columns: Sequence[tuple[str, str]] = (),
    vasp: bool = False,
) -> Result:
    """Fetch densities and return counts."""
    pace = Pace(per_second)
    if source == "parquet":
        return fetch_parquet(inputs, out, group, columns=dict(columns), vasp=vasp, limit=limit, pace=pace)
    if not (group or identifiers):
        raise SymfftError("say what to fetch: --group N or --id mp-N")
    progress = not quiet and sys.stderr.isatty()
    return fetch_materials_project(out, group, identifiers=identifiers, limit=limit, pace=pace, progress=progress)


def text(counts: Result) -> str:
    """Format counts for a person."""
    return ", ".join(f"{name}: {count}" for name, count in counts.items())


def _column(text: str) -> tuple[str, str]:
    what, _, name = text.partition("=")
    if what not in COLUMNS or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not WHAT=NAME with WHAT one of {', '.join(COLUMNS)}")
    return what, name


FETCH = Command(arguments, run, text)
