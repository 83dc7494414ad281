"""Compile numba kernels on first use: quick imports, cached machine code, a word to whoever waits."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

PATIENCE_SECONDS = 1.0
PACKAGE = __name__.partition(".")[0]


class Kernel(Generic[P, R]):
    """A function on bare arrays that numba compiles when it is first called with a set of argument types.

    The compiled code is cached beside the source, or in the user's cache folder where the installation is
    read-only, or not at all where neither can be written. A compilation that takes longer than a second says so
    on standard error.
    """

    options: ClassVar[dict[str, Any]] = {"nogil": True}
    cached: ClassVar[bool] = True

    def __init__(self, function: Callable[P, R]) -> None:
        update_wrapper(self, function)
        self._function = function
        self._dispatcher: Callable[P, R] | None = None
        self._seen: set[tuple[object, ...]] = set()

    def _compiled(self) -> Callable[P, R]:
        if self._dispatcher is None:
            import numba

            try:
                self._dispatcher = numba.njit(cache=self.cached, **self.options)(self._function)
                if self.cached:
                    _renew_with(self._dispatcher, sources(self._function))
            except RuntimeError:  # numba found no folder that it can write to
                self._dispatcher = numba.njit(**self.options)(self._function)
        return self._dispatcher

    @property
    def _numba_type_(self) -> object:
        """What numba sees where one kernel calls another."""
        return self._compiled()._numba_type_  # type: ignore[attr-defined]

    def __reduce__(self) -> str:
        return self.__qualname__  # type: ignore[attr-defined, no-any-return]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the kernel."""
        signature = tuple(_kind(a) for a in args)
        if signature in self._seen:
            return self._compiled()(*args, **kwargs)
        notice = threading.Timer(PATIENCE_SECONDS, _say_compiling, args=(self._function.__name__,))
        notice.daemon = True
        notice.start()
        try:
            result = self._compiled()(*args, **kwargs)
        finally:
            notice.cancel()
        self._seen.add(signature)
        return result


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


def _renew_with(dispatcher: Any, stamp: list[tuple[str, int, int]]) -> None:
    """Make numba compile anew where any of these files has changed; by itself it looks at the kernel's own alone."""
    dispatcher._cache._cache_file._source_stamp = stamp


class _Bare(Kernel[P, R]):
    options: ClassVar[dict[str, Any]] = {"nogil": True, "_nrt": False}


class _Embedded(_Bare[P, R]):
    options: ClassVar[dict[str, Any]] = {"nogil": True, "_nrt": False, "forceinline": True}
    cached: ClassVar[bool] = False


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """Mark a function on bare arrays for compilation at its first call."""
    return Kernel(function)


def bare(function: Callable[P, R]) -> Kernel[P, R]:
    """Mark a function that allocates nothing: references are not counted, which costs more than short loops between
    calls.
    """
    return _Bare(function)


def embedded(function: Callable[P, R]) -> Kernel[P, R]:
    """Mark a function that allocates nothing, and has branches, to become part of the kernels that call it."""
    return _Embedded(function)


def _kind(argument: Any) -> object:
    dtype = getattr(argument, "dtype", None)
    return type(argument) if dtype is None else (dtype.char, getattr(argument, "ndim", 0), argument.flags.c_contiguous)


def _say_compiling(name: str) -> None:
    print(
        f"symfft: compiling {name} (once; later calls and processes reuse it where a cache can be written)",
        file=sys.stderr,
        flush=True,
    )
