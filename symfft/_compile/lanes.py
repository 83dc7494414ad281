"""Vectors of eight lanes in compiled loops: the sums that eight transforms share, done at once.

LLVM turns them into whatever the processor has: one AVX-512 register, two of AVX, four of NEON. The compiler's own
vectorisation cannot be relied on where many short loops follow one another.
"""

# mypy: disallow-untyped-decorators=False

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.core.datamodel import models, register_default
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin

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
        super().__init__(manager, fe_type, _vector(fe_type.dtype))


def _scalar(dtype: Any) -> ir.Type:
    return {32: ir.FloatType(), 64: ir.DoubleType()}[dtype.bitwidth]


def _vector(dtype: Any) -> ir.VectorType:
    return ir.VectorType(_scalar(dtype), LANES)


def _constant_mask(numbers: list[int]) -> ir.Constant:
    return ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), numbers)


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


@intrinsic
def load(typingctx: Any, array: Any, start: Any) -> Any:
    """Return ``array[start : start + LANES]`` of a contiguous 1-D array."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = _vector(array.dtype)
        place = builder.bitcast(_address(context, builder, array, *args), vector.as_pointer())
        return builder.load(place, align=array.dtype.bitwidth // 8)

    return Lanes(array.dtype)(array, types.intp), codegen


@intrinsic
def store(typingctx: Any, array: Any, start: Any, lanes: Any) -> Any:
    """Set ``array[start : start + LANES]`` of a contiguous 1-D array."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.bitcast(_address(context, builder, array, *args[:2]), _vector(array.dtype).as_pointer())
        builder.store(args[2], place, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), codegen


@intrinsic
def stream(typingctx: Any, array: Any, start: Any, lanes: Any) -> Any:
    """Set ``array[start : start + LANES]``, which begins with a multiple of its size, past the caches."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = builder.bitcast(_address(context, builder, array, *args[:2]), _vector(array.dtype).as_pointer())
        instruction = builder.store(args[2], place, align=LANES * array.dtype.bitwidth // 8)
        one = builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])
        instruction.set_metadata("nontemporal", one)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), codegen


@intrinsic
def gather(typingctx: Any, array: Any, places: Any, start: Any) -> Any:
    """Return ``array[places[start : start + LANES]]``."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        result = ir.Constant(_vector(array.dtype), ir.Undefined)
        for lane in range(LANES):
            index = builder.add(args[2], ir.Constant(args[2].type, lane))
            place = builder.load(_address(context, builder, places, args[1], index))
            number = builder.load(_address(context, builder, array, args[0], place))
            result = builder.insert_element(result, number, ir.IntType(32)(lane))
        return result

    return Lanes(array.dtype)(array, places, types.intp), codegen


def _ask(write: int) -> Any:
    @intrinsic
    def ask(typingctx: Any, array: Any, index: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            pointer, integer = ir.IntType(8).as_pointer(), ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [pointer, integer, integer, integer])
            function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
            place = builder.bitcast(_address(context, builder, array, *args), pointer)
            # into the second-level cache, as data
            builder.call(function, [place, integer(write), integer(2), integer(1)])
            return context.get_dummy_value()

        return types.void(array, types.intp), codegen

    return ask


#: ``prefetch(array, index)``: ask for an element's cache line, to read or to write it; wrong places do no harm
prefetch = _ask(0)
prefetch_to_write = _ask(1)


@intrinsic
def opaque(typingctx: Any, index: Any) -> Any:
    """Return the index, unseen by the compiler: it would keep a pointer, on the stack, for each address of a loop."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        integer = args[0].type
        same = ir.InlineAsm(ir.FunctionType(integer, [integer]), "", "=r,0", side_effect=False)
        return builder.call(same, args)

    return types.intp(types.intp), codegen


@intrinsic
def element(typingctx: Any, array: Any, index: Any) -> Any:
    """Return ``array[index]``, index not negative: numba would ask."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_address(context, builder, array, *args))

    return array.dtype(array, types.intp), codegen


@intrinsic
def spread(typingctx: Any, array: Any, index: Any) -> Any:
    """Return ``array[index]`` in every lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number = builder.load(_address(context, builder, array, *args))
        single = builder.insert_element(ir.Constant(_vector(array.dtype), ir.Undefined), number, ir.IntType(32)(0))
        return builder.shuffle_vector(single, single, _constant_mask([0] * LANES))

    return Lanes(array.dtype)(array, types.intp), codegen


@intrinsic
def fill(typingctx: Any, array: Any, number: Any) -> Any:
    """Return a number, in the array's dtype, in every lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        same = context.cast(builder, args[1], types.float64, array.dtype)
        single = builder.insert_element(ir.Constant(_vector(array.dtype), ir.Undefined), same, ir.IntType(32)(0))
        return builder.shuffle_vector(single, single, _constant_mask([0] * LANES))

    return Lanes(array.dtype)(array, types.float64), codegen


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """Return ``a * b + c`` with one rounding."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = _vector(a.dtype)
        name = f"llvm.fma.v{LANES}f{a.dtype.bitwidth}"
        function = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(vector, [vector] * 3), name
        )
        return builder.call(function, args)

    return a(a, a, a), codegen


def _shuffle(mask: list[int]) -> Any:
    @intrinsic
    def combine(typingctx: Any, a: Any, b: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.shuffle_vector(*args, _constant_mask(mask))

        return a(a, b), codegen

    return combine


#: (a0 b0 a1 b1 …) lower and upper half; even and odd elements of the two vectors a, b in sequence
interleave_low = _shuffle([i // 2 + LANES * (i % 2) for i in range(LANES)])
interleave_high = _shuffle([LANES // 2 + i // 2 + LANES * (i % 2) for i in range(LANES)])
evens = _shuffle(list(range(0, 2 * LANES, 2)))
odds = _shuffle(list(range(1, 2 * LANES, 2)))
#: the first vector backwards
reverse = _shuffle(list(range(LANES - 1, -1, -1)))


def _define(symbol: Any, instruction: str, arity: int) -> None:
    @infer_global(symbol)
    class Template(AbstractTemplate):  # type: ignore[misc]
        def generic(self, args: Any, kws: Any) -> Any:
            if len(args) == arity and all(isinstance(a, Lanes) and a == args[0] for a in args):
                return signature(args[0], *args)
            return None

    @lower_builtin(symbol, *[Lanes] * arity)
    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args)


_define(operator.add, "fadd", 2)
_define(operator.sub, "fsub", 2)
_define(operator.mul, "fmul", 2)
_define(operator.neg, "fneg", 1)
