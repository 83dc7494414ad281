"""Compiled average over the orbits of a grid, without a plan: orbits are found and left on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft._compile import kernel

Array = NDArray[Any]


@kernel
def average_orbits(operators: Array, shape: Array, rho: Array, done: Array) -> Any:
    """Replace every value by the mean of its orbit, as a deviation from the first point: equal values stay as they are.

    Parameters
    ----------
    operators : (12, g) int32
        Rows of W' and then w' in grid units; every entry reduced to [0, N) along its axis.
    shape : (3,) int64
        Shape of the grid.
    rho : (N0 N1 N2,) float64
        Density; overwritten, in place because an orbit's values are still at hand when their mean is known.
    done : (N0 N1 N2,) bool
        All False; overwritten.

    Returns
    -------
    tuple of float
        Largest distance of a value from its orbit's mean, largest absolute value.
    """
    n0, n1, n2 = shape
    order = operators.shape[1]
    images = np.empty(order, np.uint64)
    line0, line1, line2 = np.empty(order, np.int32), np.empty(order, np.int32), np.empty(order, np.int32)
    r0, r1, r2 = 1.0 / n0, 1.0 / n1, 1.0 / n2
    distance = 0.0
    largest = 0.0
    p = -1
    for x in range(n0):
        for y in range(n1):
            for g in range(order):
                line0[g] = operators[0, g] * x + operators[1, g] * y + operators[9, g]
                line1[g] = operators[3, g] * x + operators[4, g] * y + operators[10, g]
                line2[g] = operators[6, g] * x + operators[7, g] * y + operators[11, g]
            for z in range(n2):
                p += 1
                if done[p]:
                    continue
                for g in range(order):
                    u0 = line0[g] + operators[2, g] * z
                    u1 = line1[g] + operators[5, g] * z
                    u2 = line2[g] + operators[8, g] * z
                    # adding one half keeps the rounded quotient off the integers, so that its floor is exact
                    u0 -= n0 * np.int64((u0 + 0.5) * r0)
                    u1 -= n1 * np.int64((u1 + 0.5) * r1)
                    u2 -= n2 * np.int64((u2 + 0.5) * r2)
                    images[g] = np.uint64((u0 * n1 + u1) * n2 + u2)
                first = rho[p]
                total = 0.0
                low = 0.0
                high = 0.0
                for g in range(order):
                    apart = rho[images[g]] - first
                    total += apart
                    low = min(low, apart)
                    high = max(high, apart)
                largest = max(largest, -first - low, first + high)
                total /= order
                distance = max(distance, total - low, high - total)
                for g in range(order):
                    rho[images[g]] = first + total
                    done[images[g]] = True
    return distance, largest
