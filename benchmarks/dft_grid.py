"""What a DFT density loses on GPAW's default grid: the same crystal on the default and on the full grid, compared.

``python benchmarks/dft_grid.py [ID ...]`` computes each crystal twice (seconds to a minute each; it needs a Python with
GPAW) and prints the peak signal-to-noise ratio and the mean absolute error of the default against the full grid, both
on the grid on which the density is stored.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from symfft.constants import BOHR, HARTREE
from symfft.resampling import change_cell
from symfft_models.datasets.bundled.bundle import grid_of
from symfft_models.datasets.bundled.compute import compute_crystals
from symfft_models.datasets.bundled.crystals import Crystal, listed_crystals
from symfft_models.datasets.bundled.recipe import Recipe
from symfft_models.datasets.bundled.work_folder import WorkFolder

CRYSTALS = ("diamond-Si", "rock-salt-NaCl", "diamond-C", "rock-salt-MgO", "fcc-Ca", "fcc-Cu", "CsCl-NiAl")


class OneGrid(Recipe):
    """The recipe with either grid for every crystal."""

    full = False

    def grid_spacing(self, crystal: Crystal) -> float | None:
        """Distance (Å) of points on the full grid, or None."""
        return float(np.pi / np.sqrt(8 * self.cutoff(crystal) / HARTREE)) * BOHR if self.full else None


class FullGrid(OneGrid):
    """The grid that holds every frequency."""

    full = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ids", nargs="*", default=list(CRYSTALS))
    parser.add_argument("--python", default="/usr/bin/python3", help="interpreter with GPAW")
    options = parser.parse_args()
    listed = {crystal.id: crystal for crystal in listed_crystals()}
    print("| crystal | default grid | full grid | dB | mean absolute error | seconds |\n|---|---|---|---|---|---|")
    for name in options.ids:
        crystal = listed[name]
        found = []
        for recipe in (OneGrid(), FullGrid()):
            with TemporaryDirectory() as folder:
                work = WorkFolder(Path(folder))
                compute_crystals(work, [crystal], recipe, python=options.python, timeout=900)
                report, density = work.read(name)
            assert density is not None, report
            primitive, _, _ = crystal.cell(primitive=True)
            cell = np.rint(np.linalg.inv(crystal.basis)).astype(np.int64)
            stored = change_cell(density, primitive, cell, (0, 0, 0), grid_of(crystal))
            found.append((stored, "×".join(map(str, density.shape)), report["seconds"]))
        (coarse, coarse_shape, s1), (full, full_shape, s2) = found
        error = coarse - full
        decibels = 20 * np.log10(full.max() / np.sqrt(np.mean(error**2)))
        percent = 100 * np.abs(error).sum() / np.abs(full).sum()
        print(f"| {name} | {coarse_shape} | {full_shape} | {decibels:.0f} | {percent:.4f} % | {s1:.0f}, {s2:.0f} |")


if __name__ == "__main__":
    main()
