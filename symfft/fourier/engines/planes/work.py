"""Work space of a transform, in either precision."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Work:
    """The real tables of a plan, and work spaces of a size, for each precision that was asked for."""

    def __init__(self, reals: NDArray[np.float64], size: int) -> None:
        self._reals, self._size = reals, size
        self._precisions: dict[str, Precision] = {}

    def of(self, dtype: np.dtype[Any]) -> Precision:
        """Return what a precision has."""
        if dtype.char not in self._precisions:
            self._precisions[dtype.char] = Precision(self._reals.astype(dtype), self._size)
        return self._precisions[dtype.char]


class Precision:
    """The real tables in a precision, and work spaces that no thread uses at the moment."""

    def __init__(self, reals: NDArray[Any], size: int) -> None:
        self.reals, self._size = reals, size
        self.free: list[NDArray[Any]] = []

    def take(self) -> NDArray[Any]:
        """Return a work space; it goes back to `free`."""
        try:
            return self.free.pop()
        except IndexError:
            return aligned(self._size, self.reals.dtype)


def aligned(size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an uninitialised array that begins with a cache line."""
    room = np.empty(size * dtype.itemsize + 64, dtype=np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + size * dtype.itemsize].view(dtype)
