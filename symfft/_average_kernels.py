"""Compiled averages over the orbits of a grid, without a plan: orbits are found and left on the way."""

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


@kernel
def average_lines(operators: Array, shape: Array, rho: Array, done: Array) -> Any:
    """Do the same line by line, where every operator takes lines along the third axis to such lines.

    Parameters
    ----------
    operators, shape, rho
        As in :func:`average_orbits`; the third column of every W is (0, 0, 1) or (0, 0, -1).
    done : (N0 N1,) bool
        All False; overwritten.

    Returns
    -------
    tuple of float
        As in :func:`average_orbits`.
    """
    n0, n1, n2 = shape
    order = operators.shape[1]
    images, turns, sides = np.empty(order, np.int64), np.empty(order, np.int64), np.empty(order, np.int64)
    for g in range(order):
        sides[g] = n2 if operators[8, g] > 1 else 0
    # first along the line and then against it, so that images are read forwards only: eight values at a time
    own, mean, low, high = np.empty(2 * n2), np.empty(2 * n2), np.empty(2 * n2), np.empty(2 * n2)
    distance, largest = np.zeros(n2), np.zeros(n2)
    r0, r1, r2 = 1.0 / n0, 1.0 / n1, 1.0 / n2
    for x in range(n0):
        for y in range(n1):
            line = x * n1 + y
            if done[line]:
                continue
            for z in range(n2):
                own[z] = rho[line * n2 + z]
            for z in range(n2):
                own[2 * n2 - 1 - z] = own[z]
            for z in range(2 * n2):
                mean[z] = 0.0
                low[z] = 0.0
                high[z] = 0.0
            for g in range(order):
                u0 = operators[0, g] * x + operators[1, g] * y + operators[9, g]
                u1 = operators[3, g] * x + operators[4, g] * y + operators[10, g]
                u2 = operators[6, g] * x + operators[7, g] * y + operators[11, g] + (sides[g] != 0)
                u0 -= n0 * np.int64((u0 + 0.5) * r0)
                u1 -= n1 * np.int64((u1 + 0.5) * r1)
                u2 -= n2 * np.int64((u2 + 0.5) * r2)
                done[u0 * n1 + u1] = True
                images[g] = (u0 * n1 + u1) * n2
                turns[g] = u2
            for g in range(order):
                # point z of a side is point z + turn of the image, modulo the line: a part before its end, one after
                start, source = sides[g], images[g] + turns[g]
                for stop in (sides[g] + n2 - turns[g], sides[g] + n2):
                    shift = source - start
                    for z in range(start, stop):
                        apart = rho[np.uint64(z + shift)] - own[np.uint64(z)]
                        mean[np.uint64(z)] += apart
                        low[np.uint64(z)] = apart if apart < low[np.uint64(z)] else low[np.uint64(z)]
                        high[np.uint64(z)] = apart if apart > high[np.uint64(z)] else high[np.uint64(z)]
                    start, source = stop, images[g]
            for z in range(n2):
                against = np.uint64(2 * n2 - 1 - z)
                lowest = low[z] if low[z] < low[against] else low[against]
                highest = high[z] if high[z] > high[against] else high[against]
                apart = (mean[z] + mean[against]) / order
                mean[z] = own[z] + apart
                distance[z] = max(distance[z], apart - lowest, highest - apart)
                largest[z] = max(largest[z], -own[z] - lowest, own[z] + highest)
            for z in range(n2):
                mean[2 * n2 - 1 - z] = mean[z]
            for g in range(order):
                start, target = sides[g], images[g] + turns[g]
                for stop in (sides[g] + n2 - turns[g], sides[g] + n2):
                    shift = target - start
                    for z in range(start, stop):
                        rho[np.uint64(z + shift)] = mean[np.uint64(z)]
                    start, target = stop, images[g]
    return distance.max(), largest.max()
