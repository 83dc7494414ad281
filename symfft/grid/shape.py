"""Operators acting on the indices of a periodic grid: which grids fit a group, and which is the next that does.

With N points along each axis, the operator (W, w) maps index vector m to ``W' m + w'`` modulo N, where
``W'_ij = W_ij N_i / N_j`` and ``w'_i = w_i N_i``. The grid fits the operator when all of these are integers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import IntArray
from symfft._shape import LARGEST_GRID, Shape, as_shape
from symfft.crystal.space_group import SpaceGroup, as_space_group
from symfft.errors import IncompatibleGridError

AXES = ("first", "second", "third")

#: A grid that fits is worth a word up to this many times the points.
MANY_TIMES = 8
#: Larger steps mean that an origin lies between grid points.
LARGEST_STEP = 1000
#: How many multiples of the smallest step `next_compatible_shape` tries along each axis before one cubic shape.
MULTIPLES_TRIED = 24


class GridOperators(NamedTuple):
    """Operators in grid units: index vector m maps to ``rotations @ m + translations`` modulo the shape."""

    rotations: IntArray
    translations: IntArray


def fitting_operators(space_group: SpaceGroup, shape: Shape) -> NDArray[np.bool_]:
    """Return for each operator whether the grid is mapped onto itself, (g,) bool."""
    misfit = _misfit_rotations(space_group, shape).any(axis=(1, 2)) | _misfit_translations(space_group, shape).any(
        axis=1
    )
    return np.asarray(~misfit)


def grid_operators(space_group: SpaceGroup, shape: Shape) -> GridOperators:
    """Return the operators in grid units.

    Raises
    ------
    IncompatibleGridError
        If the grid breaks an operator; the message names the operator, the axis and the next compatible shape.
    """
    if not fitting_operators(space_group, shape).all():
        raise IncompatibleGridError(_explain(space_group, shape))
    return in_grid_units(space_group, shape, np.ones(space_group.order, dtype=bool))


def in_grid_units(space_group: SpaceGroup, shape: Shape, select: NDArray[np.bool_]) -> GridOperators:
    """Return the selected operators, which must fit the grid, in grid units."""
    n = np.array(shape, dtype=np.int64)
    rotations = space_group.rotations[select] * n[:, None] // n[None, :]
    translations = space_group.numerators[select] * n // space_group.denominator
    return GridOperators(np.ascontiguousarray(rotations), np.ascontiguousarray(translations % n))


def operator_columns(operators: GridOperators, shape: Shape) -> NDArray[np.int32]:
    """Return operators as columns for compiled loops, (12, g): rows of W' and then w', reduced to [0, N) along axes."""
    n = np.array(shape, dtype=np.int64)
    rotations, translations = operators
    rows = np.concatenate([(rotations % n[:, None]).reshape(-1, 9).T, translations.T])
    return np.ascontiguousarray(rows.astype(np.int32))


def next_compatible_shape(space_group: SpaceGroup | int | str, shape: Sequence[int]) -> Shape:
    """Return the smallest grid, at least as fine along every axis, that a space group maps onto itself.

    Parameters
    ----------
    space_group : SpaceGroup, int or str
        The group, its number or its symbol.
    shape : (3,) int
        Smallest number of points wanted along each axis.

    Returns
    -------
    tuple of 3 int
        The shape with the fewest points; among equals, the one closest to `shape`.

    Raises
    ------
    SpaceGroupError, ShapeError
        If the group is unknown or the shape unusable.
    IncompatibleGridError
        If no grid with less than 2³¹ points is mapped onto itself, since the origin of the group lies between points.

    Examples
    --------
    >>> from symfft import next_compatible_shape
    >>> next_compatible_shape("P 21/m", (48, 49, 48))
    (48, 50, 48)
    >>> next_compatible_shape(194, (31, 30, 45))
    (31, 31, 46)
    """
    return _next_compatible(as_space_group(space_group), as_shape(shape))


@lru_cache(maxsize=256)
def _next_compatible(group: SpaceGroup, wanted: Shape) -> Shape:
    steps = [
        math.lcm(*(group.denominator // math.gcd(v, group.denominator) for v in column))
        for column in group.numerators.T.tolist()
    ]
    coupling = np.gcd.reduce(np.abs(group.rotations), axis=0)
    enough = -(-max(wanted) // math.lcm(*steps)) * math.lcm(*steps)
    candidates = []
    for i, step in enumerate(steps):
        # W'_ij is an integer only where N_j divides W_ij N_i, so that N_i >= N_j / W_ij
        least = max([wanted[i], *(-(-wanted[j] // int(coupling[i, j])) for j in range(3) if coupling[i, j])])
        first = -(-least // step) * step
        candidates.append(np.append(first + step * np.arange(MULTIPLES_TRIED, dtype=np.int64), enough))
    n0, n1, n2 = np.meshgrid(*candidates, indexing="ij", sparse=True)
    axes = (n0, n1, n2)
    fits = np.ones(np.broadcast_shapes(*(a.shape for a in axes)), dtype=bool)
    for i in range(3):
        for j in range(3):
            if i != j and coupling[i, j]:
                fits &= axes[i] * coupling[i, j] % axes[j] == 0
    points = np.where(fits, n0.astype(np.float64) * n1 * n2, np.inf)
    distance = (n0 - float(wanted[0])) ** 2 + (n1 - wanted[1]) ** 2 + (n2 - wanted[2]) ** 2
    if points.min() >= LARGEST_GRID:
        raise IncompatibleGridError(
            f"no grid with less than 2^31 points fits {group.symbol}: the origin of its operators lies between grid "
            "points; symmetrize_reciprocal averages on any grid, and standardize moves the origin"
        )
    fewest = np.argwhere(points == points.min())
    best = min(fewest, key=lambda at: float(distance[tuple(at)]))
    return int(candidates[0][best[0]]), int(candidates[1][best[1]]), int(candidates[2][best[2]])


def _misfit_rotations(group: SpaceGroup, shape: Shape) -> NDArray[np.bool_]:
    n = np.array(shape, dtype=np.int64)
    return np.asarray(group.rotations * n[:, None] % n[None, :] != 0)


def _misfit_translations(group: SpaceGroup, shape: Shape) -> NDArray[np.bool_]:
    return np.asarray(group.numerators * np.array(shape, dtype=np.int64) % group.denominator != 0)


def _explain(group: SpaceGroup, shape: Shape) -> str:
    """Say which operator and axis a grid breaks, and what to take instead."""
    rotations, translations = _misfit_rotations(group, shape), _misfit_translations(group, shape)
    if translations.any():
        operator, axis = (int(v) for v in np.argwhere(translations)[0])
        divisor = group.denominator // math.gcd(int(group.numerators[operator, axis]), group.denominator)
        reason = f"a {AXES[axis]} axis divisible by {divisor}"
        if divisor == 2:
            reason = f"an even {AXES[axis]} axis"
        elif divisor > LARGEST_STEP:
            reason = f"another origin, on a grid point along the {AXES[axis]} axis"
    else:
        operator, i, j = (int(v) for v in np.argwhere(rotations)[0])
        size = abs(int(group.rotations[operator, i, j]))
        times = "" if size == 1 else f"{size} times "
        reason = (
            f"{times}the number of points along the {AXES[i]} axis to be a multiple of that along the {AXES[j]} axis"
        )
    misfits = int((rotations.any(axis=(1, 2)) | translations.any(axis=1)).sum())
    try:
        larger = next_compatible_shape(group, shape)
        remedy = f"next_compatible_shape gives {larger}"
        if math.prod(larger) > MANY_TIMES * math.prod(shape):
            remedy += f", {round(math.prod(larger) / math.prod(shape))} times the points"
    except IncompatibleGridError:
        remedy = "no grid of any size does"
    return (
        f"shape {shape} does not fit {group.symbol}: operator {group.triplets[operator]} needs {reason} ({misfits} of "
        f"{group.order} operators do not fit); {remedy}; symmetrize_reciprocal averages on this grid"
    )
