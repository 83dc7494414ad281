"""Compiled comparison of the sites of a crystal with their images, on bare arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft._compile import kernel

Array = NDArray[Any]


@kernel
def nearest(x: Any, y: Any, z: Any, lattice: Array, positions: Array, kinds: Array, kind: Any, besides: Any) -> float:
    """Return the squared distance of a point from the nearest site of a kind (of any where it is negative)."""
    least = np.inf
    for k in range(len(positions)):
        if (kind >= 0 and kinds[k] != kind) or k == besides:
            continue
        u = x - positions[k, 0]
        v = y - positions[k, 1]
        w = z - positions[k, 2]
        u -= np.rint(u)
        v -= np.rint(v)
        w -= np.rint(w)
        square = 0.0
        for i in range(3):
            square += (u * lattice[0, i] + v * lattice[1, i] + w * lattice[2, i]) ** 2
        least = min(least, square)
    return least


@kernel
def match_sites(
    lattice: Array, positions: Array, kinds: Array, pivots: Array, rotations: Array, near: float, far: float, out: Array
) -> int:
    """Find all (W, t) that take every site to a site of its kind.

    Parameters
    ----------
    lattice : (3, 3) float64
        Basis vectors as rows.
    positions, kinds : (n, 3) float64, (n,) int64
        Sites, fractional, and their kinds, 0 or more.
    pivots : (p,) int64
        All sites of one kind; t takes the first of them to each.
    rotations : (k, 3, 3) int64
        Candidates for W.
    near, far : float
        Squared distances up to which sites coincide, and above which they do not.
    out : (k p, 4) float64
        Overwritten: number of W, and t.

    Returns
    -------
    int
        How many there are; -1 where a distance between `near` and `far` leaves it open, or two sites are that close.
    """
    n = len(positions)
    for k in range(n):
        x, y, z = positions[k]
        if nearest(x, y, z, lattice, positions, kinds, -1, k) <= far:
            return -1
    count = 0
    first = positions[pivots[0]]
    for g in range(len(rotations)):
        w = rotations[g]
        for pivot in pivots:
            t0 = positions[pivot, 0] - (w[0, 0] * first[0] + w[0, 1] * first[1] + w[0, 2] * first[2])
            t1 = positions[pivot, 1] - (w[1, 0] * first[0] + w[1, 1] * first[1] + w[1, 2] * first[2])
            t2 = positions[pivot, 2] - (w[2, 0] * first[0] + w[2, 1] * first[1] + w[2, 2] * first[2])
            largest = 0.0
            for k in range(n):
                x, y, z = positions[k]
                square = nearest(
                    w[0, 0] * x + w[0, 1] * y + w[0, 2] * z + t0,
                    w[1, 0] * x + w[1, 1] * y + w[1, 2] * z + t1,
                    w[2, 0] * x + w[2, 1] * y + w[2, 2] * z + t2,
                    lattice,
                    positions,
                    kinds,
                    kinds[k],
                    -1,
                )
                largest = max(largest, square)
                if largest > far:
                    break
            if largest > far:
                continue
            if largest > near:
                return -1
            out[count, 0] = g
            out[count, 1] = t0
            out[count, 2] = t1
            out[count, 3] = t2
            count += 1
    return count


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
