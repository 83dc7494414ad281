"""Symmetric positive definite matrices in half the memory: LAPACK's rectangular full packed format.

F. G. Gustavson, J. Waśniewski, J. J. Dongarra and J. Langou, ACM Trans. Math. Softw. 37, 18 (2010). The upper triangle
of a matrix of n rows is an array of (n + 1) // 2 rows: with m = n // 2, column c ≥ m of the triangle is the beginning
of row c - m, and row r < m of it, up to column m, the end of row r. It is factored in place, by products of blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError
from scipy.linalg.lapack import dpftrf, dpftrs, dtfsm

from symfft_models._array_types import FloatArray, IntArray


class PackedMatrix:
    """The upper triangle of a symmetric matrix that blocks are added to.

    Examples
    --------
    >>> import numpy as np
    >>> matrix = PackedMatrix(3)
    >>> matrix.add(0, 0, np.array([[4.0, 2.0], [2.0, 5.0]]))
    >>> matrix.add(0, 2, np.array([[0.0], [8.0]]))
    >>> matrix.add(2, 2, np.array([[20.0]]))
    >>> matrix.factored().solve(np.array([6.0, 15.0, 28.0])).round(12).tolist()
    [1.0, 1.0, 1.0]
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.half = size // 2
        self.rows = np.zeros((size - self.half, size + 1 - size % 2))

    def add(self, row: int, column: int, block: FloatArray) -> None:
        """Add a block that begins at a row and a column: on the diagonal, of which the upper triangle counts, or above.

        Raises
        ------
        ValueError
            If the block reaches below the diagonal without being square on it, or out of the matrix.
        """
        height, width = block.shape
        if row == column and height == width:
            block = np.triu(block)
        elif row + height > column:
            raise ValueError(f"a block of rows {row} to {row + height} at column {column} reaches below the diagonal")
        if column + width > self.size:
            raise ValueError(f"a block of columns {column} to {column + width} in a matrix of {self.size}")
        left = min(max(self.half - column, 0), width)
        top = min(max(self.half - row, 0), height)
        if left:
            place = self.half + 1 + column
            self.rows[row : row + top, place : place + left] += block[:top, :left]
        if left < width:
            place = column + left - self.half
            self.rows[place : place + width - left, row : row + height] += block[:, left:].T

    def add_diagonal(self, value: float) -> None:
        """Add a number to each element of the diagonal."""
        self.rows[_diagonal(self.size)] += value

    def factored(self) -> PackedFactor:
        """Return the Cholesky factor, in the memory of the matrix, which is lost.

        Raises
        ------
        LinAlgError
            If the matrix is not positive definite.
        """
        factor, failed = dpftrf(self.size, self.rows.reshape(-1), uplo="U", overwrite_a=True)
        del self.rows
        if failed:
            raise LinAlgError(f"the matrix of {self.size} rows is not positive definite: its minor {failed} is not")
        return PackedFactor(self.size, factor)


@dataclass(frozen=True, eq=False)
class PackedFactor:
    """The upper Cholesky factor U of a matrix ``UᵀU``, packed (size (size + 1) / 2,) as that was."""

    size: int
    packed: FloatArray

    @property
    def log_determinant(self) -> float:
        """Logarithm of the determinant of the matrix."""
        return 2 * float(np.log(self.packed.reshape(self.size - self.size // 2, -1)[_diagonal(self.size)]).sum())

    def solve(self, right: FloatArray) -> FloatArray:
        """Return x (size,) or (size, s) with ``UᵀU x = right``."""
        found, _ = dpftrs(self.size, self.packed, right.reshape(self.size, -1), uplo="U")
        return np.asarray(found.reshape(right.shape))

    def solve_upper(self, right: FloatArray) -> FloatArray:
        """Return x (size, s) with ``U x = right``: of standard normal numbers, draws with the inverse as covariance."""
        return np.asarray(dtfsm(1.0, self.packed, right, uplo="U"))


def _diagonal(size: int) -> tuple[IntArray, IntArray]:
    """Return where the diagonal of a packed matrix lies."""
    half = size // 2
    below, above = np.arange(half), np.arange(size - half)
    return np.concatenate([below, above]), np.concatenate([half + 1 + below, half + above])
