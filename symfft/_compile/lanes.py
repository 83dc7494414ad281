"""Vectors of eight lanes in compiled loops: the sums that eight transforms share, done at once.

LLVM turns them into whatever the processor has: one AVX-512 register, two of AVX, four of NEON. The compiler's own
vectorisation cannot be relied on where many short loops follow one another. All functions work on the stand-ins of
:mod:`symfft._compile.trace`.
"""

# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]

from symfft._compile.inlining import inlined
from symfft._compile.lane_type import LANES as LANES
from symfft._compile.lane_type import vector
from symfft._compile.trace import INT, Integer, Vector, compared


def _mask(numbers: list[int]) -> ir.Constant:
    return ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), numbers)


def _in_every_lane(builder: Any, number: Any, dtype: Any) -> Vector:
    single = builder.insert_element(ir.Constant(vector(dtype), ir.Undefined), number, ir.IntType(32)(0))
    return Vector(builder, builder.shuffle_vector(single, single, _mask([0] * LANES)), dtype)


@inlined
def load(array: Any, start: Any) -> Any:
    """Return ``array[start : start + LANES]``."""
    place = array.builder.bitcast(array.place(start), vector(array.dtype).as_pointer())
    return Vector(array.builder, array.builder.load(place, align=array.itemsize), array.dtype)


@inlined
def store(array: Any, start: Any, lanes: Any) -> None:
    """Set ``array[start : start + LANES]``."""
    place = array.builder.bitcast(array.place(start), vector(array.dtype).as_pointer())
    array.builder.store(lanes.value, place, align=array.itemsize)


@inlined
def stream(array: Any, start: Any, lanes: Any) -> None:
    """As :func:`store`, past the caches, for what nobody reads soon; where :func:`is_aligned`."""
    builder = array.builder
    place = builder.bitcast(array.place(start), vector(array.dtype).as_pointer())
    written = builder.store(lanes.value, place, align=LANES * array.itemsize)
    written.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))


@inlined
def is_aligned(array: Any, start: Any) -> Any:
    """Return whether the address of an element is a multiple of a vector's bytes."""
    place = Integer(array.builder, array.builder.ptrtoint(array.place(start), INT))
    return compared("==", place & (LANES * array.itemsize - 1), 0)


@inlined
def gather(array: Any, places: Any, start: Any) -> Any:
    """Return ``array[places[start : start + LANES]]``."""
    result = ir.Constant(vector(array.dtype), ir.Undefined)
    for lane in range(LANES):
        place = Integer(places.builder, places.builder.load(places.place(start + lane)))
        number = array.builder.load(array.place(place))
        result = array.builder.insert_element(result, number, ir.IntType(32)(lane))
    return Vector(array.builder, result, array.dtype)


@inlined
def prefetch(array: Any, index: Any) -> None:
    """Ask for an element's cache line; a wrong place does no harm."""
    builder = array.builder
    pointer, integer = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [pointer, integer, integer, integer])
    function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
    # to read, into the second-level cache, as data
    builder.call(function, [builder.bitcast(array.place(index), pointer), integer(0), integer(2), integer(1)])


@inlined
def opaque(index: Any) -> Any:
    """Return the index, unseen by the compiler: it would keep a pointer, on the stack, for each address of a loop."""
    integer = index.value.type
    same = ir.InlineAsm(ir.FunctionType(integer, [integer]), "", "=r,0", side_effect=False)
    return Integer(index.builder, index.builder.call(same, [index.value]))


@inlined
def element(array: Any, index: Any) -> Any:
    """Return ``array[index]`` of an array of 64-bit integers."""
    return Integer(array.builder, array.builder.load(array.place(index)))


@inlined
def spread(array: Any, index: Any) -> Any:
    """Return ``array[index]`` in every lane."""
    return _in_every_lane(array.builder, array.builder.load(array.place(index)), array.dtype)


@inlined
def fill(array: Any, number: Any) -> Any:
    """Return a number, in the array's dtype, in every lane."""
    builder, kind = array.builder, vector(array.dtype)
    if isinstance(number, (int, float)):
        return Vector(builder, ir.Constant(kind, [float(number)] * LANES), array.dtype)
    same = number.value
    if number.dtype.itemsize > array.itemsize:
        same = builder.fptrunc(same, kind.element)
    return _in_every_lane(builder, same, array.dtype)


@inlined
def fma(a: Any, b: Any, c: Any) -> Any:
    """Return ``a * b + c`` with one rounding."""
    kind = vector(a.dtype)
    name = f"llvm.fma.v{LANES}f{8 * a.dtype.itemsize}"
    module = a.builder.module
    function = module.globals.get(name) or ir.Function(module, ir.FunctionType(kind, [kind] * 3), name)
    return a.of(a.builder.call(function, [a.value, b.value, c.value]))


def _shuffle(numbers: list[int]) -> Any:
    @inlined
    def combine(a: Any, b: Any) -> Any:
        return a.of(a.builder.shuffle_vector(a.value, b.value, _mask(numbers)))

    return combine


#: (a0 b0 a1 b1 …) lower and upper half; even and odd elements of the two vectors a, b in sequence
interleave_low = _shuffle([i // 2 + LANES * (i % 2) for i in range(LANES)])
interleave_high = _shuffle([LANES // 2 + i // 2 + LANES * (i % 2) for i in range(LANES)])
evens = _shuffle(list(range(0, 2 * LANES, 2)))
odds = _shuffle(list(range(1, 2 * LANES, 2)))
#: the first vector backwards
reverse = _shuffle(list(range(LANES - 1, -1, -1)))
