"""The way from a crystal to the ITA reference setting of its space group, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._array_types import FloatArray, IntArray
from symfft._shape import Shape, as_shape
from symfft.crystal.exact import ExactTranslations, exact_translations
from symfft.crystal.lattice import reduced_basis
from symfft.crystal.operators import Exact, change_basis, integer_rows, inverse_of
from symfft.crystal.origins import nearest_origin, point_operators
from symfft.crystal.primitive import Crystal, Triangle, to_primitive
from symfft.crystal.sites import SiteSymmetry, clear_symmetry
from symfft.crystal.space_group import SpaceGroup, reference_group
from symfft.crystal.spglib_search import Search, search_group, widely_searched
from symfft.crystal.structure import Cell, checked_structure
from symfft.errors import SpaceGroupError

Rows = tuple[tuple[Fraction, ...], ...]

#: From this number on (tetragonal to cubic) the operators say which axes are which; below, lengths and angles do.
AXES_BY_OPERATORS = 75
#: A metric without symmetry, and points without any, of which crystals with given operators are made.
GENERAL_METRIC = np.array([[1.0, 0.11, 0.23], [0.11, 1.37, 0.07], [0.23, 0.07, 1.91]])
GENERAL_POINTS = np.array([[0.1234, 0.3456, 0.0789], [0.4321, 0.2713, 0.1618]])
#: Tolerance, in Å, for these.
GENERAL_SYMPREC = 1e-5
#: Coordinates are rounded in the sixth decimal.
ROUNDING = 5e-7
#: How far an origin may be off, in units of the distance between sites and their images.
UNCERTAINTY = 2.0
#: Entries of operators in a cell reach this where those in a reduced cell are 0 and ±1, and integers of 64 bits may not
#: hold their products.
OBLIQUE = 1e4


@dataclass(frozen=True)
class Standardization:
    """How the cell of a crystal relates to the ITA reference setting of its group: ``x_std = P x + p``.

    Attributes
    ----------
    number, symbol : int, str
        The group's number and Hermann-Mauguin symbol in the reference setting.
    transformation : (3, 3) array of Fraction
        P. The basis vectors as columns obey ``(a, b, c) = (a_s, b_s, c_s) P``.
    origin_shift : (3,) array of Fraction
        p: simple fractions where the symmetry elements lie on such, else multiples of 2⁻⁴⁰ in the primitive cell.
    cell : (3, 3) array of Fraction
        T, the transpose of P⁻¹: with basis vectors as rows, the new ones are ``T @ lattice``.
    std_lattice : (3, 3) float
        Basis vectors of the reference setting as rows, in Å, in the orientation of the input.
    space_group : SpaceGroup
        The group in the cell and with the origin of the input.
    """

    number: int
    symbol: str
    transformation: Exact
    origin_shift: Exact
    cell: Exact
    std_lattice: FloatArray
    space_group: SpaceGroup


def standardization(
    lattice: ArrayLike,
    positions: ArrayLike,
    numbers: ArrayLike,
    symprec: float = 1e-3,
    *,
    shape: Sequence[int] | None = None,
) -> Standardization:
    """Find the space group of a crystal and the exact change of basis to its ITA reference setting.

    Operators come from the sites themselves where these leave no doubt, else from spglib. Their translations are fitted
    to all sites, by least squares, and made exact (:mod:`symfft.crystal.exact`). Axes of tetragonal groups and higher
    depend on the operators alone; of the choices that differ by a rotation of the group, those nearest to a along x
    and b in the xy plane are taken, or the crystal's own where its operators are those of the reference setting
    already. All other axes are spglib's choice, by lengths and angles. Of the origins that the group makes no
    difference between, the one nearest to the crystal's own is taken. So neither the order of sites nor what came
    before makes a difference.

    Parameters
    ----------
    lattice, positions, numbers, symprec, shape
        As in :meth:`SpaceGroup.from_structure`.

    Raises
    ------
    SpaceGroupError
        If the structure or `symprec` is unusable, spglib finds no group, or exact operators do not agree with the
        sites.
    """
    cell = checked_structure(lattice, positions, numbers, symprec)
    try:
        return _standardized(cell, symprec, None if shape is None else as_shape(shape))
    except SpaceGroupError as error:
        basis = reduced_basis(cell[0] @ cell[0].T)
        if np.abs(basis).max() * np.abs(np.linalg.inv(basis)).max() < OBLIQUE:
            raise
        raise SpaceGroupError(
            f"the lattice is too oblique: a reduced cell takes up to {int(np.abs(basis).max())} times the vectors of "
            f"this one ({cell[0].tolist()}): give the reduced cell ({error})"
        ) from None


def _standardized(cell: Cell, symprec: float, shape: Shape | None) -> Standardization:
    found = clear_symmetry(*cell, symprec)
    search: Search | None = None
    if found is None:
        search, crystal, symmetry = widely_searched(cell, symprec)
    else:
        crystal, symmetry = found
    exact = _exact(crystal, symmetry, shape)
    parts = symmetry.rotations.tobytes(), exact.numerators.tobytes(), exact.denominator
    axes = _axes(*parts, crystal.denominator, crystal.basis, bool(np.linalg.det(crystal.lattice) < 0))
    if axes is None:
        search = search_group(cell, symprec) if search is None else search
        axes = _searched_axes(search, crystal, symmetry.rotations, exact)
    elif exact.origin.any():
        axes = axes._replace(origin_shift=axes.from_primitive @ exact.origin + axes.origin_shift)
    origin = nearest_origin(axes.number, axes.origin_shift, axes.from_primitive, crystal.lattice)
    setting = _setting(axes.number, _rows(axes.transformation), tuple(origin.tolist()))
    if axes.number >= AXES_BY_OPERATORS:
        setting = _upright(setting, cell[0])
    if search is not None and setting.space_group.order != search.order:
        raise SpaceGroupError(
            f"the operators found at symprec={symprec} cannot be made exact ({setting.space_group.order} exact ones "
            f"for spglib's {search.order}): use a smaller symprec"
        )
    return Standardization(
        number=setting.space_group.number,
        symbol=setting.space_group.symbol,
        transformation=setting.transformation,
        origin_shift=setting.origin_shift,
        cell=setting.cell,
        std_lattice=setting.cell.astype(np.float64) @ cell[0],
        space_group=setting.space_group,
    )


def _group_of_structure(
    lattice: ArrayLike, positions: ArrayLike, numbers: ArrayLike, symprec: float, shape: Sequence[int] | None
) -> SpaceGroup:
    return standardization(lattice, positions, numbers, symprec, shape=shape).space_group


SpaceGroup.of_structure = staticmethod(_group_of_structure)


# ---- inside ---------------------------------------------------------------------------------------------------------


class _Axes(NamedTuple):
    """x_std = P x + p, with any of the equivalent origins; from the primitive cell, x_std = C x' + p."""

    number: int
    transformation: Exact
    from_primitive: Exact
    origin_shift: Exact


