"""How long reflections are: the shortest vector of each class, under a metric that the point group leaves unchanged.

A grid cannot tell h from h + N·Z³; of all these the shortest is meant. Lengths decide an order, in which equivalent
reflections must not part by a rounding error: |h|² is an integer times a unit, from a quadratic form that is exactly
invariant under the point group.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._array_types import IntArray
from symfft._shape import Shape
from symfft.crystal.lattice import obtuse_superbase
from symfft.crystal.operators import Exact, integer_rows, inverse_of
from symfft.crystal.space_group import SpaceGroup
from symfft.errors import ShapeError

#: A lattice may break the group by this much, relative to the lengths of its basis vectors.
LATTICE_TOLERANCE = 1e-3
#: Squared lengths in integers stay below this.
LARGEST_SQUARED_LENGTH = 2**62


class Metric(NamedTuple):
    """Lengths of reflections of a grid.

    Attributes
    ----------
    form : (3, 3) int64
        Q of ``|h|² = unit · hᵀQh``, exactly invariant under the point group.
    unit : float
        Squared length of one.
    aliases : (7, 3) int64
        The vectors of the lattice N·Z³ that bound its Wigner-Seitz cell, one of each pair.
    """

    form: IntArray
    unit: float
    aliases: IntArray

    def squared(self, hkl: IntArray) -> IntArray:
        """Return |h|² in units, (k,) int64."""
        return np.asarray((hkl @ self.form * hkl).sum(axis=1))

    def lengths(self, hkl: IntArray) -> NDArray[np.float64]:
        """Return |h|, (k,)."""
        return np.asarray(np.sqrt(self.squared(hkl) * self.unit))

    def shortest(self, hkl: IntArray) -> IntArray:
        """Return the shortest of the reflections that the grid cannot tell from each given one, itself where it is."""
        hkl = np.array(hkl)
        normals = 2 * self.aliases @ self.form
        bounds = self.squared(self.aliases)
        moving = np.arange(len(hkl))
        while len(moving):
            excess = hkl[moving] @ normals.T
            far = np.abs(excess) - bounds
            worst = far.argmax(axis=1)
            rows = np.arange(len(moving))
            outside = far[rows, worst] > 0
            moving, worst, excess = moving[outside], worst[outside], excess[rows, worst][outside]
            hkl[moving] -= np.sign(excess)[:, None] * self.aliases[worst]
        return hkl


def metric_of(space_group: SpaceGroup, shape: Shape, lattice: ArrayLike | None = None) -> Metric:
    """Return the metric of a grid's reflections.

    Parameters
    ----------
    space_group : SpaceGroup
        The group; the grid must fit it.
    shape : (3,) int
        Shape of the grid.
    lattice : (3, 3) float, optional
        Basis vectors as rows, in Å: lengths are 1/d in 1/Å. Without it the steps of the grid count as equally long
        and orthogonal (in the mean over the point group where the group says otherwise) and are the unit of length:
        in cubic axes |h|/N.

    Raises
    ------
    ShapeError
        If `lattice` is not a lattice, or the point group does not leave it unchanged.
    """
    rotations = np.unique(space_group.rotations, axis=0).astype(object)
    if lattice is None:
        direct = np.diag(np.array([Fraction(n * n) for n in shape], dtype=object))
    else:
        direct = _direct_metric(np.asarray(lattice, dtype=np.float64), space_group)
    mean = np.sum([w.T @ direct @ w for w in rotations], axis=0) / Fraction(len(rotations))
    reciprocal = inverse_of(mean)

    superbase = obtuse_superbase(integer_rows(reciprocal)[1], np.diag(shape).tolist())[:3].astype(object)
    aliases = np.array([s @ superbase for s in itertools.product((0, 1), repeat=3) if any(s)], dtype=object)
    reach = max(sum(shape), *(int(sum(abs(v))) for v in aliases))
    largest = LARGEST_SQUARED_LENGTH // (2 * reach**2)
    form, unit = _in_integers(reciprocal, rotations, largest)
    return Metric(form.astype(np.int64), unit, aliases.astype(np.int64))


def _in_integers(reciprocal: Exact, rotations: Exact, largest: int) -> tuple[Exact, float]:
    """Return an invariant form in integers up to `largest`, exact where it can be, and its unit."""
    denominator, numerators = integer_rows(reciprocal)
    divisor = math.gcd(*itertools.chain(*numerators))
    form, unit = np.array(numerators, dtype=object) // divisor, Fraction(divisor, denominator)
    if abs(form).max() <= largest:
        return form, float(unit)
    unit = abs(reciprocal).max() / (largest // (9 * len(rotations)))
    rounded = np.array([[round(v / unit) for v in row] for row in reciprocal], dtype=object)
    return np.sum([w @ rounded @ w.T for w in rotations], axis=0), float(unit / len(rotations))


def _direct_metric(lattice: NDArray[np.float64], space_group: SpaceGroup) -> Exact:
    metric = lattice @ lattice.T
    size = np.sqrt(np.diag(metric))
    if not np.isfinite(lattice).all() or abs(np.linalg.det(lattice)) <= 1e-9 * size.prod():
        raise ShapeError(f"lattice {lattice.tolist()} does not span a cell: give three basis vectors as rows, in Å")
    images = np.einsum("gki,kl,glj->gij", space_group.rotations, metric, space_group.rotations)
    breaks = np.abs((images - metric) / np.outer(size, size)).max(axis=(1, 2))
    worst = int(breaks.argmax())
    if breaks[worst] > LATTICE_TOLERANCE:
        raise ShapeError(
            f"lattice {lattice.tolist()} does not fit {space_group.symbol}: operator {space_group.triplets[worst]} "
            f"changes its lengths and angles by {breaks[worst]:.1e}, above {LATTICE_TOLERANCE:.0e}; give the basis "
            "vectors of the same cell and setting as rows"
        )
    return np.array([[Fraction(float(v)) for v in row] for row in metric], dtype=object)
