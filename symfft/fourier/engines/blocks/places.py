"""Where the entries of an array are that permutations of its axes have made smaller."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from symfft._array_types import IntArray
from symfft.fourier.engines.blocks.codes import Block, Permutation


class Places(NamedTuple):
    """Where in the workspace the entries of a three-dimensional array are: ``value = sign * work[position]``."""

    position: IntArray
    sign: IntArray


class Wedge(NamedTuple):
    """The smallest set of indices from which permutations of the axes give all.

    Attributes
    ----------
    points : (k, 3) int
        The indices.
    number : (n0, n1, n2) int
        Which of them each index is an image of.
    carrier : (n0, n1, n2) int
        And by which permutation: ``points[number[x]] = π x``.
    """

    points: IntArray
    number: IntArray
    carrier: IntArray


def find_wedge(shape: tuple[int, ...], permutations: list[Permutation]) -> Wedge:
    """Return the first index of each orbit, in C order; the first permutation is the identity."""
    flat = np.arange(math.prod(shape)).reshape(shape)
    if len(permutations) == 1:
        return Wedge(np.indices(shape).reshape(len(shape), -1).T, flat, np.zeros_like(flat))
    smallest, carrier = flat.copy(), np.zeros(shape, dtype=np.int64)
    for i, permutation in enumerate(permutations[1:], 1):
        moved = flat.transpose(np.argsort(permutation.axes))
        less = moved < smallest
        smallest[less], carrier[less] = moved[less], i
    unique = np.flatnonzero(smallest == flat)
    number = np.empty(flat.size, dtype=np.int64)
    number[unique] = np.arange(len(unique))
    points = np.stack(np.unravel_index(unique, shape), axis=-1)
    return Wedge(points, number[smallest], carrier)


def everywhere(positions: IntArray, block: Block) -> Places:
    """Complete the coefficients of a block, of which some have position -1, by ``b(h) = s b(πh)``; position 0, which
    holds 0, where that makes them vanish. The first permutation is the identity.
    """
    position, sign = np.maximum(positions, 0), np.ones_like(positions)
    for permutation, s in block.stabilizer[1:]:
        moved = positions.transpose(np.argsort(permutation.axes))
        new = (moved >= 0) & (position == 0)
        position[new], sign[new] = moved[new], s
    return Places(position, sign)
