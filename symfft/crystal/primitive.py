"""Translations within the cell of a crystal: supercells brought to a primitive cell before anything else is searched.

Sites that a translation repeats are found with a tree of neighbours, and only translations are tried that generate a
new lattice, so that n sites take time in proportion to n log n. spglib takes the cube of n where they lie on one line.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import gcd
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import FloatArray, IntArray
from symfft.crystal.lattice import reduced_basis
from symfft.crystal.operators import Exact, inverse_of, remainder, translation_lattice
from symfft.errors import SpaceGroupError

Triangle = tuple[tuple[int, ...], ...]

#: With more sites than this, a tree finds the nearest one faster than their distances do. The axes of a group are told
#: from 96 points at most: scipy.spatial, a third of `symfft info`, is loaded for large cells only.
FEW = 96
#: Basis of a cell that is primitive.
IDENTITY: Triangle = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
#: Sites of a kind on which a translation is tried before all.
TRIED = 8


class Crystal(NamedTuple):
    """Sites in a primitive cell.

    Attributes
    ----------
    denominator, basis : int, 3 × 3 int
        The primitive cell's basis vectors, as rows of basis / denominator in those of the crystal's own cell.
    lattice : (3, 3) float64
        The same in Å.
    positions, kinds : (n, 3) float64, (n,) int64
        Sites in the primitive cell, fractional; of sites that a translation repeats, the mean.
    """

    denominator: int
    basis: Triangle
    lattice: FloatArray
    positions: FloatArray
    kinds: IntArray


def folded(
    lattice: FloatArray, positions: FloatArray, kinds: IntArray, denominator: int, basis: Triangle, label: IntArray
) -> Crystal:
    """Return a crystal in a primitive cell; sites with the same label are copies of one.

    Raises
    ------
    SpaceGroupError
        If sites have not as many copies as the cell holds primitive cells.
    """
    cell = np.array(basis) / denominator
    inner = positions @ np.linalg.inv(cell)
    _, first, which, copies = np.unique(label, return_index=True, return_inverse=True, return_counts=True)
    expected = len(first) * denominator**3 / abs(basis[0][0] * basis[1][1] * basis[2][2])
    if (copies * len(first) != len(label)).any() or abs(expected - len(label)) > 1e-6 * len(label):
        raise SpaceGroupError(
            f"{len(label)} sites are not whole copies of the {len(first)} in the primitive cell: use another symprec"
        )
    apart = inner - inner[first][which]
    mean = np.zeros((len(first), 3))
    np.add.at(mean, which, apart - np.rint(apart))
    return Crystal(denominator, basis, cell @ lattice, inner[first] + mean / copies[:, None], kinds[first])


@lru_cache(maxsize=256)
def to_primitive(denominator: int, basis: Triangle) -> Exact:
    """Return M with x' = M x, from a crystal's own cell to its primitive cell."""
    return inverse_of(np.array(basis, dtype=object) * Fraction(1, denominator)).T


class Sites:
    """Sites of a crystal, ready to be asked which of them is nearest to a point.

    Parameters
    ----------
    lattice : (3, 3) float64
        Basis vectors as rows, in Å.
    positions : (n, 3) float64
        Sites, fractional.
    """

    def __init__(self, lattice: FloatArray, positions: FloatArray) -> None:
        self.lattice, self.positions = lattice, positions
        self._tree: Any = None
        if len(positions) > FEW:
            from scipy.spatial import cKDTree

            # in a reduced basis the largest of the distances along the three heights of the cell says what is near
            basis = reduced_basis(lattice @ lattice.T)
            self._to_reduced = np.linalg.inv(basis)
            self._heights = 1 / np.linalg.norm(np.linalg.inv(basis @ lattice), axis=0)
            self._tree = cKDTree(self._scaled(positions), boxsize=self._heights)

    def nearest(self, points: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return the site nearest to each point.

        Parameters
        ----------
        points : (p, 3) float64
            Fractional.

        Returns
        -------
        tuple
            Numbers of the sites (p,), the points relative to these (p, 3), fractional, and the distances (p,) in Å.
        """
        if self._tree is None:
            apart = points[:, None] - self.positions
            apart -= np.rint(apart)
            square = ((apart @ self.lattice) ** 2).sum(axis=-1)
            found = square.argmin(axis=1)
            rows = np.arange(len(points))
            return found, apart[rows, found], np.sqrt(square[rows, found])
        found = self._tree.query(self._scaled(points), p=np.inf)[1]
        apart = points - self.positions[found]
        apart -= np.rint(apart)
        return found, apart, np.linalg.norm(apart @ self.lattice, axis=1)

    def are_apart(self, distance: float) -> bool:
        """Whether no two sites are nearer to each other than a distance in Å."""
        if self._tree is None:
            apart = self.positions[:, None] - self.positions
            apart -= np.rint(apart)
            square = ((apart @ self.lattice) ** 2).sum(axis=-1)
            np.fill_diagonal(square, np.inf)
            return bool(square.min() > distance**2)
        return bool(self._tree.query(self._tree.data, k=2, p=np.inf)[0][:, 1].min() > distance)

    def _scaled(self, points: FloatArray) -> FloatArray:
        inner = points @ self._to_reduced
        inner -= np.floor(inner)
        return np.asarray(np.where(inner < 1, inner, 0.0) * self._heights)


