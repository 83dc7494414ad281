"""Exact translations from measured ones: simple fractions or grid points where they can be, else about a real origin.

The translations t of a crystal's operators (W, t) are measured, to some uncertainty. Exact ones must form a group.

- Where all are close to multiples of 1/24, as in every setting of International Tables A, or to vectors of the grid
  that a density of the crystal is given on, they are these: sums and images of such vectors are such vectors. The same
  holds where coordinates are multiples of another fraction 1/k to ten digits.
- Any others: with s = Σ t over the operators of a primitive cell, ``g t = (1 - W) s - N`` holds for an integer N (sum
  ``t_gh = t_g + W_g t_h`` over h). So about the origin s / g all translations are multiples of 1/g, which are exact,
  and the origin alone is a real number. It is rounded to a multiple of 2⁻⁴⁰, and the operators are exact about that.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from typing import NamedTuple

import numpy as np

from symfft._array_types import FloatArray, IntArray
from symfft.crystal.operators import Exact, canonical_order, integer_rows, inverse_of, require_group
from symfft.errors import SpaceGroupError

#: Translations of all settings of International Tables A are multiples of 1/24.
PARTS = 24
#: Largest distance from such a multiple that any uncertainty excuses: less than half of one.
LARGEST_MISFIT = 0.01
#: Coordinates with all their digits are known to this.
EXACT = 1e-10
#: Largest denominator of such coordinates: a random one has a fraction as close with a probability of 1 in 300.
LARGEST_COMMON = 4096
#: Origins that are not simple fractions are multiples of this.
ORIGIN_STEP = Fraction(1, 2**40)


class ExactTranslations(NamedTuple):
    """Exact translations ``numerators / denominator + (W - 1) origin``.

    Attributes
    ----------
    numerators, denominator : (g, 3) int64, int
        Multiples of a simple fraction.
    origin : (3,) array of Fraction
        Zero where all translations are such multiples already.
    """

    numerators: IntArray
    denominator: int
    origin: Exact


def exact_translations(
    rotations: IntArray, translations: FloatArray, misfit: FloatArray, grid: Exact | None = None
) -> ExactTranslations:
    """Make the translations of a primitive cell's operators exact.

    Parameters
    ----------
    rotations, translations : (g, 3, 3) int64, (g, 3) float
        One operator for each matrix of the group; translations modulo lattice vectors.
    misfit : (g, 3) float
        Their uncertainty.
    grid : (3, 3) array of Fraction, optional
        Basis (rows) of a grid's points in the coordinates of the primitive cell.

    Raises
    ------
    SpaceGroupError
        If the translations are not those of a group.
    """
    misfit = np.minimum(misfit, LARGEST_MISFIT)
    zero = np.zeros(3, dtype=object) * Fraction(1)
    multiples = np.rint(PARTS * translations)
    if (np.abs(translations - multiples / PARTS) <= misfit).all():
        return ExactTranslations(multiples.astype(np.int64) % PARTS, PARTS, zero)
    for numerators, denominator in chain(_on_grid(translations, misfit, grid), _on_fractions(translations)):
        order = canonical_order(rotations, numerators)
        try:
            require_group(rotations[order], numerators[order], denominator)
        except SpaceGroupError:
            continue  # the grid does not carry the matrices
        return ExactTranslations(numerators, denominator, zero)
    g = len(rotations)
    s = translations.sum(axis=0)
    turned = s - rotations @ s - g * translations
    whole = np.rint(turned)
    if np.abs(turned - whole).max() > 0.25:
        raise SpaceGroupError(
            f"the measured translations are up to {np.abs(turned - whole).max() / g:.1e} off those of a group: the "
            "sites are too far from symmetric positions; use a smaller symprec"
        )
    origin = np.array([round(v / float(ORIGIN_STEP)) * ORIGIN_STEP for v in (-s / g).tolist()], dtype=object)
    return ExactTranslations(-whole.astype(np.int64) % g, g, origin)


# ---- inside ---------------------------------------------------------------------------------------------------------


def _on_grid(translations: FloatArray, misfit: FloatArray, grid: Exact | None) -> Iterator[tuple[IntArray, int]]:
    if grid is None:
        return
    steps = np.rint(translations @ inverse_of(grid).astype(np.float64)).astype(np.int64)
    if (np.abs(translations - steps @ grid.astype(np.float64)) <= misfit).all():
        denominator, rows = integer_rows(grid)
        yield steps @ np.array(rows) % denominator, denominator


def _on_fractions(translations: FloatArray) -> Iterator[tuple[IntArray, int]]:
    candidates = np.arange(1, LARGEST_COMMON + 1)[:, None]
    for t in translations:
        apart = np.abs(t - np.rint(candidates * t) / candidates)
        candidates = candidates[(apart <= EXACT).all(axis=1)]
        if not len(candidates):
            return
    yield np.rint(candidates[0] * translations).astype(np.int64) % candidates[0], int(candidates[0, 0])
