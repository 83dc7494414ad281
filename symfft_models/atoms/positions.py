"""Positions of a space group in any cell: orbits, special positions near a point, points without free coordinates."""

from __future__ import annotations

import numpy as np

from symfft import SpaceGroup
from symfft_models._array_types import FloatArray

#: Points without free coordinates lie at multiples of one in this many of the cell vectors.
GRID = 24
#: Distance (fractions of the cell) below which two images are one point.
SAME = 1e-3


def images(group: SpaceGroup, point: FloatArray) -> FloatArray:
    """Return the images of a point under all operators, (n, 3), in [0, 1)."""
    return np.asarray((group.rotations @ point + group.numerators / group.denominator) % 1.0)


def orbit(group: SpaceGroup, point: FloatArray) -> FloatArray:
    """Return the distinct points of an orbit in the cell, (m, 3), the point itself first.

    Examples
    --------
    >>> import numpy as np
    >>> orbit(SpaceGroup.from_number(225), np.array([0.25, 0.25, 0.25])).shape
    (8, 3)
    """
    found = np.concatenate([np.asarray(point, dtype=np.float64)[None] % 1.0, images(group, point)])
    away = np.abs(_wrapped(found[:, None] - found[None])).max(2) < SAME
    return found[away.argmax(1) == np.arange(len(found))]


def distances(points: FloatArray, origin: FloatArray, lattice: FloatArray) -> FloatArray:
    """Return distances (Å) of points from another one, each in its nearest image along the cell vectors."""
    return np.asarray(np.linalg.norm(_wrapped(points - origin) @ lattice, axis=-1))


def onto_special(group: SpaceGroup, point: FloatArray, lattice: FloatArray, within: float) -> FloatArray:
    """Move a point onto the special position that it lies near to: the mean of those images that are within a distance.

    Parameters
    ----------
    group : SpaceGroup
        In the setting of the point.
    point : (3,) float
        Fractional coordinates.
    lattice : (3, 3) float
        Rows in Å.
    within : float
        Distance in Å.

    Examples
    --------
    >>> import numpy as np
    >>> near = onto_special(SpaceGroup.from_number(221), np.array([0.49, 0.02, 0.0]), 4 * np.eye(3), 0.3)
    >>> near.round(6).tolist()
    [0.5, 0.0, 0.0]
    """
    point = np.asarray(point, dtype=np.float64)
    for _ in range(4):
        steps = _wrapped(images(group, point) - point)
        near = np.linalg.norm(steps @ lattice, axis=1) < within
        point = point + steps[near].mean(0)
        again = _wrapped(images(group, point) - point)[near]
        if np.abs(again).max() < 1e-9:
            break
        within *= 0.6
    return np.asarray(np.round(point, 12) % 1.0)


def directions(group: SpaceGroup, point: FloatArray) -> FloatArray:
    """Return an orthonormal basis of the displacements that leave a point on its special position: (free, 3)."""
    fixing = np.abs(_wrapped(images(group, point) - point)).max(1) < SAME
    projection = np.asarray(group.rotations[fixing], dtype=np.float64).mean(0)
    left, values, _ = np.linalg.svd(projection)
    return np.asarray(left[:, values > 0.5].T)


def cosets(group: SpaceGroup, point: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return operators (rotations, translations) that give each point of an orbit once: (m, 3, 3) and (m, 3)."""
    found = images(group, point)
    away = np.abs(_wrapped(found[:, None] - found[None])).max(2) < SAME
    first = away.argmax(1) == np.arange(len(found))
    return np.asarray(group.rotations[first], dtype=np.float64), group.numerators[first] / group.denominator


def points_without_freedom(group: SpaceGroup) -> list[FloatArray]:
    """Return one point of each special position that has no free coordinate.

    Examples
    --------
    >>> [p.tolist() for p in points_without_freedom(SpaceGroup.from_number(216))]
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.5], [0.25, 0.25, 0.25], [0.25, 0.25, 0.75]]
    """
    axis = np.arange(GRID) / GRID
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    fixing, trace = np.zeros(len(points)), np.zeros(len(points))
    for rotation, translation in zip(group.rotations, group.numerators / group.denominator, strict=True):
        fixed = np.abs(_wrapped(points @ rotation.T + translation - points)).max(1) < 1e-6
        fixing += fixed
        trace += fixed * np.trace(rotation)
    taken = np.abs(trace / fixing) > 1e-6
    chosen = []
    for row in np.flatnonzero(~taken):
        if not taken[row]:
            chosen.append(points[row])
            i, j, k = (np.rint(orbit(group, points[row]) * GRID).astype(int) % GRID).T
            taken[(i * GRID + j) * GRID + k] = True
    return chosen


def _wrapped(steps: FloatArray) -> FloatArray:
    return np.asarray(steps - np.rint(steps))
