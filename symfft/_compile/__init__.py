"""Compiled loops: the only package that uses the internals of numba and LLVM.

:mod:`compiler` compiles functions on bare arrays at their first call, :mod:`writer` and :mod:`trace` write the
instructions of those that need nothing but loops and numbers, :mod:`lanes` has vectors of eight numbers, :mod:`blas`
products of small matrices.
"""

from symfft._compile.compiler import bare, embedded, kernel
from symfft._compile.inlining import inlined

__all__ = ["bare", "embedded", "inlined", "kernel"]
