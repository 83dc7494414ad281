"""Start processes that Ctrl-C does not reach: the process that started them is interrupted, and ends them."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any, TypeVar

__all__ = ["calls", "ignore_interrupts", "uninterrupted"]

Item = TypeVar("Item")
Found = TypeVar("Found")


@contextmanager
def calls(
    function: Callable[[Item], Found],
    items: Iterable[Item],
    jobs: int,
    initializer: Callable[..., None] | None = None,
    *arguments: Any,
) -> Iterator[list[Future[Found]]]:
    """Yield the calls of a function with each of some items, in processes that end with the block, however it ends.

    Parameters
    ----------
    jobs : int
        Most processes.
    initializer, *arguments
        Called first in every process; by default :func:`ignore_interrupts`, which it has to call.
    """
    spawned = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, spawned, initializer or ignore_interrupts, arguments)
    try:
        with uninterrupted():
            submitted = [pool.submit(function, item) for item in items]
        yield submitted
    except KeyboardInterrupt:
        for process in multiprocessing.active_children():
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Block SIGINT while processes are started, which inherit that; what arrives waits for the end.

    A process that is interrupted while it still imports prints a traceback that nobody can catch.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Started within the block, it would leave SIGINT unblocked behind it (CPython 3.11 and 3.12).
    resource_tracker.ensure_running()
    arrived: list[int] = []
    in_main = threading.current_thread() is threading.main_thread()
    # The mask is this thread's. Another one may take the signal, whose handler then runs in the main thread.
    handler = signal.signal(signal.SIGINT, lambda number, _: arrived.append(number)) if in_main else None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if in_main:
            signal.signal(signal.SIGINT, handler)
        if arrived:
            signal.raise_signal(signal.SIGINT)


def ignore_interrupts() -> None:
    """Leave interruptions to the process that started this one; call it first in a started process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
