"""Transposed maps of the loops of :mod:`symfft.fourier.planes._columns_forward`, in reverse order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.fourier._lanes import LANES, element, fill, load, opaque, prefetch, reverse, spread, store
from symfft.fourier._loops import inlined, kernel
from symfft.fourier.planes._columns_forward import DOWNWARDS, SHARED, UPWARDS
from symfft.fourier.planes._fft import fft, order_of
from symfft.fourier.planes._radices import HALF, ROW, turn
from symfft.fourier.planes._transpose import transpose_back

Array = NDArray[Any]


@kernel
def columns_adjoint(values: Array, memory: Array, program: Array, at: Any, labels: Array, reals: Array) -> None:
    """Apply the transposed linear map of :func:`columns_forward`; rows come from their places in `values`.

    Values that are met once are set, others are added to.
    """
    for plane in range(program[at]):
        if program[at + 1]:
            _along_second_centred_adjoint(values, memory, program, at, reals, plane)
        else:
            _along_second_adjoint(values, memory, program, at, reals, plane)
        _along_first_adjoint(values, memory, program, at, labels, reals, plane)


@inlined
def _deposit(values: Array, memory: Array, labels: Array, code: Any, source: Any, valid: Any) -> None:
    start = code >> 3
    kind = code & 3
    if code & SHARED:
        for i in range(min(valid, HALF)):
            if kind == UPWARDS:
                values[start + i] += memory[source + i]
            elif kind == DOWNWARDS:
                values[start + HALF - 1 - i] += memory[source + i]
            else:
                values[labels[start + i]] += memory[source + i]
    elif kind == UPWARDS:
        store(values, start, load(memory, source))
    elif kind == DOWNWARDS:
        lanes = load(memory, source)
        store(values, start, reverse(lanes, lanes))
    else:
        for i in range(HALF):
            values[labels[start + i]] = memory[source + i]


@kernel
def _deposit_columns(
    values: Array,
    memory: Array,
    program: Array,
    labels: Array,
    codes: Any,
    step: Any,
    n0: Any,
    source: Any,
    order: Any,
    valid: Any,
) -> None:
    """Write n0 rows, row x from `order`'s x-th place past the source, as many columns as are valid."""
    for x in range(n0):
        p = opaque(codes + step * x)
        o = opaque(source + element(program, order + x))
        _deposit(values, memory, labels, element(program, p), o, valid)
        if valid > HALF:
            _deposit(values, memory, labels, element(program, p + 1), o + HALF, valid - HALF)


