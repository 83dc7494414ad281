"""Compiled loops over reciprocal space, on bare arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft._compile import kernel

Array = NDArray[Any]

ABSENT = -2
UNSEEN = -1


@kernel
def wrapped(index: Any, n: Any) -> Any:
    """Return a small index modulo n, without a division."""
    while index < 0:
        index += n
    while index >= n:
        index -= n
    return index


@kernel
def label_reflections(
    candidates: Array,
    rotations: Array,
    numerators: Array,
    denominator: Any,
    centring: Array,
    shape: Array,
    labels: Array,
    phases: Array,
    found: Array,
) -> Any:
    """Number the classes of reflections by their first candidate.

    Parameters
    ----------
    candidates : (k, 3) int64
        Indices h in order of preference, each in [0, N) along its axis.
    rotations, numerators : (g, 3, 3) and (g, 3) int64
        One operator for each distinct matrix W.
    denominator : int
        Of the translations.
    centring : (c, 3) int64
        Numerators of the centring translations.
    shape : (3,) int64
        Of the grid.
    labels : (N0 N1 N2,) int32
        Overwritten: class of every h, ABSENT for systematic absences among those visited, UNSEEN for the rest.
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
    labels[:] = UNSEEN
    classes = 0
    for i in range(candidates.shape[0]):
        h, k, l = candidates[i, 0], candidates[i, 1], candidates[i, 2]  # noqa: E741
        here = (h * n1 + k) * n2 + l
        if labels[here] != UNSEEN:
            continue
        absent = False
        for c in range(centring.shape[0]):
            if (h * centring[c, 0] + k * centring[c, 1] + l * centring[c, 2]) % denominator != 0:
                absent = True
                break
        count = 0
        centric = -1
        mate = (((n0 - h) % n0) * n1 + (n1 - k) % n1) * n2 + (n2 - l) % n2
        if not absent:
            for g in range(rotations.shape[0]):
                u = wrapped(h * rotations[g, 0, 0] + k * rotations[g, 1, 0] + l * rotations[g, 2, 0], n0)
                v = wrapped(h * rotations[g, 0, 1] + k * rotations[g, 1, 1] + l * rotations[g, 2, 1], n1)
                w = wrapped(h * rotations[g, 0, 2] + k * rotations[g, 1, 2] + l * rotations[g, 2, 2], n2)
                there = (u * n1 + v) * n2 + w
                phase = (h * numerators[g, 0] + k * numerators[g, 1] + l * numerators[g, 2]) % denominator
                if there == here and phase != 0:
                    absent = True
                if labels[there] == UNSEEN:
                    labels[there] = classes
                    phases[there] = phase
                    count += 1
            if labels[mate] == classes:
                centric = (-phases[mate]) % denominator
            else:
                for g in range(rotations.shape[0]):
                    u = wrapped(-h * rotations[g, 0, 0] - k * rotations[g, 1, 0] - l * rotations[g, 2, 0], n0)
                    v = wrapped(-h * rotations[g, 0, 1] - k * rotations[g, 1, 1] - l * rotations[g, 2, 1], n1)
                    w = wrapped(-h * rotations[g, 0, 2] - k * rotations[g, 1, 2] - l * rotations[g, 2, 2], n2)
                    there = (u * n1 + v) * n2 + w
                    if labels[there] == UNSEEN:
                        phase = (h * numerators[g, 0] + k * numerators[g, 1] + l * numerators[g, 2]) % denominator
                        labels[there] = classes
                        phases[there] = -1 - (-phase) % denominator
                        count += 1
        if absent:
            for g in range(rotations.shape[0]):
                u = (h * rotations[g, 0, 0] + k * rotations[g, 1, 0] + l * rotations[g, 2, 0]) % n0
                v = (h * rotations[g, 0, 1] + k * rotations[g, 1, 1] + l * rotations[g, 2, 1]) % n1
                w = (h * rotations[g, 0, 2] + k * rotations[g, 1, 2] + l * rotations[g, 2, 2]) % n2
                labels[(u * n1 + v) * n2 + w] = ABSENT
                labels[(((n0 - u) % n0) * n1 + (n1 - v) % n1) * n2 + (n2 - w) % n2] = ABSENT
        else:
            found[0, classes] = i
            found[1, classes] = count
            found[2, classes] = centric
            classes += 1
    return classes


@kernel
def gather(source: Array, table: Array, out: Array) -> None:
    """Fill ``out[b, i] = source[b, table[i]]``."""
    for b in range(source.shape[0]):
        for i in range(table.size):
            out[b, i] = source[b, table[i]]


@kernel
def gather_related(
    source: Array, places: Array, table: Array, factors: Array, conjugate: Array, centric: Array, out: Array
) -> None:
    """Fill ``out[b, places[i]] = factors[i] F``, of conj F where so marked, with ``F = source[b, table[i]]``.

    Where c = centric[i] is not 0, F is first projected on what obeys ``F = c conj F``.
    """
    for b in range(source.shape[0]):
        for i in range(places.size):
            f = source[b, table[i]]
            if centric[i] != 0:
                f = (f + centric[i] * np.conj(f)) / 2
            if conjugate[i]:
                f = np.conj(f)
            out[b, places[i]] = factors[i] * f
