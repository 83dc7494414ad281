"""The type that numba knows vectors of eight lanes by, and LLVM's type behind it."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.core.datamodel import models, register_default

#: Lanes of a vector.
LANES = 8


class Lanes(types.Type):
    """Numba type of :data:`LANES` numbers of one dtype."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Lanes({dtype})")


@register_default(Lanes)
class LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    """A vector register of LLVM."""

    def __init__(self, manager: Any, fe_type: Lanes) -> None:
        super().__init__(manager, fe_type, vector(fe_type.dtype))


def vector(dtype: Any) -> ir.VectorType:
    """Return LLVM's type of a vector of a dtype."""
    return ir.VectorType({32: ir.FloatType(), 64: ir.DoubleType()}[dtype.bitwidth], LANES)
