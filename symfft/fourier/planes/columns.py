"""Planes one at a time, where columns of a plane share vectors: groups whose rotations are ±1 in the plane.

Triclinic and monoclinic groups have planes with no symmetry, or a 2-fold axis, and P(H; z) is needed at the H where it
was computed only. A plane stays in the second-level cache while it is transformed,

    Q(h0; x1) = Σ_x0 ρ(x) e(-h0 x0/n0),    h0 ≤ n0/2;        P(H) = Σ_x1 Q(h0; x1) e(-h1 x1/n1),

first sixteen x1 at a time, real numbers as real and imaginary parts, then eight h0. With a 2-fold axis half of the x1
are enough, P is real but for a phase, and sixteen h0 share a transform.

A *unit* of rows holds P(H; z) of one h1 and all planes, complex for eight h0 or real for sixteen. The mates of column
h0 = 0 have places of their own, which column n0/2 takes where there is one: then as many numbers come out as went in.
Two of its H are left over, (n0/2, 0) and (n0/2, n1/2): they are alone in a last unit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft.crystal.operators import IntArray
from symfft.fourier._lanes import LANES
from symfft.fourier.planes._columns_forward import ANYHOW, DOWNWARDS, SHARED, UPWARDS
from symfft.fourier.planes._fft import radices
from symfft.fourier.planes._radices import HALF, ROW
from symfft.fourier.planes.frame import Frame
from symfft.fourier.planes.layers import Kind
from symfft.fourier.planes.plane import Operator, half_phase, half_turn, two_fold
from symfft.fourier.planes.program import Memory, Tables


class Slots(NamedTuple):
    """Unique H and where their rows are: number `offset` of a unit."""

    #: (2, m)
    h: IntArray
    #: (m,)
    unit: IntArray
    #: (m,)
    offset: IntArray
    #: h0 of the columns in the order of the lanes, -1 for none; (blocks, 8)
    columns: IntArray
    #: numbers of a unit that are read together: 8 complex or 16 real
    wide: int
    #: number of units, the last one included
    units: int


class Runs(NamedTuple):
    """How the values of a plane follow one another."""

    #: (planes, n0, 2 runs): see :mod:`._columns_forward`
    codes: IntArray
    #: orbits of eights that do not follow one another
    labels: NDArray[np.int32]
    #: orbits that have to be zero before they are added to
    shared: IntArray
    #: for each plane, where sixteen values that only it meets lie side by side
    spare: list[IntArray]


def serves(frame: Frame, kinds: list[Kind]) -> bool:
    """Return whether planes and lines ask for nothing else: rotations ±1, no shears, no centring of the plane."""
    one = np.eye(2, dtype=np.int64)
    plain = all(np.array_equal(r, one) or np.array_equal(r, -one) for r in frame.rotations)
    if not plain or frame.shears.any() or len(kinds) > 1:
        return False
    operators = kinds[0].operators
    return len(operators) == 1 or (len(operators) == 2 and two_fold(operators) is not None)


def slots_of(frame: Frame, centred: bool) -> Slots:
    """Lay out the rows of a plane."""
    n0, n1, _ = frame.shape
    packed = n0 % 2 == 0
    columns = _columns(frame)
    wide = 2 * LANES if centred else LANES
    column, k = np.indices((len(columns), n1)).reshape(2, -1)
    h0 = columns[column]
    h0[(column == 0) & (2 * k > n1)] = n0 // 2 if packed else -1
    unit, offset = column // wide * n1 + k, column % wide
    last = -(-len(columns) // wide) * n1
    if packed:
        ends = np.arange(2 - n1 % 2)
        h0, k = np.append(h0, np.full(len(ends), n0 // 2)), np.append(k, ends * n1 // 2)
        unit, offset = np.append(unit, np.full(len(ends), last)), np.append(offset, ends)
    used = h0 >= 0
    if centred and packed:
        # column n0/2 is transformed in a lane of its own
        free = np.flatnonzero(columns < 0)
        columns = columns.copy() if len(free) else np.append(columns, np.full(LANES, -1))
        columns[free[-1] if len(free) else -LANES] = n0 // 2
    return Slots(np.stack([h0, k])[:, used], unit[used], offset[used], columns.reshape(-1, LANES), wide, last + 1)


def _columns(frame: Frame) -> IntArray:
    """List the h0 below n0/2 by eights, -1 for none, sorted such that the lines of eight agree in their unique l."""
    n0 = frame.shape[0]
    h0 = np.arange((n0 + 1) // 2)
    # glides and centrings forbid l where H·u is odd
    plain = (frame.rotations == np.eye(2, dtype=np.int64)).all(axis=(1, 2))
    _, group = np.unique(np.unique(frame.translations[plain, 0])[:, None] * h0 % n0, axis=1, return_inverse=True)
    group = group.reshape(-1)
    if group.max() > 3:
        group = np.zeros_like(h0)
    groups = [h0[group == i] for i in range(group.max() + 1)]
    return np.concatenate([np.pad(g, (0, -len(g) % LANES), constant_values=-1) for g in groups])


def runs_of(labels: NDArray[np.int32], size: int) -> Runs:
    """Describe values by eights.

    Parameters
    ----------
    labels : (planes, n0, 16 runs) int32
        Numbers of orbits, -1 past the last column.
    size : int
        Number of orbits.
    """
    met = np.bincount(labels[labels >= 0], minlength=size)
    eights = labels.reshape(-1, HALF).astype(np.int64)
    none = eights < 0
    first = np.maximum(eights[:, 0], 0)
    steps = np.arange(HALF)
    up = ((eights == first[:, None] + steps) | none).all(axis=1) & (first + HALF <= size)
    down = ((eights == first[:, None] - steps) | none).all(axis=1) & (first >= HALF - 1) & ~up
    anyhow = ~(up | down)
    start = np.where(up, first, first - HALF + 1)
    start[anyhow] = HALF * np.arange(anyhow.sum())
    shared = none.any(axis=1) | (met[np.maximum(eights, 0)] > 1).any(axis=1)
    kind = np.where(up, UPWARDS, np.where(down, DOWNWARDS, ANYHOW)) + SHARED * shared
    codes = (8 * start + kind).reshape(len(labels), -1)
    low, high = start[0::2].reshape(len(labels), -1), start[1::2].reshape(len(labels), -1)
    alone = (~(shared | anyhow)).reshape(-1, 2).all(axis=1).reshape(low.shape) & (abs(high - low) == HALF)
    held = np.unique(eights[shared])
    return Runs(
        codes,
        np.maximum(eights[anyhow], 0).astype(np.int32).reshape(-1),
        held[held >= 0],
        [np.minimum(a, b)[here] for a, b, here in zip(low, high, alone, strict=True)],
    )


def write_columns(
    frame: Frame, axis: Operator | None, slots: Slots, runs: Runs, tables: Tables, memory: Memory
) -> list[int]:
    """Write the stage of planes; where the rows are (17 and 30, in the inverse 18) is still to be filled in."""
    n0, n1, _ = frame.shape
    d = np.zeros(2, dtype=np.int64) if axis is None else half_turn(axis, (n0, n1))[1]
    used = n1 if axis is None else n1 // 2 + 1
    sixteens = -(-used // ROW)
    width = ROW * sixteens
    # an odd number of cache lines apart, so that rows do not compete for the same place in the cache
    line = 2 * width + LANES
    grid = memory.reserve((n0 // 2 + 2) * line)
    # passes go back and forth between scratch and the room for the input behind it
    scratch = memory.reserve(2 * (max(n0, n1) + LANES) * ROW)
    rooms = [scratch + n * ROW for n in (n0, n1)]
    spectra = [scratch + (len(radices(n)) + 1) % 2 * n * ROW for n in (n0, n1)]
    packed = n0 % 2 == 0
    # columns that are not there share a row that nothing reads
    row = grid + line * np.where(slots.columns < 0, n0 // 2 + 1, slots.columns)
    addresses = np.stack([row, row + width], axis=1)
    pairs = len(row)
    special = 0
    if axis is None and packed:
        addresses[0, 1, 0] = grid + line * (n0 // 2)
    if axis is not None:
        pairs = -(-pairs // 2)
        lone = np.full((2 * pairs - len(row), 2, LANES), grid + line * (n0 // 2 + 1))
        addresses = np.concatenate([addresses, lone])
        special = int(np.flatnonzero(slots.columns.reshape(-1) == n0 // 2)[0]) if packed else 0
    there = np.zeros((2 * pairs, LANES), dtype=np.int64)
    there[: len(row)] = slots.columns >= 0
    turns = slants = -1
    if d.any():
        # e(h1 d1/2n1) by rows, e(h0 d0/2n0) by lanes
        turns = tables.put_complex(np.exp(1j * np.pi * d[1] * np.arange(n1) / n1))
        h0 = np.zeros((2 * pairs, LANES), dtype=np.int64)
        h0[: len(row)] = np.maximum(slots.columns, 0)
        slant = np.exp(1j * np.pi * d[0] * h0 / n0)
        slants = tables.put_reals(np.stack([slant.real, slant.imag], axis=1))
    return [
        len(runs.codes),
        int(axis is not None),
        n0,
        n1,
        sixteens,
        tables.fft(n0, in_parts=True),
        spectra[0],
        tables.fft(n1, in_parts=True),
        spectra[1],
        grid,
        line,
        rooms[0],
        scratch,
        tables.put_ints(runs.codes),
        pairs,
        used,
        tables.put_ints(addresses),
        0,
        0,
        (slots.units - 1) // n1,
        int(packed),
        special // ROW,
        special % ROW,
        memory.reserve(n1),
        int(d[1]),
        turns,
        slants,
        tables.put_ints(there),
        rooms[1],
        memory.reserve(4 * LANES * LANES),
        0,
        tables.put_ints(4 * LANES * np.arange(LANES)),
    ]


def row_phases(axis: Operator, h: IntArray, shape: tuple[int, int]) -> IntArray:
    """Return the phases of P(H) where rows hold a real number, in parts of twice the grid's common period."""
    s, d = half_turn(axis, shape)
    return np.asarray(-(2 * half_phase(h, s, shape) + half_phase(h, d, shape)) % (2 * math.lcm(*shape)))
