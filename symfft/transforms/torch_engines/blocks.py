"""Groups whose operators reflect axes: products of small matrices along each axis.

The maps of an axis of N points (N even) that reflect it, ``x → c - x``, or move it by N/2 form a group of four; on the
grid they form a group A of 64 commuting maps, or fewer where an N is odd. A function on the grid is the sum of its
*blocks* ``rho_χ(x) = 1/|A| Σ_a χ(a) rho(a x)``, one for each character χ = (σ, p) of A: σ says along each axis whether
h is even or odd, p whether the axis takes a cosine or a sine. Let D be the operators of the group that lie in A. Of the
blocks only those with χ = 1 on D are not zero, |A|/|D| of them; each follows from its values at one point of every
orbit of the axes, about N/4 + 1 along each, where it is transformed by a matrix for each axis:

    T(h) = Σ_x |orbit of x| cos or sin(πh(2x - c)/N) rho_χ(x),  F_χ(h) = (-i)^|p| exp(-πi h·c/N) T(h).

An operator (W, w) that permutes the axes besides, and maps A onto itself, takes a block to another one,
``rho_χ(x) = rho_χ'(W x + w)``; of these one is computed.
"""

from __future__ import annotations

import math
from functools import cached_property, partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import ComplexArray, FloatArray, IntArray
from symfft._shape import Shape
from symfft.au import AsymmetricUnit
from symfft.grid.orbits import GridOrbits
from symfft.grid.shape import grid_operators
from symfft.transforms.torch_engines.engine import TorchEngine
from symfft.transforms.torch_engines.terms import Terms, View, filling, reading

#: The signs of a reflection, one of each pair ±.
SIGNS = np.array(list(product((1,), (1, -1), (1, -1))))


class Axis(NamedTuple):
    """An axis under the reflection about centre/2 and, where N is even, under the half translation.

    Attributes
    ----------
    points : (X,) int64
        One point of each orbit.
    orbit : (N,) int64
        Number of every point's orbit.
    bits : (N, 2) int64
        The map that takes the orbit's point there: whether it reflects, and whether it moves by N/2.
    """

    points: IntArray
    orbit: IntArray
    bits: IntArray


class Frame(NamedTuple):
    """The maps A of a grid, and how a group acts among them.

    Attributes
    ----------
    centre : (3,) int64
        Twice the fixed point of the reflections, in grid units.
    diagonal : (d, 6) int64
        Elements of A in the group: along which axes they reflect, along which they move by N/2.
    normal : (g',) int64
        Numbers of the operators that map A onto itself.
    """

    centre: IntArray
    diagonal: IntArray
    normal: IntArray


