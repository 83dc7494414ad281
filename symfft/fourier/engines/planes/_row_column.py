"""Row-column transforms of sixteen or eight planes, and their transposed maps."""

from __future__ import annotations

from typing import Any

import numpy as np

from symfft._array_types import Array
from symfft._compile import bare, embedded
from symfft._compile.lanes import fill, fma, load, prefetch, spread, store
from symfft.fourier.engines.planes._fft import fft
from symfft.fourier.engines.planes._points import deposit, fetched, points_of
from symfft.fourier.engines.planes._radices import HALF, ROW
from symfft.fourier.engines.planes.opcodes import read_transform


@bare
def transform(
    values: Array,
    memory: Array,
    program: Array,
    op: Any,
    labels: Array,
    reals: Array,
    chunk: Any,
    valid: Any,
    to: Any,
    forward: bool,
) -> None:
    row, way = np.int64(ROW), np.int64(0 if forward else HALF)
    step = read_transform(program, op)
    n0, n1, rows, grid, line = step.n0, step.n1, step.rows, step.grid, step.line
    at = step.labels + chunk * rows * n1 * 2
    room = step.scratch + 2 * max(n0, n1) * ROW
    if forward:
        for x0 in range(rows):
            for x1 in range(n1):
                p = at + (x0 * n1 + x1) * 2
                points_of(values, memory, program, labels, p, room + x1 * ROW, valid, forward)
                if x0 + 1 < rows:
                    prefetch(values, program[p + 2 * n1] >> 2)
                    prefetch(values, program[p + 2 * n1 + 1] >> 2)
                    prefetch(values, (program[p + 2 * n1 + 1] >> 2) + HALF - 1)
            fft(memory, room, row, grid + x0 * line, row, step.scratch, step.plan1, program, reals, way)
    elif step.centred:
        for i in range(0, rows * line, HALF):
            store(memory, grid + i, fill(memory, 0.0))
    for k in range(n1 // 2 + 1):
        if step.centred:
            _real_column(memory, program, reals, step, room, k, valid, to, forward)
        else:
            _two_columns(memory, program, reals, step, room, k, to, forward)
    if not forward:
        for x0 in range(rows):
            fft(memory, grid + x0 * line, row, room, row, step.scratch, step.plan1, program, reals, way)
            for x1 in range(n1):
                p = at + (x0 * n1 + x1) * 2
                points_of(values, memory, program, labels, p, room + x1 * ROW, valid, forward)


@embedded
def _real_column(
    memory: Array,
    program: Array,
    reals: Array,
    step: Any,
    room: Any,
    k: Any,
    valid: Any,
    to: Any,
    forward: bool,
) -> None:
    """Transform column k of planes with a 2-fold axis; with a phase the results are real."""
    row, (out, row_step, _part_step) = np.int64(ROW), to
    n0, n1, scratch, plan0 = step.n0, step.n1, step.scratch, step.plan0
    spectrum = room + n0 * ROW
    if forward:
        _complete(memory, reals, step, k, room, forward)
        fft(memory, room, row, spectrum, row, scratch, plan0, program, reals, np.int64(0))
    for h in range(n0):
        q = step.phases + 2 * (n1 + k * n0 + h)
        c, s = spread(reals, q), spread(reals, q + 1)
        o = out + (k * n0 + h) * row_step
        if forward:
            x, y = load(memory, spectrum + h * ROW), load(memory, spectrum + h * ROW + HALF)
            store(memory, o, fma(x, c, -(y * s)))
            if valid > HALF:
                store(memory, o + HALF, fma(x, s, y * c))
        else:
            x, y = load(memory, o), fill(memory, 0.0)
            if valid > HALF:
                y = load(memory, o + HALF)
            store(memory, room + h * ROW, fma(x, c, y * s))
            store(memory, room + h * ROW + HALF, fma(y, c, -(x * s)))
    if not forward:
        fft(memory, room, row, spectrum, row, scratch, plan0, program, reals, np.int64(HALF))
        _complete(memory, reals, step, k, spectrum, forward)


@embedded
def _complete(memory: Array, reals: Array, step: Any, k: Any, column: Any, forward: bool) -> None:
    """Collect column k; rows that are not there come from their mates, Q(d - x0; k) = e(-k d1/n1) Q(x0; -k)."""
    mate = (step.n1 - k) % step.n1
    c, s = spread(reals, step.phases + 2 * k), spread(reals, step.phases + 2 * k + 1)
    for x0 in range(step.rows):
        y0 = (step.d0 - x0) % step.n0
        line = step.grid + x0 * step.line
        a, b, r, t = line + k * ROW, line + mate * ROW, column + x0 * ROW, column + y0 * ROW
        if forward:
            store(memory, r, load(memory, a))
            store(memory, r + HALF, load(memory, a + HALF))
            if y0 >= step.rows:
                x, y = load(memory, b), load(memory, b + HALF)
                store(memory, t, fma(x, c, -(y * s)))
                store(memory, t + HALF, fma(x, s, y * c))
        else:
            store(memory, a, load(memory, a) + load(memory, r))
            store(memory, a + HALF, load(memory, a + HALF) + load(memory, r + HALF))
            if y0 >= step.rows:
                x, y = load(memory, t), load(memory, t + HALF)
                store(memory, b, load(memory, b) + fma(x, c, y * s))
                store(memory, b + HALF, load(memory, b + HALF) + fma(y, c, -(x * s)))


@embedded
def _two_columns(
    memory: Array, program: Array, reals: Array, step: Any, room: Any, k: Any, to: Any, forward: bool
) -> None:
    """Transform columns k and -k of sixteen real planes, eight of them the imaginary parts of the others."""
    row, way = np.int64(ROW), np.int64(0 if forward else HALF)
    out, row_step, part_step = to
    n0, n1, grid, line, scratch, plan0 = step.n0, step.n1, step.grid, step.line, step.scratch, step.plan0
    mate = (n1 - k) % n1
    other = room + n0 * ROW
    if forward:
        fft(memory, grid + k * ROW, line, room, row, scratch, plan0, program, reals, way)
        if mate == k:
            other = room
        else:
            fft(memory, grid + mate * ROW, line, other, row, scratch, plan0, program, reals, way)
    for h in range(n0):
        a, b = room + h * ROW, other + (n0 - h if h else 0) * ROW
        o = out + (k * n0 + h) * row_step
        if forward:
            _separate(memory, a, b, o, o + part_step, o + HALF, o + part_step + HALF)
        else:
            half = fill(memory, 0.5)
            ax, ay = half * load(memory, o), half * load(memory, o + part_step)
            bx, by = half * load(memory, o + HALF), half * load(memory, o + part_step + HALF)
            _unite(memory, a, b, ax, ay, bx, by)
    if not forward:
        if mate == k:
            for i in range(0, n0 * ROW, HALF):
                store(memory, room + i, load(memory, room + i) + load(memory, other + i))
        else:
            fft(memory, other, row, grid + mate * ROW, line, scratch, plan0, program, reals, way)
        fft(memory, room, row, grid + k * ROW, line, scratch, plan0, program, reals, way)


@embedded
def _separate(memory: Array, a: Any, b: Any, first_x: Any, first_y: Any, second_x: Any, second_y: Any) -> None:
    """Write (a + conj b)/2 and (a - conj b)/2i: spectra of f and g, where a and b are that of f + ig at h and -h."""
    half = fill(memory, 0.5)
    ax, ay = half * load(memory, a), half * load(memory, a + HALF)
    bx, by = half * load(memory, b), half * load(memory, b + HALF)
    store(memory, first_x, ax + bx)
    store(memory, first_y, ay - by)
    store(memory, second_x, ay + by)
    store(memory, second_y, bx - ax)


@embedded
def _unite(memory: Array, a: Any, b: Any, ax: Any, ay: Any, bx: Any, by: Any) -> None:
    """Transposed map of :func:`_separate`, halves taken."""
    store(memory, a, ax - by)
    store(memory, a + HALF, ay + bx)
    store(memory, b, ax + by)
    store(memory, b + HALF, bx - ay)


@bare
def half_transform(
    values: Array,
    memory: Array,
    program: Array,
    op: Any,
    labels: Array,
    reals: Array,
    chunk: Any,
    valid: Any,
    to: Any,
    forward: bool,
) -> None:
    """Transform eight planes: two lines of them share a row."""
    step = read_transform(program, op)
    columns = step.n1 // 2 + 1
    room = step.scratch + 2 * max(step.n0, step.n1) * ROW
    if not forward:
        for k in range(columns):
            _single_column(memory, program, reals, step, room, k, to, forward)
    for x0 in range(0, step.n0, 2):
        _two_lines(values, memory, program, labels, reals, step, room, chunk, x0, valid, forward)
    if forward:
        for k in range(columns):
            _single_column(memory, program, reals, step, room, k, to, forward)


@embedded
def _single_column(
    memory: Array, program: Array, reals: Array, step: Any, room: Any, k: Any, to: Any, forward: bool
) -> None:
    row, (out, row_step, part_step) = np.int64(ROW), to
    column, line, scratch, plan0 = step.grid + k * ROW, step.line, step.scratch, step.plan0
    if forward:
        fft(memory, column, line, room, row, scratch, plan0, program, reals, np.int64(0))
    for h in range(step.n0):
        o, r = out + (k * step.n0 + h) * row_step, room + h * ROW
        if forward:
            store(memory, o, load(memory, r))
            store(memory, o + part_step, load(memory, r + HALF))
        else:
            store(memory, r, load(memory, o))
            store(memory, r + HALF, load(memory, o + part_step))
    if not forward:
        fft(memory, room, row, column, line, scratch, plan0, program, reals, np.int64(HALF))


@embedded
def _two_lines(
    values: Array,
    memory: Array,
    program: Array,
    labels: Array,
    reals: Array,
    step: Any,
    room: Any,
    chunk: Any,
    x0: Any,
    valid: Any,
    forward: bool,
) -> None:
    """Transform lines x0 and x0 + 1, where there is one, the second as imaginary part of the first."""
    row, n0, n1, line = np.int64(ROW), step.n0, step.n1, step.line
    spectrum = room + n1 * ROW
    next_line = 1 if x0 + 1 < n0 else 0
    at = step.labels + (chunk * n0 + x0) * n1 * 2
    if forward:
        for x1 in range(n1):
            p = at + x1 * 2
            store(memory, room + x1 * ROW, fetched(values, program, labels, p))
            store(memory, room + x1 * ROW + HALF, fetched(values, program, labels, p + 2 * next_line * n1))
        fft(memory, room, row, spectrum, row, step.scratch, step.plan1, program, reals, np.int64(0))
    half = fill(memory, 0.5)
    for k in range(n1 // 2 + 1):
        g = step.grid + x0 * line + k * ROW
        a, b = spectrum + k * ROW, spectrum + (n1 - k if k else 0) * ROW
        if forward:
            ax, ay = half * load(memory, a), half * load(memory, a + HALF)
            bx, by = half * load(memory, b), half * load(memory, b + HALF)
            store(memory, g, ax + bx)
            store(memory, g + HALF, ay - by)
            if next_line:
                store(memory, g + line, ay + by)
                store(memory, g + line + HALF, bx - ax)
        else:
            ax, ay = half * load(memory, g), half * load(memory, g + HALF)
            bx, by = fill(memory, 0.0), fill(memory, 0.0)
            if next_line:
                bx, by = half * load(memory, g + line), half * load(memory, g + line + HALF)
            if a == b:
                store(memory, a, ax + ax)
                store(memory, a + HALF, bx + bx)
            else:
                _unite(memory, a, b, ax, ay, bx, by)
    if not forward:
        fft(memory, spectrum, row, room, row, step.scratch, step.plan1, program, reals, np.int64(HALF))
        for x1 in range(n1):
            p = at + x1 * 2
            deposit(values, program, labels, p, memory, room + x1 * ROW, valid)
            if next_line:
                deposit(values, program, labels, p + 2 * n1, memory, room + x1 * ROW + HALF, valid)
