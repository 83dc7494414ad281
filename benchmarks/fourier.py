"""Time the exact transform beside the fastest real FFT of the full grid, for all 230 groups.

    python benchmarks/fourier.py --json FILE [--groups 1 2 225] [--shapes 48 96 128] [--dtype float32]
    python benchmarks/fourier.py --json FILE --named [--dtype float32]
    python benchmarks/fourier.py --json FILE --memory
    python benchmarks/fourier.py --json FILE --growth [--groups 62 225]
    python benchmarks/fourier.py --json FILE --report

Each group has its ITA reference setting and the nearest compatible grid. Timed are `au_dft`, from the values on the
asymmetric unit to the finished structure factors of the unique reflections, and `au_idft`; against the faster of
scipy.fft.rfftn, ducc0.fft.r2c and a pyFFTW plan (FFTW_MEASURE), and of their inverses, which only transform the full
grid: neither expanding to it nor picking from it is counted. All take turns in one process, on one thread, and the best
run of each counts; memory for results is allocated once, for all (scipy.fft has no way to), from a cache line on.
Equality with the full FFT is asserted first, and compilation lies outside the timer. Rows that FILE already has are not
measured again, so that an interrupted run goes on. `--named` measures the groups that have a line of their own in the
report, at 96³ where no other shapes are given; `--memory` adds the peak memory of a first call (Linux), `--growth` the
cost per point of a grid of twice the points along each axis, `--report` writes fourier.md, fourier.csv and fourier.png
to docs/benchmarks or another folder.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import ducc0
import fourier_memory
import fourier_report
import numpy as np
import pyfftw
import scipy.fft

import symfft
from symfft.au import _planned
from symfft.fourier.plan import FourierPlan

Row = dict[str, Any]

OURS = "symfft"
DOCS = Path(__file__).resolve().parents[1] / "docs" / "benchmarks"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
TOLERANCE = {"float64": 1e-13, "float32": 5e-6}
ROUNDS = 5
SECONDS = 0.3
SHOWN = ("number", "symbol", "shape", "engine", "plan_ms", "forward_ms", "forward_ratio", "inverse_ms", "inverse_ratio")
#: Groups, and points of the small and the large grid: those with aims; one via a subgroup (its origin lies off
#: the grid); one via the full grid (its lengths are prime).
GROWTH = [*((number, 96, 192) for number in sorted(fourier_report.AIMS)), (227, 100, 180), (1, 97, 193)]


def rivals(
    rho: np.ndarray, half: np.ndarray, threads: int = 1
) -> tuple[dict[str, Callable[[], Any]], dict[str, Callable[[], Any]]]:
    """Return calls that transform the full grid, and back."""
    out, back = pyfftw.empty_aligned(half.shape, half.dtype, n=64), pyfftw.empty_aligned(rho.shape, rho.dtype, n=64)
    last = rho.shape[-1]
    a, b = pyfftw.empty_aligned(rho.shape, rho.dtype), pyfftw.empty_aligned(half.shape, half.dtype)
    forward = pyfftw.FFTW(a, b, axes=(0, 1, 2), threads=threads, flags=("FFTW_MEASURE", "FFTW_DESTROY_INPUT"))
    inverse = pyfftw.FFTW(
        b, a, axes=(0, 1, 2), threads=threads, direction="FFTW_BACKWARD", flags=("FFTW_MEASURE", "FFTW_DESTROY_INPUT")
    )
    # executed over and over, a plan that destroys its input meets what it left there; zeros stay zeros
    a[:], b[:] = 0, 0
    return {
        "scipy": lambda: scipy.fft.rfftn(rho, workers=threads),
        "ducc0": lambda: ducc0.fft.r2c(rho, nthreads=threads, out=out),
        "pyFFTW": forward.execute,
    }, {
        "scipy": lambda: scipy.fft.irfftn(half, s=rho.shape, workers=threads),
        "ducc0": lambda: ducc0.fft.c2r(half, lastsize=last, forward=False, nthreads=threads, out=back),
        "pyFFTW": inverse.execute,
    }


def take_turns(calls: dict[Any, Callable[[], Any]], seconds: float) -> dict[Any, float]:
    """Return the best time of each call, in ms; quick ones run several times a turn."""
    best = dict.fromkeys(calls, math.inf)
    start, rounds = time.perf_counter(), 0
    while rounds < ROUNDS or time.perf_counter() - start < seconds:
        slowest = max((t for t in best.values() if t < math.inf), default=0.0)
        for name, call in calls.items():
            for _ in range(int(min(max(slowest / best[name], 1), 20)) if rounds else 1):
                begin = time.perf_counter()
                call()
                best[name] = min(best[name], 1e3 * (time.perf_counter() - begin))
        rounds += 1
    return best


class Grid(NamedTuple):
    """A group on a grid, and what is to be timed: forward, inverse."""

    au: symfft.AsymmetricUnit
    calls: tuple[dict[str, Callable[[], Any]], dict[str, Callable[[], Any]]]
    errors: tuple[float, float]


def prepare(number: int, points: int, dtype: str) -> Grid:
    """Make the transforms of one group on the grid nearest to points³, and check them."""
    group = symfft.SpaceGroup.from_number(number)
    au = symfft.asymmetric_unit(group, symfft.next_compatible_shape(group, (points,) * 3))
    values = np.random.default_rng(number).standard_normal(au.size).astype(dtype)
    f = symfft.au_dft(values, au)
    rho = symfft.expand_from_au(values, au)
    half = scipy.fft.rfftn(rho)
    errors = compare(au, values, f, rho)
    forward, inverse = rivals(rho, half)
    place, back = pyfftw.empty_aligned(f.shape, f.dtype, n=64), pyfftw.empty_aligned(values.shape, values.dtype, n=64)
    ours = lambda: symfft.au_dft(values, au, out=place), lambda: symfft.au_idft(f, au, out=back)
    return Grid(au, ({OURS: ours[0], **forward}, {OURS: ours[1], **inverse}), errors)


def describe(au: symfft.AsymmetricUnit, number: int, dtype: str) -> Row:
    """Return what a row says of its group."""
    return {
        "number": number,
        "symbol": au.space_group.symbol,
        "order": au.space_group.order,
        "engine": type(au.fourier.engine).__name__.removesuffix("Transform").lower(),
        "dtype": dtype,
    }


def measure(number: int, points: int, dtype: str) -> Row:
    """Measure one group on the grid nearest to points³."""
    au, calls, errors = prepare(number, points, dtype)
    plan = []
    for _ in range(2):
        begin = time.perf_counter()
        FourierPlan(au)
        plan.append(1e3 * (time.perf_counter() - begin))
    forward, inverse = (take_turns(each, SECONDS) for each in calls)
    fastest = [min((name for name in times if name != OURS), key=times.__getitem__) for times in (forward, inverse)]
    return describe(au, number, dtype) | {
        "points": points,
        "shape": "x".join(map(str, au.shape)),
        "n": au.size,
        "n_h": len(au.hkl),
        "plan_ms": round(min(plan), 2),
        "forward_ms": round(forward[OURS], 4),
        "full_forward": fastest[0],
        "full_forward_ms": round(forward[fastest[0]], 4),
        "forward_ratio": round(forward[fastest[0]] / forward[OURS], 2),
        "inverse_ms": round(inverse[OURS], 4),
        "full_inverse": fastest[1],
        "full_inverse_ms": round(inverse[fastest[1]], 4),
        "inverse_ratio": round(inverse[fastest[1]] / inverse[OURS], 2),
        "forward_error": float(f"{errors[0]:.1e}"),
        "inverse_error": float(f"{errors[1]:.1e}"),
    }


def compare(au: symfft.AsymmetricUnit, values: np.ndarray, f: np.ndarray, rho: np.ndarray) -> tuple[float, float]:
    """Assert that the transform and its inverse are right; return the largest errors, relative."""
    full = scipy.fft.rfftn(rho.astype(np.float64))
    h = au.hkl % au.shape
    mate = h[:, 2] > au.shape[2] // 2
    h[mate] = -h[mate] % au.shape
    expected = full[tuple(h.T)]
    expected[mate] = expected[mate].conj()
    forward = float(np.abs(f - expected).max() / np.abs(expected).max())
    inverse = float(np.abs(symfft.au_idft(f, au) - values).max() / np.abs(values).max())
    assert max(forward, inverse) < TOLERANCE[values.dtype.name], (au, forward, inverse)
    return forward, inverse


def growth(number: int, first: int, last: int, dtype: str) -> Row:
    """Return by how much the cost per point grows between two grids, beside the fastest full FFT's.

    Both grids take turns, so that what else the machine does counts for both.
    """
    grids = {points: prepare(number, points, dtype) for points in (first, last)}
    grown: Row = {}
    for column, direction in (("forward_ms", 0), ("inverse_ms", 1)):
        calls = {(points, name): call for points, grid in grids.items() for name, call in grid.calls[direction].items()}
        best = take_turns(calls, 10 * SECONDS)
        per_point = {
            points: (
                best[points, OURS] / math.prod(grid.au.shape),
                min(best[points, name] for name in grid.calls[direction] if name != OURS) / math.prod(grid.au.shape),
            )
            for points, grid in grids.items()
        }
        for name, small, large in zip((column, f"full_{column}"), per_point[first], per_point[last], strict=True):
            grown[name] = round(large / small, 3)
    large_au = grids[last].au
    return describe(large_au, number, dtype) | {"points": [first, last]} | grown


def save(path: Path, results: dict[str, list[Row]]) -> None:
    """Write a file that is whole at any moment."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(path)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True, help="file of results; what it has is kept")
    parser.add_argument("--groups", type=int, nargs="*", help="space-group numbers (default: all)")
    parser.add_argument("--shapes", type=int, nargs="*", help="points along each axis (default: 48 96 128)")
    parser.add_argument("--named", action="store_true", help="the groups that have aims only, at 96")
    parser.add_argument("--dtype", choices=list(TOLERANCE), default="float64")
    parser.add_argument("--memory", action="store_true", help="measure peak memory of the rows that FILE has")
    parser.add_argument("--growth", action="store_true", help="cost per point at 192 over that at 96, of named groups")
    parser.add_argument("--report", type=Path, nargs="?", const=DOCS, help="write table, data and picture to a folder")
    options = parser.parse_args()
    results: dict[str, list[Row]] = {"rows": [], "growth": []}
    if options.json.exists():
        results |= json.loads(options.json.read_text(encoding="utf-8"))

    if options.report:
        fourier_report.write(results, options.report)
        return
    if options.memory:
        for row in results["rows"]:
            if (
                "forward_memory" not in row
                and math.prod(map(int, row["shape"].split("x"))) >= fourier_memory.LEAST_POINTS
            ):
                row |= fourier_memory.measure(row["number"], row["shape"], row["dtype"])
                print(row["symbol"], row["shape"], row["plan_memory"], row["forward_memory"], row["inverse_memory"])
                save(options.json, results)
        return
    if options.growth:
        done = {(row["number"], *row["points"], row["dtype"]) for row in results["growth"]}
        for number, first, last in GROWTH:
            if (not options.groups or number in options.groups) and (number, first, last, options.dtype) not in done:
                results["growth"].append(growth(number, first, last, options.dtype))
                print(results["growth"][-1], flush=True)
                save(options.json, results)
        return
    done = {(row["number"], row["points"], row["dtype"]) for row in results["rows"]}
    for points in options.shapes or ([96] if options.named else [48, 96, 128]):
        for number in options.groups or (sorted(fourier_report.AIMS) if options.named else range(1, 231)):
            if (number, points, options.dtype) not in done:
                row = measure(number, points, options.dtype)
                results["rows"].append(row)
                print(*(row[k] for k in ("number", "symbol", "shape", "engine")), end=" ")
                print(
                    *(row[k] for k in ("plan_ms", "forward_ms", "forward_ratio", "inverse_ms", "inverse_ratio")),
                    flush=True,
                )
                save(options.json, results)
            _planned.cache_clear()


if __name__ == "__main__":
    if any(os.environ.get(name) != "1" for name in THREADS):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | dict.fromkeys(THREADS, "1"))
    main()
