"""A linear transform as a short program of gathers, sums and small matrix products, run by one compiled loop.

The plan writes the program once; the loop knows nothing of groups. All operands lie in one workspace, addressed by
position; position 0 always holds 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft.crystal.operators import IntArray

Array = NDArray[Any]

READ_FOLD, READ_SCALED, READ_COMPLEX, TAKE, TAKE_SIGNED, TAKE_FOLD, FOLD = range(7)
LEFT, LEFT_EACH, RIGHT, WRITE, WRITE_COMPLEX, WRITE_SUM = range(7, 13)


class Program:
    """The steps of a transform, as they are planned.

    Tables of positions and signs are kept apart from the steps; matrices and factors lie one after another.

    Parameters
    ----------
    scratch : int
        Space for passing results, which are done with when :meth:`release` is called.
    """

    def __init__(self, scratch: int) -> None:
        self._scratch, self._scratch_end = 1, 1 + scratch
        self.size = self._scratch_end
        self.cost = 0.0
        self._steps: list[list[int]] = []
        self._tables: list[NDArray[np.uint32]] = []
        self._signs: list[NDArray[np.int8]] = []
        self._constants: list[NDArray[np.float64]] = []
        self._table_end = self._sign_end = self._constant_end = 0

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

    def release(self, mark: int = 1) -> None:
        """Give back the space of passing results, those since a mark where one is given."""
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

    def _step(self, code: int, *arguments: int, cost: float) -> None:
        self._steps.append([code, *arguments, *[0] * (7 - len(arguments))])
        self.cost += cost

    def read_folded(self, table: Array) -> int:
        """``work[r, i] = Σ_s (-1)^|r & s| input[table[s, i]]`` (Walsh-Hadamard over the rows); return where."""
        rows, columns = table.shape
        to = self.allocate(table.size)
        self._step(READ_FOLD, to, rows, columns, self._table(table), cost=(0.8 + 0.1 * rows.bit_length()) * table.size)
        return to

    def take_folded(self, table: Array, signs: Array, *, passing: bool = False) -> int:
        """``work[r, i] = Σ_s (-1)^|r & s| sign[s, i] work[table[s, i]]``; return where."""
        rows, columns = table.shape
        if _in_sequence(table) and (signs == 1).all():
            self._step(FOLD, int(table[0, 0]), rows, columns, cost=0.1 * rows.bit_length() * table.size)
            return int(table[0, 0])
        to = self._passing(table.size) if passing else self.allocate(table.size)
        cost = (1.0 + 0.1 * rows.bit_length()) * table.size
        self._step(TAKE_FOLD, to, rows, columns, self._table(table), self._sign(signs), cost=cost)
        return to

    def read_complex(self, table: Array, factor: complex) -> int:
        """``work[i] = Re(factor input[table[i]])``; return where, in passing."""
        to = self._passing(table.size)
        constants = self.matrix(np.array([factor.real, factor.imag]))
        cost = 20 + 0.8 * table.size
        if factor.imag == 0:
            self._step(READ_SCALED, to, table.size, self._table(2 * table), constants, cost=cost)
        elif factor.real == 0:
            constants = self.matrix(np.array([-factor.imag]))
            self._step(READ_SCALED, to, table.size, self._table(2 * table + 1), constants, cost=cost)
        else:
            self._step(READ_COMPLEX, to, table.size, self._table(table), constants, cost=cost)
        return to

    def take(self, table: Array, signs: Array) -> int:
        """``work[i] = sign[i] work[table[i]]``; return where, in passing."""
        plain = bool((signs == 1).all())
        if plain and _in_sequence(table):
            return int(table.flat[0])
        to = self._passing(table.size)
        if plain:
            self._step(TAKE, to, table.size, self._table(table), cost=0.6 * table.size)
        else:
            self._step(TAKE_SIGNED, to, table.size, self._table(table), self._sign(signs), cost=0.9 * table.size)
        return to

    def left(self, matrix: int, at: int, k: int, x: int, columns: int, *, times: int = 1, to: int | None = None) -> int:
        """``M[k, x] A[x, columns]`` of one or several A in a row; return where: at `to`, or in passing."""
        to = self._passing(times * k * columns) if to is None else to
        cost = times * (150 + k * x * columns / (30 if times == 1 else 25))
        self._step(LEFT if times == 1 else LEFT_EACH, to, k, x, columns, matrix, at, times, cost=cost)
        return to

    def right(self, at: int, rows: int, x: int, matrix: int, l: int, *, to: int | None = None) -> int:  # noqa: E741
        """``A[rows, x] M[x, l]``; return where: at `to`, or in passing."""
        to = self._passing(rows * l) if to is None else to
        self._step(RIGHT, to, rows, x, l, matrix, at, cost=150 + rows * x * l / 25)
        return to

    def write(self, table: Array) -> None:
        """``output[i] = scale work[table[i]]``."""
        self._step(WRITE, 0, table.size, self._table(table), cost=0.8 * table.size)

    def write_complex(self, first: int, table: Array, factors: tuple[complex, ...]) -> None:
        """``output[first + i] = scale Σ_t factors[t] work[table[t, i]]``, one or two terms."""
        constants = self.matrix(np.array([part for f in factors for part in (f.real, f.imag)]))
        code = WRITE_COMPLEX if len(factors) == 1 else WRITE_SUM
        self._step(code, first, table.shape[1], self._table(table), constants, cost=20 + 1.0 * table.size)

    def finished(self) -> FinishedProgram:
        """Return the program, all of whose tables now lie in one piece."""
        return FinishedProgram(
            np.array(self._steps, dtype=np.int64),
            np.concatenate(self._tables),
            np.concatenate([*self._signs, np.empty(0, dtype=np.int8)]),
            np.concatenate(self._constants),
            self.size,
        )


def _in_sequence(table: Array) -> bool:
    first = int(table.flat[0])
    return bool((table.reshape(-1) == np.arange(first, first + table.size)).all())


class FinishedProgram(NamedTuple):
    """A program that is complete: steps, tables and constants, and the size of the workspace."""

    steps: IntArray
    table: NDArray[np.uint32]
    signs: NDArray[np.int8]
    constants: NDArray[np.float64]
    size: int


class CompiledProgram:
    """A program in a precision; call it on rows of input."""

    def __init__(self, program: FinishedProgram, dtype: np.dtype[Any], scale: float) -> None:
        from symfft.fourier.engines.blocks._program_kernels import run  # its vectors need numba to be defined

        self._run = run
        constants = program.constants.astype(dtype)
        self._arrays = program.steps, program.table, program.signs, constants, dtype.type(scale)
        self._size = program.size
        self._spare: list[Array] = []

    def __call__(self, rows: Array, out: Array) -> None:
        """Run the program on each row of real numbers (complex ones as pairs) and fill `out`."""
        try:
            work = self._spare.pop()
        except IndexError:
            work = np.empty(self._size, dtype=out.dtype)
        self._run(*self._arrays, work, rows, out)
        self._spare.append(work)
