"""Sums, differences, products and ratios of densities, after a check that they belong to one grid and one cell."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import replace
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from symfft.errors import ShapeError, SymfftError

#: Two cells count as one where no component of a basis vector differs by more than this share of its length.
CELL_TOLERANCE = 1e-4


class Arithmetic:
    """Operators ``+ - * /`` of :class:`symfft.Density`."""

    #: Arrays leave operations with densities to them, which refuse.
    __array_ufunc__ = None

    values: NDArray[np.float64]
    lattice: NDArray[np.float64]
    magnetization: NDArray[np.float64] | None
    spin_down: NDArray[np.float64] | None
    kind: Any

    def __add__(self, other: Any) -> Self:
        """Add a density on the same grid, or a number to every value."""
        return self._sum(other, operator.add)

    def __sub__(self, other: Any) -> Self:
        """Subtract a density on the same grid, or a number from every value."""
        return self._sum(other, operator.sub)

    def __mul__(self, other: Any) -> Self:
        """Multiply by a number, or value by value with a density on the same grid."""
        return self._product(other, operator.mul)

    def __truediv__(self, other: Any) -> Self:
        """Divide by a number, or value by value by a density on the same grid."""
        return self._product(other, operator.truediv)

    def __neg__(self) -> Self:
        """Change the sign of every value."""
        return self * -1.0

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Self:
        """Subtract every value from a number."""
        shifted: Self = -self + other
        return shifted

    def require_same_grid(self, other: Arithmetic) -> None:
        """Require that another density has the same grid and cell.

        Raises
        ------
        ShapeError
            If it has not; the message says what differs.
        """
        if self.values.shape != other.values.shape:
            raise ShapeError(
                f"the grids {self.values.shape} and {other.values.shape} differ: bring one to the other with "
                "symfft.resample(density, shape)"
            )
        sizes = np.linalg.norm(self.lattice, axis=1)
        apart = (np.abs(self.lattice - other.lattice) / sizes[:, None]).max()
        if apart > CELL_TOLERANCE:
            raise ShapeError(
                f"the cells differ by {apart:.1e} of their basis vectors, above {CELL_TOLERANCE:g}: values at equal "
                f"fractional coordinates are not at equal places ({self.lattice.tolist()} and "
                f"{other.lattice.tolist()})"
            )

    def _sum(self, other: Any, apply: Callable[[Any, Any], Any]) -> Self:
        if _is_number(other):
            down = None if self.spin_down is None else apply(self.spin_down, float(other))
            return self._changed(apply(self.values, float(other)), self.magnetization, down)
        if not isinstance(other, Arithmetic):
            return NotImplemented  # type: ignore[no-any-return]
        self.require_same_grid(other)
        if self.kind != other.kind:
            raise SymfftError(f"a {self.kind} and a {other.kind} cannot be added or subtracted: their units differ")
        pairs = [(self.magnetization, other.magnetization), (self.spin_down, other.spin_down)]
        if any(_shape(a) != _shape(b) for a, b in pairs):
            raise SymfftError(
                "one of the densities holds spins that the other does not: take total() of both, or spin('up') and "
                "spin('down')"
            )
        return self._changed(apply(self.values, other.values), *(None if a is None else apply(a, b) for a, b in pairs))

    def _product(self, other: Any, apply: Callable[[Any, Any], Any]) -> Self:
        if _is_number(other):
            factor = float(other)
            if apply is operator.truediv and factor == 0:
                raise SymfftError("a density cannot be divided by zero")
            grids = (self.values, self.magnetization, self.spin_down)
            return self._changed(*(None if g is None else apply(g, factor) for g in grids))
        if not isinstance(other, Arithmetic):
            return NotImplemented  # type: ignore[no-any-return]
        self.require_same_grid(other)
        if any(g is not None for d in (self, other) for g in (d.magnetization, d.spin_down)):
            raise SymfftError("densities with spins are not multiplied or divided: take total() or spin('up') of them")
        if apply is operator.truediv and not other.values.all():
            zeros = int((other.values == 0).sum())
            raise SymfftError(f"the divisor is zero at {zeros} points: add a small number to it, or mask these points")
        return self._changed(apply(self.values, other.values), None, None)._replaced(kind="other")

    def _changed(self, values: Any, magnetization: Any, spin_down: Any) -> Self:
        """Return other values in the same crystal, without what belongs to the old ones only."""
        return self._replaced(
            values=values, magnetization=magnetization, spin_down=spin_down, augmentation=None, site_moments=None
        )

    def _replaced(self, **fields: Any) -> Self:
        new: Self = replace(self, **fields)  # type: ignore[type-var]
        return new


def _shape(grid: NDArray[np.float64] | None) -> tuple[int, ...] | None:
    return None if grid is None else grid.shape


def _is_number(value: Any) -> bool:
    if isinstance(value, (bool, np.complexfloating)) or not isinstance(value, (Real, np.number)):
        return False
    if not math.isfinite(value):
        raise SymfftError(f"{value} is not a finite number")
    return True
