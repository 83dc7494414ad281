"""The type of LLVM behind vectors of eight lanes."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]

from symfft._compile.trace import FLOATS

#: Lanes of a vector.
LANES = 8


def vector(dtype: Any) -> ir.VectorType:
    """Return LLVM's type of a vector of a dtype."""
    return ir.VectorType(FLOATS[dtype.itemsize], LANES)
