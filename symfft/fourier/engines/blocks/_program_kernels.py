"""The compiled loop that runs a program; see :mod:`program` for what its steps mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft._compile import inlined, kernel
from symfft._compile.blas import multiply
from symfft._compile.lanes import LANES, gather, interleave_high, interleave_low, load, spread, store
from symfft.fourier.engines.blocks.program import (
    FOLD,
    LEFT,
    LEFT_EACH,
    READ_COMPLEX,
    READ_FOLD,
    READ_SCALED,
    RIGHT,
    TAKE,
    TAKE_FOLD,
    TAKE_SIGNED,
    WRITE,
    WRITE_COMPLEX,
)

Array = NDArray[Any]

#: Columns that are folded together: all rows of as many fit the first cache or nearly so.
TILE = 256


@inlined
def four(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Return the Walsh-Hadamard transform of four numbers or vectors."""
    a, b, c, d = a + b, a - b, c + d, c - d
    return a + c, b + d, a - c, b - d


@kernel
def fold_two(work: Array, at: Any, step: Any, columns: Any) -> None:
    """Fold two rows of a matrix, `step` apart."""
    i = at
    while i + LANES <= at + columns:
        a, b = load(work, i), load(work, i + step)
        store(work, i, a + b)
        store(work, i + step, a - b)
        i += LANES
    while i < at + columns:
        work[i], work[i + step] = work[i] + work[i + step], work[i] - work[i + step]
        i += 1


@kernel
def fold_four(work: Array, at: Any, step: Any, columns: Any) -> None:
    """Fold four rows of a matrix, `step` apart."""
    p, q, r = step, 2 * step, 3 * step
    i = at
    while i + LANES <= at + columns:
        a, b, c, d = four(load(work, i), load(work, i + p), load(work, i + q), load(work, i + r))
        store(work, i, a)
        store(work, i + p, b)
        store(work, i + q, c)
        store(work, i + r, d)
        i += LANES
    while i < at + columns:
        work[i], work[i + p], work[i + q], work[i + r] = four(work[i], work[i + p], work[i + q], work[i + r])
        i += 1


@kernel
def fold_eight(work: Array, at: Any, step: Any, columns: Any) -> None:
    """Fold eight rows of a matrix, `step` apart."""
    p, q, r, h = step, 2 * step, 3 * step, 4 * step
    i = at
    while i + LANES <= at + columns:
        a, b, c, d = four(load(work, i), load(work, i + p), load(work, i + q), load(work, i + r))
        j = i + h
        e, f, g, k = four(load(work, j), load(work, j + p), load(work, j + q), load(work, j + r))
        store(work, i, a + e)
        store(work, i + p, b + f)
        store(work, i + q, c + g)
        store(work, i + r, d + k)
        store(work, j, a - e)
        store(work, j + p, b - f)
        store(work, j + q, c - g)
        store(work, j + r, d - k)
        i += LANES
    while i < at + columns:
        j = i + h
        x, y, z, w = four(work[i], work[i + p], work[i + q], work[i + r])
        s, t, u, v = four(work[j], work[j + p], work[j + q], work[j + r])
        work[i], work[i + p], work[i + q], work[i + r] = x + s, y + t, z + u, w + v
        work[j], work[j + p], work[j + q], work[j + r] = x - s, y - t, z - u, w - v
        i += 1


