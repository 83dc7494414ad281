"""The lines along the unique axis: from P(H; z) on one plane of each orbit to unique structure factors.

H is unique under the rotations of the plane and ±. Every operator gives values on a plane that was not transformed,

    P(H; εz + w) = e(-H·(vz + u)/N) P(RᵀH; z),        F(H, l) = Σ_z P(H; z) e(-lz/N).

A centring translation by N/c along the axis leaves l = cj + r, with r a function of H, and transforms of length N/c of
P(H; z) e(-rz/N). What the operators with R = ±1 do to a line decides how lines share a transform:

*real result*
    an inversion -x + u, -z + w: F(H, l) = e(-(H·u + lw)/2N) ρ(l), ρ real. Lines A and B of sixteen H share a
    transform of A + iB;
*real input*
    a 2-fold axis -x + u along the unique axis: P(H; z) = e(-H·u/2N) times a real number. A + iB again, taken apart by
    G(-l) = conj G(l);
*complex*
    neither.

Unique l: those that no operator with ±RᵀH = H maps to a lower one, and that none of them forbids.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import IntArray
from symfft._compile.lanes import LANES
from symfft.fourier.engines.planes._radices import ROW
from symfft.fourier.engines.planes.frame import Frame
from symfft.fourier.engines.planes.layers import Kind
from symfft.fourier.engines.planes.opcodes import COMPLEX, REAL_OUT, LineClass, Lines, Segment
from symfft.fourier.engines.planes.plane import Operator, unique_vectors
from symfft.fourier.engines.planes.program import Located, Memory, Tables
from symfft.fourier.engines.planes.spectra import alike, class_of, form_of, reflections_of, segments_of, to_hkl


def plan_lines(
    frame: Frame, kinds: list[Kind], places: list[Located], tables: Tables, memory: Memory, weight: float
) -> tuple[int, IntArray, int]:
    """Write the line stage; `weight` is a factor of the transposed map.

    Returns
    -------
    at : int
        Where its table begins.
    hkl : (n_h, 3) int64
        The reflections, in the order of the result, modulo the grid.
    blocks : int
        Number of blocks of lines, of all classes.
    """
    n0, n1, n2 = frame.shape
    h, orbit_size = _unique_lines(frame)
    centrings = (frame.signs == 1) & (frame.rotations == np.eye(2, dtype=np.int64)).all(axis=(1, 2))
    n = int(np.gcd.reduce(np.append(frame.shifts[centrings], n2)))
    c = n2 // n
    groups, remainder = alike(frame, h, c)
    form = form_of(frame, remainder, c)
    subs = 1 if form.code == COMPLEX else 2
    fold = form.code == REAL_OUT and form.shift == 0
    segments = segments_of(frame, kinds, n, fold)
    room = memory.reserve(4 * max(n, 8) * ROW)

    phi = np.zeros(h.shape[1], dtype=np.int64)
    period = 2 * int(np.lcm(n0, n1))
    if form.code != COMPLEX:
        phi = -(h[0] * form.translation[0] * (period // 2 // n0) + h[1] * form.translation[1] * (period // 2 // n1))
    rows = [_rows(frame, places[kind], h, g, phi, period) for kind, g, _ in segments]
    sheared = [bool(frame.shears[g].any() or kinds[kind].centres.any()) for kind, g, _ in segments]

    wide = LANES * subs
    sources: list[IntArray] = []
    steps: list[IntArray] = []
    classes: list[LineClass] = []
    hkl = []
    start = 0
    done = 0
    for group in groups:
        blocks = -(-len(group.lines) // wide)
        # lanes past the last line repeat it, with factors of zero
        lane = np.minimum(np.arange(blocks * wide), len(group.lines) - 1)
        exists = (np.arange(blocks * wide) < len(group.lines)).astype(np.float64)
        line = group.lines[lane]
        by_block = (blocks, subs, LANES)
        sources.append(np.stack([r.address[line].reshape(by_block) for r in rows], axis=1).reshape(-1))
        steps.append(
            np.stack([r.steps[line].reshape(*by_block, 3) for r in rows], axis=1).reshape(-1, 3)
            if any(sheared)
            else np.empty((0, 3), dtype=np.int64)
        )
        factors = np.stack([(r.factors[:, line] * exists).reshape(4, *by_block) for r in rows])
        phase = exists * np.exp(2j * np.pi * (phi[line] % period) / period)
        written = class_of(tables, group, form, phase, weight * orbit_size[line], (n, n2))
        at_factors = tables.put_reals(factors.transpose(2, 0, 3, 1, 4))
        classes.append(written._replace(sources=done, factors=at_factors, start=start, lines=len(group.lines)))
        done += len(sources[-1])
        start += 2 * len(group.l_unique) * len(group.lines)
        hkl.append(reflections_of(h[:, group.lines], group.l_unique, wide))

    first_source = tables.put_ints(np.concatenate(sources))
    first_step = tables.put_ints(np.concatenate(steps))
    root_period = int(np.lcm(n0, n1))
    roots = tables.put_complex(np.exp(2j * np.pi * np.arange(root_period) / root_period)) if any(sheared) else 0
    described = []
    for (kind, g, z), is_sheared in zip(segments, sheared, strict=True):
        groups_of_columns, columns, planes = _columns(frame, kinds[kind], g, z, n)
        segment = Segment(
            groups=groups_of_columns,
            columns=tables.put_ints(np.concatenate([columns, planes.reshape(-1)])),
            part=0 if places[kind].rows.real else places[kind].place.part_step,
            sheared=int(is_sheared),
            period=root_period,
            roots=roots,
            steps=first_step,
            sources=first_source,
        )
        described.append(segment)
    head = Lines(len(classes), form.code, n, tables.fft(n), len(segments), room, int(fold))
    moved = [written._replace(sources=written.sources + first_source) for written in classes]
    at = tables.put_ints(np.concatenate([head, np.array(described).ravel(), np.array(moved).ravel()]).astype(np.int64))
    return at, np.concatenate(hkl) @ to_hkl(frame), sum(written.blocks for written in classes)


def _unique_lines(frame: Frame) -> tuple[IntArray, NDArray[np.float64]]:
    """Return the unique H, (2, m), and the number of its images, (m,)."""
    shape = frame.shape[:2]
    zero = np.zeros(2, dtype=np.int64)
    _, first = np.unique(frame.rotations.reshape(-1, 4), axis=0, return_index=True)
    operators = [Operator(frame.rotations[g], frame.transposed[g], zero) for g in first]
    label, unique, _, _ = unique_vectors((shape[0], shape[1]), operators)
    return np.stack(np.unravel_index(unique, shape)), np.bincount(label).astype(np.float64)


class _LineRows(NamedTuple):
    """For each line, where its values are and how they enter."""

    address: IntArray
    #: (4, m): real and imaginary part to real, to imaginary part
    factors: NDArray[np.float64]
    #: (m, 3): turns for each unit of z, c0, c1
    steps: IntArray


def _rows(frame: Frame, located: Located, h: IntArray, g: int, phi: IntArray, period: int) -> _LineRows:
    n0, n1, _ = frame.shape
    k = (frame.transposed[g] @ h) % np.array([[n0], [n1]])
    rows = located.rows
    address = located.place.start + located.place.row_step * rows.row[k[0], k[1]]
    u, v = frame.translations[g], frame.shears[g]
    unit = np.array([period // n0, period // n1])
    turns = rows.phase[k[0], k[1]] - (u * unit) @ h - phi
    a = np.exp(2j * np.pi * (turns % period) / period)
    sign = np.where(rows.conjugate[k[0], k[1]], -1.0, 1.0)
    nothing = np.zeros_like(sign)
    if rows.real:
        factors = np.stack([a.real, nothing, a.imag, nothing])
    else:
        factors = np.stack([a.real, -sign * a.imag, a.imag, sign * a.real])
    half = unit // 2
    steps = -np.stack([(v * half) @ h, k[0] * half[0], k[1] * half[1]], axis=-1) % (period // 2)
    return _LineRows(address, factors, steps)


def _columns(frame: Frame, kind: Kind, g: int, planes: IntArray, n: int) -> tuple[int, IntArray, IntArray]:
    """Where the columns of a segment's rows go: groups of eight, z or -1, (z, c0, c1) of each."""
    groups = -(-len(kind.planes) // LANES)
    columns = np.full(groups * LANES, -1)
    source = np.zeros((groups * LANES, 3), dtype=np.int64)
    number = np.searchsorted(kind.planes, planes)
    columns[number] = (frame.signs[g] * planes + frame.shifts[g]) % n
    source[number, 0] = planes
    source[number, 1:] = kind.centres[number]
    return groups, columns, source
