"""Which parts of which structure factors the entries of an orthonormal real vector are, and with which factors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import IntArray
from symfft._immutable import frozen
from symfft._tables import once
from symfft.au import AsymmetricUnit
from symfft.fourier.lengths import metric_of
from symfft.fourier.reflections import centred

#: A lattice, hashable.
Rows = tuple[tuple[float, ...], ...]

#: What an entry holds of its structure factor.
REAL, IMAGINARY, CENTRIC = 0, 1, 2


class RealBasis(NamedTuple):
    """What the entries of :func:`au_real_dft` are.

    Attributes
    ----------
    hkl : (n, 3) int64
        The reflection whose structure factor the entry is a part of: of each class (*star*: equivalent reflections and
        their Friedel mates) the one whose components in (-N/2, N/2] come last lexicographically, as the shortest
        vector that the grid cannot tell from it.
    length : (n,) float64
        Its length, ascending: 1/d in 1/Å with a lattice, else in cycles per grid step, ``|h|/N`` in cubic axes.
    star : (n,) int64
        Number of its star: 0, 1, 2, …; the entries of a star are neighbours.
    multiplicity : (n,) int64
        Reflections in the star.
    part : (n,) int8
        0 for Re F and 1 for Im F of acentric stars, 2 for the component of a centric F along its allowed phase in
        [0, π).
    """

    hkl: IntArray
    length: NDArray[np.float64]
    star: IntArray
    multiplicity: IntArray
    part: NDArray[np.int8]

    def __reduce__(self) -> tuple[Callable[..., RealBasis], tuple[object, ...]]:
        return _read_only, tuple(self)

    def __deepcopy__(self, memo: object) -> RealBasis:
        return self


class Layout(NamedTuple):
    """How the real vector is cut out of the structure factors.

    ``c_i = Re(a_i F(h_i))`` and ``F(h) = Σ_i conj(a_i) / |a_i|² c_i`` over the one or two i of h: ``which`` (n,) says
    where h_i is in `au.hkl`, ``factors`` are the a_i, ``inverse_factors`` those of the way back.
    """

    basis: RealBasis
    which: IntArray
    factors: NDArray[np.complex128]
    inverse_factors: NDArray[np.complex128]


def layout_of(au: AsymmetricUnit, lattice: Rows | None) -> Layout:
    """Return the layout of an asymmetric unit's real vector, cached with the unit."""
    return once(au.fourier, ("layout", lattice), lambda: _layout(au, lattice))


def _layout(au: AsymmetricUnit, lattice: Rows | None) -> Layout:
    reflections = au.fourier.reflections
    hkl = _last_of_each_class(reflections.labels, len(reflections.hkl))
    metric = metric_of(au.space_group, au.shape, lattice)
    shortest = metric.shortest(hkl)
    order = np.lexsort((*hkl.T[::-1], metric.squared(shortest)))

    # F(hkl) = exp(2πi phase / denominator) F(au.hkl), of its conjugate where mirrored
    _, phase, mirrored = reflections.exact_relation(hkl)
    conjugated = np.where(mirrored, -1, 1)
    centric = reflections.centric >= 0
    axis = (2 * phase + conjugated * reflections.centric) % reflections.denominator
    turns = conjugated * (phase - np.where(centric, axis / 2, 0)) / reflections.denominator

    entries = np.where(centric, 1, 2)[order]
    star = np.repeat(np.arange(len(order)), entries)
    which = order[star]
    second = np.append(False, star[1:] == star[:-1])
    # Im F = Re(-i F), Im conj F = Re(i F)
    quarter = np.where(second, -conjugated[which], 0) / 4
    size = np.sqrt(reflections.multiplicity[which] / math.prod(au.shape))
    factors = size * np.exp(2j * np.pi * (turns[which] + quarter))

    part = np.where(centric[which], CENTRIC, np.where(second, IMAGINARY, REAL)).astype(np.int8)
    lengths, multiplicity = metric.lengths(shortest)[which], reflections.multiplicity[which]
    basis = _read_only(shortest[which], lengths, star, multiplicity, part)
    return Layout(basis, frozen(which), frozen(factors), frozen(factors.conj() / size**2))


def _read_only(
    hkl: IntArray, length: NDArray[np.float64], star: IntArray, multiplicity: IntArray, part: NDArray[np.int8]
) -> RealBasis:
    return RealBasis(frozen(hkl), frozen(length), frozen(star), frozen(multiplicity), frozen(part))


def _last_of_each_class(labels: NDArray[np.int32], classes: int) -> IntArray:
    """Return of each class the reflection that comes last, its components in (-N/2, N/2], (n_h, 3)."""
    shape = labels.shape
    descending = [np.arange(n // 2, n // 2 - n, -1) % n for n in shape]
    labels = labels[np.ix_(*descending)].reshape(-1)
    places = np.flatnonzero(labels >= 0)
    first = np.full(classes, labels.size)
    np.minimum.at(first, labels[places], places)
    found = np.unravel_index(first, shape)
    residues = np.stack([d[i] for d, i in zip(descending, found, strict=True)], axis=-1)
    return centred(residues, (shape[0], shape[1], shape[2]))
