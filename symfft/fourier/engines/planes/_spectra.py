"""Between the spectra of a block of lines and structure factors; heads of classes as in :mod:`._line_kernels`."""

from __future__ import annotations

from typing import Any

from symfft._array_types import Array
from symfft._compile import bare, embedded, inlined
from symfft._compile.lanes import (
    LANES,
    element,
    evens,
    fill,
    fma,
    interleave_high,
    interleave_low,
    load,
    odds,
    prefetch,
    spread,
    store,
    stream,
)
from symfft._compile.trace import counted
from symfft.fourier.engines.planes._radices import HALF, ROW
from symfft.fourier.engines.planes.opcodes import COMPLEX, REAL_IN, REAL_OUT, read_class


@bare
def put_spectra(
    memory: Array,
    out: Array,
    program: Array,
    reals: Array,
    head: Any,
    block: Any,
    form: Any,
    result: Any,
    scratch: Any,
    past_caches: bool,
) -> None:
    """Write the structure factors of a block from the rows at `result`; a whole block past the caches, if wanted."""
    group = read_class(program, head)
    count, places, mates, angles = group.number, group.places, group.mates, group.angles
    subs = 1 if form == COMPLEX else 2
    done = block * LANES * subs
    o = group.start + 2 * done * count
    valid = min(group.lines - done, LANES * subs)
    f = group.phases + block * subs * 2 * LANES
    a, b = load(reals, f), load(reals, f + LANES)
    c, d = a, b
    if form != COMPLEX:
        c, d = load(reals, f + 2 * LANES), load(reals, f + 3 * LANES)
    for i in range(count):
        j = result + ROW * element(program, places + i)
        x, y = load(memory, j), load(memory, j + HALF)
        if form == COMPLEX:
            _emit(memory, out, scratch, o, valid, fma(x, a, -(y * b)), fma(x, b, y * a), past_caches)
        else:
            if form == REAL_OUT:
                s, t = spread(reals, angles + 2 * i), spread(reals, angles + 2 * i + 1)
                u, v = fma(x, s, y * t), fma(y, s, -(x * t))
                ar, ai = fma(a, s, -(b * t)), fma(a, t, b * s)
                br, bi = fma(c, s, -(d * t)), fma(c, t, d * s)
                px, py, qx, qy = u * ar, u * ai, v * br, v * bi
            else:
                k = result + ROW * element(program, mates + i)
                z, w = load(memory, k), load(memory, k + HALF)
                ux, uy, vx, vy = x + z, y - w, y + w, z - x
                px, py = fma(ux, a, -(uy * b)), fma(ux, b, uy * a)
                qx, qy = fma(vx, c, -(vy * d)), fma(vx, d, vy * c)
            _emit(memory, out, scratch, o, min(valid, LANES), px, py, past_caches)
            if valid > LANES:
                _emit(memory, out, scratch, o + 2 * LANES, valid - LANES, qx, qy, past_caches)
        o += 2 * valid


@bare
def take_spectra(
    memory: Array,
    given: Array,
    program: Array,
    reals: Array,
    head: Any,
    block: Any,
    form: Any,
    n: Any,
    result: Any,
    scratch: Any,
) -> None:
    """Transposed map of :func:`put_spectra`, of weighted structure factors; sets the n rows at `result`."""
    group = read_class(program, head)
    count, places, mates, angles = group.number, group.places, group.mates, group.angles
    subs = 1 if form == COMPLEX else 2
    done = block * LANES * subs
    o = group.start + 2 * done * count
    valid = min(group.lines - done, LANES * subs)
    f = group.phases + block * subs * 2 * LANES
    weights, q = group.images, group.weights + block * subs * LANES
    m = load(reals, q)
    a, b = m * load(reals, f), m * load(reals, f + LANES)
    c, d = a, b
    if form != COMPLEX:
        m = load(reals, q + LANES)
        c, d = m * load(reals, f + 2 * LANES), m * load(reals, f + 3 * LANES)
    if form == REAL_IN or count < n:
        for i in range(0, n * ROW, HALF):
            store(memory, result + i, fill(memory, 0.0))
    for i in range(count):
        # the next block's come into the cache meanwhile
        prefetch(given, o + 2 * count * LANES * subs)
        prefetch(given, o + 2 * count * LANES * subs + LANES)
        j = result + ROW * element(program, places + i)
        g = spread(reals, weights + i)
        x, y = _take(memory, given, scratch, o, valid)
        # conj(φ) F
        px, py = g * fma(x, a, y * b), g * fma(y, a, -(x * b))
        if form == COMPLEX:
            store(memory, j, px)
            store(memory, j + HALF, py)
        else:
            qx, qy = fill(memory, 0.0), fill(memory, 0.0)
            if valid > LANES:
                prefetch(given, o + 2 * count * LANES * subs + 2 * LANES)
                prefetch(given, o + 2 * count * LANES * subs + 3 * LANES)
                x, y = _take(memory, given, scratch, o + 2 * LANES, valid - LANES)
                qx, qy = g * fma(x, c, y * d), g * fma(y, c, -(x * d))
            if form == REAL_OUT:
                s, t = spread(reals, angles + 2 * i), spread(reals, angles + 2 * i + 1)
                u, v = fma(px, s, py * t), fma(qx, s, qy * t)
                store(memory, j, fma(u, s, -(v * t)))
                store(memory, j + HALF, fma(u, t, v * s))
            else:
                k = result + ROW * element(program, mates + i)
                store(memory, j, load(memory, j) + (px - qy))
                store(memory, j + HALF, load(memory, j + HALF) + (py + qx))
                store(memory, k, load(memory, k) + (px + qy))
                store(memory, k + HALF, load(memory, k + HALF) + (qx - py))
        o += 2 * valid


@inlined
def twist(memory: Array, line: Any, n: Any, reals: Array, twiddle: Any, sign: Any) -> None:
    """Multiply row z of a line by e(∓rz/N)."""
    for z in counted(n):
        c, s = spread(reals, twiddle + 2 * z), spread(reals, twiddle + 2 * z + 1)
        s = s * fill(memory, sign)
        a = line + ROW * z
        x, y = load(memory, a), load(memory, a + HALF)
        store(memory, a, fma(x, c, -(y * s)))
        store(memory, a + HALF, fma(x, s, y * c))


@embedded
def _emit(memory: Array, out: Array, scratch: Any, o: Any, valid: Any, x: Any, y: Any, past_caches: bool) -> None:
    """Write the first lanes of x + iy as complex numbers."""
    if past_caches:
        stream(out, o, interleave_low(x, y))
        stream(out, o + LANES, interleave_high(x, y))
    elif valid >= LANES:
        store(out, o, interleave_low(x, y))
        store(out, o + LANES, interleave_high(x, y))
    else:
        store(memory, scratch, interleave_low(x, y))
        store(memory, scratch + LANES, interleave_high(x, y))
        for i in range(2 * valid):
            out[o + i] = memory[scratch + i]


@embedded
def _take(memory: Array, given: Array, scratch: Any, o: Any, valid: Any) -> Any:
    """Read complex numbers into the first lanes; the others are zero."""
    if valid >= LANES:
        a, b = load(given, o), load(given, o + LANES)
    else:
        store(memory, scratch, fill(memory, 0.0))
        store(memory, scratch + LANES, fill(memory, 0.0))
        for i in range(2 * valid):
            memory[scratch + i] = given[o + i]
        a, b = load(memory, scratch), load(memory, scratch + LANES)
    return evens(a, b), odds(a, b)
