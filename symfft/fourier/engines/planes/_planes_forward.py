"""Compiled loops of the plane stage, sixteen planes at a time: see :mod:`symfft.fourier.engines.planes.program`."""

from __future__ import annotations

from typing import Any

import numpy as np

from symfft._array_types import Array
from symfft._compile import bare, embedded
from symfft._compile.lanes import fill, fma, gather, load, prefetch, reverse, spread, store
from symfft.fourier.engines.planes._fft import fft
from symfft.fourier.engines.planes._plane_steps import hadamard, product
from symfft.fourier.engines.planes._radices import HALF, ROW
from symfft.fourier.engines.planes.opcodes import (
    DOWNWARDS,
    HALVING,
    HEAD,
    MATRIX,
    STEP,
    TRANSFORM,
    UPWARDS,
    read_decimation,
    read_halving,
    read_head,
    read_matrix,
    read_place,
    read_transform,
)


@bare
def planes_forward(
    values: Array,
    memory: Array,
    program: Array,
    at: Any,
    labels: Array,
    reals: Array,
    first: Any,
    last: Any,
    shift: Any,
) -> None:
    """Transform planes of an asymmetric unit.

    Parameters
    ----------
    values : (n,) float
        Values on the asymmetric unit.
    memory : 1-D float
        Work space, and the rows that come out.
    program, at, labels, reals : 1-D int64, int, 1-D int32, 1-D float
        See :mod:`symfft.fourier.engines.planes.program`; the plane stage begins at `at`.
    first, last : int
        Which chunks of sixteen planes, of all kinds in sequence.
    shift : int
        By how many chunks the rows that come out lie farther than the program says.
    """
    kinds = program[at]
    at += 1
    for _ in range(kinds):
        head = read_head(program, at)
        at += HEAD
        for chunk in range(max(first, 0), min(last, head.chunks)):
            width = HALF if head.planes - ROW * chunk <= HALF else ROW
            for step in range(head.steps):
                op = at + STEP * step
                place = read_place(program, op)
                out = place.start + place.chunk_step * (chunk + shift)
                to = (out, place.row_step, place.part_step)
                kind = program[op]
                if kind == TRANSFORM:
                    if width == HALF and not read_transform(program, op).centred:
                        _half_transform(values, memory, program, op, labels, reals, chunk, to)
                    else:
                        _transform(values, memory, program, op, labels, reals, chunk, width, to)
                elif kind == MATRIX:
                    _matrix(values, memory, program, op, labels, reals, chunk, width, to)
                elif kind == HALVING:
                    _halving(memory, program, op, reals, width, to)
                else:
                    _decimation(memory, program, op, reals, width, to)
        first, last = first - head.chunks, last - head.chunks
        at += STEP * head.steps


@embedded
def _fetch(values: Array, program: Array, labels: Array, at: Any) -> Any:
    """Return eight values: a run upwards, a run downwards, or any."""
    code = program[at]
    start = code >> 2
    if code & 3 == UPWARDS:
        return load(values, start)
    if code & 3 == DOWNWARDS:
        return reverse(load(values, start), load(values, start))
    return gather(values, labels, start)


