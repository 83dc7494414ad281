"""Shortest representatives of frequency classes: Wigner-Seitz cells of reciprocal grid lattices, in exact integers.

A DFT on a grid of shape N cannot tell the frequency h from h + N·Z³. Of each class the shortest members are meant,
those in the closed Wigner-Seitz cell of the lattice N·Z³. Which members are equally short must not hang on the last
decimals of a lattice, or the point symmetry would be lost there. Therefore lengths are measured with an integer
quadratic form that is *exactly* invariant under every isometry of the lattice, and compared without a tolerance.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import FloatArray, IntArray
from symfft.crystal.operators import Exact, integer_rows, inverse_of, row_basis
from symfft.errors import ShapeError

Integers = list[list[int]]
#: A denominator and numerators, as :func:`symfft.crystal.operators.integer_rows` gives them.
Rational = tuple[int, Integers]

#: Two metrics count as equal where their entries differ by at most this, relative to the lengths of the vectors.
ISOMETRY_TOLERANCE = 1e-3
#: Squared lengths reach this; 48 isometries, denominators and three terms still fit into 63 bits.
LARGEST_SQUARED_LENGTH = 2**40
#: Largest coefficient of a face: times three frequencies, it still fits.
LARGEST_INTEGER = 2**50
#: A metric is reduced in such steps, relative to that of a cube of the same volume.
METRIC_STEPS = 2.0**40
#: Operators that change lengths or angles of a cell by more than this share belong to another cell.
METRIC_TOLERANCE = 0.02
#: Which of three basis vectors each of the seven Voronoi vectors sums.
SUBSETS = np.array([s for s in itertools.product((0, 1), repeat=3) if any(s)])


def _face(members: Sequence[int]) -> tuple[int, int]:
    """Return which Voronoi vector, and with which sign, a sum of vectors of the superbase is."""
    inside = 3 not in members
    subset = [int((k in members) == inside) for k in range(3)]
    return SUBSETS.tolist().index(subset), 1 if inside else -1


_SUMS = [[_face(p[:n]) for n in (1, 2, 3)] for p in itertools.permutations(range(4))]
CHAINS, CHAIN_SIGNS = np.moveaxis(np.array(_SUMS), -1, 0)
#: An isometry maps an obtuse superbase to one, whose vectors are Voronoi vectors: all of them have such coefficients.
COEFFICIENTS = np.array([v for v in itertools.product(range(-2, 3), repeat=3) if any(v)])


@dataclass(frozen=True)
class WignerSeitzCell:
    """The integer points h with |normals · h| <= bounds: a closed cell, faces included, one for each of `SUBSETS`.

    Attributes
    ----------
    normals : (f, 3) int64
    bounds : (f,) int64
    """

    normals: IntArray
    bounds: IntArray

    def extent(self, directions: FloatArray) -> FloatArray:
        """Return the largest value of |directions · x| over the cell's real points x, (d,) float."""
        return np.asarray(np.abs(self._corners @ directions.T).max(axis=0), dtype=np.float64)

    @cached_property
    def reach(self) -> IntArray:
        """Largest |h| along each axis, (3,)."""
        return np.asarray(np.floor(self.extent(np.eye(3)) + 1e-9), dtype=np.int64)

    @cached_property
    def _corners(self) -> FloatArray:
        """Where the faces of v, v + w and v + w + u meet, for any three vectors of the superbase, (24, 3)."""
        planes = (self.normals / self.bounds[:, None])[CHAINS] * CHAIN_SIGNS[:, :, None]
        return np.asarray(np.linalg.solve(planes, np.ones((len(planes), 3, 1)))[..., 0], dtype=np.float64)


