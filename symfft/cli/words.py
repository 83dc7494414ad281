"""Phrases that the texts of several subcommands share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from symfft.cli.command import Result

UNITS = {"charge": " e/Å³", "potential": " eV", "elf": "", "kinetic_energy": " eV/Å³", "other": ""}


def content(result: Result) -> str:
    """Return composition and grid."""
    return f"{result['formula'] or 'no atoms'}, grid {shape(result['shape'])}"


def group(group: Result) -> str:
    """Return symbol, number and order of a space group."""
    return f"{group['symbol']} (number {group['number']}), {count(group['order'], 'operator')}"


def verdict(symmetric: bool, largest: float, tolerance: float) -> str:
    """Return whether a residual is within a tolerance, in words."""
    answer = "symmetric" if symmetric else "NOT symmetric"
    return f"{answer} within {tolerance:g} (largest residual {largest:.1e})"


def next_grid(shape_: Sequence[int], wanted: Sequence[int] | None) -> str:
    """Return which grid fits a group that this one does not fit."""
    if wanted is None:
        return "no grid does, as the origin of the group lies between grid points"
    times = math.prod(wanted) / math.prod(shape_)
    return f"the next grid that does is {shape(wanted)}" + (f", {times:.0f} times the points" if times >= 2 else "")


def total(result: Result) -> list[str]:
    """Return a line for the electrons of a charge density."""
    return [] if result["electrons"] is None else [f"  electrons {result['electrons']:.6f}"]


def notes(result: Result) -> list[str]:
    """Return a line for every note."""
    return [f"  note: {note}" for note in result["notes"]]


def shape(shape: Iterable[int]) -> str:
    """Return the numbers of grid points."""
    return " × ".join(map(str, shape))


def spacing(steps: Iterable[float]) -> str:
    """Return grid spacings."""
    return " × ".join(f"{step:.3f}" for step in steps)


def count(number: int, thing: str) -> str:
    """Return a number with its noun."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
