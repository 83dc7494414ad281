"""Laplacian, gradient and Hartree potential on the asymmetric unit beside real FFTs of the whole cell.

    python benchmarks/analysis.py [--points 96] [--groups 1 14 62 194 225]

Results are compared first; plans are made and machine code compiled before the clock starts. One thread.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import scipy.fft

import symfft
from symfft.analysis import au_gradient_norm, au_hartree_potential, au_laplacian
from symfft.analysis.frequencies import frequencies_of
from symfft.constants import COULOMB

REPEATS = 3


def best(function) -> float:
    """Return the shortest of several times, in milliseconds."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def metric_lattice(group: symfft.SpaceGroup) -> np.ndarray:
    """Return a lattice that has the symmetry of a group."""
    metric = np.einsum("gki,kl,glj->ij", group.rotations, np.diag([36.0, 49.0, 64.0]), group.rotations) / group.order
    return np.linalg.cholesky(metric)


def on_the_cell(shape, lattice):
    """Return Laplacian, gradient and potential by real FFTs of the whole cell, their tables made beforehand."""
    half = (shape[0], shape[1], shape[2] // 2 + 1)
    found = frequencies_of(np.ascontiguousarray(np.indices(half).reshape(3, -1).T), shape, lattice)
    squared = found.squared.reshape(half)
    cartesian = (2j * np.pi * found.mean @ np.linalg.inv(lattice).T).T.reshape(3, *half)
    coulomb = np.divide(COULOMB / np.pi, squared, out=np.zeros(half), where=squared > 0)

    def filtered(rho, factor):
        return scipy.fft.irfftn(scipy.fft.rfftn(rho) * factor, s=shape, overwrite_x=True)

    def gradient(rho):
        transform = scipy.fft.rfftn(rho)
        parts = [scipy.fft.irfftn(transform * g, s=shape, overwrite_x=True) for g in cartesian]
        return np.sqrt(parts[0] ** 2 + parts[1] ** 2 + parts[2] ** 2)

    return (
        lambda rho: filtered(rho, -4 * np.pi**2 * squared),
        gradient,
        lambda rho: filtered(rho, coulomb),
    )


def measure(number: int, points: int) -> None:
    """Compare and time one group."""
    group = symfft.SpaceGroup.from_number(number)
    shape = symfft.next_compatible_shape(group, (points,) * 3)
    lattice = metric_lattice(group)
    au = symfft.asymmetric_unit(group, shape)
    values = 1 + np.random.default_rng(0).random(au.size)
    rho = symfft.expand_from_au(values, au)
    row = []
    for ours, theirs in zip(
        (au_laplacian, au_gradient_norm, au_hartree_potential), on_the_cell(shape, lattice), strict=True
    ):
        expected = theirs(rho)
        found = symfft.expand_from_au(ours(values, au, lattice), au)
        np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())
        mine, full = best(lambda f=ours: f(values, au, lattice)), best(lambda f=theirs: f(rho))
        row.append(f"{mine:8.2f} {full:8.1f} {full / mine:6.1f}")
    print(f"{group.symbol:12} {group.order:4d} {points:4d}³ | " + " | ".join(row), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=96)
    parser.add_argument("--groups", type=int, nargs="+", default=[1, 14, 62, 194, 225])
    options = parser.parse_args()
    print("ms on the AU, on the cell, ratio      Laplacian        |   gradient norm          |   Hartree potential")
    for number in options.groups:
        measure(number, options.points)


if __name__ == "__main__":
    main()
