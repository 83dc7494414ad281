"""Powers of ten for exact conversion between decimal and binary numbers."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

#: Range of decimal exponents in the table; outside it every double is zero or infinite.
SMALLEST_POWER = -342
LARGEST_POWER = 308


@cache
def powers_of_ten() -> tuple[NDArray[np.float64], NDArray[np.uint64], NDArray[np.uint64]]:
    """Return 10**0 … 10**22, which doubles hold exactly, and 128-bit significands of 5**q.

    Returns
    -------
    exact : (23,) float64
        ``10.0 ** e``.
    high, low : (651,) uint64
        Upper and lower half of the leading 128 bits of ``5 ** q`` for q from :data:`SMALLEST_POWER` on: truncated for
        q >= 0; of the reciprocal, rounded up at twice the precision before truncation, for q < 0 [1]_.

    References
    ----------
    .. [1] D. Lemire, "Number parsing at a gigabyte per second", Software: Practice and Experience 51 (2021) 1700.
    """
    significands = [_significand(q) for q in range(SMALLEST_POWER, LARGEST_POWER + 1)]
    return (
        np.array([float(10**e) for e in range(23)]),
        np.array([s >> 64 for s in significands], dtype=np.uint64),
        np.array([s & (2**64 - 1) for s in significands], dtype=np.uint64),
    )


def _significand(q: int) -> int:
    power: int = 5 ** abs(q)
    bits = power.bit_length()
    if q >= 0:
        return power << (128 - bits) if bits <= 128 else power >> (bits - 128)
    reciprocal: int = (1 << (bits + 127 if q >= -27 else 2 * bits + 128)) // power + 1
    return reciprocal >> (reciprocal.bit_length() - 128)
