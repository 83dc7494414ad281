"""The way from a crystal to the ITA reference setting of its space group, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._array_types import FloatArray, IntArray
from symfft._shape import Shape, as_shape
from symfft.crystal.exact import PARTS, ExactTranslations, exact_translations
from symfft.crystal.lattice import reduced_basis
from symfft.crystal.operators import Exact, change_basis, integer_rows, inverse_of, remainder, translation_lattice
from symfft.crystal.primitive import Crystal, Triangle, folded, primitive_crystal
from symfft.crystal.sites import CLEARLY, SiteSymmetry, clear_symmetry, site_symmetry
from symfft.crystal.space_group import SpaceGroup, reference_group
from symfft.errors import SpaceGroupError

Rows = tuple[tuple[Fraction, ...], ...]

#: From this number on (tetragonal to cubic) the operators say which axes are which; below, lengths and angles do.
AXES_BY_OPERATORS = 75
#: A metric without symmetry, and points without any, of which crystals with given operators are made.
GENERAL_METRIC = np.array([[1.0, 0.11, 0.23], [0.11, 1.37, 0.07], [0.23, 0.07, 1.91]])
GENERAL_POINTS = np.array([[0.1234, 0.3456, 0.0789], [0.4321, 0.2713, 0.1618]])
#: Tolerance, in Å, for these.
GENERAL_SYMPREC = 1e-5
#: How much larger a tolerance spglib gets first.
WIDER = 3.0
#: Tolerances in Å: below, the rounding of coordinates decides; above, two sites of one crystal are alike.
SYMPRECS = 1e-10, 1.0
#: Coordinates are rounded in the sixth decimal.
ROUNDING = 5e-7
#: How far an origin may be off, in units of the distance between sites and their images.
UNCERTAINTY = 2.0
#: Coordinates this large have lost the digits that matter.
LARGEST_COORDINATE = 1e6
#: Shortest and longest basis vector, in Å.
LENGTHS = 1e-3, 1e6
#: Entries of operators in a cell reach this where those in a reduced cell are 0 and ±1, and integers of 64 bits may not
#: hold their products.
OBLIQUE = 1e4
#: Squared distances closer than this, relative to the cell, are equal.
TIE = 1e-6


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
    cell = _structure(lattice, positions, numbers, symprec)
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
    search: _Search | None = None
    if found is None:
        search, crystal, symmetry = _searched(cell, symprec)
    else:
        crystal, symmetry = found
    exact = _exact(crystal, symmetry, shape)
    parts = symmetry.rotations.tobytes(), exact.numerators.tobytes(), exact.denominator
    axes = _axes(*parts, crystal.denominator, crystal.basis, bool(np.linalg.det(crystal.lattice) < 0))
    if axes is None:
        search = _search(cell, symprec) if search is None else search
        axes = _searched_axes(search, crystal, symmetry.rotations, exact)
    elif exact.origin.any():
        axes = axes._replace(origin_shift=axes.from_primitive @ exact.origin + axes.origin_shift)
    origin = _nearest_origin(axes, crystal)
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


def require_symprec(symprec: float) -> None:
    """Check a tolerance on positions before spglib sees it.

    Raises
    ------
    SpaceGroupError
        If it is not a number from 1e-10 to 1.
    """
    try:
        usable = not isinstance(symprec, bool) and SYMPRECS[0] <= float(symprec) <= SYMPRECS[1]
    except (TypeError, ValueError, OverflowError):
        usable = False
    if not usable:
        raise SpaceGroupError(
            f"symprec={symprec!r} is not usable: it is a distance in Å, from {SYMPRECS[0]:g} to {SYMPRECS[1]:g}, such "
            "as 1e-3"
        )


def _group_of_structure(
    lattice: ArrayLike, positions: ArrayLike, numbers: ArrayLike, symprec: float, shape: Sequence[int] | None
) -> SpaceGroup:
    return standardization(lattice, positions, numbers, symprec, shape=shape).space_group


SpaceGroup.of_structure = staticmethod(_group_of_structure)


# ---- inside ---------------------------------------------------------------------------------------------------------


Cell = tuple[FloatArray, FloatArray, IntArray]


class _Axes(NamedTuple):
    """x_std = P x + p, with any of the equivalent origins; from the primitive cell, x_std = C x' + p."""

    number: int
    transformation: Exact
    from_primitive: Exact
    origin_shift: Exact


class _Search(NamedTuple):
    """What spglib found; P and p lead to the reference setting, sites of one label are copies of one."""

    number: int
    transformation: Exact
    origin_shift: FloatArray
    rotations: NDArray[np.intc]
    labels: IntArray
    copies: int = 1

    @property
    def order(self) -> int:
        """How many operators the group has in the crystal's cell."""
        return self.copies * len(self.rotations)


