"""One function of many items in other processes while this one does something else, and then in this one too."""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from symfft import SymfftError
from symfft._processes import calls, ignore_interrupts

Item = TypeVar("Item")
Found = TypeVar("Found")

#: Neighbouring items that a process takes at a time: what one of them caches often serves the next.
AT_A_TIME = 4
#: What says how many threads linear algebra takes, read when its library is loaded.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def begun(function: Callable[[Item], Found], items: Sequence[Item], jobs: int) -> Iterator[Callable[[], list[Found]]]:
    """Begin to call a function of each of some items; yield what waits for the results, in their order.

    Who waits computes too, from the last items on, so that one process less is started than there are `jobs`. They are
    started with one thread of linear algebra each: as many as there are cores would wait for each other.

    Parameters
    ----------
    function : callable
        Sent to each process once.
    jobs : int
        Most processes, this one among them.

    Raises
    ------
    SymfftError
        If a process dies, as it does where memory runs out.
    """
    parts = [items[start : start + AT_A_TIME] for start in range(0, len(items), AT_A_TIME)]
    jobs = min(jobs, len(parts))
    if jobs <= 1:
        yield lambda: [function(item) for item in items]
        return
    try:
        with ExitStack() as block:
            with one_thread():
                started = block.enter_context(calls(_call, parts, jobs - 1, _start, function))
            yield lambda: _finished(function, parts, started)
    except BrokenProcessPool:
        raise SymfftError("a process died that computed a part of this: was there memory enough for it?") from None


def _finished(
    function: Callable[[Item], Found], parts: Sequence[Sequence[Item]], begun: Sequence[Future[list[Found]]]
) -> list[Found]:
    """Return the results of all parts: from the last on this process takes those that no other one has taken."""
    futures = list(begun)
    for place in reversed(range(len(parts))):
        if not futures[place].cancel():
            break
        futures[place] = here = Future[list[Found]]()
        try:
            here.set_result([function(item) for item in parts[place]])
        except Exception as error:  # raised below, if none of an item before is
            here.set_exception(error)
            break
    return [result for future in futures for result in future.result()]


@contextmanager
def one_thread() -> Iterator[None]:
    """Have linear algebra that is loaded, or whose process is started, meanwhile compute with one thread.

    Unless the environment says how many.
    """
    unsaid = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(unsaid, "1"))
    try:
        yield
    finally:
        for name in unsaid:
            del os.environ[name]


_function: Callable[[Any], Any]


def _start(function: Callable[[Any], Any]) -> None:
    global _function
    ignore_interrupts()
    atexit.register(gc.freeze)  # else Python, where it ends, looks for cycles among all that it has
    _function = function


def _call(items: Sequence[Any]) -> list[Any]:
    return [_function(item) for item in items]
