"""Give the PAW densities to `symfft-vae prepare` as strangers would, and compare what comes back.

    python benchmarks/prepare_round_trip.py [--files 1000] [--seed 0] [--folder FOLDER] [--json FILE]

Every density is written as a CHGCAR on its own grid, in a cell of its own: another origin (a point of the grid), axes
in another order, every second one doubled along an axis; where there are more files than densities, lattice constants
are scaled, so that no two files are the same density. What must come back of every file: group, composition,
electrons, lattice constants, and on the standard grid the same moduli of structure factors the same number of times,
which no origin changes (largest difference of the sorted moduli over the largest but F(0)). Throughput is files per
second of processor time, reading included.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from symfft import Density, write_chgcar
from symfft_models.data.entry import Entry
from symfft_models.datasets.paw import load_paw
from symfft_models.datasets.paw.entry import PawEntry
from symfft_models.datasets.prepare import Options, prepare, stored_entries
from symfft_models.datasets.prepare.ledger import Ledger
from symfft_models.datasets.prepare.preparation import LEDGER


def scaled(entry: PawEntry, factor: float) -> Density:
    """Return an entry's density in a cell whose lattice constants are `factor` times as long, with its electrons."""
    density = entry.density()
    return replace(density, values=density.values / factor**3, lattice=density.lattice * factor, magnetization=None)


def elsewhere(density: Density, rng: np.random.Generator) -> Density:
    """Return the same density in another cell: origin, order of the axes, and half of the time a doubled axis."""
    shift = np.array([rng.integers(n) for n in density.shape])
    order = np.roll(np.arange(3), rng.integers(3))
    values = np.roll(density.values, shift, (0, 1, 2)).transpose(order)
    positions = (density.positions + shift / np.array(density.shape))[:, order] % 1
    lattice, numbers = density.lattice[order], density.numbers
    if rng.random() < 0.5 and values.size < 200_000:
        axis = int(rng.integers(3))
        values, numbers = np.concatenate([values, values], axis), np.concatenate([numbers, numbers])
        half = np.where(np.arange(3) == axis, 0.5, 1.0)
        positions = np.concatenate([positions * half, positions * half + 0.5 * (half < 1)])
        lattice = lattice / half[:, None]
    by_element = np.argsort(numbers, kind="stable")
    return Density(values, lattice, positions[by_element], numbers[by_element])


def processor_time() -> float:
    """Return the processor time (s) of this process and of those that it has waited for."""
    return time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


def difference(wanted: PawEntry, factor: float, found: Entry) -> float:
    """Return the largest difference of sorted |F|, over the largest but F(0); infinite for another crystal."""
    lengths = np.sort(np.linalg.norm(wanted.lattice * factor, axis=1))
    if (
        (found.space_group, found.composition) != (wanted.space_group, wanted.composition)
        or abs(found.electrons - wanted.electrons) > 1e-3
        or not np.allclose(np.sort(np.linalg.norm(found.lattice, axis=1)), lengths, rtol=1e-6)
    ):
        return np.inf
    reference = moduli(wanted.values(found.shape) / factor**3)
    return float(np.abs(moduli(found.density().values) - reference).max() / reference[-2])


def moduli(values: np.ndarray) -> np.ndarray:
    """Return |F(h)| of the values on a grid in ascending order, without the frequencies that an even grid halves."""
    factors = np.fft.fftn(values, norm="forward")
    for axis, n in enumerate(values.shape):
        if n % 2 == 0:
            factors = np.delete(factors, n // 2, axis)
    return np.sort(np.abs(factors).ravel())


def round_trip(files: int, seed: int, folder: Path) -> dict[str, object]:
    """Write, prepare and compare; return what was measured."""
    rng = np.random.default_rng(seed)
    entries = list(load_paw())
    written: dict[str, tuple[PawEntry, float]] = {}
    for number in range(files):
        entry = entries[number % len(entries)]
        factor = 1.0 if number < len(entries) else float(rng.uniform(0.98, 1.02))
        path = folder / f"{number:05d}.CHGCAR"
        write_chgcar(path, replace(elsewhere(scaled(entry, factor), rng), comment=path.name))
        written[path.name] = (entry, factor)
    size = sum(path.stat().st_size for path in folder.glob("*.CHGCAR"))
    started, wall = processor_time(), time.perf_counter()
    summary = prepare([str(folder)], folder / "set", Options(), jobs=1, progress=True)
    processor, wall = processor_time() - started, time.perf_counter() - wall
    with Ledger(folder / "set" / LEDGER) as ledger:
        refused = list(ledger.refusals())
    errors, other = [], []
    for found in stored_entries(folder / "set"):
        name = str(found.metadata["comment"]).split()[0]
        error = difference(*written[name], found)
        (errors if np.isfinite(error) else other).append((error, name, written[name][0].id))
    return {
        "files": files,
        "megabytes": round(size / 1e6),
        "densities": len(entries),
        "groups": len({entry.space_group for entry in entries}),
        "stored": summary["stored"],
        "refused": [(written[Path(one["path"]).name][0].id, one["reason"], one["detail"]) for one in refused],
        "came back as something else": Counter(name for _, _, name in other),
        "largest error": max(error for error, *_ in errors),
        "median error": float(np.median([error for error, *_ in errors])),
        "worst": max(errors)[2],
        "files per second, wall": round(files / wall, 1),
        "files per second, processor": round(files / processor, 1),
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="keep the files here (default: a temporary folder)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        report = round_trip(options.files, options.seed, folder)
    for name, value in report.items():
        print(f"{name}: {value}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
