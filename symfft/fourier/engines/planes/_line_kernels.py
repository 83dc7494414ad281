"""Compiled loops of the line stage: eight or sixteen lines along the unique axis at a time.

See :mod:`symfft.fourier.engines.planes.lines` for the formulas and for the tables.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symfft._array_types import Array
from symfft._compile import bare, embedded
from symfft._compile.lanes import LANES, fill, fma, is_aligned, load, prefetch, store
from symfft.fourier.engines.planes._fft import fft
from symfft.fourier.engines.planes._radices import HALF, ROW
from symfft.fourier.engines.planes._spectra import put_spectra, take_spectra, twist
from symfft.fourier.engines.planes._transpose import transpose, transpose_adding
from symfft.fourier.engines.planes.opcodes import (
    COMPLEX,
    LINE_CLASS,
    LINES,
    SEGMENT,
    read_class,
    read_lines,
    read_segment,
)


@bare
def lines(
    memory: Array,
    factors: Array,
    program: Array,
    at: Any,
    reals: Array,
    first: Any,
    last: Any,
    shift: Any,
    is_large: Any,
    forward: bool,
) -> None:
    """Transform lines into structure factors; or apply the transposed map, adding to the rows of the plane stage.

    The weights of the way back are the numbers of reflections in the classes, which makes the whole N0 N1 N2 times the
    inverse.

    Parameters
    ----------
    memory : 1-D float
        Work space with the rows of the plane stage.
    factors : (2 n_h,) float
        Real and imaginary parts of F.
    program, at, reals : 1-D int64, int, 1-D float
        Tables, and where the line stage begins in the first.
    first, last : int
        Which blocks of lines, of all classes in sequence.
    shift : int
        By how much the rows lie farther than the program says.
    is_large : bool
        Whether caches do not hold all results.
    forward : bool
        Known when this is written.
    """
    row = np.int64(ROW)
    head = read_lines(program, at)
    form, n, room = head.form, head.n, head.room
    fold = n if head.fold else 0
    subs = 1 if form == COMPLEX else 2
    result, scratch = room + n * ROW, room + 2 * n * ROW
    at += LINES
    group_at = at + SEGMENT * head.segments
    for _ in range(head.classes):
        group = read_class(program, group_at)
        for block in range(max(first, 0), min(last, group.blocks)):
            if not forward:
                take_spectra(memory, factors, program, reals, group_at, block, form, n, result, scratch)
                fft(memory, result, row, room, row, scratch, head.plan, program, reals, np.int64(HALF))
                if group.twiddle >= 0:
                    twist(memory, room, n, reals, group.twiddle, -1.0)
            for sub in range(subs):
                for segment in range(head.segments):
                    where = (block * head.segments + segment) * subs + sub
                    tables = (at + SEGMENT * segment, group.sources + LANES * where, group.factors + 4 * LANES * where)
                    if forward:
                        _assemble(memory, program, reals, tables, room, scratch, sub, fold, shift)
                    else:
                        _distribute(memory, program, reals, tables, room, scratch, sub, fold, shift)
            if forward:
                if group.twiddle >= 0:
                    twist(memory, room, n, reals, group.twiddle, 1.0)
                fft(memory, room, row, result, row, scratch, head.plan, program, reals, np.int64(0))
                done = block * LANES * subs
                o = group.start + 2 * done * group.number
                if is_large and group.lines - done >= LANES * subs and is_aligned(factors, o):
                    put_spectra(memory, factors, program, reals, group_at, block, form, result, scratch, True)
                else:
                    put_spectra(memory, factors, program, reals, group_at, block, form, result, scratch, False)
        first, last = first - group.blocks, last - group.blocks
        group_at += LINE_CLASS


# ---- between rows of planes and lines ----


@embedded
def _assemble(
    memory: Array,
    program: Array,
    reals: Array,
    tables: Any,
    line: Any,
    scratch: Any,
    sub: Any,
    fold: Any,
    shift: Any,
) -> None:
    """Write p(z) = e(-(H·u)/N) P(RᵀH; ±z) of eight lines into a row for each z; times i, added, for the second eight.

    Where `fold` is n and not zero, p(n - z) = conj p(z) is written too.
    """
    segment, source, factor = tables
    table = read_segment(program, segment)
    groups, columns, part, sheared = table.groups, table.columns, table.part, table.sheared
    xx, xy = load(reals, factor), load(reals, factor + LANES)
    yx, yy = load(reals, factor + 2 * LANES), load(reals, factor + 3 * LANES)
    for group in range(groups):
        transpose(memory, program, source, LANES * group + shift, scratch, LANES)
        for lane in range(LANES):
            prefetch(memory, program[source + LANES + lane] + LANES * group + shift)
        if part:
            transpose(memory, program, source, LANES * group + part + shift, scratch + LANES * LANES, LANES)
            for lane in range(LANES):
                prefetch(memory, program[source + LANES + lane] + LANES * group + part + shift)
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


@embedded
def _lay(memory: Array, o: Any, u: Any, v: Any, sub: Any) -> None:
    """Write u + iv to a row, or add i(u + iv)."""
    if sub:
        u, v = load(memory, o) - v, load(memory, o + HALF) + u
    store(memory, o, u)
    store(memory, o + HALF, v)


@embedded
def _distribute(
    memory: Array,
    program: Array,
    reals: Array,
    tables: Any,
    line: Any,
    scratch: Any,
    sub: Any,
    fold: Any,
    shift: Any,
) -> None:
    """Transposed map of :func:`_assemble`."""
    segment, source, factor = tables
    table = read_segment(program, segment)
    groups, columns, part, sheared = table.groups, table.columns, table.part, table.sheared
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
        transpose_adding(memory, program, source, LANES * group + shift, scratch)
        if part:
            transpose_adding(memory, program, source, LANES * group + part + shift, scratch + LANES * LANES)


@embedded
def _shear(memory: Array, program: Array, reals: Array, segment: Any, source: Any, column: Any, room: Any) -> Any:
    """Return the lanes of e(-(H·v z + RᵀH·c(z))/N)."""
    table = read_segment(program, segment)
    period, roots, steps = table.period, table.roots, table.steps + 3 * (source - table.sources)
    planes = table.columns + LANES * table.groups + 3 * column
    for lane in range(LANES):
        s = steps + 3 * lane
        turns = program[s] * program[planes]
        turns += program[s + 1] * program[planes + 1] + program[s + 2] * program[planes + 2]
        r = roots + 2 * (turns % period)
        memory[room + lane] = reals[r]
        memory[room + LANES + lane] = reals[r + 1]
    return load(memory, room), load(memory, room + LANES)