def primitive_crystal(
    lattice: FloatArray, positions: FloatArray, kinds: IntArray, near: float, far: float
) -> tuple[Crystal, IntArray] | None:
    """Find the primitive cell of a crystal, and which of its sites are copies of each other.

    The number of copies divides that of the sites of every kind, so that translations are multiples of one over the
    greatest common divisor.

    Parameters
    ----------
    lattice, positions, kinds : (3, 3) float64, (n, 3) float64, (n,) int64
        The crystal.
    near, far : float
        Distances in Å: up to `near` a site coincides with the image of another, from `far` on it does not.

    Returns
    -------
    tuple of Crystal and (n,) int64, or None
        Copies of a site have the same number. None where a distance lies between the two, or sites lie nearer to each
        other than `far`.
    """
    if not Sites(lattice, positions).are_apart(far):
        return None
    names, counts = np.unique(kinds, return_counts=True)
    of_kind = [np.flatnonzero(kinds == name) for name in names[np.argsort(counts, kind="stable")]]
    sites = [Sites(lattice, positions[own]) for own in of_kind]
    parts = gcd(*counts.tolist())
    if parts == 1:
        return Crystal(1, IDENTITY, lattice, positions, kinds), np.arange(len(kinds))
    shifts = sites[0].positions - sites[0].positions[0]
    candidates = np.rint(parts * shifts)
    fits = _fit(np.linalg.norm((shifts - candidates / parts) @ lattice, axis=1), near, far)
    if fits is None:
        return None
    numerators = np.unique(candidates[fits].astype(np.int64) % parts, axis=0)
    for one in sites:
        some = one.positions[:: max(1, len(one.positions) // TRIED)][:TRIED]
        distance = one.nearest((some + numerators[:, None] / parts).reshape(-1, 3))[2]
        fits = _fit(distance.reshape(len(numerators), -1).max(axis=1), near, far)
        if fits is None:
            return None
        numerators = numerators[fits]
    copy_of = np.arange(len(kinds))
    basis = translation_lattice(numerators[:0], parts)
    while len(numerators := numerators[remainder(numerators, np.array(basis), parts).any(axis=1)]):
        image = np.empty(len(kinds), dtype=np.int64)
        largest = 0.0
        for own, one in zip(of_kind, sites, strict=True):
            found, _, distance = one.nearest(one.positions + numerators[0] / parts)
            image[own], largest = own[found], max(largest, float(distance.max()))
        if near < largest <= far or (largest <= near and len(np.unique(image)) != len(image)):
            return None
        if largest <= near:
            basis = translation_lattice(np.array([numerators[0], *basis]), parts)
            for _ in range(parts.bit_length()):  # the least number among the images under all multiples
                copy_of = np.minimum(copy_of, copy_of[image])
                image = image[image]
        numerators = numerators[1:]
    try:
        return folded(lattice, positions, kinds, parts, tuple(map(tuple, basis)), copy_of), copy_of
    except SpaceGroupError:
        return None


def _fit(distance: FloatArray, near: float, far: float) -> NDArray[np.bool_] | None:
    """Return which images fall on sites; None where a distance leaves that open."""
    fits = distance <= near
    return None if (distance[~fits] <= far).any() else fits
