"""Arguments of `symfft-vae fetch`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from symfft import SymfftError
from symfft_models.datasets.fetch.journal import Pace
from symfft_models.datasets.fetch.materials_project import KEY, fetch_materials_project
from symfft_models.datasets.fetch.parquet import COLUMNS, fetch_parquet


def add_fetch_arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """Add the two sources to a parser."""
    shared = argparse.ArgumentParser(add_help=False)
    add = shared.add_argument
    add("-o", "--out", type=Path, required=True, help="folder for CHGCARs; the same command again goes on with it")
    add("--group", type=int, action="append", default=[], metavar="N", help="space group to take; repeatable")
    add("--limit", type=int, metavar="N", help="store at most N densities this time")
    add("--per-second", type=float, default=2.0, metavar="X", help="requests a second, at most (%(default)g)")
    sources = parser.add_subparsers(dest="source", required=True, metavar="SOURCE")

    source = sources.add_parser(
        "materials-project", parents=[common, shared], help=f"the Materials Project; its key from the variable {KEY}"
    )
    source.add_argument("--id", action="append", default=[], metavar="mp-N", help="a material; repeatable")
    source.set_defaults(fetch=_materials_project)

    source = sources.add_parser("parquet", parents=[common, shared], help="parquet collections, such as LeMat-Rho")
    source.add_argument("inputs", nargs="+", metavar="INPUT", help="file, folder, or http(s) address")
    source.add_argument(
        "--column",
        type=_column,
        action="append",
        default=[],
        metavar="WHAT=NAME",
        help=f"name of a column; WHAT is one of {', '.join(COLUMNS)}",
    )
    source.add_argument("--vasp", action="store_true", help="the values are rho times V, as in a CHGCAR, not e/Å³")
    source.set_defaults(fetch=_parquet)


def run_fetch(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the command and return counts."""
    if not arguments.per_second > 0:
        raise SymfftError(f"--per-second {arguments.per_second:g} must be positive")
    result: dict[str, Any] = arguments.fetch(arguments, Pace(arguments.per_second))
    return result


def report(counts: dict[str, Any]) -> str:
    """Format counts for a person."""
    return ", ".join(f"{name}: {count}" for name, count in counts.items())


def _materials_project(arguments: argparse.Namespace, pace: Pace) -> dict[str, Any]:
    if not (arguments.group or arguments.id):
        raise SymfftError("say what to fetch: --group N or --id mp-N")
    return fetch_materials_project(
        arguments.out,
        arguments.group,
        identifiers=arguments.id,
        limit=arguments.limit,
        pace=pace,
        progress=not arguments.quiet and sys.stderr.isatty(),
    )


def _parquet(arguments: argparse.Namespace, pace: Pace) -> dict[str, Any]:
    return fetch_parquet(
        arguments.inputs,
        arguments.out,
        arguments.group,
        columns=dict(arguments.column),
        vasp=arguments.vasp,
        limit=arguments.limit,
        pace=pace,
    )


def _column(text: str) -> tuple[str, str]:
    what, _, name = text.partition("=")
    if what not in COLUMNS or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not WHAT=NAME with WHAT one of {', '.join(COLUMNS)}")
    return what, name
