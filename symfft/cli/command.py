"""A subcommand (its arguments, what it does, its result as text for people), and a program made of several."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from symfft.cli import exit_codes

Result = dict[str, Any]


def code_of(result: Result) -> int:
    """Return the exit code of a result: 1 where the entry ``symmetric`` is False, else 0."""
    return exit_codes.NEGATIVE if result.get("symmetric") is False else exit_codes.DONE


@dataclass(frozen=True)
class Command:
    """One subcommand.

    Parameters
    ----------
    arguments : callable
        Adds the arguments to a parser.
    run : callable
        Takes the values of the arguments by name and returns a dictionary ready for JSON.
    text : callable
        Turns that dictionary into lines for people; an empty text is not printed.
    by_file : bool
        Whether the command takes ``files`` and :attr:`run` is called with ``file`` for each of them, going on after
        one that cannot be read.
    tells : bool
        Whether :attr:`run` also takes ``tell``, a function that prints a line for people while it works.
    code : callable
        Gives the exit code of a result.
    """

    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[..., Result]
    text: Callable[[Result], str]
    by_file: bool = False
    tells: bool = False
    code: Callable[[Result], int] = code_of


@dataclass(frozen=True)
class Program:
    """A program with subcommands, whose modules are imported only when they are called.

    Parameters
    ----------
    name : str
        As typed.
    description : str
        One sentence for its help.
    package : str
        Where the modules of the subcommands are.
    commands : mapping
        Name: (module and name of the :class:`Command`, what it does in one line).
    interrupted : str
        What to say after Ctrl-C.
    extras : mapping
        For packages that may be missing, the extra that brings them.
    verbosity : bool
        Whether every subcommand takes --quiet and --verbose.
    """

    name: str
    description: str
    package: str
    commands: Mapping[str, tuple[str, str]]
    interrupted: str = "interrupted"
    extras: Mapping[str, str] = field(default_factory=dict)
    verbosity: bool = False

    def load(self, name: str) -> Command:
        """Return a subcommand by its name."""
        module, _, attribute = self.commands[name][0].partition(":")
        command: Command = getattr(import_module(f"{self.package}.{module}"), attribute)
        return command
