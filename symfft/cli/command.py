"""A subcommand: its arguments, what it does, and its result as text for people."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Result = dict[str, Any]


@dataclass(frozen=True)
class Command:
    """One subcommand of `symfft`.

    Parameters
    ----------
    arguments : callable
        Adds the arguments to a parser; :mod:`symfft.cli.options` has those that several commands share.
    run : callable
        Takes the values of the arguments by name and returns a dictionary ready for JSON. An entry ``symmetric`` that
        is False gives exit code 1.
    text : callable
        Turns that dictionary into lines for people.
    by_file : bool
        Whether the command takes ``files`` and :attr:`run` is called with ``file`` for each of them, going on after
        one that cannot be read.
    """

    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[..., Result]
    text: Callable[[Result], str]
    by_file: bool = False
