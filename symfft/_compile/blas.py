"""Small matrix products in compiled loops: BLAS without what comes before it in ``np.dot``.

numba counts references to the operands of ``np.dot`` and checks them at each call, some 0.2 µs, as long as BLAS takes
for a product of 13 x 13 matrices. Here the routine that it then calls is called directly.
"""

from __future__ import annotations

from typing import Any

from symfft._array_types import Array
from symfft._compile.compiler import bare

DOUBLE, SINGLE, AS_IT_IS = ord("d"), ord("s"), ord("n")


class _BlasProduct:
    """``C = α A B + β C`` in Fortran order, of the precision `kind`; known to numba when it compiles a caller."""

    @property
    def _numba_type_(self) -> object:
        from numba.core import types
        from numba.np.linalg import ensure_blas

        ensure_blas()
        pointer, size, letter = types.voidptr, types.intp, types.char
        numbers = [pointer, pointer, size, pointer, size, pointer, pointer, size]
        return types.ExternalFunction("numba_xxgemm", types.int32(letter, letter, letter, size, size, size, *numbers))


_blas_product: Any = _BlasProduct()


@bare
def multiply(a: Array, b: Array, out: Array, rows: Any, inner: Any, columns: Any, one_and_zero: Array) -> None:
    """Fill ``out[rows, columns] = a[rows, inner] b[inner, columns]``, all contiguous, at the heads of 1-D arrays.

    The last argument begins with the numbers 1 and 0.
    """
    # transposed, since BLAS counts from the first index on
    _blas_product(
        DOUBLE if out.itemsize == 8 else SINGLE,
        AS_IT_IS,
        AS_IT_IS,
        columns,
        rows,
        inner,
        one_and_zero.ctypes,
        b.ctypes,
        columns,
        a.ctypes,
        inner,
        one_and_zero[1:].ctypes,
        out.ctypes,
        columns,
    )
