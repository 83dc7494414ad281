"""What the operators do to a line: which l are unique, how lines share transforms, which planes stand for which.

See :mod:`symfft.fourier.engines.planes.lines` for the formulas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import IntArray
from symfft._compile.lanes import LANES
from symfft.fourier.engines.planes.frame import Frame
from symfft.fourier.engines.planes.layers import Kind, first_planes
from symfft.fourier.engines.planes.opcodes import COMPLEX, REAL_IN, REAL_OUT, LineClass
from symfft.fourier.engines.planes.program import Tables


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


def alike(frame: Frame, h: IntArray, c: int) -> tuple[list[Alike], IntArray]:
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


def form_of(frame: Frame, remainder: IntArray, c: int) -> Form:
    """Return the form that saves most; remainders r of ``l = c j + r`` decide whether 2-fold axes do."""
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


def segments_of(frame: Frame, kinds: list[Kind], n: int, fold: bool) -> list[tuple[int, int, IntArray]]:
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


def to_hkl(frame: Frame) -> IntArray:
    """H = Bᵀh, so that rows of H times this are rows of h."""
    return np.rint(np.linalg.inv(frame.basis)).astype(np.int64)


def reflections_of(h: IntArray, l_unique: IntArray, wide: int) -> IntArray:
    """List (H, l) as the blocks write them: block by block, l by l, line by line."""
    parts = []
    full = h.shape[1] // wide * wide
    for lines in (h[:, :full].reshape(2, -1, wide), h[:, full:].reshape(2, 1, -1)):
        shape = (lines.shape[1], len(l_unique), lines.shape[2])
        each = [np.broadcast_to(x[:, None, :], shape) for x in lines]
        parts.append(np.stack([*each, np.broadcast_to(l_unique[:, None], shape)], axis=-1).reshape(-1, 3))
    return np.concatenate(parts)


def class_of(
    tables: Tables,
    group: Alike,
    form: Form,
    phases: NDArray[np.complex128],
    weights: NDArray[np.float64],
    lengths: tuple[int, int],
) -> LineClass:
    """Write what turns spectra of a class of lines into structure factors, and back.

    Parameters
    ----------
    tables, group, form
        Where to, which lines, and how they share transforms.
    phases, weights : (lanes,)
        Of the lines in all blocks; 0 where there is none.
    lengths : (n, n2)
        Of the transform and of the lines.

    Returns
    -------
    LineClass
        Without where its lines come from and go to.
    """
    n, n2 = lengths
    c = n2 // n
    subs = 1 if form.code == COMPLEX else 2
    phases = (phases * (c / 2 if form.code == REAL_IN else c)).reshape(-1, LANES)
    signed = (np.arange(n) + (n - 1) // 2) % n - (n - 1) // 2
    r, l_unique = group.remainder, group.l_unique
    return LineClass(
        blocks=len(phases) // subs,
        number=len(l_unique),
        places=tables.put_ints((l_unique - r) // c % n),
        mates=tables.put_ints((-l_unique - r) // c % n),
        angles=tables.put_complex(np.exp(-1j * np.pi * ((l_unique * form.shift) % (2 * n2)) / n2)),
        twiddle=tables.put_complex(np.exp(-2j * np.pi * (r * signed % n2) / n2)) if r else -1,
        phases=tables.put_reals(np.stack([phases.real, phases.imag], axis=1)),
        images=tables.put_reals(group.images),
        weights=tables.put_reals(weights),
    )
