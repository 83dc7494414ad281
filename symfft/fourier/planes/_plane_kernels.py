"""Compiled loops of the plane stage: the program of :mod:`symfft.fourier.planes.program`, sixteen planes at a time."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from symfft.fourier.planes._compile import inlined, kernel
from symfft.fourier.planes._fft import HALF, ROW, fft
from symfft.fourier.planes._lanes import fill, fma, gather, load, reverse, spread, store

Array = NDArray[Any]

TRANSFORM, MATRIX, DECIMATION = 0, 1, 2

#: How eight values follow one another; see :meth:`Tables.put_labels`.
UPWARDS, DOWNWARDS, ANYHOW = 0, 1, 2


@kernel
def planes_forward(values: Array, memory: Array, program: Array, at: Any, labels: Array, reals: Array) -> None:
    """Transform the planes of an asymmetric unit.

    Parameters
    ----------
    values : (n,) float
        Values on the asymmetric unit.
    memory : 1-D float
        Work space, and the rows that come out.
    program, at, labels, reals : 1-D int64, int, 1-D int32, 1-D float
        See :mod:`symfft.fourier.planes.program`; the steps begin at `at`.
    """
    kinds = program[at]
    at += 1
    for _ in range(kinds):
        chunks, steps = program[at], program[at + 1]
        planes = program[at + 2]
        for chunk in range(chunks):
            width = HALF if planes - ROW * chunk <= HALF else ROW
            op = at + 3
            for _ in range(steps):
                kind = program[op]
                if kind == TRANSFORM:
                    _transform(values, memory, program, op, labels, reals, chunk)
                elif kind == MATRIX:
                    _matrix(values, memory, program, op, labels, reals, chunk, width)
                else:
                    _decimation(memory, program, op, reals, chunk, width)
                op += program[op + 1]
        for _ in range(steps):
            at += program[at + 4]
        at += 3


@kernel
def planes_adjoint(values: Array, memory: Array, program: Array, at: Any, labels: Array, reals: Array) -> None:
    """Apply the transposed linear map of :func:`planes_forward`, adding to `values`."""
    kinds = program[at]
    at += 1
    for _ in range(kinds):
        chunks, steps = program[at], program[at + 1]
        end = at + 3
        for _ in range(steps):
            end += program[end + 1]
        planes = program[at + 2]
        for chunk in range(chunks):
            width = HALF if planes - ROW * chunk <= HALF else ROW
            op = end
            for _ in range(steps):
                op -= program[op - 1]
                kind = program[op]
                if kind == TRANSFORM:
                    _transform_adjoint(values, memory, program, op, labels, reals, chunk)
                elif kind == MATRIX:
                    _matrix_adjoint(values, memory, program, op, labels, reals, chunk)
                else:
                    _decimation_adjoint(memory, program, op, reals, chunk, width)
        at = end


# ---- values of the asymmetric unit ----


@inlined
def _fetch(values: Array, program: Array, labels: Array, at: Any) -> Any:
    """Return eight values: a run upwards, a run downwards, or any."""
    code = program[at]
    start = code >> 2
    if code & 3 == UPWARDS:
        return load(values, start)
    if code & 3 == DOWNWARDS:
        return reverse(load(values, start), load(values, start))
    return gather(values, labels, start)


@inlined
def _deposit(values: Array, program: Array, labels: Array, at: Any, memory: Array, source: Any) -> None:
    """Add to eight values."""
    code = program[at]
    start = code >> 2
    if code & 3 == UPWARDS:
        store(values, start, load(values, start) + load(memory, source))
    elif code & 3 == DOWNWARDS:
        lanes = load(memory, source)
        store(values, start, load(values, start) + reverse(lanes, lanes))
    else:
        for i in range(HALF):
            values[labels[start + i]] += memory[source + i]


# ---- row-column transforms ----


@kernel
def _transform(values: Array, memory: Array, program: Array, op: Any, labels: Array, reals: Array, chunk: Any) -> None:
    n0, n1, rows, centred = program[op + 2], program[op + 3], program[op + 4], program[op + 5]
    d0, grid, scratch = program[op + 6], program[op + 7], program[op + 8]
    plan0, plan1, at, phases = program[op + 9], program[op + 10], program[op + 11], program[op + 12]
    out, row_step, part_step = program[op + 13] + program[op + 16] * chunk, program[op + 14], program[op + 15]
    at += chunk * rows * n1 * 2
    room = scratch + 2 * max(n0, n1) * ROW
    line = program[op + 17]
    for x0 in range(rows):
        for x1 in range(n1):
            p = at + (x0 * n1 + x1) * 2
            store(memory, room + x1 * ROW, _fetch(values, program, labels, p))
            store(memory, room + x1 * ROW + HALF, _fetch(values, program, labels, p + 1))
        fft(memory, room, ROW, grid + x0 * line, ROW, scratch, plan1, program, reals, 0)
    columns = n1 // 2 + 1
    for k in range(columns):
        mate = (n1 - k) % n1
        if centred:
            _complete(memory, grid, line, room, n0, n1, rows, k, d0, phases, reals)
            spectrum = room + n0 * ROW
            fft(memory, room, ROW, spectrum, ROW, scratch, plan0, program, reals, 0)
            for h in range(n0):
                q = phases + 2 * (n1 + k * n0 + h)
                c, s = spread(reals, q), spread(reals, q + 1)
                x, y = load(memory, spectrum + h * ROW), load(memory, spectrum + h * ROW + HALF)
                o = out + (k * n0 + h) * row_step
                store(memory, o, fma(x, c, -(y * s)))
                store(memory, o + HALF, fma(x, s, y * c))
            continue
        other = room
        fft(memory, grid + k * ROW, line, room, ROW, scratch, plan0, program, reals, 0)
        if mate != k:
            other = room + n0 * ROW
            fft(memory, grid + mate * ROW, line, other, ROW, scratch, plan0, program, reals, 0)
        half = fill(memory, 0.5)
        for h in range(n0):
            a, b = room + h * ROW, other + (n0 - h if h else 0) * ROW
            ax, ay = half * load(memory, a), half * load(memory, a + HALF)
            bx, by = half * load(memory, b), half * load(memory, b + HALF)
            o = out + (k * n0 + h) * row_step
            store(memory, o, ax + bx)
            store(memory, o + HALF, ay + by)
            store(memory, o + part_step, ay - by)
            store(memory, o + part_step + HALF, bx - ax)


@inlined
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


@kernel
def _transform_adjoint(
    values: Array, memory: Array, program: Array, op: Any, labels: Array, reals: Array, chunk: Any
) -> None:
    n0, n1, rows, centred = program[op + 2], program[op + 3], program[op + 4], program[op + 5]
    d0, grid, scratch = program[op + 6], program[op + 7], program[op + 8]
    plan0, plan1, at, phases = program[op + 9], program[op + 10], program[op + 11], program[op + 12]
    out, row_step, part_step = program[op + 13] + program[op + 16] * chunk, program[op + 14], program[op + 15]
    at += chunk * rows * n1 * 2
    room = scratch + 2 * max(n0, n1) * ROW
    columns = n1 // 2 + 1
    line = program[op + 17]
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
                x, y = load(memory, o), load(memory, o + HALF)
                store(memory, room + h * ROW, fma(x, c, y * s))
                store(memory, room + h * ROW + HALF, fma(y, c, -(x * s)))
            column = room + n0 * ROW
            fft(memory, room, ROW, column, ROW, scratch, plan0, program, reals, HALF)
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
            ax, bx = half * load(memory, o), half * load(memory, o + HALF)
            ay, by = half * load(memory, o + part_step), half * load(memory, o + part_step + HALF)
            a, b = room + h * ROW, other + (n0 - h if h else 0) * ROW
            store(memory, a, ax - by)
            store(memory, a + HALF, ay + bx)
            store(memory, b, ax + by)
            store(memory, b + HALF, bx - ay)
        if mate == k:
            for i in range(0, n0 * ROW, HALF):
                store(memory, room + i, load(memory, room + i) + load(memory, other + i))
        else:
            fft(memory, other, ROW, grid + mate * ROW, line, scratch, plan0, program, reals, HALF)
        fft(memory, room, ROW, grid + k * ROW, line, scratch, plan0, program, reals, HALF)
    for x0 in range(rows):
        fft(memory, grid + x0 * line, ROW, room, ROW, scratch, plan1, program, reals, HALF)
        for i in range(2 * n1):
            _deposit(values, program, labels, at + 2 * x0 * n1 + i, memory, room + HALF * i)


# ---- matrices on orbits ----


@kernel
def _matrix(
    values: Array, memory: Array, program: Array, op: Any, labels: Array, reals: Array, chunk: Any, width: Any
) -> None:
    points, outputs, parts, at = program[op + 2], program[op + 3], program[op + 4], program[op + 5]
    room, matrix = program[op + 6], program[op + 7]
    out, row_step, part_step = program[op + 8] + program[op + 11] * chunk, program[op + 9], program[op + 10]
    at += chunk * points * 2
    for i in range(0, points * ROW, HALF):
        store(memory, room + i, _fetch(values, program, labels, at + i // HALF))
    for half in range(0, width, HALF):
        for i in range(0, outputs, 8):
            m = matrix + i * points
            a, b, c, d = fill(memory, 0.0), fill(memory, 0.0), fill(memory, 0.0), fill(memory, 0.0)
            e, f, g, h = fill(memory, 0.0), fill(memory, 0.0), fill(memory, 0.0), fill(memory, 0.0)
            for k in range(points):
                x = load(memory, room + k * ROW + half)
                r = m + 8 * k
                a, b = fma(spread(reals, r), x, a), fma(spread(reals, r + 1), x, b)
                c, d = fma(spread(reals, r + 2), x, c), fma(spread(reals, r + 3), x, d)
                e, f = fma(spread(reals, r + 4), x, e), fma(spread(reals, r + 5), x, f)
                g, h = fma(spread(reals, r + 6), x, g), fma(spread(reals, r + 7), x, h)
            _put(memory, out + half, row_step, part_step, parts, i, outputs, a)
            _put(memory, out + half, row_step, part_step, parts, i + 1, outputs, b)
            _put(memory, out + half, row_step, part_step, parts, i + 2, outputs, c)
            _put(memory, out + half, row_step, part_step, parts, i + 3, outputs, d)
            _put(memory, out + half, row_step, part_step, parts, i + 4, outputs, e)
            _put(memory, out + half, row_step, part_step, parts, i + 5, outputs, f)
            _put(memory, out + half, row_step, part_step, parts, i + 6, outputs, g)
            _put(memory, out + half, row_step, part_step, parts, i + 7, outputs, h)


@inlined
def _put(memory: Array, out: Any, row_step: Any, part_step: Any, parts: Any, i: Any, outputs: Any, x: Any) -> None:
    if i < outputs:
        store(memory, out + (i // parts) * row_step + (i % parts) * part_step, x)


@kernel
def _matrix_adjoint(
    values: Array, memory: Array, program: Array, op: Any, labels: Array, reals: Array, chunk: Any
) -> None:
    points, outputs, parts, at = program[op + 2], program[op + 3], program[op + 4], program[op + 5]
    room, matrix = program[op + 6], program[op + 7]
    out, row_step, part_step = program[op + 8] + program[op + 11] * chunk, program[op + 9], program[op + 10]
    at += chunk * points * 2
    for k in range(0, points, 2):
        a0, a1, b0, b1 = fill(memory, 0.0), fill(memory, 0.0), fill(memory, 0.0), fill(memory, 0.0)
        next_point = 8 if k + 1 < points else 0
        for i in range(outputs):
            o = out + (i // parts) * row_step + (i % parts) * part_step
            x0, x1 = load(memory, o), load(memory, o + HALF)
            m = matrix + (i // 8) * 8 * points + 8 * k + i % 8
            w = spread(reals, m)
            a0, a1 = fma(w, x0, a0), fma(w, x1, a1)
            w = spread(reals, m + next_point)
            b0, b1 = fma(w, x0, b0), fma(w, x1, b1)
        store(memory, room + k * ROW, a0)
        store(memory, room + k * ROW + HALF, a1)
        if next_point:
            store(memory, room + (k + 1) * ROW, b0)
            store(memory, room + (k + 1) * ROW + HALF, b1)
    for i in range(2 * points):
        _deposit(values, program, labels, at + i, memory, room + HALF * i)


# ---- decimation ----


@kernel
def _decimation(memory: Array, program: Array, op: Any, reals: Array, chunk: Any, width: Any) -> None:
    count, p2, real, places = program[op + 2], program[op + 3], program[op + 4], program[op + 5]
    factors, roots, room = program[op + 6], program[op + 7], program[op + 8]
    out, row_step, part_step = program[op + 9] + program[op + 12] * chunk, program[op + 10], program[op + 11]
    gaps = op + 13
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


@kernel
def _decimation_adjoint(memory: Array, program: Array, op: Any, reals: Array, chunk: Any, width: Any) -> None:
    count, p2, real, places = program[op + 2], program[op + 3], program[op + 4], program[op + 5]
    factors, roots, _room = program[op + 6], program[op + 7], program[op + 8]
    out, row_step, part_step = program[op + 9] + program[op + 12] * chunk, program[op + 10], program[op + 11]
    gaps = op + 13
    # the children's rows are sums over the members of their orbits
    first, last = program[gaps + p2], program[gaps + p2 + 1]
    for i in range(first, last, HALF):
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
