"""Compiled loops of lines through planes whose columns share vectors: see :mod:`symfft.fourier.planes.columns`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.fourier._lanes import LANES, element, fill, fma, load, prefetch, prefetch_to_write, store
from symfft.fourier._loops import inlined, kernel
from symfft.fourier.planes._fft import fft, order_of
from symfft.fourier.planes._radices import HALF, ROW
from symfft.fourier.planes._spectra import COMPLEX, put_spectra, take_spectra, twist

Array = NDArray[Any]

#: Fields before the heads of the classes, and of each.
FIELDS, CLASS_FIELDS = 17, 18


@kernel
def column_lines_forward(memory: Array, rows: Array, out: Array, program: Array, at: Any, reals: Array) -> None:
    """Transform all lines into structure factors.

    Parameters
    ----------
    memory, rows : 1-D float
        Work space, with rows of the plane stage, and the part of `out` with the others.
    out : (2 n_h,) float
        Overwritten: real and imaginary parts of F.
    program, at, reals : 1-D int64, int, 1-D float
        Tables; the fields of this stage begin at `at`.
    """
    row, there = np.int64(ROW), np.int64(0)
    form, n, plan, rooms = program[at + 1], program[at + 2], program[at + 3], program[at + 15]
    order, plain = order_of(program, plan), program[at + 16]
    subs = 1 if form == COMPLEX else 2
    result, scratch, spare = program[at + 10], program[at + 11], program[at + 14]
    head = at + FIELDS
    for _ in range(program[at]):
        blocks, group = program[head], program[head + 16]
        for first in range(0, blocks, group):
            together = min(group, blocks - first)
            # results take the place of rows that have been read
            for i in range(together):
                room = rooms + n * ROW * i
                if program[head + 14]:
                    _assemble_any(memory, program, at, head, reals, first + i, subs, room)
                elif program[head + 13]:
                    _assemble(memory, memory, program, at, head, reals, first + i, subs, row, 0, room)
                else:
                    stride = ROW * program[head + 17] * together
                    skew = first // group % program[at + 7]
                    _assemble(rows, memory, program, at, head, reals, first + i, subs, stride, skew, room)
            for i in range(together):
                room = rooms + n * ROW * i
                if program[head + 5] >= 0:
                    twist(memory, program, room, plain, n, reals, program[head + 5], 1.0)
                spectrum = fft(memory, room, row, result, row, scratch, plan, program, reals, there)
                put_spectra(memory, out, program, reals, head, first + i, form, spectrum, order, spare)
        head += CLASS_FIELDS


@kernel
def column_lines_adjoint(values: Array, memory: Array, given: Array, program: Array, at: Any, reals: Array) -> None:
    """Apply the transposed linear map of :func:`column_lines_forward` to weighted structure factors.

    Rows are set, in `values` and `memory`.
    """
    row, back = np.int64(ROW), np.int64(HALF)
    form, n, plan, room = program[at + 1], program[at + 2], program[at + 3], program[at + 5]
    order = order_of(program, plan)
    subs = 1 if form == COMPLEX else 2
    result, scratch, spare = program[at + 10], program[at + 11], program[at + 14]
    head = at + FIELDS
    for _ in range(program[at]):
        for block in range(program[head]):
            take_spectra(memory, given, program, reals, head, block, form, n, room, spare)
            line = fft(memory, room, row, result, row, scratch, plan, program, reals, back)
            if program[head + 5] >= 0:
                twist(memory, program, line, order, n, reals, program[head + 5], -1.0)
            _distribute(values, memory, program, at, head, reals, block, subs, line, order, spare)
        head += CLASS_FIELDS


@inlined
def _lay(
    memory: Array,
    program: Array,
    at: Any,
    head: Any,
    reals: Array,
    block: Any,
    subs: Any,
    room: Any,
    plane: Any,
    px: Any,
    py: Any,
    qx: Any,
    qy: Any,
) -> None:
    """Write p(z) = e(-(H·u)/N) P(RᵀH; z'), of eight lines plus i times eight others, wherever a plane stands for z."""
    n, segments, fold = program[at + 2], program[at + 4], program[at + 6]
    reach = program[at + 9] + plane * segments
    for segment in range(segments):
        z = element(program, reach + segment)
        if z < 0:
            continue
        f = program[head + 7] + 4 * LANES * (block * subs * segments + segment)
        u = fma(px, load(reals, f), py * load(reals, f + LANES))
        v = fma(px, load(reals, f + 2 * LANES), py * load(reals, f + 3 * LANES))
        o = room + ROW * z
        m = room + ROW * (n - z)
        mirrored = fold and z and 2 * z != n
        if subs == 1:
            store(memory, o, u)
            store(memory, o + HALF, v)
            if mirrored:
                store(memory, m, u)
                store(memory, m + HALF, -v)
        else:
            f += 4 * LANES * segments
            x = fma(qx, load(reals, f), qy * load(reals, f + LANES))
            y = fma(qx, load(reals, f + 2 * LANES), qy * load(reals, f + 3 * LANES))
            store(memory, o, u - y)
            store(memory, o + HALF, v + x)
            if mirrored:
                store(memory, m, u + y)
                store(memory, m + HALF, x - v)


@inlined
def _assemble(
    rows: Array,
    memory: Array,
    program: Array,
    at: Any,
    head: Any,
    reals: Array,
    block: Any,
    subs: Any,
    stride: Any,
    skew: Any,
    room: Any,
) -> None:
    """Eight lines that lie side by side in `rows`, those of plane z ``stride ((z + skew) mod planes)`` further."""
    part = program[at + 8]
    sources = program[head + 6] + block * subs
    first, second = program[sources], program[sources + subs - 1]
    # the next group's rows come into the cache meanwhile
    further = program[head + 16] * subs if block + program[head + 16] < program[head] else 0
    ahead = program[sources + further] - first
    for plane in range(program[at + 7]):
        z = plane + skew
        offset = stride * (z if z < program[at + 7] else z - program[at + 7])
        a, b = first + offset, second + offset
        prefetch(rows, a + ahead)
        prefetch(rows, a + ahead + HALF)
        if subs == 2:
            prefetch(rows, b + ahead)
            prefetch(rows, b + ahead + HALF)
        px, qx = load(rows, a), load(rows, b)
        py, qy = fill(memory, 0.0), fill(memory, 0.0)
        if part:
            py, qy = load(rows, a + part), load(rows, b + part)
        _lay(memory, program, at, head, reals, block, subs, room, plane, px, py, qx, qy)


@inlined
def _assemble_any(
    memory: Array, program: Array, at: Any, head: Any, reals: Array, block: Any, subs: Any, room: Any
) -> None:
    """Eight lines from anywhere in the work space."""
    part, scratch = program[at + 8], program[at + 14]
    sources = program[head + 6] + LANES * block * subs
    for plane in range(program[at + 7]):
        for i in range(LANES * subs):
            a = program[sources + i] + ROW * plane
            memory[scratch + i] = memory[a]
            memory[scratch + ROW + i] = memory[a + part]
        px, qx = load(memory, scratch), load(memory, scratch + HALF)
        py, qy = fill(memory, 0.0), fill(memory, 0.0)
        if part:
            py, qy = load(memory, scratch + ROW), load(memory, scratch + ROW + HALF)
        _lay(memory, program, at, head, reals, block, subs, room, plane, px, py, qx, qy)


@inlined
def _distribute(
    values: Array,
    memory: Array,
    program: Array,
    at: Any,
    head: Any,
    reals: Array,
    block: Any,
    subs: Any,
    line: Any,
    order: Any,
    scratch: Any,
) -> None:
    """Transposed map of :func:`_lay`, from row z at `order`'s z-th place past `line` into the rows of all planes."""
    n, segments, fold, part = program[at + 2], program[at + 4], program[at + 6], program[at + 8]
    lanes = LANES if program[head + 14] else 1
    lines = program[head + 10] - block * LANES * subs
    ahead = subs if block + 1 < program[head] else 0
    for plane in range(program[at + 7]):
        reach = program[at + 9] + plane * segments
        px, py, qx, qy = fill(memory, 0.0), fill(memory, 0.0), fill(memory, 0.0), fill(memory, 0.0)
        for segment in range(segments):
            z = element(program, reach + segment)
            if z < 0:
                continue
            o = line + element(program, order + z)
            u, v = load(memory, o), load(memory, o + HALF)
            x, y = v, -u
            if fold and z and 2 * z != n:
                m = line + element(program, order + n - z)
                a, b = load(memory, m), load(memory, m + HALF)
                u, v, x, y = u + a, v - b, x + b, y + a
            f = program[head + 7] + 4 * LANES * (block * subs * segments + segment)
            px = fma(u, load(reals, f), fma(v, load(reals, f + 2 * LANES), px))
            py = fma(u, load(reals, f + LANES), fma(v, load(reals, f + 3 * LANES), py))
            if subs == 2:
                f += 4 * LANES * segments
                qx = fma(x, load(reals, f), fma(y, load(reals, f + 2 * LANES), qx))
                qy = fma(x, load(reals, f + LANES), fma(y, load(reals, f + 3 * LANES), qy))
        slots = program[head + 15] + lanes * block * subs
        places = program[at + 12] + plane * program[at + 13]
        if lanes == 1:
            # the next block's rows come into the cache meanwhile
            following = element(program, places + (element(program, slots + ahead) >> 4))
            prefetch_to_write(values, following)
            prefetch_to_write(values, following + HALF)
            if ahead == 2:
                following = element(program, places + (element(program, slots + 3) >> 4))
                prefetch_to_write(values, following)
                prefetch_to_write(values, following + HALF)
            _store(values, memory, program, places, program[slots], part, px, py)
            if subs == 2:
                _store(values, memory, program, places, program[slots + 1], part, qx, qy)
            continue
        store(memory, scratch, px)
        store(memory, scratch + HALF, qx)
        store(memory, scratch + ROW, py)
        store(memory, scratch + ROW + HALF, qy)
        for i in range(min(lines, LANES * subs)):
            slot = program[slots + i]
            place = program[places + (slot >> 4)]
            if place >= 0:
                a = place + (slot & 15)
                values[a] = memory[scratch + i]
                if part:
                    values[a + part] = memory[scratch + ROW + i]
            else:
                a = ~place + (slot & 15)
                memory[a] = memory[scratch + i]
                if part:
                    memory[a + part] = memory[scratch + ROW + i]


@inlined
def _store(values: Array, memory: Array, program: Array, places: Any, slot: Any, part: Any, x: Any, y: Any) -> None:
    place = element(program, places + (slot >> 4))
    if place >= 0:
        a = place + (slot & 15)
        store(values, a, x)
        if part:
            store(values, a + part, y)
    else:
        a = ~place + (slot & 15)
        store(memory, a, x)
        if part:
            store(memory, a + part, y)
