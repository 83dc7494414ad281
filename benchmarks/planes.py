"""Time the transform by planes and lines against the fastest full-size real FFT of this machine, in one run.

    python benchmarks/planes.py [size] [symbol …]

Prints, for each group, the shape, the plan's milliseconds, forward and inverse microseconds of one density on one
thread, and how many times faster they are than the fastest of scipy.fft, ducc0 and pyFFTW (those installed) on the full
grid. The result is first compared with numpy's FFT of the full grid.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import scipy.fft

from symfft import asymmetric_unit, expand_from_au, next_compatible_shape
from symfft.fourier.engines.planes import plan_planes

GROUPS = (
    "P -1",
    "P 1 2 1",
    "P 1 21 1",
    "C 1 2 1",
    "P 1 m 1",
    "P 1 c 1",
    "P 1 21/c 1",
    "P 1 2/m 1",
    "C 1 2/c 1",
    "C 1 2/m 1",
    "P 4",
    "P 41",
    "I 4",
    "P -4",
    "P 4/m",
    "I 41/a",
    "P 41 21 2",
    "P 4 m m",
    "P -4 21 m",
    "P 3",
    "P 31",
    "R 3",
    "P -3",
    "R -3",
    "P 31 2 1",
    "R 3 2",
    "P 3 m 1",
    "R 3 m",
    "R 3 c",
    "P -3 1 c",
    "P -3 m 1",
    "R -3 m",
    "R -3 c",
    "R -3 m:R",
    "P 6",
    "P 61",
    "P 63",
    "P -6",
    "P 6/m",
    "P 63/m",
    "P 61 2 2",
    "P 6 m m",
    "P 63 m c",
    "P -6 m 2",
    "P 6/m m m",
    "P 6/m c c",
    "P 63/m m c",
)


def best(run, repeats=15):
    """Return the least time of one call, in seconds; each result lives until the next is there."""
    result = run()
    least = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        following = run()
        least = min(least, time.perf_counter() - start)
        result, following = following, result
    return least


def full_ffts(shape, dtype):
    """Return the real FFTs at hand, by name: (forward, inverse)."""
    rho = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    half = scipy.fft.rfftn(rho)
    found = {"scipy": (lambda: scipy.fft.rfftn(rho, workers=1), lambda: scipy.fft.irfftn(half, s=shape, workers=1))}
    try:
        import ducc0

        there, back = np.empty_like(half), np.empty_like(rho)
        axes = (0, 1, 2)
        found["ducc0"] = (
            lambda: ducc0.fft.r2c(rho, out=there, nthreads=1),
            lambda: ducc0.fft.c2r(half, axes=axes, lastsize=shape[2], out=back, nthreads=1),
        )
    except ImportError:
        pass
    try:
        import pyfftw

        a, b = pyfftw.empty_aligned(shape, dtype), pyfftw.empty_aligned(half.shape, half.dtype)
        there_plan = pyfftw.FFTW(a, b, axes=(0, 1, 2), flags=("FFTW_MEASURE",))
        back_plan = pyfftw.FFTW(b, a, axes=(0, 1, 2), direction="FFTW_BACKWARD", flags=("FFTW_MEASURE",))
        found["pyfftw"] = (there_plan.execute, back_plan.execute)
    except ImportError:
        pass
    return found


def measure(symbol, shape, dtype):
    """Return milliseconds of the plan, seconds forward and back, and the plan; errors end the program."""
    au = asymmetric_unit(symbol, shape)
    start = time.perf_counter()
    plan = plan_planes(au)
    built = time.perf_counter() - start
    values = np.random.default_rng(1).standard_normal((1, au.size)).astype(dtype)
    f = plan.forward(values)
    full = np.fft.fftn(expand_from_au(values[0], au))
    error = abs(f[0] - full[tuple(plan.hkl.T)]).max() / abs(full).max()
    back = abs(plan.inverse(f) - values).max() / abs(values).max()
    if not max(error, back) < (1e-13 if dtype == np.float64 else 2e-6):
        raise SystemExit(f"{symbol}: forward and inverse differ by {error:.1e}, {back:.1e}")
    return built, best(lambda: plan.forward(values), 40), best(lambda: plan.inverse(f), 40), au.size, plan.cost


def main(size, symbols, dtype):
    rivals = {}
    print("group         shape            plan ms | forward µs      x  ns/point | inverse µs      x | model µs")
    for symbol in symbols:
        shape = next_compatible_shape(symbol, (size,) * 3)
        built, there, back, points, cost = measure(symbol, shape, dtype)
        ffts = full_ffts(shape, dtype)
        times = {name: [best(f, 5) for f in pair] for name, pair in ffts.items()}
        # the best of the whole run so far, as everything else on the machine only makes it slower
        rival = [min(t) for t in zip(*times.values(), strict=True)]
        rivals[shape] = rival = [min(t) for t in zip(rival, rivals.get(shape, rival), strict=True)]
        print(
            f"{symbol:13s} {shape!s:16s} {1e3 * built:6.0f} | {1e6 * there:9.0f} {rival[0] / there:8.1f}"
            f" {1e9 * there / points:7.2f} | {1e6 * back:9.0f} {rival[1] / back:8.1f} | {cost / 1e3:6.0f}",
            flush=True,
        )
    for shape, (forward, inverse) in rivals.items():
        print(f"full real FFT {shape}: {1e3 * forward:.2f} ms, inverse {1e3 * inverse:.2f} ms")


if __name__ == "__main__":
    kind = np.float32 if "float32" in sys.argv else np.float64
    rest = [a for a in sys.argv[1:] if a != "float32"]
    main(int(rest[0]) if rest else 96, rest[1:] or GROUPS, kind)
