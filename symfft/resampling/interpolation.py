"""Change of grid, of cell and of origin, through the structure factors, so that symmetry survives exactly.

A density sampled on a grid of shape N stands for the Fourier series ``rho(x) = Σ_G c_G exp(2πi G·x)`` over the shortest
members G of every frequency class h + N·Z³; members of equal length share the coefficient of their class equally. That
set is as symmetric as the grid is, in any cell, so the series has every symmetry that the samples have. The target grid
keeps the G that are shortest in its own classes. Basis vectors are rows throughout: a cell matrix T takes the lattice A
to ``T @ A``, fractional coordinates x (rows) to ``x T⁻¹ + p`` and frequencies h (columns) to ``T h``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._array_types import IntArray
from symfft._shape import Shape, as_shape
from symfft._tables import once
from symfft.au import AsymmetricUnit
from symfft.crystal.lattice import wigner_seitz_cell
from symfft.crystal.operators import Exact, inverse_of
from symfft.errors import NotSymmetricError, ShapeError
from symfft.resampling._interpolation_kernels import move_coefficients, take_nodes
from symfft.resampling.cell_change import (
    IDENTITY,
    Change,
    aliases_of,
    as_cell,
    as_lattice,
    as_origin,
    change_of,
    exact_change,
    members_with_image,
)
from symfft.transforms.dft import au_idft

#: A grid of a batch is compared with at least this fraction of the largest value in the batch.
NOISE = 1e-3


def resample_grid(rho: ArrayLike, lattice: ArrayLike, shape: Sequence[int]) -> NDArray[Any]:
    """Interpolate a periodic density on another grid of the same cell.

    Finer grids interpolate; coarser ones drop the frequencies that they cannot carry. The mean (electron count) is
    conserved, and so is every symmetry that fits both grids. Values can become negative where the input was not
    band-limited; nothing is clipped.

    Parameters
    ----------
    rho : (..., Nx, Ny, Nz) float
        Density; leading axes are a batch. float32 stays float32, all else becomes float64.
    lattice : (3, 3) float
        Basis vectors as rows; only ratios of lengths and angles matter.
    shape : (3,) int
        Wanted grid.

    Returns
    -------
    (..., *shape) ndarray

    Raises
    ------
    ShapeError
        If an argument has a wrong shape, or values that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(8) / 8
    >>> wave = np.cos(2 * np.pi * (x[:, None, None] + x[None, :, None] - x[None, None, :]))
    >>> finer = resample_grid(wave, np.eye(3), (16, 16, 16))
    >>> bool(np.abs(finer[::2, ::2, ::2] - wave).max() < 1e-14)
    True
    """
    return change_cell(rho, lattice, IDENTITY, (0, 0, 0), shape)


def change_cell(
    rho: ArrayLike,
    lattice: ArrayLike,
    cell: ArrayLike,
    origin: ArrayLike,
    shape: Sequence[int],
    *,
    tolerance: float = 1e-3,
    points: IntArray | AsymmetricUnit | None = None,
) -> NDArray[Any]:
    """Sample a periodic density on a grid of another cell, with another origin.

    ``rho'(x') = rho((x' - p) T)`` at ``x' = (ix/N'x, iy/N'y, iz/N'z)``: frequencies go to ``h' = T h``, coefficients to
    ``c' = c exp(-2πi h'·p)``.

    Parameters
    ----------
    rho : (..., Nx, Ny, Nz) float
        Density; leading axes are a batch. float32 stays float32, all else becomes float64.
    lattice : (3, 3) float
        Basis vectors A as rows; only ratios of lengths and angles matter.
    cell : (3, 3) int or Fraction
        T: the new basis vectors are the rows of ``T @ A``. Floats are read as fractions with denominators up to 100.
    origin : (3,) float or Fraction
        p: where the old origin lies, in fractional coordinates of the new cell.
    shape : (3,) int
        Grid in the new cell.
    tolerance : float
        A cell that is not a multiple of the old one is allowed where the density has its periodicity: what is left
        out may reach this fraction of max|rho|.
    points : (n, 3) int or AsymmetricUnit, optional
        Indices of the points of the new grid that are wanted, such as ``asymmetric_unit(group, shape).indices``, which
        spares most of the last transform; by default all. The asymmetric unit itself, of a density that has its
        symmetry, spares nearly all of it, once its transform is planned (:func:`symfft.au_idft`).

    Returns
    -------
    (..., *shape) ndarray, or (..., n) where `points` are given

    Raises
    ------
    ShapeError
        If an argument has a wrong shape, or values that are not finite, or T is singular or irrational.
    NotSymmetricError
        If the density lacks the periodicity of the new cell.

    Examples
    --------
    A primitive face-centred grid is the checkerboard of the cubic grid with twice the points along each axis.

    >>> import numpy as np
    >>> fcc = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
    >>> rho = np.random.default_rng(0).random((6, 6, 6))
    >>> cubic = change_cell(rho, fcc, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]], (0, 0, 0), (12, 12, 12))
    >>> i, j, k = np.indices((6, 6, 6))
    >>> bool(np.abs(cubic[(j + k) % 12, (i + k) % 12, (i + j) % 12] - rho).max() < 1e-14)
    True
    """
    values = _as_grid(rho)
    exact = exact_change(as_cell(cell), as_origin(origin), as_shape(values.shape[-3:]), as_shape(shape))
    if isinstance(points, AsymmetricUnit) and points.shape != exact.new_shape:
        raise ShapeError(f"an asymmetric unit of the grid {points.shape} has no points of the grid {exact.new_shape}")
    if exact.nodes is not None:
        as_lattice(lattice)
        return _taken(
            values, *exact.nodes, exact.new_shape, points.indices if isinstance(points, AsymmetricUnit) else points
        )
    change = change_of(lattice, exact)
    batch = values.reshape(-1, *change.old_shape)
    import scipy.fft

    members = change.members
    if change.denominator > 1:
        coefficients = scipy.fft.rfftn(batch, axes=(1, 2, 3), norm="forward")
        kept = members_with_image(change, change.rows, change.denominator) / np.maximum(members, 1)
        _require_periodicity(batch, coefficients * kept.astype(values.dtype), change, tolerance)
    else:
        coefficients = _low_frequencies(batch, change.reach)
    if isinstance(points, AsymmetricUnit):
        unique = _move(coefficients, members, change, _places(points), len(points.hkl))
        return np.asarray(au_idft(unique, points, norm="forward").reshape(*values.shape[:-3], points.size))
    m1, m2, m3 = change.new_shape
    half = m1, m2, m3 // 2 + 1
    moved = _move(coefficients, members, change, np.empty((0, 0, 0), dtype=np.int32), math.prod(half))
    moved = moved.reshape(-1, *half)
    if points is None:
        result = scipy.fft.irfftn(moved, s=change.new_shape, axes=(1, 2, 3), norm="forward", overwrite_x=True)
        return np.asarray(result.reshape(*values.shape[:-3], *change.new_shape))
    return _at_points(moved, change.new_shape, points).reshape(*values.shape[:-3], len(points))


def lossless_shape(lattice: ArrayLike, cell: ArrayLike, shape: Sequence[int], origin: ArrayLike = (0, 0, 0)) -> Shape:
    """Return a small grid of a new cell from which :func:`change_cell` could go back to the old grid and lose nothing.

    Its Wigner-Seitz cell of frequencies encloses that of the old grid, strictly so where the shift of the origin is
    not one of its points: halfway between its points a frequency on the border cannot be told from zero. It is at
    most the smallest grid that has all points of the old one.

    Parameters
    ----------
    lattice : (3, 3) float
        Old basis vectors as rows.
    cell : (3, 3) int or Fraction
        The new basis vectors are the rows of ``cell @ lattice``.
    shape : (3,) int
        Old grid.
    origin : (3,) float or Fraction
        Where the old origin lies, in fractional coordinates of the new cell.

    Raises
    ------
    ShapeError
        If an argument is unusable.

    Examples
    --------
    >>> import numpy as np
    >>> fcc = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
    >>> lossless_shape(fcc, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]], (56, 56, 56))
    (112, 112, 112)
    """
    old_shape, p = as_shape(shape), np.array(as_origin(origin), dtype=object)
    t = np.array(as_cell(cell), dtype=object).reshape(3, 3)
    steps = inverse_of(t) / np.array(old_shape, dtype=object)[:, None]
    enclosing = [math.lcm(*(v.denominator for v in column)) for column in steps.T]
    rows = t.astype(np.float64) @ as_lattice(lattice)
    metric = np.linalg.inv(rows @ rows.T)
    change = change_of(lattice, exact_change(as_cell(cell), as_origin(origin), old_shape, old_shape))
    # necessary along each axis; where the new axes are oblique, not always sufficient
    least = 2 * change.old.extent(metric / np.diag(metric)[:, None] @ t.astype(np.float64))
    stretch = 1.0
    while True:
        trial = [math.ceil(v * stretch - 1e-6) for v in least]
        if math.prod(trial) >= math.prod(enclosing) and _is_node(p, enclosing):
            return as_shape(enclosing)
        new = wigner_seitz_cell(change.form, aliases_of(t, as_shape(trial)))
        border = new.bounds * (1 + (1e-9 if _is_node(p, trial) else -1e-9))
        if np.all(change.old.extent(new.normals.astype(np.float64)) <= border):
            return as_shape(trial)
        stretch += 1 / max(least)


def _is_node(point: Exact, shape: Sequence[int]) -> bool:
    return all((v * n).denominator == 1 for v, n in zip(point, shape, strict=True))


# ---- inside ---------------------------------------------------------------------------------------------------------


def _taken(
    values: NDArray[Any], steps: IntArray, first: IntArray, shape: Shape, points: IntArray | None
) -> NDArray[Any]:
    """Take the values of points that are points of the old grid."""
    at = np.indices(shape).reshape(3, -1).T if points is None else points
    batch = np.ascontiguousarray(values.reshape(-1, *values.shape[-3:]))
    taken = np.empty((len(batch), len(at)), dtype=values.dtype)
    take_nodes(batch, np.ascontiguousarray(at, dtype=np.int64), steps, first, taken)
    return taken.reshape(*values.shape[:-3], *(shape if points is None else [len(at)]))


def _low_frequencies(batch: NDArray[Any], reach: IntArray) -> NDArray[Any]:
    """Transform, going on along each axis with the frequencies only that are needed; of the first axis all stay."""
    import scipy.fft

    n2, n3 = batch.shape[2:]
    _, r2, r3 = reach.tolist()
    lines = scipy.fft.rfft(batch, axis=3, norm="forward")
    if r3 < n3 // 2:
        lines = np.ascontiguousarray(lines[..., : r3 + 1])
    planes = scipy.fft.fft(lines, axis=2, norm="forward", overwrite_x=True)
    if 2 * r2 + 1 < n2:
        planes = np.concatenate([planes[:, :, : r2 + 1], planes[:, :, n2 - r2 :]], axis=2)
    return np.asarray(scipy.fft.fft(planes, axis=1, norm="forward", overwrite_x=True))


def _move(
    coefficients: NDArray[Any],
    members: NDArray[np.int16],
    change: Change,
    places: NDArray[np.int32],
    count: int,
) -> NDArray[Any]:
    """Add c_G exp(-2πi G'·p) of all G in both Wigner-Seitz cells to the classes of the new grid, (b, count)."""
    normals = np.concatenate([change.old.normals, change.new.normals])
    bounds = np.concatenate([change.old.bounds, change.new.bounds])
    reach = change.reach
    p1, p2, p3 = (_phases(p.numerator, p.denominator, r) for p, r in zip(change.origin, reach.tolist(), strict=True))
    cells = normals, bounds, reach, change.rows, change.denominator
    shapes = np.array(change.old_shape), np.array(change.new_shape)
    moved = np.zeros((len(coefficients), count), dtype=coefficients.dtype)
    for old, new in zip(coefficients, moved, strict=True):
        move_coefficients(old, members, *cells, *shapes, p1, p2, p3, places, new)
    return moved


def _places(au: AsymmetricUnit) -> NDArray[np.int32]:
    """Return the number of every unique reflection at its place on the grid, and -1 elsewhere."""

    def make() -> NDArray[np.int32]:
        places = np.full(au.shape, -1, dtype=np.int32)
        places[tuple(au.hkl.T)] = np.arange(len(au.hkl))
        return places

    return once(au.fourier, "reflections on the grid", make)


@lru_cache(maxsize=256)
def _phases(numerator: int, denominator: int, reach: int) -> NDArray[np.complex128]:
    """Return exp(-2πi h p) for h = -reach … reach, the angle reduced exactly."""
    turns = [h * numerator % denominator / denominator for h in range(-reach, reach + 1)]
    return np.exp(-2j * np.pi * np.array(turns))


def _at_points(coefficients: NDArray[Any], shape: Shape, points: IntArray) -> NDArray[Any]:
    """Transform back, going on along each axis with the lines only that hold wanted points; fewest planes first."""
    import scipy.fft

    n1, n2, n3 = shape
    column = points[:, 0] * n2 + points[:, 1]
    wanted = np.bincount(column, minlength=n1 * n2) > 0
    columns = np.divmod(np.flatnonzero(wanted), n2)
    planes = [np.bincount(c, minlength=n) > 0 for c, n in zip(columns, (n1, n2), strict=True)]
    first = int(planes[1].sum() < planes[0].sum())
    grid = scipy.fft.ifft(coefficients, axis=1 + first, norm="forward", overwrite_x=True)
    grid = np.compress(planes[first], grid, axis=1 + first)
    grid = scipy.fft.ifft(grid, axis=2 - first, norm="forward", overwrite_x=True)
    place = np.cumsum(planes[first]) - 1
    grid = grid[:, columns[0], place[columns[1]]] if first else grid[:, place[columns[0]], columns[1]]
    grid = scipy.fft.irfft(grid, n3, axis=2, norm="forward")
    return np.asarray(grid[:, (np.cumsum(wanted) - 1)[column], points[:, 2]])


def _require_periodicity(rho: NDArray[Any], periodic: NDArray[Any], change: Change, tolerance: float) -> None:
    import scipy.fft

    left_out = np.abs(rho - scipy.fft.irfftn(periodic, s=change.old_shape, axes=(1, 2, 3), norm="forward"))
    largest = np.abs(rho).max(axis=(1, 2, 3))
    # a magnetization that is mere noise beside the charge need not be periodic
    scale = np.maximum(largest, NOISE * largest.max())
    relative = left_out.max(axis=(1, 2, 3)) / np.where(scale > 0, scale, 1)
    if relative.max() > tolerance:
        rows = "; ".join(", ".join(str(Fraction(v, change.denominator)) for v in row) for row in change.rows.tolist())
        which = f" (grid {int(relative.argmax())} of the batch)" if len(rho) > 1 else ""
        raise NotSymmetricError(
            f"the density{which} does not repeat with the cell [{rows}]: {relative.max():.1e} of max|rho| would be "
            f"lost, and tolerance={tolerance:g} is allowed; choose a multiple of the density's own cell, or raise the "
            "tolerance"
        )


def _as_grid(rho: ArrayLike) -> NDArray[Any]:
    values = np.asarray(rho)
    if values.ndim < 3 or not values.size or values.dtype.kind not in "fiu":
        raise ShapeError(
            f"a density of shape {values.shape} and type {values.dtype} cannot be resampled: give real values, "
            "(..., Nx, Ny, Nz)"
        )
    values = values if values.dtype == np.float32 else values.astype(np.float64, copy=False)
    if not np.isfinite(values).all():
        raise ShapeError(
            f"{int((~np.isfinite(values)).sum())} of {values.size} values of the density are not finite: "
            "one of them would spread over the whole cell; repair the input first"
        )
    return values
