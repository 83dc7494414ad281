"""Compiled loops over reciprocal space, on bare arrays."""

from __future__ import annotations

from typing import Any

from symfft._array_types import Array
from symfft._compile import bare, embedded

ABSENT = -2
UNSEEN = -1


@embedded
def wrapped(index: Any, n: Any) -> Any:
    """Return a small index modulo n, without a division."""
    while index < 0:
        index += n
    while index >= n:
        index -= n
    return index


@embedded
def image(rotations: Array, g: Any, h: Any, k: Any, l: Any, n0: Any, n1: Any, n2: Any) -> Any:  # noqa: E741
    """Return the place of ``W_gᵀ h`` in the grid, in C order."""
    u = wrapped(h * rotations[g, 0, 0] + k * rotations[g, 1, 0] + l * rotations[g, 2, 0], n0)
    v = wrapped(h * rotations[g, 0, 1] + k * rotations[g, 1, 1] + l * rotations[g, 2, 1], n1)
    w = wrapped(h * rotations[g, 0, 2] + k * rotations[g, 1, 2] + l * rotations[g, 2, 2], n2)
    return (u * n1 + v) * n2 + w


@bare
def label_reflections(
    candidates: Array,
    rotations: Array,
    turns: tuple[Array, Array, Array],
    centring: tuple[Array, Array, Array],
    denominator: Any,
    shape: Array,
    labels: Array,
    phases: Array,
    found: Array,
) -> int:
    """Number the classes of reflections by their first candidate.

    Parameters
    ----------
    candidates : (k, 3) int64
        Indices h in order of preference, each not far from (-N, N) along its axis.
    rotations : (g, 3, 3) int64
        The matrix W of one operator for each distinct one.
    turns, centring : three (g, N) and three (c, N) int64
        Numerators of ``h_i w_i`` along each axis, modulo the denominator: of the same operators, and of the centring
        translations. (Divisions would take most of the time.)
    denominator : int
        Of the translations.
    shape : (3,) int64
        Of the grid.
    labels : (N0 N1 N2,) int32
        All UNSEEN; overwritten where candidates lead: class of every h, ABSENT for systematic absences.
    phases : (N0 N1 N2,) int16
        Overwritten where a class is: ``F(h) = exp(2πi p / denominator) F(first)``, and -1 - p where
        ``F(h) = exp(2πi p / denominator) conj F(first)`` only.
    found : (3, k) int64
        Overwritten: candidate, multiplicity and, for centric reflections, the p of ``F = exp(2πi p / denominator)
        conj F`` (-1 for the others) of every class.

    Returns
    -------
    int
        Number of classes.
    """
    n0, n1, n2 = shape
    classes = 0
    for i in range(candidates.shape[0]):
        h, k, l = wrapped(candidates[i, 0], n0), wrapped(candidates[i, 1], n1), wrapped(candidates[i, 2], n2)  # noqa: E741
        here = (h * n1 + k) * n2 + l
        if labels[here] != UNSEEN:
            continue
        absent = False
        for c in range(centring[0].shape[0]):
            if wrapped(centring[0][c, h] + centring[1][c, k] + centring[2][c, l], denominator) != 0:
                absent = True
        count = 0
        centric = -1
        if not absent:
            for g in range(rotations.shape[0]):
                there = image(rotations, g, h, k, l, n0, n1, n2)
                phase = wrapped(turns[0][g, h] + turns[1][g, k] + turns[2][g, l], denominator)
                if there == here and phase != 0:
                    absent = True
                if labels[there] == UNSEEN:
                    labels[there] = classes
                    phases[there] = phase
                    count += 1
            mate = (wrapped(-h, n0) * n1 + wrapped(-k, n1)) * n2 + wrapped(-l, n2)
            if labels[mate] == classes:
                centric = wrapped(-phases[mate], denominator)
            else:
                for g in range(rotations.shape[0]):
                    there = image(rotations, g, -h, -k, -l, n0, n1, n2)
                    if labels[there] == UNSEEN:
                        phase = wrapped(turns[0][g, h] + turns[1][g, k] + turns[2][g, l], denominator)
                        labels[there] = classes
                        phases[there] = -1 - wrapped(-phase, denominator)
                        count += 1
        if absent:
            for g in range(rotations.shape[0]):
                labels[image(rotations, g, h, k, l, n0, n1, n2)] = ABSENT
                labels[image(rotations, g, -h, -k, -l, n0, n1, n2)] = ABSENT
        else:
            found[0, classes] = i
            found[1, classes] = count
            found[2, classes] = centric
            classes += 1
    return classes


@bare
def gather(source: Array, table: Array, out: Array) -> None:
    """Fill ``out[b, i] = source[b, table[i]]``."""
    for b in range(source.shape[0]):
        for i in range(table.size):
            out[b, i] = source[b, table[i]]


@bare
def gather_related(
    source: Array, places: Array, table: Array, factors: Array, conjugate: Array, centric: Array, out: Array
) -> None:
    """Fill ``out[b, places[i]] = factors[i] F``, of conj F where so marked, with ``F = source[b, table[i]]``.

    Complex numbers are pairs of real ones. Where c = centric[i] is not 0, F is first projected on what obeys
    ``F = c conj F``.
    """
    for b in range(source.shape[0]):
        for i in range(places.size):
            x, y = source[b, 2 * table[i]], source[b, 2 * table[i] + 1]
            c, s = centric[2 * i], centric[2 * i + 1]
            if c != 0.0 or s != 0.0:
                x, y = (x + c * x + s * y) / 2, (y + s * x - c * y) / 2
            if conjugate[i]:
                y = -y
            c, s = factors[2 * i], factors[2 * i + 1]
            out[b, 2 * places[i]], out[b, 2 * places[i] + 1] = c * x - s * y, c * y + s * x
