"""Stand-ins for values of compiled code, whose operators write instructions.

A function without branches is run on them once, when a kernel is compiled, and leaves its instructions there;
:mod:`symfft._compile.writer` walks through functions with loops and branches.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]

INT, BIT = ir.IntType(64), ir.IntType(1)
DOUBLE = np.dtype(np.float64)
#: LLVM's types of numbers that are not integers, by their size.
FLOATS = {4: ir.FloatType(), 8: ir.DoubleType()}


class Flag:
    """True or false."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def as_integer(self) -> Integer:
        """Return 0 or 1."""
        return Integer(self.builder, self.builder.zext(self.value, INT))

    def __or__(self, other: Any) -> Flag:
        return Flag(self.builder, self.builder.or_(self.value, as_flag(self.builder, other).value))

    def __invert__(self) -> Flag:
        return Flag(self.builder, self.builder.not_(self.value))


class Integer:
    """A 64-bit integer."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def _with(self, other: Any, instruction: str, *, swapped: bool = False) -> Any:
        if isinstance(other, (float, Vector)):
            numbers = self.as_float(), as_float(self.builder, other)
            a, b = numbers[::-1] if swapped else numbers
            return a._with(b, "f" + instruction)
        a, b = self.value, as_integer(self.builder, other).value
        if swapped:
            a, b = b, a
        return Integer(self.builder, getattr(self.builder, instruction)(a, b))

    def __add__(self, other: Any) -> Any:
        return self if isinstance(other, int) and other == 0 else self._with(other, "add")

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self if isinstance(other, int) and other == 0 else self._with(other, "sub")

    def __rsub__(self, other: Any) -> Any:
        return self._with(other, "sub", swapped=True)

    def __mul__(self, other: Any) -> Any:
        return self if isinstance(other, int) and other == 1 else self._with(other, "mul")

    __rmul__ = __mul__

    def __neg__(self) -> Integer:
        return Integer(self.builder, self.builder.neg(self.value))

    def __and__(self, other: Any) -> Any:
        return self._with(other, "and_")

    def __rshift__(self, other: Any) -> Any:
        return self._with(other, "ashr")

    def __truediv__(self, other: Any) -> Any:
        return self.as_float() / other

    def __rtruediv__(self, other: Any) -> Vector:
        return as_float(self.builder, other) / self

    def __floordiv__(self, other: Any) -> Integer:
        quotient, _, over = self._divided(other)
        return Integer(self.builder, self.builder.sub(quotient, self.builder.zext(over, INT)))

    def __mod__(self, other: Any) -> Integer:
        divisor = as_integer(self.builder, other).value
        _, rest, over = self._divided(other)
        return Integer(self.builder, self.builder.add(rest, self.builder.select(over, divisor, INT(0))))

    def _divided(self, other: Any) -> tuple[Any, Any, Any]:
        """Return quotient and rest as processors divide, and whether Python's quotient is lower by 1."""
        builder, divisor = self.builder, as_integer(self.builder, other).value
        quotient, rest = builder.sdiv(self.value, divisor), builder.srem(self.value, divisor)
        unlike = builder.icmp_signed("<", builder.xor(rest, divisor), INT(0))
        return quotient, rest, builder.and_(builder.icmp_signed("!=", rest, INT(0)), unlike)

    def as_float(self) -> Vector:
        """Return it as float64."""
        return Vector(self.builder, self.builder.sitofp(self.value, FLOATS[8]), DOUBLE)


class Vector:
    """Numbers of one dtype in all lanes, or one number."""

    def __init__(self, builder: Any, value: Any, dtype: Any) -> None:
        self.builder, self.value, self.dtype = builder, value, dtype

    def of(self, value: Any) -> Vector:
        """Return another one of the same dtype."""
        return Vector(self.builder, value, self.dtype)

    def _with(self, other: Any, instruction: str) -> Vector:
        if isinstance(self.value.type, ir.VectorType):
            return self.of(getattr(self.builder, instruction)(self.value, other.value))
        a, b = alike(self, as_float(self.builder, other))
        return a.of(getattr(self.builder, instruction)(a.value, b.value))

    def __add__(self, other: Any) -> Vector:
        return self._with(other, "fadd")

    def __sub__(self, other: Any) -> Vector:
        return self._with(other, "fsub")

    def __mul__(self, other: Any) -> Vector:
        return self._with(other, "fmul")

    def __truediv__(self, other: Any) -> Vector:
        return self._with(other, "fdiv")

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> Vector:
        return as_float(self.builder, other) - self

    def __rtruediv__(self, other: Any) -> Vector:
        return as_float(self.builder, other) / self

    def __neg__(self) -> Vector:
        return self.of(self.builder.fneg(self.value))

    def size_of(self) -> Vector:
        """Return its absolute value."""
        function = self.builder.module.declare_intrinsic("llvm.fabs", [self.value.type])
        return self.of(self.builder.call(function, [self.value]))

    def as_integer(self) -> Integer:
        """Return it without its fraction."""
        return Integer(self.builder, self.builder.fptosi(self.value, INT))


