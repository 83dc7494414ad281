"""Short functions that become part of the kernels that call them: run once, when a kernel is compiled, on stand-ins for
its values, whose operators write instructions.

What has no branch needs nothing more from a compiler: numba sees one call in place of the function, which is many times
quicker than to infer the types of each of its lines, and to compile it by itself.
"""

# mypy: disable-error-code="attr-defined, call-arg"

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cached_property, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Integer:
    """A 64-bit integer."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def _with(self, other: Any, instruction: str, *, swapped: bool = False) -> Integer:
        value = other.value if isinstance(other, Integer) else self.value.type(int(other))
        pair = (value, self.value) if swapped else (self.value, value)
        return Integer(self.builder, getattr(self.builder, instruction)(*pair))

    def __add__(self, other: Any) -> Integer:
        return self if isinstance(other, int) and other == 0 else self._with(other, "add")

    __radd__ = __add__

    def __sub__(self, other: Any) -> Integer:
        return self._with(other, "sub")

    def __rsub__(self, other: Any) -> Integer:
        return self._with(other, "sub", swapped=True)

    def __mul__(self, other: Any) -> Integer:
        return self if isinstance(other, int) and other == 1 else self._with(other, "mul")

    __rmul__ = __mul__


class Vector:
    """Numbers of one dtype in all lanes, or one number."""

    def __init__(self, builder: Any, value: Any, dtype: Any) -> None:
        self.builder, self.value, self.dtype = builder, value, dtype

    def of(self, value: Any) -> Vector:
        """Return another one of the same dtype."""
        return Vector(self.builder, value, self.dtype)

    def __add__(self, other: Vector) -> Vector:
        return self.of(self.builder.fadd(self.value, other.value))

    def __sub__(self, other: Vector) -> Vector:
        return self.of(self.builder.fsub(self.value, other.value))

    def __mul__(self, other: Vector) -> Vector:
        return self.of(self.builder.fmul(self.value, other.value))

    def __neg__(self) -> Vector:
        return self.of(self.builder.fneg(self.value))


class Array:
    """A contiguous array of one axis."""

    def __init__(self, builder: Any, data: Any, dtype: Any) -> None:
        self.builder, self.data, self.dtype = builder, data, dtype

    def place(self, index: Any) -> Any:
        """Return the address of an element."""
        value = index.value if isinstance(index, Integer) else _int64(index)
        return self.builder.gep(self.data, [value])


class Inlined(Generic[P, R]):
    """A function over stand-ins, which numba takes for one operation."""

    def __init__(self, function: Callable[P, R]) -> None:
        update_wrapper(self, function)
        self._function = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Write the instructions; called by other functions over stand-ins."""
        return self._function(*args, **kwargs)

    @cached_property
    def _numba_type_(self) -> object:
        from numba.core import types
        from numba.core.typing.templates import make_intrinsic_template

        function = self._function

        def definition(typingctx: Any, *arguments: Any) -> Any:
            def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                stand_ins = [stand_in(context, builder, t, a) for t, a in zip(arguments, args, strict=True)]
                return packed(context, builder, signature.return_type, function(*stand_ins))

            return type_of(_traced(function, arguments))(*arguments), codegen

        inputs = inspect.signature(function).parameters.values()
        plain = [inspect.Parameter(p.name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for p in inputs]
        context = inspect.Parameter("typingctx", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        definition.__signature__ = inspect.Signature([context, *plain])
        return types.Function(make_intrinsic_template(self, definition, function.__name__))


def inlined(function: Callable[P, R]) -> Inlined[P, R]:
    """Mark a short function to become part of the kernels that call it."""
    return Inlined(function)


def counted(stop: Any) -> Iterator[Any]:
    """Write a loop over a range, its body once; of a fixed length, the body that many times."""
    if not isinstance(stop, Integer):
        yield from range(stop)
        return
    from numba.core import cgutils

    with cgutils.for_range(stop.builder, stop.value) as loop:
        yield Integer(stop.builder, loop.index)


def _int64(value: int) -> Any:
    from llvmlite import ir  # type: ignore[import-untyped]

    return ir.IntType(64)(int(value))


def stand_in(context: Any, builder: Any, numba_type: Any, value: Any) -> Any:
    """Return what a function is run on in place of a value of a numba type."""
    from llvmlite import ir
    from numba.core import cgutils, types

    from symfft._compile.lane_type import Lanes

    if isinstance(numba_type, types.BaseTuple):
        parts = cgutils.unpack_tuple(builder, value)
        return tuple(stand_in(context, builder, t, v) for t, v in zip(numba_type.types, parts, strict=True))
    if isinstance(numba_type, types.Integer):
        wide = ir.IntType(64)
        extend = builder.sext if numba_type.signed else builder.zext
        return Integer(builder, value if numba_type.bitwidth == 64 else extend(value, wide))
    if isinstance(numba_type, types.Float):
        return Vector(builder, value, numba_type)
    if isinstance(numba_type, Lanes):
        return Vector(builder, value, numba_type.dtype)
    if isinstance(numba_type, types.CPointer):
        return Array(builder, value, numba_type.dtype)
    return Array(builder, context.make_array(numba_type)(context, builder, value).data, numba_type.dtype)


def type_of(result: Any) -> Any:
    """Return the numba type of what a function gave."""
    from llvmlite import ir
    from numba.core import types

    from symfft._compile.lane_type import Lanes

    if result is None:
        return types.void
    if isinstance(result, tuple):
        kinds = [type_of(part) for part in result]
        return types.NamedTuple(kinds, type(result)) if hasattr(result, "_fields") else types.Tuple(kinds)
    if isinstance(result, Integer):
        return types.int64
    return Lanes(result.dtype) if isinstance(result.value.type, ir.VectorType) else result.dtype


def packed(context: Any, builder: Any, numba_type: Any, result: Any) -> Any:
    """Return what a function gave as a value of a numba type."""
    if result is None:
        return context.get_dummy_value()
    if isinstance(result, tuple):
        parts = [packed(context, builder, t, r) for t, r in zip(numba_type.types, result, strict=True)]
        return context.make_tuple(builder, numba_type, parts)
    return result.value


def _traced(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Run a function where its instructions are thrown away, and return what it gives."""
    from llvmlite import ir
    from numba.core.registry import cpu_target

    context = cpu_target.target_context
    kinds = [context.get_value_type(t) for t in arguments]
    scratch = ir.Function(ir.Module(), ir.FunctionType(ir.VoidType(), kinds), "scratch")
    builder = ir.IRBuilder(scratch.append_basic_block())
    return function(*(stand_in(context, builder, t, a) for t, a in zip(arguments, scratch.args, strict=True)))