@dataclass(frozen=True, eq=False)
class _Setting:
    """The part of a standardization that many crystals share."""

    transformation: Exact
    origin_shift: Exact
    cell: Exact
    space_group: SpaceGroup


def _exact(crystal: Crystal, symmetry: SiteSymmetry, shape: Sequence[int] | None) -> ExactTranslations:
    to_inner = np.linalg.inv(np.array(crystal.basis) / crystal.denominator)
    rounding = ROUNDING * np.abs(to_inner).sum(axis=0)
    measured = UNCERTAINTY * symmetry.deviation * np.linalg.norm(np.linalg.inv(crystal.lattice), axis=0)
    misfit = measured + (1 + np.abs(symmetry.rotations)) @ rounding
    grid = None
    if shape is not None:
        steps = np.array([Fraction(1, int(n)) for n in shape], dtype=object)
        grid = steps[:, None] * to_primitive(crystal.denominator, crystal.basis).T
    return exact_translations(symmetry.rotations, symmetry.translations, misfit, grid)


@lru_cache(maxsize=1024)
def _setting(number: int, transformation: Rows, origin_shift: tuple[Fraction, ...]) -> _Setting:
    """Carry the operators of the reference setting over to the cell with ``x_std = P x + p``."""
    reference = reference_group(number)
    p, shift = np.array(transformation, dtype=object), np.array(origin_shift, dtype=object)
    w, t, d = change_basis(reference.rotations, reference.numerators, reference.denominator, p, shift)
    return _Setting(p, shift, inverse_of(p).T, SpaceGroup(w, t, d, number=number, symbol=reference.symbol))


@lru_cache(maxsize=1024)
def _axes(
    rotations: bytes, numerators: bytes, denominator: int, parts: int, basis: Triangle, left_handed: bool
) -> _Axes | None:
    """Find the axes for operators in a primitive cell, for a cell of the crystal; None where they do not tell all."""
    w, t = np.frombuffer(rotations, dtype=np.int64), np.frombuffer(numerators, dtype=np.int64)
    try:
        primitive = SpaceGroup(w.reshape(-1, 3, 3), t.reshape(-1, 3), denominator)
    except SpaceGroupError as error:
        raise SpaceGroupError(
            f"the operators of the sites do not form a group ({error}): use a smaller symprec"
        ) from None
    if primitive.number < AXES_BY_OPERATORS:
        return None
    lattice, positions, kinds = _general_crystal(primitive)
    cell = -lattice if left_handed else lattice, positions, kinds
    search = search_group(cell, GENERAL_SYMPREC)
    exact = ExactTranslations(primitive.numerators, primitive.denominator, np.zeros(3, dtype=object))
    one = (1, 0, 0), (0, 1, 0), (0, 0, 1)
    number, from_primitive, _, origin = _searched_axes(search, Crystal(1, one, *cell), primitive.rotations, exact)
    inward = to_primitive(parts, basis)
    mirrored = left_handed != bool(np.linalg.det(inward.astype(np.float64)) < 0)
    own = from_primitive @ inward
    if not mirrored and _setting(number, _rows(own), tuple(origin.tolist())).space_group == reference_group(number):
        identity = np.eye(3, dtype=object) * Fraction(1)
        return _Axes(number, identity, inverse_of(inward), np.zeros(3, dtype=object) * Fraction(1))
    return _Axes(number, own, from_primitive, origin)


