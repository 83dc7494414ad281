"""Compiled loops: the only package that uses the internals of numba and LLVM.

:mod:`compiler` compiles functions on bare arrays at their first call, :mod:`trace` puts short ones into others,
:mod:`lanes` has vectors of eight numbers, :mod:`blas` products of small matrices.
"""

from symfft._compile.compiler import bare, embedded, kernel
from symfft._compile.trace import counted, inlined

__all__ = ["bare", "counted", "embedded", "inlined", "kernel"]
