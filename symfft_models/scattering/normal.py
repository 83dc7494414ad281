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
from scipy.linalg import cholesky, solve_triangular

from symfft_models._array_types import BoolArray, FloatArray
from symfft_models.scattering.equations import Equations
from symfft_models.scattering.model import Basis
from symfft_models.scattering.packed import PackedFactor, PackedMatrix

#: Numbers that parts of crystals may hold before they are added to the normal equations, and terms that they may have.
NUMBERS, TERMS = 8_000_000, 1000


@dataclass(frozen=True, eq=False)
class Solution:
    """Distribution of the weights.

    Attributes
    ----------
    mean : (size,) float64
        Most likely weights.
    factor : PackedFactor
        Upper Cholesky factor of the inverse of their covariance.
    evidence : float
        Logarithm of the probability of all values, but for a constant.
    """

    mean: FloatArray
    factor: PackedFactor
    evidence: float


@dataclass(frozen=True, eq=False)
class Part:
    """What a crystal has of one part of the basis.

    Attributes
    ----------
    features : (t, q) float64
        Of its terms.
    equations : (r, p, t) float64
        Whitened equations of the radial shapes.
    used : (r, q) bool
        Which features a shape has a weight for.
    """

    features: FloatArray
    equations: FloatArray
    used: BoolArray


def solve(basis: Basis, crystals: Iterable[Equations], spread: FloatArray) -> Solution:
    """Return the distribution of the weights of crystals, whose coefficients differ by N(0, spread) from what they say.

    Takes ``4 size²`` bytes, and what a few crystals need.
    """
    matrix, right, squares, logs = PackedMatrix(basis.size), np.zeros(basis.size), 0.0, 0.0
    waiting: list[Equations] = []
    numbers = terms = 0
    for equations in crystals:
        factor = cholesky(equations.covariance(spread), lower=True)
        waiting.append(whitened(equations, factor))
        values = waiting[-1].values
        squares += float(values @ values)
        logs += 2 * float(np.log(factor.diagonal()).sum())
        numbers += equations.equations.size
        terms += len(equations.atoms.terms)
        if numbers > NUMBERS or terms > TERMS:
            add_crystals(matrix, right, basis, waiting)
            waiting, numbers, terms = [], 0, 0
    add_crystals(matrix, right, basis, waiting)
    matrix.add_diagonal(1.0)
    packed = matrix.factored()
    mean = packed.solve(right)
    evidence = -0.5 * (squares - float(right @ mean) + logs + packed.log_determinant)
    return Solution(mean, packed, evidence)


def whitened(equations: Equations, factor: FloatArray) -> Equations:
    """Return equations whose values have unit covariance; `factor` is that of their covariance."""
    white = solve_triangular(factor, equations.equations.reshape(len(factor), -1), lower=True)
    values = solve_triangular(factor, equations.values, lower=True)
    return Equations(equations.atoms, white.reshape(equations.equations.shape), values)


def add_crystals(matrix: PackedMatrix, right: FloatArray, basis: Basis, crystals: Sequence[Equations]) -> None:
    """Add to both sides of the normal equations what some crystals say, whose values have unit covariance."""
    if crystals:
        found = parts_of(basis, crystals)
        for parts, equations in zip(found, crystals, strict=True):
            along = [(part.equations.transpose(0, 2, 1) @ equations.values) @ part.features for part in parts]
            right += np.concatenate([one[part.used] for one, part in zip(along, parts, strict=True)])
        add_products(matrix, found)


def parts_of(basis: Basis, crystals: Sequence[Equations]) -> list[list[Part]]:
    """Return what each of some crystals has of each part of the basis."""
    found: list[list[Part]] = [[] for _ in crystals]
    for rows, features, shapes, used in basis.parts([equations.atoms for equations in crystals]):
        for parts, equations, own, described in zip(found, crystals, rows, features, strict=True):
            shaped = (equations.equations[:, own] @ shapes).transpose(2, 0, 1)
            parts.append(Part(described, np.ascontiguousarray(shaped), used))
    return found


def add_products(matrix: PackedMatrix, crystals: Sequence[Sequence[Part]]) -> None:
    """Add to the normal equations what some crystals say."""
    starts = np.cumsum([0, *(np.count_nonzero(part.used) for part in crystals[0])])
    for first in range(len(starts) - 1):
        for second in range(first, len(starts) - 1):
            pairs = [(parts[first], parts[second]) for parts in crystals]
            pairs = [(one, other) for one, other in pairs if len(one.features) and len(other.features)]
            if pairs:
                _add_pairs(matrix, int(starts[first]), int(starts[second]), pairs)


def _add_pairs(matrix: PackedMatrix, above: int, left: int, pairs: Sequence[tuple[Part, Part]]) -> None:
    """Add the products of one part of the basis with another one, which begin at a row and a column."""
    used, others = pairs[0][0].used, pairs[0][1].used
    rows, columns = (np.cumsum([0, *np.count_nonzero(part, axis=1)]) for part in (used, others))
    features = np.concatenate([one.features for one, _ in pairs])
    for shape in range(len(used)):
        first = shape if above == left else 0
        carried = np.concatenate(
            [(one.equations[shape].T @ other.equations[first:]) @ other.features for one, other in pairs], axis=1
        )
        own = features[:, used[shape]].T
        for other in range(first, len(others)):
            product = own @ carried[other - first][:, others[other]]
            matrix.add(above + int(rows[shape]), left + int(columns[other]), product)
