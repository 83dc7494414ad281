"""Do the bundled densities come out again? Ten of them computed afresh and compared with what a CHGCAR of them says.

``python benchmarks/bundled_again.py [--count 10] [--seed 0]`` chooses entries at random, exports each with
``symfft-vae data export``, reads the file back, computes the crystal again (it needs a Python with GPAW) and prints how
far the two are apart on the stored grid.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from symfft import read_chgcar
from symfft_models.cli import main as command
from symfft_models.data import load_bundled
from symfft_models.datasets.bundled.bundle import entry_of
from symfft_models.datasets.bundled.compute import compute_crystals
from symfft_models.datasets.bundled.crystals import listed_crystals
from symfft_models.datasets.bundled.recipe import Recipe
from symfft_models.datasets.bundled.work_folder import WorkFolder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=30, help="seconds that a chosen one took at first, at most")
    parser.add_argument("--python", default="/usr/bin/python3", help="interpreter with GPAW")
    options = parser.parse_args()
    recipe, listed = Recipe(), {crystal.id: crystal for crystal in listed_crystals(copies=3)}
    bundled = load_bundled()
    short = bundled.column("id")[bundled.column("seconds") < options.longest]
    names = np.random.default_rng(options.seed).choice(short, options.count, replace=False)
    print("| entry | group | electrons read back | PSNR (dB) | mean absolute error | energy difference (eV) |")
    print("|---|---|---|---|---|---|")
    for name in sorted(map(str, names)):
        with TemporaryDirectory() as folder:
            file = Path(folder) / "CHGCAR"
            assert command(["data", "export", name, "-o", str(file), "--quiet"]) == 0
            stored = read_chgcar(file)
            work = WorkFolder(Path(folder) / "work")
            compute_crystals(work, [listed[name]], recipe, python=options.python, timeout=900)
            report, density = work.read(name)
        fresh = entry_of(listed[name], report, density, recipe)
        values = fresh.density().values
        error = stored.values - values
        decibels = 20 * np.log10(values.max() / np.sqrt(np.mean(error**2)))
        percent = 100 * np.abs(error).sum() / np.abs(values).sum()
        energy = fresh.metadata["energy_ev"] - bundled.find(name).metadata["energy_ev"]
        print(
            f"| {name} | {fresh.space_group} | {stored.electrons:.6f} of {fresh.electrons:.0f} | {decibels:.0f} "
            f"| {percent:.5f} % | {energy:+.1e} |"
        )


if __name__ == "__main__":
    main()
