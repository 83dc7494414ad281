"""The parser of the command `symfft`; imports nothing that takes time."""

from __future__ import annotations

import argparse
from typing import NoReturn

from symfft.cli import exit_codes
from symfft.cli.registry import COMMANDS, load

DESCRIPTION = "Symmetry of electron densities: look, check, symmetrize, reduce to the asymmetric unit, convert, draw."


class Parser(argparse.ArgumentParser):
    """A parser whose errors take one line."""

    def error(self, message: str) -> NoReturn:
        """Print one line and leave with the exit code of a failure."""
        self.exit(exit_codes.FAILED, f"symfft: error: {' '.join(message.split())} (see {self.prog} --help)\n")


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command.

    Parameters
    ----------
    only : str, optional
        The subcommand whose arguments are needed; without it, those of all subcommands are added.
    """
    parser = Parser(prog="symfft", description=DESCRIPTION, epilog=exit_codes.SUMMARY, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"symfft {_version()}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, summary) in COMMANDS.items():
        subparser = subparsers.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=exit_codes.SUMMARY,
            allow_abbrev=False,
        )
        subparser.add_argument("--json", action="store_true", help="print one line of JSON per result instead of text")
        if only in (None, name):
            load(name).arguments(subparser)
    return parser


def _version() -> str:
    from symfft import __version__

    return __version__
