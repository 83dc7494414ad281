"""The exact transform on torch tensors, with gradients of any order.

On the CPU the plan's engine computes, wrapped as an autograd function. With T the matrix of the transform and M, M_h
the multiplicities of points and reflections, the inverse is ``S = 1/N M⁻¹ Re Tᴴ M_h`` on any coefficients, so that each
is the other's adjoint between two diagonals: ``Re Tᴴ = N M S M_h⁻¹`` and ``Sᴴ = 1/N M_h T M⁻¹``. On other devices the
transform goes via the full grid, in torch's own operations.
"""

from __future__ import annotations

import math
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch

from symfft import _arrays
from symfft._tables import on_device, once
from symfft.au import AsymmetricUnit, asymmetric_unit
from symfft.crystal.space_group import SpaceGroup
from symfft.fourier.reflections import half_space
from symfft.fourier.threads import count_of
from symfft.grid.means import labels_on
from symfft.grid.shape import Shape
from symfft.transforms.packing import Rows, layout_of


def dft(values: Any, au: AsymmetricUnit, workers: int | None) -> Any:
    """Return F at the unique reflections, (..., n_h), of values (..., n)."""
    number_of(au)
    values = as_real(values)
    flat = values.reshape(-1, au.size)
    result = (
        _Transform.apply(flat, number_of(au), count_of(workers), False)
        if values.device.type == "cpu"
        else forward_on_grid(flat, au)
    )
    return result.reshape(*values.shape[:-1], len(au.hkl))


def idft(coefficients: Any, au: AsymmetricUnit, workers: int | None) -> Any:
    """Return values (..., n) of coefficients (..., n_h)."""
    coefficients = as_complex(coefficients)
    flat = coefficients.reshape(-1, len(au.hkl))
    if coefficients.device.type == "cpu":
        result = _Transform.apply(flat, number_of(au), count_of(workers), True)
    else:
        result = inverse_on_grid(flat, au)
    return result.reshape(*coefficients.shape[:-1], au.size)


def structure_factors(coefficients: Any, relation: tuple[Any, Any, Any]) -> Any:
    """Return the structure factors that follow from the unique ones: class, factor, and whether of the conjugate."""
    coefficients = as_complex(coefficients)
    label, factor, conjugate = (torch.as_tensor(table, device=coefficients.device) for table in relation)
    taken = coefficients[..., label.clamp(min=0)]
    factor = torch.where(label < 0, 0, factor).to(coefficients.dtype)
    return torch.where(conjugate, taken.conj(), taken) * factor


def real_dft(values: Any, au: AsymmetricUnit, lattice: Rows | None, workers: int | None) -> Any:
    """Return the orthonormal real vector of values (..., n)."""
    which, factors, _ = _layout(au, lattice, values.device)
    f = dft(values, au, workers)
    return (f.index_select(-1, which) * factors.to(f.dtype)).real


def real_idft(coefficients: Any, au: AsymmetricUnit, lattice: Rows | None, workers: int | None) -> Any:
    """Return values (..., n) of orthonormal real vectors."""
    which, _, factors = _layout(au, lattice, coefficients.device)
    coefficients = as_real(coefficients)
    parts = coefficients * factors.to(torch.complex64 if coefficients.dtype == torch.float32 else torch.complex128)
    f = parts.new_zeros(*parts.shape[:-1], len(au.hkl)).index_add(-1, which, parts)
    return idft(f, au, workers)


def as_real(values: Any) -> Any:
    """Return a tensor of float32 or float64 as it lies in memory: NumPy knows no lazy negation."""
    return _arrays.as_real(values).resolve_neg()


def as_complex(coefficients: Any) -> Any:
    """Return a tensor of complex64 or complex128 as it lies in memory: NumPy knows no lazy conjugate."""
    return _arrays.as_complex(coefficients).resolve_conj().resolve_neg()


#: Asymmetric units by number, and what to make them of again when nobody holds them any more.
_units: WeakValueDictionary[int, AsymmetricUnit] = WeakValueDictionary()
_recipes: list[tuple[SpaceGroup, Shape]] = []


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def number_of(au: AsymmetricUnit) -> int:
    """Return the number by which operations that torch compiles know an asymmetric unit, whose plan is ready then."""

    def number() -> int:
        _recipes.append((au.space_group, au.shape))
        _units[len(_recipes) - 1] = au
        return len(_recipes) - 1

    _ = au.fourier
    return once(au, "number", number)


def _unit(number: int) -> AsymmetricUnit:
    found = _units.get(number)
    if found is None:
        found = _units[number] = asymmetric_unit(*_recipes[number])
    return found


@torch.library.custom_op("symfft::forward", mutates_args=())  # type: ignore[untyped-decorator]
def _forward(values: torch.Tensor, unit: int, workers: int) -> torch.Tensor:
    """F = T v."""
    return torch.from_numpy(_unit(unit).fourier.forward(values.detach().numpy(), workers))


@torch.library.custom_op("symfft::inverse", mutates_args=())  # type: ignore[untyped-decorator]
def _inverse(coefficients: torch.Tensor, unit: int, workers: int) -> torch.Tensor:
    """V = S F."""
    return torch.from_numpy(_unit(unit).fourier.inverse(coefficients.detach().numpy(), workers))


