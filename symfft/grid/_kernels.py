"""Compiled loops on bare arrays: no validation, no raising, no Python objects.

Points of a grid are numbered in C order. Operators come in grid units (see :mod:`symfft.grid.shape`), as int32 columns,
one array per matrix element, so that the loop over operators is vectorised.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symfft._array_types import Array
from symfft._compile import bare, embedded


@embedded
def image(
    operators: Array, g: Any, x: Any, y: Any, z: Any, n0: Any, n1: Any, n2: Any, r0: Any, r1: Any, r2: Any
) -> Any:
    """Return where operator g takes a point, in C order; r is 1 / n."""
    u0 = operators[0, g] * x + operators[1, g] * y + operators[2, g] * z + operators[9, g]
    u1 = operators[3, g] * x + operators[4, g] * y + operators[5, g] * z + operators[10, g]
    u2 = operators[6, g] * x + operators[7, g] * y + operators[8, g] * z + operators[11, g]
    # adding one half keeps the rounded quotient off the integers, so that its floor is exact
    u0 -= n0 * np.int64((u0 + 0.5) * r0)
    u1 -= n1 * np.int64((u1 + 0.5) * r1)
    u2 -= n2 * np.int64((u2 + 0.5) * r2)
    return (u0 * n1 + u1) * n2 + u2


@bare
def label_orbits(
    operators: Array, shape: Array, origin: Array, box: Array, images: Array, labels: Array, found: Array
) -> int:
    """Number the orbits by their first point in a box, in C order of the box.

    Parameters
    ----------
    operators : (12, g) int32
        Rows of W' and then w'; every entry reduced to [0, N) along its axis.
    shape, origin, box : (3,) int64
        Shape of the grid; first corner and size of the box, which may wrap around the cell.
    images : (g,) int32
        Work space.
    labels : (N0 N1 N2,) int32
        All -1; overwritten: orbit number of every point, -1 where no orbit of the box passes.
    found : (2, box volume) int32
        Overwritten: first point and multiplicity of every orbit.

    Returns
    -------
    int
        Number of orbits.
    """
    n0, n1, n2 = shape
    order = operators.shape[1]
    r0, r1, r2 = 1.0 / n0, 1.0 / n1, 1.0 / n2
    orbits = 0
    for b0 in range(box[0]):
        x = (origin[0] + b0) % n0
        for b1 in range(box[1]):
            y = (origin[1] + b1) % n1
            row = (x * n1 + y) * n2
            for b2 in range(box[2]):
                z = origin[2] + b2
                if z >= n2:
                    z -= n2
                if labels[row + z] >= 0:
                    continue
                for g in range(order):
                    images[g] = image(operators, g, x, y, z, n0, n1, n2, r0, r1, r2)
                size = 0
                for g in range(order):
                    if labels[images[g]] < 0:
                        labels[images[g]] = orbits
                        size += 1
                found[0, orbits] = row + z
                found[1, orbits] = size
                orbits += 1
    return orbits


@bare
def smallest_box(
    boxes: Array, corners: Array, shape: Array, starts: Array, points: Array, least: Array, order: Array, best: Array
) -> int:
    """Find the smallest box that holds at least one point of every orbit.

    Parameters
    ----------
    boxes : (m, 3) int64
        Sizes to try, by increasing volume.
    corners : (3, k) int64
        Coordinates of the first corner to try along each axis, in order of preference.
    shape : (3,) int64
        Shape of the grid.
    starts : (n + 1,) int64
        Orbit i owns ``points[starts[i]:starts[i + 1]]``.
    points : (N, 3) int64
        Grid points, orbit by orbit.
    least : (3, k) int64
        All 0; work space: the smallest size along each axis, from each corner.
    order : (n,) int64
        Numbers of the orbits; work space.
    best : (6,) int64
        Overwritten: origin and size of the smallest box.

    Returns
    -------
    int
        Volume of that box.
    """
    n = len(starts) - 1
    for axis in range(3):
        for c in range(corners.shape[1]):
            for i in range(n):
                nearest = shape[axis]
                for p in range(starts[i], starts[i + 1]):
                    d = points[p, axis] - corners[axis, c]
                    nearest = min(nearest, d + shape[axis] if d < 0 else d)
                least[axis, c] = max(least[axis, c], nearest + 1)
    smallest: int = shape[0] * shape[1] * shape[2] + 1
    for c0 in range(corners.shape[1]):
        for c1 in range(corners.shape[1]):
            for c2 in range(corners.shape[1]):
                if least[0, c0] * least[1, c1] * least[2, c2] >= smallest:
                    continue
                for m in range(len(boxes)):
                    b0, b1, b2 = boxes[m]
                    if b0 * b1 * b2 >= smallest:
                        break
                    if b0 < least[0, c0] or b1 < least[1, c1] or b2 < least[2, c2]:
                        continue
                    complete = True
                    # an orbit that the last boxes missed is likely to be missed by this one
                    for step in range(n):
                        i = order[step]
                        inside = False
                        for p in range(starts[i], starts[i + 1]):
                            d0 = points[p, 0] - corners[0, c0]
                            d1 = points[p, 1] - corners[1, c1]
                            d2 = points[p, 2] - corners[2, c2]
                            d0 += shape[0] if d0 < 0 else 0
                            d1 += shape[1] if d1 < 0 else 0
                            d2 += shape[2] if d2 < 0 else 0
                            if d0 < b0 and d1 < b1 and d2 < b2:
                                inside = True
                                break
                        if not inside:
                            complete = False
                            for q in range(step, 0, -1):
                                order[q] = order[q - 1]
                            order[0] = i
                            break
                    if complete:
                        smallest = b0 * b1 * b2
                        best[0], best[1], best[2] = corners[0, c0], corners[1, c1], corners[2, c2]
                        best[3], best[4], best[5] = b0, b1, b2
                        break
    return smallest


@bare
def tighten_box(labels: Array, shape: Array, inside: Array, layer: Array, corner: Array, box: Array) -> None:
    """Take layers off a box as long as every orbit keeps a member in it.

    Parameters
    ----------
    labels : (N0, N1, N2) int32
        Orbit number of every point.
    shape : (3,) int64
        Shape of the grid.
    inside : (n,) int32
        Work space: number of members in the box; zero on entry.
    layer : (2, 3) int64
        Work space: where a layer begins and ends.
    corner, box : (3,) int64
        First corner and size of the box, which may wrap around the cell; updated.
    """
    first, last = layer[0], layer[1]
    for x in range(corner[0], corner[0] + box[0]):
        for y in range(corner[1], corner[1] + box[1]):
            row = labels[x % shape[0], y % shape[1]]
            for z in range(corner[2], corner[2] + box[2]):
                inside[row[z if z < shape[2] else z - shape[2]]] += 1
    for axis in range(3):
        for side in range(2):
            while box[axis] > 1:
                for i in range(3):
                    first[i] = corner[i]
                    last[i] = corner[i] + box[i]
                if side == 0:
                    first[axis] = last[axis] - 1
                else:
                    last[axis] = first[axis] + 1
                needed = False
                for change in (-1, 1):
                    for x in range(first[0], last[0]):
                        for y in range(first[1], last[1]):
                            row = labels[x % shape[0], y % shape[1]]
                            for z in range(first[2], last[2]):
                                label = row[z if z < shape[2] else z - shape[2]]
                                inside[label] += change
                                needed |= inside[label] == 0
                    if not needed:
                        break
                if needed:
                    break
                box[axis] -= 1
                corner[axis] += side
    for i in range(3):
        corner[i] %= shape[i]


@bare
def renumber_orbits(
    labels: Array, multiplicity: Array, shape: Array, corner: Array, box: Array, place: Array, found: Array
) -> None:
    """Number the orbits anew by their first point in a box that holds a member of each, in C order of the box.

    Parameters
    ----------
    labels : (N0, N1, N2) int32
        Orbit number of every point; updated.
    multiplicity : (n,) int32
        Sizes of the orbits, by their old numbers.
    shape, corner, box : (3,) int64
        Shape of the grid; first corner and size of the box, which may wrap around the cell.
    place : (n,) int32
        Work space, -1 on entry: new number of every orbit.
    found : (2, n) int32
        Overwritten: first point in the box and size of every orbit.
    """
    orbits = 0
    for b0 in range(box[0]):
        x = (corner[0] + b0) % shape[0]
        for b1 in range(box[1]):
            y = (corner[1] + b1) % shape[1]
            for b2 in range(box[2]):
                z = corner[2] + b2
                z -= shape[2] if z >= shape[2] else 0
                label = labels[x, y, z]
                if place[label] < 0:
                    place[label] = orbits
                    found[0, orbits] = (x * shape[1] + y) * shape[2] + z
                    found[1, orbits] = multiplicity[label]
                    orbits += 1
    flat = labels.reshape(-1)
    for p in range(len(flat)):
        flat[p] = place[flat[p]]


@bare
def orbit_means(
    rho: Array, labels: Array, points: Array, multiplicity: Array, work: Array, means: Array, extremes: Array
) -> None:
    """Average densities over orbits, in float64, as deviations from the representatives: equal values stay as they are.

    Parameters
    ----------
    rho : (b, N) float
        Densities.
    labels : (N,) int32
        Orbit number of every point.
    points, multiplicity : (n,) int
        Representatives and sizes of the orbits.
    work : (3, n) float64
        Work space.
    means : (b, n) float64
        Overwritten: orbit means.
    extremes : (b, 2) float64
        Overwritten: largest difference between two values of an orbit, largest absolute value; NaN or infinite where
        a value is.
    """
    first, least, most = work[0], work[1], work[2]
    for b in range(rho.shape[0]):
        mean = means[b]
        for k in range(len(points)):
            first[k] = least[k] = most[k] = rho[b, points[k]]
            mean[k] = 0.0
        for p in range(rho.shape[1]):
            k, value = labels[p], rho[b, p]
            mean[k] += value - first[k]
            least[k] = min(least[k], value)
            most[k] = max(most[k], value)
        spread, largest, total = 0.0, 0.0, 0.0
        for k in range(len(points)):
            spread = max(spread, most[k] - least[k])
            largest = max(largest, abs(least[k]), abs(most[k]))
            mean[k] = first[k] + mean[k] / multiplicity[k]
            total += mean[k]
        extremes[b, 0] = spread if total - total == 0.0 else total
        extremes[b, 1] = largest


@bare
def take_labels(values: Array, labels: Array, out: Array) -> None:
    """Overwrite `out` (b, N) with the value (b, n) of each point's label (N,)."""
    for b in range(len(values)):
        for p in range(len(labels)):
            out[b, p] = values[b, np.uint32(labels[p])]


