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

from symfft.crystal._lattice_kernels import in_python, reduce_superbase, voronoi_faces
from symfft.crystal.operators import Exact, integer_rows, inverse_of, row_basis
from symfft.errors import ShapeError

IntArray = NDArray[np.int64]
Integers = list[list[int]]
#: A denominator and numerators, as :func:`symfft.crystal.operators.integer_rows` gives them.
Rational = tuple[int, Integers]
FloatArray = NDArray[np.float64]

#: Two metrics count as equal where their entries differ by at most this, relative to the lengths of the vectors.
ISOMETRY_TOLERANCE = 1e-3
#: Squared lengths reach this; 48 isometries, denominators and three terms still fit into 63 bits.
LARGEST_SQUARED_LENGTH = 2**40
#: Largest coefficient of a face: times three frequencies, it still fits.
LARGEST_INTEGER = 2**50
#: A metric is reduced in such steps, relative to its largest entry.
METRIC_STEPS = 2.0**40
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
    v = obtuse_superbase(form, vectors)[:3]
    q = np.array(form, dtype=v.dtype)
    table = np.empty((len(SUBSETS), 4), dtype=v.dtype)
    if v.dtype == np.int64 and _bits(q, v, 2 * denominator) < 62:
        voronoi_faces(q, v, denominator, SUBSETS, table)
    else:
        table = table.astype(object)
        in_python(voronoi_faces)(q.astype(object), v.astype(object), denominator, SUBSETS.astype(object), table)
    if np.abs(table).max() >= LARGEST_INTEGER:
        raise ShapeError(
            f"the aliases {vectors} / {denominator} need integers above {LARGEST_INTEGER}: "
            "use a cell matrix with smaller numbers, or smaller grids"
        )
    table = table.astype(np.int64)
    return WignerSeitzCell(table[:, :3], table[:, 3])


def obtuse_superbase(form: Integers, lattice: Integers) -> NDArray[Any]:
    """Return four vectors with sum zero and no acute angle, any three a basis of the lattice (Selling reduction).

    As (4, 3) int64, or Python's integers where 64 bits may be too few.
    """
    q, v = np.array(form, dtype=object), np.array([*lattice, [0, 0, 0]], dtype=object)
    if _bits(q, v, 64) < 62:
        q, v = q.astype(np.int64), v.astype(np.int64)
        reduce_superbase(q, v)
    else:
        in_python(reduce_superbase)(q, v)
    return v


def _bits(form: NDArray[Any], vectors: NDArray[Any], margin: int) -> float:
    """Return how many bits a product of two of the vectors may take on the way, and some margin."""
    size = np.abs(vectors).astype(np.float64)
    return float(np.log2(max(1.0, (size @ np.abs(form).astype(np.float64) @ size.T).max()))) + math.log2(margin)


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
    steps = metric / np.abs(metric).max() * METRIC_STEPS
    form = [[round(v) for v in row] for row in steps.tolist()]
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
    return found[np.abs(np.linalg.det(found)).round() == 1]


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
