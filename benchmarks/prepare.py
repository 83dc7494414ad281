"""Time preparation beside pymatgen-core's bare parse of the same files.

    python benchmarks/prepare.py [--points 56 96] [--files 12] [--repeats 3] [--json FILE] [--markdown FILE]

Files: primitive face-centred cells (space group 225) of the given grids, made here: Gaussians on the sites, other
widths and lattice constants in every file. Before anything is timed, every file must be stored, with the electrons
that were put in. Times are of one process, with plans and kernels compiled and cached by the first file; the rivals
take turns and the best of the repeats counts. `step_ms` says where the time goes.
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
SITES, NUMBERS = np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]), [11, 17]


def made(points: int, seed: int) -> Density:
    """Make a rock salt with eight electrons on a primitive grid."""
    rng = np.random.default_rng(seed)
    lattice = rng.uniform(5.0, 6.0) * FCC
    x = np.stack(np.meshgrid(*[np.arange(points) / points] * 3, indexing="ij"), axis=-1)
    values = np.full((points,) * 3, 0.01)
    for site, width in zip(SITES, rng.uniform(0.5, 0.9, 2), strict=True):
        for shift in np.ndindex(3, 3, 3):
            distance = (x - site + np.array(shift) - 1) @ lattice
            values += np.exp(-(distance**2).sum(-1) / (2 * width**2))
    density = Density(values, lattice, SITES, NUMBERS)
    values = symmetrize(values, density.space_group())
    return density.with_values(values * 8 / density.with_values(values).electrons)


def best(call: Callable[[], object], repeats: int) -> float:
    """Return the shortest of several times, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(points: int, files: int, repeats: int, folder: Path) -> dict[str, object]:
    """Measure one size of grid."""
    paths = []
    for seed in range(files):
        path = folder / f"{points}-{seed}.CHGCAR"
        write_chgcar(path, made(points, seed))
        paths.append(str(path))
    options = Options()
    for path in paths:
        outcome = prepare_file(path, options)
        assert outcome.entry is not None, outcome.detail
        assert abs(outcome.entry.electrons - 32) < 1e-6
    ours = best(lambda: [prepare_file(path, options) for path in paths], repeats) / files
    parse = best(lambda: [Chgcar.from_file(path) for path in paths], repeats) / files
    density = read_chgcar(paths[0])
    group, shape = density.space_group(), (56, 56, 56)
    standard = standardize(density, None, shape)
    own, unit = asymmetric_unit(group, density.shape), asymmetric_unit(225, shape)
    steps = {
        "read": lambda: read_chgcar(paths[0]),
        "space group": density.space_group,
        "check": lambda: reduce_to_au(density.values, own),
        "standardize": lambda: standardize(density, None, shape),
        "reduce": lambda: reduce_to_au(standard.values, unit),
    }
    start = time.perf_counter()
    summary = prepare(paths, folder / f"set-{points}", options)
    whole = time.perf_counter() - start
    assert summary["stored"] == files, summary
    return {
        "grid": points,
        "files_per_s_per_core": round(1 / ours, 1),
        "prepare_ms": round(1e3 * ours, 1),
        "pymatgen_parse_ms": round(1e3 * parse, 1),
        "ratio": round(ours / parse, 1),
        "step_ms": {name: round(1e3 * best(call, repeats), 1) for name, call in steps.items()},
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
        rows = [measure(points, options.files, options.repeats, Path(scratch)) for points in options.points]
    print(table(rows))
    if options.markdown:
        options.markdown.write_text(table(rows) + "\n")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
