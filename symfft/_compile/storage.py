"""How values of a written function are kept in memory, and handed from one function to another.

The *kind* of a value says which LLVM types it is made of: an integer, a flag, a number or lanes of a dtype, an array, a
tuple of these, or a constant, which is True or False and made of none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]

from symfft._compile.lane_type import vector
from symfft._compile.trace import Array, Flag, Integer, Vector, as_flag, as_float, as_integer


class Slot(NamedTuple):
    """Where the value of a name is kept: memory, and how a value of its kind is made."""

    place: Any
    kind: Any

    def read(self, builder: Any) -> Any:
        """Return the value."""
        return of_kind(builder, self.kind, builder.load(self.place))


def settled(builder: Any, value: Any) -> Any:
    """Return a stand-in for a Python number."""
    if isinstance(value, (bool, np.bool_)):
        return as_flag(builder, bool(value))
    if isinstance(value, (int, np.integer)):
        return as_integer(builder, int(value))
    return as_float(builder, value) if isinstance(value, float) else value


def kind_of(value: Any) -> Any:
    """Return the kind of a stand-in, of a constant, or of a tuple of these."""
    if isinstance(value, bool):
        return ("constant", value)
    if isinstance(value, Integer):
        return "integer"
    if isinstance(value, Flag):
        return "flag"
    if isinstance(value, Vector):
        return ("lanes" if isinstance(value.value.type, ir.VectorType) else "number", value.dtype)
    if isinstance(value, Array):
        return ("array", value.dtype, value.data.type, len(value.shape))
    return (*(kind_of(each) for each in value), type(value))


def fits(kind: Any, value: Any) -> bool:
    """Whether a name that holds a kind of value can take another value: integers count as numbers."""
    found = kind_of(value)
    if kind in ("integer", "flag"):
        return found in ("integer", "flag") and (kind == "integer" or found == "flag")
    return bool(found == kind or (kind[0] == "number" and found[0] != "lanes"))


def flat_types(kind: Any) -> list[Any]:
    """Return the LLVM types that values of a kind are made of."""
    if kind == "integer":
        return [ir.IntType(64)]
    if kind == "flag":
        return [ir.IntType(1)]
    if kind[0] == "constant":
        return []
    if kind[0] in ("number", "lanes"):
        return [vector(kind[1]) if kind[0] == "lanes" else vector(kind[1]).element]
    if kind[0] == "array":
        return [kind[2], *[ir.IntType(64)] * kind[3]]
    return [each for part in kind[:-1] for each in flat_types(part)]


def flat(builder: Any, value: Any) -> list[Any]:
    """Return the LLVM values that a value is made of."""
    if isinstance(value, bool):
        return []
    if isinstance(value, Array):
        return [value.data, *(as_integer(builder, n).value for n in value.shape)]
    if isinstance(value, tuple):
        return [each for part in value for each in flat(builder, part)]
    return [value.value]


def of_kind(builder: Any, kind: Any, value: Any) -> Any:
    """Return the integer, flag, number or lanes that an LLVM value is."""
    if kind == "integer":
        return Integer(builder, value)
    return Flag(builder, value) if kind == "flag" else Vector(builder, value, kind[1])


def taken(builder: Any, kind: Any, values: Iterator[Any]) -> Any:
    """Return a value of a kind from the LLVM values that come next."""
    if kind[0] == "constant":
        return kind[1]
    if kind[0] == "array":
        data = next(values)
        return Array(builder, data, kind[1], tuple(Integer(builder, next(values)) for _ in range(kind[3])))
    if kind in ("integer", "flag") or kind[0] in ("number", "lanes"):
        return of_kind(builder, kind, next(values))
    parts = [taken(builder, part, values) for part in kind[:-1]]
    return kind[-1](*parts) if hasattr(kind[-1], "_fields") else kind[-1](parts)
