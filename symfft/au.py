"""The asymmetric unit of a grid: orbits of grid points, and the way to them and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._array_types import IntArray
from symfft._arrays import TensorT, as_real, check_grid, check_values, is_tensor
from symfft._immutable import Immutable, frozen
from symfft._shape import Shape, as_shape
from symfft.crystal.space_group import SpaceGroup, as_space_group
from symfft.errors import NotSymmetricError, ShapeError
from symfft.fourier.plan import FourierPlan
from symfft.grid._kernels import take_labels
from symfft.grid.averages import keeps_lines, line_averages
from symfft.grid.brick import Brick, orbits_in_brick
from symfft.grid.means import Means, labels_on, means_of
from symfft.grid.orbits import GridOrbits
from symfft.grid.shape import grid_operators
from symfft.grid.symmetry_check import check_symmetry, even_subgroup

#: Largest difference between two values of an orbit, relative to the largest value, that `reduce_to_au` accepts.
TOLERANCE = 1e-3


class AsymmetricUnit(Immutable):
    """Orbits of the points of a periodic grid under a space group: the plan behind every transform.

    Get one from :func:`asymmetric_unit`, which caches it. All arrays are read-only. One point of each orbit represents
    it: the first one, in C order, of the brick. Units of the same group and shape are equal; pickled, one is its group
    and shape.
    """

    _brick: Brick
    _orbits: GridOrbits

    def __init__(self, brick: Brick, orbits: GridOrbits) -> None:
        vars(self).update(_brick=brick, _orbits=orbits)

    @property
    def orbits(self) -> GridOrbits:
        """Labels, representatives and sizes of the orbits alone, which engines of transforms work with."""
        return self._orbits

    @property
    def space_group(self) -> SpaceGroup:
        """The group."""
        return self._orbits.space_group

    @property
    def shape(self) -> Shape:
        """Shape of the grid."""
        return self._orbits.shape

    @property
    def size(self) -> int:
        """Number n of orbits."""
        return self._orbits.size

    @property
    def labels(self) -> NDArray[np.int32]:
        """Orbit number of every grid point, (Nx, Ny, Nz)."""
        return self._orbits.labels

    @property
    def multiplicity(self) -> NDArray[np.int32]:
        """Number of points in each orbit, (n,); they sum to the number of grid points."""
        return self._orbits.multiplicity

    @property
    def repetition_count(self) -> NDArray[np.int32]:
        """R_m, order of the site symmetry of each orbit, (n,): group order / multiplicity."""
        return self._orbits.repetition_count

    @property
    def points(self) -> NDArray[np.int32]:
        """Representative of each orbit, numbered in C order of the grid, (n,)."""
        return self._orbits.points

    @cached_property
    def indices(self) -> IntArray:
        """Grid indices (ix, iy, iz) of the representatives, (n, 3)."""
        return frozen(np.stack(np.unravel_index(self.points, self.shape), axis=-1).astype(np.int64))

    @property
    def brick_origin(self) -> Shape:
        """First corner of the brick."""
        return self._brick.origin

    @property
    def brick_shape(self) -> Shape:
        """Size of the brick: the smallest box of grid points in which every orbit has a member."""
        return self._brick.shape

    @cached_property
    def brick_points(self) -> IntArray:
        """Index of each representative in the brick, numbered in its C order, (n,); strictly increasing."""
        offset = (self.indices - np.array(self._brick.origin)) % np.array(self.shape)
        return frozen(np.ravel_multi_index(tuple(offset.T), self._brick.shape).astype(np.int64))

    def points_in(self, envelope: Shape) -> IntArray:
        """Index of each representative in a box with the brick's first corner and at least its size, (n,)."""
        if envelope == self._brick.shape:
            return self.brick_points
        return np.ravel_multi_index(np.unravel_index(self.brick_points, self._brick.shape), envelope).astype(np.int64)

    @cached_property
    def brick_mask(self) -> NDArray[np.bool_]:
        """Which points of the brick represent an orbit, bool of shape :attr:`brick_shape`."""
        mask = np.zeros(math.prod(self._brick.shape), dtype=bool)
        mask[self.brick_points] = True
        return frozen(mask.reshape(self._brick.shape))

    @cached_property
    def fourier(self) -> FourierPlan:
        """Plan of the exact transform; made at its first use."""
        return FourierPlan(self._orbits)

    @property
    def hkl(self) -> IntArray:
        """The unique reflections (h, k, l) in the order of :func:`symfft.au_dft`, (n_h, 3), each in (-N/2, N/2]."""
        return self.fourier.hkl

    @property
    def hkl_multiplicity(self) -> IntArray:
        """Number of reflections of the grid in the class of each unique one, Friedel mates included, (n_h,).

        Parseval: ``Σ_m multiplicity_m rho_m² = 1/N Σ_h hkl_multiplicity_h |F(h)|²``.
        """
        return self.fourier.reflections.multiplicity

    def __eq__(self, other: object) -> bool:
        """Whether two units have the same group and the same grid."""
        if not isinstance(other, AsymmetricUnit):
            return NotImplemented
        return self is other or (self.shape == other.shape and self.space_group == other.space_group)

    def __hash__(self) -> int:
        return hash((self.shape, self.space_group))

    def __reduce__(self) -> tuple[Callable[..., AsymmetricUnit], tuple[SpaceGroup, Shape]]:
        return asymmetric_unit, (self.space_group, self.shape)

    def __repr__(self) -> str:
        return f"AsymmetricUnit({self.space_group.symbol!r}, shape={self.shape}, size={self.size})"


