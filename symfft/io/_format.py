"""Write grids of doubles as text that Fortran, C and Python read."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from symfft.errors import ShapeError
from symfft.io._format_kernels import format_numbers, to_x_fastest
from symfft.io._powers import powers_of_ten

#: Numbers formatted at a time, about.
PIECE = 1 << 15


def format_grid(values: NDArray[np.float64], factor: float, *, per_line: int, x_fastest: bool) -> Iterator[memoryview]:
    """Yield the text of ``values * factor`` in the format (1X,E17.11), eleven significant digits each.

    Parameters
    ----------
    values : (Nx, Ny, Nz) float64
        Grid in C order.
    factor : float
        Applied before writing.
    per_line : int
        Numbers on a line.
    x_fastest : bool
        The first index runs fastest and lines run on, as in VASP; otherwise the last one does and every row of it
        begins a new line, as in a cube file.

    Yields
    ------
    memoryview
        A piece of text, valid until the next one is asked for.
    """
    flat = np.empty(values.size)
    if x_fastest:
        to_x_fastest(np.ascontiguousarray(values), factor, flat)
    else:
        np.multiply(values.ravel(), factor, out=flat)
    row = flat.size if x_fastest else values.shape[-1]
    step = per_line if x_fastest else row
    step *= max(1, PIECE // step)
    text = np.empty(19 * step, dtype=np.uint8)
    unsure = np.empty((step, 2), dtype=np.int64)
    _, high, _ = powers_of_ten()
    for start in range(0, flat.size, step):
        stop = min(start + step, flat.size)
        written, count = format_numbers(flat, start, stop, per_line, row, text, unsure, high)
        piece = memoryview(text)[:written]
        for i, field in unsure[:count].tolist():
            piece[field : field + 17] = fortran_number(float(flat[i]))
        yield piece


def fortran_number(value: float) -> bytes:
    """Return a number in 17 characters: eleven digits, or ten where the exponent has three.

    Examples
    --------
    >>> fortran_number(-2 / 3), fortran_number(1e-120)
    (b'-.66666666667E+00', b'0.1000000000E-119')
    """
    if not np.isfinite(value):
        raise ShapeError(f"a grid value times the volume of the cell is {value}, which no file can hold")
    for digits in (10, 9):
        mantissa, exponent = f"{abs(value):.{digits}E}".split("E")
        power = int(exponent) + 1 if value else 0
        field = f"{'-' if math.copysign(1.0, value) < 0 else '0'}.{mantissa.replace('.', '')}E{power:+03d}"
        if len(field) <= 17:
            break
    return field.encode()
