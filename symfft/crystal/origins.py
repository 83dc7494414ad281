"""Origins of a reference setting that its operators make no difference between, and the nearest of them."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import FloatArray, IntArray
from symfft.crystal.exact import PARTS
from symfft.crystal.lattice import reduced_basis
from symfft.crystal.operators import Exact, integer_rows, remainder, translation_lattice
from symfft.crystal.space_group import reference_group

#: Squared distances closer than this, relative to the cell, are equal.
TIE = 1e-6


def nearest_origin(number: int, origin_shift: Exact, from_primitive: Exact, lattice: FloatArray) -> Exact:
    """Return the shift p to the equivalent origin that is nearest to a crystal's own origin.

    Parameters
    ----------
    number : int
        Of the space group.
    origin_shift, from_primitive : (3,) and (3, 3) Fraction
        p and C of one way to the reference setting, ``x_std = C x' + p`` from the primitive cell.
    lattice : (3, 3) float64
        Basis vectors of the primitive cell as rows, in Å.
    """
    shifts, free, centring = equivalent_origins(number)
    origin = _fixed(origin_shift, free)
    if not origin.any():
        return origin
    if len(shifts) > 1:
        points = -(origin.astype(np.float64) + shifts / PARTS) @ np.linalg.inv(from_primitive.astype(float)).T
        distance, places = _from_lattice_points(points, lattice)
        near = np.flatnonzero(distance <= distance.min() + TIE * abs(np.linalg.det(lattice)) ** (2 / 3))
        best = min(near.tolist(), key=lambda i: np.round(places[i] @ lattice, 4).tolist())
        origin = origin + shifts[best] * Fraction(1, PARTS)
    d, (numerators,) = integer_rows(np.array([[*origin, Fraction(1, PARTS)]], dtype=object))
    reduced = numerators[:3]
    for i, row in enumerate(centring):
        times = PARTS * reduced[i] // (row[i] * d)
        reduced = [v - times * r * d // PARTS for v, r in zip(reduced, row, strict=True)]
    return _fixed(np.array([Fraction(v, d) for v in reduced], dtype=object), free)


@cache
def equivalent_origins(number: int) -> tuple[IntArray, NDArray[np.bool_], list[list[int]]]:
    """Return shifts of the origin that leave the operators as they are: the Euclidean normalizer's translations.

    As multiples of 1/24, one modulo each vector of the lattice; with them, which axes are free (any shift along them
    does), and a basis of the lattice.
    """
    reference = reference_group(number)
    kinds, first = point_operators(number)
    copies = len(reference.rotations) // len(first)
    centring = translation_lattice(reference.numerators[:copies] * (PARTS // reference.denominator), PARTS)
    free = (kinds == np.eye(3, dtype=np.int64)).all(axis=1).all(axis=0)
    steps = np.indices([1 if f else PARTS for f in free]).reshape(3, -1).T
    basis = np.array(centring)
    steps = np.unique(remainder(steps, basis, PARTS), axis=0)
    for w in kinds:
        steps = steps[~remainder(steps @ (w - np.eye(3, dtype=np.int64)).T, basis, PARTS).any(axis=1)]
    return steps, free, centring


@cache
def point_operators(number: int) -> tuple[IntArray, NDArray[np.intp]]:
    """Return the matrices of a reference setting, and the first operator that has each."""
    rotations = reference_group(number).rotations
    copies = int((rotations == np.eye(3, dtype=np.int64)).all(axis=(1, 2)).sum())
    first = np.arange(0, len(rotations), copies)
    return rotations[first], first


def _fixed(origin: Exact, free: NDArray[np.bool_]) -> Exact:
    """Return an origin with zeros along the axes on which any will do."""
    return np.array([Fraction(0) if f else v for v, f in zip(origin, free, strict=True)], dtype=object)


def _from_lattice_points(points: FloatArray, lattice: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return squared distances of points from the nearest lattice point, in Å², and the points relative to that."""
    metric = lattice @ lattice.T
    basis = reduced_basis(metric)
    inner = points @ np.linalg.inv(basis)
    steps = np.indices((3, 3, 3)).reshape(3, -1).T - 1
    around = ((inner - np.rint(inner))[:, None] + steps) @ basis
    distance = ((around @ lattice) ** 2).sum(axis=-1)
    least = distance.argmin(axis=1)
    rows = np.arange(len(points))
    return distance[rows, least], around[rows, least]