def asymmetric_unit(space_group: SpaceGroup | int | str, shape: Sequence[int]) -> AsymmetricUnit:
    """Return the asymmetric unit of a grid under a space group; the last 32 are cached.

    The orbit of a grid point m holds its images W m + w. Its *multiplicity* is the number of distinct images, and
    ``R_m = order of the group / multiplicity``.

    Parameters
    ----------
    space_group : SpaceGroup, int or str
        The group; a number means its ITA reference setting, a string its Hermann-Mauguin symbol.
    shape : (3,) int
        Shape of the grid.

    Returns
    -------
    AsymmetricUnit

    Raises
    ------
    IncompatibleGridError
        If the grid is not mapped onto itself; the message names operator, axis and the next compatible shape.
    SpaceGroupError, ShapeError
        If the group is unknown or the shape unusable.

    Examples
    --------
    >>> from symfft import asymmetric_unit
    >>> au = asymmetric_unit(225, (8, 8, 8))
    >>> au.size, au.brick_shape
    (14, (5, 3, 3))
    >>> int(au.multiplicity.sum()), int(au.multiplicity[0]), int(au.repetition_count[0])
    (512, 4, 48)
    """
    return _planned(as_space_group(space_group), as_shape(shape))


@lru_cache(maxsize=32)
def _planned(space_group: SpaceGroup, shape: Shape) -> AsymmetricUnit:
    return AsymmetricUnit(*orbits_in_brick(space_group, shape))


