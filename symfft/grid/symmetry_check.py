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
from symfft.grid._kernels import apply_operator, operator_residuals
from symfft.grid.shape import as_shape, fitting_operators, grid_operators, in_grid_units


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
        max |rho(gr) - sign · rho(r)| / max |rho|.
    even : float or None
        max |rho(gr) - rho(r)| / max |rho|, whatever the sign.
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
        """Largest residual over the operators that fit the grid."""
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
        return {**asdict(self), "fits": self.fits, "largest_residual": self.largest_residual}


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
        raise ShapeError(f"an array of shape {density.shape} is no single density: check one (Nx, Ny, Nz) at a time")
    shape = as_shape(density.shape)
    largest = float(np.abs(density).max())
    if not math.isfinite(largest):
        raise ShapeError("the density holds NaN or infinite values: repair it first")
    fits = fitting_operators(group, shape)
    rotations, translations = in_grid_units(group, shape, fits)
    residuals = np.empty((len(rotations), 2))
    operator_residuals(
        np.ascontiguousarray(density).reshape(-1), np.array(shape, dtype=np.int64), rotations, translations, residuals
    )
    rows = iter(residuals / largest if largest else np.zeros_like(residuals))
    checks = []
    for triplet, fit in zip(group.triplets, fits.tolist(), strict=True):
        if not fit:
            checks.append(OperatorCheck(triplet, False, None, None, None))
            continue
        even, odd = (float(v) for v in next(rows))
        checks.append(OperatorCheck(triplet, True, 1 if even <= odd else -1, min(even, odd), even))
    return SymmetryReport(group.symbol, group.number, shape, tuple(checks))


def symmetrize_with_signs(rho: NDArray[Any], group: SpaceGroup, signs: Sequence[int]) -> NDArray[Any]:
    """Project densities onto the functions with ``rho(gr) = s_g rho(r)``.

    Raises
    ------
    NotSymmetricError
        If the signs are not a character of the group.
    ShapeError
        If there is not one sign, +1 or -1, for every operator.
    IncompatibleGridError
        If the grid does not fit the group.
    """
    s = np.asarray(signs, dtype=np.int64)
    if s.shape != (group.order,) or not np.isin(s, (-1, 1)).all():
        raise ShapeError(f"signs must be {group.order} values of +1 or -1, one for each operator of {group.symbol}")
    _require_character(group, s)
    shape = as_shape(rho.shape[-3:])
    rotations, translations = grid_operators(group, shape)
    flat = np.ascontiguousarray(rho.reshape(-1, math.prod(shape)), dtype=np.float64)
    total, image = np.zeros_like(flat), np.empty_like(flat)
    for w, t, sign in zip(rotations, translations, s.tolist(), strict=True):
        apply_operator(flat, np.array(shape, dtype=np.int64), w, t, image)
        total += sign * image
    return (total / group.order).reshape(rho.shape).astype(rho.dtype, copy=False)


def _require_character(group: SpaceGroup, signs: NDArray[np.int64]) -> None:
    """Require that the operators with +1 are a subgroup of index two, or all of the group."""
    even = signs > 0
    try:
        order = SpaceGroup(group.rotations[even], group.numerators[even], group.denominator).order
    except SpaceGroupError:
        order = 0
    if 2 * order not in (group.order, 2 * group.order):
        raise NotSymmetricError(
            f"the signs are no character of {group.symbol}: half of the operators, closed among themselves, "
            "must have +1"
        )
