"""Coordinates with the unique axis last: X = (x0, x1, z), m = B X.

The unique axis of a group is a row e with ``e W = ±e`` for all operators: every one of them maps the plane z = e·m onto
the plane ±z + w,

    (x, z)  ->  (R x + v z + u,  ε z + w),        ε = ±1.

For trigonal, tetragonal and monoclinic groups e is an axis of the cell, for rhombohedral axes (1, 1, 1), for primitive
cells some other small vector. The reflection h becomes H = Bᵀh, since h·m = H·X.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from symfft._array_types import IntArray
from symfft.grid.shape import grid_operators

if TYPE_CHECKING:
    from symfft.grid.orbits import GridOrbits


class Frame(NamedTuple):
    """Operators in coordinates with the unique axis last, in grid units; g operators."""

    #: (n0, n1, n2)
    shape: tuple[int, int, int]
    #: (3, 3), unimodular
    basis: IntArray
    #: (g, 2, 2): acts on x
    rotations: IntArray
    #: (g, 2, 2): Rᵀ acts on H, ``exp(-2πi H·Rx/n) = exp(-2πi (RᵀH)·x/n)``
    transposed: IntArray
    #: (g, 2)
    shears: IntArray
    #: (g, 2)
    translations: IntArray
    #: (g,)
    signs: IntArray
    #: (g,)
    shifts: IntArray


def frames(au: GridOrbits) -> list[Frame]:
    """Return the frames of all unique axes of a group: none for the cubic groups, several for the lowest ones."""
    n = np.array(au.shape)
    w, t = grid_operators(au.space_group, au.shape)
    found = []
    axes = sorted(itertools.product((0, 1, -1), repeat=3), key=lambda e: (np.abs(e).sum(), e[::-1] < (0, 0, 0)))
    shortest = 3
    for axis in axes:
        e = np.array(axis)
        used = np.flatnonzero(e)
        if not len(used) or e[used[-1]] < 0 or len(used) > shortest or len(set(n[used].tolist())) > 1:
            continue
        images = e @ w
        if not (np.all(images == e, axis=1) | np.all(images == -e, axis=1)).all():
            continue
        shortest = len(used)
        found.append(_frame(n, w, t, e))
    return found


def _frame(n: IntArray, w: IntArray, t: IntArray, e: IntArray) -> Frame:
    j = int(np.flatnonzero(e)[-1])
    others = [i for i in range(3) if i != j]
    basis = np.zeros((3, 3), dtype=np.int64)
    basis[others[0], 0] = basis[others[1], 1] = 1
    basis[j] = [-e[others[0]] * e[j], -e[others[1]] * e[j], e[j]]
    inverse = np.rint(np.linalg.inv(basis)).astype(np.int64)
    shape = n[[*others, j]]
    moved = inverse @ w @ basis
    offsets = (t @ inverse.T) % shape
    plane = shape[:2]
    r = moved[:, :2, :2]
    return Frame(
        shape=(int(shape[0]), int(shape[1]), int(shape[2])),
        basis=basis,
        rotations=r,
        transposed=(r * plane[None, None, :] // plane[None, :, None]).transpose(0, 2, 1),
        shears=moved[:, :2, 2] % plane,
        translations=offsets[:, :2],
        signs=moved[:, 2, 2],
        shifts=offsets[:, 2],
    )