@dataclass(frozen=True, eq=False)
class _Setting:
    """The part of a standardization that many crystals share."""

    transformation: Exact
    origin_shift: Exact
    cell: Exact
    space_group: SpaceGroup


def _structure(lattice: ArrayLike, positions: ArrayLike, numbers: ArrayLike, symprec: float) -> Cell:
    """Accept a structure: lattice, positions in [0, 1), and a number from 0 for each kind of atom."""
    require_symprec(symprec)
    if np.iscomplexobj(lattice) or np.iscomplexobj(positions) or np.iscomplexobj(numbers):
        raise SpaceGroupError("the structure has complex numbers: lattice, positions and numbers are real")
    try:
        rows, sites = np.array(lattice, dtype=np.float64), np.array(positions, dtype=np.float64).reshape(-1, 3)
        labels = np.asarray(numbers)
    except (TypeError, ValueError, OverflowError) as error:
        raise SpaceGroupError(f"the structure is not made of numbers: {error}") from None
    if rows.shape != (3, 3) or labels.ndim != 1 or len(sites) != len(labels) or not len(labels):
        raise SpaceGroupError(
            f"a structure needs a (3, 3) lattice and as many positions as numbers; got {rows.shape}, {len(sites)} "
            f"positions and {labels.shape} numbers"
        )
    if labels.dtype.kind not in "iufUSb" or (labels.dtype.kind == "f" and not np.isfinite(labels).all()):
        raise SpaceGroupError(f"numbers of type {labels.dtype} are not usable: give an atomic number for each position")
    if not (np.isfinite(rows).all() and np.isfinite(sites).all()):
        raise SpaceGroupError("a lattice vector or a coordinate is not finite: check the structure")
    if np.abs(sites).max() > LARGEST_COORDINATE:
        raise SpaceGroupError(
            f"a fractional coordinate is {np.abs(sites).max():.3g}, where digits after the point are lost: coordinates "
            f"up to {LARGEST_COORDINATE:g} are usable; check that they are fractional"
        )
    longest = np.abs(rows).max(axis=1)
    if not (LENGTHS[0] <= longest.min() and longest.max() <= LENGTHS[1]):
        raise SpaceGroupError(
            f"the lattice is singular, or not in Å: its vectors {rows.tolist()} should be {LENGTHS[0]:g} to "
            f"{LENGTHS[1]:g} Å long"
        )
    lengths = np.linalg.norm(rows, axis=1)
    if abs(np.linalg.det(rows / lengths[:, None])) < 1e-6:
        raise SpaceGroupError(f"the lattice is singular: its vectors {rows.tolist()} lie in a plane")
    _, kinds = np.unique(labels, return_inverse=True)
    return rows, sites - np.floor(sites), kinds.reshape(-1).astype(np.int64)


def _exact(crystal: Crystal, symmetry: SiteSymmetry, shape: Sequence[int] | None) -> ExactTranslations:
    to_inner = np.linalg.inv(np.array(crystal.basis) / crystal.denominator)
    rounding = ROUNDING * np.abs(to_inner).sum(axis=0)
    measured = UNCERTAINTY * symmetry.deviation * np.linalg.norm(np.linalg.inv(crystal.lattice), axis=0)
    misfit = measured + (1 + np.abs(symmetry.rotations)) @ rounding
    grid = None
    if shape is not None:
        steps = np.array([Fraction(1, int(n)) for n in shape], dtype=object)
        grid = steps[:, None] * _to_primitive(crystal.denominator, crystal.basis).T
    return exact_translations(symmetry.rotations, symmetry.translations, misfit, grid)


@lru_cache(maxsize=256)
def _to_primitive(denominator: int, basis: Triangle) -> Exact:
    """Return M with x' = M x, from a crystal's own cell to its primitive cell."""
    return inverse_of(np.array(basis, dtype=object) * Fraction(1, denominator)).T


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
    search = _search(cell, GENERAL_SYMPREC)
    exact = ExactTranslations(primitive.numerators, primitive.denominator, np.zeros(3, dtype=object))
    one = (1, 0, 0), (0, 1, 0), (0, 0, 1)
    number, from_primitive, _, origin = _searched_axes(search, Crystal(1, one, *cell), primitive.rotations, exact)
    to_primitive = _to_primitive(parts, basis)
    mirrored = left_handed != bool(np.linalg.det(to_primitive.astype(np.float64)) < 0)
    own = from_primitive @ to_primitive
    if not mirrored and _setting(number, _rows(own), tuple(origin.tolist())).space_group == reference_group(number):
        identity = np.eye(3, dtype=object) * Fraction(1)
        return _Axes(number, identity, inverse_of(to_primitive), np.zeros(3, dtype=object) * Fraction(1))
    return _Axes(number, own, from_primitive, origin)


