"""The way from a crystal to the ITA reference setting of its space group, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft.crystal.operators import Exact, change_basis, inverse_of, simplest_fraction
from symfft.crystal.sites import PARTS, SiteOperators, site_operators
from symfft.crystal.space_group import SpaceGroup, reference_group
from symfft.errors import SpaceGroupError

FloatArray = NDArray[np.float64]
Rows = tuple[tuple[Fraction, ...], ...]

#: From this number on (tetragonal to cubic) the operators say which axes are which; below, lengths and angles do.
AXES_BY_OPERATORS = 75
#: A metric without symmetry, and points without any, of which crystals with given operators are made.
GENERAL_METRIC = np.array([[1.0, 0.11, 0.23], [0.11, 1.37, 0.07], [0.23, 0.07, 1.91]])
GENERAL_POINTS = np.array([[0.1234, 0.3456, 0.0789], [0.4321, 0.2713, 0.1618]])
#: Tolerance, in Å, for these.
GENERAL_SYMPREC = 1e-5


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
        p, simple fractions.
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
    lattice: ArrayLike, positions: ArrayLike, numbers: ArrayLike, symprec: float = 1e-3
) -> Standardization:
    """Find the space group of a crystal and the exact change of basis to its ITA reference setting.

    Where the sites leave no doubt about the operators and these are tetragonal or higher, the change of basis depends
    on the operators alone: it is found once for each set of them, with spglib, on a crystal made of them. It is the
    same for all such crystals, whatever came before, and the identity where the operators are those of the reference
    setting already; else, of the choices that differ by a rotation of the group, the one whose axes are nearest to
    a along x and b in the xy plane. All others are given to spglib themselves.

    Parameters
    ----------
    lattice, positions, numbers, symprec
        As in :meth:`SpaceGroup.from_structure`.

    Raises
    ------
    SpaceGroupError
        If spglib finds no group, or the exact operators do not agree with spglib's.
    """
    cell = (
        np.asarray(lattice, dtype=np.float64),
        np.asarray(positions, dtype=np.float64).reshape(-1, 3),
        np.asarray(numbers, dtype=np.intc),
    )
    _require_structure(*cell)
    operators = site_operators(*cell, symprec)
    setting = None if operators is None else _setting_of(*_hashable(operators))
    setting = _searched(cell, symprec) if setting is None else _upright(setting, cell[0])
    return Standardization(
        number=setting.space_group.number,
        symbol=setting.space_group.symbol,
        transformation=setting.transformation,
        origin_shift=setting.origin_shift,
        cell=setting.cell,
        std_lattice=setting.cell.astype(np.float64) @ cell[0],
        space_group=setting.space_group,
    )


# ---- inside ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Setting:
    """The part of a standardization that many crystals share."""

    transformation: Exact
    origin_shift: Exact
    cell: Exact
    space_group: SpaceGroup


@lru_cache(maxsize=1024)
def _setting(number: int, transformation: Rows, origin_shift: tuple[Fraction, ...]) -> _Setting:
    """Carry the operators of the reference setting over to the cell with ``x_std = P x + p``."""
    reference = reference_group(number)
    p, shift = np.array(transformation, dtype=object), np.array(origin_shift, dtype=object)
    w, t, d = change_basis(reference.rotations, reference.numerators, reference.denominator, p, shift)
    return _Setting(p, shift, inverse_of(p).T, SpaceGroup(w, t, d, number=number, symbol=reference.symbol))


def _hashable(operators: SiteOperators) -> tuple[bytes, int, tuple[tuple[int, ...], ...], bool]:
    return operators.rows.tobytes(), operators.denominator, tuple(map(tuple, operators.basis)), operators.left_handed


@lru_cache(maxsize=1024)
def _setting_of(
    rows: bytes, denominator: int, basis: tuple[tuple[int, ...], ...], left_handed: bool
) -> _Setting | None:
    """Find the setting of operators in a primitive cell, for a cell of the crystal; None where they do not tell all."""
    table = np.frombuffer(rows, dtype=np.int64).reshape(-1, 12)
    try:
        primitive = SpaceGroup(table[:, :9].reshape(-1, 3, 3), table[:, 9:], PARTS)
    except SpaceGroupError:
        return None
    if primitive.number < AXES_BY_OPERATORS:
        return None
    lattice, positions, numbers = _general_crystal(primitive)
    found = _searched((-lattice if left_handed else lattice, positions, numbers), GENERAL_SYMPREC)
    if found.space_group != primitive:
        return None
    number = found.space_group.number
    of_own_cell = inverse_of(np.array(basis, dtype=object) * Fraction(1, denominator)).T
    mirrored = left_handed != bool(np.linalg.det(of_own_cell.astype(np.float64)) < 0)
    setting = _setting(number, _rows(found.transformation @ of_own_cell), tuple(found.origin_shift.tolist()))
    if setting.space_group == reference_group(number) and not mirrored:
        return _setting(number, _rows(np.eye(3, dtype=object) * Fraction(1)), (Fraction(0),) * 3)
    return setting


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
    return _setting(number, _rows(transformation), tuple(shift.tolist()))


@cache
def _proper_operators(number: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Return one operator for each rotation of the group, and the matrices that act on its axes, (r, 3, 3)."""
    rotations = reference_group(number).rotations
    _, first = np.unique(rotations.reshape(-1, 9), axis=0, return_index=True)
    identity = np.flatnonzero((rotations == np.eye(3, dtype=np.int64)).all(axis=(1, 2)))[0]
    chosen = np.array([identity, *(i for i in np.sort(first) if i != identity and np.linalg.det(rotations[i]) > 0)])
    return chosen, np.linalg.inv(rotations[chosen]).transpose(0, 2, 1)


