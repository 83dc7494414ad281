"""Threads that share a batch, or the parts of one transform: helpers that stay, equal results.

:func:`in_parts` hands over Python functions, a :class:`Team` rows of batches, or parts of a transform.

To wake a thread that sleeps takes as long as a small transform. Who waits therefore looks for a while before it
sleeps, a helper for its next job and the caller for the end of the helpers' jobs: as OpenMP's threads do, but shorter.
"""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Lock, Thread
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
    threads = max(1, min(threads, items, MOST_THREADS))
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

    looks = LOOKS if threads <= PROCESSORS else 0
    jobs = [_Job(partial(work, thread), looks) for thread in range(1, threads)]
    try:
        helpers = [_idle_helper() for _ in jobs]
        for helper, job in zip(helpers, jobs, strict=True):
            helper.begin(job)
        work(0)
        for job in jobs:
            job.end()
    except BaseException:
        while True:  # whatever interrupts this, too: nobody may still write into arrays that are given back
            try:
                coming.clear()
                for job in jobs:
                    job.end()
                break
            except BaseException:
                continue
        raise
    _idle.extend(helpers)
    for job in jobs:
        if job.error is not None:
            raise job.error


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
        threads = min(threads, MOST_THREADS)
        self._looks = LOOKS if threads <= PROCESSORS else 0
        self._board = _count(BOARD)
        self._look = look
        self._jobs: list[_Job | None] = [None] * (threads - 1)

    def share(self, post: Callable[[NDArray[np.int64], int], object]) -> None:
        """Call ``post(board, looks)``, which posts a batch and computes items; return when all are done."""
        for place, job in enumerate(self._jobs):
            if job is None or job.is_over:
                self._jobs[place] = job = _Job(partial(self._help, place + 1), self._looks)
                job.helper = _idle_helper()
                job.helper.begin(job)
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
    """Something for a helper to do, unless its giver ends it first.

    The giver can be interrupted between any two steps. Nothing here therefore needs two of its steps to come together:
    whose the job is is settled in one, and whoever ends it a second time changes nothing.
    """

    def __init__(self, run: Callable[[], object], looks: int) -> None:
        self.looks = looks
        self.error: BaseException | None = None
        self.helper: _Helper | None = None
        self._process = os.getpid()
        self._run: Callable[[], object] | None = run
        self._taken_by: dict[str, str] = {}
        self._done = False
        self._asleep = Lock()
        self._asleep.acquire()
        self._ended: NDArray[np.int64] | None = None
        self._before = 0

    @property
    def is_over(self) -> bool:
        """Whether it is done; or was one of a process that this one has forked from."""
        return self._done or self._process != os.getpid()

    def watch(self, ended: NDArray[np.int64]) -> None:
        """Count one further there when it is done."""
        self._ended, self._before = ended, int(ended[0])

    def do(self) -> None:
        """Do it, if it has not been ended."""
        if self._taken_by.setdefault("", "helper") != "helper":
            return
        assert self._run is not None
        assert self._ended is not None
        try:
            self._run()
        except BaseException as error:
            self.error = error
        self._run = None  # and the arrays that it holds
        self._ended[0] = self._before + 1
        self._done = True
        self._asleep.release()

    def end(self) -> None:
        """Wait until it is done; if nobody has begun it, nobody ever will."""
        if self._taken_by.setdefault("", "giver") == "giver":
            self._run = None
            return
        assert self._ended is not None
        _watch(self._ended, self._before, self.looks)
        while not self._done:
            self._asleep.acquire()


class _Helper:
    """A thread that does one job after the other, as long as somebody holds this."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._begun, self._ended = _count(), _count()
        # compiled before there is a thread: one that compiles while the process forks leaves its locks to the child
        _watch(self._ended, -1, 1)
        Thread(target=_serve, args=(self._jobs, self._begun), name="symfft", daemon=True).start()

    def begin(self, job: _Job) -> None:
        """Have it do something; it must have nothing to do."""
        job.watch(self._ended)
        self._jobs.put(job)
        self._begun[0] += 1

    def __del__(self) -> None:
        if hasattr(self, "_jobs"):  # else it was interrupted before it had a thread
            self._jobs.put(None)


def _serve(jobs: SimpleQueue[_Job | None], begun: NDArray[np.int64]) -> None:
    taken = looks = 0
    while True:
        _watch(begun, taken, looks)
        job = jobs.get()
        if job is None:
            return
        taken += 1
        looks = job.looks
        job.do()
        if job.helper is not None:  # nobody else says that it is idle
            _idle.append(job.helper)
            job.helper = None
        del job


def aligned(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return an uninitialised array that begins with a cache line."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    room = np.empty(size + CACHE_LINE, dtype=np.uint8)
    start = -room.ctypes.data % CACHE_LINE
    array: NDArray[Any] = room[start : start + size].view(dtype).reshape(shape)
    return array


def _count(size: int = CACHE_LINE // 8) -> NDArray[np.int64]:
    """Return a counter, or several, in cache lines of their own."""
    count = aligned((size,), np.int64)
    count[:] = 0
    return count


def _watch(count: NDArray[np.int64], old: int, looks: int) -> None:
    if looks:
        from symfft.fourier._thread_kernels import watch  # its kernel needs numba to be defined

        watch(count, old, looks)


_idle: list[_Helper] = []


def _idle_helper() -> _Helper:
    """Return a helper that has nothing to do; they start when they are needed, and stay."""
    try:
        return _idle.pop()
    except IndexError:
        return _Helper()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # a child has none of its parent's threads
