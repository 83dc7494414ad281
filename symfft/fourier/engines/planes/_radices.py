"""Passes of a Fourier transform of eight sequences at once, one for each radix: see :mod:`._fft`.

A pass goes a *way*: (here, gap, there, space, leap, apart, m, s). It finds the row of q and k + mi at
``here + gap (q + s (k + mi))``, and writes that of q, k and j at ``there + space q + leap k + apart j``.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from symfft._compile import inlined
from symfft._compile.lanes import fill, fma, load, opaque, spread, store

Array = NDArray[Any]

#: Numbers in a row, and of its real parts.
ROW = 16
HALF = 8


@inlined
def turn(x: Any, y: Any, c: Any, s: Any) -> Any:
    """Return (x + iy)(c + is)."""
    return fma(x, c, -(y * s)), fma(x, s, y * c)


@inlined
def radix2(memory: Array, way: Any, reals: Array, at: Any, re: Any) -> None:
    here, gap, there, space, leap, apart, m, s = way
    im = HALF - re
    far = gap * s * m
    for k in range(m):
        c, d = spread(reals, at + 2 * k), spread(reals, at + 2 * k + 1)
        for q in range(s):
            i = opaque(here + gap * (q + s * k))
            o = opaque(there + space * q + leap * k)
            ax, ay = load(memory, i + re), load(memory, i + im)
            bx, by = load(memory, i + far + re), load(memory, i + far + im)
            store(memory, o + re, ax + bx)
            store(memory, o + im, ay + by)
            x, y = turn(ax - bx, ay - by, c, d)
            store(memory, o + apart + re, x)
            store(memory, o + apart + im, y)


@inlined
def radix3(memory: Array, way: Any, reals: Array, at: Any, re: Any) -> None:
    here, gap, there, space, leap, apart, m, s = way
    im = HALF - re
    far = gap * s * m
    half, sine = fill(memory, -0.5), fill(memory, 0.8660254037844386)
    for k in range(m):
        c1, d1 = spread(reals, at + 4 * k), spread(reals, at + 4 * k + 1)
        c2, d2 = spread(reals, at + 4 * k + 2), spread(reals, at + 4 * k + 3)
        for q in range(s):
            i = opaque(here + gap * (q + s * k))
            o = opaque(there + space * q + leap * k)
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
def radix4(memory: Array, way: Any, reals: Array, at: Any, re: Any) -> None:
    here, gap, there, space, leap, apart, m, s = way
    im = HALF - re
    far = gap * s * m
    for k in range(m):
        c1, d1 = spread(reals, at + 6 * k), spread(reals, at + 6 * k + 1)
        c2, d2 = spread(reals, at + 6 * k + 2), spread(reals, at + 6 * k + 3)
        c3, d3 = spread(reals, at + 6 * k + 4), spread(reals, at + 6 * k + 5)
        for q in range(s):
            i = opaque(here + gap * (q + s * k))
            o = opaque(there + space * q + leap * k)
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
def radix5(memory: Array, way: Any, reals: Array, at: Any, re: Any) -> None:
    here, gap, there, space, leap, apart, m, s = way
    im = HALF - re
    far = gap * s * m
    c1, c2 = fill(memory, 0.30901699437494745), fill(memory, -0.8090169943749475)
    s1, s2 = fill(memory, 0.9510565162951535), fill(memory, 0.5877852522924731)
    for k in range(m):
        t = at + 8 * k
        for q in range(s):
            i = opaque(here + gap * (q + s * k))
            o = opaque(there + space * q + leap * k)
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
def radix6(memory: Array, way: Any, reals: Array, at: Any, re: Any) -> None:
    here, gap, there, space, leap, apart, m, s = way
    im = HALF - re
    far = gap * s * m
    half, sine = fill(memory, -0.5), fill(memory, 0.8660254037844386)
    for k in range(m):
        t = at + 10 * k
        for q in range(s):
            i = opaque(here + gap * (q + s * k))
            o = opaque(there + space * q + leap * k)
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
def radix8(memory: Array, way: Any, reals: Array, at: Any, re: Any) -> None:
    here, gap, there, space, leap, apart, m, s = way
    im = HALF - re
    far = gap * s * m
    root = fill(memory, 0.7071067811865476)
    for k in range(m):
        t = at + 14 * k
        for q in range(s):
            i = opaque(here + gap * (q + s * k))
            o = opaque(there + space * q + leap * k)
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
