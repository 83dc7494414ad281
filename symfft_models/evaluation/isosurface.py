"""Drawings of surfaces of constant density on flat axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from symfft.analysis import Mesh, isosurface
from symfft_models._array_types import FloatArray


def enclosing_level(values: FloatArray, share: float) -> float:
    """Return the density above which lies a share of the electrons.

    Examples
    --------
    >>> enclosing_level(np.array([1.0, 2.0, 3.0, 4.0]), 0.5)
    3.0
    """
    falling = np.sort(np.maximum(values, 0).ravel())[::-1]
    total = np.cumsum(falling)
    return float(falling[np.searchsorted(total, share * total[-1])])


def draw_isosurface(axes: Any, values: FloatArray, share: float = 0.5) -> None:
    """Draw the surface that encloses a share of the electrons of a cubic cell, seen from a corner, with the edges."""
    from matplotlib.collections import LineCollection, PolyCollection

    stride = next(s for s in range(1, min(values.shape) + 1) if not any(n % s or n // s > 40 for n in values.shape))
    coarse = values[::stride, ::stride, ::stride]
    level = enclosing_level(coarse, share)
    flat = Mesh(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64))
    mesh = isosurface(coarse, np.eye(3), level) if coarse.min() < level < coarse.max() else flat
    triangles = mesh.vertices[mesh.faces] - 0.5
    forward = np.array([-0.86, -0.42, -0.30]) / np.linalg.norm([0.86, 0.42, 0.30])
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    screen = np.stack([right, np.cross(right, forward)], axis=1)
    order = np.argsort(-(triangles.mean(1) @ forward), kind="stable")
    facing = mesh.normals
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
