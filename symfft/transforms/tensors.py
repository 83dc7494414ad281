"""The exact transform on torch tensors, with gradients of any order.

On the CPU the plan's engine computes, wrapped as an autograd function. With T the matrix of the transform and M, M_h
the multiplicities of points and reflections, the inverse is ``S = 1/N M⁻¹ Re Tᴴ M_h`` on any coefficients, so that each
is the other's adjoint between two diagonals: ``Re Tᴴ = N M S M_h⁻¹`` and ``Sᴴ = 1/N M_h T M⁻¹``. On other devices the
transform goes by way of the full grid, in torch's own operations.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from symfft import _arrays
from symfft._tables import on_device, once
from symfft.au import AsymmetricUnit
from symfft.fourier.reflections import half_space
from symfft.grid.means import labels_on
from symfft.transforms.packing import Rows, layout_of


def dft(values: Any, au: AsymmetricUnit, workers: int | None) -> Any:
    """Return F at the unique reflections, (..., n_h), of values (..., n)."""
    values = as_real(values)
    flat = values.reshape(-1, au.size)
    result = _Forward.apply(flat, au, workers) if values.device.type == "cpu" else forward_on_grid(flat, au)
    return result.reshape(*values.shape[:-1], len(au.hkl))


def idft(coefficients: Any, au: AsymmetricUnit, workers: int | None) -> Any:
    """Return values (..., n) of coefficients (..., n_h)."""
    coefficients = as_complex(coefficients)
    flat = coefficients.reshape(-1, len(au.hkl))
    result = _Inverse.apply(flat, au, workers) if coefficients.device.type == "cpu" else inverse_on_grid(flat, au)
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


class _Forward(torch.autograd.Function):  # type: ignore[misc]
    """F = T v."""

    @staticmethod
    def forward(ctx: Any, values: Any, au: AsymmetricUnit, workers: int | None) -> Any:
        ctx.au, ctx.workers = au, workers
        return torch.from_numpy(au.fourier.forward(values.detach().numpy(), workers))

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        points, reflections = _multiplicities(ctx.au, gradient.real.dtype)
        values = _Inverse.apply(as_complex(gradient) / reflections, ctx.au, ctx.workers)
        return values * (points * math.prod(ctx.au.shape)), None, None


class _Inverse(torch.autograd.Function):  # type: ignore[misc]
    """v = S F."""

    @staticmethod
    def forward(ctx: Any, coefficients: Any, au: AsymmetricUnit, workers: int | None) -> Any:
        ctx.au, ctx.workers = au, workers
        return torch.from_numpy(au.fourier.inverse(coefficients.detach().numpy(), workers))

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        points, reflections = _multiplicities(ctx.au, gradient.dtype)
        f = _Forward.apply(gradient / points, ctx.au, ctx.workers)
        return f * (reflections / math.prod(ctx.au.shape)), None, None


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


def _multiplicities(au: AsymmetricUnit, dtype: Any) -> tuple[Any, Any]:
    device = torch.device("cpu")
    points = on_device(au.orbits, device, "multiplicity", lambda: au.multiplicity)
    reflections = on_device(au.fourier, device, "multiplicity", lambda: au.hkl_multiplicity)
    return points.to(dtype), reflections.to(dtype)


def _layout(au: AsymmetricUnit, lattice: Rows | None, device: Any) -> tuple[Any, Any, Any]:
    """Return which structure factor each entry is of, its factor, and that of the way back."""

    def table(i: int) -> Any:
        return on_device(au.fourier, device, ("layout", lattice, i), lambda: layout_of(au, lattice)[i])

    return table(1), table(2), table(3)
