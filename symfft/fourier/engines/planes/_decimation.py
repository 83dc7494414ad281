"""Rows of planes with a 3-, 4- or 6-fold axis from those of a part of their points, and the transposed maps."""

from __future__ import annotations

from typing import Any

from symfft._array_types import Array
from symfft._compile import bare, embedded, inlined
from symfft._compile.lanes import fill, fma, load, spread, store
from symfft.fourier.engines.planes._radices import HALF, ROW
from symfft.fourier.engines.planes.opcodes import read_decimation, read_halving


@bare
def decimation(memory: Array, program: Array, op: Any, reals: Array, width: Any, to: Any, forward: bool) -> None:
    step, (out, row_step, part_step) = read_decimation(program, op), to
    count, p2, real, places, gaps = step.number, step.classes, step.real, step.sources, step.gaps
    if not forward:
        _clear(memory, step)
    for i in range(count):
        o = out + i * p2 * row_step
        for y in range(p2):
            a = program[places + i * p2 + y]
            b = a + program[gaps + y]
            f = step.factors + 4 * (i * p2 + y)
            t = step.room + 2 * ROW * y
            xx, xy, yx, yy = spread(reals, f), spread(reals, f + 1), spread(reals, f + 2), spread(reals, f + 3)
            for half in range(0, width, HALF):
                if forward:
                    x, z = load(memory, a + half), load(memory, b + half)
                    store(memory, t + half, fma(xx, x, xy * z))
                    store(memory, t + ROW + half, fma(yx, x, yy * z))
                else:
                    u, v = fill(memory, 0.0), fill(memory, 0.0)
                    for s in range(p2):
                        r = step.roots + 2 * (s * p2 + y)
                        c, d = spread(reals, r), spread(reals, r + 1)
                        x = load(memory, o + s * row_step + half)
                        u, v = fma(c, x, u), fma(-d, x, v)
                        if not real:
                            z = load(memory, o + s * row_step + part_step + half)
                            u, v = fma(d, z, u), fma(c, z, v)
                    store(memory, a + half, load(memory, a + half) + fma(xx, u, yx * v))
                    if b != a:
                        store(memory, b + half, load(memory, b + half) + fma(xy, u, yy * v))
        if forward:
            _add_classes(memory, reals, step, o, row_step, part_step, width)


@embedded
def _add_classes(memory: Array, reals: Array, step: Any, o: Any, row_step: Any, part_step: Any, width: Any) -> None:
    """Add what has been written of the classes, times roots of unity."""
    p2 = step.classes
    for s in range(p2):
        for half in range(0, width, HALF):
            x, z = fill(memory, 0.0), fill(memory, 0.0)
            for y in range(p2):
                r = step.roots + 2 * (s * p2 + y)
                t = step.room + 2 * ROW * y + half
                u, v = load(memory, t), load(memory, t + ROW)
                c, d = spread(reals, r), spread(reals, r + 1)
                x = fma(c, u, fma(-d, v, x))
                if not step.real:
                    z = fma(d, u, fma(c, v, z))
            store(memory, o + s * row_step + half, x)
            if not step.real:
                store(memory, o + s * row_step + part_step + half, z)


@bare
def halving(memory: Array, program: Array, op: Any, reals: Array, width: Any, to: Any, forward: bool) -> None:
    step, (out, row_step, part_step) = read_halving(program, op), to
    real, signs = step.real, step.signs
    if not forward:
        _clear(memory, step)
    for i in range(step.number):
        p, f, o = step.sources + 8 * i, step.factors + 16 * i, out + 4 * i * row_step
        for half in range(0, width, HALF):
            q, t = o + half, o + part_step + half
            if forward:
                ax, ay = _term(memory, program, reals, p, f, half)
                bx, by = _term(memory, program, reals, p + 2, f + 4, half)
                cx, cy = _term(memory, program, reals, p + 4, f + 8, half)
                dx, dy = _term(memory, program, reals, p + 6, f + 12, half)
                ax, bx, cx, dx = _hadamard(ax, bx, cx, dx)
            else:
                ax, bx, cx, dx = _four(memory, q, row_step)
            if real:
                bx, cx, dx = bx * spread(reals, signs + 1), cx * spread(reals, signs + 2), dx * spread(reals, signs + 3)
            if forward:
                _store_four(memory, q, row_step, ax, bx, cx, dx)
                if not real:
                    ay, by, cy, dy = _hadamard(ay, by, cy, dy)
                    _store_four(memory, t, row_step, ay, by, cy, dy)
            else:
                ay, by, cy, dy = ax, bx, cx, dx
                if not real:
                    ay, by, cy, dy = _four(memory, t, row_step)
                ax, bx, cx, dx = _hadamard(ax, bx, cx, dx)
                ay, by, cy, dy = _hadamard(ay, by, cy, dy)
                _add_term(memory, program, reals, p, f, half, ax, ay)
                _add_term(memory, program, reals, p + 2, f + 4, half, bx, by)
                _add_term(memory, program, reals, p + 4, f + 8, half, cx, cy)
                _add_term(memory, program, reals, p + 6, f + 12, half, dx, dy)


@embedded
def _clear(memory: Array, step: Any) -> None:
    """Rows of the children become sums over the members of their orbits."""
    for i in range(step.start, step.end, HALF):
        store(memory, i, fill(memory, 0.0))


@embedded
def _four(memory: Array, at: Any, gap: Any) -> Any:
    return load(memory, at), load(memory, at + gap), load(memory, at + 2 * gap), load(memory, at + 3 * gap)


@embedded
def _store_four(memory: Array, at: Any, gap: Any, a: Any, b: Any, c: Any, d: Any) -> None:
    store(memory, at, a)
    store(memory, at + gap, b)
    store(memory, at + 2 * gap, c)
    store(memory, at + 3 * gap, d)


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


@inlined
def _hadamard(a: Any, b: Any, c: Any, d: Any) -> Any:
    p, q, r, s = a + b, a - b, c + d, c - d
    return p + r, q + s, p - r, q - s