@bare
def orbit_spreads(
    rho: Array, shape: Array, operators: Array, signs: Array, images: Array, done: Array, first: Array, spread: Array
) -> int:
    """Find the orbits on which a density is not constant, up to the signs of the operators.

    Parameters
    ----------
    rho : (N0 N1 N2,) float64
        Density.
    shape : (3,) int64
        Shape of the grid.
    operators : (12, g) int32
        The operators, as in :func:`label_orbits`, of a group.
    signs : (g,) float64
        One-dimensional representation of the group, +1 or -1.
    images : (g,) int32
        Work space.
    done : (N0 N1 N2,) bool
        All False; overwritten.
    first, spread : (N0 N1 N2,) int32 and float64
        Overwritten from the beginning: first point r of an orbit, difference of the extremes of sign · rho(gr).

    Returns
    -------
    int
        Number of these orbits.
    """
    n0, n1, n2 = shape
    order = operators.shape[1]
    r0, r1, r2 = 1.0 / n0, 1.0 / n1, 1.0 / n2
    count = 0
    for x in range(n0):
        for y in range(n1):
            for z in range(n2):
                p = (x * n1 + y) * n2 + z
                if done[p]:
                    continue
                for g in range(order):
                    images[g] = image(operators, g, x, y, z, n0, n1, n2, r0, r1, r2)
                least = most = rho[p]
                for g in range(order):
                    done[images[g]] = True
                    value = signs[g] * rho[images[g]]
                    least, most = min(least, value), max(most, value)
                if most > least:
                    first[count], spread[count] = p, most - least
                    count += 1
    return count


