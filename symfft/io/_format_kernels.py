"""Numba loops that write doubles as decimal text, correctly rounded."""

from __future__ import annotations

from typing import Any

import numpy as np

from symfft._array_types import Array
from symfft._compile import kernel
from symfft.io._parse_kernels import multiply_words
from symfft.io._powers import LARGEST_POWER, SMALLEST_POWER

_ZERO_DIGIT = np.uint64(48)
_TEN = np.uint64(10)
_SIGN_BIT = np.uint64(2**63)
_FRACTION_BITS = np.uint64(2**52 - 1)
_HIDDEN_BIT = np.uint64(2**52)
_TOO_LARGE = np.uint64(10**11)
#: The 64-bit product is off by less than this in units of its last place.
_UNCERTAIN = np.uint64(8)


@kernel
def format_numbers(
    values: Array, start: int, stop: int, per_line: int, row: int, out: Array, unsure: Array, high: Array
) -> Any:
    """Write ``values[start:stop]`` in Fortran's format (1X,E17.11), eleven digits rounded to nearest.

    A line ends after `per_line` numbers and at every multiple of `row`, of which `start` must be one (or of `per_line`
    if there is only one row). The digits come from one 64-bit product with a power of ten; where it lies too close to
    the middle between two decimals, as for numbers outside 1e-99 … 1e99, the field is left to the caller.

    Returns
    -------
    written, open
        How many bytes of `out` were written, and how many pairs (index, offset of the field) stand in `unsure`.
    """
    bits = values.view(np.uint64)
    written = 0
    count = 0
    for i in range(start, stop):
        word = bits[i]
        out[written] = 32
        field = written + 1
        written = field + 17
        biased = np.int64((word & ~_SIGN_BIT) >> np.uint64(52))
        exponent: Any = 0
        digits = np.uint64(0)
        sure: Any = True
        if word & ~_SIGN_BIT != np.uint64(0):
            if biased == 0 or biased == 0x7FF:
                sure = False
            else:
                significand = ((word & _FRACTION_BITS) | _HIDDEN_BIT) << np.uint64(11)
                power = biased - 1023
                # floor(power * log10(2)) + 1 is the decimal exponent or one less.
                exponent = ((power * 78913) >> 18) + 1
                digits = _TOO_LARGE
                while sure and digits >= _TOO_LARGE:
                    scale = 11 - exponent
                    if scale > LARGEST_POWER:
                        sure = False
                    else:
                        upper, _ = multiply_words(significand, high[scale - SMALLEST_POWER])
                        shift = np.uint64(62 - power - ((217706 * scale) >> 16))
                        digits = upper >> shift
                        fraction = upper & ((np.uint64(1) << shift) - np.uint64(1))
                        half = np.uint64(1) << (shift - np.uint64(1))
                        sure = fraction + _UNCERTAIN < half or fraction > half + _UNCERTAIN
                        if fraction > half:
                            digits += np.uint64(1)
                        if digits >= _TOO_LARGE:
                            exponent += 1
                sure = sure and -100 < exponent < 100
        if sure:
            out[field] = 45 if word & _SIGN_BIT != np.uint64(0) else 48
            out[field + 1] = 46
            for place in range(field + 12, field + 1, -1):
                rest = digits // _TEN
                out[place] = digits - rest * _TEN + _ZERO_DIGIT
                digits = rest
            size = abs(exponent)
            out[field + 13] = 69
            out[field + 14] = 45 if exponent < 0 else 43
            out[field + 15] = 48 + size // 10
            out[field + 16] = 48 + size % 10
        else:
            unsure[count, 0] = i
            unsure[count, 1] = field
            count += 1
        place_in_row = i % row
        if place_in_row == row - 1 or place_in_row % per_line == per_line - 1 or i == len(values) - 1:
            out[written] = 10
            written += 1
    return written, count


@kernel
def to_x_fastest(values: Array, factor: float, out: Array) -> None:
    """Write ``out[ix + nx * (iy + ny * iz)] = values[ix, iy, iz] * factor``, tile by tile."""
    nx, ny, nz = values.shape
    for iy in range(ny):
        for z0 in range(0, nz, 8):
            z1 = min(z0 + 8, nz)
            for x0 in range(0, nx, 8):
                x1 = min(x0 + 8, nx)
                for iz in range(z0, z1):
                    for ix in range(x0, x1):
                        out[ix + nx * (iy + ny * iz)] = values[ix, iy, iz] * factor
