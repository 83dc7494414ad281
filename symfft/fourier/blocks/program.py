"""A linear transform as a short program of gathers, sums and small matrix products, run by one compiled loop.

The plan writes the program once; the loop knows nothing of groups. All operands lie in one workspace, addressed by
position; position 0 always holds 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft._compile import kernel
from symfft.symmetry import IntArray

Array = NDArray[Any]

TAKE, TAKE_SIGNED, READ, READ_COMPLEX, WALSH, LEFT, LEFT_T, RIGHT, WRITE, WRITE_COMPLEX, WRITE_COMPLEX_SUM = range(11)


class Program:
    """The steps of a transform, as they are planned.

    Parameters
    ----------
    turns : int
        Phases are multiples of 1/turns of a full turn.
    """

    def __init__(self, turns: int) -> None:
        self.turns = turns
        self.size = 1
        self.cost = 0.0
        self._steps: list[list[int]] = []
        self._tables: list[NDArray[np.int32]] = []
        self._marks: list[NDArray[np.int16]] = []
        self._matrices: list[NDArray[np.float64]] = []
        self._table_end = self._matrix_end = 0
        self._known: dict[int, int] = {}

    def allocate(self, size: int) -> int:
        """Return the position of new space in the workspace."""
        self.size += size
        return self.size - size

    def matrix(self, values: NDArray[np.float64]) -> int:
        """Store a matrix; return its position among the matrices."""
        self._matrices.append(np.ascontiguousarray(values).reshape(-1))
        self._matrix_end += values.size
        return self._matrix_end - values.size

    def _table(self, table: Array, marks: Array | None) -> int:
        self._tables.append(np.ascontiguousarray(table, dtype=np.int32).reshape(-1))
        flat = np.zeros(table.size, np.int16) if marks is None else np.ascontiguousarray(marks, np.int16).reshape(-1)
        self._marks.append(flat)
        self._table_end += table.size
        return self._table_end - table.size

    def read(self, table: Array) -> int:
        """``work[i] = input[table[i]]``; return where."""
        to = self.allocate(table.size)
        self._steps.append([READ, to, table.size, self._table(table, None), 0, 0, 0])
        self.cost += 1.0 * table.size
        return to

    def read_complex(self, table: Array, phases: Array) -> int:
        """``work[i] = Re(exp(2πi phase/turns) input[table[i]])``, nothing where table is negative; return where."""
        to = self.allocate(table.size)
        phases = np.where(table < 0, self.turns, phases)
        self._steps.append([READ_COMPLEX, to, table.size, self._table(np.maximum(table, 0), phases), 0, 0, 0])
        self.cost += 1.5 * table.size
        return to

    def take(self, table: Array, signs: Array) -> int:
        """``work[i] = sign[i] work[table[i]]``; return where."""
        first = int(table.flat[0])
        if (signs == 1).all() and np.array_equal(table.reshape(-1), np.arange(first, first + table.size)):
            return first
        to = self.allocate(table.size)
        signed = not (signs == 1).all()
        code = TAKE_SIGNED if signed else TAKE
        self._steps.append([code, to, table.size, self._table(table, signs if signed else None), 0, 0, 0])
        self.cost += (1.0 if signed else 0.7) * table.size
        return to

    def walsh(self, at: int, rows: int, columns: int) -> None:
        """Walsh-Hadamard transform over the rows of a matrix, in place."""
        if rows > 1:
            self._steps.append([WALSH, at, rows, columns, 0, 0, 0])
            self.cost += 0.15 * rows * columns * rows.bit_length()

    def left(self, matrix: int, at: int, k: int, x: int, columns: int, *, transposed: bool = False) -> int:
        """``M[k, x] A[x, columns]``, or ``M A.T`` with A[columns, x]; return where."""
        to = self.allocate(k * columns)
        self._steps.append([LEFT_T if transposed else LEFT, to, k, x, columns, matrix, at])
        self.cost += 150 + k * x * columns / 22
        return to

    def right(self, at: int, rows: int, x: int, matrix: int, l: int) -> int:  # noqa: E741
        """``A[rows, x] M[x, l]``; return where."""
        to = self.allocate(rows * l)
        self._steps.append([RIGHT, to, rows, x, l, matrix, at])
        self.cost += 150 + rows * x * l / 22
        return to

    def write(self, table: Array) -> None:
        """``output[i] = scale work[table[i]]``."""
        self._steps.append([WRITE, 0, table.size, self._table(table, None), 0, 0, 0])
        self.cost += 1.0 * table.size

    def write_complex(self, table: Array, phases: Array) -> None:
        """``output[i] = scale Σ_t exp(2πi phases[t, i]/turns) work[table[t, i]]``, one or two terms."""
        start = self._table(table, phases)
        code = WRITE_COMPLEX if len(table) == 1 else WRITE_COMPLEX_SUM
        self._steps.append([code, 0, table.shape[1], start, 0, 0, 0])
        self.cost += 1.5 * table.size

    def finished(self, dtype: np.dtype[Any], scale: float) -> CompiledProgram:
        """Return the program ready to run in a precision."""
        angle = 2 * np.pi * np.arange(self.turns + 1) / self.turns
        turns = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        turns[self.turns] = 0
        return CompiledProgram(
            np.array(self._steps, dtype=np.int64),
            np.concatenate(self._tables),
            np.concatenate(self._marks),
            np.concatenate(self._matrices).astype(dtype),
            turns.astype(dtype),
            dtype.type(scale),
            self.size,
        )


class CompiledProgram:
    """A program in a precision; call it on rows of input."""

    def __init__(
        self,
        steps: IntArray,
        table: Array,
        marks: Array,
        matrices: Array,
        turns: Array,
        scale: Any,
        size: int,
    ) -> None:
        self._arrays = steps, table, marks, matrices, turns
        self._scale, self._size = scale, size
        self._spare: list[Array] = []

    def __call__(self, rows: Array, out: Array) -> None:
        """Run the program on each row of real numbers (complex ones as pairs) and fill `out`."""
        try:
            work = self._spare.pop()
        except IndexError:
            work = np.empty(self._size, dtype=out.dtype)
        run(*self._arrays, self._scale, work, rows, out)
        self._spare.append(work)


@kernel
def run(
    steps: Array,
    table: Array,
    marks: Array,
    matrices: Array,
    turns: Array,
    scale: Any,
    work: Array,
    rows: Array,
    out: Array,
) -> None:
    """Run the steps of a program on every row of the input."""
    work[0] = 0
    for b in range(rows.shape[0]):
        source, target = rows[b], out[b]
        for s in range(steps.shape[0]):
            code, to, a0, a1, a2, matrix, at = steps[s]
            if code == TAKE:
                t, w = table[a1 : a1 + a0], work[to : to + a0]
                for i in range(a0):
                    w[i] = work[t[i]]
            elif code == TAKE_SIGNED:
                t, w, m = table[a1 : a1 + a0], work[to : to + a0], marks[a1 : a1 + a0]
                for i in range(a0):
                    w[i] = m[i] * work[t[i]]
            elif code == READ:
                t, w = table[a1 : a1 + a0], work[to : to + a0]
                for i in range(a0):
                    w[i] = source[t[i]]
            elif code == READ_COMPLEX:
                t, w, m = table[a1 : a1 + a0], work[to : to + a0], marks[a1 : a1 + a0]
                for i in range(a0):
                    w[i] = turns[m[i], 0] * source[2 * t[i]] - turns[m[i], 1] * source[2 * t[i] + 1]
            elif code == WALSH:
                half = 1
                while half < a0:
                    for i in range(0, a0, 2 * half):
                        for j in range(i, i + half):
                            p = work[to + j * a1 : to + (j + 1) * a1]
                            q = work[to + (j + half) * a1 : to + (j + half + 1) * a1]
                            for c in range(a1):
                                u = p[c]
                                v = q[c]
                                p[c] = u + v
                                q[c] = u - v
                    half *= 2
            elif code == LEFT:
                np.dot(
                    matrices[matrix : matrix + a0 * a1].reshape(a0, a1),
                    work[at : at + a1 * a2].reshape(a1, a2),
                    work[to : to + a0 * a2].reshape(a0, a2),
                )
            elif code == LEFT_T:
                np.dot(
                    matrices[matrix : matrix + a0 * a1].reshape(a0, a1),
                    work[at : at + a1 * a2].reshape(a2, a1).T,
                    work[to : to + a0 * a2].reshape(a0, a2),
                )
            elif code == RIGHT:
                np.dot(
                    work[at : at + a0 * a1].reshape(a0, a1),
                    matrices[matrix : matrix + a1 * a2].reshape(a1, a2),
                    work[to : to + a0 * a2].reshape(a0, a2),
                )
            elif code == WRITE:
                t = table[a1 : a1 + a0]
                for i in range(a0):
                    target[i] = scale * work[t[i]]
            elif code == WRITE_COMPLEX:
                t, m = table[a1 : a1 + a0], marks[a1 : a1 + a0]
                for i in range(a0):
                    value = scale * work[t[i]]
                    target[2 * i] = turns[m[i], 0] * value
                    target[2 * i + 1] = turns[m[i], 1] * value
            else:
                t, m = table[a1 : a1 + a0], marks[a1 : a1 + a0]
                u, n = table[a1 + a0 : a1 + 2 * a0], marks[a1 + a0 : a1 + 2 * a0]
                for i in range(a0):
                    x, y = scale * work[t[i]], scale * work[u[i]]
                    target[2 * i] = turns[m[i], 0] * x + turns[n[i], 0] * y
                    target[2 * i + 1] = turns[m[i], 1] * x + turns[n[i], 1] * y
