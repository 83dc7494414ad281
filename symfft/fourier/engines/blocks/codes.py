r"""Which parts of a transform survive a group of sign changes, half translations and permutations of the axes.

About a suitable origin o many operators are *monomial with half translations*: ``x_i -> ±x_π(i) + τ_i/2``. Those that
leave the axes in place form a group D; code them as (τ, ε) in F₂⁶, ε_i = 1 where the sign is -. Fold the density over
the 64 sign changes and half translations,

.. math::
    g_{σp}(x) = \sum_{s, e ∈ F_2^3} (-1)^{σ·s + p·e} \, ρ(o + (-1)^e x + s/2), \qquad x_i ∈ [0, 1/4]

then σ is the parity of h (0 where N is odd), p tells cosine (0) from sine (1) along each axis, and
``F(h) = e^{-2πi h·o} Σ_p (-i)^{|p|} b_{σp}(h)`` with b the cosine and sine transforms of g. Invariance under D leaves
only the *dual code*: the (σ, p) with σ·τ + p·ε even for all of D. A permuting operator relates blocks,
``g_{σp}(x) = ± g_{πσ, πp}(πx)``, where (πx)_i = x_π(i).

An inversion with a translation in odd quarters, which the d glides of diamond bring along, ``x -> q/4 - x``, relates
the blocks of odd h too: ``g_{σ,1-p}(x) = ± g_{σp}(1/4 - x)``.

A systematic absence by a centring, a glide plane or a screw axis is a block that does not exist.
"""

from __future__ import annotations

import math
from itertools import product
from typing import NamedTuple

import numpy as np

from symfft._array_types import IntArray
from symfft._shape import Shape
from symfft.crystal.space_group import SpaceGroup

Triple = tuple[int, int, int]


class Code(NamedTuple):
    """A block: the parity σ of h, and p = 0 for a cosine, 1 for a sine along each axis."""

    parity: Triple
    sine: Triple


class Permutation(NamedTuple):
    """An operator that permutes the axes: ``x_i -> (-1)^sign_i x_axes(i) + half_i / 2``."""

    axes: Triple
    half: Triple
    sign: Triple

    def of(self, v: Triple) -> Triple:
        """Return πv, (πv)_i = v_π(i)."""
        return v[self.axes[0]], v[self.axes[1]], v[self.axes[2]]

    def image(self, code: Code) -> tuple[Code, int]:
        """Return the block πc and the sign s in ``g_c(x) = s g_πc(πx)``."""
        moved = Code(self.of(code.parity), self.of(code.sine))
        odd = _dot(moved.parity, self.half) + _dot(moved.sine, self.sign)
        return moved, -1 if odd % 2 else 1


class Folding(NamedTuple):
    """What the blocks of a group are made of.

    Attributes
    ----------
    origin : tuple of int
        Grid point taken as the origin.
    eighths : tuple of int
        The same in eighths of the cell edges.
    diagonal : int
        Order of D.
    images : int
        Sign changes and half translations that are folded over: 64, half as many for each axis of odd length.
    codes : list of Code
        The dual code, images / order of D; row r of the Walsh-Hadamard transform over the cosets of D gives codes[r].
    cosets : (images / order of D, 6) int
        (τ, ε) of one member of each coset of D, in the order of that transform.
    permutations : list of Permutation
        One for each permutation of the axes in the group, the identity first.
    quarters : tuple of int, optional
        The odd q of an inversion ``x -> q/4 - x``, where there is one.
    """

    origin: Triple
    eighths: Triple
    diagonal: int
    images: int
    codes: list[Code]
    cosets: IntArray
    permutations: list[Permutation]
    quarters: Triple | None


