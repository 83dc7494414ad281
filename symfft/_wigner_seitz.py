"""Shortest representatives of frequency classes: Wigner-Seitz cells of reciprocal grid lattices, in exact integers.

A DFT on a grid of shape N cannot tell the frequency h from h + N·Z³. Of each class the shortest members are meant,
those in the closed Wigner-Seitz cell of the lattice N·Z³. Which members are equally short must not hang on the last
decimals of a lattice, or the point symmetry would be lost there. Therefore lengths are measured with an integer
quadratic form that is *exactly* invariant under every isometry of the lattice, and compared without a tolerance.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from symfft.errors import ShapeError
from symfft.rational import Exact, integer_rows, inverse_of

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

#: Two metrics count as equal where their entries differ by at most this, relative to the lengths of the vectors.
ISOMETRY_TOLERANCE = 1e-3
#: Squared lengths reach this; 48 isometries, denominators and three terms still fit into 63 bits.
LARGEST_SQUARED_LENGTH = 2**40
#: Largest coefficient of a face: times three frequencies, it still fits.
LARGEST_INTEGER = 2**50


@dataclass(frozen=True)
class WignerSeitzCell:
    """The integer points h with |normals · h| <= bounds: a closed cell, faces included.

    Attributes
    ----------
    normals : (f, 3) int64
    bounds : (f,) int64
    """

    normals: IntArray
    bounds: IntArray

    def intersect(self, other: WignerSeitzCell) -> WignerSeitzCell:
        """Return the points that lie in both cells."""
        return WignerSeitzCell(
            np.concatenate([self.normals, other.normals]), np.concatenate([self.bounds, other.bounds])
        )

    def extent(self, directions: FloatArray) -> FloatArray:
        """Return the largest value of |directions · x| over the cell's real points x, (d,) float."""
        planes = np.concatenate([self.normals, -self.normals]) / np.tile(self.bounds, 2)[:, None]
        triples = np.array(list(itertools.combinations(range(len(planes)), 3)))
        meet = planes[triples]
        solvable = np.abs(np.linalg.det(meet)) > 1e-9 * np.prod(np.linalg.norm(meet, axis=2), axis=1)
        corners = np.linalg.solve(meet[solvable], np.ones((int(solvable.sum()), 3, 1)))[..., 0]
        corners = corners[np.all(corners @ planes.T <= 1 + 1e-9, axis=1)]
        return np.asarray(np.abs(corners @ directions.T).max(axis=0), dtype=np.float64)

    def planes(self) -> Iterator[tuple[int, IntArray, IntArray]]:
        """Yield the points plane by plane: h₁, and the h₂ and h₃ of all points with that h₁.

        The cell is convex, so that its points on a line along the third axis are one interval.
        """
        reach = np.ceil(self.extent(np.eye(3))).astype(np.int64)
        flip = np.where(self.normals[:, 2] < 0, -1, 1)
        c0, c1, c2 = (self.normals * flip[:, None]).T[:, :, None]
        bounds = self.bounds[:, None]
        slanted = c2[:, 0] > 0
        h2 = np.arange(-reach[1], reach[1] + 1)
        for h1 in range(-int(reach[0]), int(reach[0]) + 1):
            s = c0 * h1 + c1 * h2
            allowed = np.all(np.abs(s) <= bounds, axis=0, where=~slanted[:, None])
            low = (-((bounds + s)[slanted] // c2[slanted])).max(axis=0)
            high = ((bounds - s)[slanted] // c2[slanted]).min(axis=0)
            count = np.where(allowed, np.maximum(high - low + 1, 0), 0)
            start = low - (np.cumsum(count) - count)
            yield h1, np.repeat(h2, count), np.arange(count.sum()) + np.repeat(start, count)


def wigner_seitz_cell(form: Exact, lattice: Exact) -> WignerSeitzCell:
    """Return the points that are nowhere nearer to another lattice point than to the origin.

    Only the seven pairs of Voronoi vectors matter: the partial sums of an obtuse superbase.

    Parameters
    ----------
    form : (3, 3) array of int or Fraction
        Positive definite quadratic form Q; the squared length of h is hᵀQh.
    lattice : (3, 3) array of int or Fraction
        Basis vectors as rows, in the coordinates of h.

    References
    ----------
    J. H. Conway & N. J. A. Sloane, Proc. R. Soc. Lond. A 436 (1992) 55-68, theorem 3.
    """
    basis = obtuse_superbase(form, lattice)[:3]
    subsets = [s for s in itertools.product((0, 1), repeat=3) if any(s)]
    rows = []
    for vector in np.array(subsets, dtype=object) @ basis:
        gradient = form @ vector
        _, [row] = integer_rows(np.array([[*(2 * gradient), vector @ gradient]], dtype=object))
        divisor = math.gcd(*row)
        rows.append([v // divisor for v in row])
    if max(abs(v) for row in rows for v in row) >= LARGEST_INTEGER:
        raise ShapeError(
            f"the aliases {[[str(v) for v in row] for row in lattice]} need integers above {LARGEST_INTEGER}: "
            "use a cell matrix with smaller numbers, or smaller grids"
        )
    table = np.array(rows, dtype=np.int64)
    return WignerSeitzCell(table[:, :3], table[:, 3])


def obtuse_superbase(form: Exact, lattice: Exact) -> Exact:
    """Return four vectors with sum zero and no acute angle, any three a basis of the lattice (Selling reduction)."""
    v = list(lattice)
    reducing = True
    while reducing:
        # whole multiples first: Selling's steps take single ones
        reducing = False
        for i, j in itertools.permutations(range(3), 2):
            times = round(Fraction(v[i] @ form @ v[j]) / (v[j] @ form @ v[j]))
            v[i] = v[i] - times * v[j]
            reducing |= times != 0
    v.append(-v[0] - v[1] - v[2])
    pairs = list(itertools.combinations(range(4), 2))
    while True:
        acute = next(((i, j) for i, j in pairs if v[i] @ form @ v[j] > 0), None)
        if acute is None:
            return np.array(v, dtype=object)
        i, j = acute
        for k in set(range(4)) - {i, j}:
            v[k] = v[k] + v[i]
        v[i] = -v[i]


def invariant_form(metric: FloatArray, lattice: Exact, aliases: Sequence[Exact]) -> Exact:
    """Return an exact quadratic form close to `metric` that every isometry of `lattice` leaves unchanged.

    Parameters
    ----------
    metric : (3, 3) float
        Squared lengths hᵀ·metric·h, known to a few decimals.
    lattice : (3, 3) array of int or Fraction
        Basis vectors as rows, in the coordinates of h.
    aliases : sequence of (3, 3) arrays of int or Fraction
        The lattices whose Wigner-Seitz cells are wanted: their vectors are the longest that will be compared.
    """
    form = np.array([[Fraction(float(v)) for v in row] for row in (metric + metric.T) / 2], dtype=object)
    longest = max(float(v @ form @ v) for grid in aliases for v in obtuse_superbase(form, grid))
    basis = obtuse_superbase(form, lattice)[:3]
    reduced = basis @ form @ basis.T
    rounded = np.array(
        [[round(float(v) * LARGEST_SQUARED_LENGTH / longest) for v in row] for row in reduced], dtype=object
    )
    isometries = lattice_isometries(reduced.astype(np.float64)).astype(object)
    inverse = inverse_of(basis)
    return np.asarray(inverse @ np.sum([w @ rounded @ w.T for w in isometries], axis=0) @ inverse.T)


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
    # an isometry maps an obtuse superbase to one, whose vectors are Voronoi vectors: all of them have such coefficients
    vectors = np.array([v for v in itertools.product(range(-2, 3), repeat=3) if any(v)])
    products = vectors @ metric @ vectors.T
    size = np.sqrt(np.diag(metric))
    while True:
        alike = [np.flatnonzero(np.abs(np.diag(products) - s * s) <= tolerance * s * s) for s in size]
        a, b, c = (m.ravel() for m in np.meshgrid(*alike, indexing="ij"))
        fits = np.ones(len(a), dtype=bool)
        for (i, m), (j, n) in itertools.combinations(enumerate((a, b, c)), 2):
            fits &= np.abs(products[m, n] - metric[i, j]) <= tolerance * size[i] * size[j]
        found = vectors[np.stack([a, b, c], axis=1)[fits]]
        found = found[np.abs(np.rint(np.linalg.det(found))) == 1]
        known = {w.tobytes() for w in found}
        if all((w @ v).tobytes() in known for w in found for v in found):
            return np.asarray(found, dtype=np.int64)
        tolerance /= 2


def common_lattice(transformation: Exact) -> Exact:
    """Return a basis (rows) of the integer vectors h for which T·h is integer too."""
    denominator, rows = integer_rows(np.concatenate([np.eye(3, dtype=object), transformation]))
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
    finest = np.array([[Fraction(v, denominator) for v in row] for row in rows[:3]], dtype=object)
    return inverse_of(finest).T
