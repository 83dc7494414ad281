"""Which planes are transformed: one of each orbit of planes, sorted into kinds of equal plane group.

The operators with ε = 1, w = 0 map plane z onto itself, x -> Rx + (vz + u). Where v is not zero (rhombohedral axes,
primitive cells) the plane groups of different planes are moved against each other: with the origin at c(z) the
translations become (R - 1) c + vz + u, and planes with equal ones are of one kind.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from symfft._array_types import IntArray
from symfft.fourier.engines.planes.frame import Frame
from symfft.fourier.engines.planes.plane import Operator


class Kind(NamedTuple):
    """Planes with one plane group."""

    operators: list[Operator]
    #: (m,) z of the planes
    planes: IntArray
    #: (m, 2) origin c(z) of each
    centres: IntArray


def first_planes(frame: Frame) -> IntArray:
    """Return, for each plane, the lowest one of its orbit, (n2,)."""
    z = np.arange(frame.shape[2])
    return np.asarray(((frame.signs[:, None] * z + frame.shifts[:, None]) % frame.shape[2]).min(axis=0))


def kinds_of_planes(frame: Frame) -> list[Kind]:
    """Sort the lowest planes of all orbits into kinds."""
    n = np.array(frame.shape[:2])
    same = np.flatnonzero((frame.signs == 1) & (frame.shifts == 0))
    r, v, u = frame.rotations[same], frame.shears[same], frame.translations[same]
    kinds: list[tuple[IntArray, list[int], list[IntArray]]] = []
    for z in np.unique(first_planes(frame)).tolist():
        t = (v * z + u) % n
        for target, planes, centres in kinds:
            c = _origin(r, t, target, n)
            if c is not None:
                planes.append(z)
                centres.append(c)
                break
        else:
            kinds.append((t, [z], [np.zeros(2, dtype=np.int64)]))
    return [
        Kind(
            [Operator(frame.rotations[g], frame.transposed[g], t) for g, t in zip(same, target, strict=True)],
            np.array(planes),
            np.array(centres),
        )
        for target, planes, centres in kinds
    ]


def _origin(r: IntArray, t: IntArray, target: IntArray, n: IntArray) -> IntArray | None:
    """Find c with (R - 1) c + t = target modulo n for all R at once."""
    zero = np.zeros(2, dtype=np.int64)
    if np.array_equal(t, target):
        return zero
    moved = r - np.eye(2, dtype=np.int64)
    determinants = moved[:, 0, 0] * moved[:, 1, 1] - moved[:, 0, 1] * moved[:, 1, 0]
    if not determinants.any():
        return None
    g = int(np.flatnonzero(determinants)[0])
    d = int(determinants[g])
    a = moved[g]
    adjugate = np.array([[a[1, 1], -a[0, 1]], [-a[1, 0], a[0, 0]]])
    for k in itertools.product(range(abs(d)), repeat=2):
        c = adjugate @ (target[g] - t[g] + n * np.array(k))
        if (c % d == 0).all() and np.array_equal((moved @ (c // d) + t) % n, target):
            return np.asarray((c // d) % n)
    return None
