"""Compiled averages over the orbits of a grid, without a plan: lines first, and points of the lines that are left.

Operators that take lines along the third axis to such lines are a subgroup. Averages over its orbits run along whole
lines, and leave one line of each orbit of lines. What other operators there are, one of each coset, permute the points
of those.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symfft._array_types import Array
from symfft._compile import kernel


@kernel
def average_lines(operators: Array, shape: Array, rho: Array, everywhere: Any, lines: Array, means: Array) -> None:
    """Average over operators that keep lines along the third axis, on one line of each orbit of lines.

    Deviations from the line itself are averaged: equal values stay as they are. Points of a line that operators take to
    each other get the mean of the first of them, whatever the rounding of the others: the result is exactly symmetric.

    Parameters
    ----------
    operators : (12, g) int32
        Rows of W' and then w' in grid units; every entry reduced to [0, N) along its axis. The identity comes first.
    shape : (3,) int64
        Shape of the grid.
    rho : (N0 N1 N2,) float
        Density.
    everywhere : bool
        Whether the averages are copied to the other lines of each orbit.
    lines : (N0 N1, 5) int64
        The first column all -1; overwritten. For every line, the line that stands for it, a shift s, and ±1: its point
        z is there the point s ± z, modulo N2. For those lines, another such shift and sign: an operator that takes the
        line to itself.
    means : (N0 N1 N2,) float
        Overwritten on lines that stand for others, or everywhere.
    """
    n0, n1, n2 = shape
    order = operators.shape[1]
    images, shifts, sides = np.empty(order, np.int64), np.empty(order, np.int64), np.empty(order, np.int64)
    new, first = np.empty(order, np.bool_), np.empty(n2, np.int64)
    turns = False
    for g in range(order):
        sides[g] = n2 if operators[8, g] > 1 else 0
        turns |= sides[g] > 0
    # first along the line and then against it, so that images are read forwards only: several values at a time
    own, total = np.empty(2 * n2), np.empty(2 * n2)
    r0, r1, r2, share = 1.0 / n0, 1.0 / n1, 1.0 / n2, 1.0 / order
    for x in range(n0):
        for y in range(n1):
            line = x * n1 + y
            if lines[line, 0] >= 0:
                continue
            for z in range(n2):
                own[np.uint64(z)] = rho[np.uint64(line * n2 + z)]
                total[np.uint64(z)] = 0.0
            if turns:
                for z in range(n2):
                    own[np.uint64(2 * n2 - 1 - z)] = own[np.uint64(z)]
                    total[np.uint64(n2 + z)] = 0.0
            lines[line, 3], lines[line, 4] = 0, 1
            fixed = 0
            for g in range(order):
                u0 = operators[0, g] * x + operators[1, g] * y + operators[9, g]
                u1 = operators[3, g] * x + operators[4, g] * y + operators[10, g]
                u2 = operators[6, g] * x + operators[7, g] * y + operators[11, g] + (sides[g] != 0)
                # adding one half keeps the rounded quotient off the integers, so that its floor is exact
                u0 -= n0 * np.int64((u0 + 0.5) * r0)
                u1 -= n1 * np.int64((u1 + 0.5) * r1)
                u2 -= n2 * np.int64((u2 + 0.5) * r2)
                image = u0 * n1 + u1
                new[g] = lines[image, 0] < 0
                lines[image, 0] = line
                shift = u2 - 1 + n2 * (u2 == 0) if sides[g] else n2 * (u2 != 0) - u2
                sign = -1 if sides[g] else 1
                lines[image, 1], lines[image, 2] = shift, sign
                if image == line and (sign < 0 or shift != 0):
                    lines[image, 3], lines[image, 4] = shift, sign
                fixed += image == line
                images[g] = image * n2
                shifts[g] = u2
            lines[line, 1], lines[line, 2] = 0, 1
            for g in range(1, order):
                start, source = sides[g], images[g] + shifts[g]
                for stop in (sides[g] + n2 - shifts[g], sides[g] + n2):
                    ahead = source - start
                    for z in range(start, stop):
                        total[np.uint64(z)] += rho[np.uint64(z + ahead)] - own[np.uint64(z)]
                    start, source = stop, images[g]
            if turns:
                for z in range(n2):
                    total[np.uint64(z)] += total[np.uint64(2 * n2 - 1 - z)]
            for z in range(n2):
                own[np.uint64(z)] += total[np.uint64(z)] * share
            if fixed > 1:
                for z in range(n2):
                    first[z] = z
                for g in range(1, order):
                    if images[g] == line * n2:
                        for k in range(n2):
                            z = n2 - 1 - k if sides[g] else k
                            u2 = shifts[g] + k
                            first[z] = min(first[z], u2 - n2 if u2 >= n2 else u2)
                for z in range(n2):
                    own[z] = own[first[z]]
            for z in range(n2):
                means[np.uint64(line * n2 + z)] = own[np.uint64(z)]
            if everywhere:
                if turns:
                    for z in range(n2):
                        own[np.uint64(2 * n2 - 1 - z)] = own[np.uint64(z)]
                for g in range(1, order):
                    if new[g]:
                        start, target = sides[g], images[g] + shifts[g]
                        for stop in (sides[g] + n2 - shifts[g], sides[g] + n2):
                            ahead = target - start
                            for z in range(start, stop):
                                means[np.uint64(z + ahead)] = own[np.uint64(z)]
                            start, target = stop, images[g]


@kernel
def average_cosets(operators: Array, shape: Array, lines: Array, folded: Array, done: Array, means: Array) -> None:
    """Average over orbits of points on the lines that are left.

    Parameters
    ----------
    operators, shape, lines
        As in :func:`average_lines`; one operator of each coset of those.
    folded : (N0 N1 N2,) float64
        The means that it wrote.
    done : (N0 N1 N2,) bool
        All False; overwritten.
    means : (N0 N1 N2,) float64
        Overwritten on lines that stand for others.
    """
    n0, n1, n2 = shape
    order = operators.shape[1]
    images, others = np.empty(order, np.uint64), np.empty(order, np.uint64)
    r0, r1, r2 = 1.0 / n0, 1.0 / n1, 1.0 / n2
    for x in range(n0):
        for y in range(n1):
            line = x * n1 + y
            if lines[line, 0] != line:
                continue
            for z in range(n2):
                p = line * n2 + z
                if done[p]:
                    continue
                total = 0.0
                for g in range(order):
                    u0 = operators[0, g] * x + operators[1, g] * y + operators[2, g] * z + operators[9, g]
                    u1 = operators[3, g] * x + operators[4, g] * y + operators[5, g] * z + operators[10, g]
                    u2 = operators[6, g] * x + operators[7, g] * y + operators[8, g] * z + operators[11, g]
                    u0 -= n0 * np.int64((u0 + 0.5) * r0)
                    u1 -= n1 * np.int64((u1 + 0.5) * r1)
                    u2 -= n2 * np.int64((u2 + 0.5) * r2)
                    image = u0 * n1 + u1
                    u2 = lines[image, 1] + lines[image, 2] * u2
                    u2 += n2 if u2 < 0 else 0
                    u2 -= n2 if u2 >= n2 else 0
                    image = lines[image, 0]
                    images[g] = np.uint64(image * n2 + u2)
                    u2 = lines[image, 3] + lines[image, 4] * u2
                    u2 += n2 if u2 < 0 else 0
                    u2 -= n2 if u2 >= n2 else 0
                    others[g] = np.uint64(image * n2 + u2)
                    total += folded[images[g]] - folded[p]
                mean = folded[p] + total / order
                for g in range(order):
                    means[images[g]] = mean
                    means[others[g]] = mean
                    done[images[g]] = True
                    done[others[g]] = True


@kernel
def spread_lines(shape: Array, rho: Array, lines: Array, means: Array) -> Any:
    """Copy lines to those that they stand for, and compare them with the density.

    Parameters
    ----------
    shape, rho, lines
        As in :func:`average_lines`.
    means : (N0 N1 N2,) float64
        Overwritten everywhere.

    Returns
    -------
    tuple of float
        Largest distance of a value from its mean, largest absolute value.
    """
    n2 = shape[2]
    distance, largest = np.zeros(n2), np.zeros(n2)
    for line in range(len(lines)):
        start, source, shift = line * n2, lines[line, 0] * n2, lines[line, 1]
        if lines[line, 2] < 0:
            for z in range(shift + 1):
                means[start + z] = means[source + shift - z]
            for z in range(shift + 1, n2):
                means[start + z] = means[source + shift + n2 - z]
        elif source != start:
            for z in range(n2 - shift):
                means[start + z] = means[source + shift + z]
            for z in range(n2 - shift, n2):
                means[start + z] = means[source + shift - n2 + z]
        for z in range(n2):
            value = rho[np.uint64(start + z)]
            apart = abs(value - means[np.uint64(start + z)])
            value = abs(value)
            distance[z] = apart if apart > distance[z] else distance[z]
            largest[z] = value if value > largest[z] else largest[z]
    return distance.max(), largest.max()
