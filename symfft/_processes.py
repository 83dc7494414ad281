"""Start processes that Ctrl-C does not reach: the process that started them is interrupted, and ends them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

__all__ = ["ignore_interrupts", "uninterrupted"]


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
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_interrupts() -> None:
    """Leave interruptions to the process that started this one; call it first in a started process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
