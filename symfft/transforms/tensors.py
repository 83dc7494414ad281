"""The exact transform on torch tensors, with gradients of any order.

On the CPU the plan's engine computes; on other devices an engine in torch's own operations. Either is wrapped as an
autograd function. With T the matrix of the transform and M, M_h the multiplicities of points and reflections, the
inverse is ``S = 1/N M⁻¹ Re Tᴴ M_h`` on any coefficients, so that each is the other's adjoint between two diagonals:
``Re Tᴴ = N M S M_h⁻¹`` and ``Sᴴ = 1/N M_h T M⁻¹``. The orthonormal real vector has N = 1 and M_h = 1 there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec, TypeVar
from weakref import WeakValueDictionary

import torch

from symfft import _arrays
from symfft._shape import Shape
from symfft._tables import on_device, once
from symfft.au import AsymmetricUnit, asymmetric_unit
from symfft.crystal.space_group import SpaceGroup
from symfft.fourier.threads import count_of
from symfft.transforms import arrays
from symfft.transforms.packing import Rows, layout_of
from symfft.transforms.torch_engines import terms
from symfft.transforms.torch_engines.choice import choose_engine
from symfft.transforms.torch_engines.engine import TorchEngine
from symfft.transforms.torch_engines.terms import View, allowed_phases

P = ParamSpec("P")
R = TypeVar("R")


def dft(values: Any, au: AsymmetricUnit, workers: int | None) -> Any:
    """Return F at the unique reflections, (..., n_h), of values (..., n)."""
    return _transformed(as_real(values), number_of(au), workers, inverse=False)


def idft(coefficients: Any, au: AsymmetricUnit, workers: int | None) -> Any:
    """Return values (..., n) of coefficients (..., n_h)."""
    return _transformed(as_complex(coefficients), number_of(au), workers, inverse=True)


def real_dft(values: Any, au: AsymmetricUnit, lattice: Rows | None, workers: int | None) -> Any:
    """Return the orthonormal real vector of values (..., n)."""
    return _transformed(as_real(values), number_of(au, real=True, lattice=lattice), workers, inverse=False)


def real_idft(coefficients: Any, au: AsymmetricUnit, lattice: Rows | None, workers: int | None) -> Any:
    """Return values (..., n) of orthonormal real vectors."""
    return _transformed(as_real(coefficients), number_of(au, real=True, lattice=lattice), workers, inverse=True)


def _transformed(array: Any, number: int, workers: int | None, *, inverse: bool) -> Any:
    rows = array.reshape(-1, array.shape[-1])
    result = _Transform.apply(rows, number, count_of(workers), inverse)
    return result.reshape(*array.shape[:-1], result.shape[-1])


def structure_factors(coefficients: Any, relation: tuple[Any, Any, Any]) -> Any:
    """Return the structure factors that follow from the unique ones: class, factor, and whether of the conjugate."""
    coefficients = as_complex(coefficients)
    label, factor, conjugate = (torch.as_tensor(table, device=coefficients.device) for table in relation)
    taken = coefficients[..., label.clamp(min=0)]
    factor = torch.where(label < 0, 0, factor).to(coefficients.dtype)
    return torch.where(conjugate, taken.conj(), taken) * factor


def as_real(values: Any) -> Any:
    """Return a tensor of float32 or float64 as it lies in memory: NumPy knows no lazy negation."""
    return _arrays.as_real(values).resolve_neg()


def as_complex(coefficients: Any) -> Any:
    """Return a tensor of complex64 or complex128 as it lies in memory: NumPy knows no lazy conjugate."""
    return _arrays.as_complex(coefficients).resolve_conj().resolve_neg()


class Kind(NamedTuple):
    """What a transform of an asymmetric unit gives: structure factors, or the real vector of a lattice."""

    real: bool
    lattice: Rows | None


def _constant(function: Callable[P, R]) -> Callable[P, R]:
    """Do what :func:`torch.compiler.assume_constant_result` does, which loads all of torch's compiler for it."""
    vars(function)["_dynamo_marked_constant"] = True
    return function


#: Asymmetric units by number, and what to make them of again when nobody holds them any more.
_units: WeakValueDictionary[int, AsymmetricUnit] = WeakValueDictionary()
_recipes: list[tuple[SpaceGroup, Shape, Kind]] = []


@_constant
def number_of(au: AsymmetricUnit, real: bool = False, lattice: Rows | None = None) -> int:
    """Return the number by which operations that torch compiles know a transform, whose plan is ready then."""
    kind = Kind(real, lattice)

    def number() -> int:
        _recipes.append((au.space_group, au.shape, kind))
        _units[len(_recipes) - 1] = au
        return len(_recipes) - 1

    _ = layout_of(au, lattice) if real else au.fourier
    return once(au, ("number", kind), number)


def _unit(number: int) -> tuple[AsymmetricUnit, Kind]:
    group, shape, kind = _recipes[number]
    found = _units.get(number)
    if found is None:
        found = _units[number] = asymmetric_unit(group, shape)
    return found, kind


def has_kernels(device: Any) -> bool:
    """Whether the compiled engines of the plan compute on a device."""
    return bool(device.type == "cpu")