def find_folding(space_group: SpaceGroup, shape: Shape) -> Folding | None:
    """Return the blocks of a group on a grid; None where the scheme does not apply.

    It needs a Laue class that holds all sign changes of the axes (mmm): then one octant of reflections is enough. An
    axis of odd length has no half translations; its h are not parted by parity.
    """
    rotations, n = space_group.rotations, np.array(shape)
    monomial = (np.abs(rotations).sum(axis=1) == 1).all(axis=1) & (np.abs(rotations).sum(axis=2) == 1).all(axis=1)
    axes = np.abs(rotations).argmax(axis=2)
    monomial &= (n[axes] == n).all(axis=1)
    steps = math.lcm(8, space_group.denominator)
    candidates = np.array(list(product((0, 1, 2, 3), repeat=3)))
    origins = candidates[(candidates * n % 8 == 0).all(axis=1)]
    w = space_group.numerators * (steps // space_group.denominator)
    shifted = w + np.einsum("gij,oj->ogi", rotations - np.eye(3, dtype=np.int64), origins * (steps // 8))
    usable = monomial & (shifted % (steps // 2) == 0).all(axis=2)
    diagonal = usable & (axes == np.arange(3)).all(axis=1)
    best = max(range(len(origins)), key=lambda o: (usable[o].sum(), diagonal[o].sum(), -o))
    half = shifted[best] // (steps // 2) % 2
    sign = (rotations.sum(axis=2) < 0).astype(np.int64)

    code = {tuple(c) for c in np.concatenate([half, sign], axis=1)[diagonal[best]].tolist()}
    laue = {tuple(c[3:]) for c in code} | {tuple(1 - v for v in c[3:]) for c in code}
    if len(laue) < 8:
        return None
    basis, span = [], set(code)
    even = [m % 2 == 0 for m in shape] + [True] * 3
    for unit in np.eye(6, dtype=np.int64)[even].tolist():
        if tuple(unit) not in span:
            basis.append(unit)
            span |= {tuple((np.array(c) + unit) % 2) for c in span}
    bits = np.array(list(product((0, 1), repeat=len(basis))), dtype=np.int64).reshape(2 ** len(basis), -1)[:, ::-1]
    cosets = (bits @ np.array(basis, dtype=np.int64).reshape(-1, 6)) % 2
    words = product(*((0, 1) if e else (0,) for e in even))
    dual = [_code(c) for c in words if all(_dot(c, d) % 2 == 0 for d in code)]
    row = {sum((_dot(c.parity + c.sine, e) % 2) << i for i, e in enumerate(basis)): c for c in dual}
    permutations = {(0, 1, 2): Permutation((0, 1, 2), (0, 0, 0), (0, 0, 0))}
    for g in np.flatnonzero(usable[best]):
        key = _triple(axes[g])
        permutations.setdefault(key, Permutation(key, _triple(half[g]), _triple(sign[g])))
    return Folding(
        _triple(origins[best] * n // 8),
        _triple(origins[best]),
        len(code),
        2 ** sum(even),
        [row[r] for r in range(len(dual))],
        cosets,
        list(permutations.values()),
        _odd_quarters(rotations, shifted[best] % steps, steps),
    )


def _odd_quarters(rotations: IntArray, shifted: IntArray, steps: int) -> Triple | None:
    inversion = (rotations == -np.eye(3, dtype=np.int64)).all(axis=(1, 2))
    odd = (shifted % (steps // 4) == 0).all(axis=1) & (shifted // (steps // 4) % 2 == 1).all(axis=1)
    found = np.flatnonzero(inversion & odd)
    return _triple(shifted[found[0]] // (steps // 4)) if len(found) else None


class Block(NamedTuple):
    """One block of each orbit under the permutations, and the permutations that leave it in place.

    Attributes
    ----------
    code : Code
    stabilizer : list of (Permutation, int)
        Each with the sign s of ``g(x) = s g(πx)``.
    """

    code: Code
    stabilizer: list[tuple[Permutation, int]]


class Source(NamedTuple):
    """Where the folds of a code come from: ``g(x) = sign · g_block(πx)``, or ``sign · g_block(π(1/4 - x))``."""

    block: int
    permutation: Permutation
    sign: int
    mirrored: bool


def unique_blocks(folding: Folding) -> tuple[list[Block], dict[Code, Source]]:
    """Return the blocks that have to be computed, and how every code follows from them."""
    blocks: list[Block] = []
    sources: dict[Code, Source] = {}
    for code in sorted(folding.codes):
        if code in sources:
            continue
        images = [(p, *p.image(code)) for p in folding.permutations]
        for other in folding.codes:
            for permutation in folding.permutations:
                moved, sign = permutation.image(other)
                if moved == code:
                    sources.setdefault(other, Source(len(blocks), permutation, sign, False))
        blocks.append(Block(code, [(p, sign) for p, moved, sign in images if moved == code]))
        if folding.quarters is not None and code.parity == (1, 1, 1):
            # x -> 3/4 - x is half a period farther than 1/4 - x, where an odd h changes sign
            mirror = (-1) ** sum(q == 3 for q in folding.quarters)
            for other in [c for c, source in sources.items() if source.block == len(blocks) - 1]:
                a, b, c = other.sine
                partner, source = Code(other.parity, (1 - a, 1 - b, 1 - c)), sources[other]
                sources.setdefault(partner, source._replace(sign=source.sign * mirror, mirrored=True))
    return blocks, sources


def _triple(v: IntArray) -> Triple:
    return int(v[0]), int(v[1]), int(v[2])


def _code(c: tuple[int, ...]) -> Code:
    return Code((c[0], c[1], c[2]), (c[3], c[4], c[5]))


def _dot(a: tuple[int, ...] | list[int], b: tuple[int, ...] | list[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))
