"""Threads that share a batch, or the parts of one transform: one pool for all calls, equal results."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.errors import ShapeError

#: Bytes of a cache line: arrays that begin with one are filled quickest.
CACHE_LINE = 64
#: Parts that a thread would take if all were equally long and quick.
PARTS_PER_THREAD = 4

_pools: dict[int, ThreadPoolExecutor] = {}


def count_of(workers: int | None) -> int:
    """Return the number of threads that `workers` means, as in :mod:`scipy.fft`.

    Raises
    ------
    ShapeError
        If it is not an integer, or 0.
    """
    if workers is None:
        return 1
    if isinstance(workers, bool) or not isinstance(workers, (int, np.integer)) or workers == 0:
        raise ShapeError(f"workers={workers!r} must be a positive number of threads, or negative to count from all")
    return int(workers) if workers > 0 else max(1, (os.cpu_count() or 1) + 1 + int(workers))


def in_parts(items: int, threads: int, run: Callable[[int, int, int], object]) -> None:
    """Call ``run(thread, first, last)`` on contiguous parts of some items, in several threads.

    Each takes the next part when it is done with one: a thread that starts late, or meets longer parts, takes fewer.
    They begin at both ends: threads that write beside each other take each other's cache lines away.
    """
    threads = max(1, min(threads, items))
    if threads == 1:
        run(0, 0, items)
        return
    parts = min(items, PARTS_PER_THREAD * threads)
    edges = [items * i // parts for i in range(parts + 1)]
    coming = deque(range(parts))  # taking from either end is one step to Python's threads

    def work(thread: int) -> None:
        take = coming.pop if thread % 2 else coming.popleft
        while True:
            try:
                part = take()
            except IndexError:  # another thread took the last one
                return
            run(thread, edges[part], edges[part + 1])

    waiting = [_pool().submit(work, thread) for thread in range(1, threads)]
    try:
        work(0)
    finally:
        # also after an error: nobody may still write into arrays that are given back
        for each in waiting:
            each.exception()
    for each in waiting:
        each.result()


def aligned(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return an uninitialised array that begins with a cache line."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    room = np.empty(size + CACHE_LINE, dtype=np.uint8)
    start = -room.ctypes.data % CACHE_LINE
    array: NDArray[Any] = room[start : start + size].view(dtype).reshape(shape)
    return array


def _pool() -> ThreadPoolExecutor:
    """Return the pool of this process; its threads start when they are needed, and stay."""
    if not _pools:
        _pools[0] = ThreadPoolExecutor(max(32, os.cpu_count() or 1), thread_name_prefix="symfft")
    return _pools[0]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pools.clear)  # a child has none of its parent's threads
