"""The compiled loop that runs a program; see :mod:`program` for what its steps mean."""

from __future__ import annotations

from typing import Any

from symfft._array_types import Array
from symfft._compile import bare, inlined
from symfft._compile.blas import multiply
from symfft._compile.lanes import LANES, element, fill, gather, interleave_high, interleave_low, load, store
from symfft.fourier._thread_kernels import share
from symfft.fourier.engines.blocks.opcodes import (
    FOLD,
    LEFT,
    READ_COMPLEX,
    READ_FOLD,
    READ_SCALED,
    RIGHT,
    TAKE,
    TAKE_FOLD,
    TAKE_SIGNED,
    WRITE,
    WRITE_COMPLEX,
    Step,
)

#: Columns that are folded together: all rows of as many fit the first cache or nearly so.
TILE = 256
#: Integers of a step.
STEP = len(Step._fields)


@inlined
def four(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Return the Walsh-Hadamard transform of four numbers or vectors."""
    a, b, c, d = a + b, a - b, c + d, c - d
    return a + c, b + d, a - c, b - d


@bare
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


@bare
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


@bare
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


@bare
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


@bare
def write_complex(work: Array, table: Array, re: Any, im: Any, out: Array, first: Any, last: Any) -> None:
    """Fill the complex numbers ``out[i] = (re + i im) work[table[i]]``, all complex ones as pairs."""
    i = first
    while i + LANES <= last:
        x = gather(work, table, i)
        a, b = fill(work, re) * x, fill(work, im) * x
        store(out, 2 * i, interleave_low(a, b))
        store(out, 2 * i + LANES, interleave_high(a, b))
        i += LANES
    while i < last:
        out[2 * i], out[2 * i + 1] = re * work[table[i]], im * work[table[i]]
        i += 1


@inlined
def read_step(steps: Any, at: Any) -> Any:
    """Return the step that begins at a place."""
    return Step(*(element(steps, at + i) for i in range(STEP)))


@bare
def run(
    steps: Array,
    tables: Array,
    signs: Array,
    constants: Array,
    scale: Any,
    items: Array,
    after: Array,
    work: Array,
    offset: Any,
    rows: Array,
    out: Array,
    board: Array,
    looks: Any,
) -> None:
    """Run a program on every row of the input."""
    share(run_item, (steps, tables, signs, constants, scale), items, after, work, offset, rows, out, board, looks)


@bare
def run_item(program: Any, item: Array, work: Array, shift: Any, source: Array, target: Array, rows: Any) -> None:
    """Run the steps of an item on a row of the input."""
    steps, tables, signs, constants, scale = program
    part, parts = item[2], item[3]
    for s in range(item[0], item[1]):
        step = read_step(steps, STEP * s)
        code, to, columns, at = step.code, step.to, step.columns, step.at
        first, last = columns * part // parts, columns * (part + 1) // parts
        t, w = tables[step.table :], work[to:]
        if code == TAKE:
            for i in range(columns):
                w[i] = work[t[i]]
        elif code == TAKE_SIGNED:
            m = signs[step.signs :]
            for i in range(columns):
                w[i] = m[i] * work[t[i]]
        elif code == READ_FOLD:
            for start in range(first, last, TILE):
                stop = min(start + TILE, last)
                for r in range(step.rows):
                    x, y = t[r * columns + start :], w[r * columns + start :]
                    for i in range(stop - start):
                        y[i] = source[x[i]]
                fold(work, to, step.rows, columns, start, stop)
        elif code == TAKE_FOLD:
            m = signs[step.signs :]
            for start in range(first, last, TILE):
                stop = min(start + TILE, last)
                for r in range(step.rows):
                    x, y, z = t[r * columns + start :], w[r * columns + start :], m[r * columns + start :]
                    for i in range(stop - start):
                        y[i] = z[i] * work[x[i]]
                fold(work, to, step.rows, columns, start, stop)
        elif code == FOLD:
            for start in range(first, last, TILE):
                fold(work, to, step.rows, columns, start, min(start + TILE, last))
        elif code == READ_SCALED:
            factor = constants[step.constants]
            for i in range(columns):
                w[i] = factor * source[t[i]]
        elif code == READ_COMPLEX:
            re, im = constants[step.constants], constants[step.constants + 1]
            for i in range(columns):
                w[i] = re * source[2 * t[i]] - im * source[2 * t[i] + 1]
        elif code == LEFT:
            for i in range(step.times):
                multiply(
                    constants[step.constants :],
                    work[at + i * step.inner * columns :],
                    work[to + i * step.rows * columns :],
                    step.rows,
                    step.inner,
                    columns,
                    constants,
                )
        elif code == RIGHT:
            multiply(work[at:], constants[step.constants :], w, step.rows, step.inner, columns, constants)
        elif code == WRITE:
            for i in range(first, last):
                target[i] = scale * work[t[i]]
        elif code == WRITE_COMPLEX:
            re, im = scale * constants[step.constants], scale * constants[step.constants + 1]
            write_complex(work, t, re, im, target[2 * to :], first, last)
        else:
            u, v, k = t[columns:], target[2 * to :], step.constants
            re, im = scale * constants[k], scale * constants[k + 1]
            re2, im2 = scale * constants[k + 2], scale * constants[k + 3]
            for i in range(first, last):
                x, y = work[t[i]], work[u[i]]
                v[2 * i] = re * x + re2 * y
                v[2 * i + 1] = im * x + im2 * y
