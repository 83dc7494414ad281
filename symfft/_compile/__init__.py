"""Compiled loops: the only room that touches what lies inside numba and LLVM.

:mod:`compiler` compiles functions on bare arrays at their first call, :mod:`lanes` has vectors of eight numbers,
:mod:`blas` products of small matrices.
"""

from symfft._compile.compiler import bare, inlined, kernel

__all__ = ["bare", "inlined", "kernel"]
