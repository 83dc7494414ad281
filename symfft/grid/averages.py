"""Averages over orbits, for grids used once, where caching is not worthwhile."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from symfft._shape import Shape, as_shape
from symfft.crystal.space_group import SpaceGroup
from symfft.errors import ShapeError
from symfft.grid._average_kernels import average_cosets, average_lines, spread_lines
from symfft.grid.shape import grid_operators

FloatT = TypeVar("FloatT", np.float32, np.float64)


class OrbitAverages(NamedTuple):
    """A symmetrized density, and how far the density was from it.

    Attributes
    ----------
    means : (Nx, Ny, Nz) float64
        At each point the mean over its orbit.
    residual : float
        max |rho - mean| / max |rho|. No operator's residual is more than twice that.
    """

    means: NDArray[np.float64]
    residual: float


def orbit_averages(rho: NDArray[np.float64], space_group: SpaceGroup) -> OrbitAverages:
    """Symmetrize a density, and measure how far it is from being symmetric.

    The same as :func:`symfft.symmetrize`, without labels of the grid, which take longer than the average where a
    group and a grid occur only once.

    Parameters
    ----------
    rho : (Nx, Ny, Nz) float64
        Finite values.
    space_group : SpaceGroup
        The group.

    Raises
    ------
    IncompatibleGridError
        If the grid does not fit the group.
    ShapeError
        If `rho` is not three-dimensional.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import SpaceGroup
    >>> rho = np.arange(8.0).reshape(2, 2, 2)
    >>> averages = orbit_averages(rho, SpaceGroup.from_symbol("P 4"))
    >>> averages.means[:, :, 0].tolist(), round(averages.residual, 3)
    ([[0.0, 3.0], [3.0, 6.0]], 0.143)
    """
    if rho.ndim != 3:
        raise ShapeError(f"an array of shape {rho.shape} is not a single density: give (Nx, Ny, Nz)")
    shape = as_shape(rho.shape)
    n, rows = np.array(shape, dtype=np.int64), _rows(space_group, shape)
    keeping, others = _by_lines(space_group)
    density = np.ascontiguousarray(rho, dtype=np.float64).reshape(-1)
    lines, means = np.full((shape[0] * shape[1], 5), -1), np.empty(density.size)
    average_lines(np.ascontiguousarray(rows[:, keeping]), n, density, False, lines, means)
    if len(others) > 1:
        folded, means = means, np.empty(density.size)
        done = np.zeros(density.size, dtype=bool)
        average_cosets(np.ascontiguousarray(rows[:, others]), n, lines, folded, done, means)
    distance, largest = spread_lines(n, density, lines, means)
    return OrbitAverages(means.reshape(shape), distance / largest if largest else 0.0)


def keeps_lines(space_group: SpaceGroup) -> bool:
    """Whether every operator takes lines along the third axis to such lines."""
    return len(_by_lines(space_group)[0]) == space_group.order


def line_averages(rho: NDArray[FloatT], space_group: SpaceGroup) -> NDArray[FloatT]:
    """Symmetrize densities under a group that keeps lines along the third axis.

    One pass over the grid: lines of an orbit are read, averaged in float64 and written one orbit after the other.

    Parameters
    ----------
    rho : (..., Nx, Ny, Nz) float32 or float64
        Densities.
    space_group : SpaceGroup
        The group, for which :func:`keeps_lines` holds.

    Returns
    -------
    (..., Nx, Ny, Nz) array
        Exactly symmetric.

    Raises
    ------
    IncompatibleGridError
        If the grid does not fit the group.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import SpaceGroup
    >>> line_averages(np.arange(4.0).reshape(1, 1, 4), SpaceGroup.from_number(2)).tolist()
    [[[0.0, 2.0, 2.0, 2.0]]]
    """
    shape = as_shape(rho.shape[-3:])
    n, rows = np.array(shape, dtype=np.int64), np.ascontiguousarray(_rows(space_group, shape))
    densities = np.ascontiguousarray(rho).reshape(-1, math.prod(shape))
    means = np.empty_like(densities)
    for density, mean in zip(densities, means, strict=True):
        average_lines(rows, n, density, True, np.full((shape[0] * shape[1], 5), -1), mean)
    return means.reshape(rho.shape)


def _rows(space_group: SpaceGroup, shape: Shape) -> NDArray[np.int32]:
    """Return the operators in grid units as :func:`average_lines` takes them."""
    rotations, translations = grid_operators(space_group, shape)
    n = np.array(shape, dtype=np.int64)
    return np.concatenate([(rotations % n[:, None]).reshape(-1, 9).T, translations.T]).astype(np.int32)


@lru_cache(maxsize=256)
def _by_lines(group: SpaceGroup) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the operators H that keep lines along the third axis, and one operator c of each coset Hc.

    The coset is identified by the direction, up to its sign, to which c⁻¹ takes the third axis.
    """
    keeping = np.flatnonzero((group.rotations[:, :2, 2] == 0).all(axis=1))
    images = np.rint(np.linalg.inv(group.rotations)[:, :, 2]).astype(np.int64)
    without_sign = (images[:, :, None] * images[:, None, :]).reshape(-1, 9)
    _, others = np.unique(without_sign, axis=0, return_index=True)
    return keeping, others
