"""The shape of a grid, as functions accept it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from symfft.errors import ShapeError

Shape = tuple[int, int, int]

#: Grids have fewer points than this.
LARGEST_GRID = 2**31


def as_shape(shape: Sequence[int]) -> Shape:
    """Accept three positive integers.

    Raises
    ------
    ShapeError
        If there are not three, or one is not positive, or the grid has 2³¹ points or more.
    """
    listed = isinstance(shape, Sequence) and not isinstance(shape, bytes | bytearray)
    values = tuple(shape) if listed or np.ndim(shape) == 1 else ()
    if len(values) != 3 or any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1 for n in values):
        raise ShapeError(f"grid shape {shape!r} is not usable: give three positive integers, such as (48, 48, 48)")
    if math.prod(int(n) for n in values) >= LARGEST_GRID:
        raise ShapeError(f"grid shape {shape!r} has 2^31 points or more, which is above what symfft indexes")
    return int(values[0]), int(values[1]), int(values[2])
