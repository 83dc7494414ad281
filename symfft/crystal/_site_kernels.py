"""Compiled orbits of the sites of a crystal, on bare arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft._compile import kernel

Array = NDArray[Any]


@kernel
def site_orbits(
    rotations: Array,
    translations: Array,
    lattice: Array,
    positions: Array,
    kinds: Array,
    limit: float,
    sizes: Array,
    exact: Array,
) -> None:
    """Find the orbits of sites, and the mean of the images of the first of each that fall on it.

    Parameters
    ----------
    rotations, translations : (g, 3, 3) int64, (g, 3) float64
        Operators.
    lattice : (3, 3) float64
        Basis vectors as rows.
    positions, kinds : (n, 3) float64, (n,) int64
        Sites, fractional, and their kinds.
    limit : float
        Squared distance below which sites coincide.
    sizes : (n,) int64
        Overwritten: how many sites the orbit has, for its first site; 0 for the others.
    exact : (n, 3) float64
        Overwritten for first sites: their means.
    """
    sizes[:] = -1
    image = np.empty(3)
    apart = np.empty(3)
    for first in range(len(positions)):
        if sizes[first] >= 0:
            continue
        size = 0
        own = 0
        exact[first] = 0.0
        for g in range(len(rotations)):
            for i in range(3):
                image[i] = translations[g, i]
                for j in range(3):
                    image[i] += rotations[g, i, j] * positions[first, j]
            for k in range(first, len(positions)):
                if kinds[k] != kinds[first] or (k != first and sizes[k] >= 0):
                    continue
                square = 0.0
                for i in range(3):
                    apart[i] = image[i] - positions[k, i]
                    apart[i] -= np.rint(apart[i])
                for i in range(3):
                    square += (apart[0] * lattice[0, i] + apart[1] * lattice[1, i] + apart[2] * lattice[2, i]) ** 2
                if square >= limit:
                    continue
                if sizes[k] < 0:
                    sizes[k] = 0
                    size += 1
                if k == first:
                    own += 1
                    for i in range(3):
                        exact[k, i] += positions[k, i] + apart[i]
        sizes[first] = size
        for i in range(3):
            exact[first, i] /= own
