r"""The weights of a model from the equations of crystals: normal equations, summed crystal by crystal.

With unit covariance the equations of a crystal are :math:`V c = v`, and its coefficients are
:math:`c_{tn} = \sum_r s_{nr} \sum_q f_{tq} w_{rq}`: every term has few features f, for all of its radial shapes s. So
the sum of the products of the equations of the weights is, for shapes r and r',

.. math:: N_{rr'} = F^T (V_r^T V_{r'}) F', \qquad V_r = V s_r,

with a row of F for each term. Terms are some twenty times fewer than equations, so that this is some twenty times
cheaper than the products of the equations themselves; and what a crystal does not have, most degrees, costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from symfft_models._array_types import FloatArray
from symfft_models.scattering.equations import Equations
from symfft_models.scattering.model import Basis

#: Numbers that parts of crystals may hold before they are added to the normal equations, and terms that they may have.
NUMBERS, TERMS = 8_000_000, 2000


@dataclass(frozen=True, eq=False)
class Solution:
    """Distribution of the weights.

    Attributes
    ----------
    mean : (size,) float64
        Most likely weights.
    factor : (size, size) float64
        Lower Cholesky factor of the inverse of their covariance.
    evidence : float
        Logarithm of the probability of all values, but for a constant.
    """

    mean: FloatArray
    factor: FloatArray
    evidence: float


@dataclass(frozen=True, eq=False)
class Part:
    """What a crystal has of one part of the basis: features (t, q) and whitened equations (r, p, t) of its shapes."""

    features: FloatArray
    equations: FloatArray


def solve(basis: Basis, crystals: Iterable[Equations], spread: FloatArray) -> Solution:
    """Return the distribution of the weights of crystals, whose coefficients differ by N(0, spread) from what they say.

    Takes ``8 size²`` bytes, and what a few crystals need.
    """
    upper, right, squares, logs = np.zeros((basis.size, basis.size)), np.zeros(basis.size), 0.0, 0.0
    waiting: list[list[Part]] = []
    numbers = terms = 0
    for equations in crystals:
        factor = cholesky(equations.covariance(spread), lower=True)
        values = solve_triangular(factor, equations.values, lower=True)
        parts = whitened(basis, equations, factor)
        along = [(part.equations.transpose(0, 2, 1) @ values) @ part.features for part in parts]
        right += np.concatenate([part.ravel() for part in along])
        squares += float(values @ values)
        logs += 2 * float(np.log(factor.diagonal()).sum())
        waiting.append(parts)
        numbers += sum(part.equations.size for part in parts)
        terms += len(equations.atoms.terms)
        if numbers > NUMBERS or terms > TERMS:
            add_products(upper, waiting)
            waiting, numbers, terms = [], 0, 0
    if waiting:
        add_products(upper, waiting)
    upper[np.diag_indices_from(upper)] += 1
    factor = cholesky(upper.T, lower=True, overwrite_a=True, check_finite=False)
    mean = cho_solve((factor, True), right, check_finite=False)
    evidence = -0.5 * (squares - float(right @ mean) + logs + 2 * float(np.log(factor.diagonal()).sum()))
    return Solution(mean, factor, evidence)


def whitened(basis: Basis, equations: Equations, factor: FloatArray) -> list[Part]:
    """Return what a crystal has of each part of the basis; `factor` is that of the covariance of its values."""
    white = solve_triangular(factor, equations.equations.reshape(len(factor), -1), lower=True)
    white = white.reshape(equations.equations.shape)
    return [
        Part(features, np.ascontiguousarray((white[:, rows] @ shapes).transpose(2, 0, 1)))
        for rows, features, shapes in basis.parts(equations.atoms)
    ]


def add_products(upper: FloatArray, crystals: Sequence[Sequence[Part]]) -> None:
    """Add to the upper triangle of the normal equations what some crystals say."""
    starts = np.cumsum([0, *(len(part.equations) * part.features.shape[1] for part in crystals[0])])
    for first in range(len(starts) - 1):
        for second in range(first, len(starts) - 1):
            pairs = [(parts[first], parts[second]) for parts in crystals]
            pairs = [(one, other) for one, other in pairs if len(one.features) and len(other.features)]
            if pairs:
                _add_pairs(upper, int(starts[first]), int(starts[second]), pairs)


def _add_pairs(upper: FloatArray, above: int, left: int, pairs: Sequence[tuple[Part, Part]]) -> None:
    """Add the products of one part of the basis with another one, which begin at a row and a column."""
    features = np.concatenate([one.features for one, _ in pairs])
    size, width = features.shape[1], pairs[0][1].features.shape[1]
    for shape in range(len(pairs[0][0].equations)):
        start = shape if above == left else 0
        carried = np.concatenate(
            [(one.equations[shape].T @ other.equations[start:]) @ other.features for one, other in pairs], axis=1
        )
        rows = slice(above + shape * size, above + (shape + 1) * size)
        for place, product in enumerate(features.T @ carried, start):
            upper[rows, left + place * width : left + (place + 1) * width] += product
