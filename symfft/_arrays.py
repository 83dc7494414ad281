"""What arrays may come in: NumPy arrays, and torch tensors without ever importing torch for those who have none."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import numpy as np

from symfft.errors import ShapeError


class TensorLike(Protocol):
    """A torch tensor, known by methods that arrays lack: types are checked also where torch is not installed."""

    def detach(self) -> object: ...

    def is_floating_point(self) -> bool: ...


#: The kind of tensor that comes in, and goes out.
TensorT = TypeVar("TensorT", bound=TensorLike)

REAL_DTYPES = ("float32", "float64")
COMPLEX_DTYPES = ("complex64", "complex128")


def is_tensor(array: Any) -> bool:
    """Whether `array` is a torch tensor; looks at its type only."""
    return any(base.__module__.partition(".")[0] == "torch" for base in type(array).__mro__)


def as_real(array: Any) -> Any:
    """Return a NumPy array or a tensor of float32 or float64; other real numbers become float64.

    Raises
    ------
    ShapeError
        If `array` is complex or no array of numbers.
    """
    array = array if is_tensor(array) else _as_numpy(array)
    dtype = _dtype_name(array)
    if dtype in REAL_DTYPES:
        return array
    if dtype.startswith("complex") or not _is_numeric(array):
        raise ShapeError(f"dtype {dtype} is not real: densities are float32 or float64; give their real part")
    return array.to(_widest_float(array)) if is_tensor(array) else array.astype(np.float64)


def as_complex(array: Any) -> Any:
    """Return a NumPy array or a tensor of complex64 or complex128; float32 becomes complex64, others complex128.

    Raises
    ------
    ShapeError
        If `array` is not an array of numbers.
    """
    array = array if is_tensor(array) else _as_numpy(array)
    dtype = _dtype_name(array)
    if dtype in COMPLEX_DTYPES:
        return array
    if not _is_numeric(array):
        raise ShapeError(f"dtype {dtype} is not a number: structure factors are complex64 or complex128")
    if is_tensor(array):
        if not dtype.startswith("complex"):
            array = as_real(array)
        return array.to(array.dtype.to_complex()) if dtype in REAL_DTYPES else array.cdouble()
    return array.astype(np.complex64 if dtype == "float32" else np.complex128)


def _as_numpy(array: Any) -> Any:
    """Return a NumPy array; those of other libraries are refused, since results would come back as another kind."""
    if hasattr(array, "__dlpack__") and not isinstance(array, np.ndarray):
        kind = f"{type(array).__module__.partition('.')[0]}.{type(array).__name__}"
        raise ShapeError(
            f"an array of {kind} is neither a NumPy array nor a torch tensor: give "
            "numpy.from_dlpack(array) on the CPU, or torch.from_dlpack(array) on any device"
        )
    if np.ma.is_masked(array):
        raise ShapeError(
            f"{int(np.sum(array.mask))} values are masked, and a transform needs all: fill them, array.filled(value)"
        )
    return np.asarray(array)


def check_grid(rho: Any, shape: tuple[int, int, int] | None) -> None:
    """Require that the last three axes of `rho` are a grid of the given shape.

    Raises
    ------
    ShapeError
        If they are not.
    """
    found = tuple(np.shape(rho))
    if len(found) < 3 or (shape is not None and found[-3:] != shape):
        wanted = "(..., Nx, Ny, Nz)" if shape is None else f"(..., {', '.join(map(str, shape))})"
        raise ShapeError(f"an array of shape {found} does not match the grid: its shape must be {wanted}")


def check_values(values: Any, size: int) -> None:
    """Require that the last axis of `values` has one entry for each orbit.

    Raises
    ------
    ShapeError
        If it has not.
    """
    found = tuple(np.shape(values))
    if not found or found[-1] != size:
        raise ShapeError(f"an array of shape {found} does not match `au.size`: its shape must be (..., {size})")


def _dtype_name(array: Any) -> str:
    return str(array.dtype).removeprefix("torch.")


def _is_numeric(array: Any) -> bool:
    """Whether the dtype is that of a bool, an integer, a floating-point or a complex number."""
    if is_tensor(array):
        return not _dtype_name(array).startswith(("q", "bits"))
    return array.dtype.kind in "fiubc"


def _widest_float(tensor: Any) -> Any:
    import torch

    return torch.float32 if tensor.device.type == "mps" else torch.float64
