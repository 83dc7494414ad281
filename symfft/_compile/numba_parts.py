"""What compilation takes from inside numba: its cache on disk, its switch, and its word on what it compiles."""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from functools import update_wrapper
from typing import Any

import numba
from numba.core import caching, cgutils, event
from numba.core import types as numba_types
from numba.core.typing.templates import make_intrinsic_template
from numba.np.numpy_support import as_dtype

from symfft._compile import trace

types: Any = numba_types

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
    stamp : object
        What the cached machine code depends on: with another stamp it is compiled anew.
    """
    return _cached(function, function, options, stamp)


def written_dispatcher_of(function: Callable[..., Any], options: dict[str, Any], stamp: Any) -> Any:
    """Return a dispatcher, as :func:`dispatcher_of`, of a function that :mod:`symfft._compile.writer` writes."""
    names = list(inspect.signature(function).parameters)
    namespace: dict[str, Any] = {"body": _Body(function, names)}
    exec(f"def {function.__name__}({', '.join(names)}):\n    return body({', '.join(names)})", namespace)
    return _cached(update_wrapper(namespace[function.__name__], function), function, options, stamp)


def _cached(compiled: Any, function: Callable[..., Any], options: dict[str, Any], stamp: Any) -> Any:
    """Return a dispatcher whose machine code is cached as that of a function."""
    with _switched_on():
        dispatcher = numba.njit(**options)(compiled)
    # without a folder that can be written to, numba raises RuntimeError
    with contextlib.suppress(RuntimeError):
        cache = _Cache(function)
        cache._cache_file._source_stamp = stamp
        dispatcher._cache = cache
    return dispatcher


class _Body:
    """What numba sees of a function that is written: one operation on its arguments."""

    def __init__(self, function: Callable[..., Any], names: list[str]) -> None:
        self._function, self._names = function, names

    @property
    def _numba_type_(self) -> object:
        function = self._function

        def definition(typingctx: Any, *arguments: Any) -> Any:
            def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                from symfft._compile.writer import call

                given = [_stand_in(context, builder, t, a) for t, a in zip(arguments, args, strict=True)]
                result = call(builder, function, given)
                return context.get_dummy_value() if result is None else result.value

            returned = types.void if function.__annotations__["return"] == "None" else types.int64
            return returned(*arguments), codegen

        plain = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in ("context", *self._names)]
        definition.__signature__ = inspect.Signature(plain)  # type: ignore[attr-defined]
        return types.Function(make_intrinsic_template(self, definition, function.__name__))


def _stand_in(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Return what a function is written on in place of a value of a numba type."""
    if isinstance(kind, types.BaseTuple):
        parts = cgutils.unpack_tuple(builder, value)
        return tuple(_stand_in(context, builder, t, v) for t, v in zip(kind.types, parts, strict=True))
    if isinstance(kind, types.Boolean):
        return trace.Flag(builder, value)
    if isinstance(kind, types.Integer):
        extend = builder.sext if kind.signed else builder.zext
        return trace.Integer(builder, value if kind.bitwidth == 64 else extend(value, trace.INT))
    if isinstance(kind, types.Float):
        return trace.Vector(builder, value, as_dtype(kind))
    if not isinstance(kind, types.Array) or (kind.layout != "C" and kind.ndim):
        raise TypeError(f"kernels take numbers and contiguous arrays, not {kind}")
    array = context.make_array(kind)(context, builder, value)
    shape = cgutils.unpack_tuple(builder, array.shape)
    return trace.Array(builder, array.data, as_dtype(kind.dtype), tuple(trace.Integer(builder, n) for n in shape))


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
