"""Compiled arithmetic of lattices on bare arrays of integers.

The loops on integers run on arrays of Python's own integers too, uncompiled, where 64 bits are too few.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from symfft._compile import kernel

Array = NDArray[Any]


def in_python(loop: Any) -> Any:
    """Return a kernel as the plain function that it was."""
    return loop.__wrapped__


@kernel
def reduce_superbase(form: Array, v: Array) -> None:
    """Make four vectors (rows) with sum zero obtuse, in place; whole multiples first, as Selling's steps are single.

    Parameters
    ----------
    form : (3, 3) int
        Quadratic form: vectors have the products ``v form vᵀ``.
    v : (4, 3) int
        The first three span the lattice.
    """
    reducing: Any = True
    while reducing:
        reducing = False
        for i in range(3):
            for j in range(3):
                if i == j:
                    continue
                product = v[i, 0] * 0
                square = v[i, 0] * 0
                for k in range(3):
                    image = form[k, 0] * v[j, 0] + form[k, 1] * v[j, 1] + form[k, 2] * v[j, 2]
                    product += v[i, k] * image
                    square += v[j, k] * image
                if 2 * abs(product) > square:
                    times = (2 * product + square) // (2 * square)
                    for k in range(3):
                        v[i, k] -= times * v[j, k]
                    reducing = True
    for k in range(3):
        v[3, k] = -v[0, k] - v[1, k] - v[2, k]
    reducing = True
    while reducing:
        reducing = False
        for i in range(4):
            for j in range(i):
                product = v[i, 0] * 0
                for k in range(3):
                    product += v[i, k] * (form[k, 0] * v[j, 0] + form[k, 1] * v[j, 1] + form[k, 2] * v[j, 2])
                if product > 0:
                    for other in range(4):
                        if other != i and other != j:
                            for k in range(3):
                                v[other, k] += v[i, k]
                    for k in range(3):
                        v[i, k] = -v[i, k]
                    reducing = True


@kernel
def voronoi_faces(form: Array, v: Array, denominator: Any, subsets: Array, table: Array) -> None:
    """Write (n, b) with n · h <= b, without common divisors, for the sums of vectors that `subsets` selects.

    Parameters
    ----------
    form : (3, 3) int
        Quadratic form.
    v : (3, 3) int
        Vectors (rows), times the denominator.
    denominator : int
        Common denominator.
    subsets : (f, 3) int
        Which vectors to sum, 0 or 1.
    table : (f, 4) int
        Overwritten: n and b.
    """
    for f in range(len(subsets)):
        row = table[f]
        row[3] = 0
        for k in range(3):
            row[k] = 0
            for i in range(3):
                for j in range(3):
                    row[k] += form[k, j] * subsets[f, i] * v[i, j]
        for k in range(3):
            row[3] += row[k] * (subsets[f, 0] * v[0, k] + subsets[f, 1] * v[1, k] + subsets[f, 2] * v[2, k])
        divisor = row[3]
        for k in range(3):
            row[k] *= 2 * denominator
            other = abs(row[k])
            while other:
                divisor, other = other, divisor % other
        for k in range(4):
            row[k] //= divisor
