"""Textbook definitions in plain Python and NumPy: slow, obvious, and without a line of the package's kernels."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np


def image(rotation, translation, point, shape):
    """Grid point to which W x + w takes a grid point, in exact fractions; None where it is off the grid."""
    x = [Fraction(int(p), n) for p, n in zip(point, shape)]
    moved = [sum(int(rotation[i][j]) * x[j] for j in range(3)) + translation[i] for i in range(3)]
    index = [m * n for m, n in zip(moved, shape)]
    if any(i.denominator != 1 for i in index):
        return None
    return tuple(int(i) % n for i, n in zip(index, shape))


def fits(group, shape):
    """Whether every operator takes every point next to the origin to a grid point (the rest follows)."""
    points = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    return all(image(w, t, p, shape) is not None for w, t in zip(group.rotations, group.translations) for p in points)


def orbits(group, shape):
    """Orbits of grid points, as a set of frozen sets."""
    found, seen = set(), set()
    operators = list(zip(group.rotations.tolist(), group.translations.tolist()))
    for point in product(*map(range, shape)):
        if point not in seen:
            orbit = frozenset(image(w, t, point, shape) for w, t in operators)
            found.add(orbit)
            seen |= orbit
    return found


def burnside(group, shape):
    """Number of orbits by Burnside's lemma: the mean number of grid points that an operator leaves where they are."""
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    n = np.array(shape)
    fixed = 0
    for w, t in zip(group.rotations, group.translations):
        scaled = w * n[:, None] // n[None, :]
        moved = grid @ scaled.T + np.array([int(v * m) for v, m in zip(t, shape)])
        fixed += int(((moved - grid) % n == 0).all(axis=-1).sum())
    assert fixed % group.order == 0
    return fixed // group.order


def images(rho, group):
    """Densities rho(gr), operator by operator."""
    n = np.array(rho.shape)
    grid = np.stack(np.meshgrid(*(np.arange(k) for k in rho.shape), indexing="ij"), axis=-1)
    for w, t in zip(group.rotations, group.translations):
        moved = (grid @ (w * n[:, None] // n[None, :]).T + np.array([int(v * m) for v, m in zip(t, rho.shape)])) % n
        yield rho[tuple(np.moveaxis(moved, -1, 0))]


def symmetrized(rho, group):
    """Mean of a density over its images under all operators."""
    return sum(images(rho, group)) / group.order


def dct2(array):
    """Orthonormal DCT-II along three axes, by its definition."""
    for axis in range(3):
        n = array.shape[axis]
        k, x = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
        matrix = np.cos(np.pi * k * (2 * x + 1) / (2 * n)) * np.sqrt(2 / n)
        matrix[0] /= np.sqrt(2)
        array = np.moveaxis(np.tensordot(matrix, array, axes=(1, axis)), 0, axis)
    return array


def cell_is_covered(labels, corner, box):
    """Whether a box, wrapped around the cell, holds a member of every orbit."""
    index = np.ix_(*[(c + np.arange(b)) % n for c, b, n in zip(corner, box, labels.shape)])
    return len(np.unique(labels[index])) == labels.max() + 1