def _searched_axes(search: Search, crystal: Crystal, rotations: IntArray, exact: ExactTranslations) -> _Axes:
    """Make the origin of spglib's change of basis exact: that of the exact operators.

    With ``x_std = C x' + p`` from the primitive cell, ``(W - 1) p = C t' - w`` for every operator, up to a lattice
    vector; the mean of W over the point group leaves nothing of p but what is free, which is set to zero.
    """
    reference = reference_group(search.number)
    c = search.transformation @ inverse_of(to_primitive(crystal.denominator, crystal.basis))
    den, c_int = integer_rows(c)
    inner, i_int = integer_rows(inverse_of(c))
    kinds, first = point_operators(search.number)
    turned = np.array(i_int) @ kinds @ np.array(c_int)
    own = {w.tobytes(): i for i, w in enumerate(rotations)}
    which = [own.get(w.tobytes(), -1) for w in turned // (den * inner)]
    if (turned % (den * inner)).any() or -1 in which or len(which) != len(rotations):
        raise SpaceGroupError(
            f"the exact operators are not those of {reference.symbol}, which spglib found: use a smaller symprec"
        )
    # over one denominator, in Python's integers: those of an origin may be large
    scale, (origin,) = integer_rows(exact.origin[None] * Fraction(1))
    scale *= exact.denominator * reference.denominator * den
    t = exact.numerators[which].astype(object) * (scale // exact.denominator)
    t = t + (rotations[which] - np.eye(3, dtype=np.int64)) @ np.array(
        [v * exact.denominator * reference.denominator * den for v in origin], dtype=object
    )
    shift = t @ np.array(c_int, dtype=object).T // den
    shift = shift - reference.numerators[first].astype(object) * (scale // reference.denominator)
    rough = (kinds - np.eye(3, dtype=np.int64)) @ search.origin_shift
    steps = (rough - (shift / scale).astype(np.float64)) @ np.linalg.inv(c.astype(np.float64)).T
    if np.abs(steps - np.rint(steps)).max() > 0.1:
        raise SpaceGroupError(
            f"the exact operators do not agree with the origin of {reference.symbol} that spglib found: use a smaller "
            "symprec"
        )
    whole = np.rint(steps).astype(np.int64).astype(object) @ np.array(c_int, dtype=object).T
    total = (shift + whole * (scale // den)).sum(axis=0)
    origin_shift = np.array([Fraction(-v, scale * len(kinds)) for v in total.tolist()], dtype=object)
    return _Axes(search.number, search.transformation, c, origin_shift)


def _upright(setting: _Setting, lattice: FloatArray) -> _Setting:
    """Return the setting followed by the rotation of the group that makes its axes most upright."""
    if (setting.transformation == np.eye(3, dtype=np.int64)).all():
        return setting
    number = setting.space_group.number
    proper, turns = _proper_operators(number)
    axes = setting.cell.astype(np.float64) @ lattice
    upright = np.linalg.cholesky(axes @ axes.T)
    agreement = np.einsum("gij,jk,ik->g", turns, axes, upright)
    best = int(np.flatnonzero(agreement > agreement.max() - 1e-6 * np.trace(axes @ axes.T))[0])
    return setting if best == 0 else _turned(setting, number, int(proper[best]))


@lru_cache(maxsize=1024)
def _turned(setting: _Setting, number: int, operator: int) -> _Setting:
    reference = reference_group(number)
    w, t = reference.rotations[operator], reference.translations[operator]
    transformation, shift = w @ setting.transformation, w @ setting.origin_shift + t
    return _setting(number, _rows(transformation), tuple((shift % 1).tolist()))


@cache
def _proper_operators(number: int) -> tuple[NDArray[np.intp], FloatArray]:
    """Return one operator for each rotation of the group, and the matrices that act on its axes, (r, 3, 3)."""
    kinds, first = point_operators(number)
    proper = np.linalg.det(kinds) > 0
    return first[proper], np.linalg.inv(kinds[proper]).transpose(0, 2, 1)


def _rows(matrix: Exact) -> Rows:
    return tuple(map(tuple, matrix.tolist()))


def _general_crystal(group: SpaceGroup) -> Cell:
    """Return a crystal that has all operators of a group and no others."""
    w = group.rotations
    metric = np.einsum("gki,kl,glj->ij", w, GENERAL_METRIC, w) / group.order
    lattice = np.ascontiguousarray(np.linalg.cholesky(metric)) * 3 * group.order ** (1 / 3)
    translations = group.numerators / group.denominator
    positions = np.concatenate([w @ point + translations for point in GENERAL_POINTS])
    return lattice, positions, np.repeat(np.arange(len(GENERAL_POINTS), dtype=np.int64), group.order)