@_forward.register_fake  # type: ignore[untyped-decorator]
def _(values: Any, unit: int, workers: int) -> Any:
    return values.new_empty(len(values), len(_unit(unit).hkl), dtype=values.dtype.to_complex())


@_inverse.register_fake  # type: ignore[untyped-decorator]
def _(coefficients: Any, unit: int, workers: int) -> Any:
    return coefficients.new_empty(len(coefficients), _unit(unit).size, dtype=coefficients.dtype.to_real())


class _Transform(torch.autograd.Function):  # type: ignore[misc]
    """F = T v, or v = S F back."""

    @staticmethod
    def forward(rows: Any, unit: int, workers: int, inverse: bool) -> Any:
        return _inverse(rows, unit, workers) if inverse else _forward(rows, unit, workers)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        _, ctx.unit, ctx.workers, ctx.inverse = inputs

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        points, reflections, total = _multiplicities(ctx.unit, gradient.real.dtype)
        if ctx.inverse:
            f = _Transform.apply(gradient / points, ctx.unit, ctx.workers, False)
            return f * (reflections / total), None, None, None
        values = _Transform.apply(as_complex(gradient) / reflections, ctx.unit, ctx.workers, True)
        return values * (points * total), None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], rows: Any, unit: int, workers: int, inverse: bool) -> Any:
        rows = rows.movedim(in_dims[0], 0)
        found = _Transform.apply(rows.reshape(-1, rows.shape[-1]), unit, workers, inverse)
        return found.reshape(*rows.shape[:-1], found.shape[-1]), 0


def forward_on_grid(values: Any, au: AsymmetricUnit) -> Any:
    """Return F, (b, n_h), of values (b, n): expand, real FFT, pick the unique reflections."""
    labels = labels_on(au.orbits, values.device)
    unique = on_device(au.fourier, values.device, "unique", lambda: _unique(au))
    grid = values.index_select(1, labels).reshape(len(values), *au.shape)
    half = torch.fft.rfftn(grid, dim=(1, 2, 3))
    # one of h and -h is in the half that a real FFT gives
    taken = half.flatten(1).index_select(1, unique.abs() - 1)
    return torch.where(unique < 0, taken.conj(), taken)


def inverse_on_grid(coefficients: Any, au: AsymmetricUnit) -> Any:
    """Return values, (b, n), of coefficients (b, n_h): project, spread over half the grid, real FFT, pick points."""
    device = coefficients.device
    centric = on_device(au.fourier, device, "centric", lambda: au.fourier.reflections.centric_factor).to(
        coefficients.dtype
    )
    label, factor, conjugate = _relation(au, device)
    points = on_device(au.orbits, device, "points", lambda: au.points.astype(np.int64))
    projected = torch.where(centric == 0, coefficients, (coefficients + centric * coefficients.conj()) / 2)
    taken = projected.index_select(1, label.clamp(min=0))
    factor = torch.where(label < 0, 0, factor).to(coefficients.dtype)
    half = torch.where(conjugate, taken.conj(), taken) * factor
    half = half.reshape(len(coefficients), au.shape[0], au.shape[1], au.shape[2] // 2 + 1)
    grid = torch.fft.irfftn(half, s=au.shape, dim=(1, 2, 3))
    return grid.flatten(1).index_select(1, points)


def _relation(au: AsymmetricUnit, device: Any) -> tuple[Any, Any, Any]:
    """Return how the half grid of a real FFT follows from the unique reflections: class, factor, whether conjugate."""

    def table(i: int) -> Any:
        relation = once(au.fourier, "half", lambda: au.fourier.reflections.relation(half_space(au.shape)))
        return on_device(au.fourier, device, ("half", i), lambda: relation[i])

    return table(0), table(1), table(2)


def _unique(au: AsymmetricUnit) -> Any:
    """Return 1 + the place of each unique reflection in the half grid; negative where its Friedel mate is there."""
    n = np.array(au.shape)
    half = au.shape[2] // 2 + 1
    h = au.hkl % n
    mate = h[:, 2] >= half
    h[mate] = -h[mate] % n
    place = 1 + (h[:, 0] * n[1] + h[:, 1]) * half + h[:, 2]
    return np.where(mate, -place, place)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _multiplicities(unit: int, dtype: Any) -> tuple[Any, Any, int]:
    au, device = _unit(unit), torch.device("cpu")
    points = on_device(au.orbits, device, "multiplicity", lambda: au.multiplicity)
    reflections = on_device(au.fourier, device, "multiplicity", lambda: au.hkl_multiplicity)
    return points.to(dtype), reflections.to(dtype), math.prod(au.shape)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _layout(au: AsymmetricUnit, lattice: Rows | None, device: Any) -> tuple[Any, Any, Any]:
    """Return which structure factor each entry is of, its factor, and that of the way back."""

    def table(i: int) -> Any:
        return on_device(au.fourier, device, ("layout", lattice, i), lambda: layout_of(au, lattice)[i])

    return table(1), table(2), table(3)