def torch_engine(au: AsymmetricUnit, kind: Kind) -> TorchEngine:
    """Return the engine of other devices."""
    return once(au.fourier, ("torch engine", kind), lambda: choose_engine(au, view_of(au, kind)))


def view_of(au: AsymmetricUnit, kind: Kind) -> View:
    """Return the real numbers that a transform gives, complex ones as neighbouring parts."""
    return View(*layout_of(au, kind.lattice)[1:]) if kind.real else terms.structure_factors(au.fourier.reflections)


def _phases(au: AsymmetricUnit, like: Any) -> Any:
    """Return the phases that all structure factors have up to the sign, where `like` is; None where they have not."""
    phases = allowed_phases(au.fourier.reflections)
    if phases is None:
        return None
    name = "complex64" if like.dtype in (torch.float32, torch.complex64) else "complex128"
    return on_device(au.fourier, like.device, ("phases", name), lambda: phases.astype(name))


# Operations that torch's compiler takes as they are. torch.library.custom_op would load the compiler at the first call.
for name, argument in (("forward", "values"), ("inverse", "coefficients")):
    torch.library.define(
        f"symfft::{name}", f"(Tensor {argument}, int number, int workers) -> Tensor", tags=torch.Tag.pt2_compliant_tag
    )


@torch.library.impl("symfft::forward", "CompositeExplicitAutograd")  # type: ignore[untyped-decorator]
def _forward(values: torch.Tensor, number: int, workers: int) -> torch.Tensor:
    """F = T v, or the real vector of v."""
    au, kind = _unit(number)
    if has_kernels(values.device):
        array = values.detach().numpy()
        if kind.real:
            return torch.from_numpy(arrays.real_dft(array, au, kind.lattice, workers))
        return torch.from_numpy(au.fourier.forward(array, workers))
    if not len(values):
        return _empty_forward(values, number)
    numbers = torch_engine(au, kind).forward(values)
    if kind.real:
        return numbers
    phases = _phases(au, numbers)
    return torch.view_as_complex(numbers.unflatten(1, (-1, 2))) if phases is None else numbers * phases


@torch.library.impl("symfft::inverse", "CompositeExplicitAutograd")  # type: ignore[untyped-decorator]
def _inverse(coefficients: torch.Tensor, number: int, workers: int) -> torch.Tensor:
    """V = S F, or of the real vector."""
    au, kind = _unit(number)
    if has_kernels(coefficients.device):
        array = coefficients.detach().numpy()
        if kind.real:
            return torch.from_numpy(arrays.real_idft(array, au, kind.lattice, workers))
        return torch.from_numpy(au.fourier.inverse(array, workers))
    if not len(coefficients):
        return _empty_inverse(coefficients, number)
    if kind.real:
        return torch_engine(au, kind).inverse(coefficients)
    phases = _phases(au, coefficients)
    parts = torch.view_as_real(coefficients).flatten(1) if phases is None else (coefficients * phases.conj()).real
    return torch_engine(au, kind).inverse(parts)


@torch.library.register_fake("symfft::forward")  # type: ignore[untyped-decorator]
def _empty_forward(values: Any, number: int, *_: int) -> Any:
    """Return an empty tensor for the results of a batch."""
    au, kind = _unit(number)
    if kind.real:
        return torch.empty_like(values)
    return values.new_empty(len(values), len(au.hkl), dtype=values.dtype.to_complex())


@torch.library.register_fake("symfft::inverse")  # type: ignore[untyped-decorator]
def _empty_inverse(coefficients: Any, number: int, *_: int) -> Any:
    """Return an empty tensor for the values of a batch."""
    size = _unit(number)[0].size
    return coefficients.new_empty(len(coefficients), size, dtype=coefficients.dtype.to_real())


class _Transform(torch.autograd.Function):  # type: ignore[misc]
    """F = T v, or v = S F back."""

    @staticmethod
    def forward(rows: Any, number: int, workers: int, inverse: bool) -> Any:
        operation = torch.ops.symfft.inverse if inverse else torch.ops.symfft.forward
        return operation(rows, number, workers)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        _, ctx.number, ctx.workers, ctx.inverse = inputs

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        gradient = gradient.resolve_conj().resolve_neg()
        points, reflections, total = _multiplicities(ctx.number, gradient.real.dtype, gradient.device)
        if ctx.inverse:
            f = _Transform.apply(gradient / points, ctx.number, ctx.workers, False)
            return f * (reflections / total), None, None, None
        values = _Transform.apply(gradient / reflections, ctx.number, ctx.workers, True)
        return values * (points * total), None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], rows: Any, number: int, workers: int, inverse: bool) -> Any:
        rows = rows.movedim(in_dims[0], 0)
        found = _Transform.apply(rows.reshape(-1, rows.shape[-1]), number, workers, inverse)
        return found.reshape(*rows.shape[:-1], found.shape[-1]), 0


@_constant
def _multiplicities(number: int, dtype: Any, device: Any) -> tuple[Any, Any, int]:
    au, kind = _unit(number)
    points = on_device(au.orbits, device, "multiplicity", lambda: au.multiplicity).to(dtype)
    if kind.real:
        return points, 1, 1
    reflections = on_device(au.fourier, device, "multiplicity", lambda: au.hkl_multiplicity)
    return points, reflections.to(dtype), math.prod(au.shape)