class Other:
    """A value that is only copied: a complex number."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value


class Array:
    """A contiguous array, rows last."""

    def __init__(self, builder: Any, data: Any, dtype: Any, shape: tuple[Any, ...]) -> None:
        self.builder, self.data, self.dtype, self.shape = builder, data, dtype, shape

    def place(self, index: Any) -> Any:
        """Return the address of an element, of those in one row."""
        return self.builder.gep(self.data, [as_integer(self.builder, index).value])

    @property
    def size(self) -> Any:
        """Number of elements."""
        return reduce(lambda a, b: a * b, self.shape)

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return int(self.dtype.itemsize)

    @property
    def address(self) -> Any:
        """The address of the first element, as that of bytes."""
        return self.builder.bitcast(self.data, ir.IntType(8).as_pointer())

    def _offset(self, index: tuple[Any, ...]) -> Any:
        at: Any = 0
        for i, n in zip((*index, *[0] * (len(self.shape) - len(index))), self.shape, strict=True):
            at = at * n + i
        return at

    def reshape(self, size: int) -> Array:
        """Return its elements in a row, for which `size` is -1."""
        assert size == -1
        return Array(self.builder, self.data, self.dtype, (self.size,))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            size = self.shape[0] - index.start
            return Array(self.builder, self.place(index.start), self.dtype, (size,))
        index = index if isinstance(index, tuple) else (index,)
        place = self.place(self._offset(index))
        if len(index) < len(self.shape):
            return Array(self.builder, place, self.dtype, self.shape[len(index) :])
        value = self.builder.load(place)
        if self.dtype.kind == "f":
            return Vector(self.builder, value, self.dtype)
        if self.dtype.kind == "b":
            return Flag(self.builder, self.builder.trunc(value, BIT))
        if self.dtype.kind == "c":
            return Other(self.builder, value)
        extend = self.builder.sext if self.dtype.kind == "i" else self.builder.zext
        return Integer(self.builder, value if self.dtype.itemsize == 8 else extend(value, INT))

    def __setitem__(self, index: Any, value: Any) -> None:
        place = self.place(self._offset(index if isinstance(index, tuple) else (index,)))
        builder, kind = self.builder, place.type.pointee
        if self.dtype.kind == "f":
            stored = in_precision(as_float(builder, value), self.dtype).value
        elif self.dtype.kind == "b":
            stored = builder.zext(as_flag(builder, value).value, kind)
        elif self.dtype.kind == "c":
            stored = value.value
        else:
            stored = as_integer(builder, value).value
            stored = stored if kind == INT else builder.trunc(stored, kind)
        builder.store(stored, place)


def as_integer(builder: Any, value: Any) -> Integer:
    """Return an integer, or a number's whole part."""
    if isinstance(value, Integer):
        return value
    return value.as_integer() if isinstance(value, (Flag, Vector)) else Integer(builder, INT(int(value)))


def as_float(builder: Any, value: Any) -> Vector:
    """Return a number of any kind as one that is not an integer."""
    if isinstance(value, Vector):
        return value
    if isinstance(value, (int, float)):
        return Vector(builder, FLOATS[8](float(value)), DOUBLE)
    return as_integer(builder, value).as_float()


def as_flag(builder: Any, value: Any) -> Any:
    """Return whether a value is true."""
    if isinstance(value, Flag):
        return value
    return Flag(builder, BIT(bool(value))) if isinstance(value, (bool, int)) else compared("!=", value, 0)


def in_precision(number: Vector, dtype: Any) -> Vector:
    """Return a number in a dtype."""
    if number.dtype == dtype:
        return number
    builder = number.builder
    change = builder.fptrunc if dtype.itemsize < number.dtype.itemsize else builder.fpext
    return Vector(builder, change(number.value, FLOATS[dtype.itemsize]), dtype)


def alike(a: Vector, b: Vector) -> tuple[Vector, Vector]:
    """Return two numbers in the wider of their precisions."""
    dtype = max(a.dtype, b.dtype, key=lambda dtype: dtype.itemsize)
    return in_precision(a, dtype), in_precision(b, dtype)


def compared(symbol: str, a: Any, b: Any) -> Any:
    """Return ``a symbol b``."""
    builder = next(each.builder for each in (a, b) if hasattr(each, "builder"))
    if isinstance(a, (Vector, float)) or isinstance(b, (Vector, float)):
        x, y = alike(as_float(builder, a), as_float(builder, b))
        compare = builder.fcmp_unordered if symbol == "!=" else builder.fcmp_ordered
        return Flag(builder, compare(symbol, x.value, y.value))
    return Flag(builder, builder.icmp_signed(symbol, as_integer(builder, a).value, as_integer(builder, b).value))


def counted(stop: Any) -> Iterator[Any]:
    """Write a loop over a range, its body once; of a fixed length, the body that many times."""
    if not isinstance(stop, Integer):
        yield from range(stop)
        return
    builder = stop.builder
    before = builder.block
    head, body, end = (builder.append_basic_block(name) for name in ("head", "body", "done"))
    builder.branch(head)
    builder.position_at_end(head)
    index = builder.phi(INT)
    index.add_incoming(INT(0), before)
    builder.cbranch(builder.icmp_signed("<", index, stop.value), body, end)
    builder.position_at_end(body)
    yield Integer(builder, index)
    index.add_incoming(builder.add(index, INT(1), flags=["nsw"]), builder.block)
    builder.branch(head)
    builder.position_at_end(end)
