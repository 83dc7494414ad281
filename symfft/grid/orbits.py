"""Orbits of grid points under a space group."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from symfft._immutable import frozen
from symfft._shape import Shape
from symfft.crystal.space_group import SpaceGroup
from symfft.grid._kernels import label_orbits
from symfft.grid.shape import grid_operators, operator_columns


@dataclass(frozen=True, eq=False)
class GridOrbits:
    """Orbits of all points of a periodic grid under a space group, numbered from 0. All arrays are read-only.

    Attributes
    ----------
    space_group : SpaceGroup
        The group.
    labels : (Nx, Ny, Nz) int32
        Orbit number of every grid point.
    points : (n,) int32
        Representative of each orbit, numbered in C order of the grid.
    multiplicity : (n,) int32
        Number of points in each orbit.
    """

    space_group: SpaceGroup
    labels: NDArray[np.int32]
    points: NDArray[np.int32]
    multiplicity: NDArray[np.int32]

    def __post_init__(self) -> None:
        for array in (self.labels, self.points, self.multiplicity):
            frozen(array)

    @property
    def shape(self) -> Shape:
        """Shape of the grid."""
        return cast(Shape, self.labels.shape)

    @property
    def size(self) -> int:
        """Number n of orbits."""
        return len(self.points)

    @cached_property
    def repetition_count(self) -> NDArray[np.int32]:
        """Order of the site symmetry of each orbit, (n,): group order / multiplicity."""
        return frozen((self.space_group.order // self.multiplicity).astype(np.int32))

    def under(self, space_group: SpaceGroup) -> GridOrbits:
        """Return the orbits of the same grid under another group, in C order of their first points."""
        found = find_orbits(space_group, self.shape, (0, 0, 0), self.shape)
        return GridOrbits(space_group, found.labels, found.representatives, found.multiplicity)

    def __reduce__(self) -> tuple[Callable[..., GridOrbits], tuple[object, ...]]:
        return GridOrbits, (self.space_group, self.labels, self.points, self.multiplicity)


class Orbits(NamedTuple):
    """Orbits that pass through a box, in C order of their first point in it.

    Attributes
    ----------
    labels : (N0, N1, N2) int32
        Orbit number of every point, -1 where the orbit misses the box.
    representatives : (n,) int32
        First point of every orbit in the box, numbered in C order of the grid.
    multiplicity : (n,) int32
        Sizes of the orbits.
    covered : int
        Number of grid points in all of them.
    """

    labels: NDArray[np.int32]
    representatives: NDArray[np.int32]
    multiplicity: NDArray[np.int32]
    covered: int


def orbit_count(space_group: SpaceGroup, shape: Shape) -> int:
    """Return the number of orbits of a grid, without finding them.

    It is the mean number of points that an operator leaves in place (the Cauchy-Frobenius lemma). These are the
    solutions m of ``(W - 1) m + w = 0`` modulo the shape N: none, or as many as the lattice that the columns of W - 1
    and of diag(N) span has cosets. That index is the greatest common divisor of the 3 x 3 minors of these columns.
    There are solutions where w lies in the lattice: then the divisor stays the same with w among the columns.

    Raises
    ------
    IncompatibleGridError
        If the grid does not fit the group.

    Examples
    --------
    >>> from symfft import SpaceGroup
    >>> orbit_count(SpaceGroup.from_number(225), (8, 8, 8))
    14
    """
    rotations, translations = grid_operators(space_group, shape)
    n = np.array(shape, dtype=np.int64)
    moved = (rotations - np.eye(3, dtype=np.int64)) % n[:, None]
    lattice = np.concatenate([moved, np.broadcast_to(np.diag(n), moved.shape)], axis=2)
    cosets = _divisor_of_minors(lattice)
    solvable = _divisor_of_minors(np.concatenate([lattice, translations[:, :, None]], axis=2)) == cosets
    return int(cosets[solvable].sum()) // space_group.order


def _divisor_of_minors(columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the greatest common divisor of the 3 x 3 minors of each matrix (g, 3, k)."""
    i, j, k = np.array(list(combinations(range(columns.shape[2]), 3))).T
    a, b, c = columns[:, :, i], columns[:, :, j], columns[:, :, k]
    return np.asarray(np.gcd.reduce((a * np.cross(b, c, axis=1)).sum(axis=1), axis=1))


def find_orbits(space_group: SpaceGroup, shape: Shape, origin: Shape, box: Shape) -> Orbits:
    """Label the orbits that pass through a box of the grid.

    Raises
    ------
    IncompatibleGridError
        If the grid does not fit the group.
    """
    operators = operator_columns(grid_operators(space_group, shape), shape)
    labels = np.full(math.prod(shape), -1, dtype=np.int32)
    found = np.empty((2, math.prod(box)), dtype=np.int32)
    count = label_orbits(
        operators,
        np.array(shape, dtype=np.int64),
        np.array(origin, dtype=np.int64),
        np.array(box, dtype=np.int64),
        np.empty(operators.shape[1], dtype=np.int32),
        labels,
        found,
    )
    covered = int(found[1, :count].sum())
    return Orbits(labels.reshape(shape), found[0, :count].copy(), found[1, :count].copy(), covered)