def _rows(matrix: Exact) -> Rows:
    return tuple(map(tuple, matrix.tolist()))


def _general_crystal(group: SpaceGroup) -> tuple[FloatArray, FloatArray, NDArray[np.intc]]:
    """Return a crystal that has all operators of a group and no others."""
    w = group.rotations
    metric = np.einsum("gki,kl,glj->ij", w, GENERAL_METRIC, w) / group.order
    lattice = np.ascontiguousarray(np.linalg.cholesky(metric)) * 3 * group.order ** (1 / 3)
    translations = group.numerators / group.denominator
    positions = np.concatenate([w @ point + translations for point in GENERAL_POINTS])
    return lattice, positions, np.repeat(np.arange(1, len(GENERAL_POINTS) + 1, dtype=np.intc), group.order)


def _searched(cell: tuple[Any, Any, Any], symprec: float) -> _Setting:
    """Have spglib find the setting; twice where its own is another."""
    dataset = _dataset(cell, symprec, 0)
    number = int(dataset.number)
    if dataset.hall_number != _spglib_hall_number(number):
        dataset = _dataset(cell, symprec, _spglib_hall_number(number))
    p6 = np.rint(6 * dataset.transformation_matrix).astype(np.int64)
    if np.abs(p6 / 6 - dataset.transformation_matrix).max() > 0.02:
        raise SpaceGroupError(
            "the cell is not commensurate with the lattice that spglib found "
            f"(transformation {dataset.transformation_matrix.tolist()}): symprec={symprec} may be too large"
        )
    std_lattice = np.linalg.solve((p6 / 6).T, cell[0])
    tolerance = [symprec / float(length) for length in np.linalg.norm(std_lattice, axis=1)]
    shift = tuple(
        simplest_fraction(v, max(t, 1e-6)) for v, t in zip(dataset.origin_shift.tolist(), tolerance, strict=True)
    )
    setting = _setting(number, tuple(tuple(Fraction(v, 6) for v in row) for row in p6.tolist()), shift)
    _require_agreement(setting.space_group, dataset, cell[0], symprec)
    return setting


def _require_structure(lattice: FloatArray, positions: FloatArray, numbers: NDArray[np.intc]) -> None:
    if lattice.shape != (3, 3) or len(positions) != len(numbers) or not len(numbers):
        raise SpaceGroupError(
            f"a structure needs a (3, 3) lattice and as many positions as numbers; got {lattice.shape}, "
            f"{len(positions)} positions and {len(numbers)} numbers"
        )
    if not (np.isfinite(lattice).all() and np.isfinite(positions).all()) or abs(np.linalg.det(lattice)) < 1e-9:
        raise SpaceGroupError("the lattice is singular, or a coordinate is not finite: check the structure")


def _dataset(cell: tuple[Any, Any, Any], symprec: float, hall_number: int) -> Any:
    import spglib

    try:
        dataset = spglib.get_symmetry_dataset(cell, symprec=symprec, hall_number=hall_number)
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


def _require_agreement(group: SpaceGroup, dataset: Any, lattice: FloatArray, symprec: float) -> None:
    """Check the exact operators against spglib's own, one by one."""
    problem = ""
    if group.order != len(dataset.rotations):
        problem = f"{group.order} exact operators for spglib's {len(dataset.rotations)}"
    else:
        same = (group.rotations[:, None] == dataset.rotations[None]).all(axis=(2, 3))
        apart = (group.numerators / group.denominator)[:, None] - dataset.translations[None]
        distance = np.linalg.norm((apart - np.rint(apart)) @ lattice, axis=2)
        missing = np.flatnonzero(~(same & (distance <= 10 * symprec)).any(axis=0))
        if len(missing):
            w, t = dataset.rotations[missing[0]], dataset.translations[missing[0]]
            problem = f"operator {w.tolist()}, {t.tolist()} of spglib has no exact counterpart"
    if problem:
        raise SpaceGroupError(
            f"the operators found at symprec={symprec} cannot be made exact ({problem}): use a smaller symprec"
        )
