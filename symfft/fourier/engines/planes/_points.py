"""Between the values of an asymmetric unit and the rows of the plane stage: fetched one way, added to the other."""

from __future__ import annotations

from typing import Any

from symfft._array_types import Array
from symfft._compile import embedded
from symfft._compile.lanes import gather, load, reverse, store
from symfft.fourier.engines.planes._radices import HALF
from symfft.fourier.engines.planes.opcodes import DOWNWARDS, UPWARDS


@embedded
def points_of(
    values: Array, memory: Array, program: Array, labels: Array, at: Any, row: Any, valid: Any, forward: bool
) -> None:
    """Fetch sixteen values into a row, or add it to those of them that there are."""
    if forward:
        store(memory, row, fetched(values, program, labels, at))
        store(memory, row + HALF, fetched(values, program, labels, at + 1))
    else:
        deposit(values, program, labels, at, memory, row, valid)
        if valid > HALF:
            deposit(values, program, labels, at + 1, memory, row + HALF, valid - HALF)


@embedded
def fetched(values: Array, program: Array, labels: Array, at: Any) -> Any:
    """Return eight values: a run upwards, a run downwards, or any."""
    code = program[at]
    start = code >> 2
    if code & 3 == UPWARDS:
        return load(values, start)
    if code & 3 == DOWNWARDS:
        return reverse(load(values, start), load(values, start))
    return gather(values, labels, start)


@embedded
def deposit(values: Array, program: Array, labels: Array, at: Any, memory: Array, source: Any, valid: Any) -> None:
    """Add the first lanes, as many as there are planes, to the eight values; the others hold rounding errors."""
    code = program[at]
    start = code >> 2
    if valid < HALF:
        for i in range(valid):
            if code & 3 == UPWARDS:
                values[start + i] += memory[source + i]
            elif code & 3 == DOWNWARDS:
                values[start + HALF - 1 - i] += memory[source + i]
            else:
                values[labels[start + i]] += memory[source + i]
    elif code & 3 == UPWARDS:
        store(values, start, load(values, start) + load(memory, source))
    elif code & 3 == DOWNWARDS:
        lanes = load(memory, source)
        store(values, start, load(values, start) + reverse(lanes, lanes))
    else:
        for i in range(HALF):
            values[labels[start + i]] += memory[source + i]
