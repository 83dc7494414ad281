"""Compiled loops that divide the orbits of a grid among the maxima of a density, on bare arrays.

Neighbours are found in three tables: the point behind facet s of the point (i, j, k) has the number
``first[s, i] + second[s, j] + third[s, k]`` in C order, and ``labels`` gives its orbit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symfft._array_types import Array
from symfft._compile import kernel

#: What a point is: with a higher neighbour; a maximum; one with equal neighbours but no higher ones; vacuum.
SLOPE, MAXIMUM, FLAT, VACUUM = 0, 1, 2, 3
#: The weights of a point stand in the pool.
SHARED = -2
#: Sizes of lists that are used again once they are free.
SIZES = 64
#: Added to every flow, so that none is zero.
TINY = 1e-300
#: A list that is never freed.
FOREVER = 2**31 - 1


@kernel
def find_slopes(
    values: Array,
    points: Array,
    labels: Array,
    shape: Array,
    first: Array,
    second: Array,
    third: Array,
    vacuum: Any,
    state: Array,
    reads: Array,
) -> None:
    """Tell slopes, maxima, flat points and vacuum, and count how often each orbit will be read.

    Parameters
    ----------
    values : (n,) float64
        Density of the orbits.
    points : (n,) int
        A point of each orbit, numbered in C order.
    labels : (N,) int32
        Orbit of every point.
    shape : (3,) int64
        Grid.
    first, second, third : (f, N0), (f, N1), (f, N2) int64
        Tables of neighbours.
    vacuum : float
        Points below are not looked at.
    state : (n,) uint8
        Filled.
    reads : (n,) int32
        Zeros; how many lower neighbours the orbit has, over the representatives of all others.
    """
    n2 = shape[2]
    n12 = shape[1] * n2
    for k in range(len(values)):
        value = values[k]
        if value < vacuum:
            state[k] = VACUUM
            continue
        p = points[k]
        i = p // n12
        j = p // n2 - i * shape[1]
        h = p % n2
        higher: Any = False
        equal: Any = False
        for s in range(len(first)):
            q = first[s, i] + second[s, j] + third[s, h]
            m = labels[q]
            if values[m] > value:
                higher = True
                reads[m] += 1
            elif values[m] == value and q != p:
                equal = True
        state[k] = SLOPE if higher else FLAT if equal else MAXIMUM


@kernel
def find_plateaus(
    values: Array,
    points: Array,
    labels: Array,
    shape: Array,
    first: Array,
    second: Array,
    third: Array,
    state: Array,
    component: Array,
    stack: Array,
    drains: Array,
) -> Any:
    """Number the connected sets of flat orbits of equal density; return how many there are.

    Parameters
    ----------
    values, points, labels, shape, first, second, third, state
        As in :func:`find_slopes`.
    component : (n,) int32
        -1 everywhere; number of the set of each flat orbit.
    stack : (n,) int32
        Workspace.
    drains : (n,) bool
        False everywhere; whether a set has a neighbour of equal density with a higher one beside it.
    """
    n2 = shape[2]
    n12 = shape[1] * n2
    count = 0
    for start in range(len(values)):
        if state[start] != FLAT or component[start] >= 0:
            continue
        component[start] = count
        stack[0] = start
        height = 1
        while height > 0:
            height -= 1
            k = stack[height]
            p = points[k]
            i = p // n12
            j = p // n2 - i * shape[1]
            h = p % n2
            for s in range(len(first)):
                m = labels[first[s, i] + second[s, j] + third[s, h]]
                if values[m] != values[k]:
                    continue
                if state[m] == SLOPE:
                    drains[count] = True
                elif component[m] < 0:
                    component[m] = count
                    stack[height] = m
                    height += 1
        count += 1
    return count


@kernel
def spread_in_cell(
    values: Array, labels: Array, shape: Array, steps: Array, start: Any, visited: Array, queue: Array
) -> Any:
    """Visit the points of one connected set of equal density in the whole cell; return their number.

    Parameters
    ----------
    values, labels, shape
        As in :func:`find_slopes`.
    steps : (f, 3) int64
        Grid steps to the neighbours.
    start : int
        A point of it.
    visited : (N,) bool
        False everywhere; marked.
    queue : (N, 3) int64
        The points, as they were reached without going around the cell.
    """
    n1, n2 = shape[1], shape[2]
    value = values[labels[start]]
    queue[0, 0] = start // (n1 * n2)
    queue[0, 1] = start // n2 % n1
    queue[0, 2] = start % n2
    visited[start] = True
    count = 1
    at = 0
    while at < count:
        for s in range(len(steps)):
            i = queue[at, 0] + steps[s, 0]
            j = queue[at, 1] + steps[s, 1]
            h = queue[at, 2] + steps[s, 2]
            q = (i % shape[0] * n1 + j % n1) * n2 + h % n2
            if not visited[q] and values[labels[q]] == value:
                visited[q] = True
                queue[count, 0] = i
                queue[count, 1] = j
                queue[count, 2] = h
                count += 1
        at += 1
    return count


@kernel
def collect(
    m: Any,
    flow: Any,
    owner: Array,
    begin: Array,
    size: Array,
    who: Array,
    share: Array,
    sums: Array,
    met: Array,
    n: Any,
) -> Any:
    """Add the weights of an orbit times a flow to the sums, -1 where not met; return how many have been met."""
    if owner[m] >= 0:
        b = owner[m]
        if sums[b] < 0.0:
            met[n] = b
            n += 1
            sums[b] = 0.0
        sums[b] += flow
        return n
    for e in range(begin[m], begin[m] + size[m]):
        b = who[e]
        if sums[b] < 0.0:
            met[n] = b
            n += 1
            sums[b] = 0.0
        sums[b] += flow * share[e]
    return n


@kernel
def divide(
    order: Array,
    values: Array,
    points: Array,
    labels: Array,
    shape: Array,
    first: Array,
    second: Array,
    third: Array,
    conductance: Array,
    multiplicity: Array,
    state: Array,
    reads: Array,
    component: Array,
    members: Array,
    member_start: Array,
    drains: Array,
    region: Array,
    smallest: Any,
    fields: Array,
    totals: Array,
    wanted: Any,
    weights: Array,
) -> Any:
    """Give every orbit the weights of its higher neighbours in proportion to what flows there; add up fields.

    Parameters
    ----------
    order : (n,) int
        Orbits by falling density; of equal ones the flat last.
    values, points, labels, shape, first, second, third, state, reads, component, drains
        As in :func:`find_slopes` and :func:`find_plateaus`.
    conductance : (f,) float64
        Of the facets.
    multiplicity : (n,) int
        Points in each orbit.
    members, member_start : (flat,), (plateaus + 1,) int
        Orbits of each plateau.
    region : (n,) int32
        To which region a maximum, or a plateau that does not drain, belongs.
    smallest : float
        Weights below are left out, and the others enlarged to the sum 1.
    fields : (c, n) float64
        What to add up, summed over the points of each orbit.
    totals : (c, regions) float64
        Added to.
    wanted : int
        Region whose weights are wanted, or -1.
    weights : (n,) float64, or empty
        Its weights.

    Returns
    -------
    int
        Largest number of weights that had to be held at one time.
    """
    n2 = shape[2]
    n12 = shape[1] * n2
    n = len(values)
    owner = np.full(n, -1, np.int32)
    begin = np.zeros(n, np.int64)
    size = np.zeros(n, np.int32)
    who = np.empty(1024, np.int32)
    share = np.empty(1024, np.float64)
    free = np.full(SIZES, -1, np.int64)
    end = 0
    sums = np.full(totals.shape[1], -1.0)
    met = np.empty(totals.shape[1], np.int32)
    leader = np.full(len(member_start), -1, np.int64)
    for k in order:
        if state[k] == VACUUM:
            break
        c: Any = component[k]
        found = 0
        if state[k] == MAXIMUM or (state[k] == FLAT and not drains[c]):
            owner[k] = region[k]
        elif state[k] == FLAT and leader[c] >= 0:
            owner[k] = owner[leader[c]]
            begin[k] = begin[leader[c]]
            size[k] = size[leader[c]]
            reads[k] = FOREVER
        else:
            one: Any = state[k] == SLOPE
            for a in range(0 if one else member_start[c], 1 if one else member_start[c + 1]):
                here = k if one else members[a]
                p = points[here]
                i = p // n12
                j = p // n2 - i * shape[1]
                h = p % n2
                for s in range(len(first)):
                    m = labels[first[s, i] + second[s, j] + third[s, h]]
                    if one:
                        if values[m] <= values[k]:
                            continue
                        flow = conductance[s] * (values[m] - values[k]) + TINY
                    else:
                        if values[m] != values[k] or state[m] != SLOPE:
                            continue
                        flow = conductance[s] * multiplicity[here]
                    found = collect(m, flow, owner, begin, size, who, share, sums, met, found)
                    if one and owner[m] == SHARED and reads[m] != FOREVER:
                        reads[m] -= 1
                        if reads[m] == 0 and size[m] < SIZES:
                            who[begin[m]] = -1
                            share[begin[m]] = np.float64(free[size[m]])
                            free[size[m]] = begin[m]
            total = 0.0
            for t in range(found):
                total += sums[met[t]]
            # the largest weight is never left out
            large = 0
            kept = 0.0
            for t in range(found):
                b = met[t]
                if sums[b] >= smallest * total:
                    kept += sums[b]
                    met[large] = b
                    large += 1
                else:
                    sums[b] = -1.0
            if large == 1:
                owner[k] = met[0]
                sums[met[0]] = -1.0
            else:
                owner[k] = SHARED
                size[k] = large
                if large < SIZES and free[large] >= 0:
                    begin[k] = free[large]
                    free[large] = np.int64(share[begin[k]])
                else:
                    if end + large > len(who):
                        more = 2 * len(who) + large
                        new_who = np.empty(more, np.int32)
                        new_share = np.empty(more, np.float64)
                        new_who[:end] = who[:end]
                        new_share[:end] = share[:end]
                        who = new_who
                        share = new_share
                    begin[k] = end
                    end += large
                for t in range(large):
                    b = met[t]
                    who[begin[k] + t] = b
                    share[begin[k] + t] = sums[b] / kept
                    sums[b] = -1.0
            if not one:
                leader[c] = k
                reads[k] = FOREVER
        if owner[k] >= 0:
            for f in range(len(fields)):
                totals[f, owner[k]] += fields[f, k]
            if owner[k] == wanted:
                weights[k] = 1.0
        else:
            for e in range(begin[k], begin[k] + size[k]):
                for f in range(len(fields)):
                    totals[f, who[e]] += share[e] * fields[f, k]
                if who[e] == wanted:
                    weights[k] = share[e]
    return end
