"""How well a density on a grid keeps each operator of a space group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._array_types import Array, FloatArray, IntArray
from symfft._arrays import TensorLike, as_real, check_grid, is_tensor
from symfft._shape import Shape, as_shape
from symfft.crystal.space_group import SpaceGroup, as_space_group
from symfft.errors import NotSymmetricError, ShapeError, SpaceGroupError
from symfft.grid._kernels import largest_changes, odd_changes, odd_residual, orbit_spreads
from symfft.grid.shape import GridOperators, fitting_operators, in_grid_units, operator_columns

#: Orbits are visited by the difference of their extremes, as shares of the largest; points by their absolute values.
LEVELS = (0.999, 0.995, 0.99, 0.97, 0.9, 0.8, 0.6, 0.3, 0.0)
#: So many of them, above this share, are visited before those operators are told apart that change the density little.
FIRST_ORBITS, FIRST_SHARE, LITTLE = 16, 0.97, 0.1
ODD_LEVELS = (0.97, 0.9, 0.8, 0.6)


@dataclass(frozen=True)
class OperatorCheck:
    """What one operator does to a density.

    Attributes
    ----------
    triplet : str
        The operator, as in ``'-x,y+1/2,-z'``.
    fits : bool
        Whether it maps the grid onto itself; where it does not, the other entries are None.
    sign : int or None
        +1 where rho(gr) = rho(r) holds better than rho(gr) = -rho(r), else -1.
    residual : float or None
        ``max |rho(gr) - sign · rho(r)| / max |rho|``.
    even : float or None
        ``max |rho(gr) - rho(r)| / max |rho|``, whatever the sign.
    """

    triplet: str
    fits: bool
    sign: int | None
    residual: float | None
    even: float | None


@dataclass(frozen=True)
class SymmetryReport:
    """A density's symmetry, operator by operator.

    Attributes
    ----------
    symbol, number : str, int
        The space group.
    shape : tuple of 3 int
        The grid.
    operators : tuple of OperatorCheck
        One entry for each operator, in the order of the group.
    """

    symbol: str
    number: int
    shape: tuple[int, int, int]
    operators: tuple[OperatorCheck, ...]

    @property
    def fits(self) -> bool:
        """Whether the grid is mapped onto itself by every operator."""
        return all(o.fits for o in self.operators)

    @property
    def largest_residual(self) -> float:
        """Largest change of the density, max |rho(gr) - rho(r)| / max |rho|, under the operators that fit the grid.

        As a number, the largest difference between two values of an orbit, which :func:`symfft.reduce_to_au` compares
        with its tolerance.
        """
        return max(o.even for o in self.operators if o.even is not None)

    @property
    def largest_signed_residual(self) -> float:
        """Largest residual where each operator may keep the density or reverse it, as a magnetisation."""
        return max(o.residual for o in self.operators if o.residual is not None)

    @property
    def signs(self) -> tuple[int, ...]:
        """Sign of every operator, +1 where it does not fit the grid."""
        return tuple(o.sign or 1 for o in self.operators)

    def is_symmetric(self, tolerance: float) -> bool:
        """Whether every operator fits the grid and leaves the density unchanged within the tolerance."""
        return all(o.even is not None and o.even <= tolerance for o in self.operators)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data, ready for JSON."""
        return {
            **asdict(self),
            "fits": self.fits,
            "largest_residual": self.largest_residual,
            "largest_signed_residual": self.largest_signed_residual,
        }


