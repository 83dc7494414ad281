"""Short functions without branches that become part of the kernels that call them."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Inlined(Generic[P, R]):
    """A function over stand-ins for values."""

    def __init__(self, function: Callable[P, R]) -> None:
        update_wrapper(self, function)
        self._function = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Write the instructions."""
        return self._function(*args, **kwargs)


def inlined(function: Callable[P, R]) -> Inlined[P, R]:
    """Mark a short function without branches, to be run on stand-ins of :mod:`symfft._compile.trace`."""
    return Inlined(function)
