"""Time `symmetrize` beside gemmi's, and `check_symmetry` beside a real FFT of the same grid.

    python benchmarks/symmetrize.py [--points 96] [--groups 2 14 62 166 194 225]

`symmetrize` of float64 and float32 arrays against `gemmi.FloatGrid.symmetrize_avg`, which is of float32 and works in
place; results are compared first. `check_symmetry` of a symmetric density, and of random values, against
the fastest of the real FFTs of NumPy, SciPy and pyFFTW. One thread; compilation outside the timer; the best of several
runs, the rivals taking turns.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import gemmi
import numpy as np
import pyfftw
import scipy.fft

import symfft

REPEATS = 9


def milliseconds(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Time calls that take turns, the best of several runs of each."""
    best = dict.fromkeys(calls, np.inf)
    for _ in range(REPEATS):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            best[name] = min(best[name], 1e3 * (time.perf_counter() - start))
    return best


def row(number: int, points: int) -> str:
    """Measure one group."""
    group = symfft.SpaceGroup.from_number(number)
    shape = symfft.next_compatible_shape(group, (points,) * 3)
    rho = np.random.default_rng(0).random(shape)
    single = rho.astype(np.float32)
    grid = gemmi.FloatGrid(single)
    grid.spacegroup = gemmi.find_spacegroup_by_name(group.symbol)
    grid.symmetrize_avg()
    symmetric = symfft.symmetrize(rho, group)
    np.testing.assert_allclose(symfft.symmetrize(single, group), np.array(grid, copy=True), atol=1e-5)
    np.testing.assert_allclose(symmetric, np.array(grid, copy=True), atol=1e-5)
    assert symfft.check_symmetry(symmetric, group).largest_residual == 0
    signed = rho - 0.5
    symfft.check_symmetry(signed, group)
    fftw = pyfftw.builders.rfftn(pyfftw.empty_aligned(shape, dtype=np.float64), threads=1)
    t = milliseconds(
        {
            "float64": lambda: symfft.symmetrize(rho, group),
            "float32": lambda: symfft.symmetrize(single, group),
            "gemmi": grid.symmetrize_avg,
            "symmetric": lambda: symfft.check_symmetry(symmetric, group),
            "random": lambda: symfft.check_symmetry(rho, group),
            "signed": lambda: symfft.check_symmetry(signed, group),
            "numpy": lambda: np.fft.rfftn(rho),
            "scipy": lambda: scipy.fft.rfftn(rho, workers=1),
            "fftw": lambda: fftw(rho),
        }
    )
    fft = min(t["numpy"], t["scipy"], t["fftw"])
    cells = [t["float64"], t["gemmi"] / t["float64"], t["float32"], t["gemmi"] / t["float32"], t["gemmi"]]
    for kind in ("symmetric", "random", "signed"):
        cells += [t[kind], t[kind] / fft]
    cells.append(fft)
    return f"| {number} | {'x'.join(map(str, shape))} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=96, help="points along each axis (default 96)")
    parser.add_argument("--groups", type=int, nargs="*", default=[2, 14, 62, 166, 194, 225], help="group numbers")
    options = parser.parse_args()
    print(
        "| group | grid | symmetrize float64, ms | times gemmi's speed | float32, ms | times gemmi's speed | gemmi, ms "
        "| check_symmetry, symmetric, ms | in real FFTs | random values, ms | in real FFTs "
        "| of either sign, ms | in real FFTs | real FFT, ms |"
    )
    print("|" + "---|" * 14)
    for number in options.groups:
        print(row(number, options.points), flush=True)


if __name__ == "__main__":
    main()
