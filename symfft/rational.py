"""Exact arithmetic with small matrices of fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.errors import SpaceGroupError

Exact = NDArray[np.object_]

#: Largest denominator that a translation may have.
LARGEST_DENOMINATOR = 10_000


def simplest_fraction(value: Any, tolerance: float) -> Fraction:
    """Return the fraction with the smallest denominator within `tolerance` of `value`.

    Raises
    ------
    SpaceGroupError
        If `value` is not finite, or needs a denominator above 10,000.

    Examples
    --------
    >>> simplest_fraction(0.333334, 1e-5)
    Fraction(1, 3)
    """
    if isinstance(value, (Fraction, int)):
        return Fraction(value)
    x = float(value)
    if not math.isfinite(x):
        raise SpaceGroupError(f"translation {value!r} is not a number")
    for denominator in range(1, LARGEST_DENOMINATOR + 1):
        numerator = round(x * denominator)
        if abs(numerator - x * denominator) <= tolerance * denominator:
            return Fraction(numerator, denominator)
    raise SpaceGroupError(f"translation {x} is no fraction with a denominator up to {LARGEST_DENOMINATOR}")


def integer_rows(matrix: Exact) -> tuple[int, list[list[int]]]:
    """Return the least common denominator of a matrix of fractions, and its numerators, integers of any size."""
    denominator = math.lcm(*(Fraction(v).denominator for v in matrix.ravel().tolist()))
    return denominator, [[int(v * denominator) for v in row] for row in matrix]


def over_common_denominator(fractions: Exact) -> tuple[int, NDArray[np.int64]]:
    """Return the least common denominator of an array of fractions, and its numerators.

    Examples
    --------
    >>> over_common_denominator(np.array([Fraction(1, 2), Fraction(1, 3)]))
    (6, array([3, 2]))
    """
    denominator = math.lcm(*(Fraction(v).denominator for v in fractions.ravel().tolist()))
    return denominator, (fractions * denominator).astype(np.int64)


def inverse_of(matrix: Exact) -> Exact:
    """Invert a 3×3 matrix of fractions, by cofactors."""
    a, b, c = matrix * Fraction(1)
    adjugate = np.array([np.cross(b, c), np.cross(c, a), np.cross(a, b)], dtype=object).T
    return np.asarray(adjugate / (a @ np.cross(b, c)))
