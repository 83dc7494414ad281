"""Unique reflections of a ball in reciprocal space: which stand for the others under a space group, and back.

For a density with rho(W x + w) = rho(x) the structure factors ``F(h) = (1/N) sum rho(x) exp(-2 pi i h.x)`` satisfy
``F(h W) = exp(2 pi i h.w) F(h)`` (h a row), and ``F(-h) = conj F(h)``.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from symfft import AsymmetricUnit, SpaceGroup
from symfft_models._array_types import ComplexArray, IntArray

#: Weights of h, k, l in the rank by which one reflection of a class stands for the others: the largest (h, k, l).
RANK = np.array([1 << 40, 1 << 20, 1])


@lru_cache(maxsize=16)
def operators(group: SpaceGroup) -> tuple[IntArray, NDArray[np.float64]]:
    """Return one rotation and translation for each distinct rotation of a group: centring adds only absences."""
    rotations = np.asarray(group.rotations, dtype=np.int64)
    _, first = np.unique(rotations.reshape(-1, 9), axis=0, return_index=True)
    return rotations[first], group.numerators[first] / group.denominator


@lru_cache(maxsize=16)
def _columns(group: SpaceGroup) -> list[IntArray]:
    return [np.unique(operators(group)[0][:, :, axis], axis=0).T for axis in range(3)]


def reach(group: SpaceGroup, hkl: NDArray[np.integer]) -> list[int]:
    """Return the largest absolute index along each axis among all images of some reflections (n, 3).

    Examples
    --------
    >>> import numpy as np
    >>> reach(SpaceGroup.from_number(225), np.array([[4, 0, 2]]))
    [4, 4, 4]
    """
    return [int(np.abs(hkl @ columns).max(initial=0)) for columns in _columns(group)]


def image_ranks(rotations: IntArray, hkl: NDArray[np.integer]) -> IntArray:
    """Return the ranks (n, o) of the images h W of reflections (n, 3) under rotations (o, 3, 3).

    Examples
    --------
    >>> import numpy as np
    >>> swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    >>> bool((image_ranks(swap[None], np.array([[1, 2, 3]])) == np.array([[2, 1, 3]]) @ RANK).all())
    True
    """
    # as float64, which is multiplied quickest, and exactly while indices are below 2000
    return np.asarray((hkl.astype(np.float64) @ (rotations @ RANK).T.astype(np.float64)).astype(np.int64))


def plane_waves(points: NDArray[np.float64], hkl: NDArray[np.integer]) -> NDArray[np.complex128]:
    """Return ``exp(-2 pi i h.x)`` (m, n) of points x (m, 3) at reflections h (n, 3): a product of one factor an axis.

    Examples
    --------
    >>> import numpy as np
    >>> found = plane_waves(np.array([[0.5, 0.25, 0.0]]), np.array([[0, 0, 0], [1, 0, 7], [0, -1, 1]]))
    >>> bool(np.allclose(found, [[1, -1, 1j]]))
    True
    """
    found = np.ones((len(points), len(hkl)), dtype=np.complex128)
    for x, index in zip(points.T, hkl.T, strict=True):
        least = index.min(initial=0)
        powers = np.exp(-2j * np.pi * np.outer(x, np.arange(least, index.max(initial=0) + 1)))
        found *= powers.take(index - least, axis=1)
    return found


def reduce_reflections(
    group: SpaceGroup, hkl: IntArray, values: ComplexArray
) -> tuple[IntArray, NDArray[np.complex128], float]:
    """Average structure factors over the group and keep one of each class of symmetry-related reflections.

    Parameters
    ----------
    group : SpaceGroup
        In the setting of the indices.
    hkl : (n, 3) int
        Reflections of a ball, one at least of each pair of opposite ones.
    values : (s, n) complex
        s sets of structure factors.

    Returns
    -------
    unique : (m, 3) int64
        The reflection of each class with the largest (h, k, l), in order of h² + k² + l²; absent ones are left out.
    reduced : (s, m) complex128
        Their averaged structure factors.
    residual : float
        Largest difference between a structure factor and what its class says, relative to the largest of all.

    Raises
    ------
    ValueError
        If the reflections are not a whole ball.
    """
    rotations, translations = operators(group)
    both = np.concatenate([hkl, -hkl])
    size = 2 * int(np.abs(both).max()) + 1
    table = np.full((len(values), size, size, size), np.nan + 0j)
    table[:, *both.T] = np.concatenate([values, values.conj()], axis=1)
    ranked = np.array([size**2, size, 1])
    images = np.einsum("ni,oij->noj", both, rotations)
    best = np.maximum((images @ ranked).max(1), (-images @ ranked).max(1))
    keys, first = np.unique(both @ ranked, return_index=True)
    unique = both[first][keys == best[first]]
    members = np.einsum("ni,oij->onj", unique, rotations)
    phases = np.exp(2j * np.pi * (translations @ unique.T))
    found = table[:, members[..., 0], members[..., 1], members[..., 2]]
    if np.isnan(found).any() or not np.isin(best, keys).all():
        raise ValueError("the reflections are not a whole ball: some have images that are not among them")
    reduced = (found * phases.conj()).mean(1)
    residual = float(np.max(np.abs(found - phases * reduced[:, None])) / np.abs(values).max())
    same = (members == unique).all(2)
    absent = (same & (np.abs(phases - 1) > 1e-6)).any(0) | _absent_by_centring(group, unique)
    length = np.linalg.norm(unique, axis=1)
    order = np.lexsort((-(unique @ ranked), length))
    order = order[~absent[order]]
    return unique[order], reduced[:, order], residual


def _absent_by_centring(group: SpaceGroup, hkl: IntArray) -> NDArray[np.bool_]:
    rotations = np.asarray(group.rotations)
    centring = group.numerators[(rotations == np.eye(3, dtype=int)).all((1, 2))] / group.denominator
    return np.asarray((np.abs(np.exp(2j * np.pi * (hkl @ centring.T)) - 1) > 1e-6).any(1))


def expand_reflections(
    group: SpaceGroup, unique: IntArray, values: ComplexArray, shape: tuple[int, int, int]
) -> ComplexArray:
    """Return the structure factors of a whole grid, zero where the unique reflections do not reach.

    A class with a reflection on or beyond the highest frequency is left out whole, since a part of it is not symmetric.

    Parameters
    ----------
    group : SpaceGroup
        In the setting of the indices.
    unique : (m, 3) int
        One reflection of each class.
    values : (m,) complex
        Their structure factors.
    shape : (3,) int
        Grid; F(h) comes at h modulo the shape.
    """
    grid = np.zeros(shape, dtype=np.complex128)
    sizes = np.array(shape)
    rotations, translations = operators(group)
    whole = np.ones(len(unique), dtype=bool)
    for rotation in rotations:
        whole &= (2 * np.abs(unique @ rotation) < sizes).all(1)
    unique, values = unique[whole], values[whole]
    for rotation, translation in zip(rotations, translations, strict=True):
        members = unique @ rotation
        factors = values * np.exp(2j * np.pi * (unique @ translation))
        grid[tuple((members % sizes).T)] = factors
        grid[tuple((-members % sizes).T)] = factors.conj()
    return grid


def at_reflections_of(unit: AsymmetricUnit, hkl: IntArray, values: ComplexArray) -> NDArray[np.complex128]:
    """Return the structure factors of a density at the reflections ``unit.hkl`` of an asymmetric unit.

    Classes with a reflection on or beyond the grid's highest frequency are left out, as zero.

    Parameters
    ----------
    unit : AsymmetricUnit
        Of any grid.
    hkl : (m, 3) int
        One reflection of each class, in the setting of the unit's group.
    values : (m,) complex
        Their structure factors ``F(h) = (1/N) sum rho(x) exp(-2 pi i h.x)``.
    """
    wanted, factors, conjugate = _standing_for(unit)
    given = hkl @ RANK
    order = np.argsort(given)
    place = order[np.minimum(np.searchsorted(given, wanted, sorter=order), len(given) - 1)]
    found = np.where(given[place] == wanted, values[place], 0)
    return np.asarray(np.where(conjugate, found.conj(), found) * factors)


@lru_cache(maxsize=8)
def _standing_for(unit: AsymmetricUnit) -> tuple[IntArray, NDArray[np.complex128], NDArray[np.bool_]]:
    """Return which reflection stands for each of the unit's, as its rank, and how the unit's follows from it.

    ``F(h) = factor F(first)``, or of the conjugate; the factor is 0 at the grid's highest frequency.
    """
    rotations, translations = operators(unit.space_group)
    hkl = unit.hkl.astype(np.int64)
    images = np.einsum("ni,oij->noj", hkl, rotations)
    ranks = images @ RANK
    operator = np.abs(ranks).argmax(1)
    rank = np.take_along_axis(ranks, operator[:, None], 1)[:, 0]
    factors = np.exp(-2j * np.pi * (hkl * translations[operator]).sum(1))
    factors[(2 * np.abs(images) >= np.array(unit.shape)).any((1, 2))] = 0
    return np.abs(rank), factors, rank < 0
