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

import numpy as np
from numpy.typing import NDArray

from symfft.errors import ShapeError
from symfft.rational import Exact, integer_rows, inverse_of

IntArray = NDArray[np.int64]
Integers = list[list[int]]
#: A denominator and numerators, as :func:`symfft.rational.integer_rows` gives them.
Rational = tuple[int, Integers]
FloatArray = NDArray[np.float64]

#: Two metrics count as equal where their entries differ by at most this, relative to the lengths of the vectors.
ISOMETRY_TOLERANCE = 1e-3
#: Squared lengths reach this; 48 isometries, denominators and three terms still fit into 63 bits.
LARGEST_SQUARED_LENGTH = 2**40
#: Largest coefficient of a face: times three frequencies, it still fits.
LARGEST_INTEGER = 2**50
#: Which of three basis vectors each of the seven Voronoi vectors sums.
SUBSETS = [s for s in itertools.product((0, 1), repeat=3) if any(s)]


def _face(members: Sequence[int]) -> tuple[int, int]:
    """Return which Voronoi vector, and with which sign, a sum of vectors of the superbase is."""
    inside = 3 not in members
    return SUBSETS.index(tuple(int((k in members) == inside) for k in range(3))), 1 if inside else -1


_SUMS = [[_face(p[:n]) for n in (1, 2, 3)] for p in itertools.permutations(range(4))]
CHAINS, CHAIN_SIGNS = np.moveaxis(np.array(_SUMS), -1, 0)
#: An isometry maps an obtuse superbase to one, whose vectors are Voronoi vectors: all of them have such coefficients.
COEFFICIENTS = np.array([v for v in itertools.product(np.arange(-2.0, 3.0), repeat=3) if any(v)])
#: Numbers a matrix of coefficients from -2 to 2.
FIFTHS = 5.0 ** np.arange(9)


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
    a, b, c, _ = obtuse_superbase(form, vectors)
    rows = []
    for i, j, k in SUBSETS:
        v = [i * x + j * y + k * z for x, y, z in zip(a, b, c, strict=True)]
        image = _times(form, v)
        row = [*(2 * denominator * x for x in image), _dot(v, image)]
        divisor = math.gcd(*row)
        rows.append([x // divisor for x in row])
    if max(abs(x) for row in rows for x in row) >= LARGEST_INTEGER:
        raise ShapeError(
            f"the aliases {vectors} / {denominator} need integers above {LARGEST_INTEGER}: "
            "use a cell matrix with smaller numbers, or smaller grids"
        )
    table = np.array(rows, dtype=np.int64)
    return WignerSeitzCell(table[:, :3], table[:, 3])


def obtuse_superbase(form: Integers, lattice: Integers) -> Integers:
    """Return four vectors with sum zero and no acute angle, any three a basis of the lattice (Selling reduction)."""
    v = [list(row) for row in lattice]
    reducing = True
    while reducing:
        # whole multiples first: Selling's steps take single ones
        reducing = False
        for i, j in itertools.permutations(range(3), 2):
            image = _times(form, v[j])
            product, square = _dot(v[i], image), _dot(v[j], image)
            if 2 * abs(product) > square:
                times = (2 * product + square) // (2 * square)
                v[i] = [x - times * y for x, y in zip(v[i], v[j], strict=True)]
                reducing = True
    v.append([-x - y - z for x, y, z in zip(*v, strict=True)])
    pairs = list(itertools.combinations(range(4), 2))
    while True:
        acute = next(((i, j) for i, j in pairs if _dot(v[i], _times(form, v[j])) > 0), None)
        if acute is None:
            return v
        i, j = acute
        for k in {0, 1, 2, 3} - {i, j}:
            v[k] = [x + y for x, y in zip(v[k], v[i], strict=True)]
        v[i] = [-x for x in v[i]]


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
    ratios = [v.as_integer_ratio() for v in ((metric + metric.T) / 2).ravel().tolist()]
    scale = max(denominator for _, denominator in ratios)
    flat = [numerator * (scale // denominator) for numerator, denominator in ratios]
    form = [flat[0:3], flat[3:6], flat[6:9]]
    longest = 0.0
    for denominator, vectors in aliases:
        square = max(_dot(v, _times(form, v)) for v in obtuse_superbase(form, vectors))
        longest = max(longest, square / (scale * denominator**2))
    basis = obtuse_superbase(form, lattice[1])[:3]
    unit = scale * lattice[0] ** 2
    reduced = np.array([[_dot(v, _times(form, w)) / unit for w in basis] for v in basis])
    rounded = np.array([[round(v * LARGEST_SQUARED_LENGTH / longest) for v in row] for row in reduced.tolist()])
    isometries = lattice_isometries(reduced)
    images = isometries @ (rounded if abs(rounded).max() < LARGEST_INTEGER else rounded.astype(object))
    mean = (images[:, :, None, :] * isometries[:, None, :, :]).sum(axis=(0, 3)).tolist()
    a, b, c = basis
    columns = [_cross(b, c), _cross(c, a), _cross(a, b)]  # the inverse basis times its determinant
    halfway = [[sum(columns[k][i] * mean[k][j] for k in range(3)) for j in range(3)] for i in range(3)]
    return [[sum(row[k] * columns[k][j] for k in range(3)) for j in range(3)] for row in halfway]


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
    products = COEFFICIENTS @ metric @ COEFFICIENTS.T
    size = np.sqrt(np.diag(metric))
    while True:
        alike = [np.flatnonzero(np.abs(np.diag(products) - s * s) <= tolerance * s * s) for s in size]
        a, b, c = (m.ravel() for m in np.meshgrid(*alike, indexing="ij"))
        fits = np.ones(len(a), dtype=bool)
        for (i, m), (j, n) in itertools.combinations(enumerate((a, b, c)), 2):
            fits &= np.abs(products[m, n] - metric[i, j]) <= tolerance * size[i] * size[j]
        found = COEFFICIENTS[np.stack([a, b, c], axis=1)[fits]]
        found = found[np.abs(np.rint(np.linalg.det(found))) == 1]
        count = len(found)
        combined = found.reshape(-1, 3) @ found.transpose(1, 0, 2).reshape(3, -1)
        combined = combined.reshape(count, 3, count, 3).transpose(0, 2, 1, 3).reshape(-1, 9)
        if np.abs(combined).max() <= 2 and np.isin(combined @ FIFTHS, found.reshape(-1, 9) @ FIFTHS).all():
            return np.asarray(found, dtype=np.int64)
        tolerance /= 2


def common_lattice(transformation: Exact) -> Exact:
    """Return a basis (rows) of the integer vectors h for which T·h is integer too, as fractions."""
    denominator, rows = integer_rows(np.concatenate([np.eye(3, dtype=object), transformation]))
    finest = np.array([[Fraction(v, denominator) for v in row] for row in row_basis(rows)], dtype=object)
    return inverse_of(finest).T


def row_basis(vectors: Integers) -> Integers:
    """Return a basis, in triangular form, of the lattice that integer vectors generate."""
    rows = [list(v) for v in vectors]
    for column in range(3):
        while True:
            live = [r for r in range(column, len(rows)) if rows[r][column]]
            pivot = min(live, key=lambda r: abs(rows[r][column]))
            rows[column], rows[pivot] = rows[pivot], rows[column]
            if len(live) == 1:
                break
            for r in range(column + 1, len(rows)):
                times = rows[r][column] // rows[column][column]
                rows[r] = [v - times * p for v, p in zip(rows[r], rows[column], strict=True)]
    return rows[:3]


def _dot(a: list[int], b: list[int]) -> int:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _times(rows: Integers, v: list[int]) -> list[int]:
    return [_dot(row, v) for row in rows]


def _cross(a: list[int], b: list[int]) -> list[int]:
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
