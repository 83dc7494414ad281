"""The parser of a program; imports nothing that takes time."""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

from symfft.cli import exit_codes
from symfft.cli.command import Program
from symfft.cli.registry import PROGRAM


class Parser(argparse.ArgumentParser):
    """A parser whose errors take one line."""

    def error(self, message: str) -> NoReturn:
        """Print one line and leave with the exit code of a failure."""
        program = self.prog.split()[0]
        self.exit(exit_codes.FAILED, f"{program}: error: {' '.join(message.split())} (see {self.prog} --help)\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help or version; argparse itself ignores a full disk."""
        stream = sys.stderr if file is None else file
        if message and stream is not None:
            stream.write(message)


def build_parser(only: str | None = None, program: Program = PROGRAM) -> argparse.ArgumentParser:
    """Return the parser of a program.

    Parameters
    ----------
    only : str, optional
        The subcommand whose arguments are needed; without it, those of all subcommands are added.
    program : Program
        By default the command `symfft`.
    """
    parser = Parser(prog=program.name, description=program.description, epilog=exit_codes.SUMMARY, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"{program.name} {_version()}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, summary) in program.commands.items():
        subparser = subparsers.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=exit_codes.SUMMARY,
            allow_abbrev=False,
        )
        subparser.add_argument("--json", action="store_true", help="print one line of JSON per result instead of text")
        if program.verbosity:
            add_verbosity(subparser)
        if only in (None, name):
            program.load(name).arguments(subparser)
    return parser


def add_verbosity(parser: argparse.ArgumentParser) -> None:
    """Add how much is said on standard error."""
    parser.add_argument("-q", "--quiet", action="store_true", help="no notes and no progress, only results and errors")
    parser.add_argument(
        "-v", "--verbose", action="count", default=0, help="say what is read and written; twice: tracebacks of errors"
    )


def _version() -> str:
    from symfft import __version__

    return __version__
