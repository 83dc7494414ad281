"""Small planes: the product of a matrix with the values at their points, and of its transpose on the way back."""

from __future__ import annotations

from typing import Any

from symfft._array_types import Array
from symfft._compile import bare
from symfft._compile.lanes import fill, fma, load, spread, store
from symfft.fourier.engines.planes._points import points_of
from symfft.fourier.engines.planes._radices import HALF, ROW
from symfft.fourier.engines.planes.opcodes import read_matrix


@bare
def matrix_product(
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
    width = HALF if valid <= HALF else ROW
    step, (out, row_step, part_step) = read_matrix(program, op), to
    points, outputs, parts, room = step.points, step.outputs, step.parts, step.room
    at = step.labels + chunk * points * 2
    result = room + points * ROW
    if forward:
        for i in range(points):
            points_of(values, memory, program, labels, at + 2 * i, room + ROW * i, valid, forward)
        product(memory, reals, step.matrix, outputs, points, room, result, width)
    for i in range(outputs):
        o, r = out + (i // parts) * row_step + (i % parts) * part_step, result + i * ROW
        for half in range(0, width, HALF):
            if forward:
                store(memory, o + half, load(memory, r + half))
            else:
                store(memory, r + half, load(memory, o + half))
    if not forward:
        product(memory, reals, step.transposed, points, outputs, result, room, width)
        for i in range(points):
            points_of(values, memory, program, labels, at + 2 * i, room + ROW * i, valid, forward)


@bare
def product(memory: Array, reals: Array, matrix: Any, m: Any, n: Any, source: Any, target: Any, width: Any) -> None:
    """Multiply n rows by an (m, n) matrix, which is stored by eights of its rows; the target has room for eights."""
    for half in range(0, width, HALF):
        for i in range(0, m, 8):
            a, b, c, d = fill(memory, 0.0), fill(memory, 0.0), fill(memory, 0.0), fill(memory, 0.0)
            e, f, g, h = fill(memory, 0.0), fill(memory, 0.0), fill(memory, 0.0), fill(memory, 0.0)
            for k in range(n):
                x = load(memory, source + k * ROW + half)
                r = matrix + i * n + 8 * k
                a, b = fma(spread(reals, r), x, a), fma(spread(reals, r + 1), x, b)
                c, d = fma(spread(reals, r + 2), x, c), fma(spread(reals, r + 3), x, d)
                e, f = fma(spread(reals, r + 4), x, e), fma(spread(reals, r + 5), x, f)
                g, h = fma(spread(reals, r + 6), x, g), fma(spread(reals, r + 7), x, h)
            o = target + i * ROW + half
            store(memory, o, a)
            store(memory, o + ROW, b)
            store(memory, o + 2 * ROW, c)
            store(memory, o + 3 * ROW, d)
            store(memory, o + 4 * ROW, e)
            store(memory, o + 5 * ROW, f)
            store(memory, o + 6 * ROW, g)
            store(memory, o + 7 * ROW, h)