@bare
def largest_changes(
    rho: Array,
    shape: Array,
    operators: Array,
    signs: Array,
    images: Array,
    values: Array,
    first: Array,
    active: Array,
    residuals: Array,
) -> None:
    """Raise the largest change of a density under some operators of a group to what it is on given orbits.

    Two values of an orbit differ by no more than twice what the one farther from the middle of its extremes differs
    from that. So only points are visited that are far from it, and of each pair (r, gr) perhaps only one: the change
    under an operator and under its inverse must be compared afterwards.

    Parameters
    ----------
    rho, shape, operators, signs, images
        As in :func:`orbit_spreads`.
    values : (g,) float64
        Work space.
    first : (m,) int32
        A point of each orbit.
    active : (a,) int64
        Numbers of the operators that count.
    residuals : (g,) float64
        Largest |rho(gr) - sign · rho(r)| so far; raised.
    """
    n0, n1, n2 = shape
    order = operators.shape[1]
    r0, r1, r2 = 1.0 / n0, 1.0 / n1, 1.0 / n2
    for k in range(len(first)):
        x, y, z = first[k] // (n1 * n2), first[k] // n2 % n1, first[k] % n2
        least = most = rho[first[k]]
        for h in range(order):
            images[h] = image(operators, h, x, y, z, n0, n1, n2, r0, r1, r2)
            values[h] = signs[h] * rho[images[h]]
            least, most = min(least, values[h]), max(most, values[h])
        found = residuals[active[0]]
        for a in range(len(active)):
            found = min(found, residuals[active[a]])
        for h in range(order):
            if 2 * max(most - values[h], values[h] - least) - (most - least) < found:
                continue
            i0, i1, i2 = images[h] // (n1 * n2), images[h] // n2 % n1, images[h] % n2
            value = rho[images[h]]
            for a in range(len(active)):
                g = active[a]
                moved = image(operators, g, i0, i1, i2, n0, n1, n2, r0, r1, r2)
                residuals[g] = max(residuals[g], abs(rho[moved] - signs[g] * value))


