"""Compiled loops over the rows of batches: their work spaces, and threads that share rows or parts of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import Array, IntArray
from symfft.fourier.threads import CACHE_LINE, PARTS_PER_THREAD, Team, aligned

#: The board of who shares nothing.
ALONE = np.empty(0, dtype=np.int64)


class Items(NamedTuple):
    """What threads take of a row: steps of it, and which part of each."""

    #: (4 n,) of each the first step, the one after the last, the part, the parts
    table: IntArray
    #: (n,) items that must be done before
    after: IntArray


def parts_of(batch: NDArray[Any], threads: int) -> int:
    """Return how many threads share a row of a batch: 1 where there are rows enough for all."""
    return 1 if len(batch) >= threads else threads


def whole(steps: int) -> Items:
    """Return one item of all steps."""
    return Items(np.array([0, steps, 0, 1]), np.zeros(1, dtype=np.int64))


def in_stages(stages: Iterable[Iterable[tuple[int, int, bool]]], threads: int) -> Items:
    """Return the items of stages that follow one another.

    What a stage is made of can be done side by side: each the first step, the one after the last, and whether so many
    threads share these steps or one of them does them.
    """
    items: list[tuple[int, int, int, int]] = []
    after: list[int] = []
    for stage in stages:
        done = len(items)
        for first, last, is_shared in stage:
            parts = PARTS_PER_THREAD * threads if is_shared else 1
            items += [(first, last, part, parts) for part in range(parts)]
        after += [done] * (len(items) - done)
    return Items(np.array(items, dtype=np.int64).reshape(-1), np.array(after, dtype=np.int64))


class Loop:
    """A compiled loop with its tables; call it on rows, of which it fills others.

    Parameters
    ----------
    run : callable
        ``run(items, after, work, offset, rows, out, board, looks)``, which calls
        :func:`symfft.fourier._thread_kernels.share`.
    items : Items
        One if threads share rows; several if they share the parts of each row.
    common, own : int
        Numbers of work space for all threads, and for each of them. Each space begins with a 0.
    dtype : dtype
        Of rows, results and work spaces.
    spaces : dict
        Work spaces that are free, which several loops can use in turn.
    """

    def __init__(
        self,
        run: Callable[..., None],
        items: Items,
        common: int,
        own: int,
        dtype: np.dtype[Any],
        spaces: dict[tuple[str, int], list[Array]],
    ) -> None:
        line = CACHE_LINE // dtype.itemsize
        self._run, self._dtype = partial(run, *items), dtype
        self._common, self._own, self._spaces = common, -(-own // line) * line, spaces
        self._teams: dict[int, list[Team]] = {}

    def __call__(self, rows: NDArray[Any], out: NDArray[Any], threads: int) -> None:
        """Run it on all rows in so many threads."""
        size = self._common + threads * self._own
        spaces = self._spaces.setdefault((self._dtype.char, size), [])
        try:
            work = spaces.pop()
        except IndexError:
            work = aligned((size,), self._dtype)
            work[:: self._own or size] = 0
        if threads == 1:
            self._run(work, 0, rows, out, ALONE, 0)
        else:
            teams = self._teams.setdefault(threads, [])
            try:
                team = teams.pop()
            except IndexError:
                team = Team(threads, self._looking(rows, out))
            team.share(partial(self._run, work, 0, rows, out))
            teams.append(team)
        spaces.append(work)

    def _looking(self, rows: NDArray[Any], out: NDArray[Any]) -> Callable[[int, IntArray, int], None]:
        """Return what a thread does that looks for rows like these."""
        none, nowhere = (np.empty((0, array.shape[1]), dtype=array.dtype) for array in (rows, out))
        no_work = np.empty(0, dtype=self._dtype)
        # compiled before there is a thread: one that compiles while the process forks leaves its locks to the child
        self._run(no_work, 0, none, nowhere, ALONE, 0)
        return lambda thread, board, looks: self._run(no_work, thread * self._own, none, nowhere, board, looks)
