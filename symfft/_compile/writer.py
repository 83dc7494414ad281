"""Write the instructions of functions with loops and branches straight from their source.

Kernels of this package are loops over numbers in arrays. Numba infers the types of every line of them, and compiles
each function, and again in all that call it: most of the time of a first call. Here a function is walked through once;
its values are the stand-ins of :mod:`symfft._compile.trace`, integers have 64 bits, and whatever is assigned to a name
keeps the kind of the first value. Of Python there are assignments, loops over ranges, branches, calls of functions that
are marked, ``min``, ``max``, ``abs``, ``len``, and integers of NumPy's types. Indices count from the beginning.
Arguments True and False are constants: a function is written for each, without the branches that it does not take.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import operator
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, reduce
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]

from symfft._compile.inlining import Inlined
from symfft._compile.storage import Slot, fits, flat, flat_types, kind_of, settled, taken
from symfft._compile.trace import (
    Array,
    Flag,
    Integer,
    Other,
    Vector,
    alike,
    as_flag,
    as_float,
    as_integer,
    compared,
    in_precision,
)

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
}
_COMPARED = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
_FIXED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_STANDS_IN = (Array, Flag, Integer, Other, Vector)


class Loop(NamedTuple):
    """Where a loop goes on, and where it ends."""

    proceed: Any
    end: Any


def body_of(function: Callable[..., Any], kinds: tuple[Any, ...], module: Any) -> Any:
    """Return the LLVM function of a function for arguments of some kinds, written at its first use in a module."""
    known = module.__dict__.setdefault("symfft_functions", {})
    key = function, tuple(kinds)
    if key not in known:
        arguments = [each for kind in kinds for each in flat_types(kind)]
        returned = ir.VoidType() if function.__annotations__["return"] == "None" else ir.IntType(64)
        name = module.get_unique_name(function.__name__.strip("_"))
        written = ir.Function(module, ir.FunctionType(returned, arguments), name)
        written.linkage = "internal"
        written.attributes.add("noinline")
        written.attributes.add("nounwind")
        known[key] = written
        builder = ir.IRBuilder(written.append_basic_block("entry"))
        values = iter(written.args)
        writer = Writer(builder, function, [taken(builder, kind, values) for kind in kinds])
        result = writer.run()
        if not builder.block.is_terminated:
            builder.ret_void() if result is None else builder.ret(as_integer(builder, result).value)
    return known[key]


def call(builder: Any, function: Callable[..., Any], arguments: list[Any]) -> Any:
    """Call a function that stands by itself in the module."""
    arguments = [each if isinstance(each, bool) else settled(builder, each) for each in arguments]
    written = body_of(function, tuple(map(kind_of, arguments)), builder.module)
    found = builder.call(written, [value for each in arguments for value in flat(builder, each)])
    return None if isinstance(written.function_type.return_type, ir.VoidType) else Integer(builder, found)


class Writer:
    """Writes one function's instructions.

    Parameters
    ----------
    builder : IRBuilder
        Where.
    function : callable
        What.
    arguments : list
        Stand-ins, or Python numbers, of its parameters.
    """

    def __init__(self, builder: Any, function: Callable[..., Any], arguments: list[Any]) -> None:
        self._builder, self._globals = builder, function.__globals__
        self._parameters, self._body = _parsed(function)
        self._names: dict[str, Any] = {}
        self._loops: list[Loop] = []
        self._result: Any = None
        self._end = builder.append_basic_block("returned")
        for name, value in zip(self._parameters, arguments, strict=True):
            if isinstance(value, bool):
                self._names[name] = value
            else:
                self._assign_name(name, value)

    def run(self) -> Any:
        """Write everything, and return what the function does."""
        self._all(self._body)
        self._go(self._end)
        self._builder.position_at_end(self._end)
        result = self._result
        if result is None or isinstance(result, Slot):
            return result and result.read(self._builder)
        return tuple(each.read(self._builder) for each in result)

    # ---- statements ----

    def _all(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            if self._builder.block.is_terminated:
                return
            getattr(self, "_" + type(statement).__name__.lower())(statement)

    def _go(self, block: Any) -> None:
        if not self._builder.block.is_terminated:
            self._builder.branch(block)

    def _expr(self, statement: ast.Expr) -> None:
        self._value(statement.value)

    def _return(self, statement: ast.Return) -> None:
        if statement.value is not None:
            value = self._value(statement.value)
            many = isinstance(value, tuple)
            values = [settled(self._builder, each) for each in (value if many else (value,))]
            if self._result is None:
                slots = tuple(self._slot(each) for each in values)
                self._result = slots if many else slots[0]
            for slot, each in zip(self._result if many else (self._result,), values, strict=True):
                self._store(slot, each)
        self._go(self._end)

    def _assign(self, statement: ast.Assign) -> None:
        value = self._value(statement.value)
        for target in statement.targets:
            self._assign_to(target, value)

    def _annassign(self, statement: ast.AnnAssign) -> None:
        assert statement.value is not None
        self._assign_to(statement.target, self._value(statement.value))

    def _augassign(self, statement: ast.AugAssign) -> None:
        target = statement.target
        value = self._value(statement.value)
        change = _BINARY[type(statement.op)]
        if isinstance(target, ast.Subscript):
            array, index = self._value(target.value), self._index(target.slice)
            array[index] = change(array[index], value)
        else:
            assert isinstance(target, ast.Name)
            self._assign_name(target.id, change(self._name(target), value))

    def _for(self, statement: ast.For) -> None:
        assert isinstance(statement.target, ast.Name)
        name, over = statement.target.id, statement.iter
        if isinstance(over, ast.Tuple):  # one after another, each with instructions of its own
            end = self._builder.append_basic_block("done")
            for value in self._value(over):
                self._assign_name(name, value)
                proceed = self._builder.append_basic_block("next")
                self._within(Loop(proceed, end), statement.body)
                self._builder.position_at_end(proceed)
            self._builder.branch(end)
            self._builder.position_at_end(end)
            return
        assert isinstance(over, ast.Call)
        bounds = [self._value(each) for each in over.args]
        start, stop, step = (0, *bounds, 1) if len(bounds) == 1 else (*bounds, 1)[:3]
        builder = self._builder
        index = self._slot(as_integer(builder, start))
        self._store(index, start)
        stop = as_integer(builder, stop)
        forwards = True if isinstance(step, Integer) else step > 0
        head, body, proceed, end = (builder.append_basic_block(name) for name in ("head", "body", "next", "done"))
        builder.branch(head)
        builder.position_at_end(head)
        builder.cbranch(compared("<" if forwards else ">", index.read(builder), stop).value, body, end)
        builder.position_at_end(body)
        self._assign_name(name, index.read(builder))
        self._within(Loop(proceed, end), statement.body)
        builder.position_at_end(proceed)
        there = index.read(builder)
        further = builder.add(there.value, as_integer(builder, step).value, flags=["nsw"])
        builder.store(further, index.place)
        builder.branch(head)
        builder.position_at_end(end)

    def _within(self, loop: Loop, statements: list[ast.stmt]) -> None:
        self._loops.append(loop)
        self._all(statements)
        self._loops.pop()
        self._go(loop.proceed)

    def _while(self, statement: ast.While) -> None:
        builder = self._builder
        head, body, end = (builder.append_basic_block(name) for name in ("head", "body", "done"))
        builder.branch(head)
        builder.position_at_end(head)
        builder.cbranch(as_flag(builder, self._value(statement.test)).value, body, end)
        builder.position_at_end(body)
        self._within(Loop(head, end), statement.body)
        builder.position_at_end(end)

    def _continue(self, statement: ast.Continue) -> None:
        self._go(self._loops[-1].proceed)

    def _break(self, statement: ast.Break) -> None:
        self._go(self._loops[-1].end)

    def _if(self, statement: ast.If) -> None:
        test = self._value(statement.test)
        if not isinstance(test, _STANDS_IN):
            self._all(statement.body if test else statement.orelse)
            return
        with self._either(test) as branches:
            for block, statements in zip(branches, (statement.body, statement.orelse), strict=True):
                self._builder.position_at_end(block)
                self._all(statements)

    @contextmanager
    def _either(self, test: Any) -> Iterator[Iterator[Any]]:
        """Branch to two blocks, which are filled meanwhile, and go on where both come together."""
        builder = self._builder
        yes, no, end = (builder.append_basic_block(name) for name in ("yes", "no", "then"))
        builder.cbranch(as_flag(builder, test).value, yes, no)
        gone: list[Any] = []

        def branches() -> Iterator[Any]:
            for block in (yes, no):
                yield block
                gone.append(builder.block)

        yield branches()
        going_on = [block for block in gone if not block.is_terminated]
        for block in going_on:
            builder.position_at_end(block)
            builder.branch(end)
        builder.position_at_end(end)
        if not going_on:
            builder.unreachable()

    def _assign_to(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Tuple):
            parts = [value[i] for i in range(len(target.elts))] if isinstance(value, Array) else value
            for each, part in zip(target.elts, parts, strict=True):
                self._assign_to(each, part)
        elif isinstance(target, ast.Subscript):
            array, index = self._value(target.value), self._index(target.slice)
            array[index] = value
        else:
            assert isinstance(target, ast.Name)
            self._assign_name(target.id, value)

    def _assign_name(self, name: str, value: Any) -> None:
        value = settled(self._builder, value)
        if not isinstance(value, (Flag, Integer, Vector)):
            self._names[name] = value
            return
        if not isinstance(self._names.get(name), Slot):
            self._names[name] = self._slot(value)
        slot = self._names[name]
        if not fits(slot.kind, value):
            raise TypeError(f"{name} holds {slot.kind}, and cannot hold {kind_of(value)} too")
        self._store(slot, value)

    def _slot(self, value: Any) -> Slot:
        kind = kind_of(value)
        with self._builder.goto_entry_block():
            return Slot(self._builder.alloca(flat_types(kind)[0]), kind)

    def _store(self, slot: Slot, value: Any) -> None:
        builder = self._builder
        if slot.kind == "integer":
            value = as_integer(builder, value)
        elif slot.kind == "flag":
            value = as_flag(builder, value)
        elif slot.kind[0] == "number":
            value = in_precision(as_float(builder, value), slot.kind[1])
        builder.store(value.value, slot.place)

    # ---- expressions ----

    def _value(self, node: ast.expr) -> Any:
        return getattr(self, "_" + type(node).__name__.lower())(node)

    def _constant(self, node: ast.Constant) -> Any:
        return node.value

    def _name(self, node: ast.Name) -> Any:
        if node.id in self._names:
            value = self._names[node.id]
            return value.read(self._builder) if isinstance(value, Slot) else value
        return self._globals[node.id] if node.id in self._globals else getattr(builtins, node.id)

    def _tuple(self, node: ast.Tuple) -> Any:
        return tuple(self._value(each) for each in node.elts)

    def _attribute(self, node: ast.Attribute) -> Any:
        return getattr(self._value(node.value), node.attr)

    def _subscript(self, node: ast.Subscript) -> Any:
        return self._value(node.value)[self._index(node.slice)]

    def _index(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Slice):
            assert node.lower is not None, ast.unparse(node)
            assert node.upper is None, ast.unparse(node)
            return slice(self._value(node.lower), None)
        return self._value(node)

    def _binop(self, node: ast.BinOp) -> Any:
        a, b = (_without_flags(self._value(each)) for each in (node.left, node.right))
        return _BINARY[type(node.op)](a, b)

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        value = self._value(node.operand)
        if isinstance(node.op, ast.Not):
            return ~as_flag(self._builder, value) if isinstance(value, _STANDS_IN) else not value
        return -value

    def _compare(self, node: ast.Compare) -> Any:
        (symbol,) = (_COMPARED[type(each)] for each in node.ops)
        a, b = self._value(node.left), self._value(node.comparators[0])
        if isinstance(a, _STANDS_IN) or isinstance(b, _STANDS_IN):
            return compared(symbol, a, b)
        return _FIXED[symbol](a, b)

    def _boolop(self, node: ast.BoolOp) -> Any:
        both = isinstance(node.op, ast.And)
        found = self._value(node.values[0])
        for each in node.values[1:]:
            if not isinstance(found, _STANDS_IN):
                found = self._value(each) if bool(found) is both else found
                continue
            slot = self._slot(Flag(self._builder, None))
            flag = as_flag(self._builder, found)
            self._store(slot, flag)
            with self._either(flag if both else ~flag) as branches:
                for i, block in enumerate(branches):
                    self._builder.position_at_end(block)
                    if i == 0:
                        self._store(slot, self._value(each))
            found = slot.read(self._builder)
        return found

    def _ifexp(self, node: ast.IfExp) -> Any:
        test = self._value(node.test)
        if not isinstance(test, _STANDS_IN):
            return self._value(node.body if test else node.orelse)
        slot: Slot | None = None
        with self._either(test) as branches:
            for block, each in zip(branches, (node.body, node.orelse), strict=True):
                self._builder.position_at_end(block)
                value = settled(self._builder, self._value(each))
                slot = slot or self._slot(value)
                self._store(slot, value)
        assert slot is not None
        return slot.read(self._builder)

    def _call(self, node: ast.Call) -> Any:
        assert not node.keywords, ast.unparse(node)
        function = self._value(node.func)
        arguments = [self._value(each) for each in node.args]
        if isinstance(function, Inlined) or isinstance(getattr(function, "__self__", None), Array):
            return function(*arguments)
        written = getattr(function, "written", None)
        if written is not None:
            plain = function.__wrapped__
            return self._inside(plain, arguments) if written == "inside" else call(self._builder, plain, arguments)
        if function in (builtins.min, builtins.max):
            return reduce(lambda a, b: self._chosen("<" if function is builtins.min else ">", b, a), arguments)
        (only,) = arguments
        if function is builtins.len:
            return only.shape[0] if isinstance(only, Array) else len(only)
        if function is builtins.abs:
            return only.size_of() if isinstance(only, Vector) else self._chosen(">", only, -only)
        assert function in (np.int64, np.int32, np.uint32), ast.unparse(node)
        return as_integer(self._builder, only)

    def _inside(self, function: Callable[..., Any], arguments: list[Any]) -> Any:
        return Writer(self._builder, function, arguments).run()

    def _chosen(self, symbol: str, a: Any, b: Any) -> Any:
        """Return a where ``a symbol b``, else b."""
        if not isinstance(a, _STANDS_IN) and not isinstance(b, _STANDS_IN):
            return a if _FIXED[symbol](a, b) else b
        builder = self._builder
        test = compared(symbol, a, b)
        if isinstance(a, (Vector, float)) or isinstance(b, (Vector, float)):
            x, y = alike(as_float(builder, a), as_float(builder, b))
            return x.of(builder.select(test.value, x.value, y.value))
        return Integer(builder, builder.select(test.value, as_integer(builder, a).value, as_integer(builder, b).value))


def _without_flags(value: Any) -> Any:
    return value.as_integer() if isinstance(value, Flag) else value


@cache
def _parsed(function: Callable[..., Any]) -> tuple[list[str], list[ast.stmt]]:
    """Return names of the parameters and statements of a function."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(definition, ast.FunctionDef)
    documented = ast.get_docstring(definition) is not None
    return [each.arg for each in definition.args.args], definition.body[documented:]
