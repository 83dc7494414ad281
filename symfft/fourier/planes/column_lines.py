"""Lines through planes whose columns share vectors: no row is fetched from elsewhere, blocks are as the units are.

A block of lines has one FFT: eight lines, or twice eight where a symmetry lets two of them share it (``spectra``).
Lines of a unit that agree in their unique l make a block as they stand, and the rows of such a block are kept where its
structure factors are going to be, if those have room for them. All other lines are collected one by one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft.crystal.operators import IntArray
from symfft.fourier._lanes import LANES
from symfft.fourier.planes._column_line_kernels import FIELDS
from symfft.fourier.planes._fft import radices
from symfft.fourier.planes._radices import HALF, ROW
from symfft.fourier.planes._spectra import COMPLEX, REAL_OUT
from symfft.fourier.planes.columns import Slots, row_phases
from symfft.fourier.planes.frame import Frame
from symfft.fourier.planes.layers import Kind
from symfft.fourier.planes.plane import Operator, fft_cost
from symfft.fourier.planes.program import Memory, Tables
from symfft.fourier.planes.spectra import Alike, Form, alike, form_of, head_of, reflections_of, segments_of, to_hkl

#: Blocks whose rows lie together.
GROUP = 8


class Run(NamedTuple):
    """Blocks of lines of one class that are handled alike."""

    group: Alike
    #: (lanes,) numbers of lines, by eights
    lines: IntArray
    #: whether the eights are parts of units
    whole: bool
    #: whether the results have room for the rows
    fits: bool


class Lines(NamedTuple):
    """The stage of lines as written."""

    #: place of the fields in the tables
    at: int
    #: (n_h, 3)
    hkl: IntArray
    #: (units,) address of each unit in the results, or complement of one in the work space
    addresses: IntArray
    #: (units, 2) stride and skew: the row of plane z is ``stride ((z + skew) mod planes)`` further
    steps: IntArray
    #: in ns
    cost: float


def write_column_lines(
    frame: Frame,
    kind: Kind,
    axis: Operator | None,
    slots: Slots,
    tables: Tables,
    memory: Memory,
    places: tuple[int, int],
    last: int,
    weight: float,
) -> Lines:
    """Write the stage of lines.

    Parameters
    ----------
    frame, kind, axis, slots
        Operators, planes, their 2-fold axis, and the rows.
    tables, memory
        Where to.
    places : (int, int)
        Where the tables have the places of rows in the inverse, (planes, units), and how much of the work space
        these need.
    last : int
        Address of the last unit in the work space.
    weight : float
        Factor of the transposed map.
    """
    n0, n1, n2 = frame.shape
    centrings = (frame.signs == 1) & (frame.rotations == np.eye(2, dtype=np.int64)).all(axis=(1, 2))
    n = int(np.gcd.reduce(np.append(frame.shifts[centrings], n2)))
    c = n2 // n
    groups, remainder = alike(frame, slots.h, c)
    absent = np.setdiff1d(np.arange(slots.h.shape[1]), np.concatenate([group.lines for group in groups]))
    if len(absent):
        # their rows are zero in the inverse
        groups.append(Alike(absent, np.empty(0, dtype=np.int64), np.empty(0), 0))
    form = form_of(frame, remainder, c)
    subs = 1 if form.code == COMPLEX else 2
    fold = form.code == REAL_OUT and form.shift == 0
    segments = [(g, z) for _, g, z in segments_of(frame, [kind], n, fold)]
    planes = len(kind.planes)
    phases, factors = _phases(frame, axis, slots.h, form, [g for g, _ in segments])
    orbit_size = np.where((2 * slots.h % np.array([[n0], [n1]]) == 0).all(axis=0), 1.0, 2.0)

    base = memory.size
    addresses = np.full(slots.units, -1, dtype=np.int64)
    addresses[-1] = ~last
    steps = np.tile([ROW, 0], (slots.units, 1))
    per_block = LANES * subs // slots.wide
    used = 0
    heads, hkl = [], []
    start = 0
    runs = [run for group in groups for run in _runs(group, slots, subs, planes)]
    total = sum(2 * len(run.group.l_unique) * len(run.lines) for run in runs)
    for run in runs:
        lines, count = run.lines, len(run.group.l_unique)
        # rows are moved up to where a cache line begins, here and in memory
        first_row = -(-start // ROW) * ROW
        blocks = len(lines) // (LANES * subs)
        pitch = max(2 * count * LANES * subs, planes * ROW * per_block)
        inside = run.fits and first_row + blocks * pitch + ROW <= total
        lane = np.arange(-(-len(lines) // (LANES * subs)) * LANES * subs)
        exists = (lane < len(lines)).astype(np.float64)
        line = lines[np.minimum(lane, len(lines) - 1)]
        if inside:
            mine = slots.unit[line[:: slots.wide]]
            address, steps[mine] = _inside(blocks, per_block, planes, pitch)
            addresses[mine] = first_row + address
        else:
            for unit in np.unique(slots.unit[line]).tolist():
                if addresses[unit] == -1:
                    addresses[unit] = ~(base + used)
                    used += ROW * planes
        each = line.reshape(-1, LANES)[:, 0] if run.whole else line
        address = addresses[slots.unit[each]]
        heads.append(head_of(tables, run.group, form, exists * phases[line], weight * orbit_size[line], (n, n2)))
        by_block = (factors[:, :, line] * exists).reshape(len(segments), 4, -1, LANES)
        heads[-1][6:8] = (
            tables.put_ints(np.where(address < 0, ~address, address) + slots.offset[each]),
            tables.put_reals(by_block.transpose(2, 0, 1, 3)),
        )
        heads[-1][9:11] = start, len(lines)
        heads[-1][13:] = (
            int(not inside),
            int(not run.whole),
            tables.put_ints(ROW * slots.unit[each] + slots.offset[each]),
            GROUP if inside else 1,
            per_block,
        )
        hkl.append(reflections_of(slots.h[:, lines], run.group.l_unique, LANES * subs))
        start += 2 * count * len(lines)
    # rows without a line of their own: mates of column 0 where no other column takes their places
    addresses[addresses == -1] = ~(base + used)
    assert not (addresses[addresses >= 0] % ROW).any()
    memory.reserve(max(used + ROW * planes, places[1]))

    # the rooms of a group of blocks; scratch, and behind it the room of the inverse
    rooms = memory.reserve(GROUP * n * ROW)
    scratch = memory.reserve(2 * n * ROW)
    fields = [
        len(heads),
        form.code,
        n,
        tables.fft(n, in_parts=True),
        len(segments),
        scratch + n * ROW,
        int(fold),
        planes,
        0 if axis is not None else HALF,
        tables.put_ints(_reach(frame, kind, segments, n)),
        scratch + (len(radices(n)) + 1) % 2 * n * ROW,
        scratch,
        places[0],
        slots.units,
        memory.reserve(2 * ROW),
        rooms,
        tables.put_ints(ROW * np.arange(n)),
    ]
    assert len(fields) == FIELDS
    transforms = sum(head[0] for head in heads)
    at = tables.put_ints(np.array([*fields, *np.ravel(heads)]))
    return Lines(at, np.concatenate(hkl) @ to_hkl(frame), addresses, steps, transforms * (fft_cost(n) + 6 * subs * n))


def _runs(group: Alike, slots: Slots, subs: int, planes: int) -> list[Run]:
    """Sort the lines of a class into blocks that stand side by side, and the rest."""
    line_at = np.full((slots.units, slots.wide), -1)
    line_at[slots.unit[group.lines], slots.offset[group.lines]] = group.lines
    whole = (line_at >= 0).all(axis=1)
    # several units share a block, or one unit is a block
    per_block = LANES * subs // slots.wide
    chosen = np.flatnonzero(whole)
    chosen = chosen[: len(chosen) - len(chosen) % per_block] if per_block else chosen[:0]
    runs = []
    taken = np.zeros(slots.units, dtype=bool)
    if len(chosen):
        taken[chosen] = True
        # as many blocks as the results of all of them have room for
        results = 2 * len(group.l_unique) * LANES * subs
        number = len(chosen) // per_block * results // max(results, planes * ROW * per_block) * per_block
        halves = [(chosen[:number], True), (chosen[number:], False)]
        runs += [Run(group, line_at[units].reshape(-1), True, fits) for units, fits in halves if len(units)]
    # eights of one unit, two of different ones to a block
    eights = np.concatenate([line_at[~taken, i : i + LANES] for i in range(0, slots.wide, LANES)])
    good = np.flatnonzero((eights >= 0).all(axis=1))
    good = good[: len(good) - len(good) % subs]
    if len(good):
        runs.append(Run(group, eights[good].reshape(-1), True, False))
    rest = np.delete(eights, good, axis=0).reshape(-1)
    if (rest >= 0).any():
        runs.append(Run(group, rest[rest >= 0], False, False))
    return runs


def _inside(blocks: int, per_block: int, planes: int, pitch: int) -> tuple[IntArray, IntArray]:
    """Place the rows of blocks where their results will be, a pitch apart that is no less than either takes.

    Rows of one plane and a group of blocks lie side by side, so that a plane writes to fewer pages of memory, and each
    group begins with another plane: groups are as far apart as powers of two often, and the rows of a plane would
    compete for the same place in the caches.

    Returns
    -------
    addresses : (blocks · per_block,)
        Of the units, relative to the first result.
    steps : (blocks · per_block, 2)
        Stride and skew of the planes.
    """
    block = np.arange(blocks)
    together = np.minimum(GROUP, blocks - block // GROUP * GROUP)
    first = block // GROUP * GROUP * pitch + block % GROUP * per_block * ROW
    addresses = first[:, None] + ROW * np.arange(per_block)
    steps = np.stack([ROW * per_block * together, block // GROUP % planes], axis=-1)
    return addresses.reshape(-1), np.repeat(steps, per_block, axis=0)


def _phases(
    frame: Frame, axis: Operator | None, h: IntArray, form: Form, operators: list[int]
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Return the lines' own phases, (m,), and how a row enters a line, (operators, 4, m).

    The four: real and imaginary part to real, to imaginary part.
    """
    n0, n1, _ = frame.shape
    unit = np.array([np.lcm(n0, n1) // n0, np.lcm(n0, n1) // n1])
    period = 2 * int(np.lcm(n0, n1))
    phi = np.zeros(h.shape[1], dtype=np.int64)
    if form.code != COMPLEX:
        phi = -(form.translation * unit) @ h
    factors = []
    for g in operators:
        sign = int(frame.rotations[g, 0, 0])
        turns = -2 * (frame.translations[g] * unit) @ h - phi
        if axis is not None:
            turns = turns + sign * row_phases(axis, h, (n0, n1))
        a = np.exp(2j * np.pi * (turns % period) / period)
        nothing = np.zeros(h.shape[1])
        if axis is not None:
            factors.append([a.real, nothing, a.imag, nothing])
        else:
            factors.append([a.real, -sign * a.imag, a.imag, sign * a.real])
    return np.exp(2j * np.pi * (phi % period) / period), np.array(factors)


def _reach(frame: Frame, kind: Kind, segments: list[tuple[int, IntArray]], n: int) -> IntArray:
    """Return the z that each plane stands for by each operator, or -1; (planes, segments)."""
    reach = np.full((len(kind.planes), len(segments)), -1)
    for i, (g, z) in enumerate(segments):
        reach[np.searchsorted(kind.planes, z), i] = (frame.signs[g] * z + frame.shifts[g]) % n
    return reach
