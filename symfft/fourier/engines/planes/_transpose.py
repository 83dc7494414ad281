"""Eight numbers of eight rows as eight vectors with a lane for each row, and back."""

from __future__ import annotations

from typing import Any

from symfft._array_types import Array
from symfft._compile import inlined
from symfft._compile.lanes import LANES, element, interleave_high, interleave_low, load, store


@inlined
def transpose(memory: Array, program: Array, rows: Any, offset: Any, to: Any, gap: Any) -> None:
    """Write eight numbers of the rows at ``program[rows : rows + 8]``, from `offset` on, as vectors `gap` apart."""
    a, b = load(memory, element(program, rows) + offset), load(memory, element(program, rows + 1) + offset)
    c, d = load(memory, element(program, rows + 2) + offset), load(memory, element(program, rows + 3) + offset)
    e, f = load(memory, element(program, rows + 4) + offset), load(memory, element(program, rows + 5) + offset)
    g, h = load(memory, element(program, rows + 6) + offset), load(memory, element(program, rows + 7) + offset)
    a, b, c, d, e, f, g, h = _three_rounds(a, b, c, d, e, f, g, h)
    store(memory, to, a)
    store(memory, to + gap, b)
    store(memory, to + 2 * gap, c)
    store(memory, to + 3 * gap, d)
    store(memory, to + 4 * gap, e)
    store(memory, to + 5 * gap, f)
    store(memory, to + 6 * gap, g)
    store(memory, to + 7 * gap, h)


@inlined
def transpose_adding(memory: Array, program: Array, rows: Any, offset: Any, at: Any) -> None:
    """Transposed map of :func:`transpose`: add to the numbers of the rows."""
    a, b, c, d, e, f, g, h = _three_rounds(
        load(memory, at),
        load(memory, at + LANES),
        load(memory, at + 2 * LANES),
        load(memory, at + 3 * LANES),
        load(memory, at + 4 * LANES),
        load(memory, at + 5 * LANES),
        load(memory, at + 6 * LANES),
        load(memory, at + 7 * LANES),
    )
    _add(memory, element(program, rows) + offset, a)
    _add(memory, element(program, rows + 1) + offset, b)
    _add(memory, element(program, rows + 2) + offset, c)
    _add(memory, element(program, rows + 3) + offset, d)
    _add(memory, element(program, rows + 4) + offset, e)
    _add(memory, element(program, rows + 5) + offset, f)
    _add(memory, element(program, rows + 6) + offset, g)
    _add(memory, element(program, rows + 7) + offset, h)


@inlined
def _three_rounds(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Any:
    """Transpose eight vectors by perfect shuffles."""
    a, b, c, d, e, f, g, h = _round(a, b, c, d, e, f, g, h)
    a, b, c, d, e, f, g, h = _round(a, b, c, d, e, f, g, h)
    return _round(a, b, c, d, e, f, g, h)


@inlined
def _round(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Any:
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
def _add(memory: Array, at: Any, lanes: Any) -> None:
    store(memory, at, load(memory, at) + lanes)
