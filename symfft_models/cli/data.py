"""`symfft-vae data`: what a set holds, and single entries of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from symfft import SymfftError
from symfft.cli.command import Command, Result
from symfft_models.cli import options


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_quiet(command)
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    source = argparse.ArgumentParser(add_help=False)
    source.add_argument("--file", dest="set_file", type=Path, help="file of a set (default: the package's)")
    info = actions.add_parser("info", parents=[source], help="count by group, prototype and split")
    export = actions.add_parser("export", parents=[source], help="write entries as CHGCARs")
    export.add_argument("ids", nargs="+", metavar="ID", help="name of an entry, such as rock-salt-NaCl")
    export.add_argument("-o", "--out", type=Path, required=True, help="file to write; a folder for several entries")
    export.add_argument("--force", action="store_true", help="replace files that exist")
    for action in (info, export):
        options.add_common_to_action(action)


def run(
    action: str,
    *,
    set_file: Path | None,
    quiet: bool,
    ids: Sequence[str] = (),
    out: Path | None = None,
    force: bool = False,
) -> Result:
    """Count what a set holds, or write some of its densities."""
    from symfft_models.datasets.contents import chosen_set, export, info

    densities = chosen_set(set_file)
    if action == "info":
        return info(densities)
    assert out is not None
    written = [out] if len(ids) == 1 else [out / f"{name}.CHGCAR" for name in ids]
    existing = [path for path in written if path.exists()]
    if existing and not force:
        raise SymfftError(f"{existing[0]} exists already; choose another name, or --force")
    try:
        return {"written": export(densities, list(ids), out)}
    except KeyError as error:
        raise SymfftError(error.args[0]) from None


def text(result: Result) -> str:
    """Return counts as a table, or the names of the files that were written."""
    from symfft_models.datasets.contents import info_text

    if "written" not in result:
        return info_text(result)
    return "\n".join(f"{row['id']}: {row['file']}" for row in result["written"])


DATA = Command(arguments, run, text)
