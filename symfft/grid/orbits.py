"""Orbits of grid points under a space group."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft.crystal.space_group import SpaceGroup
from symfft.grid._kernels import label_orbits
from symfft.grid.shape import Shape, grid_operators


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


def find_orbits(space_group: SpaceGroup, shape: Shape, origin: Shape, box: Shape) -> Orbits:
    """Label the orbits that pass through a box of the grid.

    Raises
    ------
    IncompatibleGridError
        If the grid does not fit the group.
    """
    rotations, translations = grid_operators(space_group, shape)
    n = np.array(shape, dtype=np.int64)
    rows = np.concatenate([(rotations % n[:, None]).reshape(-1, 9).T, translations.T])
    labels = np.empty(math.prod(shape), dtype=np.int32)
    found = np.empty((2, math.prod(box)), dtype=np.int32)
    count, covered = label_orbits(
        np.ascontiguousarray(rows.astype(np.int32)),
        n,
        np.array(origin, dtype=np.int64),
        np.array(box, dtype=np.int64),
        labels,
        found,
    )
    return Orbits(labels.reshape(shape), found[0, :count].copy(), found[1, :count].copy(), int(covered))
