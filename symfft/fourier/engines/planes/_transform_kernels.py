"""The compiled loop over the rows of a batch, forward and back: planes, then lines, each in as many parts as wanted."""

from __future__ import annotations

from typing import Any

from symfft._array_types import Array
from symfft._compile import bare, inlined
from symfft._compile.lanes import LANES, element, fill, store
from symfft._compile.shared import settle
from symfft.fourier._thread_kernels import share
from symfft.fourier.engines.planes._line_kernels import lines
from symfft.fourier.engines.planes._plane_kernels import planes
from symfft.fourier.engines.planes.opcodes import read_stages

#: Bytes of results that caches do not hold.
LARGE = 1 << 24


@bare
def forward(
    program: Array,
    stages: Array,
    labels: Array,
    reals: Array,
    items: Array,
    after: Array,
    work: Array,
    offset: Any,
    rows: Array,
    out: Array,
    board: Array,
    looks: Any,
) -> None:
    """Transform all rows: in two stages, planes and lines."""
    share(forward_item, (program, stages, labels, reals), items, after, work, offset, rows, out, board, looks)


@bare
def forward_item(tables: Any, item: Array, work: Array, shift: Any, values: Array, out: Array, rows: Any) -> None:
    """Transform a part of a row, or all of it."""
    program, stages, labels, reals = tables
    at = read_stages(stages, 0)
    for stage in range(item[0], item[1]):
        if stage == 0:
            first, last = part_of(at.chunks, item)
            planes(values, work, program, at.planes, labels, reals, first, last, shift, True)
        else:
            first, last = part_of(at.blocks, item)
            is_large = rows * out.size * out.itemsize >= LARGE
            lines(work, out, program, at.lines, reals, first, last, shift, is_large, True)
            if is_large:
                settle(out)


@bare
def adjoint(
    program: Array,
    stages: Array,
    labels: Array,
    reals: Array,
    items: Array,
    after: Array,
    work: Array,
    offset: Any,
    rows: Array,
    out: Array,
    board: Array,
    looks: Any,
) -> None:
    """Apply the transposed map to all rows: in three stages, nothing, lines and planes."""
    share(adjoint_item, (program, stages, labels, reals), items, after, work, offset, rows, out, board, looks)


@bare
def adjoint_item(tables: Any, item: Array, work: Array, shift: Any, given: Array, values: Array, rows: Any) -> None:
    """Transform a part of a row back, or all of it."""
    program, stages, labels, reals = tables
    at = read_stages(stages, 0)
    for stage in range(item[0], item[1]):
        if stage == 0:
            first, last = part_of(at.rows, item)
            clear(work, first + shift, last + shift)
            first, last = part_of(values.size, item)
            clear(values, first, last)
        elif stage == 1:
            first, last = part_of(at.blocks, item)
            lines(work, given, program, at.lines, reals, first, last, shift, 0, False)
        else:
            first, last = part_of(at.chunks, item)
            planes(values, work, program, at.planes, labels, reals, first, last, shift, False)


@inlined
def part_of(size: Any, item: Array) -> Any:
    """Return the first and the one after the last of an item's part of so many."""
    part, parts = element(item, 2), element(item, 3)
    return size * part // parts, size * (part + 1) // parts


@bare
def clear(array: Array, first: Any, last: Any) -> None:
    """Set some numbers to 0."""
    i = first
    while i + LANES <= last:
        store(array, i, fill(array, 0.0))
        i += LANES
    while i < last:
        array[i] = 0.0
        i += 1