def check_symmetry(rho: ArrayLike | TensorLike, space_group: SpaceGroup | int | str) -> SymmetryReport:
    """Report how well a density keeps each operator of a space group.

    An operator whose grid image is off the grid is reported as not fitting. An operator under which the density
    changes sign (the magnetisation of an antiferromagnet) is recognised by its sign.

    Parameters
    ----------
    rho : (Nx, Ny, Nz) array or tensor
        The density.
    space_group : SpaceGroup, int or str
        The group.

    Returns
    -------
    SymmetryReport

    Raises
    ------
    ShapeError
        If `rho` is not three-dimensional, or a value is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import check_symmetry
    >>> x = np.arange(8) / 8
    >>> rho = np.broadcast_to(np.sin(2 * np.pi * x), (8, 8, 8))
    >>> report = check_symmetry(rho, "P -1")
    >>> report.operators[1].triplet, report.operators[1].sign, report.operators[1].residual < 1e-15
    ('-x,-y,-z', -1, True)
    """
    group = as_space_group(space_group)
    given: Any = rho
    check_grid(given, None)
    density = as_real(given.detach().cpu().numpy() if is_tensor(given) else given).astype(np.float64, copy=False)
    if density.ndim != 3:
        raise ShapeError(f"an array of shape {density.shape} is not a single density: check one (Nx, Ny, Nz) at a time")
    shape = as_shape(density.shape)
    largest = float(np.abs(density).max())
    if not math.isfinite(largest):
        raise ShapeError("the density holds NaN or infinite values: repair it first")
    fits = fitting_operators(group, shape)
    changes = _Changes(np.ascontiguousarray(density).reshape(-1), shape, in_grid_units(group, shape, fits))
    even = changes.even()
    # max |rho(gr) + rho(r)| is at least 2 max |rho| - even
    odd = changes.odd(even, even > largest)
    scale = largest or 1.0
    columns = zip(even.tolist(), odd.tolist(), strict=True)
    checks = []
    for triplet, fit in zip(group.triplets, fits.tolist(), strict=True):
        if not fit:
            checks.append(OperatorCheck(triplet, False, None, None, None))
            continue
        e, o = next(columns)
        checks.append(OperatorCheck(triplet, True, 1 if e <= o else -1, min(e, o) / scale, e / scale))
    return SymmetryReport(group.symbol, group.number, shape, tuple(checks))


