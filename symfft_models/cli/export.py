"""`symfft-vae export`: a set in other formats."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from symfft import SymfftError
from symfft.cli.command import Command, Result
from symfft_models.cli import options


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_quiet(command)
    add = command.add_argument
    add("set", type=Path, help="file of a set, or folder of a prepared one")
    add("--parquet", type=options.folder, metavar="FOLDER", help="write a Hugging Face data set")
    add("--chgcars", type=options.folder, metavar="FOLDER", help="write CHGCARs, and report the round-trip error")
    add("--html", type=Path, metavar="FILE", help="write a sheet of slices to browse")
    add("--statistics", action="store_true", help="count and measure")
    add("--per-group", type=options.positive, default=40, help="pictures of a space group (%(default)s)")
    add("--unfinished", action="store_true", help="take what there is of a set that prepare has not finished")


def run(
    *,
    set: Path,
    parquet: Path | None,
    chgcars: Path | None,
    html: Path | None,
    statistics: bool,
    per_group: int,
    unfinished: bool,
    quiet: bool,
) -> Result:
    """Write a whole set in other formats."""
    from symfft_models.datasets import export

    if not (parquet or chgcars or html or statistics):
        raise SymfftError("say what to write: --parquet, --chgcars, --html or --statistics")
    export.require_entries(set, unfinished=unfinished)
    result: Result = {}
    if parquet:
        result["parquet"] = export.export_parquet(set, parquet)
    if chgcars:
        result["chgcars"] = export.export_chgcars(set, chgcars)
    if html:
        result["html"] = {"pictures": export.write_sheet(set, html, per_group)}
    if statistics:
        result["statistics"] = export.statistics(set)
    return result


def text(result: Result) -> str:
    """Show what was written and measured."""
    return json.dumps(result, indent=2)


EXPORT = Command(arguments, run, text)
