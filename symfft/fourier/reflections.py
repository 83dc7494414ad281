"""Classes of reflections: which structure factors of a grid are unique, absent, centric, and how the rest follow.

``F(h) = Σ_m rho(m) exp(-2πi h·x_m)``, with h modulo the grid. From ``rho(W x + w) = rho(x)`` follows
``F(Wᵀh) = exp(+2πi h·w) F(h)``, from real rho ``F(-h) = conj F(h)``. A *class* holds all reflections that these
relations tie together. A reflection that is its own image with another phase is *absent*; one whose Friedel mate is
among its images is *centric*: its phase is fixed up to π.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import IntArray
from symfft._shape import Shape
from symfft.crystal.space_group import SpaceGroup
from symfft.fourier._reflection_kernels import UNSEEN, gather, gather_related, label_reflections


class Reflections(NamedTuple):
    """The classes of reflections of a grid under a group.

    Attributes
    ----------
    hkl : (n_h, 3) int64
        The reflection that stands for each class, components in (-N/2, N/2].
    candidate : (n_h,) int64
        The first candidate of each class.
    multiplicity : (n_h,) int64
        Reflections in each class, Friedel mates included.
    centric : (n_h,) int64
        p where ``F = exp(2πi p / denominator) conj F``, -1 for acentric classes.
    labels : (N0, N1, N2) int32
        Class of each h modulo the grid; negative where it is absent or in no class.
    phases : (N0, N1, N2) int16
        p where ``F(h) = exp(2πi p / denominator) F(first)``; -1 - p where that holds of the conjugate of F(first).
    denominator : int
        Of the phases.
    """

    hkl: IntArray
    candidate: IntArray
    multiplicity: IntArray
    centric: IntArray
    labels: NDArray[np.int32]
    phases: NDArray[np.int16]
    denominator: int

    @property
    def centric_factor(self) -> NDArray[np.complex128]:
        """The c of ``F = c conj F`` for centric classes, 0 for acentric ones, (n_h,)."""
        return np.where(self.centric >= 0, np.exp(2j * np.pi * self.centric / self.denominator), 0)

    def relation(self, hkl: IntArray) -> tuple[IntArray, NDArray[np.complex128], NDArray[np.bool_]]:
        """Return how any reflections follow: class (negative: absent), factor, and whether of the conjugate."""
        label, numerator, conjugate = self.exact_relation(hkl)
        turns = np.exp(2j * np.pi * np.arange(self.denominator) / self.denominator)
        return label, turns[numerator % self.denominator], conjugate

    def exact_relation(self, hkl: IntArray) -> tuple[IntArray, IntArray, NDArray[np.bool_]]:
        """Return how any reflections follow, with the p of the factor ``exp(2πi p / denominator)``."""
        at = np.zeros(hkl.shape[:-1], dtype=np.int64)
        for axis, n in enumerate(self.labels.shape):
            h = hkl[..., axis]
            at = at * n + h - h // n * n  # much quicker than np.mod
        phase = self.phases.reshape(-1)[at].astype(np.int64)
        conjugate = phase < 0
        return self.labels.reshape(-1)[at].astype(np.int64), np.where(conjugate, -1 - phase, phase), conjugate


def find_reflections(space_group: SpaceGroup, shape: Shape, candidates: IntArray) -> Reflections:
    """Find the classes of reflections, each one represented by its first candidate.

    Parameters
    ----------
    space_group : SpaceGroup
        The group; the grid must fit it.
    shape : (3,) int
        Shape of the grid.
    candidates : (k, 3) int
        Reflections in order of preference, components not far from (-N, N); together they should meet every class.

    Returns
    -------
    Reflections
        In the order in which the candidates meet the classes.
    """
    rotations, numerators, denominator = space_group.rotations, space_group.numerators, space_group.denominator
    _, distinct = np.unique(rotations.reshape(-1, 9), axis=0, return_index=True)
    centring = (rotations == np.eye(3, dtype=np.int64)).all(axis=(1, 2))
    labels = np.full(math.prod(shape), UNSEEN, dtype=np.int32)
    phases = np.zeros(math.prod(shape), dtype=np.int16)
    found = np.empty((3, len(candidates)), dtype=np.int64)
    count = label_reflections(
        np.ascontiguousarray(candidates),
        np.ascontiguousarray(rotations[distinct]),
        _turns(numerators[distinct], denominator, shape),
        _turns(numerators[centring], denominator, shape),
        denominator,
        np.array(shape, dtype=np.int64),
        labels,
        phases,
        found,
    )
    first, multiplicity, centric = found[:, :count]
    return Reflections(
        centred(candidates[first], shape),
        first.copy(),
        multiplicity.copy(),
        centric.copy(),
        labels.reshape(shape),
        phases.reshape(shape),
        denominator,
    )


def _turns(numerators: IntArray, denominator: int, shape: Shape) -> tuple[IntArray, IntArray, IntArray]:
    """Return ``h_i w_i`` modulo 1 for every h of each axis, as numerators."""
    x, y, z = (np.outer(w, np.arange(n)) % denominator for w, n in zip(numerators.T, shape, strict=True))
    return x, y, z


def centred(hkl: IntArray, shape: Shape) -> IntArray:
    """Return reflections modulo the grid, with components in (-N/2, N/2]."""
    found = np.array(hkl, dtype=np.int64)
    for axis, n in enumerate(shape):
        found[..., axis] -= (found[..., axis] + (n - 1) // 2) // n * n
    return found


def half_space(shape: Shape) -> IntArray:
    """Return the reflections that a real FFT computes, in C order: h, k over the grid, 0 <= l <= N/2."""
    grid = np.indices((shape[0], shape[1], shape[2] // 2 + 1), dtype=np.int64)
    return np.ascontiguousarray(grid.reshape(3, -1).T)


class Filling:
    """Fills a list of reflections from the unique ones, of which a centric one counts with its allowed phase only.

    Parameters
    ----------
    reflections : Reflections
        Classes, in the order of the unique ones.
    hkl : (k, 3) int
        Reflections to fill.
    """

    def __init__(self, reflections: Reflections, hkl: IntArray) -> None:
        label, factor, conjugate = reflections.relation(hkl)
        self._table = np.maximum(label, 0).astype(np.int32)
        centric = reflections.centric_factor[self._table]
        # most of a group with few operators is simply copied
        apart = np.flatnonzero((label < 0) | (factor != 1) | conjugate | (centric != 0)).astype(np.int32)
        self._apart, self._related = apart, self._table[apart]
        self._factor, self._conjugate = np.where(label < 0, 0, factor)[apart], conjugate[apart]
        self._centric = centric[apart]

    def __call__(self, coefficients: NDArray[Any]) -> NDArray[Any]:
        """Return F of the list, (b, k), from that of the unique reflections, (b, n_h); 0 where it is absent."""
        dtype = coefficients.dtype
        out = np.empty((len(coefficients), len(self._table)), dtype=dtype)
        gather(coefficients, self._table, out)
        factor, centric = self._factor.astype(dtype), self._centric.astype(dtype)
        real = coefficients.real.dtype
        given, factor, centric, filled = (x.view(real) for x in (coefficients, factor, centric, out))
        gather_related(given, self._apart, self._related, factor, self._conjugate, centric, filled)
        return out
