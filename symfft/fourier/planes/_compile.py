"""Compile kernels that call one another in their inner loops: nothing counted, nothing in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from symfft._compile import Kernel

P = ParamSpec("P")
R = TypeVar("R")


class _Bare(Kernel[P, R]):
    """A kernel without reference counting of its arrays, which would cost more than the short loops between calls."""

    inlined = False

    def _compiled(self) -> Callable[P, R]:
        if self._dispatcher is None:
            import numba

            options: dict[str, Any] = {"nogil": True, "_nrt": False, "forceinline": self.inlined}
            try:
                self._dispatcher = numba.njit(cache=not self.inlined, **options)(self._function)
            except RuntimeError:  # numba found no folder that it can write to
                self._dispatcher = numba.njit(**options)(self._function)
        return self._dispatcher


class _Inlined(_Bare[P, R]):
    inlined = True


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """Mark a function that allocates nothing for compilation at its first call."""
    return _Bare(function)


def inlined(function: Callable[P, R]) -> Kernel[P, R]:
    """Mark a short function to become part of the kernels that call it."""
    return _Inlined(function)