@bare
def _transform(
    values: Array, memory: Array, program: Array, op: Any, labels: Array, reals: Array, chunk: Any, width: Any, to: Any
) -> None:
    row, there = np.int64(ROW), np.int64(0)
    step, (out, row_step, part_step) = read_transform(program, op), to
    n0, n1, rows, centred, d0, phases = step.n0, step.n1, step.rows, step.centred, step.d0, step.phases
    grid, line, scratch, plan0, plan1 = step.grid, step.line, step.scratch, step.plan0, step.plan1
    at = step.labels + chunk * rows * n1 * 2
    room = scratch + 2 * max(n0, n1) * ROW
    for x0 in range(rows):
        for x1 in range(n1):
            p = at + (x0 * n1 + x1) * 2
            store(memory, room + x1 * ROW, _fetch(values, program, labels, p))
            store(memory, room + x1 * ROW + HALF, _fetch(values, program, labels, p + 1))
            if x0 + 1 < rows:
                prefetch(values, program[p + 2 * n1] >> 2)
                prefetch(values, program[p + 2 * n1 + 1] >> 2)
        fft(memory, room, row, grid + x0 * line, row, scratch, plan1, program, reals, there)
    columns = n1 // 2 + 1
    for k in range(columns):
        mate = (n1 - k) % n1
        if centred:
            _complete(memory, grid, line, room, n0, n1, rows, k, d0, phases, reals)
            spectrum = room + n0 * ROW
            fft(memory, room, row, spectrum, row, scratch, plan0, program, reals, there)
            for h in range(n0):
                q = phases + 2 * (n1 + k * n0 + h)
                c, s = spread(reals, q), spread(reals, q + 1)
                x, y = load(memory, spectrum + h * ROW), load(memory, spectrum + h * ROW + HALF)
                o = out + (k * n0 + h) * row_step
                store(memory, o, fma(x, c, -(y * s)))
                if width > HALF:
                    store(memory, o + HALF, fma(x, s, y * c))
            continue
        other = room
        fft(memory, grid + k * ROW, line, room, row, scratch, plan0, program, reals, there)
        if mate != k:
            other = room + n0 * ROW
            fft(memory, grid + mate * ROW, line, other, row, scratch, plan0, program, reals, there)
        half = fill(memory, 0.5)
        for h in range(n0):
            a, b = room + h * ROW, other + (n0 - h if h else 0) * ROW
            ax, ay = half * load(memory, a), half * load(memory, a + HALF)
            bx, by = half * load(memory, b), half * load(memory, b + HALF)
            o = out + (k * n0 + h) * row_step
            store(memory, o, ax + bx)
            store(memory, o + part_step, ay - by)
            store(memory, o + HALF, ay + by)
            store(memory, o + part_step + HALF, bx - ax)


@embedded
def _complete(
    memory: Array,
    grid: Any,
    line: Any,
    room: Any,
    n0: Any,
    n1: Any,
    rows: Any,
    k: Any,
    d0: Any,
    phases: Any,
    reals: Array,
) -> None:
    """Collect column k; rows that are not there come from their mates, Q(d - x0; k) = e(-k d1/n1) Q(x0; -k)."""
    mate = (n1 - k) % n1
    c, s = spread(reals, phases + 2 * k), spread(reals, phases + 2 * k + 1)
    for x0 in range(rows):
        a = grid + x0 * line + k * ROW
        store(memory, room + x0 * ROW, load(memory, a))
        store(memory, room + x0 * ROW + HALF, load(memory, a + HALF))
        y0 = (d0 - x0) % n0
        if y0 >= rows:
            b = grid + x0 * line + mate * ROW
            x, y = load(memory, b), load(memory, b + HALF)
            store(memory, room + y0 * ROW, fma(x, c, -(y * s)))
            store(memory, room + y0 * ROW + HALF, fma(x, s, y * c))


@bare
def _half_transform(
    values: Array, memory: Array, program: Array, op: Any, labels: Array, reals: Array, chunk: Any, to: Any
) -> None:
    row, there = np.int64(ROW), np.int64(0)
    step, (out, row_step, part_step) = read_transform(program, op), to
    n0, n1, grid, line, scratch = step.n0, step.n1, step.grid, step.line, step.scratch
    plan0, plan1, at = step.plan0, step.plan1, step.labels + chunk * n0 * n1 * 2
    room = scratch + 2 * max(n0, n1) * ROW
    spectrum = room + n1 * ROW
    columns = n1 // 2 + 1
    half = fill(memory, 0.5)
    for x0 in range(0, n0, 2):
        next_line = 1 if x0 + 1 < n0 else 0
        for x1 in range(n1):
            p = at + (x0 * n1 + x1) * 2
            store(memory, room + x1 * ROW, _fetch(values, program, labels, p))
            store(memory, room + x1 * ROW + HALF, _fetch(values, program, labels, p + 2 * next_line * n1))
        fft(memory, room, row, spectrum, row, scratch, plan1, program, reals, there)
        for k in range(columns):
            a, b = spectrum + k * ROW, spectrum + (n1 - k if k else 0) * ROW
            ax, ay = half * load(memory, a), half * load(memory, a + HALF)
            bx, by = half * load(memory, b), half * load(memory, b + HALF)
            g = grid + x0 * line + k * ROW
            store(memory, g, ax + bx)
            store(memory, g + HALF, ay - by)
            if next_line:
                store(memory, g + line, ay + by)
                store(memory, g + line + HALF, bx - ax)
    for k in range(columns):
        fft(memory, grid + k * ROW, line, room, row, scratch, plan0, program, reals, there)
        for h in range(n0):
            o = out + (k * n0 + h) * row_step
            store(memory, o, load(memory, room + h * ROW))
            store(memory, o + part_step, load(memory, room + h * ROW + HALF))