@overload
def reduce_to_au(rho: TensorT, au: AsymmetricUnit, *, tolerance: float = ...) -> TensorT: ...
@overload
def reduce_to_au(rho: NDArray[np.float64], au: AsymmetricUnit, *, tolerance: float = ...) -> NDArray[np.float64]: ...
@overload
def reduce_to_au(rho: ArrayLike, au: AsymmetricUnit, *, tolerance: float = ...) -> NDArray[np.floating]: ...
def reduce_to_au(rho: Any, au: AsymmetricUnit, *, tolerance: float = TOLERANCE) -> Any:
    """Reduce densities on the full grid to their orbit means.

    ``values[k] = mean of rho over orbit k``, a projection that conserves Σ rho.

    Parameters
    ----------
    rho : (..., Nx, Ny, Nz) array or tensor
        Densities; float32 or float64 (other numbers become float64). NumPy array, or torch tensor on any device.
    au : AsymmetricUnit
        The plan.
    tolerance : float
        Largest accepted difference of two values of an orbit, relative to max |rho|: the largest residual that
        :func:`symfft.check_symmetry` reports. ``float("inf")`` forces the projection.

    Returns
    -------
    (..., n) array or tensor
        Same kind, dtype and device as `rho`; gradients pass through.

    Raises
    ------
    NotSymmetricError
        If `rho` is not symmetric within the tolerance; the message names the operator that it breaks most.
    ShapeError
        If the shape is not the plan's, or a value is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit, reduce_to_au
    >>> au = asymmetric_unit("P -1", (4, 4, 4))
    >>> x = np.arange(4) / 4
    >>> rho = np.broadcast_to(np.cos(2 * np.pi * x), (4, 4, 4))
    >>> reduce_to_au(rho, au).shape
    (36,)
    """
    if not tolerance >= 0:
        raise ShapeError(f"tolerance {tolerance!r} must be zero or positive")
    check_grid(rho, au.shape)
    rho = as_real(rho)
    means = means_of(rho.reshape(-1, math.prod(au.shape)), au.orbits)
    _require_symmetric(rho, au, means, tolerance)
    return means.values.reshape(*rho.shape[:-3], au.size)


@overload
def expand_from_au(values: TensorT, au: AsymmetricUnit) -> TensorT: ...
@overload
def expand_from_au(values: NDArray[np.float64], au: AsymmetricUnit) -> NDArray[np.float64]: ...
@overload
def expand_from_au(values: ArrayLike, au: AsymmetricUnit) -> NDArray[np.floating]: ...
def expand_from_au(values: Any, au: AsymmetricUnit) -> Any:
    """Expand values on the asymmetric unit to the full grid: ``rho[m] = values[labels[m]]``.

    Parameters
    ----------
    values : (..., n) array or tensor
        One value per orbit.
    au : AsymmetricUnit
        The plan.

    Returns
    -------
    (..., Nx, Ny, Nz) array or tensor
        Same kind, dtype and device as `values`; gradients pass through. Exactly symmetric.

    Raises
    ------
    ShapeError
        If the last axis does not match `au.size`.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit, expand_from_au, reduce_to_au
    >>> au = asymmetric_unit(225, (8, 8, 8))
    >>> values = np.random.default_rng(0).random((2, au.size))
    >>> np.allclose(reduce_to_au(expand_from_au(values, au), au), values, rtol=0, atol=1e-15)
    True
    """
    check_values(values, au.size)
    values = as_real(values)
    if is_tensor(values):
        labels = labels_on(au.orbits, values.device)
        return values.index_select(-1, labels).reshape(*values.shape[:-1], *au.shape)
    rho = np.empty((*values.shape[:-1], *au.shape), dtype=values.dtype)
    rows = np.ascontiguousarray(values).reshape(-1, au.size)
    take_labels(rows, au.labels.reshape(-1), rho.reshape(-1, au.labels.size))
    return rho


