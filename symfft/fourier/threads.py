"""Threads that share batches of transforms: helpers that stay, equal results.

To wake a thread that sleeps takes as long as a small transform, and a thread of Python that is woken waits for the
interpreter's lock besides. Who waits therefore looks for a while, inside a compiled loop, before it sleeps: a helper
for the next batch, and the caller for the end of the helpers' items. OpenMP's threads do that too, but longer.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.errors import ShapeError

#: Bytes of a cache line: arrays that begin with one are filled quickest.
CACHE_LINE = 64
#: Parts that a thread would take if all were equally long and quick.
PARTS_PER_THREAD = 2
PROCESSORS = os.cpu_count() or 1
#: Most threads of a call.
MOST_THREADS = max(32, PROCESSORS)
#: Looks of a thread before it sleeps: a tenth of a millisecond or two.
LOOKS = 400_000
#: Seconds of sleep of who has looked for long enough.
BRIEFLY = 2e-5
#: Places on a board, far apart where several threads write: `POST` times the number of the batch plus its items that
#: nobody has taken; items that are done; all of them; where the batch, its results and its work space are.
LEFT, DONE, ITEMS, SOURCE, TARGET, WORK, BOARD = 0, 8, 16, 17, 18, 19, 24
POST = 1 << 32


def count_of(workers: int | None) -> int:
    """Return the number of threads that `workers` means, as in :mod:`scipy.fft`; `MOST_THREADS` at most.

    Raises
    ------
    ShapeError
        If it is not an integer, or 0.
    """
    if workers is None:
        return 1
    if isinstance(workers, bool) or not isinstance(workers, (int, np.integer)) or workers == 0:
        raise ShapeError(f"workers={workers!r} must be a positive number of threads, or negative to count from all")
    return min(int(workers) if workers > 0 else max(1, PROCESSORS + 1 + int(workers)), MOST_THREADS)


class Team:
    """Threads that share one batch after the other, in compiled loops that need nothing of Python.

    Who has a batch posts it on a board and takes its items from there, one by one: rows, or parts of a transform, of
    which some can begin only when others are done. Helpers that look at the board take items as soon as they are there.
    They neither have to be woken nor wait for the interpreter's lock, as long as batches follow one another before they
    stop to look. Who posts does not depend on them: what nobody else takes it computes itself.

    Parameters
    ----------
    threads : int
        Threads that share a batch.
    look : callable
        ``look(thread, board, looks)`` computes items that are posted on a board, until there are none that can begin
        for so many looks.
    """

    def __init__(self, threads: int, look: Callable[[int, NDArray[np.int64], int], object]) -> None:
        self._looks = LOOKS if threads <= PROCESSORS else 0
        self._board = aligned((BOARD,), np.int64)
        self._board[:] = 0
        self._look = look
        self._jobs: list[_Job | None] = [None] * (threads - 1)

    def share(self, post: Callable[[NDArray[np.int64], int], object]) -> None:
        """Call ``post(board, looks)``, which posts a batch and computes items; return when all are done."""
        for place, job in enumerate(self._jobs):
            if job is None or job.is_over:
                self._jobs[place] = job = _Job(partial(self._help, place + 1))
                job.begin()
        try:
            post(self._board, self._looks)
            self._finish()
        except BaseException:
            while True:  # whatever interrupts this, too: nobody may still write into arrays that are given back
                try:
                    self._finish()
                    break
                except BaseException:
                    continue
            raise

    def _help(self, thread: int) -> None:
        self._look(thread, self._board, self._looks)
        while self._board[LEFT] % POST:  # not to be begun yet
            time.sleep(BRIEFLY)
            self._look(thread, self._board, self._looks)

    def _finish(self) -> None:
        """Compute what can begin only now, and wait for helpers that are not done."""
        while self._board[DONE] < self._board[ITEMS]:
            time.sleep(BRIEFLY)
            self._look(0, self._board, 0)


class _Job:
    """Something that a helper does."""

    def __init__(self, run: Callable[[], object]) -> None:
        self._run: Callable[[], object] | None = run
        self._process = os.getpid()
        self._helper: _Helper | None = None

    @property
    def is_over(self) -> bool:
        """Whether it is done; or was one of a process that this one has forked from."""
        return self._run is None or self._process != os.getpid()

    def begin(self) -> None:
        """Have a helper do it that has nothing to do; they start when they are needed, and stay."""
        try:
            self._helper = _idle.pop()
        except IndexError:
            self._helper = _Helper()
        self._helper.jobs.put(self)

    def do(self) -> None:
        """Do it, and give the helper back; after an error, which ends its thread, do not."""
        assert self._run is not None
        assert self._helper is not None
        helper, self._helper = self._helper, None
        try:
            self._run()
            _idle.append(helper)
        finally:
            self._run = None


class _Helper:
    """A thread that does one job after the other, as long as somebody holds this."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[_Job | None] = SimpleQueue()
        Thread(target=_serve, args=(self.jobs,), name="symfft", daemon=True).start()

    def __del__(self) -> None:
        if hasattr(self, "jobs"):  # else it was interrupted before it had a thread
            self.jobs.put(None)


def _serve(jobs: SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        job.do()
        del job


_idle: list[_Helper] = []

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # a child has none of its parent's threads


def aligned(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return an uninitialised array that begins with a cache line."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    room = np.empty(size + CACHE_LINE, dtype=np.uint8)
    start = -room.ctypes.data % CACHE_LINE
    array: NDArray[Any] = room[start : start + size].view(dtype).reshape(shape)
    return array