@bare
def _matrix(
    values: Array, memory: Array, program: Array, op: Any, labels: Array, reals: Array, chunk: Any, width: Any, to: Any
) -> None:
    step, (out, row_step, part_step) = read_matrix(program, op), to
    points, outputs, parts, room, matrix = step.points, step.outputs, step.parts, step.room, step.matrix
    at = step.labels + chunk * points * 2
    result = room + points * ROW
    for i in range(2 * points):
        store(memory, room + HALF * i, _fetch(values, program, labels, at + i))
    product(memory, reals, matrix, outputs, points, room, result, width)
    for i in range(outputs):
        o = out + (i // parts) * row_step + (i % parts) * part_step
        for half in range(0, width, HALF):
            store(memory, o + half, load(memory, result + i * ROW + half))


@bare
def _decimation(memory: Array, program: Array, op: Any, reals: Array, width: Any, to: Any) -> None:
    step, (out, row_step, part_step) = read_decimation(program, op), to
    count, p2, real, places, gaps = step.number, step.classes, step.real, step.sources, step.gaps
    factors, roots, room = step.factors, step.roots, step.room
    for i in range(count):
        for y in range(p2):
            a = program[places + i * p2 + y]
            b = a + program[gaps + y]
            f = factors + 4 * (i * p2 + y)
            t = room + 2 * ROW * y
            xx, xy, yx, yy = spread(reals, f), spread(reals, f + 1), spread(reals, f + 2), spread(reals, f + 3)
            for half in range(0, width, HALF):
                x, z = load(memory, a + half), load(memory, b + half)
                store(memory, t + half, fma(xx, x, xy * z))
                store(memory, t + ROW + half, fma(yx, x, yy * z))
        o = out + i * p2 * row_step
        for s in range(p2):
            for half in range(0, width, HALF):
                x, z = fill(memory, 0.0), fill(memory, 0.0)
                for y in range(p2):
                    r = roots + 2 * (s * p2 + y)
                    t = room + 2 * ROW * y + half
                    u, v = load(memory, t), load(memory, t + ROW)
                    c, d = spread(reals, r), spread(reals, r + 1)
                    x = fma(c, u, fma(-d, v, x))
                    if not real:
                        z = fma(d, u, fma(c, v, z))
                store(memory, o + s * row_step + half, x)
                if not real:
                    store(memory, o + s * row_step + part_step + half, z)


@embedded
def _term(memory: Array, program: Array, reals: Array, place: Any, factor: Any, offset: Any) -> Any:
    """Return T_y of one half of a row."""
    a, b = program[place] + offset, program[place + 1]
    x = load(memory, a)
    if b == 0:
        return spread(reals, factor) * x, x
    z = load(memory, a + b)
    return (
        fma(spread(reals, factor), x, spread(reals, factor + 1) * z),
        fma(spread(reals, factor + 2), x, spread(reals, factor + 3) * z),
    )


@bare
def _halving(memory: Array, program: Array, op: Any, reals: Array, width: Any, to: Any) -> None:
    step, (out, row_step, part_step) = read_halving(program, op), to
    count, real, places, factors, signs = step.number, step.real, step.sources, step.factors, step.signs
    for i in range(count):
        p, f, o = places + 8 * i, factors + 16 * i, out + 4 * i * row_step
        for half in range(0, width, HALF):
            ax, ay = _term(memory, program, reals, p, f, half)
            bx, by = _term(memory, program, reals, p + 2, f + 4, half)
            cx, cy = _term(memory, program, reals, p + 4, f + 8, half)
            dx, dy = _term(memory, program, reals, p + 6, f + 12, half)
            ax, bx, cx, dx = hadamard(ax, bx, cx, dx)
            if real:
                bx, cx, dx = bx * spread(reals, signs + 1), cx * spread(reals, signs + 2), dx * spread(reals, signs + 3)
            else:
                ay, by, cy, dy = hadamard(ay, by, cy, dy)
                q = o + part_step + half
                store(memory, q, ay)
                store(memory, q + row_step, by)
                store(memory, q + 2 * row_step, cy)
                store(memory, q + 3 * row_step, dy)
            q = o + half
            store(memory, q, ax)
            store(memory, q + row_step, bx)
            store(memory, q + 2 * row_step, cx)
            store(memory, q + 3 * row_step, dx)
