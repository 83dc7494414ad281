"""Compiled loops over the frequencies of Wigner-Seitz cells, on bare arrays.

A cell is convex, so that its points on a line along the third axis are one interval. With a rational cell matrix
T = rows / denominator, every denominator-th of them, if any, has an integer image T h.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symfft._array_types import Array
from symfft._compile import kernel


@kernel
def interval(normals: Array, bounds: Array, reach: Any, h1: Any, h2: Any) -> Any:
    """Return the first and the last h3 in -reach … reach with |normals · (h1, h2, h3)| <= bounds.

    The first is larger where none is.
    """
    low: Any = -reach
    high: Any = reach
    for f in range(len(bounds)):
        slope = normals[f, 2]
        s = normals[f, 0] * h1 + normals[f, 1] * h2
        if slope < 0:
            slope = -slope
            s = -s
        # divisions take most of the time, and few faces cut
        if s - slope * reach > bounds[f] or s + slope * reach < -bounds[f]:
            return 1, 0
        if s + slope * low < -bounds[f]:
            low = -((bounds[f] + s) // slope)
        if s + slope * high > bounds[f]:
            high = (bounds[f] - s) // slope
    return low, high


@kernel
def count_members(
    normals: Array,
    bounds: Array,
    reach: Array,
    rows: Array,
    denominator: Any,
    border_only: bool,
    shape: Array,
    members: Array,
) -> None:
    """Add to each class of the half grid the number of its members h in the cell with an integer image.

    Parameters
    ----------
    normals, bounds : (f, 3), (f,) int64
        The cell.
    reach : (3,) int64
        Largest h1, h2 and h3 to look at.
    rows, denominator : (3, 3) int64, int
        T times its denominator, and that.
    border_only : bool
        Whether to leave out points in the inside of the cell, each the only member of its class; for integer T.
    shape : (3,) int64
        Grid.
    members : (N1, N2, N3 // 2 + 1) int16
        Added to.
    """
    n1, n2, n3 = shape
    half = members.shape[2]
    # of h and -h one is visited
    for h1 in range(reach[0] + 1):
        for h2 in range(0 if h1 == 0 else -reach[1], reach[1] + 1):
            low, high = interval(normals, bounds, reach[2], h1, h2)
            on_axis = h1 == 0 and h2 == 0
            if on_axis:
                low = 0
            line, mirror = members[h1 % n1, h2 % n2], members[-h1 % n1, -h2 % n2]
            slanted: Any = border_only and low < high
            for f in range(len(bounds)):
                if normals[f, 2] == 0 and abs(normals[f, 0] * h1 + normals[f, 1] * h2) == bounds[f]:
                    slanted = False
            # faces that are all slanted can only meet the line at its ends
            stride = high - low if slanted else denominator
            for start in range(low, min(low + denominator, high + 1)):
                integer: Any = True
                for i in range(3):
                    integer &= (rows[i, 0] * h1 + rows[i, 1] * h2 + rows[i, 2] * start) % denominator == 0
                if not integer:
                    continue
                for h3 in range(start, high + 1, stride):
                    k3 = h3 % n3
                    if k3 < half:
                        line[k3] += 1
                    opposite = -h3 % n3
                    if opposite < half and (h3 != 0 or not on_axis):
                        mirror[opposite] += 1


@kernel
def place_of(places: Array, shape: Array, g1: Any, g2: Any, g3: Any) -> Any:
    """Return the place of a class in a list, or in the half grid where there is none; -1 where it has no place."""
    if len(places):
        return np.int64(places[g1, g2, g3])
    half = shape[2] // 2 + 1
    return (g1 * shape[1] + g2) * half + g3 if g3 < half else np.int64(-1)


@kernel
def move_coefficients(
    coefficients: Array,
    members: Array,
    normals: Array,
    bounds: Array,
    reach: Array,
    rows: Array,
    denominator: Any,
    old_shape: Array,
    new_shape: Array,
    phase1: Array,
    phase2: Array,
    phase3: Array,
    places: Array,
    moved: Array,
) -> None:
    """Add the coefficients of all h in a cell, with their phases, to the classes of T h on the new grid.

    Parameters
    ----------
    coefficients : (N1, K2, K3) complex
        Of the classes of the old half grid, shared equally by their members; along the second and third axis perhaps
        only those up to `reach`.
    members : (N1, N2, N3 // 2 + 1) int16
        Numbers of members; 0 means one, too.
    normals, bounds, reach, rows, denominator
        As in :func:`count_members`.
    old_shape, new_shape : (3,) int64
        Grids.
    phase1, phase2, phase3 : (2 reach + 1,) complex128
        Factors of h1, h2 and h3 = -reach … reach.
    places : (M1, M2, M3) int32
        Place of every class in the result, -1 where it is not wanted; empty for all of the half grid.
    moved : (n,) complex
        Added to; (M1, M2, M3 // 2 + 1) in C order, where all is wanted.
    """
    n1, n2, n3 = old_shape
    m1, m2, m3 = new_shape
    k2 = coefficients.shape[1]
    half = n3 // 2 + 1
    step = denominator % n3
    step1 = rows[0, 2] % m1
    step2 = rows[1, 2] % m2
    step3 = rows[2, 2] % m3
    # of h and -h, whose coefficients are conjugate, one is visited
    for h1 in range(reach[0] + 1):
        for h2 in range(0 if h1 == 0 else -reach[1], reach[1] + 1):
            low, high = interval(normals, bounds, reach[2], h1, h2)
            if h1 == 0 and h2 == 0:
                low = 0
            line, mirror = coefficients[h1 % n1, h2 % k2], coefficients[-h1 % n1, -h2 % k2]
            members_line, members_mirror = members[h1 % n1, h2 % n2], members[-h1 % n1, -h2 % n2]
            factor = phase1[h1 + reach[0]] * phase2[h2 + reach[1]]
            for start in range(low, min(low + denominator, high + 1)):
                g1: Any = rows[0, 0] * h1 + rows[0, 1] * h2 + rows[0, 2] * start
                g2: Any = rows[1, 0] * h1 + rows[1, 1] * h2 + rows[1, 2] * start
                g3: Any = rows[2, 0] * h1 + rows[2, 1] * h2 + rows[2, 2] * start
                if g1 % denominator != 0 or g2 % denominator != 0 or g3 % denominator != 0:
                    continue
                g1 = g1 // denominator % m1
                g2 = g2 // denominator % m2
                g3 = g3 // denominator % m3
                k3 = start % n3
                for h3 in range(start, high + 1, denominator):
                    one = place_of(places, new_shape, g1, g2, g3)
                    other = place_of(
                        places, new_shape, m1 - g1 if g1 else 0, m2 - g2 if g2 else 0, m3 - g3 if g3 else 0
                    )
                    if one >= 0 or other >= 0:
                        if k3 < half:
                            c = line[k3]
                            count = members_line[k3]
                        else:
                            c = np.conj(mirror[n3 - k3])
                            count = members_mirror[n3 - k3]
                        # a division of complex numbers, even one that is not taken, would double the time
                        c = c * (factor * phase3[h3 + reach[2]] * (1.0 / max(count, 1)))
                        if one >= 0:
                            moved[one] += c
                        if other >= 0 and (h1 != 0 or h2 != 0 or h3 != 0):
                            moved[other] += np.conj(c)
                    k3 += step
                    k3 -= n3 if k3 >= n3 else 0
                    g1 += step1
                    g2 += step2
                    g3 += step3
                    g1 -= m1 if g1 >= m1 else 0
                    g2 -= m2 if g2 >= m2 else 0
                    g3 -= m3 if g3 >= m3 else 0


@kernel
def take_nodes(rho: Array, points: Array, steps: Array, first: Array, out: Array) -> None:
    """Write ``out[b, n] = rho[b, points[n] steps + first]``, indices modulo the grid.

    Parameters
    ----------
    rho : (b, N1, N2, N3) float
        Densities.
    points : (n, 3) int64
        Indices.
    steps, first : (3, 3), (3,) int64
        Where they lie on the grid.
    out : (b, n) float
        Overwritten.
    """
    _, n1, n2, n3 = rho.shape
    for p in range(len(points)):
        x, y, z = points[p]
        i = (x * steps[0, 0] + y * steps[1, 0] + z * steps[2, 0] + first[0]) % n1
        j = (x * steps[0, 1] + y * steps[1, 1] + z * steps[2, 1] + first[1]) % n2
        k = (x * steps[0, 2] + y * steps[1, 2] + z * steps[2, 2] + first[2]) % n3
        for b in range(len(rho)):
            out[b, p] = rho[b, i, j, k]
