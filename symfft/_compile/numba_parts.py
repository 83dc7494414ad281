"""What compilation takes from inside numba: its cache on disk, its switch, and its word on what it compiles."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numba
from numba.core import caching, event

PATIENCE_SECONDS = 1.0


class _Cache(caching.FunctionCache):  # type: ignore[misc]
    """Machine code on disk. What cannot be read is compiled anew and what cannot be written is done without."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a file cut short or overwritten raises whatever pickle happens to meet
            with contextlib.suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)


class _Notice(event.Listener):  # type: ignore[misc]
    """Say on standard error that a kernel is compiled, when that takes longer than a second."""

    def __init__(self, package: str) -> None:
        self._package, self._running = package, dict[int, threading.Timer]()

    def on_start(self, event: Any) -> None:
        function = event.data["dispatcher"].py_func
        if not self._running and function.__module__.partition(".")[0] == self._package:
            timer = threading.Timer(PATIENCE_SECONDS, _say_compiling, args=(function.__name__,))
            timer.daemon = True
            self._running[id(event.data["dispatcher"])] = timer
            timer.start()

    def on_end(self, event: Any) -> None:
        timer = self._running.pop(id(event.data["dispatcher"]), None)
        if timer is not None:
            timer.cancel()


def dispatcher_of(function: Callable[..., Any], options: dict[str, Any], stamp: Any) -> Any:
    """Return numba's dispatcher of a function.

    Parameters
    ----------
    function : callable
        The function.
    options : dict
        Those of ``numba.njit``.
    stamp : object or None
        What the cached machine code depends on: with another stamp it is compiled anew. None to cache nothing.
    """
    with _switched_on():
        dispatcher = numba.njit(**options)(function)
    if stamp is not None:
        # without a folder that can be written to, numba raises RuntimeError
        with contextlib.suppress(RuntimeError):
            cache = _Cache(function)
            cache._cache_file._source_stamp = stamp
            dispatcher._cache = cache
    return dispatcher


def announce(package: str) -> None:
    """Say when a kernel of a package is compiled."""
    event.register("numba:compile", _Notice(package))


@contextlib.contextmanager
def _switched_on() -> Iterator[None]:
    """Compile also where NUMBA_DISABLE_JIT is set for other functions: vectors exist in machine code only."""
    disabled, numba.config.DISABLE_JIT = numba.config.DISABLE_JIT, 0
    try:
        yield
    finally:
        numba.config.DISABLE_JIT = disabled


def _say_compiling(name: str) -> None:
    print(
        f"symfft: compiling {name} (once; later calls and processes reuse it where a cache can be written)",
        file=sys.stderr,
        flush=True,
    )