@overload
def symmetrize(rho: TensorT, space_group: SpaceGroup | int | str, *, signs: Sequence[int] | None = ...) -> TensorT: ...
@overload
def symmetrize(
    rho: NDArray[np.float64], space_group: SpaceGroup | int | str, *, signs: Sequence[int] | None = ...
) -> NDArray[np.float64]: ...
@overload
def symmetrize(
    rho: ArrayLike, space_group: SpaceGroup | int | str, *, signs: Sequence[int] | None = ...
) -> NDArray[np.floating]: ...
def symmetrize(rho: Any, space_group: SpaceGroup | int | str, *, signs: Sequence[int] | None = None) -> Any:
    """Project densities onto the functions that a space group leaves unchanged (or changes by a sign).

    ``rho_sym(r) = 1/|G| Σ_g s_g rho(g r)``; the projection conserves Σ rho where all s_g are +1.

    Parameters
    ----------
    rho : (..., Nx, Ny, Nz) array or tensor
        Densities.
    space_group : SpaceGroup, int or str
        The group.
    signs : (g,) of +1 and -1, optional
        A sign for each operator, as :func:`check_symmetry` finds them for the magnetisation of an antiferromagnet.

    Returns
    -------
    (..., Nx, Ny, Nz) array or tensor

    Raises
    ------
    IncompatibleGridError
        If the grid does not fit the group.
    NotSymmetricError
        If the signs do not form a one-dimensional representation of the group (a product of operators has the product
        of their signs).
    ShapeError
        If `rho` is not a grid of real numbers, or there is not one sign, +1 or -1, for every operator.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import check_symmetry, symmetrize
    >>> rho = np.random.default_rng(0).random((8, 8, 8))
    >>> check_symmetry(symmetrize(rho, 227), 227).largest_residual < 1e-15
    True
    """
    group = as_space_group(space_group)
    check_grid(rho, None)
    shape = as_shape(tuple(rho.shape[-3:]))
    rho = as_real(rho)
    even, odd = (group, None) if signs is None else even_subgroup(group, signs)
    if odd is not None:
        grid_operators(group, shape)
    mean = _orbit_means(rho, even)
    if odd is None:
        return mean
    image = _image_of_grid(group, odd, shape)
    flat = mean.reshape(*mean.shape[:-3], math.prod(shape))
    turned = flat.index_select(-1, flat.new_tensor(image, dtype=int)) if is_tensor(flat) else flat[..., image]
    return (mean - turned.reshape(mean.shape)) / 2


def _orbit_means(rho: Any, group: SpaceGroup) -> Any:
    if not is_tensor(rho) and keeps_lines(group):
        return line_averages(rho, group)
    au = asymmetric_unit(group, rho.shape[-3:])
    return expand_from_au(reduce_to_au(rho, au, tolerance=math.inf), au)


def _image_of_grid(group: SpaceGroup, operator: int, shape: Shape) -> NDArray[np.int64]:
    """Return the index of the image of every grid point under one operator, in C order."""
    rotations, translations = grid_operators(group, shape)
    x, y, z = np.ogrid[: shape[0], : shape[1], : shape[2]]
    w, t = rotations[operator], translations[operator]
    u, v, s = ((w[i, 0] * x + w[i, 1] * y + w[i, 2] * z + t[i]) % shape[i] for i in range(3))
    return np.asarray(((u * shape[1] + v) * shape[2] + s).reshape(-1), dtype=np.int64)


def _require_symmetric(rho: Any, au: AsymmetricUnit, means: Means, tolerance: float) -> None:
    spreads = enumerate(zip(means.spread, means.largest, strict=True))
    broken = next(((i, s, m) for i, (s, m) in spreads if not math.isfinite(s) or (s > 0 and s / m > tolerance)), None)
    if broken is None:
        return
    i, spread, largest = broken
    which = f"density {i} of the batch" if len(means.spread) > 1 else "the density"
    if not math.isfinite(spread):
        raise ShapeError(f"{which} holds NaN or infinite values: repair or leave it out before reducing")
    one = np.asarray(rho.detach().cpu() if is_tensor(rho) else rho, dtype=np.float64).reshape(-1, *au.shape)[i]
    worst = max(check_symmetry(one, au.space_group).operators, key=lambda o: -1.0 if o.even is None else o.even)
    raise NotSymmetricError(
        f"{which} is not symmetric under {au.space_group.symbol}: values of an orbit differ by "
        f"{spread / largest:.1e} of the largest, above the tolerance of {tolerance:.1e}; operator "
        f"{worst.triplet} is broken most ({worst.even:.1e}). Check the group, or force the projection with "
        'tolerance=float("inf")'
    )
