"""Bader charges of rock salt in its conventional cell: on the asymmetric unit, on the whole cell, by baderkit.

    python benchmarks/bader.py [--points 96] [--baderkit PYTHON]

The density is a sum of Gaussian atoms. Charges are compared first; machine code is compiled before the clock starts.
PYTHON is an interpreter with baderkit, whose weight method is timed on the same CHGCAR, once it is read.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from symfft import Density, SpaceGroup, asymmetric_unit, bader, reduce_to_au, write_density
from symfft.basins.partition import Basins

LATTICE = 5.64
#: Atomic number: place of one atom, electrons, width in Å.
ATOMS = {11: ((0.0, 0.0, 0.0), 10.0, 0.45), 17: ((0.5, 0.5, 0.5), 18.0, 0.55)}
FACES = ((0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0))

THEIRS = """
import json, sys, time
from baderkit.bader import Bader
from baderkit.toolkit import Grid
def run(path):
    grid = Grid.from_vasp(path)
    start = time.perf_counter()
    found = Bader(method="weight", charge_grid=grid, total_charge_grid=grid, reference_grid=grid, vacuum_tol=False)
    charges = [float(q) for q in found.atom_charges]
    return charges, time.perf_counter() - start
run(sys.argv[1])
results = [run(sys.argv[2]) for _ in range(3)]
print("RESULT" + json.dumps([results[0][0], min(t for _, t in results)]))
"""


def rock_salt(n: int) -> Density:
    """Return the density on n³ points."""
    x = np.arange(n) / n
    values, positions, numbers = np.zeros((n, n, n)), [], []
    for number, (place, electrons, sigma) in ATOMS.items():
        for face in FACES:
            centre = (np.array(place) + face) % 1.0
            positions.append(centre)
            numbers.append(number)
            shifts = np.arange(-3, 4)[:, None]
            lines = [np.exp(-(((x - c + shifts) * LATTICE) ** 2) / (2 * sigma**2)).sum(axis=0) for c in centre]
            peak = electrons / (2 * np.pi * sigma**2) ** 1.5
            values += peak * lines[0][:, None, None] * lines[1][:, None] * lines[2]
    return Density(values, LATTICE * np.eye(3), np.array(positions), np.array(numbers), comment="rock salt")


def best(function, repeats: int = 3) -> float:
    """Return the shortest of several times, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def kernel(density: Density, group: SpaceGroup):
    """Return the partition alone, from values on the asymmetric unit."""
    au = asymmetric_unit(group, density.shape)
    values = reduce_to_au(density.values, au)
    field = values[None] * (density.volume / density.values.size)
    return lambda: Basins(values, au, density.lattice).integrate(field)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=96)
    parser.add_argument("--baderkit", metavar="PYTHON", help="interpreter of an environment with baderkit")
    options = parser.parse_args()

    small, density = rock_salt(16), rock_salt(options.points)
    bader(small), bader(small, space_group="P 1")
    group = density.space_group()
    found, plain = bader(density), bader(density, space_group="P 1")
    np.testing.assert_allclose(found.electrons, plain.electrons, atol=1e-9)
    charges = found.electrons[[0, 4]].round(5).tolist()
    print(f"{group.symbol}, {options.points}³ points; charges {charges}, equal to 1e-9")

    ours = best(lambda: bader(density))
    whole = best(lambda: bader(density, space_group="P 1"), 1)
    print(f"symfft.bader               {1e3 * ours:9.1f} ms")
    print(f"symfft.bader without group {1e3 * whole:9.1f} ms   {whole / ours:6.1f} times as long")
    ours_alone, whole_alone = best(kernel(density, group)), best(kernel(density, SpaceGroup.from_number(1)), 1)
    print(f"partition alone            {1e3 * ours_alone:9.1f} ms")
    print(f"   on the whole cell       {1e3 * whole_alone:9.1f} ms   {whole_alone / ours_alone:6.1f} times as long")
    if options.baderkit:
        with tempfile.TemporaryDirectory() as folder:
            paths = [str(Path(folder) / name) for name in ("small.vasp", "large.vasp")]
            write_density(paths[0], small)
            write_density(paths[1], density)
            output = subprocess.run(
                [options.baderkit, "-c", THEIRS, *paths], capture_output=True, text=True, check=False
            )
        lines = [line for line in output.stdout.splitlines() if line.startswith("RESULT")]
        if not lines:
            raise SystemExit(f"baderkit failed:\n{output.stderr[-2000:]}")
        others, theirs = json.loads(lines[0].removeprefix("RESULT"))
        np.testing.assert_allclose(others, found.electrons, atol=5e-3)
        apart = np.abs(np.array(others) - found.electrons).max()
        print(f"baderkit, weight method    {1e3 * theirs:9.1f} ms   {theirs / ours:6.1f} times as long")
        print(f"   charges apart by at most {apart:.1e}")


if __name__ == "__main__":
    main()
