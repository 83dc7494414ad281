"""Complex Fourier transforms of eight sequences at once (Stockham's autosort algorithm, decimation in frequency).

A *row* is sixteen consecutive numbers of the memory: eight real parts, eight imaginary parts. A sequence of n rows is
transformed by passes of radix p: with s the product of the radices done and m = n / (s p),

    y[q + s(pk + j)] = ω_{n/s}^{jk} Σ_i x[q + s(k + mi)] ω_p^{ij},    0 ≤ q < s,  0 ≤ k < m,  0 ≤ j < p,

with ω_n = exp(-2πi/n). Exchanging real and imaginary parts of input and output turns ω into its conjugate: that is the
adjoint, n times the inverse.

Source: P. N. Swarztrauber, FFT algorithms for vector computers, Parallel Computing 1 (1984) 45–63.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from symfft._array_types import Array
from symfft._compile import bare, embedded
from symfft.fourier.engines.planes._radices import (
    ROW,
    last2,
    last3,
    last4,
    last5,
    last6,
    last8,
    radix,
    radix2,
    radix3,
    radix4,
    radix5,
    radix6,
    radix8,
)

#: Time of a pass of each radix on a row, in ns; other primes p take 1.9 p.
PASS_COST = {2: 1.2, 3: 1.5, 4: 1.3, 5: 2.0, 6: 1.6, 8: 1.7}


def pass_cost(p: int) -> float:
    """Return the time of a pass of radix p on a row, in ns."""
    return PASS_COST.get(p, 1.9 * p)


@lru_cache
def radices(n: int) -> tuple[int, ...]:
    """Return the cheapest factors of n, increasing: the last pass has no twiddle factors."""
    if n == 1:
        return ()
    factors = [p for p in PASS_COST if n % p == 0] or [next(p for p in range(7, n + 1, 2) if n % p == 0)]
    found = [tuple(sorted((p, *radices(n // p)))) for p in factors]
    return min(found, key=lambda passes: sum(map(pass_cost, passes)))


def fft_tables(n: int, ints: list[int], reals: list[float], offset: int = 0) -> int:
    """Append the passes of a transform of length n to the tables, and return where they begin.

    ``ints`` gets n, the number of passes, and for each of these p, m, s and the place of its twiddle factors in
    ``reals``. ``reals`` gets, for each k, the p - 1 factors of j = 1 … p - 1, and for primes above 5 the p factors
    ω_p^i; it will be found from `offset` on.
    """
    here = len(ints)
    passes = radices(n)
    ints += [n, len(passes)]
    s = 1
    for p in passes:
        m = n // (s * p)
        ints += [p, m, s, offset + len(reals)]
        k, j = np.meshgrid(np.arange(m), np.arange(1, p), indexing="ij")
        roots = np.exp(-2j * np.pi * (k * j) / (m * p)).reshape(-1)
        if p not in PASS_COST:
            roots = np.concatenate([roots, np.exp(-2j * np.pi * np.arange(p) / p)])
        reals += np.stack([roots.real, roots.imag], axis=-1).reshape(-1).tolist()
        s *= p
    return here


@bare
def fft(
    memory: Array,
    source: Any,
    step: Any,
    target: Any,
    stride: Any,
    scratch: Any,
    plan: Any,
    ints: Array,
    reals: Array,
    re: Any,
) -> None:
    """Transform the rows at ``source + step i`` to the rows at ``target + stride h``.

    Parameters
    ----------
    memory : 1-D float
        Holds everything.
    source, step, target, stride : int
        Where the rows are; the two may not overlap.
    scratch : int
        Room for 2 n rows, apart from source and target.
    plan : int
        What :func:`fft_tables` returned for ``ints`` and ``reals``.
    re : int
        0 for the transform, HALF for its adjoint. (Integers of NumPy's: numba compiles anew for each literal.)
    """
    n, passes = ints[plan], ints[plan + 1]
    if passes == 0:
        for i in range(ROW):
            memory[target + i] = memory[source + i]
    here, gap = source, step
    for i in range(passes):
        at = plan + 2 + 4 * i
        there, space = scratch + (i % 2) * n * ROW, np.int64(ROW)
        if i == passes - 1:
            there, space = target, stride
        p, m, s, twiddles = ints[at], ints[at + 1], ints[at + 2], ints[at + 3]
        way = (here, gap, there, space, space * p * s, space * s, m, s)
        _pass(memory, way, p, m, reals, twiddles, re)
        here, gap = there, space


@embedded
def _pass(memory: Array, way: Any, p: Any, m: Any, reals: Array, at: Any, re: Any) -> None:
    last = m == 1
    if p == 4 and last:
        last4(memory, way, reals, at, re)
    elif p == 4:
        radix4(memory, way, reals, at, re)
    elif p == 8 and last:
        last8(memory, way, reals, at, re)
    elif p == 8:
        radix8(memory, way, reals, at, re)
    elif p == 6 and last:
        last6(memory, way, reals, at, re)
    elif p == 6:
        radix6(memory, way, reals, at, re)
    elif p == 2 and last:
        last2(memory, way, reals, at, re)
    elif p == 2:
        radix2(memory, way, reals, at, re)
    elif p == 3 and last:
        last3(memory, way, reals, at, re)
    elif p == 3:
        radix3(memory, way, reals, at, re)
    elif p == 5 and last:
        last5(memory, way, reals, at, re)
    elif p == 5:
        radix5(memory, way, reals, at, re)
    else:
        radix(memory, way, p, reals, at, re)
