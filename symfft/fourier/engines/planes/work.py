"""Work space of a transform, in either precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.fourier.threads import aligned


class Work:
    """The real tables of a plan, and work spaces of a size, for each precision that was asked for.

    Parameters
    ----------
    reals : 1-D float64
        The tables.
    size : int
        Numbers in the work space of one thread.
    """

    def __init__(self, reals: NDArray[np.float64], size: int) -> None:
        self._size, self._reals = size, {"d": reals}
        self._free: dict[tuple[str, int], list[NDArray[Any]]] = {}

    @contextmanager
    def space(
        self, dtype: np.dtype[Any], threads: int, shared: int
    ) -> Iterator[tuple[NDArray[Any], list[NDArray[Any]]]]:
        """Lend the tables, and a work space for each thread, in a precision.

        All threads share the first numbers; the others of each lie behind those of the one before. Where they begin, a
        thread's space has so many numbers fewer than the first one's, and what is shared lies so many farther back.
        """
        if dtype.char not in self._reals:
            self._reals[dtype.char] = self._reals["d"].astype(dtype)
        free = self._free.setdefault((dtype.char, threads), [])
        own = self._size - shared
        try:
            room = free.pop()
        except IndexError:
            room = aligned((shared + threads * own,), dtype)
        try:
            yield self._reals[dtype.char], [room[thread * own :] for thread in range(threads)]
        finally:
            free.append(room)
