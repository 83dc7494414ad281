"""Time preparation beside pymatgen-core's bare parse of the same files.

    python benchmarks/prepare.py [--points 56 96] [--files 12] [--repeats 3] [--json FILE] [--markdown FILE]

Files of the given grids, made here: Gaussians on the sites, other widths and lattice constants in every file.
``rock salt``: primitive face-centred cells (space group 225), whose structure recurs, so that plans are shared.
``wurtzite``: hexagonal cells with a free coordinate (186), where every file is a structure of its own. Before anything
is timed, every file must be stored, with the electrons that were put in. Times are of one process, with plans and
kernels compiled and cached by the first file; the rivals take turns and the best of the repeats counts. `alone_ms`:
what reading, search, check and change of cell take by themselves, once for each file, without a shared plan.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pymatgen.io.vasp.outputs import Chgcar

from symfft import Density, asymmetric_unit, read_chgcar, reduce_to_au, standardize, symmetrize, write_chgcar
from symfft_models.data.prepare import Options, prepare, prepare_file

FCC = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
HEXAGONAL = np.array([[1, 0, 0], [-0.5, np.sqrt(3) / 2, 0], [0, 0, 1.6]])
#: Space group, cell in units of a, range of a (Å), electrons, and sites for a free coordinate u.
STRUCTURES = {
    "rock salt": (225, FCC, (5.0, 6.0), 8, lambda u: ([[0, 0, 0], [0.5, 0.5, 0.5]], [11, 17])),
    "wurtzite": (
        186,
        HEXAGONAL,
        (3.0, 4.0),
        16,
        lambda u: (
            [[1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0.5], [1 / 3, 2 / 3, u], [2 / 3, 1 / 3, 0.5 + u]],
            [30, 30, 16, 16],
        ),
    ),
}


def made(points: int, seed: int, structure: str = "rock salt") -> Density:
    """Make a density of a structure on a grid of its primitive cell."""
    rng = np.random.default_rng(seed)
    _, cell, (least, most), electrons, sites_of = STRUCTURES[structure]
    lattice = rng.uniform(least, most) * cell
    positions, numbers = sites_of(rng.uniform(0.37, 0.39))
    sites = np.array(positions)
    x = np.stack(np.meshgrid(*[np.arange(points) / points] * 3, indexing="ij"), axis=-1)
    values = np.full((points,) * 3, 0.01)
    for site, width in zip(sites, rng.uniform(0.5, 0.9, 2).repeat(len(sites) // 2), strict=True):
        for shift in np.ndindex(3, 3, 3):
            distance = (x - site + np.array(shift) - 1) @ lattice
            values += np.exp(-(distance**2).sum(-1) / (2 * width**2))
    density = Density(values, lattice, sites, numbers)
    values = symmetrize(values, density.space_group())
    return density.with_values(values * electrons / density.with_values(values).electrons)


def best(call: Callable[[], object], repeats: int) -> float:
    """Return the shortest of several times, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(structure: str, points: int, files: int, repeats: int, folder: Path) -> dict[str, object]:
    """Measure one structure and size of grid."""
    number, _, _, electrons, _ = STRUCTURES[structure]
    cells = 4 if number == 225 else 1
    paths = []
    for seed in range(files):
        path = folder / f"{number}-{points}-{seed}.CHGCAR"
        write_chgcar(path, made(points, seed, structure))
        paths.append(str(path))
    options = Options()
    for path in paths:
        outcome = prepare_file(path, options)
        assert outcome.entry is not None, outcome.detail
        assert abs(outcome.entry.electrons - cells * electrons) < 1e-6
    ours = best(lambda: [prepare_file(path, options) for path in paths], repeats) / files
    parse = best(lambda: [Chgcar.from_file(path) for path in paths], repeats) / files
    density = read_chgcar(paths[0])
    group = density.space_group()
    own = asymmetric_unit(group, density.shape)
    steps = {
        "read": lambda: read_chgcar(paths[0]),
        "space group": density.space_group,
        "check": lambda: reduce_to_au(density.values, own),
        "standardize": lambda: standardize(density, None, (56, 56, 56)),
    }
    start = time.perf_counter()
    summary = prepare(paths, folder / f"set-{number}-{points}", options)
    whole = time.perf_counter() - start
    assert summary["stored"] == files, summary
    return {
        "structure": structure,
        "grid": points,
        "files_per_s_per_core": round(1 / ours, 1),
        "prepare_ms": round(1e3 * ours, 1),
        "pymatgen_parse_ms": round(1e3 * parse, 1),
        "ratio": round(ours / parse, 1),
        "alone_ms": {name: round(1e3 * best(call, repeats), 1) for name, call in steps.items()},
        "run_with_start_s": round(whole, 1),
    }


def table(rows: list[dict[str, object]]) -> str:
    """Return rows as a Markdown table."""
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(row[key]) for key in head) + " |" for row in rows])


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, nargs="+", default=[56, 96])
    parser.add_argument("--files", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rows = [
            measure(structure, points, options.files, options.repeats, Path(scratch))
            for structure in STRUCTURES
            for points in options.points
        ]
    print(table(rows))
    if options.markdown:
        options.markdown.write_text(table(rows) + "\n")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
