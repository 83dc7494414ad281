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
from numpy.typing import NDArray

from symfft.fourier.planes._compile import inlined, kernel
from symfft.fourier.planes._lanes import fill, fma, load, opaque, spread, store

Array = NDArray[Any]

#: Numbers in a row, and of its real parts.
ROW = 16
HALF = 8


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

    ``ints`` gets the number of passes and, for each, p, m, s and the place of its twiddle factors in ``reals``: for
    each k the p - 1 factors of j = 1 … p - 1, and for primes above 5 the p factors ω_p^i. ``reals``
    will be found from `offset` on.
    """
    here = len(ints)
    passes = radices(n)
    ints.append(len(passes))
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
) -> None:
    """Transform the rows at ``source + step i`` to the rows at ``target + stride h``.

    Parameters
    ----------
    memory : 1-D float
        Holds everything.
    source, step, target, stride : int
        Where the rows are; the two may not overlap unless the transform has one pass more than one.
    scratch : int
        Room for 2 n rows, apart from source and target.
    plan : int
        What :func:`fft_tables` returned for ``ints`` and ``reals``.
    re : int
        0 for the transform, HALF for its adjoint. (Integers of NumPy's: numba compiles anew for each literal.)
    """
    passes = ints[plan]
    n = 1
    for i in range(passes):
        n *= ints[plan + 1 + 4 * i]
    if passes == 0:
        for i in range(ROW):
            memory[target + i] = memory[source + i]
    here, gap = source, step
    for i in range(passes):
        at = plan + 1 + 4 * i
        there = scratch + (i % 2) * n * ROW
        space = ROW
        if i == passes - 1:
            there, space = target, stride
        p, m, s, twiddles = ints[at], ints[at + 1], ints[at + 2], ints[at + 3]
        if re == 0:
            _pass(memory, here, gap, there, space, m, s, p, reals, twiddles, np.int64(0))
        else:
            _pass(memory, here, gap, there, space, m, s, p, reals, twiddles, np.int64(HALF))
        here, gap = there, space


@inlined
def _pass(
    memory: Array, here: Any, gap: Any, there: Any, space: Any, m: Any, s: Any, p: Any, reals: Array, at: Any, re: Any
) -> None:
    if p == 4:
        _radix4(memory, here, gap, there, space, m, s, reals, at, re)
    elif p == 2:
        _radix2(memory, here, gap, there, space, m, s, reals, at, re)
    elif p == 3:
        _radix3(memory, here, gap, there, space, m, s, reals, at, re)
    elif p == 5:
        _radix5(memory, here, gap, there, space, m, s, reals, at, re)
    elif p == 6:
        _radix6(memory, here, gap, there, space, m, s, reals, at, re)
    elif p == 8:
        _radix8(memory, here, gap, there, space, m, s, reals, at, re)
    else:
        _radix(memory, here, gap, there, space, m, s, p, reals, at, re)


@inlined
def turn(x: Any, y: Any, c: Any, s: Any) -> Any:
    """Return (x + iy)(c + is)."""
    return fma(x, c, -(y * s)), fma(x, s, y * c)


@inlined
def _radix2(
    memory: Array, here: Any, gap: Any, there: Any, space: Any, m: Any, s: Any, reals: Array, at: Any, re: Any
) -> None:
    im = HALF - re
    far = gap * s * m
    for k in range(m):
        c, d = spread(reals, at + 2 * k), spread(reals, at + 2 * k + 1)
        for q in range(s):
            i = opaque(here + gap * (q + s * k))
            o = opaque(there + space * (q + 2 * s * k))
            ax, ay = load(memory, i + re), load(memory, i + im)
            bx, by = load(memory, i + far + re), load(memory, i + far + im)
            store(memory, o + re, ax + bx)
            store(memory, o + im, ay + by)
            x, y = turn(ax - bx, ay - by, c, d)
            store(memory, o + space * s + re, x)
            store(memory, o + space * s + im, y)


@inlined
def _radix3(
    memory: Array, here: Any, gap: Any, there: Any, space: Any, m: Any, s: Any, reals: Array, at: Any, re: Any
) -> None:
    im = HALF - re
    far, apart = gap * s * m, space * s
    half, sine = fill(memory, -0.5), fill(memory, 0.8660254037844386)
    for k in range(m):
        c1, d1 = spread(reals, at + 4 * k), spread(reals, at + 4 * k + 1)
        c2, d2 = spread(reals, at + 4 * k + 2), spread(reals, at + 4 * k + 3)
        for q in range(s):
            i = opaque(here + gap * (q + s * k))
            o = opaque(there + space * (q + 3 * s * k))
            ax, ay = load(memory, i + re), load(memory, i + im)
            bx, by = load(memory, i + far + re), load(memory, i + far + im)
            cx, cy = load(memory, i + 2 * far + re), load(memory, i + 2 * far + im)
            sx, sy = bx + cx, by + cy
            tx, ty = sine * (bx - cx), sine * (by - cy)
            store(memory, o + re, ax + sx)
            store(memory, o + im, ay + sy)
            ux, uy = fma(half, sx, ax), fma(half, sy, ay)
            x, y = turn(ux + ty, uy - tx, c1, d1)
            store(memory, o + apart + re, x)
            store(memory, o + apart + im, y)
            x, y = turn(ux - ty, uy + tx, c2, d2)
            store(memory, o + 2 * apart + re, x)
            store(memory, o + 2 * apart + im, y)


@inlined
def _radix4(
    memory: Array, here: Any, gap: Any, there: Any, space: Any, m: Any, s: Any, reals: Array, at: Any, re: Any
) -> None:
    im = HALF - re
    far, apart = gap * s * m, space * s
    for k in range(m):
        c1, d1 = spread(reals, at + 6 * k), spread(reals, at + 6 * k + 1)
        c2, d2 = spread(reals, at + 6 * k + 2), spread(reals, at + 6 * k + 3)
        c3, d3 = spread(reals, at + 6 * k + 4), spread(reals, at + 6 * k + 5)
        for q in range(s):
            i = opaque(here + gap * (q + s * k))
            o = opaque(there + space * (q + 4 * s * k))
            ax, ay = load(memory, i + re), load(memory, i + im)
            bx, by = load(memory, i + far + re), load(memory, i + far + im)
            cx, cy = load(memory, i + 2 * far + re), load(memory, i + 2 * far + im)
            dx, dy = load(memory, i + 3 * far + re), load(memory, i + 3 * far + im)
            px, py, mx, my = ax + cx, ay + cy, ax - cx, ay - cy
            qx, qy, nx, ny = bx + dx, by + dy, bx - dx, by - dy
            store(memory, o + re, px + qx)
            store(memory, o + im, py + qy)
            if m == 1:
                store(memory, o + apart + re, mx + ny)
                store(memory, o + apart + im, my - nx)
                store(memory, o + 2 * apart + re, px - qx)
                store(memory, o + 2 * apart + im, py - qy)
                store(memory, o + 3 * apart + re, mx - ny)
                store(memory, o + 3 * apart + im, my + nx)
            else:
                x, y = turn(mx + ny, my - nx, c1, d1)
                store(memory, o + apart + re, x)
                store(memory, o + apart + im, y)
                x, y = turn(px - qx, py - qy, c2, d2)
                store(memory, o + 2 * apart + re, x)
                store(memory, o + 2 * apart + im, y)
                x, y = turn(mx - ny, my + nx, c3, d3)
                store(memory, o + 3 * apart + re, x)
                store(memory, o + 3 * apart + im, y)


@inlined
def _radix5(
    memory: Array, here: Any, gap: Any, there: Any, space: Any, m: Any, s: Any, reals: Array, at: Any, re: Any
) -> None:
    im = HALF - re
    far, apart = gap * s * m, space * s
    c1, c2 = fill(memory, 0.30901699437494745), fill(memory, -0.8090169943749475)
    s1, s2 = fill(memory, 0.9510565162951535), fill(memory, 0.5877852522924731)
    for k in range(m):
        t = at + 8 * k
        for q in range(s):
            i = opaque(here + gap * (q + s * k))
            o = opaque(there + space * (q + 5 * s * k))
            ax, ay = load(memory, i + re), load(memory, i + im)
            bx, by = load(memory, i + far + re), load(memory, i + far + im)
            cx, cy = load(memory, i + 2 * far + re), load(memory, i + 2 * far + im)
            dx, dy = load(memory, i + 3 * far + re), load(memory, i + 3 * far + im)
            ex, ey = load(memory, i + 4 * far + re), load(memory, i + 4 * far + im)
            px, py, qx, qy = bx + ex, by + ey, cx + dx, cy + dy
            mx, my, nx, ny = bx - ex, by - ey, cx - dx, cy - dy
            store(memory, o + re, ax + (px + qx))
            store(memory, o + im, ay + (py + qy))
            ux, uy = fma(c1, px, fma(c2, qx, ax)), fma(c1, py, fma(c2, qy, ay))
            vx, vy = fma(c2, px, fma(c1, qx, ax)), fma(c2, py, fma(c1, qy, ay))
            gx, gy = fma(s1, mx, s2 * nx), fma(s1, my, s2 * ny)
            hx, hy = fma(s2, mx, -(s1 * nx)), fma(s2, my, -(s1 * ny))
            x, y = turn(ux + gy, uy - gx, spread(reals, t), spread(reals, t + 1))
            store(memory, o + apart + re, x)
            store(memory, o + apart + im, y)
            x, y = turn(vx + hy, vy - hx, spread(reals, t + 2), spread(reals, t + 3))
            store(memory, o + 2 * apart + re, x)
            store(memory, o + 2 * apart + im, y)
            x, y = turn(vx - hy, vy + hx, spread(reals, t + 4), spread(reals, t + 5))
            store(memory, o + 3 * apart + re, x)
            store(memory, o + 3 * apart + im, y)
            x, y = turn(ux - gy, uy + gx, spread(reals, t + 6), spread(reals, t + 7))
            store(memory, o + 4 * apart + re, x)
            store(memory, o + 4 * apart + im, y)


@inlined
def _three(ax: Any, ay: Any, bx: Any, by: Any, cx: Any, cy: Any, half: Any, sine: Any) -> Any:
    """Return the transform of length 3, with -1/2 and √3/2 given."""
    sx, sy = bx + cx, by + cy
    tx, ty = sine * (bx - cx), sine * (by - cy)
    ux, uy = fma(half, sx, ax), fma(half, sy, ay)
    return ax + sx, ay + sy, ux + ty, uy - tx, ux - ty, uy + tx


@inlined
def _four(ax: Any, ay: Any, bx: Any, by: Any, cx: Any, cy: Any, dx: Any, dy: Any) -> Any:
    """Return the transform of length 4."""
    px, py, mx, my = ax + cx, ay + cy, ax - cx, ay - cy
    qx, qy, nx, ny = bx + dx, by + dy, bx - dx, by - dy
    return px + qx, py + qy, mx + ny, my - nx, px - qx, py - qy, mx - ny, my + nx


@inlined
def _put(memory: Array, o: Any, re: Any, im: Any, x: Any, y: Any, reals: Array, at: Any, m: Any) -> None:
    """Write (x + iy) times a factor, which is 1 in the last pass."""
    if m > 1:
        x, y = turn(x, y, spread(reals, at), spread(reals, at + 1))
    store(memory, o + re, x)
    store(memory, o + im, y)


@inlined
def _radix6(
    memory: Array, here: Any, gap: Any, there: Any, space: Any, m: Any, s: Any, reals: Array, at: Any, re: Any
) -> None:
    im = HALF - re
    far, apart = gap * s * m, space * s
    half, sine = fill(memory, -0.5), fill(memory, 0.8660254037844386)
    for k in range(m):
        t = at + 10 * k
        for q in range(s):
            i = opaque(here + gap * (q + s * k))
            o = opaque(there + space * (q + 6 * s * k))
            ax, ay = load(memory, i + re), load(memory, i + im)
            bx, by = load(memory, i + far + re), load(memory, i + far + im)
            cx, cy = load(memory, i + 2 * far + re), load(memory, i + 2 * far + im)
            dx, dy = load(memory, i + 3 * far + re), load(memory, i + 3 * far + im)
            ex, ey = load(memory, i + 4 * far + re), load(memory, i + 4 * far + im)
            fx, fy = load(memory, i + 5 * far + re), load(memory, i + 5 * far + im)
            px, py, qx, qy, rx, ry = _three(ax + dx, ay + dy, bx + ex, by + ey, cx + fx, cy + fy, half, sine)
            store(memory, o + re, px)
            store(memory, o + im, py)
            _put(memory, o + 2 * apart, re, im, qx, qy, reals, t + 2, m)
            _put(memory, o + 4 * apart, re, im, rx, ry, reals, t + 6, m)
            px, py, qx, qy, rx, ry = _three(ax - dx, ay - dy, ex - bx, ey - by, cx - fx, cy - fy, half, sine)
            _put(memory, o + 3 * apart, re, im, px, py, reals, t + 4, m)
            _put(memory, o + 5 * apart, re, im, qx, qy, reals, t + 8, m)
            _put(memory, o + apart, re, im, rx, ry, reals, t, m)


@inlined
def _radix8(
    memory: Array, here: Any, gap: Any, there: Any, space: Any, m: Any, s: Any, reals: Array, at: Any, re: Any
) -> None:
    im = HALF - re
    far, apart = gap * s * m, space * s
    root = fill(memory, 0.7071067811865476)
    for k in range(m):
        t = at + 14 * k
        for q in range(s):
            i = opaque(here + gap * (q + s * k))
            o = opaque(there + space * (q + 8 * s * k))
            ax, ay = load(memory, i + re), load(memory, i + im)
            bx, by = load(memory, i + far + re), load(memory, i + far + im)
            cx, cy = load(memory, i + 2 * far + re), load(memory, i + 2 * far + im)
            dx, dy = load(memory, i + 3 * far + re), load(memory, i + 3 * far + im)
            ex, ey = load(memory, i + 4 * far + re), load(memory, i + 4 * far + im)
            fx, fy = load(memory, i + 5 * far + re), load(memory, i + 5 * far + im)
            gx, gy = load(memory, i + 6 * far + re), load(memory, i + 6 * far + im)
            hx, hy = load(memory, i + 7 * far + re), load(memory, i + 7 * far + im)
            px, py, qx, qy, rx, ry, sx, sy = _four(
                ax + ex, ay + ey, bx + fx, by + fy, cx + gx, cy + gy, dx + hx, dy + hy
            )
            store(memory, o + re, px)
            store(memory, o + im, py)
            _put(memory, o + 2 * apart, re, im, qx, qy, reals, t + 2, m)
            _put(memory, o + 4 * apart, re, im, rx, ry, reals, t + 6, m)
            _put(memory, o + 6 * apart, re, im, sx, sy, reals, t + 10, m)
            # the differences times ω_8^i
            bx, by, dx, dy = bx - fx, by - fy, dx - hx, dy - hy
            px, py, qx, qy, rx, ry, sx, sy = _four(
                ax - ex,
                ay - ey,
                root * (bx + by),
                root * (by - bx),
                cy - gy,
                gx - cx,
                root * (dy - dx),
                -(root * (dx + dy)),
            )
            _put(memory, o + apart, re, im, px, py, reals, t, m)
            _put(memory, o + 3 * apart, re, im, qx, qy, reals, t + 4, m)
            _put(memory, o + 5 * apart, re, im, rx, ry, reals, t + 8, m)
            _put(memory, o + 7 * apart, re, im, sx, sy, reals, t + 12, m)


@inlined
def _radix(
    memory: Array, here: Any, gap: Any, there: Any, space: Any, m: Any, s: Any, p: Any, reals: Array, at: Any, re: Any
) -> None:
    """Any other prime p, in p² operations."""
    im = HALF - re
    roots = at + 2 * m * (p - 1)
    for k in range(m):
        for q in range(s):
            i = opaque(here + gap * (q + s * k))
            o = opaque(there + space * (q + p * s * k))
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
                store(memory, o + space * s * j + re, x)
                store(memory, o + space * s * j + im, y)