class BlockTransform(TorchEngine):
    """The transform in blocks; see the head of this file."""

    def __init__(self, au: AsymmetricUnit, view: View, frame: Frame) -> None:
        self._orbits, self._reflections, self._view, self._frame = au.orbits, au.fourier.reflections, view, frame
        self._shape: Shape = au.shape
        self._characters = _characters(frame, au.shape)
        self._cosets = _cosets(frame, au.shape)
        self._same = _equivalent(self._characters, frame, au.orbits)
        self._computed = np.unique(self._same.block)
        self._axes = [_axis(n, int(c)) for n, c in zip(au.shape, frame.centre, strict=True)]
        x = [len(axis.points) for axis in self._axes]
        h = [len(_frequencies(n, 0)) for n in au.shape]
        volume, blocks, computed = math.prod(x), len(self._cosets), len(self._computed)
        sizes = [volume, h[0] * x[1] * x[2], h[0] * h[1] * x[2], math.prod(h)]
        self._sizes = h
        self.operations = computed * (blocks * volume + sum(s * n for s, n in zip(sizes[1:], x, strict=True)))
        self.moved = 3 * blocks * volume + computed * (volume + sum(sizes[:-1]) + sum(sizes[1:]))
        terms = 8 // len(_sign_cosets(frame)) if False else len(_sign_cosets(frame))
        self.moved += 5 * terms * len(view.which)

    def forward(self, values: Any) -> Any:
        """Transform values (b, n) into the numbers of the view, (b, m)."""
        gather = self._table(values, "gather", lambda: self._tables.gather)
        project = self._table(values, "project", lambda: self._tables.signs[self._computed] / len(self._cosets))
        blocks = values.index_select(1, gather).reshape(len(values), len(self._cosets), -1)
        blocks = project.expand(len(values), -1, -1).bmm(blocks)
        return self._tables.read(self._along_axes(blocks, [len(a.points) for a in self._axes], "forward"))

    def inverse(self, numbers: Any) -> Any:
        """Transform numbers of the view, (b, m), into values (b, n)."""
        spectra = self._tables.fill(numbers).reshape(len(numbers), len(self._computed), -1)
        blocks = self._along_axes(spectra, self._sizes, "inverse")
        if self._tables.expand is not None:
            blocks = self._tables.expand(blocks)
        blocks = blocks.reshape(len(numbers), len(self._cosets), -1)
        signs = self._table(numbers, "signs", lambda: self._tables.signs.T)
        values = signs.expand(len(numbers), -1, -1).bmm(blocks).flatten(1)
        return values.index_select(1, self._table(numbers, "points", lambda: self._tables.points))

    def _along_axes(self, blocks: Any, sizes: list[int], direction: str) -> Any:
        """Multiply blocks (b, r, X0 X1 X2) along each axis with its matrix; (b, r X0' X1' X2')."""
        for axis in range(3):
            matrices = self._table(blocks, f"{direction}{axis}", partial(self._matrices, axis, direction))
            # the first axis becomes the last, so that after three all are in order again
            rows = blocks.reshape(len(blocks), len(self._computed), sizes[axis], -1).transpose(-1, -2)
            blocks = rows @ matrices
        return blocks.flatten(1)

    def _matrices(self, axis: int, direction: str) -> FloatArray:
        """Return the matrices of all computed blocks along one axis, (r, in, out)."""
        n, centre, points = self._shape[axis], int(self._frame.centre[axis]), self._axes[axis].points
        size = np.bincount(self._axes[axis].orbit)
        made: dict[tuple[int, int], FloatArray] = {}
        for sigma, p in {(c[axis], c[3 + axis]) for c in self._characters[self._computed].tolist()}:
            h = np.array(_frequencies(n, sigma))
            turns = np.outer(2 * points - centre, h) % (2 * n) * (np.pi / n)
            wave = np.sin(turns) if p else np.cos(turns)
            if direction == "forward":
                made[sigma, p] = wave * size[:, None]
            else:
                made[sigma, p] = (wave * np.where((h == 0) | (2 * h == n), 1, 2) / n).T
        full = np.zeros((len(self._computed), len(points), self._sizes[axis]))
        full = full if direction == "forward" else full.transpose(0, 2, 1).copy()
        for i, character in enumerate(self._characters[self._computed].tolist()):
            matrix = made[character[axis], character[3 + axis]]
            full[i, : matrix.shape[0], : matrix.shape[1]] = matrix
        return full

    @cached_property
    def _tables(self) -> Tables:
        return Tables(
            gather=self._gather(),
            signs=_sign(self._characters, self._cosets).astype(np.float64),
            read=self._reading(),
            fill=self._filling(),
            expand=None if len(self._computed) == len(self._characters) else self._expansion(),
            points=self._points(),
        )

    def _box(self) -> list[IntArray]:
        """Return the grid points of a block, three arrays (V,)."""
        return [g.reshape(-1) for g in np.meshgrid(*(axis.points for axis in self._axes), indexing="ij")]

    def _gather(self) -> NDArray[np.int32]:
        """Return where the values of each coset's images of the box lie among the orbits, (k V,)."""
        labels, box = self._orbits.labels, self._box()
        rows = []
        for coset in self._cosets:
            axes = zip(box, self._shape, self._frame.centre, coset[:3], coset[3:], strict=True)
            rows.append(labels[tuple(_moved(*axis) for axis in axes)])
        return np.concatenate(rows)

    def _located(self, points: list[IntArray]) -> tuple[IntArray, IntArray]:
        """Return of grid points the place in the box and the element of A that takes it there: (n,), (n, 6)."""
        place, bits = np.zeros(len(points[0]), dtype=np.int64), []
        for axis, x in zip(self._axes, points, strict=True):
            place = place * len(axis.points) + axis.orbit[x]
            bits.append(axis.bits[x])
        return place, np.stack(bits, axis=-1).reshape(len(place), 6)

    def _points(self) -> NDArray[np.int32]:
        """Return where the value of each orbit lies among the images of the box, (n,)."""
        place, element = self._located(list(np.unravel_index(self._orbits.points, self._shape)))
        coset_of = np.empty(64, dtype=np.int64)
        for number, coset in enumerate(self._cosets):
            coset_of[_number(coset ^ self._frame.diagonal)] = number
        volume = math.prod(len(axis.points) for axis in self._axes)
        return (coset_of[_number(element)] * volume + place).astype(np.int32)

    def _expansion(self) -> Terms:
        """Return the values of all blocks from those that are computed."""
        rotations, translations = grid_operators(self._orbits.space_group, self._shape)
        box = np.stack(self._box(), axis=-1)
        volume = len(box)
        index, weights = [], []
        for block, operator in zip(self._same.block.tolist(), self._same.operator.tolist(), strict=True):
            image = (box @ rotations[operator].T + translations[operator]) % self._shape
            place, element = self._located(list(image.T))
            index.append(np.searchsorted(self._computed, block) * volume + place)
            weights.append(_sign(self._characters[block], element))
        return Terms(np.concatenate(index)[None], np.concatenate(weights).astype(np.float64)[None])

    def _reading(self) -> Terms:
        """Return the numbers of the view from the transforms of the blocks."""
        hkl, n = self._reflections.hkl, np.array(self._shape)
        _, translations = grid_operators(self._orbits.space_group, self._shape)
        parity = _parity(hkl, self._shape)
        index, coefficients = [], []
        matching = [np.flatnonzero((self._characters[:, :3] == s).all(axis=1)) for s in product((0, 1), repeat=3)]
        for t in range(max(map(len, matching))):
            at, coefficient = np.zeros(len(hkl), dtype=np.int64), np.zeros(len(hkl), dtype=np.complex128)
            for sigma, found in zip(product((0, 1), repeat=3), matching, strict=True):
                here = np.flatnonzero((parity == sigma).all(axis=1))
                if t >= len(found) or not len(here):
                    continue
                block, operator = self._same.block[found[t]], self._same.operator[found[t]]
                # F_χ(Wᵀk) = exp(2πi k·w) F_χ'(k)
                k = hkl[here] @ np.rint(np.linalg.inv(self._orbits.space_group.rotations[operator])).astype(np.int64)
                p = self._characters[block, 3:]
                turns = _turns(k, 2 * translations[operator] - self._frame.centre, n)
                sign = np.where(p, np.sign(k), 1).prod(axis=1)
                coefficient[here] = turns * sign * (-1j) ** p.sum()
                at[here] = self._spectrum_index(np.searchsorted(self._computed, block), np.abs(k))
            index.append(at)
            coefficients.append(coefficient)
        return reading(self._view, np.stack(index), np.stack(coefficients))

    def _spectrum_index(self, number: Any, h: IntArray) -> IntArray:
        """Return where reflections h >= 0 of the right parities lie in the transform of a computed block."""
        at: IntArray = np.zeros(len(h), dtype=np.int64) + number
        for axis, n in enumerate(self._shape):
            at = at * self._sizes[axis] + (h[:, axis] if n % 2 else h[:, axis] // 2)
        return at

    def _filling(self) -> Terms:
        """Return the transforms of the computed blocks from the numbers of a view."""
        n = np.array(self._shape)
        signs = _sign_cosets(self._frame)
        size = math.prod(self._sizes)
        labels = np.zeros((len(signs), len(self._computed) * size), dtype=np.int64)
        coefficients = np.zeros(labels.shape, dtype=np.complex128)
        for number, character in enumerate(self._characters[self._computed]):
            lists = [_frequencies(m, s) for m, s in zip(self._shape, character[:3].tolist(), strict=True)]
            k = np.stack([g.reshape(-1) for g in np.meshgrid(*lists, indexing="ij")], axis=-1)
            at = self._spectrum_index(number, k)
            p = character[3:]
            for t, sign in enumerate(signs):
                label, factor, conjugate = self._reflections.relation(sign * k)
                z = np.where(label < 0, 0, factor) / len(signs)
                z = z * (1j ** p.sum() * np.where(p, sign, 1).prod()) * _turns(sign * k, self._frame.centre, n)
                labels[t, at] = np.maximum(label, 0)
                # Re(z conj F) = Re(conj z F)
                coefficients[t, at] = np.where(conjugate, z.conj(), z)
        return filling(self._view, self._reflections, labels, coefficients)


class Tables(NamedTuple):
    """What the transform reads: gathers, and signs of characters at cosets (χ, coset)."""

    gather: NDArray[np.int32]
    signs: FloatArray
    read: Terms
    fill: Terms
    expand: Terms | None
    points: NDArray[np.int32]


class Equivalents(NamedTuple):
    """The computed block that each block follows from, and by which operator; arrays (k,)."""

    block: IntArray
    operator: IntArray


def find_frame(orbits: GridOrbits) -> Frame:
    """Return the centre about which most operators of the group reflect axes or move them by halves."""
    rotations, translations = grid_operators(orbits.space_group, orbits.shape)
    n = np.array(orbits.shape)
    unsigned = np.abs(rotations)
    diagonal = (unsigned == np.eye(3, dtype=np.int64)).all(axis=(1, 2))
    signed = ((unsigned.sum(axis=1) == 1) & (unsigned.sum(axis=2) == 1)).all(axis=1)
    reflected = rotations.diagonal(axis1=1, axis2=2) < 0
    choices = [np.unique(np.append(translations[diagonal & reflected[:, i], i], 0)) for i in range(3)]
    best = None
    for centre in map(np.array, product(*choices)):
        # twice the image of the centre, plus the translation twice, is the centre of the reflections that they become
        elements = np.concatenate([reflected, np.zeros_like(reflected)], axis=1).astype(np.int64)
        shift = (translations - np.where(reflected, centre, 0)) % n
        elements[:, 3:] = 2 * shift == n
        inside = diagonal & ((shift == 0) | (2 * shift == n)).all(axis=1)
        moved = (rotations @ centre + 2 * translations - centre) % n
        normal = signed & ((moved == 0) | (2 * moved == n)).all(axis=1)
        found = (int(inside.sum()), int(normal.sum()))
        if best is None or found > best[0]:
            frame = Frame(centre, np.unique(elements[inside], axis=0), np.flatnonzero(normal))
            best = found, frame
    assert best is not None
    return best[1]


def _axis(n: int, centre: int) -> Axis:
    x = np.arange(n)
    halves = (0, 1) if n % 2 == 0 else (0,)
    maps = [(e, t) for e in (0, 1) for t in halves]
    images = np.stack([_moved(x, n, centre, e, t) for e, t in maps])
    least: IntArray = images.min(axis=0)
    points, orbit = np.unique(least, return_inverse=True)
    # all maps are their own inverses
    return Axis(points, orbit, np.array(maps)[images.argmin(axis=0)])


def _moved(x: IntArray, n: int, centre: int, reflected: int, moved: int) -> IntArray:
    return ((centre - x if reflected else x) + (n // 2 if moved else 0)) % n


def _frequencies(n: int, sigma: int) -> list[int]:
    """Return the h along an axis that a block holds: up to N/2, even or odd; all where N is odd."""
    return list(range(sigma, n // 2 + 1, 2)) if n % 2 == 0 else list(range(n // 2 + 1))


def _elements(shape: Shape) -> IntArray:
    """Return all elements of A, or all characters: three bits for reflections, three for halves; (|A|, 6)."""
    halves = [(0, 1) if n % 2 == 0 else (0,) for n in shape]
    return np.array(list(product((0, 1), (0, 1), (0, 1), *halves)))


def _number(elements: IntArray) -> IntArray:
    return elements @ (1 << np.arange(6))


def _sign(characters: IntArray, elements: IntArray) -> IntArray:
    """Return χ(a), (characters, elements): characters are (σ, p), elements (reflected, moved)."""
    return 1 - 2 * (np.roll(characters, 3, axis=-1) @ elements.T % 2)


def _characters(frame: Frame, shape: Shape) -> IntArray:
    """Return the characters (σ, p) that are 1 on all elements of the group, (k, 6)."""
    every = np.roll(_elements(shape), 3, axis=1)
    return np.asarray(every[(_sign(every, frame.diagonal) == 1).all(axis=1)])


def _cosets(frame: Frame, shape: Shape) -> IntArray:
    """Return one element of A for each coset of those in the group, (k, 6)."""
    every = _elements(shape)
    least = np.stack([_number(every ^ d) for d in frame.diagonal]).min(axis=0)
    return np.asarray(every[least == _number(every)])


def _sign_cosets(frame: Frame) -> IntArray:
    """Return signs (s, 3) that the group's reflections and -1 do not tie together."""
    flips = np.unique(1 - 2 * frame.diagonal[:, :3], axis=0)
    images = np.stack([SIGNS * f for f in flips])
    images *= images[:, :, :1]  # of ± the one with a positive first sign
    least = (images @ [4, 2, 1]).max(axis=0)
    return np.asarray(SIGNS[least == SIGNS @ [4, 2, 1]])


def _equivalent(characters: IntArray, frame: Frame, orbits: GridOrbits) -> Equivalents:
    rotations, translations = grid_operators(orbits.space_group, orbits.shape)
    n = np.array(orbits.shape)
    numbers = _number(characters)
    block, operator = np.arange(len(characters)), np.full(len(characters), -1)
    for g in frame.normal.tolist():
        half = (rotations[g] @ frame.centre + 2 * translations[g] - frame.centre) % n != 0
        source = np.abs(rotations[g]).argmax(axis=1)
        sigma = characters[:, source]
        p = (characters[:, 3 + source] + half * sigma) % 2
        image = np.argsort(numbers)[np.searchsorted(np.sort(numbers), _number(np.concatenate([sigma, p], axis=1)))]
        less = (image < block) | ((operator < 0) & (image == block))
        block, operator = np.where(less, image, block), np.where(less, g, operator)
    return Equivalents(block, operator)


def _parity(hkl: IntArray, shape: Shape) -> IntArray:
    return np.where(np.array(shape) % 2 == 0, hkl % 2, 0)


def _turns(h: IntArray, twice: IntArray, n: IntArray) -> ComplexArray:
    """Return ``exp(πi Σ h_i twice_i / n_i)``, the sum reduced in integers."""
    common = 2 * math.lcm(*n.tolist())
    numerator = (h * (twice * (common // 2 // n) % common)).sum(axis=1) % common
    return np.asarray(np.exp(2j * np.pi / common * numerator))
