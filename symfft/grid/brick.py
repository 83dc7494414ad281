"""The brick: the smallest rectangular box of grid points in which every orbit has a member.

On small grids the search is direct. On larger ones it runs on a coarse grid of 24 points along each axis (every
translation and every special position of the standard settings has denominators that divide 24), once for each group;
orbits of a grid twice as fine that the box turns out to miss join the search. The box is then carried over to the grid
at hand as fractions of the cell, and layers that no orbit needs are taken off there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import IntArray
from symfft._shape import Shape
from symfft.crystal.space_group import SpaceGroup
from symfft.grid._kernels import renumber_orbits, smallest_box, tighten_box
from symfft.grid.orbits import GridOrbits, Orbits, find_orbits
from symfft.grid.shape import next_compatible_shape

#: Coarse grid of the search.
COARSE = 24
#: First corners tried along each axis, in units of 1/24: mirror planes and inversion centres of all settings recur
#: within 1/2.
CORNERS = (0, 3, 6, 9, 12)
#: Orbits that join the coarse search at a time.
MISSED_AT_ONCE = 8


class Brick(NamedTuple):
    """A box of grid points: first corner and size along each axis."""

    origin: Shape
    shape: Shape


def orbits_in_brick(space_group: SpaceGroup, shape: Shape) -> tuple[Brick, GridOrbits]:
    """Find the brick of a group on a grid, and the orbits numbered in C order of the brick.

    Raises
    ------
    IncompatibleGridError
        If the grid does not fit the group.
    """
    for box in _covering_boxes(space_group, shape):
        orbits = find_orbits(space_group, shape, box.origin, box.shape)
        if orbits.covered == math.prod(shape):
            brick, orbits = _tightened(box, orbits)
            return brick, GridOrbits(space_group, orbits.labels, orbits.representatives, orbits.multiplicity)
    raise AssertionError("a box as large as the cell holds every orbit")


def _covering_boxes(space_group: SpaceGroup, shape: Shape) -> Iterator[Brick]:
    """Yield boxes that are likely to hold a member of every orbit; the last one is as large as the cell."""
    coarse = _coarse_shape(space_group)
    if math.prod(shape) <= COARSE**3 or math.prod(coarse) > 8 * COARSE**3:
        yield search(shape, _members(find_orbits(space_group, shape, (0, 0, 0), shape).labels))
        return
    origin, size = [], []
    brick = _coarse_search(space_group)
    for n, m, o, b in zip(shape, coarse, brick.origin, brick.shape, strict=True):
        first = -(-n * o // m)
        origin.append(first % n)
        size.append(min(-(-n * (o + b) // m) - first, n))
    for grow in range(max(shape)):
        b0, b1, b2 = (min(b + grow, n) for b, n in zip(size, shape, strict=True))
        yield Brick((origin[0], origin[1], origin[2]), (b0, b1, b2))


def _tightened(box: Brick, orbits: Orbits) -> tuple[Brick, Orbits]:
    labels, count = orbits.labels, len(orbits.multiplicity)
    if math.prod(box.shape) == count:
        return box, orbits
    shape = np.array(labels.shape, dtype=np.int64)
    corner, size = np.array(box.origin, dtype=np.int64), np.array(box.shape, dtype=np.int64)
    layer = np.empty((2, 3), dtype=np.int64)
    tighten_box(labels, shape, np.zeros(count, dtype=np.int32), layer, corner, size)
    o, b = corner.tolist(), size.tolist()
    brick = Brick((o[0], o[1], o[2]), (b[0], b[1], b[2]))
    if brick == box:
        return box, orbits
    found = np.empty((2, count), dtype=np.int32)
    renumber_orbits(labels, orbits.multiplicity, shape, corner, size, np.full(count, -1, dtype=np.int32), found)
    return brick, Orbits(labels, found[0], found[1], orbits.covered)


def search(shape: Shape, orbits: Members, finer: Members | None = None) -> Brick:
    """Find the smallest box that holds a member of every orbit of a grid, by increasing volume.

    Parameters
    ----------
    shape : (3,) int
        The grid.
    orbits : Members
        Its orbits.
    finer : Members, optional
        Further orbits, of the grid twice as fine, that the box has to meet below twice its size.
    """
    step = 1 if finer is None else 2
    starts, points = orbits.starts, step * orbits.points
    if finer is not None:
        starts = np.concatenate([starts, starts[-1] + finer.starts[1:]])
        points = np.concatenate([points, finer.points])
    boxes = _boxes(shape)
    boxes = boxes[np.searchsorted(boxes.prod(axis=1), len(orbits.starts) - 1) :]
    corners = np.array([[step * (-(-n * c // COARSE) % n) for c in CORNERS] for n in shape], dtype=np.int64)
    best = np.empty(6, dtype=np.int64)
    least, order = np.zeros_like(corners), np.arange(len(starts) - 1)
    smallest_box(step * boxes, corners, step * np.array(shape, dtype=np.int64), starts, points, least, order, best)
    b = (best // step).tolist()
    return Brick((b[0], b[1], b[2]), (b[3], b[4], b[5]))


class Members(NamedTuple):
    """Orbits as lists of points: orbit i owns ``points[starts[i]:starts[i + 1]]``."""

    starts: IntArray
    points: IntArray


def _members(labels: NDArray[np.int32]) -> Members:
    order = np.argsort(labels, axis=None, kind="stable")
    sizes = np.bincount(labels.reshape(-1))
    points = np.stack(np.unravel_index(order, labels.shape), axis=-1).astype(np.int64)
    return Members(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), points)


@lru_cache(maxsize=1024)
def _coarse_shape(space_group: SpaceGroup) -> Shape:
    return next_compatible_shape(space_group, (COARSE,) * 3)


@lru_cache(maxsize=1024)
def _coarse_search(space_group: SpaceGroup) -> Brick:
    coarse = _coarse_shape(space_group)
    fine = (2 * coarse[0], 2 * coarse[1], 2 * coarse[2])
    orbits = _members(find_orbits(space_group, coarse, (0, 0, 0), coarse).labels)
    missed = Members(np.zeros(1, dtype=np.int64), np.empty((0, 3), dtype=np.int64))
    everything = find_orbits(space_group, fine, (0, 0, 0), fine)
    while True:
        brick = search(coarse, orbits, missed)
        o, b = brick
        found = find_orbits(space_group, fine, (2 * o[0], 2 * o[1], 2 * o[2]), (2 * b[0], 2 * b[1], 2 * b[2]))
        labels = np.unique(everything.labels[found.labels < 0])[:MISSED_AT_ONCE]
        if not len(labels):
            return brick
        for label in labels.tolist():
            points = np.argwhere(everything.labels == label)
            missed = Members(
                np.append(missed.starts, missed.starts[-1] + len(points)), np.concatenate([missed.points, points])
            )


@lru_cache(maxsize=16)
def _boxes(shape: Shape) -> IntArray:
    """Return box sizes by volume, the most compact first among equals; at most 48 sizes along each axis."""
    sizes = [
        np.unique([s for j in range(1, COARSE + 1) for s in (-(-n * j // COARSE), min(n, n * j // COARSE + 1))])
        for n in shape
    ]
    boxes = np.stack(np.meshgrid(*sizes, indexing="ij"), axis=-1).reshape(-1, 3)[::-1].astype(np.int64)
    return np.ascontiguousarray(boxes[np.lexsort(((boxes**2).sum(axis=1), boxes.prod(axis=1)))])
