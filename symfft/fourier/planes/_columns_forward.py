"""Compiled loops of planes whose columns share vectors: see :mod:`symfft.fourier.planes.columns`.

An address of a *row*, eight real and eight imaginary parts or sixteen reals, lies in the array of results where it is
not negative, and is the complement of one in the work space where it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.fourier._lanes import (
    LANES,
    element,
    fill,
    gather,
    load,
    opaque,
    prefetch,
    prefetch_to_write,
    reverse,
    spread,
    store,
    stream,
)
from symfft.fourier._loops import inlined, kernel
from symfft.fourier.planes._fft import fft, order_of
from symfft.fourier.planes._radices import HALF, ROW, turn
from symfft.fourier.planes._transpose import transpose

Array = NDArray[Any]

#: How eight values follow one another; with SHARED, some of them are met more than once.
UPWARDS, DOWNWARDS, ANYHOW, SHARED = 0, 1, 2, 4


@kernel
def columns_forward(
    values: Array, out: Array, past: Any, memory: Array, program: Array, at: Any, labels: Array, reals: Array
) -> None:
    """Transform all planes; rows go to their places in `out` and `memory`.

    Parameters
    ----------
    values : (n,) float
        Values on the asymmetric unit.
    out : 1-D float
        Array of the results, from a cache line on.
    past : bool
        Whether to write to it past the caches.
    memory : 1-D float
        Work space.
    program, at, labels, reals : 1-D int64, int, 1-D int32, 1-D float
        Tables; the fields of this stage begin at `at`.
    """
    # the row of the columns that are not there
    nowhere = program[at + 9] + program[at + 10] * (program[at + 2] // 2 + 1)
    for i in range(0, program[at + 10], LANES):
        store(memory, nowhere + i, fill(memory, 0.0))
    for plane in range(program[at]):
        _along_first(values, memory, program, at, labels, reals, plane)
        if program[at + 1]:
            _along_second_centred(out, memory, program, at, reals, plane, past)
        else:
            _along_second(out, memory, program, at, reals, plane, past)


@inlined
def _fetch(values: Array, labels: Array, code: Any) -> Any:
    start = code >> 3
    if code & 3 == UPWARDS:
        return load(values, start)
    if code & 3 == DOWNWARDS:
        return reverse(load(values, start), load(values, start))
    return gather(values, labels, start)


@kernel
def _fetch_columns(
    values: Array, memory: Array, program: Array, labels: Array, codes: Any, step: Any, ahead: Any, n0: Any, room: Any
) -> None:
    """Read sixteen columns into n0 rows, and ask for those of the next plane, whose codes are `ahead`."""
    for x in range(n0):
        p = opaque(codes + step * x)
        a, b = element(program, p), element(program, p + 1)
        prefetch(values, element(program, p + ahead) >> 3)
        prefetch(values, element(program, p + ahead + 1) >> 3)
        o = opaque(room + ROW * x)
        store(memory, o, _fetch(values, labels, a))
        store(memory, o + HALF, _fetch(values, labels, b))


@kernel
def _along_first(
    values: Array, memory: Array, program: Array, at: Any, labels: Array, reals: Array, plane: Any
) -> None:
    row, there = np.int64(ROW), np.int64(0)
    n0, runs, plan, spectrum = program[at + 2], program[at + 4], program[at + 5], program[at + 6]
    grid, line, room, scratch = program[at + 9], program[at + 10], program[at + 11], program[at + 12]
    codes = program[at + 13] + 2 * plane * n0 * runs
    # the next plane's values come into the cache meanwhile
    ahead = 2 * n0 * runs if plane + 1 < program[at] else 0
    width = ROW * runs
    half = fill(memory, 0.5)
    order = order_of(program, plan)
    for run in range(runs):
        _fetch_columns(values, memory, program, labels, codes + 2 * run, 2 * runs, ahead, n0, room)
        first = fft(memory, room, row, spectrum, row, scratch, plan, program, reals, there)
        g = grid + ROW * run
        for h in range(n0 // 2 + 1):
            a, b = first + element(program, order + h), first + element(program, order + (n0 - h if h else 0))
            ax, ay = half * load(memory, a), half * load(memory, a + HALF)
            bx, by = half * load(memory, b), half * load(memory, b + HALF)
            store(memory, g, ax + bx)
            store(memory, g + HALF, ay + by)
            store(memory, g + width, ay - by)
            store(memory, g + width + HALF, bx - ax)
            g += line


@kernel
def _put_rows(
    out: Array,
    memory: Array,
    program: Array,
    addresses: Any,
    steps: Any,
    plane: Any,
    planes: Any,
    rows: Any,
    source: Any,
    order: Any,
    past: Any,
) -> None:
    """Write rows of a plane, row k from `order`'s k-th place past the source.

    They go `past` the caches, or those of the next plane are asked for. The row of plane z is
    ``stride ((z + skew) mod planes)`` past the address; `steps` has all strides and skews.
    """
    for k in range(rows):
        address, stride = element(program, addresses + k), element(program, steps + 2 * k)
        z = plane + element(program, steps + 2 * k + 1)
        offset = stride * (z if z < planes else z - planes)
        a = source + element(program, order + k)
        x, y = load(memory, a), load(memory, a + HALF)
        if address >= 0 and past:
            stream(out, address + offset, x)
            stream(out, address + offset + HALF, y)
        elif address >= 0:
            prefetch_to_write(out, address + offset + stride)
            prefetch_to_write(out, address + offset + stride + HALF)
            store(out, address + offset, x)
            store(out, address + offset + HALF, y)
        else:
            store(memory, ~address + offset, x)
            store(memory, ~address + offset + HALF, y)


@kernel
def _turn_columns(memory: Array, program: Array, lanes: Any, n1: Any, room: Any) -> None:
    """Write eight columns of the grid, real and imaginary parts, to rows."""
    for x in range(0, n1, LANES):
        transpose(memory, program, lanes, x, room + ROW * x, ROW)
        transpose(memory, program, lanes + LANES, x, room + ROW * x + HALF, ROW)


@kernel
def _along_second(out: Array, memory: Array, program: Array, at: Any, reals: Array, plane: Any, past: Any) -> None:
    row, there = np.int64(ROW), np.int64(0)
    n1, plan, spectrum, blocks = program[at + 3], program[at + 7], program[at + 8], program[at + 14]
    room, scratch, lanes, addresses = program[at + 28], program[at + 12], program[at + 16], program[at + 17]
    order = order_of(program, plan)
    for block in range(blocks):
        t = lanes + 2 * LANES * block
        _turn_columns(memory, program, t, n1, room)
        first = fft(memory, room, row, spectrum, row, scratch, plan, program, reals, there)
        if block == 0 and program[at + 20]:
            # lane 0 holds column 0 + i column n0/2, both of real numbers
            for k in range(1, (n1 + 1) // 2):
                a, b = first + program[order + k], first + program[order + n1 - k]
                ax, ay, bx, by = memory[a], memory[a + HALF], memory[b], memory[b + HALF]
                memory[a], memory[a + HALF] = (ax + bx) / 2, (ay - by) / 2
                memory[b], memory[b + HALF] = (ay + by) / 2, (ax - bx) / 2
            extra = ~program[addresses + blocks * n1] + ROW * plane
            for i in range(2 - n1 % 2):
                a = first + program[order + i * n1 // 2] + HALF
                memory[extra + i], memory[extra + HALF + i] = memory[a], 0
                memory[a] = 0
        _put_rows(
            out,
            memory,
            program,
            addresses + block * n1,
            program[at + 30] + 2 * block * n1,
            plane,
            program[at],
            n1,
            first,
            order,
            past,
        )


@kernel
def _along_second_centred(
    out: Array, memory: Array, program: Array, at: Any, reals: Array, plane: Any, past: Any
) -> None:
    row, there = np.int64(ROW), np.int64(0)
    n1, plan, spectrum, pairs = program[at + 3], program[at + 7], program[at + 8], program[at + 14]
    room, scratch, lanes, addresses = program[at + 28], program[at + 12], program[at + 16], program[at + 17]
    stored, packed, special, lane = program[at + 19], program[at + 20], program[at + 21], program[at + 22]
    side, d1, turns, slants = program[at + 23], program[at + 24], program[at + 25], program[at + 26]
    box = program[at + 29]
    rows = n1 // 2 + 1
    order = order_of(program, plan)
    for back in range(pairs):
        pair = pairs - 1 - back
        t = lanes + 4 * LANES * pair
        for x0 in range(0, rows, LANES):
            for v in range(4):
                transpose(memory, program, t + LANES * v, x0, box + LANES * v, 4 * LANES)
            for x in range(x0, min(rows, x0 + LANES)):
                b = box + 4 * LANES * (x - x0)
                px, py = load(memory, b), load(memory, b + LANES)
                qx, qy = load(memory, b + 2 * LANES), load(memory, b + 3 * LANES)
                if slants >= 0:
                    s = slants + 4 * LANES * pair
                    px, py = turn(px, py, load(reals, s), load(reals, s + LANES))
                    qx, qy = turn(qx, qy, load(reals, s + 2 * LANES), load(reals, s + 3 * LANES))
                store(memory, room + ROW * x, px - qy)
                store(memory, room + ROW * x + HALF, py + qx)
                y = (d1 - x) % n1
                if y >= rows:
                    store(memory, room + ROW * y, px + qy)
                    store(memory, room + ROW * y + HALF, qx - py)
        first = fft(memory, room, row, spectrum, row, scratch, plan, program, reals, there)
        if d1:
            for k in range(n1):
                a = first + element(program, order + k)
                x, y = load(memory, a), load(memory, a + HALF)
                x, y = turn(x, y, spread(reals, turns + 2 * k), spread(reals, turns + 2 * k + 1))
                store(memory, a, x)
                store(memory, a + HALF, y)
        if packed and pair == special:
            for k in range(n1):
                memory[side + k] = memory[first + program[order + k] + lane]
        if packed and pair == 0:
            # column n0/2 takes the places of the mates in column 0
            for k in range(n1 // 2 + 1, n1):
                memory[first + program[order + k]] = memory[side + k]
            extra = ~program[addresses + stored * n1] + ROW * plane
            for i in range(2 - n1 % 2):
                memory[extra + i] = memory[side + i * n1 // 2]
        if pair < stored:
            _put_rows(
                out,
                memory,
                program,
                addresses + pair * n1,
                program[at + 30] + 2 * pair * n1,
                plane,
                program[at],
                n1,
                first,
                order,
                past,
            )
