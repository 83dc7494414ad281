"""Compiled loops of planes whose columns share vectors: see :mod:`symfft.fourier.planes.columns`.

An address of a *row*, eight real and eight imaginary parts or sixteen reals, lies in the array of results where it is
not negative, and is the complement of one in the work space where it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.fourier.planes._compile import inlined, kernel
from symfft.fourier.planes._fft import HALF, ROW, fft
from symfft.fourier.planes._lanes import (
    LANES,
    element,
    fill,
    fma,
    gather,
    load,
    opaque,
    prefetch,
    reverse,
    spread,
    store,
)
from symfft.fourier.planes._transpose import transpose, transpose_back

Array = NDArray[Any]

#: How eight values follow one another; with SHARED, some of them are met more than once.
UPWARDS, DOWNWARDS, ANYHOW, SHARED = 0, 1, 2, 4


@kernel
def columns_forward(
    values: Array, out: Array, memory: Array, program: Array, at: Any, labels: Array, reals: Array
) -> None:
    """Transform all planes; rows go to their places in `out` and `memory`.

    Parameters
    ----------
    values : (n,) float
        Values on the asymmetric unit.
    out : 1-D float
        Array of the results.
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
            _along_second_centred(out, memory, program, at, reals, plane)
        else:
            _along_second(out, memory, program, at, reals, plane)


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


# ---- values of the asymmetric unit ----


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
    values: Array, memory: Array, program: Array, labels: Array, codes: Any, step: Any, n0: Any, source: Any, valid: Any
) -> None:
    """Write n0 rows, as many columns as are valid."""
    for x in range(n0):
        p = opaque(codes + step * x)
        o = opaque(source + ROW * x)
        _deposit(values, memory, labels, element(program, p), o, valid)
        if valid > HALF:
            _deposit(values, memory, labels, element(program, p + 1), o + HALF, valid - HALF)


