"""A linear transform as a short program of gathers, sums and small matrix products, run by one compiled loop.

The plan writes the program once; the loop knows nothing of groups. All operands lie in one workspace, addressed by
position; position 0 always holds 0.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import Array, IntArray
from symfft.fourier.engines.blocks.opcodes import (
    FOLD,
    LEFT,
    READ_COMPLEX,
    READ_FOLD,
    READ_SCALED,
    RIGHT,
    TAKE,
    TAKE_FOLD,
    TAKE_SIGNED,
    WRITE,
    WRITE_COMPLEX,
    WRITE_SUM,
    Step,
)
from symfft.fourier.sharing import Items, Loop, in_stages, whole


class Stage(NamedTuple):
    """Steps that can begin when those before are done: one list that all threads share by columns, or one of each."""

    is_shared: bool
    steps: list[list[Step]]


class Program:
    """The steps of a transform, as they are planned.

    Tables of positions and signs are kept apart from the steps; matrices and factors lie one after another.

    Parameters
    ----------
    scratch : int
        Space for passing results, which are done with when :meth:`release` is called.
    threads : int
        Number of threads, each with a scratch of its own.
    """

    def __init__(self, scratch: int, threads: int) -> None:
        self.threads = threads
        self._each = scratch
        self.size = 1 + threads * scratch
        self._stages: list[Stage] = []
        self._tables: list[NDArray[np.uint32]] = []
        self._signs: list[NDArray[np.int8]] = []
        #: products ask for these two first of all
        self._constants: list[NDArray[np.float64]] = [np.array([1.0, 0.0])]
        self._table_end, self._sign_end, self._constant_end = 0, 0, 2
        self.shared()

    def shared(self) -> None:
        """Begin a stage whose steps all threads share; what came before is done with then."""
        self._stages.append(Stage(True, [[]]))
        self._begin(0)

    def of_thread(self, thread: int) -> None:
        """Go on with the steps of a thread, whose scratch is free; those of different threads run side by side."""
        if self._stages[-1].is_shared:
            self._stages.append(Stage(False, [[] for _ in range(self.threads)]))
        self._begin(thread)

    def _begin(self, thread: int) -> None:
        self._steps = self._stages[-1].steps[thread]
        self._scratch = 1 + thread * self._each
        self._scratch_end = self._scratch + self._each

    def allocate(self, size: int) -> int:
        """Return the position of new space that is kept."""
        self.size += size
        return self.size - size

    def _passing(self, size: int) -> int:
        self._scratch += size
        if self._scratch > self._scratch_end:
            return self.allocate(size)
        return self._scratch - size

    def mark(self) -> int:
        """Return how far passing results reach now."""
        return self._scratch

    def release(self, mark: int) -> None:
        """Give back the space of passing results since a mark."""
        self._scratch = mark

    def matrix(self, values: NDArray[np.float64]) -> int:
        """Store a matrix; return its position among the constants."""
        self._constants.append(np.ascontiguousarray(values, dtype=np.float64).reshape(-1))
        self._constant_end += values.size
        return self._constant_end - values.size

    def _table(self, table: Array) -> int:
        self._tables.append(np.ascontiguousarray(table, dtype=np.uint32).reshape(-1))
        self._table_end += table.size
        return self._table_end - table.size

    def _sign(self, signs: Array) -> int:
        self._signs.append(np.ascontiguousarray(signs, dtype=np.int8).reshape(-1))
        self._sign_end += signs.size
        return self._sign_end - signs.size

    def read_folded(self, table: Array) -> int:
        """``work[r, i] = Σ_s (-1)^|r & s| input[table[s, i]]`` (Walsh-Hadamard over the rows); return where."""
        rows, columns = table.shape
        to = self.allocate(table.size)
        self._steps.append(Step(READ_FOLD, to, rows, columns, table=self._table(table)))
        return to

    def take_folded(self, table: Array, signs: Array, *, passing: bool = False) -> int:
        """``work[r, i] = Σ_s (-1)^|r & s| sign[s, i] work[table[s, i]]``; return where."""
        rows, columns = table.shape
        if _in_sequence(table) and (signs == 1).all():
            self._steps.append(Step(FOLD, int(table[0, 0]), rows, columns))
            return int(table[0, 0])
        to = self._passing(table.size) if passing else self.allocate(table.size)
        self._steps.append(Step(TAKE_FOLD, to, rows, columns, table=self._table(table), signs=self._sign(signs)))
        return to

    def read_complex(self, table: Array, factor: complex) -> int:
        """``work[i] = Re(factor input[table[i]])``; return where, in passing."""
        to = self._passing(table.size)
        if factor.imag == 0:
            code, places, constants = READ_SCALED, 2 * table, [factor.real]
        elif factor.real == 0:
            code, places, constants = READ_SCALED, 2 * table + 1, [-factor.imag]
        else:
            code, places, constants = READ_COMPLEX, table, [factor.real, factor.imag]
        at = self.matrix(np.array(constants))
        self._steps.append(Step(code, to, columns=table.size, table=self._table(places), constants=at))
        return to

    def take(self, table: Array, signs: Array) -> int:
        """``work[i] = sign[i] work[table[i]]``; return where, in passing."""
        plain = bool((signs == 1).all())
        if plain and _in_sequence(table):
            return int(table.flat[0])
        to = self._passing(table.size)
        step = Step(TAKE, to, columns=table.size, table=self._table(table))
        self._steps.append(step if plain else step._replace(code=TAKE_SIGNED, signs=self._sign(signs)))
        return to

    def left(self, matrix: int, at: int, k: int, x: int, columns: int, *, times: int = 1, to: int | None = None) -> int:
        """``M[k, x] A[x, columns]`` of one or several A in a row; return where: at `to`, or in passing."""
        to = self._passing(times * k * columns) if to is None else to
        self._steps.append(Step(LEFT, to, k, columns, inner=x, times=times, at=at, constants=matrix))
        return to

    def right(self, at: int, rows: int, x: int, matrix: int, l: int, *, to: int | None = None) -> int:  # noqa: E741
        """``A[rows, x] M[x, l]``; return where: at `to`, or in passing."""
        to = self._passing(rows * l) if to is None else to
        self._steps.append(Step(RIGHT, to, rows, l, inner=x, at=at, constants=matrix))
        return to

    def write(self, table: Array) -> None:
        """``output[i] = scale work[table[i]]``."""
        self._steps.append(Step(WRITE, columns=table.size, table=self._table(table)))

    def write_complex(self, first: int, table: Array, factors: tuple[complex, ...]) -> None:
        """``output[first + i] = scale Σ_t factors[t] work[table[t, i]]``, one or two terms."""
        constants = self.matrix(np.array([part for f in factors for part in (f.real, f.imag)]))
        code = WRITE_COMPLEX if len(factors) == 1 else WRITE_SUM
        self._steps.append(Step(code, first, columns=table.shape[1], table=self._table(table), constants=constants))

    def finished(self) -> FinishedProgram:
        """Return the program, all of whose tables now lie in one piece."""
        steps: list[Step] = []
        stages: list[list[tuple[int, int, bool]]] = []
        for stage in self._stages:
            stages.append([])
            for mine in filter(None, stage.steps):
                stages[-1].append((len(steps), len(steps) + len(mine), stage.is_shared))
                steps += mine
        return FinishedProgram(
            np.array(steps, dtype=np.int64).reshape(-1),
            whole(len(steps)) if self.threads == 1 else in_stages(stages, self.threads),
            np.concatenate(self._tables),
            np.concatenate([*self._signs, np.empty(0, dtype=np.int8)]),
            np.concatenate(self._constants),
            self.size,
        )


def _in_sequence(table: Array) -> bool:
    first = int(table.flat[0])
    return bool((table.reshape(-1) == np.arange(first, first + table.size)).all())


class FinishedProgram(NamedTuple):
    """A program that is complete: steps, what threads take of them, tables, constants, size of the workspace."""

    steps: IntArray
    items: Items
    table: NDArray[np.uint32]
    signs: NDArray[np.int8]
    constants: NDArray[np.float64]
    size: int


def compiled(program: FinishedProgram, dtype: np.dtype[Any], scale: float) -> Loop:
    """Return a program in a precision: its input is real numbers (complex ones as pairs), as its output is."""
    from symfft.fourier.engines.blocks._program_kernels import run  # its vectors need numba to be defined

    tables = program.steps, program.table, program.signs, program.constants.astype(dtype), dtype.type(scale)
    shares_parts = len(program.items.after) > 1
    return Loop(
        partial(run, *tables),
        program.items,
        program.size if shares_parts else 0,
        0 if shares_parts else program.size,
        dtype,
        {},
    )
