"""How well a density on a grid keeps each operator of a space group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft._arrays import as_real, check_grid, is_tensor
from symfft.crystal.space_group import SpaceGroup, as_space_group
from symfft.errors import NotSymmetricError, ShapeError, SpaceGroupError
from symfft.grid._kernels import even_residuals, odd_residual, orbit_spreads
from symfft.grid.shape import as_shape, fitting_operators, in_grid_units, operator_columns


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


def check_symmetry(rho: Any, space_group: SpaceGroup | int | str) -> SymmetryReport:
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
    check_grid(rho, None)
    density = as_real(rho.detach().cpu().numpy() if is_tensor(rho) else rho).astype(np.float64, copy=False)
    if density.ndim != 3:
        raise ShapeError(f"an array of shape {density.shape} is not a single density: check one (Nx, Ny, Nz) at a time")
    shape = as_shape(density.shape)
    largest = float(np.abs(density).max())
    if not math.isfinite(largest):
        raise ShapeError("the density holds NaN or infinite values: repair it first")
    fits = fitting_operators(group, shape)
    operators = operator_columns(in_grid_units(group, shape, fits), shape)
    flat, n = np.ascontiguousarray(density).reshape(-1), np.array(shape, dtype=np.int64)
    changes = _changes(flat, n, operators)
    columns = zip(changes.tolist(), operators.T.astype(np.int64, order="C"), strict=True)
    checks = []
    for triplet, fit in zip(group.triplets, fits.tolist(), strict=True):
        if not fit:
            checks.append(OperatorCheck(triplet, False, None, None, None))
            continue
        even, operator = next(columns)
        # max |rho(gr) + rho(r)| is at least 2 max |rho| - even
        odd = math.inf if even <= largest else _odd_change(flat, n, operator)
        scale = largest or 1.0
        checks.append(OperatorCheck(triplet, True, 1 if even <= odd else -1, min(even, odd) / scale, even / scale))
    return SymmetryReport(group.symbol, group.number, shape, tuple(checks))


def _changes(rho: NDArray[np.float64], shape: NDArray[np.int64], operators: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return max |rho(gr) - rho(r)| for each operator of a group."""
    first, spread = np.empty(rho.size, dtype=np.int32), np.empty(rho.size)
    images, done = np.empty(operators.shape[1], dtype=np.int32), np.zeros(rho.size, dtype=bool)
    count = orbit_spreads(rho, shape, operators, images, done, first, spread)
    falling = np.argsort(-spread[:count], kind="stable")
    unit = np.concatenate([np.eye(3, dtype=np.int64).reshape(-1) % np.repeat(shape, 3), np.zeros(3, dtype=np.int64)])
    identity = int(np.flatnonzero((unit == operators.T).all(axis=1))[0])
    changes = np.empty(operators.shape[1])
    even_residuals(rho, shape, operators, first[:count][falling], spread[:count][falling], identity, changes)
    return changes


def _odd_change(rho: NDArray[np.float64], shape: NDArray[np.int64], operator: NDArray[np.int64]) -> float:
    """Return max |rho(gr) + rho(r)| for an operator."""
    change = np.empty(1)
    odd_residual(rho, shape, operator, change)
    return float(change[0])


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
