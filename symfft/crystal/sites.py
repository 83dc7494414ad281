"""All operators of a crystal, straight from its sites, where nothing lies near the tolerance.

A crystal maps onto itself by an isometry W of its lattice and a translation that takes one site to another of its kind.
Where every distance is far below or far above the tolerance, so that no way of searching could find another group, and
all translations are simple fractions, the operators are exact and complete. Everything else is left to spglib.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft.crystal._site_kernels import match_sites
from symfft.crystal.lattice import METRIC_STEPS, Integers, near_isometries, obtuse_superbase
from symfft.crystal.operators import row_basis

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Distances count as clear below a tenth and above ten times the tolerance.
CLEARLY = 10.0
#: Translations are multiples of 1/24.
PARTS = 24


class SiteOperators(NamedTuple):
    """The space group of a crystal in a primitive cell.

    Attributes
    ----------
    rows : (g, 12) int64
        W and 24 w of each operator, in lexicographic order.
    denominator, basis : int, 3 × 3 int
        The primitive cell's basis vectors, as rows of basis / denominator in those of the crystal's own cell.
    left_handed : bool
        Whether they are, so that a screw turns the other way than its operator seems to say.
    """

    rows: IntArray
    denominator: int
    basis: Integers
    left_handed: bool


def site_operators(
    lattice: FloatArray, positions: FloatArray, numbers: NDArray[np.intc], symprec: float
) -> SiteOperators | None:
    """Find the operators of a crystal; None where the tolerance decides, or translations are no multiples of 1/24."""
    near, far = symprec / CLEARLY, symprec * CLEARLY
    _, kinds, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    kinds = kinds.astype(np.int64)
    pivots = np.flatnonzero(kinds == counts.argmin())
    translations = _matches(lattice, positions, kinds, pivots, np.eye(3, dtype=np.int64)[None], near, far)
    if translations is None:
        return None
    copies = len(translations)
    denominator, basis = 1, np.eye(3, dtype=np.int64).tolist()
    if copies > 1:
        steps = np.rint(copies * translations[:, 1:])
        if not _close(translations[:, 1:], steps / copies, lattice, near):
            return None
        shifts = sorted((steps.astype(np.int64) % copies).tolist())
        denominator, basis = copies, row_basis([*(copies * np.eye(3, dtype=np.int64)).tolist(), *shifts])
        cell = np.array(basis) / denominator
        lattice, positions = cell @ lattice, positions @ np.linalg.inv(cell)
        apart = positions[:, None, :] - positions[None, :, :]
        same = np.linalg.norm((apart - np.rint(apart)) @ lattice, axis=2) <= near
        first = same.argmax(axis=1) == np.arange(len(same))
        positions, kinds = positions[first], kinds[first]
        pivots = np.flatnonzero(kinds == counts.argmin())
    rotations = _clear_isometries(lattice, near, far)
    if rotations is None:
        return None
    found = _matches(lattice, positions, kinds, pivots, rotations, near, far)
    if found is None:
        return None
    steps = np.rint(PARTS * found[:, 1:])
    if not _close(found[:, 1:], steps / PARTS, lattice, 3 * near):
        return None
    w = rotations[found[:, 0].astype(np.int64)].reshape(-1, 9)
    rows = np.concatenate([w, steps.astype(np.int64) % PARTS], axis=1)
    return SiteOperators(rows[np.lexsort(rows.T[::-1])], denominator, basis, bool(np.linalg.det(lattice) < 0))


def _matches(
    lattice: FloatArray,
    positions: FloatArray,
    kinds: IntArray,
    pivots: IntArray,
    rotations: IntArray,
    near: float,
    far: float,
) -> FloatArray | None:
    out = np.empty((len(rotations) * len(pivots), 4))
    arrays = (np.ascontiguousarray(lattice), np.ascontiguousarray(positions), kinds, pivots, rotations)
    count = match_sites(*arrays, near**2, far**2, out)
    return None if count < 0 else out[:count]


def _close(values: FloatArray, steps: FloatArray, lattice: FloatArray, tolerance: float) -> bool:
    return bool((np.linalg.norm((values - steps) @ lattice, axis=1) <= tolerance).all())


def _clear_isometries(lattice: FloatArray, near: float, far: float) -> IntArray | None:
    """Return all integer matrices W, for columns of coordinates, that keep lengths and angles of the lattice."""
    metric = lattice @ lattice.T
    form = np.rint(metric * (METRIC_STEPS / np.abs(metric).max())).astype(np.int64).tolist()
    basis = obtuse_superbase(form, np.eye(3, dtype=np.int64).tolist())[:3].astype(np.float64)
    reduced = basis @ metric @ basis.T
    size = np.sqrt(np.diag(reduced))
    # a product of two vectors changes by this when one of them moves by a unit of length
    change = np.maximum.outer(size, size) * (1 + np.eye(3))
    rows = near_isometries(reduced, near * change)
    if len(rows) != len(near_isometries(reduced, far * change)):
        return None
    # the rows of `rows` say where the reduced basis vectors go; coordinates are turned by the transpose
    turned = np.linalg.inv(basis) @ rows @ basis
    return np.ascontiguousarray(np.rint(turned).astype(np.int64).transpose(0, 2, 1))
