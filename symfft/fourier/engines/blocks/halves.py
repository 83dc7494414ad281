r"""One more radix-2 step inside a block, along long axes: up to eight parts, of half the rows and columns each.

Where N is divisible by 4, h and N/2 - h are of one parity, and

.. math::
    \cos 2π(N/2 - h)x/N = (-1)^x \cos 2πhx/N, \qquad \sin 2π(N/2 - h)x/N = -(-1)^x \sin 2πhx/N.

Let r_0 be what even x contribute to b(h) (odd x for a sine) and r_1 the rest, then b(h) = r_0 + r_1 and
b(N/2 - h) = r_0 - r_1, so that h <= N/4 is enough. In three dimensions there is a part r_a for each a in F₂³, and b is
their Walsh-Hadamard transform. The inverse is the transpose: first sums and differences of b(h) and b(N/2 - h), from
which each class of x has its own part. A permutation that leaves the block in place relates parts, ``a -> πa``.
"""

from __future__ import annotations

import math
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import IntArray
from symfft._shape import Shape
from symfft.fourier.engines.blocks.codes import Block, Triple
from symfft.fourier.engines.blocks.places import Places, Wedge, everywhere, find_wedge
from symfft.fourier.engines.blocks.program import Program
from symfft.fourier.engines.blocks.separable import Matrices, block_frequencies, box_length, transform_block

#: Most rows of a matrix that is not halved, for blocks that so many permutations leave in place.
LONGEST = {1: 29, 2: 25, 3: 16, 6: 16}


def is_long(n: int, permutations: int) -> bool:
    """Return whether an axis of N points is halved in blocks that so many permutations leave in place."""
    return n % 4 == 0 and box_length(n) > LONGEST[permutations]


class Halves(NamedTuple):
    """The parts of a block.

    Attributes
    ----------
    block : Block
    classes : three lists of (k,) int
        The x of each class along the axes; all in one list along axes that are not halved.
    frequencies : tuple of int
        Numbers of h of the block.
    half : tuple of int
        Numbers of those up to N/4, along halved axes.
    words : list of tuples
        The a, in the order of the Walsh-Hadamard transform.
    wedge : Wedge
        Of the first halves of h under the permutations that leave the block in place.
    """

    block: Block
    classes: tuple[list[IntArray], list[IntArray], list[IntArray]]
    frequencies: Triple
    half: Triple
    words: list[Triple]
    wedge: Wedge

    @property
    def size(self) -> int:
        """Return the number of entries of all parts."""
        return len(self.words) * math.prod(self.half)

    def reflected(self) -> IntArray:
        """Return the indices of h that the rows of the Walsh-Hadamard transform hold at the wedge, (words, k, 3)."""
        word, points = np.array(self.words)[:, None, :], self.wedge.points
        return np.where(word == 1, np.array(self.frequencies) - 1 - points, points)

    def orbits(self) -> list[tuple[Triple, Block]]:
        """Return one word of each orbit, with the permutations that leave its part in place."""
        found: dict[Triple, Block] = {}
        for word in self.words:
            if not any(p.of(word) in found for p, _ in self.block.stabilizer):
                own = [(p, s) for p, s in self.block.stabilizer if p.of(word) == word]
                found[word] = self.block._replace(stabilizer=own)
        return list(found.items())

    def related(self, computed: dict[Triple, Places]) -> list[Places]:
        """Return all parts, in the order of the words, from one of each orbit: ``r_a(h) = s r_πa(πh)``."""
        parts = []
        for word in self.words:
            permutation, sign = next((p, s) for p, s in self.block.stabilizer if p.of(word) in computed)
            part = computed[permutation.of(word)]
            axes = tuple(int(i) for i in np.argsort(permutation.axes))
            parts.append(Places(part.position.transpose(axes), sign * part.sign.transpose(axes)))
        return parts


