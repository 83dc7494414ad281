"""Compiled loops of the line stage: eight or sixteen lines along the unique axis at a time.

See :mod:`symfft.fourier.planes.lines` for the formulas and for the tables.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.fourier.planes._compile import inlined, kernel
from symfft.fourier.planes._fft import HALF, ROW, fft
from symfft.fourier.planes._lanes import (
    LANES,
    evens,
    fill,
    fma,
    interleave_high,
    interleave_low,
    load,
    odds,
    spread,
    store,
)

Array = NDArray[Any]

COMPLEX, REAL_OUT, REAL_IN = 0, 1, 2

#: Fields at the head of a class of lines.
CLASS_FIELDS = 16
#: Fields at the head of a segment.
SEGMENT_FIELDS = 8


@kernel
def lines_forward(memory: Array, out: Array, program: Array, at: Any, reals: Array) -> None:
    """Transform all lines into structure factors.

    Parameters
    ----------
    memory : 1-D float
        Work space with the rows of the plane stage.
    out : (2 n_h,) float
        Overwritten: real and imaginary parts of F.
    program, at, reals : 1-D int64, int, 1-D float
        Tables, and where the line stage begins in the first.
    """
    row, there = np.int64(ROW), np.int64(0)
    classes, form, n, plan, segments, room = (
        program[at],
        program[at + 1],
        program[at + 2],
        program[at + 3],
        program[at + 4],
        program[at + 5],
    )
    fold = n if program[at + 6] else 0
    subs = 1 if form == COMPLEX else 2
    first_segment = at + 8
    head = first_segment + SEGMENT_FIELDS * segments
    result, scratch = room + n * ROW, room + 2 * n * ROW
    for _ in range(classes):
        blocks, count, places, mates, angles, twiddle = (
            program[head],
            program[head + 1],
            program[head + 2],
            program[head + 3],
            program[head + 4],
            program[head + 5],
        )
        sources, factors, finals, start, lines = (
            program[head + 6],
            program[head + 7],
            program[head + 8],
            program[head + 9],
            program[head + 10],
        )
        for block in range(blocks):
            for sub in range(subs):
                for segment in range(segments):
                    where = (block * segments + segment) * subs + sub
                    _assemble(
                        memory,
                        program,
                        reals,
                        first_segment + SEGMENT_FIELDS * segment,
                        sources + LANES * where,
                        factors + 4 * LANES * where,
                        room,
                        scratch,
                        sub,
                        fold,
                    )
            if twiddle >= 0:
                _twist(memory, room, n, reals, twiddle, 1.0)
            fft(memory, room, row, result, row, scratch, plan, program, reals, there)
            done = block * LANES * subs
            o = start + 2 * done * count
            valid = min(lines - done, LANES * subs)
            for i in range(count):
                j = result + ROW * program[places + i]
                x, y = load(memory, j), load(memory, j + HALF)
                f = finals + block * subs * 2 * LANES
                a, b = load(reals, f), load(reals, f + LANES)
                if form == COMPLEX:
                    _emit(memory, out, scratch, o, valid, fma(x, a, -(y * b)), fma(x, b, y * a))
                else:
                    c, d = load(reals, f + 2 * LANES), load(reals, f + 3 * LANES)
                    if form == REAL_OUT:
                        s, t = spread(reals, angles + 2 * i), spread(reals, angles + 2 * i + 1)
                        u, v = fma(x, s, y * t), fma(y, s, -(x * t))
                        ar, ai = fma(a, s, -(b * t)), fma(a, t, b * s)
                        br, bi = fma(c, s, -(d * t)), fma(c, t, d * s)
                        px, py, qx, qy = u * ar, u * ai, v * br, v * bi
                    else:
                        k = result + ROW * program[mates + i]
                        z, w = load(memory, k), load(memory, k + HALF)
                        ux, uy, vx, vy = x + z, y - w, y + w, z - x
                        px, py = fma(ux, a, -(uy * b)), fma(ux, b, uy * a)
                        qx, qy = fma(vx, c, -(vy * d)), fma(vx, d, vy * c)
                    _emit(memory, out, scratch, o, min(valid, LANES), px, py)
                    if valid > LANES:
                        _emit(memory, out, scratch, o + 2 * LANES, valid - LANES, qx, qy)
                o += 2 * valid
        head += CLASS_FIELDS


@kernel
def lines_adjoint(memory: Array, given: Array, program: Array, at: Any, reals: Array) -> None:
    """Apply the transposed linear map of :func:`lines_forward` to weighted structure factors.

    The rows of the plane stage are added to; the weights are the numbers of reflections in the classes, which makes
    the whole N0 N1 N2 times the inverse.
    """
    row, back = np.int64(ROW), np.int64(HALF)
    classes, form, n, plan, segments, room = (
        program[at],
        program[at + 1],
        program[at + 2],
        program[at + 3],
        program[at + 4],
        program[at + 5],
    )
    fold = n if program[at + 6] else 0
    subs = 1 if form == COMPLEX else 2
    first_segment = at + 8
    head = first_segment + SEGMENT_FIELDS * segments
    result, scratch = room + n * ROW, room + 2 * n * ROW
    for _ in range(classes):
        blocks, count, places, mates, angles, twiddle = (
            program[head],
            program[head + 1],
            program[head + 2],
            program[head + 3],
            program[head + 4],
            program[head + 5],
        )
        sources, factors, finals, start, lines = (
            program[head + 6],
            program[head + 7],
            program[head + 8],
            program[head + 9],
            program[head + 10],
        )
        weights, line_weights = program[head + 11], program[head + 12]
        for block in range(blocks):
            for i in range(0, n * ROW, HALF):
                store(memory, result + i, fill(memory, 0.0))
            done = block * LANES * subs
            o = start + 2 * done * count
            valid = min(lines - done, LANES * subs)
            f = finals + block * subs * 2 * LANES
            q = line_weights + block * subs * LANES
            for i in range(count):
                j = result + ROW * program[places + i]
                g = spread(reals, weights + i)
                x, y = _take(memory, given, scratch, o, valid)
                m = g * load(reals, q)
                a, b = m * load(reals, f), m * load(reals, f + LANES)
                # conj(φ) F
                px, py = fma(x, a, y * b), fma(y, a, -(x * b))
                if form == COMPLEX:
                    store(memory, j, px)
                    store(memory, j + HALF, py)
                else:
                    qx, qy = fill(memory, 0.0), fill(memory, 0.0)
                    if valid > LANES:
                        x, y = _take(memory, given, scratch, o + 2 * LANES, valid - LANES)
                        m = g * load(reals, q + LANES)
                        c, d = m * load(reals, f + 2 * LANES), m * load(reals, f + 3 * LANES)
                        qx, qy = fma(x, c, y * d), fma(y, c, -(x * d))
                    if form == REAL_OUT:
                        s, t = spread(reals, angles + 2 * i), spread(reals, angles + 2 * i + 1)
                        u, v = fma(px, s, py * t), fma(qx, s, qy * t)
                        store(memory, j, fma(u, s, -(v * t)))
                        store(memory, j + HALF, fma(u, t, v * s))
                    else:
                        k = result + ROW * program[mates + i]
                        store(memory, j, load(memory, j) + (px - qy))
                        store(memory, j + HALF, load(memory, j + HALF) + (py + qx))
                        store(memory, k, load(memory, k) + (px + qy))
                        store(memory, k + HALF, load(memory, k + HALF) + (qx - py))
                o += 2 * valid
            fft(memory, result, row, room, row, scratch, plan, program, reals, back)
            if twiddle >= 0:
                _twist(memory, room, n, reals, twiddle, -1.0)
            for sub in range(subs):
                for segment in range(segments):
                    where = (block * segments + segment) * subs + sub
                    _distribute(
                        memory,
                        program,
                        reals,
                        first_segment + SEGMENT_FIELDS * segment,
                        sources + LANES * where,
                        factors + 4 * LANES * where,
                        room,
                        scratch,
                        sub,
                        fold,
                    )
        head += CLASS_FIELDS


# ---- between rows of planes and lines ----


@inlined
def _assemble(
    memory: Array,
    program: Array,
    reals: Array,
    segment: Any,
    source: Any,
    factor: Any,
    line: Any,
    scratch: Any,
    sub: Any,
    fold: Any,
) -> None:
    """Write p(z) = e(-(H·u)/N) P(RᵀH; ±z) of eight lines into a row for each z; times i, added, for the second eight.

    Where `fold` is n and not zero, p(n - z) = conj p(z) is written too.
    """
    groups, columns, part, sheared = program[segment], program[segment + 1], program[segment + 2], program[segment + 3]
    xx, xy = load(reals, factor), load(reals, factor + LANES)
    yx, yy = load(reals, factor + 2 * LANES), load(reals, factor + 3 * LANES)
    for group in range(groups):
        _transpose(memory, program, source, LANES * group, scratch)
        if part:
            _transpose(memory, program, source, LANES * group + part, scratch + LANES * LANES)
        for j in range(LANES):
            z = program[columns + LANES * group + j]
            if z < 0:
                continue
            x = load(memory, scratch + LANES * j)
            if part:
                y = load(memory, scratch + LANES * (LANES + j))
                u, v = fma(x, xx, y * xy), fma(x, yx, y * yy)
            else:
                u, v = x * xx, x * yx
            if sheared:
                c, s = _shear(memory, program, reals, segment, source, LANES * group + j, scratch + 2 * LANES * LANES)
                u, v = fma(u, c, -(v * s)), fma(u, s, v * c)
            _lay(memory, line + ROW * z, u, v, sub)
            if fold and z and 2 * z != fold:
                _lay(memory, line + ROW * (fold - z), u, -v, sub)


@inlined
def _lay(memory: Array, o: Any, u: Any, v: Any, sub: Any) -> None:
    """Write u + iv to a row, or add i(u + iv)."""
    if sub:
        u, v = load(memory, o) - v, load(memory, o + HALF) + u
    store(memory, o, u)
    store(memory, o + HALF, v)


@inlined
def _distribute(
    memory: Array,
    program: Array,
    reals: Array,
    segment: Any,
    source: Any,
    factor: Any,
    line: Any,
    scratch: Any,
    sub: Any,
    fold: Any,
) -> None:
    """Transposed map of :func:`_assemble`."""
    groups, columns, part, sheared = program[segment], program[segment + 1], program[segment + 2], program[segment + 3]
    xx, xy = load(reals, factor), load(reals, factor + LANES)
    yx, yy = load(reals, factor + 2 * LANES), load(reals, factor + 3 * LANES)
    for group in range(groups):
        for j in range(LANES):
            z = program[columns + LANES * group + j]
            x, y = fill(memory, 0.0), fill(memory, 0.0)
            if z >= 0:
                o = line + ROW * z
                u, v = load(memory, o), load(memory, o + HALF)
                if fold and z and 2 * z != fold:
                    o = line + ROW * (fold - z)
                    a, b = load(memory, o), load(memory, o + HALF)
                    if sub:
                        u, v = u - a, v + b
                    else:
                        u, v = u + a, v - b
                if sub:
                    u, v = v, -u
                if sheared:
                    c, s = _shear(
                        memory, program, reals, segment, source, LANES * group + j, scratch + 2 * LANES * LANES
                    )
                    u, v = fma(u, c, v * s), fma(v, c, -(u * s))
                x, y = fma(u, xx, v * yx), fma(u, xy, v * yy)
            store(memory, scratch + LANES * j, x)
            store(memory, scratch + LANES * (LANES + j), y)
        _transpose_back(memory, program, source, LANES * group, scratch)
        if part:
            _transpose_back(memory, program, source, LANES * group + part, scratch + LANES * LANES)


@inlined
def _shear(memory: Array, program: Array, reals: Array, segment: Any, source: Any, column: Any, room: Any) -> Any:
    """Return the lanes of e(-(H·v z + RᵀH·c(z))/N)."""
    period, roots, steps, planes = (
        program[segment + 4],
        program[segment + 5],
        program[segment + 6] + 3 * (source - program[segment + 7]),
        program[segment + 1] + LANES * program[segment] + 3 * column,
    )
    for lane in range(LANES):
        s = steps + 3 * lane
        turns = program[s] * program[planes]
        turns += program[s + 1] * program[planes + 1] + program[s + 2] * program[planes + 2]
        r = roots + 2 * (turns % period)
        memory[room + lane] = reals[r]
        memory[room + LANES + lane] = reals[r + 1]
    return load(memory, room), load(memory, room + LANES)


@inlined
def _round(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Any:
    """One of three equal rounds of perfect shuffles that transpose eight vectors."""
    return (
        interleave_low(a, e),
        interleave_high(a, e),
        interleave_low(b, f),
        interleave_high(b, f),
        interleave_low(c, g),
        interleave_high(c, g),
        interleave_low(d, h),
        interleave_high(d, h),
    )


@inlined
def _transpose(memory: Array, program: Array, source: Any, offset: Any, to: Any) -> None:
    """Write eight numbers of eight rows as eight vectors with a lane for each row."""
    a, b = load(memory, program[source] + offset), load(memory, program[source + 1] + offset)
    c, d = load(memory, program[source + 2] + offset), load(memory, program[source + 3] + offset)
    e, f = load(memory, program[source + 4] + offset), load(memory, program[source + 5] + offset)
    g, h = load(memory, program[source + 6] + offset), load(memory, program[source + 7] + offset)
    a, b, c, d, e, f, g, h = _round(a, b, c, d, e, f, g, h)
    a, b, c, d, e, f, g, h = _round(a, b, c, d, e, f, g, h)
    a, b, c, d, e, f, g, h = _round(a, b, c, d, e, f, g, h)
    store(memory, to, a)
    store(memory, to + LANES, b)
    store(memory, to + 2 * LANES, c)
    store(memory, to + 3 * LANES, d)
    store(memory, to + 4 * LANES, e)
    store(memory, to + 5 * LANES, f)
    store(memory, to + 6 * LANES, g)
    store(memory, to + 7 * LANES, h)


@inlined
def _transpose_back(memory: Array, program: Array, source: Any, offset: Any, at: Any) -> None:
    """Add eight vectors with a lane for each row to eight numbers of eight rows."""
    a, b = load(memory, at), load(memory, at + LANES)
    c, d = load(memory, at + 2 * LANES), load(memory, at + 3 * LANES)
    e, f = load(memory, at + 4 * LANES), load(memory, at + 5 * LANES)
    g, h = load(memory, at + 6 * LANES), load(memory, at + 7 * LANES)
    a, b, c, d, e, f, g, h = _round(a, b, c, d, e, f, g, h)
    a, b, c, d, e, f, g, h = _round(a, b, c, d, e, f, g, h)
    a, b, c, d, e, f, g, h = _round(a, b, c, d, e, f, g, h)
    _add(memory, program[source] + offset, a)
    _add(memory, program[source + 1] + offset, b)
    _add(memory, program[source + 2] + offset, c)
    _add(memory, program[source + 3] + offset, d)
    _add(memory, program[source + 4] + offset, e)
    _add(memory, program[source + 5] + offset, f)
    _add(memory, program[source + 6] + offset, g)
    _add(memory, program[source + 7] + offset, h)


@inlined
def _add(memory: Array, at: Any, lanes: Any) -> None:
    store(memory, at, load(memory, at) + lanes)


@inlined
def _twist(memory: Array, line: Any, n: Any, reals: Array, twiddle: Any, sign: Any) -> None:
    """Multiply row z by e(∓rz/N)."""
    for z in range(n):
        c, s = spread(reals, twiddle + 2 * z), spread(reals, twiddle + 2 * z + 1)
        s = s * fill(memory, sign)
        x, y = load(memory, line + ROW * z), load(memory, line + ROW * z + HALF)
        store(memory, line + ROW * z, fma(x, c, -(y * s)))
        store(memory, line + ROW * z + HALF, fma(x, s, y * c))


# ---- between lanes and complex numbers ----


@inlined
def _emit(memory: Array, out: Array, scratch: Any, o: Any, valid: Any, x: Any, y: Any) -> None:
    """Write the first lanes of x + iy as complex numbers."""
    if valid == LANES:
        store(out, o, interleave_low(x, y))
        store(out, o + LANES, interleave_high(x, y))
    else:
        store(memory, scratch, interleave_low(x, y))
        store(memory, scratch + LANES, interleave_high(x, y))
        for i in range(2 * valid):
            out[o + i] = memory[scratch + i]


@inlined
def _take(memory: Array, given: Array, scratch: Any, o: Any, valid: Any) -> Any:
    """Read complex numbers into the first lanes; the others are zero."""
    if valid >= LANES:
        a, b = load(given, o), load(given, o + LANES)
    else:
        store(memory, scratch, fill(memory, 0.0))
        store(memory, scratch + LANES, fill(memory, 0.0))
        for i in range(2 * valid):
            memory[scratch + i] = given[o + i]
        a, b = load(memory, scratch), load(memory, scratch + LANES)
    return evens(a, b), odds(a, b)
