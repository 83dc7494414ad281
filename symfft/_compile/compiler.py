"""Compile numba kernels on first use: quick imports, cached machine code, a message when it takes long."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache, update_wrapper
from types import ModuleType
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

PACKAGE = __name__.partition(".")[0]


class Kernel(Generic[P, R]):
    """A function on bare arrays that numba compiles when it is first called with a set of argument types.

    The compiled code is cached beside the source, or in the user's cache folder where the installation is
    read-only, or not at all where neither can be written. A compilation that takes longer than a second says so
    on standard error.
    """

    options: ClassVar[dict[str, Any]] = {"nogil": True}
    #: How the function is written into others by :mod:`symfft._compile.writer`; None where numba compiles it.
    written: ClassVar[str | None] = None

    def __init__(self, function: Callable[P, R]) -> None:
        update_wrapper(self, function)
        self._function = function
        self._dispatcher: Callable[P, R] | None = None

    def _compiled(self) -> Callable[P, R]:
        if self._dispatcher is None:
            stamp = sources(self._function)
            make = _numba_parts().written_dispatcher_of if self.written else _numba_parts().dispatcher_of
            self._dispatcher = make(self._function, self.options, stamp)
        return self._dispatcher

    @property
    def folder(self) -> str | None:
        """Where the machine code is cached; None where no folder can be written to."""
        stats = self._compiled().stats  # type: ignore[attr-defined]
        return None if stats.cache_path is None else str(stats.cache_path)

    @property
    def _numba_type_(self) -> object:
        """What numba sees where one kernel calls another."""
        return self._compiled()._numba_type_  # type: ignore[attr-defined]

    def __reduce__(self) -> str:
        return self.__qualname__  # type: ignore[attr-defined, no-any-return]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the kernel."""
        return self._compiled()(*args, **kwargs)


@cache
def _numba_parts() -> ModuleType:
    """Load numba, when the first kernel is called."""
    from symfft._compile import numba_parts

    numba_parts.announce(PACKAGE)
    return numba_parts


def sources(function: Callable[..., Any]) -> list[tuple[str, int, int]]:
    """List the files that a kernel's machine code is made of, with time and size.

    Its own, and those of everything of this package that it names, and so on: the code of a kernel that calls another
    one holds that one too.
    """
    files: dict[str, tuple[str, int, int]] = {}
    seen: set[object] = set()
    waiting: list[Any] = [function]
    while waiting:
        value = waiting.pop()
        value = getattr(value, "__wrapped__", value)
        module = getattr(value, "__module__", None)
        if not isinstance(module, str) or module.partition(".")[0] != PACKAGE or id(value) in seen:
            continue
        seen.add(id(value))
        path = sys.modules[module].__file__
        if path is not None:
            status = os.stat(path)
            files[path] = (path, status.st_mtime_ns, status.st_size)
        code, names = getattr(value, "__code__", None), getattr(value, "__globals__", {})
        if code is not None:
            waiting += [names[name] for name in code.co_names if name in names]
    return sorted(files.values())


class _Bare(Kernel[P, R]):
    options: ClassVar[dict[str, Any]] = {"nogil": True, "_nrt": False}
    written: ClassVar[str | None] = "apart"


class _Embedded(_Bare[P, R]):
    written: ClassVar[str | None] = "inside"


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """Mark a function on bare arrays for compilation at its first call."""
    return Kernel(function)


def bare(function: Callable[P, R]) -> Kernel[P, R]:
    """Mark a function of which :mod:`symfft._compile.writer` writes the instructions: quick to compile."""
    return _Bare(function)


def embedded(function: Callable[P, R]) -> Kernel[P, R]:
    """Mark such a function to become part of the kernels that call it."""
    return _Embedded(function)
