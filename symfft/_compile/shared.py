"""Words of memory that several threads read and write: 64-bit integers in arrays, and arrays known by their address."""

# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from typing import Any

from symfft._compile.inlining import inlined
from symfft._compile.trace import INT, Array, Flag, Integer, as_integer


@inlined
def latest(array: Any, index: Any) -> Any:
    """Return ``array[index]`` as it is in memory now, and all that its writer wrote before."""
    return Integer(array.builder, array.builder.load_atomic(array.place(index), "acquire", 8))


@inlined
def publish(array: Any, index: Any, value: Any) -> None:
    """Set ``array[index]``, after all that was written before."""
    value = as_integer(array.builder, value).value
    array.builder.store_atomic(value, array.place(index), "release", 8)


@inlined
def lowered(array: Any, index: Any, before: Any) -> Any:
    """Take 1 from ``array[index]`` if it is still what it was before; return whether."""
    builder = array.builder
    found = builder.cmpxchg(array.place(index), before.value, (before - 1).value, "acq_rel", "monotonic")
    return Flag(builder, builder.extract_value(found, 1))


@inlined
def count(array: Any, index: Any) -> None:
    """Add 1 to ``array[index]``, after all that was written before."""
    array.builder.atomic_rmw("add", array.place(index), INT(1), "acq_rel")


@inlined
def settle(array: Any) -> None:
    """Have all that was written before, past the caches too, be in memory for whoever is told after this."""
    array.builder.fence("seq_cst")


@inlined
def address(array: Any) -> Any:
    """Return where an array begins."""
    return Integer(array.builder, array.builder.ptrtoint(array.data, INT))


@inlined
def elsewhere(array: Any, where: Any) -> Any:
    """Return an array of the same kind, with rows as long, that begins at an address."""
    data = array.builder.inttoptr(where.value, array.data.type)
    return Array(array.builder, data, array.dtype, array.shape)
