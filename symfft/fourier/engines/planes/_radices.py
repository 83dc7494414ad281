"""Passes of a Fourier transform of eight sequences at once, one for each radix: see :mod:`._fft`.

A pass goes a *way*: (here, gap, there, space, leap, apart, m, s). It finds the row of q and k + mi at
``here + gap (q + s (k + mi))``, and writes that of q, k and j at ``there + space q + leap k + apart j``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symfft._array_types import Array
from symfft._compile import bare, inlined
from symfft._compile.lanes import fill, fma, load, opaque, spread, store
from symfft._compile.trace import counted

#: Numbers in a row, and of its real parts.
ROW = 16
HALF = 8

#: Largest radix whose factors are kept in registers.
FEW = 4


class Complex:
    """Complex numbers in the lanes of two vectors."""

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __add__(self, other: Complex) -> Complex:
        return Complex(self.x + other.x, self.y + other.y)

    def __sub__(self, other: Complex) -> Complex:
        return Complex(self.x - other.x, self.y - other.y)

    def times(self, number: Any) -> Complex:
        """Return it times a real vector."""
        return Complex(number * self.x, number * self.y)

    def plus(self, number: Any, other: Complex) -> Complex:
        """Return it plus a real vector times another one."""
        return Complex(fma(number, other.x, self.x), fma(number, other.y, self.y))

    def turned(self) -> Complex:
        """Return it times -i."""
        return Complex(self.y, -self.x)


def butterfly2(memory: Any, a: Complex, b: Complex) -> list[Complex]:
    """Return the transform of length 2."""
    return [a + b, a - b]


def butterfly3(memory: Any, a: Complex, b: Complex, c: Complex) -> list[Complex]:
    """Return the transform of length 3."""
    s, t = b + c, (b - c).times(fill(memory, 0.8660254037844386)).turned()
    u = a.plus(fill(memory, -0.5), s)
    return [a + s, u + t, u - t]


def butterfly4(memory: Any, a: Complex, b: Complex, c: Complex, d: Complex) -> list[Complex]:
    """Return the transform of length 4."""
    p, m, q, n = a + c, a - c, b + d, (b - d).turned()
    return [p + q, m + n, p - q, m - n]


def butterfly5(memory: Any, a: Complex, b: Complex, c: Complex, d: Complex, e: Complex) -> list[Complex]:
    """Return the transform of length 5."""
    c1, c2 = fill(memory, 0.30901699437494745), fill(memory, -0.8090169943749475)
    s1, s2 = fill(memory, 0.9510565162951535), fill(memory, 0.5877852522924731)
    p, q, m, n = b + e, c + d, b - e, c - d
    u, v = a.plus(c2, q).plus(c1, p), a.plus(c1, q).plus(c2, p)
    g, h = n.times(s2).plus(s1, m).turned(), n.times(-s1).plus(s2, m).turned()
    return [a + (p + q), u + g, v + h, v - h, u - g]


def butterfly6(memory: Any, a: Complex, b: Complex, c: Complex, d: Complex, e: Complex, f: Complex) -> list[Complex]:
    """Return the transform of length 6, by those of length 2 and 3."""
    even, odd = butterfly3(memory, a + d, b + e, c + f), butterfly3(memory, a - d, e - b, c - f)
    return [even[0], odd[2], even[1], odd[0], even[2], odd[1]]


def butterfly8(memory: Any, *given: Complex) -> list[Complex]:
    """Return the transform of length 8, by those of length 2 and 4."""
    sums = [a + b for a, b in zip(given[:4], given[4:], strict=True)]
    a, b, c, d = (a - b for a, b in zip(given[:4], given[4:], strict=True))
    root = fill(memory, 0.7071067811865476)
    b, d = (b + b.turned()).times(root), (d + d.turned()).times(root)
    even, odd = butterfly4(memory, *sums), butterfly4(memory, a, b, c.turned(), d.turned())
    return [each for pair in zip(even, odd, strict=True) for each in pair]


def radix_pass(p: int, butterfly: Callable[..., list[Complex]], *, last: bool) -> Any:
    """Return the pass of a radix; the last one has no factors."""

    @inlined
    def run(memory: Any, way: Any, reals: Any, at: Any, re: Any) -> None:
        here, gap, there, space, leap, apart, m, s = way
        im, far = HALF - re, gap * s * m
        for k in range(1) if last else counted(m):
            first = at + 2 * (p - 1) * k
            factors = [_factor(reals, first, j) for j in range(1, p)] if p <= FEW and not last else None
            for q in counted(s):
                i = opaque(here + gap * (q + s * k))
                o = opaque(there + space * q + leap * k)
                given = [Complex(load(memory, i + far * j + re), load(memory, i + far * j + im)) for j in range(p)]
                for j, z in enumerate(butterfly(memory, *given)):
                    if j and not last:
                        z = turned_by(z, *(factors[j - 1] if factors else _factor(reals, first, j)))
                    store(memory, o + apart * j + re, z.x)
                    store(memory, o + apart * j + im, z.y)

    return run


def _factor(reals: Any, first: Any, j: int) -> tuple[Any, Any]:
    return spread(reals, first + 2 * (j - 1)), spread(reals, first + 2 * (j - 1) + 1)


def turned_by(z: Complex, c: Any, s: Any) -> Complex:
    """Return z (c + is)."""
    return Complex(*turn(z.x, z.y, c, s))


@inlined
def turn(x: Any, y: Any, c: Any, s: Any) -> Any:
    """Return (x + iy)(c + is)."""
    return fma(x, c, -(y * s)), fma(x, s, y * c)


radix2, last2 = radix_pass(2, butterfly2, last=False), radix_pass(2, butterfly2, last=True)
radix3, last3 = radix_pass(3, butterfly3, last=False), radix_pass(3, butterfly3, last=True)
radix4, last4 = radix_pass(4, butterfly4, last=False), radix_pass(4, butterfly4, last=True)
radix5, last5 = radix_pass(5, butterfly5, last=False), radix_pass(5, butterfly5, last=True)
radix6, last6 = radix_pass(6, butterfly6, last=False), radix_pass(6, butterfly6, last=True)
radix8, last8 = radix_pass(8, butterfly8, last=False), radix_pass(8, butterfly8, last=True)


@bare
def radix(memory: Array, way: Any, p: Any, reals: Array, at: Any, re: Any) -> None:
    """Any other prime p, in p² operations."""
    here, gap, there, space, leap, apart, m, s = way
    im = HALF - re
    roots = at + 2 * m * (p - 1)
    for k in range(m):
        for q in range(s):
            i = opaque(here + gap * (q + s * k))
            o = opaque(there + space * q + leap * k)
            for j in range(p):
                x, y = load(memory, i + re), load(memory, i + im)
                for t in range(1, p):
                    w = roots + 2 * ((t * j) % p)
                    a = i + gap * s * m * t
                    u, v = turn(load(memory, a + re), load(memory, a + im), spread(reals, w), spread(reals, w + 1))
                    x, y = x + u, y + v
                if j > 0:
                    w = at + 2 * (k * (p - 1) + j - 1)
                    x, y = turn(x, y, spread(reals, w), spread(reals, w + 1))
                store(memory, o + apart * j + re, x)
                store(memory, o + apart * j + im, y)
