"""Surfaces of constant density by marching tetrahedra, and their drawing on flat axes.

matplotlib draws polygons but finds no isosurfaces, and a package for one function is a package too many. Tetrahedra
have three cases where cubes have fifteen, and leave no holes.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The six tetrahedra around the diagonal of a cube: one for each order in which the three axes can be stepped along.
TETRAHEDRA = np.array([np.cumsum([(0, 0, 0), *np.eye(3, dtype=int)[list(p)]], axis=0) for p in permutations(range(3))])


def isosurface(values: Array, level: float) -> Array:
    """Find the surface where a periodic density crosses a level.

    Parameters
    ----------
    values
        (Nx, Ny, Nz) density on the grid of a cell; the surface is cut at the faces of the cell.
    level
        Density on the surface.

    Returns
    -------
    (t, 3, 3) float64
        Triangles by their corners, in fractional coordinates from 0 to 1; corners run counter-clockwise when seen from
        where the density is lower.
    """
    shape = np.array(values.shape)
    wrapped = np.pad(np.asarray(values, dtype=np.float64), (0, 1), mode="wrap") - level
    above = wrapped > 0
    mixed = np.zeros(values.shape, dtype=np.int8)
    for corner in np.ndindex(2, 2, 2):
        mixed += above[tuple(slice(c, c + n) for c, n in zip(corner, values.shape, strict=True))]
    cubes = np.argwhere((mixed > 0) & (mixed < 8))
    corners = (cubes[:, None, None, :] + TETRAHEDRA).reshape(-1, 4, 3)
    heights = wrapped[tuple(np.moveaxis(corners, -1, 0))]
    # The corners above the level come first, so that how many there are is all that is left to tell apart.
    order = np.argsort(-heights, axis=1, kind="stable")
    corners = np.take_along_axis(corners, order[..., None], axis=1).astype(np.float64)
    heights = np.take_along_axis(heights, order, axis=1)
    count = (heights > 0).sum(1)
    parts = []
    for number, edges in (
        (1, ((0, 1), (0, 2), (0, 3))),
        (2, ((0, 2), (0, 3), (1, 3))),
        (2, ((0, 2), (1, 3), (1, 2))),
        (3, ((0, 3), (1, 3), (2, 3))),
    ):
        chosen = count == number
        triangle = np.stack([_crossing(corners[chosen], heights[chosen], *edge) for edge in edges], axis=1)
        outward = corners[chosen][:, 3] - corners[chosen][:, 0]
        backward = np.einsum("ti,ti->t", normals(triangle), outward) < 0
        triangle[backward] = triangle[backward, ::-1]
        parts.append(triangle)
    return np.concatenate(parts) / shape


def _crossing(corners: Array, heights: Array, a: int, b: int) -> Array:
    share = heights[:, a] / (heights[:, a] - heights[:, b])
    return np.asarray(corners[:, a] + share[:, None] * (corners[:, b] - corners[:, a]))


def normals(triangles: Array) -> Array:
    """Return the normal of each triangle, as long as twice its area, (t, 3)."""
    return np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])


def enclosing_level(values: Array, share: float) -> float:
    """Return the density above which lies a share of the electrons.

    Examples
    --------
    >>> enclosing_level(np.array([1.0, 2.0, 3.0, 4.0]), 0.5)
    3.0
    """
    falling = np.sort(np.maximum(values, 0).ravel())[::-1]
    total = np.cumsum(falling)
    return float(falling[np.searchsorted(total, share * total[-1])])


def draw_isosurface(axes: Any, values: Array, share: float = 0.5) -> None:
    """Draw the surface that encloses a share of the electrons of a cubic cell, seen from a corner, with the edges."""
    from matplotlib.collections import LineCollection, PolyCollection

    stride = next(s for s in range(1, min(values.shape) + 1) if not any(n % s or n // s > 40 for n in values.shape))
    coarse = values[::stride, ::stride, ::stride]
    triangles = isosurface(coarse, enclosing_level(coarse, share)) - 0.5
    forward = np.array([-0.86, -0.42, -0.30]) / np.linalg.norm([0.86, 0.42, 0.30])
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    screen = np.stack([right, np.cross(right, forward)], axis=1)
    order = np.argsort(-(triangles.mean(1) @ forward), kind="stable")
    facing = normals(triangles)
    facing /= np.maximum(np.linalg.norm(facing, axis=1, keepdims=True), 1e-300)
    light = np.array([0.75, 0.15, 0.65])
    bright = 0.35 + 0.65 * np.clip(facing @ light, 0, 1)
    colours = np.clip(bright[:, None] * np.array([0.36, 0.60, 0.95]) + 0.12, 0, 1)
    polygons = PolyCollection((triangles @ screen)[order], facecolors=colours[order], edgecolors=colours[order], lw=0.2)
    box = np.array(list(np.ndindex(2, 2, 2))) - 0.5
    edges = [(a, b) for i, a in enumerate(box) for b in box[i + 1 :] if np.abs(a - b).sum() == 1]
    axes.add_collection(LineCollection(np.array(edges) @ screen, colors="0.7", lw=0.6, zorder=0))
    axes.add_collection(polygons)
    axes.set(xlim=(-0.85, 0.85), ylim=(-0.85, 0.85), aspect="equal", xticks=[], yticks=[])
    axes.set_axis_off()
