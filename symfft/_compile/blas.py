"""Small matrix products in compiled loops: BLAS without what comes before it in ``np.dot``.

numba counts references to the operands of ``np.dot`` and checks them at each call, some 0.2 µs, as long as BLAS takes
for a product of 13 x 13 matrices. Here the routine that it then calls is called directly.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]

from symfft._compile.inlining import inlined

DOUBLE, SINGLE, AS_IT_IS = ord("d"), ord("s"), ord("n")


@inlined
def multiply(a: Any, b: Any, out: Any, rows: Any, inner: Any, columns: Any, one_and_zero: Any) -> None:
    """Fill ``out[rows, columns] = a[rows, inner] b[inner, columns]``, all contiguous, at the heads of 1-D arrays.

    The last argument begins with the numbers 1 and 0.
    """
    from numba.np.linalg import ensure_blas

    ensure_blas()
    builder, pointer = out.builder, ir.IntType(8).as_pointer()
    letter, size = ir.IntType(8), ir.IntType(64)
    kinds = [letter, letter, letter, size, size, size, pointer, pointer, size, pointer, size, pointer, pointer, size]
    name = "numba_xxgemm"
    function = builder.module.globals.get(name) or ir.Function(
        builder.module, ir.FunctionType(ir.IntType(32), kinds), name
    )
    kind = letter(DOUBLE if out.itemsize == 8 else SINGLE)
    m, k, n = rows.value, inner.value, columns.value
    one, zero = one_and_zero.address, one_and_zero[1:].address
    # transposed, since BLAS counts from the first index on
    same = letter(AS_IT_IS)
    builder.call(function, [kind, same, same, n, m, k, one, b.address, n, a.address, k, zero, out.address, n])