@kernel
def fold(work: Array, at: Any, rows: Any, columns: Any, start: Any, stop: Any) -> None:
    """Walsh-Hadamard transform over the rows of a matrix, some columns of it, in place, up to three steps at a time."""
    half = 1
    while half < rows:
        radix = min(rows // half, 8)
        for i in range(0, rows, radix * half):
            for j in range(i, i + half):
                first = at + j * columns + start
                if radix == 8:
                    fold_eight(work, first, half * columns, stop - start)
                elif radix == 4:
                    fold_four(work, first, half * columns, stop - start)
                else:
                    fold_two(work, first, half * columns, stop - start)
        half *= radix


@kernel
def write_complex(work: Array, table: Array, factor: Array, out: Array) -> None:
    """Fill the complex numbers ``out[i] = factor work[table[i]]``, all complex ones as pairs."""
    re, im = spread(factor, 0), spread(factor, 1)
    i = 0
    while i + LANES <= table.size:
        x = gather(work, table, i)
        a, b = re * x, im * x
        store(out, 2 * i, interleave_low(a, b))
        store(out, 2 * i + LANES, interleave_high(a, b))
        i += LANES
    while i < table.size:
        out[2 * i], out[2 * i + 1] = factor[0] * work[table[i]], factor[1] * work[table[i]]
        i += 1


@kernel
def run(
    steps: Array, table: Array, signs: Array, constants: Array, scale: Any, work: Array, rows: Array, out: Array
) -> None:
    """Run the steps of a program on every row of the input."""
    work[0] = 0
    one_and_zero, factors = np.empty(2, dtype=work.dtype), np.empty(2, dtype=work.dtype)
    one_and_zero[0], one_and_zero[1] = 1, 0
    for b in range(rows.shape[0]):
        source, target = rows[b], out[b]
        for s in range(steps.shape[0]):
            code, to, a0, a1, a2, a3, at, times = steps[s]
            if code == TAKE:
                t, w = table[a1 : a1 + a0], work[to : to + a0]
                for i in range(a0):
                    w[i] = work[t[i]]
            elif code == TAKE_SIGNED:
                t, w, m = table[a1 : a1 + a0], work[to : to + a0], signs[a2 : a2 + a0]
                for i in range(a0):
                    w[i] = m[i] * work[t[i]]
            elif code == READ_FOLD:
                w2 = work[to : to + a0 * a1].reshape(a0, a1)
                t2 = table[a2 : a2 + a0 * a1].reshape(a0, a1)
                for start in range(0, a1, TILE):
                    stop = min(start + TILE, a1)
                    for r in range(a0):
                        t, w = t2[r, start:stop], w2[r, start:stop]
                        for i in range(stop - start):
                            w[i] = source[t[i]]
                    fold(work, to, a0, a1, start, stop)
            elif code == TAKE_FOLD:
                w2 = work[to : to + a0 * a1].reshape(a0, a1)
                t2 = table[a2 : a2 + a0 * a1].reshape(a0, a1)
                m2 = signs[a3 : a3 + a0 * a1].reshape(a0, a1)
                for start in range(0, a1, TILE):
                    stop = min(start + TILE, a1)
                    for r in range(a0):
                        t, w, m = t2[r, start:stop], w2[r, start:stop], m2[r, start:stop]
                        for i in range(stop - start):
                            w[i] = m[i] * work[t[i]]
                    fold(work, to, a0, a1, start, stop)
            elif code == FOLD:
                for start in range(0, a1, TILE):
                    fold(work, to, a0, a1, start, min(start + TILE, a1))
            elif code == READ_SCALED:
                t, w, factor = table[a1 : a1 + a0], work[to : to + a0], constants[a2]
                for i in range(a0):
                    w[i] = factor * source[t[i]]
            elif code == READ_COMPLEX:
                t, w = table[a1 : a1 + a0], work[to : to + a0]
                re, im = constants[a2], constants[a2 + 1]
                for i in range(a0):
                    w[i] = re * source[2 * t[i]] - im * source[2 * t[i] + 1]
            elif code == LEFT:
                multiply(constants[a3:], work[at:], work[to:], a0, a1, a2, one_and_zero)
            elif code == LEFT_EACH:
                for i in range(times):
                    multiply(
                        constants[a3:], work[at + i * a1 * a2 :], work[to + i * a0 * a2 :], a0, a1, a2, one_and_zero
                    )
            elif code == RIGHT:
                multiply(work[at:], constants[a3:], work[to:], a0, a1, a2, one_and_zero)
            elif code == WRITE:
                t = table[a1 : a1 + a0]
                for i in range(a0):
                    target[i] = scale * work[t[i]]
            elif code == WRITE_COMPLEX:
                t, v = table[a1 : a1 + a0], target[2 * to : 2 * (to + a0)]
                factors[0], factors[1] = scale * constants[a2], scale * constants[a2 + 1]
                write_complex(work, t, factors, v)
            else:
                t, u, v = table[a1 : a1 + a0], table[a1 + a0 : a1 + 2 * a0], target[2 * to : 2 * (to + a0)]
                re, im = scale * constants[a2], scale * constants[a2 + 1]
                re2, im2 = scale * constants[a2 + 2], scale * constants[a2 + 3]
                for i in range(a0):
                    x, y = work[t[i]], work[u[i]]
                    v[2 * i] = re * x + re2 * y
                    v[2 * i + 1] = im * x + im2 * y
