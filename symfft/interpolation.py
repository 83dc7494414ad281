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
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._wigner_seitz import (
    FloatArray,
    IntArray,
    WignerSeitzCell,
    common_lattice,
    invariant_form,
    wigner_seitz_cell,
)
from symfft.errors import NotSymmetricError, ShapeError
from symfft.grid import Shape, as_shape
from symfft.rational import Exact, integer_rows, inverse_of

#: Largest denominator of an entry of a cell matrix.
LARGEST_DENOMINATOR = 100
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
    return change_cell(rho, lattice, np.eye(3, dtype=np.int64), (0, 0, 0), shape)


def change_cell(
    rho: ArrayLike,
    lattice: ArrayLike,
    cell: ArrayLike,
    origin: ArrayLike,
    shape: Sequence[int],
    *,
    tolerance: float = 1e-3,
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
        A cell that is no multiple of the old one is allowed where the density has its periodicity: what is left out may
        reach this fraction of max|rho|.

    Returns
    -------
    (..., *shape) ndarray

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
    change = _change(lattice, cell, origin, as_shape(values.shape[-3:]), as_shape(shape))
    batch = values.reshape(-1, *change.old_shape)
    import scipy.fft

    coefficients = scipy.fft.rfftn(batch, axes=(1, 2, 3), norm="forward")
    members, kept = _count_members(change)
    coefficients *= (1 / members).astype(values.dtype)
    if kept is not members:
        _require_periodicity(batch, coefficients * kept, change, tolerance)
    moved = _move(coefficients, change)
    result = scipy.fft.irfftn(moved, s=change.new_shape, axes=(1, 2, 3), norm="forward", overwrite_x=True)
    return np.asarray(result.reshape(*values.shape[:-3], *change.new_shape))


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
    old_shape, p = as_shape(shape), _as_origin(origin)
    t = _as_cell(cell)
    steps = inverse_of(t) / np.array(old_shape, dtype=object)[:, None]
    enclosing = [math.lcm(*(v.denominator for v in column)) for column in steps.T]
    rows = t.astype(np.float64) @ _as_lattice(lattice)
    metric = np.linalg.inv(rows @ rows.T)
    change = _change(lattice, cell, origin, old_shape, old_shape)
    # necessary along each axis; where the new axes are oblique, not always sufficient
    least = 2 * change.old.extent(metric / np.diag(metric)[:, None] @ t.astype(np.float64))
    stretch = 1.0
    while True:
        trial = [math.ceil(v * stretch - 1e-6) for v in least]
        if math.prod(trial) >= math.prod(enclosing) and _is_node(p, enclosing):
            return as_shape(enclosing)
        new = wigner_seitz_cell(change.form, _aliases(t, as_shape(trial)))
        border = new.bounds * (1 + (1e-9 if _is_node(p, trial) else -1e-9))
        if np.all(change.old.extent(new.normals.astype(np.float64)) <= border):
            return as_shape(trial)
        stretch += 1 / max(least)


def _is_node(point: Exact, shape: Sequence[int]) -> bool:
    return all((v * n).denominator == 1 for v, n in zip(point, shape, strict=True))


# ---- inside ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Change:
    """A change of cell and grid, with the Wigner-Seitz cells of both grids in frequencies h of the old cell."""

    rows: list[list[int]]
    denominator: int
    origin: Exact
    form: Exact
    old_shape: Shape
    new_shape: Shape
    old: WignerSeitzCell
    new: WignerSeitzCell

    def frequencies(self, h1: int, h2: IntArray, h3: IntArray) -> tuple[NDArray[np.bool_], list[IntArray]]:
        """Return h' = T h rounded down, and where it is an integer."""
        scaled = [r[0] * h1 + r[1] * h2 + r[2] * h3 for r in self.rows]
        if self.denominator == 1:
            return np.ones(len(h2), dtype=bool), scaled
        integer = np.all([v % self.denominator == 0 for v in scaled], axis=0)
        return integer, [v // self.denominator for v in scaled]


def _change(lattice: ArrayLike, cell: ArrayLike, origin: ArrayLike, old_shape: Shape, new_shape: Shape) -> _Change:
    basis, t, p = _as_lattice(lattice), _as_cell(cell), _as_origin(origin)
    reciprocal = np.linalg.inv(basis).astype(np.float64)
    aliases = _aliases(_as_cell(np.eye(3)), old_shape), _aliases(t, new_shape)
    form = invariant_form(reciprocal.T @ reciprocal, common_lattice(t), aliases)
    denominator, rows = integer_rows(t)
    old, new = (wigner_seitz_cell(form, basis_of_grid) for basis_of_grid in aliases)
    return _Change(rows, denominator, p, form, old_shape, new_shape, old, new)


def _aliases(t: Exact, shape: Shape) -> Exact:
    """Return a basis (rows) of the frequencies, in the old cell, that are constant on a grid of the cell T."""
    return np.asarray(np.array(shape, dtype=object)[:, None] * inverse_of(t).T)


def _count_members(change: _Change) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Count the shortest members of each class of the old half grid, and those of them with an integer h'."""
    n1, n2, n3 = change.old_shape
    half = n3 // 2 + 1
    members = np.zeros((n1, n2, half), dtype=np.int16)
    kept = np.zeros_like(members) if change.denominator > 1 else members
    for h1, h2, h3 in change.old.planes():
        k3 = h3 % n3
        inside = k3 < half
        k = (h2 % n2) * half + k3
        members[h1 % n1] += np.bincount(k[inside], minlength=n2 * half).astype(np.int16).reshape(n2, half)
        if kept is not members:
            inside &= change.frequencies(h1, h2, h3)[0]
            kept[h1 % n1] += np.bincount(k[inside], minlength=n2 * half).astype(np.int16).reshape(n2, half)
    return members, kept


def _move(coefficients: NDArray[Any], change: _Change) -> NDArray[Any]:
    """Add c_G exp(-2πi G'·p) of all G in both Wigner-Seitz cells to the classes of the new half grid."""
    n1, n2, n3 = change.old_shape
    m1, m2, m3 = change.new_shape
    both = change.old.intersect(change.new)
    t = np.array(change.rows) / change.denominator
    phases, zero = _phases(change.origin, np.ceil(both.extent(t)).astype(np.int64))
    old = coefficients.reshape(len(coefficients), -1)
    new = np.zeros((len(coefficients), m1 * m2 * (m3 // 2 + 1)), dtype=coefficients.dtype)
    for h1, h2, h3 in both.planes():
        keep, g = change.frequencies(h1, h2, h3)
        keep &= g[2] % m3 <= m3 // 2
        g1, g2, g3, h2, h3 = (v[keep] for v in (*g, h2, h3))
        mirrored = h3 % n3 > n3 // 2
        sign = np.where(mirrored, -1, 1)
        source = ((sign * h1 % n1) * n2 + sign * h2 % n2) * (n3 // 2 + 1) + sign * h3 % n3
        c = old[:, source]
        np.conjugate(c, out=c, where=mirrored)
        if any(change.origin):
            c *= phases[0][g1 + zero[0]] * phases[1][g2 + zero[1]] * phases[2][g3 + zero[2]]
        target = ((g1 % m1) * m2 + g2 % m2) * (m3 // 2 + 1) + g3 % m3
        for total, terms in zip(new, c, strict=True):
            np.add.at(total, target, terms)
    return new.reshape(len(coefficients), m1, m2, m3 // 2 + 1)


def _phases(origin: Exact, reach: IntArray) -> tuple[list[NDArray[np.complex128]], list[int]]:
    """Return exp(-2πi h p) for h = -reach … reach along each axis, the angle reduced exactly, and where h = 0 is."""
    zero = [int(r) for r in reach]
    turns = [[float(h * p % 1) for h in range(-r, r + 1)] for r, p in zip(zero, origin, strict=True)]
    return [np.exp(-2j * np.pi * np.array(turn)) for turn in turns], zero


def _require_periodicity(rho: NDArray[Any], periodic: NDArray[Any], change: _Change, tolerance: float) -> None:
    import scipy.fft

    left_out = np.abs(rho - scipy.fft.irfftn(periodic, s=change.old_shape, axes=(1, 2, 3), norm="forward"))
    largest = np.abs(rho).max(axis=(1, 2, 3))
    # a magnetization that is mere noise beside the charge need not be periodic
    scale = np.maximum(largest, NOISE * largest.max())
    relative = left_out.max(axis=(1, 2, 3)) / np.where(scale > 0, scale, 1)
    if relative.max() > tolerance:
        rows = "; ".join(", ".join(str(Fraction(v, change.denominator)) for v in row) for row in change.rows)
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


def _as_lattice(lattice: ArrayLike) -> FloatArray:
    rows = np.asarray(lattice, dtype=np.float64)
    if rows.shape != (3, 3) or not np.isfinite(rows).all():
        raise ShapeError(f"a lattice of shape {rows.shape} is not usable: give three finite basis vectors as rows")
    if abs(np.linalg.det(rows)) <= 1e-9 * float(np.prod(np.linalg.norm(rows, axis=1))):
        raise ShapeError(f"the basis vectors {rows.tolist()} lie in a plane: they span no cell")
    return rows


def _as_cell(cell: ArrayLike) -> Exact:
    entries = _finite(cell, (3, 3), "a cell matrix")
    t = np.array([[v.limit_denominator(LARGEST_DENOMINATOR) for v in row] for row in entries], dtype=object)
    if max(abs(v) for v in (t - entries).ravel()) > 1e-9:
        raise ShapeError(f"the cell matrix {cell!r} is not rational: its entries must be integers or fractions")
    if t[0] @ np.cross(t[1], t[2]) == 0:
        raise ShapeError(f"the cell matrix {cell!r} is singular: its rows must span a cell")
    return t


def _as_origin(origin: ArrayLike) -> Exact:
    return _finite(origin, (3,), "an origin")


def _finite(numbers: ArrayLike, shape: tuple[int, ...], what: str) -> Exact:
    entries = np.asarray(numbers, dtype=object)
    if entries.shape == shape:
        try:
            return np.array([Fraction(v) for v in entries.ravel()], dtype=object).reshape(shape)
        except (TypeError, ValueError, OverflowError):
            pass
    raise ShapeError(f"{what} {numbers!r} is not usable: give finite integers, fractions or floats of shape {shape}")
