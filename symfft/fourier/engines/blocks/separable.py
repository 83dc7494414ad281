r"""One block: three cosine or sine transforms as products with small matrices, thinned out by the block's permutations.

.. math::
    b(h, k, l) = \sum_{xyz} X_{hx} Y_{ky} Z_{lz} \, g(x, y, z)

Where the block is symmetric or antisymmetric under a swap of the last two axes, the first product runs over pairs
y <= z only, the last yields k <= l only; where all three axes are alike, h <= k as well, by chunks of h.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import IntArray
from symfft.fourier.engines.blocks.codes import Block, Triple
from symfft.fourier.engines.blocks.places import Places, everywhere
from symfft.fourier.engines.blocks.program import Program

#: Chunks of h (and of k) over which a triangle is covered by rectangles: more of them save products, and cost calls.
CHUNKS, CHUNKS_OF_FEW, FEW = 3, 2, 20

Matrices = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def box_length(n: int) -> int:
    """Return how many points x >= 0 of an axis its folds leave: up to N/4, up to N/2 where N is odd."""
    return (n // 4 if n % 2 == 0 else n // 2) + 1


def block_frequencies(n: int, parity: int, sine: int) -> IntArray:
    """Return the h of a block along an axis: 0 <= h <= N/2 of one parity, without those whose sines vanish.

    Where N is odd, they are of either parity.
    """
    h = np.arange(parity, n // 2 + 1, 2 if n % 2 == 0 else 1, dtype=np.int64)
    return h[(h > 0) & (2 * h < n)] if sine else h


def forward_matrix(n: int, parity: int, sine: int) -> NDArray[np.float64]:
    """Return ``u(x) cos(2πhx/N)`` or sin, (h, x), with u = 1/2 at x = 0 and N/4, which the folds count twice."""
    h, x = block_frequencies(n, parity, sine), np.arange(box_length(n))
    angle = 2 * np.pi * (h[:, None] * x % n) / n
    weight = np.where((x == 0) | (4 * x == n), 0.5, 1.0)
    return np.asarray((np.sin(angle) if sine else np.cos(angle)) * weight)


def inverse_matrix(n: int, parity: int, sine: int) -> NDArray[np.float64]:
    """Return ``4/N v(h) cos(2πhx/N)`` or sin, (x, h), with v = 1 at h = 0 and N/2, 2 elsewhere; 2/N where N is odd."""
    h, x = block_frequencies(n, parity, sine), np.arange(box_length(n))
    angle = 2 * np.pi * (x[:, None] * h % n) / n
    weight = np.where((h == 0) | (2 * h == n), 1.0, 2.0) * (4 if n % 2 == 0 else 2) / n
    return np.asarray((np.sin(angle) if sine else np.cos(angle)) * weight)


def transform_block(
    program: Program, matrices: Matrices, block: Block, source: Places, to: int | None = None
) -> Places:
    """Plan the transform of a block; return where its coefficients will be, for every (h, k, l).

    Parameters
    ----------
    program : Program
        Where the steps are written.
    matrices : three (out, in) arrays
        Along the three axes.
    block : Block
        With the permutations that leave it in place.
    source : Places
        Of its entries, each axis as long as the matrices' input.
    to : int, optional
        Place for the coefficients of a block without permutations; new space where it is not given.
    """
    shape = (len(matrices[0]), len(matrices[1]), len(matrices[2]))
    if not math.prod(shape) or not source.position.size:  # a grid of 4 points has no sines with even h
        return Places(np.zeros(shape, dtype=np.int64), np.ones(shape, dtype=np.int64))
    order = len(block.stabilizer)
    swaps = [(p, s) for p, s in block.stabilizer if sum(a == i for i, a in enumerate(p.axes)) == 1]
    roles: Triple = (0, 1, 2)
    if order == 2:
        fixed = next(i for i, a in enumerate(swaps[0][0].axes) if a == i)
        rest = [i for i in range(3) if i != fixed]
        roles = (fixed, rest[0], rest[1])
    back = tuple(int(i) for i in np.argsort(roles))
    x, y, z = (matrices[i] for i in roles)
    entries = Places(source.position.transpose(roles), source.sign.transpose(roles))
    if swaps:
        found = _with_swap(program, (x, y, z), entries, swaps[0][1], wedge=order == 6)
    else:
        found = _without_swap(program, (x, y, z), entries, to, cyclic=order == 3)
    return everywhere(found.transpose(back), block)


def _without_swap(program: Program, matrices: Matrices, source: Places, to: int | None, *, cyclic: bool) -> IntArray:
    """Plan three products; return positions of the coefficients, -1 where none was computed.

    ``[h, (y z)]``, then ``[(h y), l]``, then ``[k, l]`` for each h. A cyclic block needs h <= k and h <= l only.
    """
    (oh, nx), (ok, ny), (ol, nz) = (m.shape for m in matrices)
    x, y = program.matrix(matrices[0]), program.matrix(matrices[1])
    at = program.take(source.position, source.sign)
    t1 = program.left(x, at, oh, nx, ny * nz)
    positions = np.full((oh, ok, ol), -1, dtype=np.int64)
    for a, b in _chunks(oh) if cyclic else [(0, oh)]:
        first = a if cyclic else 0
        z = program.matrix(matrices[2][first:].T)
        t2 = program.right(t1 + a * ny * nz, (b - a) * ny, nz, z, ol - first)
        shape = (b - a, ok - first, ol - first)
        t3 = program.allocate(math.prod(shape)) if to is None else to
        program.left(y + first * ny, t2, ok - first, ny, ol - first, times=b - a, to=t3)
        positions[a:b, first:, first:] = t3 + np.arange(math.prod(shape)).reshape(shape)
    return positions


def _with_swap(program: Program, matrices: Matrices, source: Places, sign: int, *, wedge: bool) -> IntArray:
    """Plan a block with ``g(x, y, z) = sign g(x, z, y)``; return positions of the coefficients with k <= l.

    With `wedge`, all three axes are alike, and only h <= k <= l is computed.
    """
    (oh, nx), (ok, ny), (ol, nz) = (m.shape for m in matrices)
    positions = np.full((oh, ok, ol), -1, dtype=np.int64)
    first, second = np.triu_indices(ny, 0 if sign > 0 else 1)
    pairs = len(first)
    if not pairs:
        return positions
    x, y = program.matrix(matrices[0]), program.matrix(matrices[1])
    at = program.take(source.position[:, first, second], source.sign[:, first, second])
    t1 = program.left(x, at, oh, nx, pairs)

    pair = np.full((ny, nz), -1, dtype=np.int64)
    pair[second, first] = pair[first, second] = np.arange(pairs)
    swapped = np.where(np.tri(ny, nz, -1, dtype=bool), sign, 1)
    for a, b in _chunks(oh) if wedge else [(0, oh)]:
        k0, width = (a, b - a) if wedge else (0, oh)
        h = np.arange(a, b)[None, :, None]
        there = np.where(pair[:, None, :] < 0, 0, t1 + h * pairs + pair[:, None, :])
        t2_in = program.take(there, np.broadcast_to(swapped[:, None, :], there.shape))
        t2 = program.left(y + k0 * ny, t2_in, ok - k0, ny, width * nz)
        for c, d in _chunks(ok - k0):
            l0 = k0 + c
            z = program.matrix(matrices[2][l0:].T)
            rows = (d - c) * width
            t3 = program.allocate(rows * (ol - l0))
            program.right(t2 + c * width * nz, rows, nz, z, ol - l0, to=t3)
            block = t3 + np.arange(rows * (ol - l0)).reshape(d - c, width, ol - l0)
            positions[a:b, k0 + c : k0 + d, l0:] = block.transpose(1, 0, 2)
    if sign < 0:
        diagonal = np.arange(min(ok, ol))
        positions[:, diagonal, diagonal] = -1
    lower = np.tri(ok, ol, -1, dtype=bool)
    positions[:, lower] = -1
    return positions


def _chunks(n: int) -> list[tuple[int, int]]:
    chunks = CHUNKS_OF_FEW if n <= FEW else CHUNKS
    edges = np.unique(np.linspace(0, n, chunks + 1).round().astype(int)).tolist()
    return list(pairwise(edges))