@kernel
def _along_first_adjoint(
    values: Array, memory: Array, program: Array, at: Any, labels: Array, reals: Array, plane: Any
) -> None:
    row, back = np.int64(ROW), np.int64(HALF)
    n0, used, runs, plan = program[at + 2], program[at + 15], program[at + 4], program[at + 5]
    grid, line, room, scratch = program[at + 9], program[at + 10], program[at + 11], program[at + 12]
    codes = program[at + 13] + 2 * plane * n0 * runs
    result = program[at + 6]
    width = ROW * runs
    half = fill(memory, 0.5)
    order = order_of(program, plan)
    for run in range(runs):
        valid = used - ROW * run
        g = grid + ROW * run
        for h in range(n0 // 2 + 1):
            ax, ay = half * load(memory, g), half * load(memory, g + width)
            bx, by = fill(memory, 0.0), fill(memory, 0.0)
            if valid > HALF:
                bx, by = half * load(memory, g + HALF), half * load(memory, g + width + HALF)
            a, b = room + ROW * h, room + ROW * (n0 - h if h else 0)
            if a == b:
                store(memory, a, ax + ax)
                store(memory, a + HALF, bx + bx)
            else:
                store(memory, a, ax - by)
                store(memory, a + HALF, ay + bx)
                store(memory, b, ax + by)
                store(memory, b + HALF, bx - ay)
            g += line
        first = fft(memory, room, row, result, row, scratch, plan, program, reals, back)
        _deposit_columns(values, memory, program, labels, codes + 2 * run, 2 * runs, n0, first, order, valid)


@kernel
def _take_rows(values: Array, memory: Array, program: Array, places: Any, ahead: Any, rows: Any, target: Any) -> None:
    """Read rows, and ask for those of the next plane, whose places are `ahead`."""
    for k in range(rows):
        address, following = element(program, places + k), element(program, places + ahead + k)
        prefetch(values, following)
        prefetch(values, following + HALF)
        if address >= 0:
            x, y = load(values, address), load(values, address + HALF)
        else:
            x, y = load(memory, ~address), load(memory, ~address + HALF)
        store(memory, target + ROW * k, x)
        store(memory, target + ROW * k + HALF, y)


@kernel
def _turn_columns_back(memory: Array, program: Array, lanes: Any, n1: Any, rows: Any, order: Any) -> None:
    for x in range(0, n1, LANES):
        transpose_back(memory, program, lanes, x, rows, order + x)
        transpose_back(memory, program, lanes + LANES, x, rows + HALF, order + x)


@kernel
def _along_second_adjoint(values: Array, memory: Array, program: Array, at: Any, reals: Array, plane: Any) -> None:
    row, back = np.int64(ROW), np.int64(HALF)
    n1, plan, result, blocks = program[at + 3], program[at + 7], program[at + 8], program[at + 14]
    room, scratch, lanes = program[at + 28], program[at + 12], program[at + 16]
    places = program[at + 18] + plane * (blocks * n1 + 1)
    ahead = blocks * n1 + 1 if plane + 1 < program[at] else 0
    order = order_of(program, plan)
    for block in range(blocks):
        _take_rows(values, memory, program, places + block * n1, ahead, n1, room)
        if block == 0 and program[at + 20]:
            for k in range(1, (n1 + 1) // 2):
                a, b = room + ROW * k, room + ROW * (n1 - k)
                px, py, qx, qy = memory[a], memory[a + HALF], memory[b], memory[b + HALF]
                memory[a], memory[a + HALF] = (px + qy) / 2, (py + qx) / 2
                memory[b], memory[b + HALF] = (px - qy) / 2, (qx - py) / 2
            extra = ~program[places + blocks * n1]
            for i in range(2 - n1 % 2):
                memory[room + ROW * (i * n1 // 2) + HALF] = memory[extra + i]
        elif block == 0:
            for k in range(n1 // 2 + 1, n1):
                memory[room + ROW * k], memory[room + ROW * k + HALF] = 0, 0
        first = fft(memory, room, row, result, row, scratch, plan, program, reals, back)
        for x in range(n1, -(-n1 // LANES) * LANES):
            store(memory, first + ROW * x, fill(memory, 0.0))
            store(memory, first + ROW * x + HALF, fill(memory, 0.0))
        t = lanes + 2 * LANES * block
        _turn_columns_back(memory, program, t, n1, first, order)


@kernel
def _along_second_centred_adjoint(
    values: Array, memory: Array, program: Array, at: Any, reals: Array, plane: Any
) -> None:
    row, back = np.int64(ROW), np.int64(HALF)
    n1, plan, result, pairs = program[at + 3], program[at + 7], program[at + 8], program[at + 14]
    room, scratch, lanes = program[at + 28], program[at + 12], program[at + 16]
    stored, packed, special, lane = program[at + 19], program[at + 20], program[at + 21], program[at + 22]
    side, d1, turns, slants = program[at + 23], program[at + 24], program[at + 25], program[at + 26]
    places, box, boxed = program[at + 18] + plane * (stored * n1 + 1), program[at + 29], program[at + 31]
    ahead = stored * n1 + 1 if plane + 1 < program[at] else 0
    order = order_of(program, plan)
    rows = n1 // 2 + 1
    for pair in range(pairs):
        if pair < stored:
            _take_rows(values, memory, program, places + pair * n1, ahead, n1, room)
        else:
            for i in range(0, n1 * ROW, HALF):
                store(memory, room + i, fill(memory, 0.0))
        if pair == 0:
            for k in range(n1):
                memory[side + k] = 0
            for k in range(rows, n1):
                memory[side + k] = memory[room + ROW * k]
                memory[room + ROW * k] = 0
            if packed:
                extra = ~program[places + stored * n1]
                for i in range(2 - n1 % 2):
                    memory[side + i * n1 // 2] = memory[extra + i]
        for i in range(ROW):
            if not program[program[at + 27] + ROW * pair + i]:
                # halves of a row share a transform: a column that is not there must be zero
                for k in range(n1):
                    memory[room + ROW * k + i] = 0
        if packed and pair == special:
            for k in range(n1):
                memory[room + ROW * k + lane] = memory[side + k]
        if d1:
            for k in range(n1):
                a = room + ROW * k
                x, y = load(memory, a), load(memory, a + HALF)
                x, y = turn(x, y, spread(reals, turns + 2 * k), -spread(reals, turns + 2 * k + 1))
                store(memory, a, x)
                store(memory, a + HALF, y)
        first = fft(memory, room, row, result, row, scratch, plan, program, reals, back)
        t = lanes + 4 * LANES * pair
        for x0 in range(0, rows, LANES):
            for x in range(x0, x0 + LANES):
                px, py, qx, qy = fill(memory, 0.0), fill(memory, 0.0), fill(memory, 0.0), fill(memory, 0.0)
                if x < rows:
                    a = first + element(program, order + x)
                    px, py = load(memory, a), load(memory, a + HALF)
                    qx, qy = py, -px
                    y = (d1 - x) % n1
                    if y >= rows:
                        a = first + element(program, order + y)
                        u, v = load(memory, a), load(memory, a + HALF)
                        px, py, qx, qy = px + u, py - v, qx + v, qy + u
                    if slants >= 0:
                        s = slants + 4 * LANES * pair
                        px, py = turn(px, py, load(reals, s), -load(reals, s + LANES))
                        qx, qy = turn(qx, qy, load(reals, s + 2 * LANES), -load(reals, s + 3 * LANES))
                b = box + 4 * LANES * (x - x0)
                store(memory, b, px)
                store(memory, b + LANES, py)
                store(memory, b + 2 * LANES, qx)
                store(memory, b + 3 * LANES, qy)
            for v in range(4):
                transpose_back(memory, program, t + LANES * v, x0, box + LANES * v, boxed)
