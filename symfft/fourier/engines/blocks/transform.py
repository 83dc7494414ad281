"""The transform in blocks: AU vector -> folds -> one block of each orbit -> unique structure factors, and back."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symfft.fourier.engines.blocks.cell import Cell, find_cell
from symfft.fourier.engines.blocks.codes import Code, Folding, unique_blocks
from symfft.fourier.engines.blocks.halves import by_classes, find_halves, forward_in_halves, inverse_in_halves
from symfft.fourier.engines.blocks.places import Places, find_wedge
from symfft.fourier.engines.blocks.program import FinishedProgram, Program, compiled
from symfft.fourier.engines.blocks.separable import (
    block_frequencies,
    box_length,
    forward_matrix,
    inverse_matrix,
    transform_block,
)
from symfft.fourier.engines.engine import Engine
from symfft.fourier.reflections import Reflections
from symfft.fourier.sharing import Loop, parts_of

if TYPE_CHECKING:
    from symfft._array_types import IntArray
    from symfft._shape import Shape
    from symfft.grid.orbits import GridOrbits


class BlockTransform(Engine):
    """The transform of a group that has sign changes of all axes in its Laue class; see :func:`plan_blocks`."""

    def __init__(self, cell: Cell, folding: Folding) -> None:
        self._cell, self._frame, self._layout = cell, folding, _Layout(folding, cell)
        self._programs: dict[tuple[str, int], FinishedProgram] = {}
        self._loops: dict[tuple[str, str, int], Loop] = {}
        program, self._reflections, self._order = _plan_forward(cell, folding, self._layout, 1, None)
        self._programs["forward", 1] = program.finished()
        super().__init__(self._reflections.hkl[self._order], cell.au.size)

    def _forward(self, values: NDArray[Any], out: NDArray[Any], threads: int) -> None:
        if not self._cell.is_given:
            values = np.concatenate([values, np.zeros((len(values), 1), dtype=values.dtype)], axis=1)
        self._loop("forward", values, threads)(values, out.view(values.dtype), threads)

    def _inverse(self, coefficients: NDArray[Any], out: NDArray[Any], threads: int) -> None:
        self._loop("inverse", out, threads)(coefficients.view(out.dtype), out, threads)

    def _loop(self, direction: str, batch: NDArray[Any], threads: int) -> Loop:
        """Return the program of a direction for so many rows of real numbers, in their precision."""
        dtype, parts = batch.dtype, parts_of(batch, threads)
        key = direction, dtype.char, parts
        if key not in self._loops:
            if (direction, parts) not in self._programs:
                self._programs[direction, parts] = self._planned(direction, parts).finished()
            forward, inverse = self._frame.diagonal / self._cell.volume, self._cell.volume / self._frame.images
            scale = forward if direction == "forward" else inverse
            self._loops[key] = compiled(self._programs[direction, parts], dtype, scale)
        return self._loops[key]

    def _planned(self, direction: str, threads: int) -> Program:
        if direction == "forward":
            return _plan_forward(self._cell, self._frame, self._layout, threads, self._order)[0]
        return _plan_inverse(self._cell, self._frame, self._layout, self._reflections, self._order, threads)


def plan_blocks(au: GridOrbits) -> BlockTransform | None:
    """Plan the transform in blocks; None where the scheme does not apply to group or grid."""
    found = find_cell(au)
    return None if found is None else BlockTransform(*found)


class _Layout:
    """Blocks, and the smallest set of points from which permutations give all that the folds leave."""

    def __init__(self, folding: Folding, cell: Cell) -> None:
        self.folding = folding
        shape = cell.shape
        self.blocks, self.sources = unique_blocks(folding)
        self.rows = {code: r for r, code in enumerate(folding.codes)}
        self.box = (box_length(shape[0]), box_length(shape[1]), box_length(shape[2]))
        wedge = find_wedge(self.box, folding.permutations)
        self.points, self.number, self.carrier = by_classes(wedge, shape) if len(folding.permutations) == 1 else wedge
        self.entries = cell.entries(folding, self.points)

        self.rows_are_blocks = len(folding.permutations) == 1 and folding.quarters is None
        self.scratch = 5 * math.prod(b + 1 for b in self.box)

    def folded(self, code: Code, at: int, columns: int) -> Places:
        """Return where the folds of a block are, for all of the box; the rows, of so many columns, start at `at`."""
        images = [permutation.image(code) for permutation in self.folding.permutations]
        row = np.array([self.rows[moved] for moved, _ in images])
        sign = np.array([s for _, s in images])
        return Places(at + row[self.carrier] * columns + self.number, sign[self.carrier])


def _plan_forward(
    cell: Cell, folding: Folding, layout: _Layout, threads: int, order: IntArray | None
) -> tuple[Program, Reflections, IntArray]:
    """Plan the folds, the blocks and the unique reflections that they give; return these too, and their order."""
    program = Program(layout.scratch, threads)
    axes_of = [[(n, s, p) for n, s, p in zip(cell.shape, *block.code, strict=True)] for block in layout.blocks]
    halves_of = [find_halves(cell.shape, block) for block in layout.blocks]
    size = len(layout.points)
    columns = max([size, *(halves.size for halves in halves_of if halves is not None and layout.rows_are_blocks)])
    at = program.read_folded(np.pad(layout.entries, ((0, 0), (0, columns - size)), mode="edge"))
    # where no permutation mixes the folds, each block overwrites its own, or in halves those of the last one
    free = [program.allocate(columns) if columns > size else None for _ in range(threads)]
    outputs = []
    candidates = []
    for i, (block, axes, halves) in enumerate(zip(layout.blocks, axes_of, halves_of, strict=True)):
        thread = i % threads
        program.of_thread(thread)
        matrices = forward_matrix(*axes[0]), forward_matrix(*axes[1]), forward_matrix(*axes[2])
        h = [block_frequencies(*a) for a in axes]
        folded = layout.folded(block.code, at, columns)
        own = at + layout.rows[block.code] * columns if layout.rows_are_blocks else None
        if halves is not None:
            places = forward_in_halves(program, matrices, halves, folded, free[thread] if own is not None else None)
            free[thread] = own
        else:
            places = transform_block(program, matrices, block, folded, own)
        outputs.append(places)
        ascending = np.argsort(places.position, axis=None, kind="stable")
        ordered = places.position.reshape(-1)[ascending]
        ascending = ascending[(ordered > 0) & np.append(True, np.diff(ordered) > 0)]
        candidates.append(_at(h, np.stack(np.unravel_index(ascending, places.position.shape), axis=-1)))
    hkl = np.concatenate(candidates)
    reflections = cell.find_reflections(hkl)
    table, phases = _terms(hkl[reflections.candidate], folding, layout, outputs, cell.shape)
    # several threads have the blocks in other places, but the order of the results is that of one
    order, segments = _alike(phases, np.argsort(table[0], kind="stable") if order is None else order)
    program.shared()
    for start, stop in segments:
        part = order[start:stop]
        program.write_complex(start, table[:, part], tuple(_turn(p / 8) for p in phases[:, part[0]].tolist()))
    return program, reflections, order


def _terms(
    hkl: IntArray, folding: Folding, layout: _Layout, outputs: list[Places], shape: Shape
) -> tuple[IntArray, NDArray[np.uint8]]:
    """Return the terms of ``F(h) = e^{-2πi h·o} Σ_p (-i)^{|p|} b_{σp}(h)``: positions, and phases in eighths of a turn,
    each (terms, n_h).
    """
    parities = {code.parity for code in folding.codes}
    terms = len(folding.codes) // len(parities)
    table = np.zeros((terms, len(hkl)), dtype=np.int64)
    phases = np.zeros((terms, len(hkl)), dtype=np.uint8)
    h = np.ascontiguousarray(hkl.T)
    x, y, z = h.astype(np.uint8)  # enough for parities, and for phases in eighths
    a, b, c = np.array(folding.eighths, dtype=np.uint8)
    shift = -(a * x + b * y + c * z)
    p, q, r = weight = np.where(np.array(shape) % 2 == 0, [4, 2, 1], 0).astype(np.uint8)
    parity_of = p * (x & 1) + q * (y & 1) + r * (z & 1)
    for parity in sorted(parities):
        mine = np.flatnonzero(parity_of == weight @ np.array(parity))
        for t, code in enumerate(sorted(c for c in folding.codes if c.parity == parity)):
            position, sign = coefficient(code, h[:, mine], layout, outputs, shape)
            table[t, mine] = position
            phases[t, mine] = (shift[mine] + np.uint8(8 - 2 * sum(code.sine)) + np.uint8(4) * (sign < 0)) & 7
    return table, phases


def _at(h: list[IntArray], index: IntArray) -> IntArray:
    """Return the reflections (k, 3) with indices (..., 3) in a block."""
    index = index.reshape(-1, 3)
    return np.stack([h[i][index[:, i]] for i in range(3)], axis=-1)


def _alike(phases: NDArray[Any], order: IntArray) -> tuple[IntArray, list[tuple[int, int]]]:
    """Return an order in which entries with the same phases follow each other, each group of them in the given order,
    and where they start and stop.
    """
    key = phases[0] if len(phases) == 1 else 8 * phases[0] + phases[1]
    key = key.astype(np.min_scalar_type(int(key.max(initial=0))))  # short ones are sorted without comparisons
    order = order[np.argsort(key[order], kind="stable")]
    edges = np.flatnonzero(np.diff(key[order])) + 1
    return order, list(pairwise([0, *edges.tolist(), len(order)])) if len(order) else []


def _turn(part: float) -> complex:
    """Return ``exp(2πi part)``, exact at the quarters."""
    quarter, rest = divmod(4 * part, 1)
    return complex(1j ** (int(quarter) % 4) * np.exp(0.5j * np.pi * rest))


def coefficient(
    code: Code, h: IntArray, layout: _Layout, outputs: list[Places], shape: Shape
) -> tuple[IntArray, IntArray]:
    """Return where ``b_code(h)`` is, for h (3, k) in the first octant, and its sign; position 0 where it vanishes."""
    number, permutation, sign, mirrored = layout.sources[code]
    found = outputs[number]
    at = np.zeros(h.shape[1], dtype=np.int64)
    for axis, (n, s, p) in enumerate(zip(shape, *layout.blocks[number].code, strict=True)):
        frequencies = block_frequencies(n, s, p)
        index = np.full(n // 2 + 1, len(frequencies))  # sines vanish at 0 and N/2: those places come last, and hold 0
        index[frequencies] = np.arange(len(frequencies))
        at *= len(frequencies) + 1
        at += index[h[permutation.axes[axis]]]
    position = np.pad(found.position, (0, 1)).reshape(-1)[at]
    signs = sign * np.pad(found.sign, (0, 1), constant_values=1).reshape(-1)[at]
    if mirrored:  # cos h(π/2 - x) = sin(hπ/2) sin hx for odd h, and the same with sine and cosine exchanged
        signs *= 1 - 2 * ((h // 2).sum(axis=0) % 2)
    return position, signs


def _plan_inverse(
    cell: Cell, folding: Folding, layout: _Layout, reflections: Reflections, order: IntArray, threads: int
) -> Program:
    """Plan ``b = Re(conj(w) F)``, the inverse blocks, the folds of all codes, and the points of the asymmetric unit."""
    program = Program(layout.scratch, threads)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    rows = program.allocate(len(folding.codes) * len(layout.points)) if layout.rows_are_blocks else None
    outputs = []
    for i, block in enumerate(layout.blocks):
        program.of_thread(i % threads)
        axes = [(n, s, p) for n, s, p in zip(cell.shape, *block.code, strict=True)]
        h = [block_frequencies(*a) for a in axes]
        matrices = inverse_matrix(*axes[0]), inverse_matrix(*axes[1]), inverse_matrix(*axes[2])
        wanted = None if rows is None else rows + layout.rows[block.code] * len(layout.points) + layout.number
        halves = find_halves(cell.shape, block)
        if halves is not None:
            index = halves.reflected()
            read = _read_block(program, block.code, _at(h, index), cell, folding, reflections, rank)
            outputs.append(inverse_in_halves(program, matrices, halves, read.reshape(index.shape[:2]), wanted))
        else:
            wedge = find_wedge(tuple(len(f) for f in h), [p for p, _ in block.stabilizer])
            read = _read_block(program, block.code, _at(h, wedge.points), cell, folding, reflections, rank)
            sign = np.array([s for _, s in block.stabilizer])[wedge.carrier]
            to = None if wanted is None else int(wanted[0, 0, 0])
            outputs.append(transform_block(program, matrices, block, Places(read[wedge.number], sign), to))
    program.shared()
    folds = np.zeros((len(folding.codes), len(layout.points)), dtype=np.int64)
    signs = np.ones_like(folds)
    for r, code in enumerate(folding.codes):
        number, permutation, sign_of_code, mirrored = layout.sources[code]
        points = np.array(layout.box) - 1 - layout.points if mirrored else layout.points
        at_points = tuple(points[:, a] for a in permutation.axes)
        folds[r] = outputs[number].position[at_points]
        signs[r] = sign_of_code * outputs[number].sign[at_points]
    at = program.take_folded(folds, signs)
    program.shared()
    table = np.empty(cell.au.size + 1, dtype=np.int64)
    carried = layout.entries.reshape(-1)
    table[carried] = at + np.arange(len(carried))
    program.write(table[: cell.au.size])
    return program


def _read_block(
    program: Program,
    code: Code,
    hkl: IntArray,
    cell: Cell,
    folding: Folding,
    reflections: Reflections,
    rank: IntArray,
) -> IntArray:
    """Plan ``b(h) = Re(conj(w) F(h))`` and return where the b will be; position 0 where b vanishes.

    w is the weight of b in F; F(h) follows from the unique reflection of its class, whose place in the input is its
    rank. Of a centric F only the component along its phase φ is taken: ``b = cos(φ - arg w) Re(exp(-iφ) F)``.
    """
    label, numerator, conjugate = reflections.exact_relation(cell.in_given_cell(hkl))
    turns = math.lcm(8, 2 * reflections.denominator)
    weight = -(hkl @ np.array(folding.eighths)) - 2 * sum(code.sine)
    phase = numerator * (turns // reflections.denominator) - weight * (turns // 8)
    phase = np.where(conjugate, -phase, phase) % turns
    centric = np.where(label < 0, -1, reflections.centric[np.maximum(label, 0)])
    along = centric * (turns // (2 * reflections.denominator))
    vanishes = (label < 0) | ((centric >= 0) & ((phase + along) % (turns // 2) == turns // 4))
    present = np.flatnonzero(~vanishes)
    position = np.zeros(len(hkl), dtype=np.int64)
    key = np.where(centric < 0, phase, turns * (1 + along) + phase)[present]
    order, segments = _alike(key[None], np.arange(len(present)))
    for start, stop in segments:
        part = present[order[start:stop]]
        first = part[0]
        factor = _turn(phase[first] / turns)
        if centric[first] >= 0:
            factor = _turn((phase[first] + along[first]) / turns).real * _turn(-along[first] / turns)
        position[part] = program.read_complex(rank[label[part]], factor) + np.arange(len(part))
    return position
