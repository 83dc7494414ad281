"""Transposed maps of the loops of :mod:`symfft.fourier.engines.planes._planes_forward`, steps in reverse order."""

from __future__ import annotations

from typing import Any

import numpy as np

from symfft._array_types import Array
from symfft._compile import bare, embedded
from symfft._compile.lanes import fill, fma, load, reverse, spread, store
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
def planes_adjoint(
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
    """Apply the transposed linear map of :func:`planes_forward`, adding to `values`."""
    kinds = program[at]
    at += 1
    for _ in range(kinds):
        head = read_head(program, at)
        at += HEAD
        for chunk in range(max(first, 0), min(last, head.chunks)):
            valid = head.planes - ROW * chunk
            width = HALF if valid <= HALF else ROW
            for step in range(head.steps - 1, -1, -1):
                op = at + STEP * step
                place = read_place(program, op)
                out = place.start + place.chunk_step * (chunk + shift)
                to = (out, place.row_step, place.part_step)
                kind = program[op]
                if kind == TRANSFORM:
                    if width == HALF and not read_transform(program, op).centred:
                        _half_transform_adjoint(values, memory, program, op, labels, reals, chunk, valid, to)
                    else:
                        _transform_adjoint(values, memory, program, op, labels, reals, chunk, valid, to)
                elif kind == MATRIX:
                    _matrix_adjoint(values, memory, program, op, labels, reals, chunk, valid, to)
                elif kind == HALVING:
                    _halving_adjoint(memory, program, op, reals, width, to)
                else:
                    _decimation_adjoint(memory, program, op, reals, width, to)
        first, last = first - head.chunks, last - head.chunks
        at += STEP * head.steps


@embedded
def _deposit(values: Array, program: Array, labels: Array, at: Any, memory: Array, source: Any, valid: Any) -> None:
    """Add the first lanes, as many as there are planes, to the eight values; the others hold rounding errors."""
    code = program[at]
    start = code >> 2
    if valid < HALF:
        for i in range(valid):
            if code & 3 == UPWARDS:
                values[start + i] += memory[source + i]
            elif code & 3 == DOWNWARDS:
                values[start + HALF - 1 - i] += memory[source + i]
            else:
                values[labels[start + i]] += memory[source + i]
    elif code & 3 == UPWARDS:
        store(values, start, load(values, start) + load(memory, source))
    elif code & 3 == DOWNWARDS:
        lanes = load(memory, source)
        store(values, start, load(values, start) + reverse(lanes, lanes))
    else:
        for i in range(HALF):
            values[labels[start + i]] += memory[source + i]


@bare
def _transform_adjoint(
    values: Array, memory: Array, program: Array, op: Any, labels: Array, reals: Array, chunk: Any, valid: Any, to: Any
) -> None:
    row, back = np.int64(ROW), np.int64(HALF)
    step, (out, row_step, part_step) = read_transform(program, op), to
    n0, n1, rows, centred, d0, phases = step.n0, step.n1, step.rows, step.centred, step.d0, step.phases
    grid, line, scratch, plan0, plan1 = step.grid, step.line, step.scratch, step.plan0, step.plan1
    at = step.labels + chunk * rows * n1 * 2
    room = scratch + 2 * max(n0, n1) * ROW
    columns = n1 // 2 + 1
    if centred:
        for i in range(0, rows * line, HALF):
            store(memory, grid + i, fill(memory, 0.0))
    for k in range(columns):
        mate = (n1 - k) % n1
        if centred:
            for h in range(n0):
                q = phases + 2 * (n1 + k * n0 + h)
                c, s = spread(reals, q), spread(reals, q + 1)
                o = out + (k * n0 + h) * row_step
                x, y = load(memory, o), fill(memory, 0.0)
                if valid > HALF:
                    y = load(memory, o + HALF)
                store(memory, room + h * ROW, fma(x, c, y * s))
                store(memory, room + h * ROW + HALF, fma(y, c, -(x * s)))
            column = room + n0 * ROW
            fft(memory, room, row, column, row, scratch, plan0, program, reals, back)
            c, s = spread(reals, phases + 2 * k), spread(reals, phases + 2 * k + 1)
            for x0 in range(rows):
                a, r = grid + x0 * line + k * ROW, column + x0 * ROW
                store(memory, a, load(memory, a) + load(memory, r))
                store(memory, a + HALF, load(memory, a + HALF) + load(memory, r + HALF))
                y0 = (d0 - x0) % n0
                if y0 >= rows:
                    b, r = grid + x0 * line + mate * ROW, column + y0 * ROW
                    x, y = load(memory, r), load(memory, r + HALF)
                    store(memory, b, load(memory, b) + fma(x, c, y * s))
                    store(memory, b + HALF, load(memory, b + HALF) + fma(y, c, -(x * s)))
            continue
        other = room + n0 * ROW
        half = fill(memory, 0.5)
        for h in range(n0):
            o = out + (k * n0 + h) * row_step
            ax, ay = half * load(memory, o), half * load(memory, o + part_step)
            bx, by = half * load(memory, o + HALF), half * load(memory, o + part_step + HALF)
            a, b = room + h * ROW, other + (n0 - h if h else 0) * ROW
            store(memory, a, ax - by)
            store(memory, a + HALF, ay + bx)
            store(memory, b, ax + by)
            store(memory, b + HALF, bx - ay)
        if mate == k:
            for i in range(0, n0 * ROW, HALF):
                store(memory, room + i, load(memory, room + i) + load(memory, other + i))
        else:
            fft(memory, other, row, grid + mate * ROW, line, scratch, plan0, program, reals, back)
        fft(memory, room, row, grid + k * ROW, line, scratch, plan0, program, reals, back)
    for x0 in range(rows):
        fft(memory, grid + x0 * line, row, room, row, scratch, plan1, program, reals, back)
        for x1 in range(n1):
            p = at + 2 * (x0 * n1 + x1)
            _deposit(values, program, labels, p, memory, room + ROW * x1, valid)
            if valid > HALF:
                _deposit(values, program, labels, p + 1, memory, room + ROW * x1 + HALF, valid - HALF)


@bare
def _half_transform_adjoint(
    values: Array, memory: Array, program: Array, op: Any, labels: Array, reals: Array, chunk: Any, valid: Any, to: Any
) -> None:
    row, back = np.int64(ROW), np.int64(HALF)
    step, (out, row_step, part_step) = read_transform(program, op), to
    n0, n1, grid, line, scratch = step.n0, step.n1, step.grid, step.line, step.scratch
    plan0, plan1, at = step.plan0, step.plan1, step.labels + chunk * n0 * n1 * 2
    room = scratch + 2 * max(n0, n1) * ROW
    spectrum = room + n1 * ROW
    columns = n1 // 2 + 1
    half = fill(memory, 0.5)
    for k in range(columns):
        for h in range(n0):
            o = out + (k * n0 + h) * row_step
            store(memory, room + h * ROW, load(memory, o))
            store(memory, room + h * ROW + HALF, load(memory, o + part_step))
        fft(memory, room, row, grid + k * ROW, line, scratch, plan0, program, reals, back)
    for x0 in range(0, n0, 2):
        next_line = 1 if x0 + 1 < n0 else 0
        for k in range(columns):
            g = grid + x0 * line + k * ROW
            ax, ay = half * load(memory, g), half * load(memory, g + HALF)
            bx, by = fill(memory, 0.0), fill(memory, 0.0)
            if next_line:
                bx, by = half * load(memory, g + line), half * load(memory, g + line + HALF)
            a, b = spectrum + k * ROW, spectrum + (n1 - k if k else 0) * ROW
            if a == b:
                store(memory, a, ax + ax)
                store(memory, a + HALF, bx + bx)
            else:
                store(memory, a, ax - by)
                store(memory, a + HALF, ay + bx)
                store(memory, b, ax + by)
                store(memory, b + HALF, bx - ay)
        fft(memory, spectrum, row, room, row, scratch, plan1, program, reals, back)
        for x1 in range(n1):
            p = at + (x0 * n1 + x1) * 2
            _deposit(values, program, labels, p, memory, room + x1 * ROW, valid)
            if next_line:
                _deposit(values, program, labels, p + 2 * n1, memory, room + x1 * ROW + HALF, valid)


@bare
def _matrix_adjoint(
    values: Array, memory: Array, program: Array, op: Any, labels: Array, reals: Array, chunk: Any, valid: Any, to: Any
) -> None:
    width = HALF if valid <= HALF else ROW
    step, (out, row_step, part_step) = read_matrix(program, op), to
    points, outputs, parts, room, matrix = step.points, step.outputs, step.parts, step.room, step.transposed
    at = step.labels + chunk * points * 2
    given = room + points * ROW
    for i in range(outputs):
        o = out + (i // parts) * row_step + (i % parts) * part_step
        for half in range(0, width, HALF):
            store(memory, given + i * ROW + half, load(memory, o + half))
    product(memory, reals, matrix, points, outputs, given, room, width)
    for i in range(points):
        _deposit(values, program, labels, at + 2 * i, memory, room + ROW * i, valid)
        if valid > HALF:
            _deposit(values, program, labels, at + 2 * i + 1, memory, room + ROW * i + HALF, valid - HALF)


@bare
def _decimation_adjoint(memory: Array, program: Array, op: Any, reals: Array, width: Any, to: Any) -> None:
    step, (out, row_step, part_step) = read_decimation(program, op), to
    count, p2, real, places, gaps = step.number, step.classes, step.real, step.sources, step.gaps
    factors, roots = step.factors, step.roots
    # the children's rows are sums over the members of their orbits
    for i in range(step.start, step.end, HALF):
        store(memory, i, fill(memory, 0.0))
    for i in range(count):
        o = out + i * p2 * row_step
        for y in range(p2):
            a = program[places + i * p2 + y]
            b = a + program[gaps + y]
            f = factors + 4 * (i * p2 + y)
            xx, xy, yx, yy = spread(reals, f), spread(reals, f + 1), spread(reals, f + 2), spread(reals, f + 3)
            for half in range(0, width, HALF):
                u, v = fill(memory, 0.0), fill(memory, 0.0)
                for s in range(p2):
                    r = roots + 2 * (s * p2 + y)
                    c, d = spread(reals, r), spread(reals, r + 1)
                    x = load(memory, o + s * row_step + half)
                    u = fma(c, x, u)
                    v = fma(-d, x, v)
                    if not real:
                        z = load(memory, o + s * row_step + part_step + half)
                        u = fma(d, z, u)
                        v = fma(c, z, v)
                store(memory, a + half, load(memory, a + half) + fma(xx, u, yx * v))
                if b != a:
                    store(memory, b + half, load(memory, b + half) + fma(xy, u, yy * v))


@embedded
def _add_term(
    memory: Array, program: Array, reals: Array, place: Any, factor: Any, offset: Any, u: Any, v: Any
) -> None:
    """Transposed map of :func:`_term`."""
    a, b = program[place] + offset, program[place + 1]
    if b == 0:
        store(memory, a, fma(spread(reals, factor), u, load(memory, a)))
    else:
        x, z = load(memory, a), load(memory, a + b)
        store(memory, a, fma(spread(reals, factor), u, fma(spread(reals, factor + 2), v, x)))
        store(memory, a + b, fma(spread(reals, factor + 1), u, fma(spread(reals, factor + 3), v, z)))


@bare
def _halving_adjoint(memory: Array, program: Array, op: Any, reals: Array, width: Any, to: Any) -> None:
    step, (out, row_step, part_step) = read_halving(program, op), to
    count, real, places, factors, signs = step.number, step.real, step.sources, step.factors, step.signs
    for i in range(step.start, step.end, HALF):
        store(memory, i, fill(memory, 0.0))
    for i in range(count):
        p, f, o = places + 8 * i, factors + 16 * i, out + 4 * i * row_step
        for half in range(0, width, HALF):
            q = o + half
            ax, bx = load(memory, q), load(memory, q + row_step)
            cx, dx = load(memory, q + 2 * row_step), load(memory, q + 3 * row_step)
            if real:
                bx, cx, dx = bx * spread(reals, signs + 1), cx * spread(reals, signs + 2), dx * spread(reals, signs + 3)
                ay, by, cy, dy = ax, bx, cx, dx
            else:
                q += part_step
                ay, by = load(memory, q), load(memory, q + row_step)
                cy, dy = load(memory, q + 2 * row_step), load(memory, q + 3 * row_step)
                ay, by, cy, dy = hadamard(ay, by, cy, dy)
            ax, bx, cx, dx = hadamard(ax, bx, cx, dx)
            _add_term(memory, program, reals, p, f, half, ax, ay)
            _add_term(memory, program, reals, p + 2, f + 4, half, bx, by)
            _add_term(memory, program, reals, p + 4, f + 8, half, cx, cy)
            _add_term(memory, program, reals, p + 6, f + 12, half, dx, dy)
