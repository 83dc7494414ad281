"""`symfft-vae prepare`: from anybody's density files to packed shards."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from symfft import SymfftError
from symfft.cli.command import Command, Result
from symfft.cli.options import symprec as displacement
from symfft_models.cli import options
from symfft_models.datasets.prepare.ledger import LedgerReader
from symfft_models.datasets.prepare.preparation import BATCH, LEDGER, part_folder, prepare
from symfft_models.datasets.prepare.sources import PATTERNS
from symfft_models.datasets.prepare.standardize import Options


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_quiet(command)
    default = Options()
    add = command.add_argument
    add("inputs", nargs="*", metavar="INPUT", help="file, folder, glob, or @FILE with one path a line")
    add(
        "-o",
        "--out",
        type=options.folder,
        required=True,
        help="folder for the set; the same command again goes on with it",
    )
    add("--match", action="append", metavar="GLOB", help=f"names to take from folders (default: {', '.join(PATTERNS)})")
    add(
        "--group",
        type=options.space_group,
        action="append",
        default=[],
        metavar="N",
        help="space group to take; repeatable",
    )
    add(
        "--mode", choices=("grid", "spacing"), default=default.mode, help="one grid a group, or each file's own spacing"
    )
    add(
        "--grid",
        type=_grid,
        action="append",
        default=[],
        metavar="[GROUP=]N",
        help="points along each axis (default: 221=36, 225=56, 227=64, all others 56)",
    )
    add(
        "--symprec",
        type=displacement,
        default=default.symprec,
        help="displacement of a symmetric atom, Å (%(default)g)",
    )
    add(
        "--symmetry-tolerance",
        type=options.number_from_zero,
        default=default.symmetry_tolerance,
        help="of the peak (%(default)g)",
    )
    add(
        "--electron-tolerance",
        type=options.number_from_zero,
        default=default.electron_tolerance,
        help="electrons per cell (%(default)g)",
    )
    add(
        "--negative-tolerance",
        type=options.number_from_zero,
        default=default.negative_tolerance,
        help="of the electrons (%(default)g)",
    )
    add("--valence", type=_valence, action="append", default=[], metavar="EL=N", help="known valence; repeatable")
    add("--max-points", type=options.positive, default=default.max_points, help="largest grid (%(default)s)")
    add("--jobs", type=options.positive, default=1, help="processes (%(default)s)")
    add("--shard", type=_part, default=(0, 1), metavar="I/N", help="take part I of N, for batch queues")
    add("--scheduler", metavar="ADDRESS", help="use the workers of a Dask cluster")
    add("--timeout", type=options.positive_number, default=600.0, help="seconds for a file (%(default)g)")
    add(
        "--memory-gb",
        type=options.number_from_zero,
        default=8.0,
        help="address space of a process; 0 for no limit (%(default)g)",
    )
    add("--batch", type=options.positive, default=BATCH, help="files after which a shard is written (%(default)s)")
    add("--ledger", action="store_true", help="read nothing, print what was refused and why, one JSON object per line")


def run(
    *,
    inputs: Sequence[str],
    out: Path,
    shard: tuple[int, int],
    ledger: bool,
    jobs: int,
    scheduler: str | None,
    timeout: float,
    memory_gb: float,
    match: Sequence[str] | None,
    batch: int,
    quiet: bool,
    **chosen: Any,
) -> Result:
    """Prepare a collection of density files; with `ledger`, list the refusals."""
    if ledger:
        return {"refusals": list(_refusals(part_folder(out, shard) / LEDGER))}
    if not inputs:
        raise SymfftError("no input: give files, folders, globs or @LIST")
    return prepare(
        inputs,
        out,
        options_of(**chosen),
        jobs=jobs,
        part=shard,
        scheduler=scheduler,
        timeout=timeout,
        memory=int(memory_gb * 2**30) or None,
        patterns=match or PATTERNS,
        batch=batch,
        progress=not quiet and sys.stderr.isatty(),
    )


def options_of(
    *, group: Sequence[int], grid: Sequence[tuple[int, int]], valence: Sequence[tuple[str, int]], **others: Any
) -> Options:
    """Return what the arguments say about the set."""
    default = {} if any(number == 0 for number, _ in grid) else dict(Options().grid)
    return Options(
        groups=tuple(sorted(set(group))),
        grid=tuple(sorted((default | dict(grid)).items())),
        valence=tuple(sorted(valence)),
        **others,
    )


def text(summary: Result) -> str:
    """Format a summary, or refusals, for a person."""
    if "refusals" in summary:
        return "\n".join(json.dumps(refusal) for refusal in summary["refusals"])
    groups = ", ".join(f"{group}: {count}" for group, count in summary["by_space_group"].items())
    lines = [f"{summary['stored']} of {summary['files']} files stored in {summary['shards']} shards; {groups}"]
    lines += [f"{count:8d} refused: {reason}" for reason, count in summary["refused"].items()]
    return "\n".join([*lines, f"largest asymmetric unit: {summary['largest_au']} points"])


def _refusals(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        raise FileNotFoundError(f"no ledger at {path}")
    with LedgerReader(path) as ledger:
        yield from ledger.refusals()


def _grid(text: str) -> tuple[int, int]:
    group, _, points = text.rpartition("=")
    if not points.isdigit() or int(points) < 1 or (group and not group.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of points, nor GROUP=POINTS")
    return int(group or 0), int(points)


def _valence(text: str) -> tuple[str, int]:
    symbol, _, electrons = text.partition("=")
    if not electrons.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not ELEMENT=ELECTRONS, such as Si=4")
    return symbol, int(electrons)


def _part(text: str) -> tuple[int, int]:
    index, _, parts = text.partition("/")
    if not (index.isdigit() and parts.isdigit() and 1 <= int(index) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N with I from 1 to N")
    return int(index) - 1, int(parts)


PREPARE = Command(arguments, run, text)