def _searched_axes(search: _Search, crystal: Crystal, rotations: IntArray, exact: ExactTranslations) -> _Axes:
    """Make the origin of spglib's change of basis exact: that of the exact operators.

    With ``x_std = C x' + p`` from the primitive cell, ``(W - 1) p = C t' - w`` for every operator, up to a lattice
    vector; the mean of W over the point group leaves nothing of p but what is free, which is set to zero.
    """
    reference = reference_group(search.number)
    c = search.transformation @ inverse_of(_to_primitive(crystal.denominator, crystal.basis))
    den, c_int = integer_rows(c)
    inner, i_int = integer_rows(inverse_of(c))
    kinds, first = _kinds(search.number)
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


@cache
def _kinds(number: int) -> tuple[IntArray, NDArray[np.intp]]:
    """Return the matrices of a reference setting, and the first operator that has each."""
    rotations = reference_group(number).rotations
    copies = int((rotations == np.eye(3, dtype=np.int64)).all(axis=(1, 2)).sum())
    first = np.arange(0, len(rotations), copies)
    return rotations[first], first


def _nearest_origin(axes: _Axes, crystal: Crystal) -> Exact:
    """Return the shift p to the equivalent origin that is nearest to the crystal's own origin."""
    shifts, free, centring = _equivalent_origins(axes.number)
    origin = _fixed(axes.origin_shift, free)
    if not origin.any():
        return origin
    if len(shifts) > 1:
        points = -(origin.astype(np.float64) + shifts / PARTS) @ np.linalg.inv(axes.from_primitive.astype(float)).T
        distance, places = _from_lattice_points(points, crystal.lattice)
        near = np.flatnonzero(distance <= distance.min() + TIE * abs(np.linalg.det(crystal.lattice)) ** (2 / 3))
        best = min(near.tolist(), key=lambda i: np.round(places[i] @ crystal.lattice, 4).tolist())
        origin = origin + shifts[best] * Fraction(1, PARTS)
    d, (numerators,) = integer_rows(np.array([[*origin, Fraction(1, PARTS)]], dtype=object))
    reduced = numerators[:3]
    for i, row in enumerate(centring):
        times = PARTS * reduced[i] // (row[i] * d)
        reduced = [v - times * r * d // PARTS for v, r in zip(reduced, row, strict=True)]
    return _fixed(np.array([Fraction(v, d) for v in reduced], dtype=object), free)


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


@cache
def _equivalent_origins(number: int) -> tuple[IntArray, NDArray[np.bool_], list[list[int]]]:
    """Return shifts of the origin that leave the operators as they are: the Euclidean normalizer's translations.

    As multiples of 1/24, one modulo each vector of the lattice; with them, which axes are free (any shift along them
    does), and a basis of the lattice.
    """
    reference = reference_group(number)
    kinds, first = _kinds(number)
    copies = len(reference.rotations) // len(first)
    centring = translation_lattice(reference.numerators[:copies] * (PARTS // reference.denominator), PARTS)
    free = (kinds == np.eye(3, dtype=np.int64)).all(axis=1).all(axis=0)
    steps = np.indices([1 if f else PARTS for f in free]).reshape(3, -1).T
    basis = np.array(centring)
    steps = np.unique(remainder(steps, basis, PARTS), axis=0)
    for w in kinds:
        steps = steps[~remainder(steps @ (w - np.eye(3, dtype=np.int64)).T, basis, PARTS).any(axis=1)]
    return steps, free, centring


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
    kinds, first = _kinds(number)
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


def _search(cell: Cell, symprec: float) -> _Search:
    """Have spglib find the group and its reference setting, of the primitive cell where that is found before."""
    repeated = primitive_crystal(*cell, symprec, symprec)
    if repeated is None or len(repeated[0].kinds) == len(cell[2]):
        return _spglib_search(cell, symprec)
    crystal, copies = repeated
    inner = _spglib_search((crystal.lattice, crystal.positions, crystal.kinds), symprec)
    _, which = np.unique(copies, return_inverse=True)
    return inner._replace(
        transformation=inner.transformation @ _to_primitive(crystal.denominator, crystal.basis),
        rotations=_rotations_of(cell[0], crystal, inner.rotations),
        labels=inner.labels[which],
        copies=len(cell[2]) // len(crystal.kinds),
    )


def _rotations_of(lattice: FloatArray, crystal: Crystal, rotations: NDArray[np.intc]) -> NDArray[np.intc]:
    """Return those matrices of a primitive cell that map the lattice of the crystal's own cell onto itself."""
    inner = crystal.lattice @ np.linalg.inv(lattice)
    own = inner.T @ rotations @ np.linalg.inv(inner.T)
    return np.asarray(rotations[np.abs(own - np.rint(own)).max(axis=(1, 2)) < 0.1 / crystal.denominator])


def _spglib_search(cell: Cell, symprec: float) -> _Search:
    """Have spglib find the group; twice where its reference setting is another."""
    dataset = _dataset(cell, symprec, 0)
    number = int(dataset.number)
    if dataset.hall_number != _spglib_hall_number(number):
        dataset = _dataset(cell, symprec, _spglib_hall_number(number))
    p6 = np.rint(6 * dataset.transformation_matrix).astype(np.int64)
    if np.abs(p6 / 6 - dataset.transformation_matrix).max() > 0.02 or not round(np.linalg.det(p6)):
        raise SpaceGroupError(
            "the cell is not commensurate with the lattice that spglib found "
            f"(transformation {dataset.transformation_matrix.tolist()}): symprec={symprec} may be too large"
        )
    return _Search(
        number,
        p6 * Fraction(1, 6),
        np.asarray(dataset.origin_shift),
        np.asarray(dataset.rotations),
        np.asarray(dataset.mapping_to_primitive, dtype=np.int64),
    )


def _searched(cell: Cell, symprec: float) -> tuple[_Search, Crystal, SiteSymmetry]:
    """Find a group that the sites and the lattice are within the tolerance of, with spglib.

    spglib compares sites with images, which are up to twice as far apart, and more where it combines operators. So it
    searches with a larger tolerance first, and what it finds counts where no site and no basis vector is further than
    `symprec` from its place.
    """
    try:
        search = _search(cell, WIDER * symprec)
        crystal, symmetry = _searched_symmetry(cell, search, WIDER * symprec)
        if symmetry.displacement <= symprec and _lattice_fits(crystal.lattice, symmetry.rotations, symprec):
            return search, crystal, symmetry
    except SpaceGroupError:
        pass  # the tolerance may have been too large
    search = _search(cell, symprec)
    return search, *_searched_symmetry(cell, search, symprec)


def _lattice_fits(lattice: FloatArray, rotations: IntArray, symprec: float) -> bool:
    metric = lattice @ lattice.T
    change = (rotations.transpose(0, 2, 1) @ metric @ rotations).mean(axis=0) - metric
    size = np.sqrt(np.diag(metric))
    return bool((np.abs(change) <= symprec * np.add.outer(size, size)).all())


def _searched_symmetry(cell: Cell, search: _Search, symprec: float) -> tuple[Crystal, SiteSymmetry]:
    """Return the primitive cell and the operators that spglib found, fitted to the sites."""
    lattice, positions, kinds = cell
    _, _, centring = _equivalent_origins(search.number)
    back = inverse_of(search.transformation)
    own = np.array(centring, dtype=object) * Fraction(1, PARTS) @ back.T
    denominator, rows = integer_rows(own)
    basis = tuple(map(tuple, translation_lattice(np.array(rows), denominator)))
    crystal = folded(lattice, positions, kinds, denominator, basis, search.labels)
    reference = reference_group(search.number)
    matrices, first = _kinds(search.number)
    c = search.transformation @ inverse_of(_to_primitive(denominator, basis))
    inverse = inverse_of(c).astype(np.float64)
    rotations = np.rint(inverse @ matrices @ c.astype(np.float64)).astype(np.int64)
    shifts = reference.numerators[first] / reference.denominator
    shifts = shifts + (matrices - np.eye(3, dtype=np.int64)) @ search.origin_shift
    return crystal, site_symmetry(crystal, rotations, shifts @ inverse.T, CLEARLY * symprec)


def _dataset(cell: Cell, symprec: float, hall_number: int) -> Any:
    import spglib

    lattice, positions, kinds = cell
    given = lattice, positions, kinds.astype(np.intc) + 1
    try:
        dataset = spglib.get_symmetry_dataset(given, symprec=symprec, hall_number=hall_number)
    except spglib.SpglibError as error:
        raise SpaceGroupError(f"spglib finds no space group at symprec={symprec}: {error}") from None
    if dataset is None:
        raise SpaceGroupError(f"spglib finds no space group at symprec={symprec}: are two atoms on one site?")
    return dataset


@cache
def _spglib_hall_number(number: int) -> int:
    """Return spglib's Hall number of the setting whose operators are those of the ITA reference setting."""
    import spglib

    reference = reference_group(number)
    for hall_number in range(1, 531):
        if spglib.get_spacegroup_type(hall_number).number == number:
            symmetry = spglib.get_symmetry_from_database(hall_number)
            if SpaceGroup.from_operators(symmetry["rotations"], symmetry["translations"]) == reference:
                return hall_number
    raise SpaceGroupError(f"spglib's table lacks the reference setting of group {number}")
