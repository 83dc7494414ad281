"""Complex Fourier transforms of eight sequences at once (Stockham's autosort algorithm, decimation in frequency).

A *row* is sixteen consecutive numbers of the memory: eight real parts, eight imaginary parts. A sequence of n rows is
transformed by passes of radix p: with s the product of the radices done and m = n / (s p),

    y[q + s(pk + j)] = ω_{n/s}^{jk} Σ_i x[q + s(k + mi)] ω_p^{ij},    0 ≤ q < s,  0 ≤ k < m,  0 ≤ j < p,

with ω_n = exp(-2πi/n). Exchanging real and imaginary parts of input and output turns ω into its conjugate: that is the
adjoint, n times the inverse.

The copies that passes go between have to stay in the first-level cache. Where two of n rows do not, the first pass is
made in place, and its p parts are transformed one after the other, in place but for a small copy; then row h stands at
(h mod p) n/p + ⌊h/p⌋.

Source: P. N. Swarztrauber, FFT algorithms for vector computers, Parallel Computing 1 (1984) 45–63.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.fourier._loops import inlined, kernel
from symfft.fourier.planes._radices import HALF, ROW, radix, radix2, radix3, radix4, radix5, radix6, radix8

Array = NDArray[Any]


#: Length of which the first-level cache holds two copies.
LONGEST = 160

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


def fft_tables(n: int, ints: list[int], reals: list[float], offset: int = 0, *, in_parts: bool = False) -> int:
    """Append the passes of a transform of length n to the tables, and return where they begin.

    ``ints`` gets n, the number of parts, the number of passes, for each of these p, m, s and the place of its twiddle
    factors in ``reals``, and where the results are (:func:`order_of`). ``reals`` gets, for each k, the p - 1 factors
    of j = 1 … p - 1, and for primes above 5 the p factors ω_p^i; it will be found from `offset` on.
    """
    here = len(ints)
    passes = radices(n)
    # primes above 5 are not transformed in place, and a single pass of a part would be
    parts = passes[0] if in_parts and n > LONGEST and len(passes) > 2 and passes[0] in PASS_COST else 1
    ints += [n, parts, len(passes)]
    s = 1
    for p in passes:
        m = n // (s * p)
        # within a part nothing is done yet
        ints += [p, m, max(s // parts, 1), offset + len(reals)]
        k, j = np.meshgrid(np.arange(m), np.arange(1, p), indexing="ij")
        roots = np.exp(-2j * np.pi * (k * j) / (m * p)).reshape(-1)
        if p not in PASS_COST:
            roots = np.concatenate([roots, np.exp(-2j * np.pi * np.arange(p) / p)])
        reals += np.stack([roots.real, roots.imag], axis=-1).reshape(-1).tolist()
        s *= p
    h = np.arange(n)
    places = np.append(h % parts * (n // parts) + h // parts, np.arange(n, -(-n // HALF) * HALF))
    ints += (ROW * places).tolist()
    return here


@inlined
def order_of(ints: Array, plan: Any) -> Any:
    """Return where the table of the results begins: that of h is ``ints[order_of(ints, plan) + h]`` past the first."""
    return plan + 3 + 4 * ints[plan + 2]


@kernel
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
) -> Any:
    """Transform the rows at ``source + step i`` to the rows at ``target + stride h``, or in parts where they are.

    Parameters
    ----------
    memory : 1-D float
        Holds everything.
    source, step, target, stride : int
        Where the rows are; the two may not overlap unless the transform has one pass more than one. In parts, `step`
        has to be ROW, and the target is not used.
    scratch : int
        Room for 2 n rows, of n in parts, apart from source and target.
    plan : int
        What :func:`fft_tables` returned for ``ints`` and ``reals``.
    re : int
        0 for the transform, HALF for its adjoint. (Integers of NumPy's: numba compiles anew for each literal.)

    Returns
    -------
    int
        Where the results begin.
    """
    n, parts, passes = ints[plan], ints[plan + 1], ints[plan + 2]
    done = 0
    if passes == 0:
        for i in range(ROW):
            memory[target + i] = memory[source + i]
    if parts > 1:
        target, stride, done = source, step, 1
        m, twiddles = ints[plan + 4], ints[plan + 6]
        way = (source, step, source, step, step, step * m, m, np.int64(1))
        if re == 0:
            _pass(memory, way, parts, reals, twiddles, np.int64(0))
        else:
            _pass(memory, way, parts, reals, twiddles, np.int64(HALF))
    part = n // parts
    for first in range(0, n, part):
        here, gap = source + step * first, step
        for i in range(done, passes):
            at = plan + 3 + 4 * i
            there, space = scratch + (i % 2) * part * ROW, np.int64(ROW)
            if i == passes - 1:
                there, space = target + stride * first, stride
            p, m, s, twiddles = ints[at], ints[at + 1], ints[at + 2], ints[at + 3]
            way = (here, gap, there, space, space * p * s, space * s, m, s)
            if re == 0:
                _pass(memory, way, p, reals, twiddles, np.int64(0))
            else:
                _pass(memory, way, p, reals, twiddles, np.int64(HALF))
            here, gap = there, space
    return target


@inlined
def _pass(memory: Array, way: Any, p: Any, reals: Array, at: Any, re: Any) -> None:
    if p == 4:
        radix4(memory, way, reals, at, re)
    elif p == 2:
        radix2(memory, way, reals, at, re)
    elif p == 3:
        radix3(memory, way, reals, at, re)
    elif p == 5:
        radix5(memory, way, reals, at, re)
    elif p == 6:
        radix6(memory, way, reals, at, re)
    elif p == 8:
        radix8(memory, way, reals, at, re)
    else:
        radix(memory, way, p, reals, at, re)