def find_halves(shape: Shape, block: Block) -> Halves | None:
    """Return the parts of a block; None where no axis is long."""
    k0, k1, k2 = (len(block_frequencies(n, s, p)) for n, s, p in zip(shape, *block.code, strict=True))
    long = [is_long(n, len(block.stabilizer)) for n in shape]
    if not any(long) or not k0 * k1 * k2:
        return None
    x, y, z = (_classes(n, p, halved) for n, p, halved in zip(shape, block.code.sine, long, strict=True))
    a, b, c = ((k + 1) // 2 if halved else k for k, halved in zip((k0, k1, k2), long, strict=True))
    words = [(i, j, k) for i, j, k in product(range(len(x)), range(len(y)), range(len(z)))]
    wedge = find_wedge((a, b, c), [p for p, _ in block.stabilizer])
    return Halves(block, (x, y, z), (k0, k1, k2), (a, b, c), words, wedge)


def by_classes(wedge: Wedge, shape: Shape) -> Wedge:
    """Return the points of a box with those of each part of a block without permutations after one another."""
    parity = wedge.points % 2 * [is_long(n, 1) for n in shape]
    order = np.argsort(parity @ [4, 2, 1], kind="stable")
    return wedge._replace(points=wedge.points[order], number=np.argsort(order)[wedge.number])


def forward_in_halves(
    program: Program, matrices: Matrices, halves: Halves, source: Places, to: int | None = None
) -> Places:
    """Plan the transform of a block in parts; return where its coefficients will be, for every (h, k, l).

    A block without permutations has them from `to` on; in new space where that is not given.
    """
    alone = len(halves.block.stabilizer) == 1
    start = program.allocate(halves.size) if alone and to is None else to
    mark, computed = program.mark(), dict[Triple, Places]()
    for word, own in halves.orbits():
        x, y, z = (c[a] for c, a in zip(halves.classes, word, strict=True))
        at = np.ix_(x, y, z)
        parts = [m[:h, c] for m, h, c in zip(matrices, halves.half, (x, y, z), strict=True)]
        there = start + halves.words.index(word) * math.prod(halves.half) if alone and start is not None else None
        entries = Places(source.position[at], source.sign[at])
        computed[word] = transform_block(program, (parts[0], parts[1], parts[2]), own, entries, there)
        program.release(mark)
    at_wedge = tuple(halves.wedge.points.T)
    parts_everywhere = halves.related(computed)
    table = np.stack([part.position[at_wedge] for part in parts_everywhere])
    signs = np.stack([part.sign[at_wedge] for part in parts_everywhere])
    folded = program.take_folded(table, signs)
    positions = np.full(halves.frequencies, -1, dtype=np.int64)
    rows = folded + np.arange(table.size).reshape(table.shape)
    # h = N/4 is its own mate: of its entries the one in the first rows stays
    positions[tuple(np.moveaxis(halves.reflected()[::-1], -1, 0))] = rows[::-1]
    _leave_out_vanishing(positions, halves.block)
    return everywhere(positions, halves.block)


def inverse_in_halves(
    program: Program, matrices: Matrices, halves: Halves, read: IntArray, wanted: IntArray | None = None
) -> Places:
    """Plan the inverse transform of a block in parts; return where its folds will be, for every (x, y, z).

    Parameters
    ----------
    program : Program
        Where the steps are written.
    matrices : three (x, h) arrays
        Along the three axes.
    halves : Halves
        The parts.
    read : (words, k) int
        Where the coefficients are at the reflections of the wedge, :meth:`Halves.reflected`.
    wanted : (n0, n1, n2) int, optional
        Positions for the folds of a block without permutations, successive within each part; new space where they are
        not given.
    """
    folded = program.take_folded(read, np.ones_like(read), passing=True)
    wedge, stabilizer = halves.wedge, halves.block.stabilizer
    sign = np.array([s for _, s in stabilizer])[wedge.carrier]
    mark, computed = program.mark(), dict[Triple, Places]()
    for word, own in halves.orbits():
        row = np.array([halves.words.index(p.of(word)) for p, _ in stabilizer])[wedge.carrier]
        source = Places(folded + row * len(wedge.points) + wedge.number, sign)
        x, y, z = (c[a] for c, a in zip(halves.classes, word, strict=True))
        parts = [_first_half(m[c], h) for m, c, h in zip(matrices, (x, y, z), halves.half, strict=True)]
        to = None if wanted is None else int(wanted[x[0], y[0], z[0]])
        computed[word] = transform_block(program, (parts[0], parts[1], parts[2]), own, source, to)
        program.release(mark)
    shape = tuple(len(m) for m in matrices)
    found = Places(np.zeros(shape, dtype=np.int64), np.ones(shape, dtype=np.int64))
    for word, part in zip(halves.words, halves.related(computed), strict=True):
        x, y, z = (c[a] for c, a in zip(halves.classes, word, strict=True))
        found.position[np.ix_(x, y, z)], found.sign[np.ix_(x, y, z)] = part
    return found


def _classes(n: int, sine: int, halved: bool) -> list[IntArray]:
    x = np.arange(box_length(n))
    return [x[sine::2], x[1 - sine :: 2]] if halved else [x]


def _first_half(matrix: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """Return the columns of the first half of h; that of h = N/4, its own mate, counts half."""
    first = matrix[:, :half].copy()
    if half < matrix.shape[1] and matrix.shape[1] % 2:
        first[:, -1] /= 2
    return first


def _leave_out_vanishing(positions: IntArray, block: Block) -> None:
    """Set positions to -1 where ``b(h) = -b(πh)`` with πh = h."""
    at = np.indices(positions.shape)
    for permutation, s in block.stabilizer:
        if s < 0:
            positions[(at == at[list(permutation.axes)]).all(axis=0)] = -1
