"""What is written does what Python does: the same functions, compiled and not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llvmlite import ir

from symfft._array_types import Array
from symfft._compile import bare, embedded
from symfft._compile.writer import body_of

small = st.integers(-9, 9)


@embedded
def sign_of(x: Any) -> Any:
    if x < 0:
        return -1
    if x == 0:
        return 0
    return 1


@embedded
def pair(x: Any, y: Any) -> Any:
    if x > y:
        return x, y
    return y, x


@bare
def add_to(out: Array, at: Any, value: Any) -> None:
    out[at] += value


@bare
def integers(given: Array, out: Array) -> int:
    a, b = given
    out[0], out[1] = a // (b if b else 1), a % (b if b else 1)
    out[2] = (a >> 2) + (a & 3)
    out[3] = min(a, b, 3) * max(a, -b) - abs(a)
    out[4] = 1 if (a < b and b < 5) or not a else -1
    out[5] = sign_of(a) + 10 * sign_of(b)
    large, little = pair(a, b)
    out[6] = 100 * large + little
    out[7] = 2 * (a == b) + (a != 3)
    add_to(out, 7, 5 * len(given))
    flag = False
    for i in range(3):
        flag |= a == i
    out[8] = 7 if flag else 8
    return large


@bare
def loops(given: Array, out: Array) -> None:
    a, b = given
    n = len(out)
    for i in range(n):
        out[i] = 0
    for i in range(n - 1, -1, -1):
        if i == a:
            continue
        if i == b:
            break
        out[i] += 1
    for i in range(1, n, 3):
        for change in (-1, 2):
            out[i] += change
            if i == b:
                break
        else_at = i
        out[else_at] += 10
    i = 0
    while True:
        i += 2
        if i >= n or i > a * a:
            break
        if i == 4:
            continue
        out[i] -= 100
    tail = out[2:]
    tail[0] = 55
    flat = out.reshape(-1)
    flat[n - 1] = -flat[n - 1]


@bare
def numbers(grid: Array, factor: Any, out: Array) -> None:
    total = 0.0
    for x in range(grid.shape[0]):
        row = grid[x]
        for y in range(grid.shape[1]):
            total += factor * row[y] - 1 / (2 + grid[x, y] * grid[x, y])
            out[x] = max(out[x], abs(total)) if row[y] >= 0.25 else min(total, 1)
    out[0] = total / grid.size + np.int64(2.75) + (0.5 - x)


@bare
def step(out: Array, at: Any, there: bool) -> None:
    if there:
        out[at] += 2 * out[at - 1]
    else:
        out[at - 1] += out[at] * (3 if there else 5)


@bare
def there_and_back(out: Array) -> None:
    for i in range(1, len(out)):
        step(out, i, True)
    for i in range(len(out) - 1, 0, -1):
        step(out, i, False)


def test_arguments_true_and_false_are_constants():
    expected, found = np.arange(1, 9), np.arange(1, 9)
    there_and_back(found)
    plain(there_and_back)(expected)
    assert np.array_equal(found, expected)
    module = ir.Module()
    array = ("array", found.dtype, ir.IntType(64).as_pointer(), 1)
    there, back = (body_of(step.__wrapped__, (array, "integer", ("constant", way)), module) for way in (True, False))
    assert there is not back
    assert all(len(function.args) == 3 and "br i1" not in str(function) for function in (there, back))


@given(small, small)
def test_integers_are_those_of_python(a, b):
    pairs = np.array([a, b])
    expected, found = np.zeros(9, dtype=np.int64), np.zeros(9, dtype=np.int64)
    assert integers(pairs, found) == plain(integers)(pairs, expected)
    assert np.array_equal(found, expected)


@given(small, small)
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int8])
def test_loops_go_on_and_end_as_those_of_python(dtype, a, b):
    pairs = np.array([a, b])
    expected, found = np.zeros(9, dtype=dtype), np.zeros(9, dtype=dtype)
    loops(pairs, found)
    plain(loops)(pairs, expected)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_numbers_keep_their_precision(dtype):
    grid = np.random.default_rng(0).standard_normal((5, 7)).astype(dtype)
    expected, found = np.zeros(5, dtype=dtype), np.zeros(5, dtype=dtype)
    numbers(grid, 0.3, found)
    plain(numbers)(grid, 0.3, expected)
    assert np.allclose(found, expected, rtol=1e-14 if dtype is np.float64 else 1e-6, atol=0)


def test_only_contiguous_arrays_are_taken():
    with pytest.raises(TypeError, match=r"contiguous arrays, not .*float64, 1d, A"):
        numbers(np.zeros((2, 2)), 0.3, np.zeros(10)[::2])


@bare
def confused(out: Array) -> None:
    x = 1
    if out[0] > 0.0:
        x = 0.5
    out[0] = x


def test_a_name_keeps_its_kind():
    with pytest.raises(TypeError, match=r"x holds integer, and cannot hold \('number', dtype\('float64'\)\) too"):
        confused(np.zeros(1))


def plain(marked):
    """Return a marked function as Python runs it, and those that it calls."""
    module = dict(marked.__wrapped__.__globals__)
    module |= {name: value.__wrapped__ for name, value in module.items() if hasattr(value, "__wrapped__")}
    return type(marked.__wrapped__)(marked.__wrapped__.__code__, module)
