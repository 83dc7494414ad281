"""Formulas of compounds: reduced, and written."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from math import gcd
from string import ascii_uppercase
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def reduced(counts: Mapping[Name, int]) -> dict[Name, int]:
    """Return numbers of atoms in one formula unit: divided by their greatest common divisor.

    Examples
    --------
    >>> reduced({"Cu": 4, "Al": 2})
    {'Cu': 2, 'Al': 1}
    """
    units = gcd(*counts.values())
    return {name: count // units for name, count in counts.items()}


def written(counts: Iterable[tuple[str, int]]) -> str:
    """Write a formula in the order given; 1 is left out.

    Examples
    --------
    >>> written([("Cu", 3), ("Al", 1)])
    'Cu3Al'
    """
    return "".join(f"{name}{count if count > 1 else ''}" for name, count in counts)


def reduced_formula(counts: Mapping[str, int]) -> str:
    """Write the reduced formula, elements in alphabetical order.

    Examples
    --------
    >>> reduced_formula({"Ti": 1, "Sr": 1, "O": 3}), reduced_formula({"Cu": 4, "Al": 4})
    ('O3SrTi', 'AlCu')
    """
    return written(sorted(reduced(counts).items()))


def anonymous_formula(counts: Mapping[str, int]) -> str:
    """Write the reduced formula with letters for elements, the smallest number first.

    Examples
    --------
    >>> anonymous_formula({"Cu": 6, "Al": 2}), anonymous_formula({"Sr": 1, "Ti": 1, "O": 3})
    ('AB3', 'ABC3')
    """
    return written(zip(ascii_uppercase * 4, sorted(reduced(counts).values()), strict=False))