def wigner_seitz_cell(form: Integers, lattice: Rational) -> WignerSeitzCell:
    """Return the points that are nowhere nearer to another lattice point than to the origin.

    Only the seven pairs of Voronoi vectors matter: the partial sums of an obtuse superbase.

    Parameters
    ----------
    form : rows of 3 × 3 int
        Positive definite quadratic form Q, to any scale; the squared length of h is hᵀQh.
    lattice : denominator and rows of 3 × 3 int
        Basis vectors as rows, in the coordinates of h.

    References
    ----------
    J. H. Conway & N. J. A. Sloane, Proc. R. Soc. Lond. A 436 (1992) 55-68, theorem 3.
    """
    denominator, vectors = lattice
    v = obtuse_superbase(form, vectors)[:3].tolist()
    table = []
    for subset in SUBSETS.tolist():
        x, y, z = (sum(s * row[k] for s, row in zip(subset, v, strict=True)) for k in range(3))
        normal = [a * x + b * y + c * z for a, b, c in form]
        face = [*(2 * denominator * n for n in normal), normal[0] * x + normal[1] * y + normal[2] * z]
        divisor = math.gcd(*face)
        table.append([n // divisor for n in face])
    if max(abs(n) for face in table for n in face) >= LARGEST_INTEGER:
        raise ShapeError(
            f"the aliases {vectors} / {denominator} need integers above {LARGEST_INTEGER}: "
            "use a cell matrix with smaller numbers, or smaller grids"
        )
    faces = np.array(table, dtype=np.int64)
    return WignerSeitzCell(faces[:, :3], faces[:, 3])


def obtuse_superbase(form: Integers, lattice: Integers) -> NDArray[Any]:
    """Return four vectors with sum zero and no acute angle, any three a basis of the lattice, as (4, 3) integers.

    Pairs are reduced by whole multiples first, as steps of Selling's reduction are single. Python's integers, so that
    none is too large; the products of the vectors are carried along.

    Raises
    ------
    ShapeError
        If the form is not positive definite, so that there is no shortest vector.
    """
    (a, b, c), (_, d, e), (_, _, f) = form
    if not (a > 0 and a * d > b * b and a * (d * f - e * e) - b * (b * f - c * e) + c * (b * e - c * d) > 0):
        raise ShapeError(f"the metric {[list(row) for row in form]} is not that of a lattice: it has no volume")
    v = [list(row) for row in lattice]
    turned = [[sum(q * x for q, x in zip(row, vector, strict=True)) for row in form] for vector in v]
    g = [[sum(x * y for x, y in zip(vector, image, strict=True)) for image in turned] for vector in v]
    reducing = True
    while reducing:
        reducing = False
        for i, j in itertools.permutations(range(3), 2):
            product, square = g[i][j], g[j][j]
            if 2 * abs(product) > square:
                times = (2 * product + square) // (2 * square)
                v[i] = [x - times * y for x, y in zip(v[i], v[j], strict=True)]
                g[i] = [x - times * y for x, y in zip(g[i], g[j], strict=True)]
                for row in g:
                    row[i] -= times * row[j]
                reducing = True
    v.append([-sum(column) for column in zip(*v, strict=True)])
    for row in g:
        row.append(-sum(row))
    g.append([-sum(column) for column in zip(*g, strict=True)])
    reducing = True
    while reducing:
        reducing = False
        for i, j in itertools.combinations(range(3, -1, -1), 2):
            if g[i][j] > 0:
                for k in set(range(4)) - {i, j}:
                    v[k] = [x + y for x, y in zip(v[k], v[i], strict=True)]
                    g[k] = [x + y for x, y in zip(g[k], g[i], strict=True)]
                    for row in g:
                        row[k] += row[i]
                v[i], g[i] = [-x for x in v[i]], [-x for x in g[i]]
                for row in g:
                    row[i] = -row[i]
                reducing = True
    small = max(abs(x) for row in v for x in row) < LARGEST_INTEGER
    return np.array(v, dtype=np.int64 if small else object)


def cell_volume(lattice: FloatArray) -> float:
    """Return the volume spanned by three vectors, ``|a · (b × c)|``."""
    (a, b, c), (d, e, f), (g, h, i) = lattice.tolist()
    return abs(float(a * (e * i - f * h) + b * (f * g - d * i) + c * (d * h - e * g)))


def metric_change(rotations: IntArray, lattice: FloatArray) -> FloatArray:
    """Return by what share of the cell's lengths each operator (g, 3, 3) changes the products of its vectors, (g,)."""
    metric = lattice @ lattice.T
    changed = np.einsum("gki,kl,glj->gij", rotations, metric, rotations) - metric
    size = np.sqrt(np.diag(metric))
    return np.asarray(np.abs(changed / np.outer(size, size)).max(axis=(1, 2)))


def integer_form(metric: FloatArray) -> Integers:
    """Return a metric (3, 3) in integers, to a scale at which also that of a very oblique cell is positive definite.

    Raises
    ------
    ShapeError
        If the cell is so oblique that its volume is lost in the rounding of the metric.
    """
    volume = np.linalg.det(metric)
    if not volume > 0:
        raise ShapeError(f"the metric {metric.tolist()} has no volume: the cell is singular, or too oblique")
    scale = METRIC_STEPS / volume ** (1 / 3)
    return [[round(v * scale) for v in row] for row in ((metric + metric.T) / 2).tolist()]


def reduced_basis(metric: FloatArray) -> FloatArray:
    """Return integer combinations of a lattice's basis vectors, as rows, that are a reduced basis of it.

    The three shortest vectors of an obtuse superbase, shortest first. With the fourth in the place of one of them, a
    long and thin cell would have two long vectors side by side.

    Parameters
    ----------
    metric : (3, 3) float64
        Products of the basis vectors.
    """
    form = integer_form(metric)
    superbase = obtuse_superbase(form, np.eye(3, dtype=np.int64).tolist())
    exact = superbase.astype(object)
    lengths = ((exact @ np.array(form, dtype=object)) * exact).sum(axis=1).tolist()
    shortest = sorted(range(4), key=lengths.__getitem__)[:3]
    return superbase[shortest].astype(np.float64)


def invariant_form(metric: FloatArray, lattice: Rational, aliases: Sequence[Rational]) -> Integers:
    """Return a quadratic form, close to a multiple of `metric`, that every isometry of `lattice` leaves unchanged.

    Parameters
    ----------
    metric : (3, 3) float
        Squared lengths hᵀ·metric·h, known to a few decimals.
    lattice : denominator and rows of 3 × 3 int
        Basis vectors as rows, in the coordinates of h.
    aliases : sequence of such lattices
        Those whose Wigner-Seitz cells are wanted: their vectors are the longest that will be compared.
    """
    metric = (metric + metric.T) / 2
    form = integer_form(metric)
    longest = 0.0
    for denominator, vectors in aliases:
        v = obtuse_superbase(form, vectors).astype(np.float64) / denominator
        longest = max(longest, float(np.einsum("ni,ij,nj->n", v, metric, v).max()))
    basis = obtuse_superbase(form, lattice[1])[:3]
    scaled = basis.astype(np.float64) / lattice[0]
    reduced = scaled @ metric @ scaled.T
    rounded = [[round(v * LARGEST_SQUARED_LENGTH / longest) for v in row] for row in reduced.tolist()]
    w = lattice_isometries(reduced)
    small = max(abs(v) for row in rounded for v in row) < LARGEST_INTEGER
    images = w @ np.array(rounded, dtype=np.int64 if small else object)
    mean = (images[:, :, None, :] * w[:, None, :, :]).sum(axis=(0, 3)).tolist()
    a, b, c = basis.tolist()
    columns = [_cross(b, c), _cross(c, a), _cross(a, b)]  # the inverse basis times its determinant
    halfway = [[sum(columns[k][i] * mean[k][j] for k in range(3)) for j in range(3)] for i in range(3)]
    form = [[sum(row[k] * columns[k][j] for k in range(3)) for j in range(3)] for row in halfway]
    divisor = math.gcd(*(v for row in form for v in row))
    return [[v // divisor for v in row] for row in form]


def lattice_isometries(metric: FloatArray, tolerance: float = ISOMETRY_TOLERANCE) -> IntArray:
    """Return the integer matrices W with W·metric·Wᵀ = metric within a tolerance, as a group.

    The tolerance is halved until the near-isometries are closed under multiplication.

    Parameters
    ----------
    metric : (3, 3) float
        Metric of a basis that is part of an obtuse superbase.

    Returns
    -------
    (g, 3, 3) int64
    """
    size = np.sqrt(np.diag(metric))
    while True:
        found = near_isometries(metric, tolerance * np.outer(size, size))
        if are_closed(found):
            return found
        tolerance /= 2


def near_isometries(metric: FloatArray, tolerance: FloatArray) -> IntArray:
    """Return the integer matrices W for which W·metric·Wᵀ differs from the metric by at most a tolerance, (n, 3, 3)."""
    images = COEFFICIENTS @ metric
    squares = (images * COEFFICIENTS).sum(axis=1)
    rows = [np.flatnonzero(np.abs(squares - metric[i, i]) <= tolerance[i, i]) for i in range(3)]
    first, second, third = (COEFFICIENTS[r] for r in rows)
    ab = np.abs(images[rows[0]] @ second.T - metric[0, 1]) <= tolerance[0, 1]
    ac = np.abs(images[rows[0]] @ third.T - metric[0, 2]) <= tolerance[0, 2]
    bc = np.abs(images[rows[1]] @ third.T - metric[1, 2]) <= tolerance[1, 2]
    a, b, c = np.nonzero(ab[:, :, None] & ac[:, None, :] & bc)
    found = np.stack([first[a], second[b], third[c]], axis=1)
    return np.asarray(found[np.abs(np.linalg.det(found)).round() == 1], dtype=np.int64)


def are_closed(matrices: IntArray) -> bool:
    """Tell whether the product of any two of the integer matrices (g, 3, 3), entries -2 to 2, is among them."""
    weights = 32 ** np.arange(9)
    codes = matrices.reshape(-1, 9) @ weights
    products = (matrices[:, None] @ matrices).reshape(-1, 9) @ weights
    return bool(np.isin(products, codes).all())


def common_lattice(transformation: Exact) -> Exact:
    """Return a basis (rows) of the integer vectors h for which T·h is integer too, as fractions."""
    denominator, rows = integer_rows(np.concatenate([np.eye(3, dtype=object), transformation]))
    finest = np.array([[Fraction(v, denominator) for v in row] for row in row_basis(rows)], dtype=object)
    return inverse_of(finest).T


def _cross(a: list[int], b: list[int]) -> list[int]:
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
