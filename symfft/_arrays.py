"""What arrays may come in: NumPy arrays, and torch tensors without ever importing torch for those who have none."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from symfft.errors import ShapeError


def is_tensor(array: Any) -> bool:
    """Whether `array` is a torch tensor; looks at its type only."""
    return any(base.__module__.partition(".")[0] == "torch" for base in type(array).__mro__)


def tensors() -> ModuleType:
    """Return the room of the torch implementations."""
    from symfft import _torch

    return _torch


def as_real(array: Any) -> Any:
    """Return a NumPy array of float32 or float64.

    Raises
    ------
    ShapeError
        If `array` is complex or no array of numbers.
    """
    array = np.asarray(array)
    if array.dtype in (np.float32, np.float64):
        return array
    if array.dtype.kind not in "fiub":
        raise ShapeError(f"dtype {array.dtype} is not real: densities are float32 or float64")
    return array.astype(np.float64)


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
        raise ShapeError(f"an array of shape {found} is no density on this grid: its shape must be {wanted}")


def check_values(values: Any, size: int) -> None:
    """Require that the last axis of `values` has one entry for each orbit.

    Raises
    ------
    ShapeError
        If it has not.
    """
    found = tuple(np.shape(values))
    if not found or found[-1] != size:
        raise ShapeError(f"an array of shape {found} does not hold one value for each orbit: it must be (..., {size})")
