"""Compiled loops of the plane stage, sixteen planes at a time: see :mod:`symfft.fourier.engines.planes.program`.

Both directions of a step stand side by side, the transform and its transposed map: `forward` is known when a kernel is
written, so that each has the instructions of one direction.
"""

from __future__ import annotations

from typing import Any

from symfft._array_types import Array
from symfft._compile import bare
from symfft.fourier.engines.planes._decimation import decimation, halving
from symfft.fourier.engines.planes._matrix import matrix_product
from symfft.fourier.engines.planes._radices import HALF, ROW
from symfft.fourier.engines.planes._row_column import half_transform, transform
from symfft.fourier.engines.planes.opcodes import (
    HALVING,
    HEAD,
    MATRIX,
    STEP,
    TRANSFORM,
    read_head,
    read_place,
    read_transform,
)


@bare
def planes(
    values: Array,
    memory: Array,
    program: Array,
    at: Any,
    labels: Array,
    reals: Array,
    first: Any,
    last: Any,
    shift: Any,
    forward: bool,
) -> None:
    """Transform planes of an asymmetric unit; or apply the transposed map, steps in reverse order, adding to `values`.

    Parameters
    ----------
    values : (n,) float
        Values on the asymmetric unit.
    memory : 1-D float
        Work space, and the rows that come out.
    program, at, labels, reals : 1-D int64, int, 1-D int32, 1-D float
        See :mod:`symfft.fourier.engines.planes.program`; the plane stage begins at `at`.
    first, last : int
        Which chunks of sixteen planes, of all kinds in sequence.
    shift : int
        By how much the rows that come out lie farther than the program says.
    forward : bool
        Known when this is written.
    """
    kinds = program[at]
    at += 1
    for _ in range(kinds):
        head = read_head(program, at)
        at += HEAD
        for chunk in range(max(first, 0), min(last, head.chunks)):
            valid = head.planes - ROW * chunk
            width = HALF if valid <= HALF else ROW
            for i in range(head.steps):
                op = at + STEP * (i if forward else head.steps - 1 - i)
                place = read_place(program, op)
                out = place.start + place.chunk_step * (chunk + shift // ROW)
                to = (out, place.row_step, place.part_step)
                kind = program[op]
                if kind == TRANSFORM:
                    if width == HALF and not read_transform(program, op).centred:
                        half_transform(values, memory, program, op, labels, reals, chunk, valid, to, forward)
                    else:
                        transform(values, memory, program, op, labels, reals, chunk, valid, to, forward)
                elif kind == MATRIX:
                    matrix_product(values, memory, program, op, labels, reals, chunk, valid, to, forward)
                elif kind == HALVING:
                    halving(memory, program, op, reals, width, to, forward)
                else:
                    decimation(memory, program, op, reals, width, to, forward)
        first, last = first - head.chunks, last - head.chunks
        at += STEP * head.steps
