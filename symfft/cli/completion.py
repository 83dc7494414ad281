"""`symfft completion`: what a shell needs to complete subcommands, options and files."""

from __future__ import annotations

import argparse

from symfft.cli.command import Command, Result

SHELLS = ("bash", "zsh", "tcsh")
#: Arguments that name files, by the names that commands give them.
FILES = ("file", "files", "first", "second", "other", "output", "reference")


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    command.add_argument("shell", choices=SHELLS, help="the shell to write for")


def run(shell: str) -> Result:
    """Return the script for a shell."""
    import shtab

    from symfft.cli.parser import build_parser

    parser = build_parser()
    for action in _actions(parser):
        if action.dest in FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    return {"shell": shell, "script": shtab.complete(parser, shell)}


def text(result: Result) -> str:
    """Return the script."""
    return str(result["script"])


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    found = []
    for action in parser._actions:
        found.append(action)
        if isinstance(action, argparse._SubParsersAction):
            for subparser in action.choices.values():
                found += _actions(subparser)
    return found


COMPLETION = Command(arguments, run, text)