@bare
def odd_changes(rho: Array, shape: Array, operators: Array, points: Array, active: Array, residuals: Array) -> None:
    """Raise max |rho(gr) + rho(r)| of some operators to what it is at given points r; arrays as above."""
    n0, n1, n2 = shape
    r0, r1, r2 = 1.0 / n0, 1.0 / n1, 1.0 / n2
    for k in range(len(points)):
        x, y, z = points[k] // (n1 * n2), points[k] // n2 % n1, points[k] % n2
        for a in range(len(active)):
            g = active[a]
            moved = image(operators, g, x, y, z, n0, n1, n2, r0, r1, r2)
            residuals[g] = max(residuals[g], abs(rho[moved] + rho[points[k]]))


@bare
def odd_residual(rho: Array, shape: Array, operator: Array, residuals: Array) -> None:
    """Set the first of `residuals` to max |rho(gr) + rho(r)| for one operator in grid units, (12,) int64: rows of W'
    and then w'.
    """
    n0, n1, n2 = shape
    step0, step1, step2 = operator[2] % n0, operator[5] % n1, operator[8] % n2
    residual = 0.0
    p = 0
    for x in range(n0):
        for y in range(n1):
            u0 = (operator[0] * x + operator[1] * y + operator[9]) % n0
            u1 = (operator[3] * x + operator[4] * y + operator[10]) % n1
            u2 = (operator[6] * x + operator[7] * y + operator[11]) % n2
            for _ in range(n2):
                residual = max(residual, abs(rho[(u0 * n1 + u1) * n2 + u2] + rho[p]))
                p += 1
                u0 += step0
                u1 += step1
                u2 += step2
                u0 -= n0 if u0 >= n0 else 0
                u1 -= n1 if u1 >= n1 else 0
                u2 -= n2 if u2 >= n2 else 0
    residuals[0] = residual
