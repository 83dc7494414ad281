"""Compile kernels that call one another in their inner loops: nothing counted, nothing in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, ParamSpec, TypeVar

from symfft._compile import Kernel

P = ParamSpec("P")
R = TypeVar("R")


class _Bare(Kernel[P, R]):
    """A kernel without reference counting of its arrays, which would cost more than the short loops between calls."""

    options: ClassVar[dict[str, Any]] = {"nogil": True, "_nrt": False}


class _Inlined(_Bare[P, R]):
    options: ClassVar[dict[str, Any]] = {"nogil": True, "_nrt": False, "forceinline": True}
    cached: ClassVar[bool] = False


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """Mark a function that allocates nothing for compilation at its first call."""
    return _Bare(function)


def inlined(function: Callable[P, R]) -> Kernel[P, R]:
    """Mark a short function to become part of the kernels that call it."""
    return _Inlined(function)
