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

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft.fourier.planes._fft import ROW
from symfft.fourier.planes._lanes import LANES
from symfft.fourier.planes._line_kernels import COMPLEX, REAL_IN, REAL_OUT
from symfft.fourier.planes.frame import Frame
from symfft.fourier.planes.layers import Kind, first_planes
from symfft.fourier.planes.plane import Operator, unique_vectors
from symfft.fourier.planes.program import Memory, Place, Tables
from symfft.seitz import IntArray


class Alike(NamedTuple):
    """Lines whose unique l are the same."""

    #: (m,) which lines
    lines: IntArray
    #: (k,) unique l
    l_unique: IntArray
    #: (k,) number of images of each l
    images: NDArray[np.float64]
    #: l = c j + r
    remainder: int


@dataclass
class Form:
    """How lines share transforms."""

    code: int
    #: of the inversion or the 2-fold axis
    translation: IntArray
    shift: int


def plan_lines(
    frame: Frame, kinds: list[Kind], places: list[Place], tables: Tables, memory: Memory, weight: float
) -> tuple[int, IntArray, float]:
    """Write the line stage; `weight` is a factor of the transposed map.

    Returns
    -------
    at : int
        Where its table begins.
    hkl : (n_h, 3) int64
        The reflections, in the order of the result, modulo the grid.
    cost : float
        In ns.
    """
    n0, n1, n2 = frame.shape
    h, orbit_size = _unique_lines(frame)
    centrings = (frame.signs == 1) & (frame.rotations == np.eye(2, dtype=np.int64)).all(axis=(1, 2))
    n = int(np.gcd.reduce(np.append(frame.shifts[centrings], n2)))
    c = n2 // n
    groups, remainder = _alike(frame, h, c)
    form = _form(frame, remainder, c)
    subs = 1 if form.code == COMPLEX else 2
    fold = form.code == REAL_OUT and form.shift == 0
    segments = _segments(frame, kinds, n, fold)
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
    heads: list[list[int]] = []
    hkl = []
    start = 0
    done = 0
    signed = (np.arange(n) + (n - 1) // 2) % n - (n - 1) // 2
    scale = c / 2 if form.code == REAL_IN else c
    for group in groups:
        count = len(group.l_unique)
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
        phase = scale * exists * np.exp(2j * np.pi * (phi[line] % period) / period)
        finals = np.stack([phase.real.reshape(by_block), phase.imag.reshape(by_block)], axis=2)
        j = (group.l_unique - group.remainder) // c % n
        mates = (-group.l_unique - group.remainder) // c % n
        angles = np.exp(-1j * np.pi * ((group.l_unique * form.shift) % (2 * n2)) / n2)
        twist = np.exp(-2j * np.pi * (group.remainder * signed % n2) / n2)
        heads.append(
            [
                blocks,
                count,
                tables.put_ints(j),
                tables.put_ints(mates),
                tables.put_complex(angles),
                tables.put_complex(twist) if group.remainder else -1,
                done,
                tables.put_reals(factors.transpose(2, 0, 3, 1, 4)),
                tables.put_reals(finals),
                start,
                len(group.lines),
                tables.put_reals(group.images),
                tables.put_reals(weight * orbit_size[line]),
                0,
                0,
                0,
            ]
        )
        done += len(sources[-1])
        start += 2 * count * len(group.lines)
        hkl.append(_reflections(h[:, group.lines], group.l_unique, wide))

    first_source = tables.put_ints(np.concatenate(sources))
    first_step = tables.put_ints(np.concatenate(steps))
    for head in heads:
        head[6] += first_source
    root_period = int(np.lcm(n0, n1))
    roots = tables.put_complex(np.exp(2j * np.pi * np.arange(root_period) / root_period)) if any(sheared) else 0
    described = [
        [
            groups_of_columns,
            tables.put_ints(np.concatenate([columns, planes.reshape(-1)])),
            part,
            int(is_sheared),
            root_period,
            roots,
            first_step,
            first_source,
        ]
        for (groups_of_columns, columns, planes, part), is_sheared in zip(
            (_columns(frame, kinds[kind], places[kind], g, z, n) for kind, g, z in segments), sheared, strict=True
        )
    ]
    plan = tables.fft(n)
    at = tables.put_ints(
        np.concatenate(
            [[len(heads), form.code, n, plan, len(segments), room, int(fold), 0], np.ravel(described), np.ravel(heads)]
        ).astype(np.int64)
    )
    blocks = sum(head[0] for head in heads)
    return at, np.concatenate(hkl) @ _to_hkl(frame), blocks * _cost_of_block(n, subs, len(segments), heads)


def _cost_of_block(n: int, subs: int, segments: int, heads: list[list[int]]) -> float:
    from symfft.fourier.planes.plane import fft_cost

    return fft_cost(n) + n * subs * 8 + segments * subs * 20 + 6 * subs * n


def _to_hkl(frame: Frame) -> IntArray:
    """H = Bᵀh, so that rows of H times this are rows of h."""
    return np.rint(np.linalg.inv(frame.basis)).astype(np.int64)


def _unique_lines(frame: Frame) -> tuple[IntArray, NDArray[np.float64]]:
    """Return the unique H, (2, m), and the number of its images, (m,)."""
    shape = frame.shape[:2]
    zero = np.zeros(2, dtype=np.int64)
    _, first = np.unique(frame.rotations.reshape(-1, 4), axis=0, return_index=True)
    operators = [Operator(frame.rotations[g], frame.transposed[g], zero) for g in first]
    label, unique, _, _ = unique_vectors((shape[0], shape[1]), operators)
    return np.stack(np.unravel_index(unique, shape)), np.bincount(label).astype(np.float64)


def _alike(frame: Frame, h: IntArray, c: int) -> tuple[list[Alike], IntArray]:
    """Group lines by their unique l; absent lines are left out. Also the remainders r that occur."""
    n0, n1, n2 = frame.shape
    period = int(np.lcm.reduce([n0, n1, n2]))
    n = np.array([[n0], [n1]])
    codes = []
    units = np.array([period // n0, period // n1])
    for g in range(len(frame.signs)):
        image = frame.transposed[g] @ h
        turns = (frame.translations[g] * units) @ h % period
        slant = (frame.shears[g] * units) @ h % period * n2 // period
        for sign in (1, -1):
            fixed = ((sign * image - h) % n == 0).all(axis=0)
            # phases matter only where F is related to itself, not to its conjugate
            codes.append(np.where(fixed, 1 + slant * period + (turns if sign > 0 else 0), 0))
    keys, member = np.unique(np.array(codes).T, axis=0, return_inverse=True)
    member = member.reshape(-1)
    order = np.argsort(member, kind="stable")
    bounds = np.searchsorted(member[order], np.arange(len(keys) + 1))
    l_all = np.arange(n2)
    found: dict[tuple[bytes, bytes, int], list[IntArray]] = {}
    for i, key in enumerate(keys):
        images = [l_all]
        absent = np.zeros(n2, dtype=bool)
        for (g, sign), code in zip(((g, s) for g in range(len(frame.signs)) for s in (1, -1)), key, strict=True):
            if code == 0:
                continue
            slant, turns = divmod(int(code) - 1, period)
            image = sign * (frame.signs[g] * l_all + slant) % n2
            images.append(image)
            if sign > 0:
                absent |= (image == l_all) & ((turns + l_all * frame.shifts[g] * (period // n2)) % period != 0)
        sorted_images = np.sort(np.array(images), axis=0)
        unique = np.flatnonzero((sorted_images[0] == l_all) & ~absent)
        if not len(unique):
            continue
        number = 1 + (np.diff(sorted_images, axis=0) != 0).sum(axis=0)
        lines = order[bounds[i] : bounds[i + 1]]
        found.setdefault((unique.tobytes(), number[unique].tobytes(), int(unique[0]) % c), []).append(lines)
    groups = [
        Alike(
            np.sort(np.concatenate(lines)),
            np.frombuffer(unique, dtype=np.int64),
            np.frombuffer(number, dtype=np.int64).astype(np.float64),
            r,
        )
        for (unique, number, r), lines in found.items()
    ]
    # the largest first: their results are then aligned as the array is
    groups.sort(key=lambda group: (-len(group.lines), int(group.lines[0]), group.remainder))
    return groups, np.unique([group.remainder for group in groups])


def _form(frame: Frame, remainder: IntArray, c: int) -> Form:
    half_turns = (frame.rotations == -np.eye(2, dtype=np.int64)).all(axis=(1, 2)) & ~frame.shears.any(axis=1)
    inversions = np.flatnonzero(half_turns & (frame.signs == -1))
    if len(inversions):
        # the simplest phases: the shortest translation
        g = min(inversions.tolist(), key=lambda g: (int(frame.shifts[g]), frame.translations[g].tolist()))
        return Form(REAL_OUT, frame.translations[g], int(frame.shifts[g]))
    axes = np.flatnonzero(half_turns & (frame.signs == 1) & (frame.shifts == 0))
    if len(axes) and ((2 * remainder) % c == 0).all():
        return Form(REAL_IN, frame.translations[axes[0]], 0)
    return Form(COMPLEX, np.zeros(2, dtype=np.int64), 0)


def _segments(frame: Frame, kinds: list[Kind], n: int, fold: bool) -> list[tuple[int, int, IntArray]]:
    """Return (kind of plane, operator, planes z) such that the operator's images of the planes fill a period once.

    The period is -n/2 < z <= n/2, or its upper half where the other follows from it.
    """
    first = first_planes(frame)
    kind_of = {z: i for i, kind in enumerate(kinds) for z in kind.planes.tolist()}
    one = np.eye(2, dtype=np.int64)
    plain = [0 if np.array_equal(r, one) else 1 if np.array_equal(r, -one) else 2 for r in frame.rotations]
    order = sorted(range(len(plain)), key=lambda g: (plain[g], frame.signs[g] < 0, frame.shifts[g]))
    found: dict[tuple[int, int], list[int]] = {}
    for z in range(0 if fold else -((n - 1) // 2), n // 2 + 1):
        source = int(first[z])
        g = next(g for g in order if (frame.signs[g] * source + frame.shifts[g] - z) % frame.shape[2] == 0)
        found.setdefault((kind_of[source], g), []).append(source)
    return [(kind, g, np.sort(z)) for (kind, g), z in found.items()]


class _LineRows(NamedTuple):
    """For each line, where its values are and how they enter."""

    address: IntArray
    #: (4, m): real and imaginary part to real, to imaginary part
    factors: NDArray[np.float64]
    #: (m, 3): turns for each unit of z, c0, c1
    steps: IntArray


def _rows(frame: Frame, place: Place, h: IntArray, g: int, phi: IntArray, period: int) -> _LineRows:
    n0, n1, _ = frame.shape
    k = (frame.transposed[g] @ h) % np.array([[n0], [n1]])
    rows = place.rows
    address = place.start + place.row_step * rows.row[k[0], k[1]]
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


def _columns(
    frame: Frame, kind: Kind, place: Place, g: int, planes: IntArray, n: int
) -> tuple[int, IntArray, IntArray, int]:
    """Where the columns of a segment's rows go: groups of eight, z or -1, (z, c0, c1) of each."""
    groups = -(-len(kind.planes) // LANES)
    columns = np.full(groups * LANES, -1)
    source = np.zeros((groups * LANES, 3), dtype=np.int64)
    number = np.searchsorted(kind.planes, planes)
    columns[number] = (frame.signs[g] * planes + frame.shifts[g]) % n
    source[number, 0] = planes
    source[number, 1:] = kind.centres[number]
    return groups, columns, source, 0 if place.rows.real else place.part_step


def _reflections(h: IntArray, l_unique: IntArray, wide: int) -> IntArray:
    """List (H, l) as the blocks write them: block by block, l by l, line by line."""
    parts = []
    full = h.shape[1] // wide * wide
    for lines in (h[:, :full].reshape(2, -1, wide), h[:, full:].reshape(2, 1, -1)):
        shape = (lines.shape[1], len(l_unique), lines.shape[2])
        each = [np.broadcast_to(x[:, None, :], shape) for x in lines]
        parts.append(np.stack([*each, np.broadcast_to(l_unique[:, None], shape)], axis=-1).reshape(-1, 3))
    return np.concatenate(parts)
