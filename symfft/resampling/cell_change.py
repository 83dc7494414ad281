"""What a change of cell and grid needs: exact matrices, nodes, and the Wigner-Seitz cells of both grids.

See :mod:`symfft.resampling.interpolation` for what is done with them. All but the Wigner-Seitz cells is exact, and
cached for each cell matrix, origin and pair of grids; the cells are cached for the last lattices, up to their size.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._array_types import FloatArray, IntArray
from symfft._shape import Shape
from symfft.crystal.lattice import (
    Integers,
    Rational,
    WignerSeitzCell,
    common_lattice,
    invariant_form,
    wigner_seitz_cell,
)
from symfft.crystal.operators import Exact, integer_rows, inverse_of
from symfft.errors import ShapeError
from symfft.resampling._interpolation_kernels import count_members

#: Largest denominator of an entry of a cell matrix.
LARGEST_DENOMINATOR = 100
#: Of a lattice of volume one.
SCALED_DECIMALS = 12
IDENTITY = np.eye(3, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Change:
    """A change of cell and grid, with the Wigner-Seitz cells of both grids in frequencies h of the old cell."""

    rows: IntArray
    denominator: int
    origin: tuple[Fraction, ...]
    form: Integers
    old_shape: Shape
    new_shape: Shape
    old: WignerSeitzCell
    new: WignerSeitzCell

    @property
    def reach(self) -> IntArray:
        """Largest |h| in both cells along each axis, (3,)."""
        return np.minimum(self.old.reach, self.new.reach)

    @cached_property
    def members(self) -> NDArray[np.int16]:
        """Number of shortest members of each class of the old half grid."""
        return members_with_image(self, IDENTITY, 1)


@dataclass(frozen=True, eq=False)
class ExactChange:
    """What does not depend on the lattice."""

    rows: list[list[int]]
    denominator: int
    origin: tuple[Fraction, ...]
    nodes: tuple[IntArray, IntArray] | None
    common: Rational
    aliases: tuple[Rational, Rational]
    old_shape: Shape
    new_shape: Shape


def change_of(lattice: ArrayLike, exact: ExactChange) -> Change:
    """Work out a change of cell; for lattices that differ in size only, as cubic ones do, once."""
    rows = as_lattice(lattice)
    scaled = np.round(rows / abs(np.linalg.det(rows)) ** (1 / 3), SCALED_DECIMALS)
    return _scaled_change(tuple(scaled.ravel().tolist()), exact)


@lru_cache(maxsize=16)
def _scaled_change(lattice: tuple[float, ...], exact: ExactChange) -> Change:
    reciprocal = np.linalg.inv(np.array(lattice).reshape(3, 3))
    form = invariant_form(reciprocal.T @ reciprocal, exact.common, exact.aliases)
    old, new = (wigner_seitz_cell(form, basis_of_grid) for basis_of_grid in exact.aliases)
    rows = np.array(exact.rows, dtype=np.int64)
    return Change(rows, exact.denominator, exact.origin, form, exact.old_shape, exact.new_shape, old, new)


@lru_cache(maxsize=256)
def exact_change(
    cell: tuple[Fraction, ...], origin: tuple[Fraction, ...], old_shape: Shape, new_shape: Shape
) -> ExactChange:
    """Return what a change of cell and grid is exactly, whatever the lattice."""
    t, p = np.array(cell, dtype=object).reshape(3, 3), np.array(origin, dtype=object)
    aliases = aliases_of(np.eye(3, dtype=object) * Fraction(1), old_shape), aliases_of(t, new_shape)
    denominator, rows = integer_rows(t)
    nodes = _nodes(t, p, old_shape, new_shape) if denominator == 1 else None
    common = integer_rows(common_lattice(t))
    return ExactChange(rows, denominator, tuple((p @ t).tolist()), nodes, common, aliases, old_shape, new_shape)


def _nodes(t: Exact, origin: Exact, old_shape: Shape, new_shape: Shape) -> tuple[IntArray, IntArray] | None:
    """Return A and b if both grids are the same points: index i of the new one is i A + b of the old."""
    steps = t * np.array(old_shape, dtype=object) / np.array(new_shape, dtype=object)[:, None]
    first = -(origin @ t) * np.array(old_shape, dtype=object)
    whole = all(v.denominator == 1 for v in (*steps.ravel().tolist(), *first.tolist()))
    if not whole or abs(steps[0] @ np.cross(steps[1], steps[2])) != 1:
        return None
    return steps.astype(np.int64), first.astype(np.int64)


def aliases_of(t: Exact, shape: Shape) -> Rational:
    """Return a basis (rows) of the frequencies, in the old cell, that are constant on a grid of the cell T."""
    return integer_rows(np.asarray(np.array(shape, dtype=object)[:, None] * inverse_of(t).T))


def members_with_image(change: Change, rows: IntArray, denominator: int) -> NDArray[np.int16]:
    """Count the shortest members, with an integer image, of each class of the old half grid; 0 may stand for one."""
    n1, n2, n3 = change.old_shape
    members = np.zeros((n1, n2, n3 // 2 + 1), dtype=np.int16)
    cell = change.old
    count_members(
        cell.normals, cell.bounds, cell.reach, rows, denominator, denominator == 1, np.array(change.old_shape), members
    )
    return members


def as_lattice(lattice: ArrayLike) -> FloatArray:
    """Return basis vectors as rows, required to be finite and independent."""
    rows = np.asarray(lattice, dtype=np.float64)
    if rows.shape != (3, 3) or not np.isfinite(rows).all():
        raise ShapeError(f"a lattice of shape {rows.shape} is not usable: give three finite basis vectors as rows")
    if abs(np.linalg.det(rows)) <= 1e-9 * float(np.prod(np.linalg.norm(rows, axis=1))):
        raise ShapeError(f"the basis vectors {rows.tolist()} lie in a plane: they span no cell")
    return rows


def as_cell(cell: ArrayLike) -> tuple[Fraction, ...]:
    """Return the nine entries of a cell matrix as fractions."""
    return _cell_of(_finite(cell, (3, 3), "a cell matrix"))


@lru_cache(maxsize=256)
def _cell_of(entries: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
    t = np.array([v.limit_denominator(LARGEST_DENOMINATOR) for v in entries], dtype=object)
    if max(abs(v) for v in t - np.array(entries, dtype=object)) > 1e-9:
        shown = [float(v) for v in entries]
        raise ShapeError(f"the cell matrix {shown} is not rational: its entries must be integers or fractions")
    a, b, c = t.reshape(3, 3)
    if a @ np.cross(b, c) == 0:
        shown = [float(v) for v in entries]
        raise ShapeError(f"the cell matrix {shown} is singular: its rows must span a cell")
    return tuple(t.tolist())


def as_origin(origin: ArrayLike) -> tuple[Fraction, ...]:
    """Return the three entries of an origin as fractions."""
    return _finite(origin, (3,), "an origin")


def _finite(numbers: ArrayLike, shape: tuple[int, ...], what: str) -> tuple[Fraction, ...]:
    entries = np.asarray(numbers, dtype=object)
    if entries.shape == shape:
        with suppress(TypeError, ValueError, OverflowError):
            return tuple(v if isinstance(v, Fraction) else Fraction(v) for v in entries.ravel().tolist())
    raise ShapeError(f"{what} {numbers!r} is not usable: give finite integers, fractions or floats of shape {shape}")