# ---- along x0: sixteen columns, eight as real and eight as imaginary parts ----


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
    for run in range(runs):
        _fetch_columns(values, memory, program, labels, codes + 2 * run, 2 * runs, ahead, n0, room)
        fft(memory, room, row, spectrum, row, scratch, plan, program, reals, there)
        g = grid + ROW * run
        for h in range(n0 // 2 + 1):
            a, b = spectrum + ROW * h, spectrum + ROW * (n0 - h if h else 0)
            ax, ay = half * load(memory, a), half * load(memory, a + HALF)
            bx, by = half * load(memory, b), half * load(memory, b + HALF)
            store(memory, g, ax + bx)
            store(memory, g + HALF, ay + by)
            store(memory, g + width, ay - by)
            store(memory, g + width + HALF, bx - ax)
            g += line


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
        fft(memory, room, row, result, row, scratch, plan, program, reals, back)
        _deposit_columns(values, memory, program, labels, codes + 2 * run, 2 * runs, n0, result, valid)


# ---- along x1: eight h0 at a time ----


@kernel
def _put_rows(out: Array, memory: Array, program: Array, addresses: Any, offset: Any, rows: Any, source: Any) -> None:
    """Write rows to their addresses, moved on by `offset`."""
    for k in range(rows):
        address = element(program, addresses + k)
        a = source + ROW * k
        x, y = load(memory, a), load(memory, a + HALF)
        if address >= 0:
            store(out, address + offset, x)
            store(out, address + offset + HALF, y)
        else:
            store(memory, ~address + offset, x)
            store(memory, ~address + offset + HALF, y)


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
def _turn_columns(memory: Array, program: Array, lanes: Any, n1: Any, room: Any) -> None:
    """Write eight columns of the grid, real and imaginary parts, to rows."""
    for x in range(0, n1, LANES):
        transpose(memory, program, lanes, x, room + ROW * x, ROW)
        transpose(memory, program, lanes + LANES, x, room + ROW * x + HALF, ROW)


@kernel
def _turn_columns_back(memory: Array, program: Array, lanes: Any, n1: Any, rows: Any) -> None:
    for x in range(0, n1, LANES):
        transpose_back(memory, program, lanes, x, rows + ROW * x, ROW)
        transpose_back(memory, program, lanes + LANES, x, rows + ROW * x + HALF, ROW)


@kernel
def _along_second(out: Array, memory: Array, program: Array, at: Any, reals: Array, plane: Any) -> None:
    row, there = np.int64(ROW), np.int64(0)
    n1, plan, spectrum, blocks = program[at + 3], program[at + 7], program[at + 8], program[at + 14]
    room, scratch, lanes, addresses = program[at + 28], program[at + 12], program[at + 16], program[at + 17]
    for block in range(blocks):
        t = lanes + 2 * LANES * block
        _turn_columns(memory, program, t, n1, room)
        fft(memory, room, row, spectrum, row, scratch, plan, program, reals, there)
        if block == 0 and program[at + 20]:
            # lane 0 holds column 0 + i column n0/2, both of real numbers
            for k in range(1, (n1 + 1) // 2):
                a, b = spectrum + ROW * k, spectrum + ROW * (n1 - k)
                ax, ay, bx, by = memory[a], memory[a + HALF], memory[b], memory[b + HALF]
                memory[a], memory[a + HALF] = (ax + bx) / 2, (ay - by) / 2
                memory[b], memory[b + HALF] = (ay + by) / 2, (ax - bx) / 2
            extra = ~program[addresses + blocks * n1] + ROW * plane
            for i in range(2 - n1 % 2):
                a = spectrum + ROW * (i * n1 // 2) + HALF
                memory[extra + i], memory[extra + HALF + i] = memory[a], 0
                memory[a] = 0
        _put_rows(out, memory, program, addresses + block * n1, ROW * plane, n1, spectrum)


@kernel
def _along_second_adjoint(values: Array, memory: Array, program: Array, at: Any, reals: Array, plane: Any) -> None:
    row, back = np.int64(ROW), np.int64(HALF)
    n1, plan, result, blocks = program[at + 3], program[at + 7], program[at + 8], program[at + 14]
    room, scratch, lanes = program[at + 28], program[at + 12], program[at + 16]
    places = program[at + 18] + plane * (blocks * n1 + 1)
    ahead = blocks * n1 + 1 if plane + 1 < program[at] else 0
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
        fft(memory, room, row, result, row, scratch, plan, program, reals, back)
        for x in range(n1, -(-n1 // LANES) * LANES):
            store(memory, result + ROW * x, fill(memory, 0.0))
            store(memory, result + ROW * x + HALF, fill(memory, 0.0))
        t = lanes + 2 * LANES * block
        _turn_columns_back(memory, program, t, n1, result)


# ---- along x1 with a 2-fold axis: twice eight h0, the spectrum of each real but for a phase ----


@kernel
def _along_second_centred(out: Array, memory: Array, program: Array, at: Any, reals: Array, plane: Any) -> None:
    row, there = np.int64(ROW), np.int64(0)
    n1, plan, spectrum, pairs = program[at + 3], program[at + 7], program[at + 8], program[at + 14]
    room, scratch, lanes, addresses = program[at + 28], program[at + 12], program[at + 16], program[at + 17]
    stored, packed, special, lane = program[at + 19], program[at + 20], program[at + 21], program[at + 22]
    side, d1, turns, slants = program[at + 23], program[at + 24], program[at + 25], program[at + 26]
    box = program[at + 29]
    rows = n1 // 2 + 1
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
                    px, py = _turn(px, py, load(reals, s), load(reals, s + LANES))
                    qx, qy = _turn(qx, qy, load(reals, s + 2 * LANES), load(reals, s + 3 * LANES))
                store(memory, room + ROW * x, px - qy)
                store(memory, room + ROW * x + HALF, py + qx)
                y = (d1 - x) % n1
                if y >= rows:
                    store(memory, room + ROW * y, px + qy)
                    store(memory, room + ROW * y + HALF, qx - py)
        fft(memory, room, row, spectrum, row, scratch, plan, program, reals, there)
        if d1:
            for k in range(n1):
                a = spectrum + ROW * k
                x, y = load(memory, a), load(memory, a + HALF)
                x, y = _turn(x, y, spread(reals, turns + 2 * k), spread(reals, turns + 2 * k + 1))
                store(memory, a, x)
                store(memory, a + HALF, y)
        if packed and pair == special:
            for k in range(n1):
                memory[side + k] = memory[spectrum + ROW * k + lane]
        if packed and pair == 0:
            # column n0/2 takes the places of the mates in column 0
            for k in range(n1 // 2 + 1, n1):
                memory[spectrum + ROW * k] = memory[side + k]
            extra = ~program[addresses + stored * n1] + ROW * plane
            for i in range(2 - n1 % 2):
                memory[extra + i] = memory[side + i * n1 // 2]
        if pair < stored:
            _put_rows(out, memory, program, addresses + pair * n1, ROW * plane, n1, spectrum)


@kernel
def _along_second_centred_adjoint(
    values: Array, memory: Array, program: Array, at: Any, reals: Array, plane: Any
) -> None:
    row, back = np.int64(ROW), np.int64(HALF)
    n1, plan, result, pairs = program[at + 3], program[at + 7], program[at + 8], program[at + 14]
    room, scratch, lanes = program[at + 28], program[at + 12], program[at + 16]
    stored, packed, special, lane = program[at + 19], program[at + 20], program[at + 21], program[at + 22]
    side, d1, turns, slants = program[at + 23], program[at + 24], program[at + 25], program[at + 26]
    places, box = program[at + 18] + plane * (stored * n1 + 1), program[at + 29]
    ahead = stored * n1 + 1 if plane + 1 < program[at] else 0
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
                x, y = _turn(x, y, spread(reals, turns + 2 * k), -spread(reals, turns + 2 * k + 1))
                store(memory, a, x)
                store(memory, a + HALF, y)
        fft(memory, room, row, result, row, scratch, plan, program, reals, back)
        t = lanes + 4 * LANES * pair
        for x0 in range(0, rows, LANES):
            for x in range(x0, x0 + LANES):
                px, py, qx, qy = fill(memory, 0.0), fill(memory, 0.0), fill(memory, 0.0), fill(memory, 0.0)
                if x < rows:
                    px, py = load(memory, result + ROW * x), load(memory, result + ROW * x + HALF)
                    qx, qy = py, -px
                    y = (d1 - x) % n1
                    if y >= rows:
                        u, v = load(memory, result + ROW * y), load(memory, result + ROW * y + HALF)
                        px, py, qx, qy = px + u, py - v, qx + v, qy + u
                    if slants >= 0:
                        s = slants + 4 * LANES * pair
                        px, py = _turn(px, py, load(reals, s), -load(reals, s + LANES))
                        qx, qy = _turn(qx, qy, load(reals, s + 2 * LANES), -load(reals, s + 3 * LANES))
                b = box + 4 * LANES * (x - x0)
                store(memory, b, px)
                store(memory, b + LANES, py)
                store(memory, b + 2 * LANES, qx)
                store(memory, b + 3 * LANES, qy)
            for v in range(4):
                transpose_back(memory, program, t + LANES * v, x0, box + LANES * v, 4 * LANES)


@inlined
def _turn(x: Any, y: Any, c: Any, s: Any) -> Any:
    """Return (x + iy)(c + is)."""
    return fma(x, c, -(y * s)), fma(x, s, y * c)
