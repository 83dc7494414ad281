"""A cell whose edges lie along two-fold axes, for groups that are given in another one: primitive cells above all.

With basis vectors ``B`` (columns, integer in the given cell) a point is ``x = B x'`` and a reflection ``h' = Bᵀ h``.
The grid of the given cell is part of a finer one in the other; what is not on it counts as zero. Then
``F'(h') = |det B| F(h)``, and reflections h' that differ by a multiple of the given grid are the same.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import IntArray
from symfft._shape import Shape, as_shape
from symfft.crystal.operators import change_basis
from symfft.crystal.space_group import SpaceGroup
from symfft.errors import ShapeError
from symfft.fourier.engines.blocks.codes import Folding, find_folding
from symfft.fourier.reflections import Reflections, find_reflections

if TYPE_CHECKING:
    from symfft.grid.orbits import GridOrbits


class Cell(NamedTuple):
    """The grid on which blocks are formed.

    Attributes
    ----------
    shape : tuple of int
        Of that grid.
    volume : int
        |det B|, its volume in given cells.
    basis : (3, 3) int
        B.
    au : GridOrbits
        Of the given cell.
    """

    shape: Shape
    volume: int
    basis: IntArray
    au: GridOrbits

    @property
    def is_given(self) -> bool:
        """Whether it is the given cell itself."""
        return bool(np.array_equal(self.basis, np.eye(3)))

    def entries(self, folding: Folding, points: IntArray) -> IntArray:
        """Return the entries of the asymmetric unit whose sums and differences are the folds at some points (k, 3).

        One for each coset of D, (cosets, k); the size of the asymmetric unit where the given grid has no such point.
        """
        along = [
            (sign[:, None] * np.arange(points[:, axis].max() + 1) + half[:, None] * (n // 2) + folding.origin[axis]) % n
            for axis, (n, half, sign) in enumerate(
                zip(self.shape, folding.cosets[:, :3].T, 1 - 2 * folding.cosets[:, 3:].T, strict=True)
            )
        ]
        if self.is_given:
            x, y, z = (
                a * stride for a, stride in zip(along, (self.shape[1] * self.shape[2], self.shape[2], 1), strict=True)
            )
            return np.asarray(self.au.labels.reshape(-1)[x[:, points[:, 0]] + y[:, points[:, 1]] + z[:, points[:, 2]]])
        index = np.stack([a[:, points[:, axis]] for axis, a in enumerate(along)], axis=-1)
        given, common = np.array(self.au.shape), math.lcm(*self.shape)
        scaled = (index * (common // np.array(self.shape))) @ self.basis.T * given
        on_grid = (scaled % common == 0).all(axis=-1)
        at = tuple(np.moveaxis(scaled // common % given, -1, 0))
        return np.where(on_grid, self.au.labels[at], self.au.size)

    def find_reflections(self, candidates: IntArray) -> Reflections:
        """Return the classes of reflections of the given grid, met by candidates in this cell."""
        return find_reflections(self.au.space_group, self.au.shape, self.in_given_cell(candidates))

    def in_given_cell(self, hkl: IntArray) -> IntArray:
        """Return ``h = B⁻ᵀ h'``; all reflections that the centring of this cell allows are integer there."""
        return hkl if self.is_given else np.rint(hkl @ np.linalg.inv(self.basis)).astype(np.int64)


def find_cell(au: GridOrbits) -> tuple[Cell, Folding] | None:
    """Return a cell in which the blocks of a group can be formed, the given one if possible, and the blocks."""
    group, shape = au.space_group, au.shape
    folding = find_folding(group, shape)
    if folding is not None:
        return Cell(shape, 1, np.eye(3, dtype=np.int64), au), folding
    basis = two_fold_basis(group)
    if basis is None:
        return None
    inverse = np.linalg.inv(basis)
    try:
        finer = as_shape([_common_denominator(row / np.array(shape)) for row in inverse])
    except ShapeError:  # more points than are indexed
        return None
    folding = find_folding(change_cell(group, basis), finer)
    if folding is None:
        return None
    return Cell(finer, abs(round(np.linalg.det(basis))), basis, au), folding


def two_fold_basis(group: SpaceGroup) -> IntArray | None:
    """Return directions (columns) of three two-fold axes at right angles, those under which most matrices only permute
    the axes; None where the Laue class has no such axes.
    """
    rotations = np.unique(group.rotations.reshape(-1, 9), axis=0).reshape(-1, 3, 3)
    proper = np.unique((rotations * _determinants(rotations)[:, None, None]).reshape(-1, 9), axis=0).reshape(-1, 3, 3)
    identity = np.eye(3, dtype=np.int64)
    two_folds = [w for w in proper if np.array_equal(w @ w, identity) and not np.array_equal(w, identity)]
    best: tuple[int, IntArray] | None = None
    for a, b, c in combinations(two_folds, 3):
        if not np.array_equal(a @ b, c) or not np.array_equal(b @ a, c):
            continue
        basis = np.stack([_axis(w) for w in (a, b, c)], axis=1)
        moved = np.rint(np.linalg.inv(basis) @ proper @ basis)
        monomial = int(((np.abs(moved).sum(axis=1) == 1).all(axis=1) & (np.abs(moved).max(axis=(1, 2)) == 1)).sum())
        if best is None or monomial > best[0]:
            best = monomial, basis
    return None if best is None else best[1]


def change_cell(group: SpaceGroup, basis: IntArray) -> SpaceGroup:
    """Return a group in the cell with basis vectors B (columns): ``B⁻¹ W B`` and ``B⁻¹ w``, translations joined in."""
    operators = group.rotations, group.numerators, group.denominator
    moved = change_basis(*operators, basis.astype(object), np.zeros(3, dtype=object))
    return SpaceGroup(*moved, number=group.number, symbol=group.symbol)


def _axis(two_fold: IntArray) -> IntArray:
    """Return the shortest integer vector along a two-fold axis: a column of 1 + W."""
    columns = (two_fold + np.eye(3, dtype=np.int64)).T
    column = next(c for c in columns if c.any())
    return np.asarray(column // np.gcd.reduce(column))


def _determinants(rotations: IntArray) -> IntArray:
    return np.asarray(np.rint(np.linalg.det(rotations)), dtype=np.int64)


def _common_denominator(row: NDArray[np.float64]) -> int:
    """Return the smallest n that makes all of row · n integer."""
    from fractions import Fraction

    return math.lcm(*(Fraction(float(v)).limit_denominator(100_000).denominator for v in row))