class _Changes:
    """Largest changes of a density under the operators of a group.

    Parameters
    ----------
    rho : (N,) float64
        The density.
    shape : tuple of 3 int
        The grid.
    operators : GridOperators
        A group.
    """

    def __init__(self, rho: FloatArray, shape: Shape, operators: GridOperators) -> None:
        self._rho, self._shape, self._operators = rho, shape, operators
        self._n = np.array(shape, dtype=np.int64)
        self._columns = operator_columns(operators, shape)
        self._keys = {column.tobytes(): i for i, column in enumerate(np.ascontiguousarray(self._columns.T))}
        # in grid units an inverse is made of integers, too, since it maps the grid onto itself
        inverse = np.rint(np.linalg.inv(operators.rotations)).astype(np.int64)
        back = -(inverse @ operators.translations[:, :, None])[..., 0]
        self._inverse = self._numbers_of(inverse, back)
        self._same = self._numbers_of(*operators)
        self._identity = int(self._numbers_of(np.eye(3, dtype=np.int64)[None], np.zeros((1, 3), dtype=np.int64))[0])

    def even(self, signs: FloatArray | None = None) -> FloatArray:
        """Return max |rho(gr) - sign · rho(r)| for each operator; the signs form a representation, +1 by default."""
        order = self._columns.shape[1]
        signs = np.ones(order) if signs is None else signs
        first, spread = np.empty(self._rho.size, dtype=np.int32), np.empty(self._rho.size)
        done = np.zeros(self._rho.size, dtype=bool)
        images = np.empty(order, dtype=np.int32)
        count = orbit_spreads(self._rho, self._n, self._columns, signs, images, done, first, spread)
        first, spread, residuals = first[:count], spread[:count], np.zeros(order)
        if not count:
            return residuals
        active = np.setdiff1d(self._same, self._identity)
        largest = float(spread.max())
        self._raise(residuals, signs, first[spread >= FIRST_SHARE * largest][:FIRST_ORBITS], active)
        near = self._generated(active[residuals[active] < LITTLE * largest])
        if len(near) < len(active) + 1:
            # operators that nearly keep the density have orbits of their own, with small differences
            kept = _Changes(self._rho, self._shape, GridOperators(*(part[near] for part in self._operators)))
            residuals[near] = kept.even(signs[near])
            active = np.setdiff1d(active, near)
        above = np.inf
        for level in LEVELS:
            # no operator changes the density by more than the difference of the extremes of an orbit
            active = active[residuals[active] < min(above, largest)]
            if not len(active):
                break
            least = level * largest
            self._raise(residuals, signs, first[(spread > least) & (spread <= above)], active)
            above = least
        return residuals[self._same]

    def _raise(self, residuals: FloatArray, signs: FloatArray, orbits: Array, active: IntArray) -> None:
        """Raise the residuals of some operators to what they are on some orbits."""
        images, values = np.empty(len(signs), dtype=np.int32), np.empty(len(signs))
        largest_changes(self._rho, self._n, self._columns, signs, images, values, orbits, active, residuals)
        np.maximum(residuals, residuals[self._inverse], out=residuals)

    def odd(self, even: FloatArray, wanted: NDArray[np.bool_]) -> FloatArray:
        """Return max |rho(gr) + rho(r)| for the wanted operators, some larger number than `even` where that is less."""
        residuals = np.where(wanted, 0.0, np.inf)
        if not wanted.any():
            return residuals
        if 2 * wanted.sum() == len(wanted) == 2 * len(self._generated(np.flatnonzero(~wanted))):
            return np.where(wanted, self.even(np.where(wanted, -1.0, 1.0)), np.inf)
        size = np.abs(self._rho)
        largest, above, active = float(size.max()), np.inf, np.flatnonzero(wanted)
        for level in ODD_LEVELS:
            least = level * largest
            points = np.flatnonzero((size > least) & (size <= above))
            odd_changes(self._rho, self._n, self._columns, points, active, residuals)
            residuals = np.maximum(residuals, residuals[self._inverse])
            # of two values that add up to more than twice the level, one is above it
            active, above = active[residuals[active] < np.minimum(2 * least, even[active])], least
        for operator in active.tolist():
            column = np.ascontiguousarray(self._columns[:, operator], dtype=np.int64)
            odd_residual(self._rho, self._n, column, residuals[operator : operator + 1])
        return residuals

    def _generated(self, chosen: IntArray) -> IntArray:
        """Return the numbers of the operators that some of them generate."""
        rotations, translations = self._operators
        found, generators = np.array([self._identity]), np.empty(0, dtype=np.int64)
        for operator in chosen.tolist():
            if operator in found:
                continue
            generators, size = np.append(generators, operator), 0
            while size < len(found):
                size = len(found)
                w = rotations[found, None] @ rotations[generators]
                t = (rotations[found, None] @ translations[generators, :, None])[..., 0] + translations[found, None]
                products = self._numbers_of(w.reshape(-1, 3, 3), t.reshape(-1, 3))
                found = np.unique(np.concatenate([found, generators, products]))
        return found

    def _numbers_of(self, rotations: IntArray, translations: IntArray) -> IntArray:
        """Return the numbers of operators of the group."""
        columns = operator_columns(GridOperators(rotations, translations % self._n), self._shape)
        return np.array([self._keys[column.tobytes()] for column in np.ascontiguousarray(columns.T)])


def even_subgroup(group: SpaceGroup, signs: Sequence[int]) -> tuple[SpaceGroup, int | None]:
    """Return the operators whose sign is +1, as a group, and the index of one whose sign is -1, if there is any.

    Raises
    ------
    NotSymmetricError
        If the signs do not form a one-dimensional representation of the group: half of the operators, closed among
        themselves, or all of them must have +1.
    ShapeError
        If there is not one sign, +1 or -1, for every operator.
    """
    s = np.asarray(signs)
    if s.shape != (group.order,) or not np.isin(s, (-1, 1)).all():
        raise ShapeError(f"signs must be {group.order} values of +1 or -1, one for each operator of {group.symbol}")
    if (s > 0).all():
        return group, None
    try:
        even = SpaceGroup(group.rotations[s > 0], group.numerators[s > 0], group.denominator)
    except SpaceGroupError:
        even = None
    if even is None or 2 * even.order != group.order:
        raise NotSymmetricError(
            f"the signs do not form a one-dimensional representation of {group.symbol}: half of the operators, closed "
            "among themselves, must have +1"
        )
    return even, int(np.argmin(s))
