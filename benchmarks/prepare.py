"""Time preparation beside pymatgen-core's bare parse of the same files.

    python benchmarks/prepare.py [--structure NAME …] [--files 20] [--repeats 3] [--json FILE] [--markdown FILE]

Files made here, in the primitive cell: Gaussians on the sites, with other widths, lengths, angles and free coordinates
in every file, so that no two share more than their space group and grid; more files than the program keeps lattices in
memory, so that each is met anew every time. They go to the default grids of a set (56³, or 64³ for 227). Before
anything is timed, every file must be stored in its group with the electrons that were put in.
Times are processor time of one process, so that other work on the machine counts little, with kernels compiled and all
files read once before; the rivals take turns and the best of the repeats counts, of all files together. `--gz`
compresses the files.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pymatgen.io.vasp.outputs import Chgcar

from symfft import Density, SpaceGroup, next_compatible_shape, write_chgcar
from symfft_models.datasets.prepare import Options, prepare, prepare_file

FCC = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
IDENTITY = np.eye(3)


@dataclass(frozen=True)
class Structure:
    """A group, how its primitive cell lies in the conventional one, and one site of each orbit with free coordinates.

    `lengths` and `angles` are those of the conventional cell, `vary` says which of the six may vary on their own.
    """

    group: int
    lengths: tuple[float, float, float]
    angles: tuple[float, float, float]
    sites: tuple[tuple[int, tuple[str, str, str]], ...]
    grids: tuple[tuple[int, int, int], ...] = ((56, 56, 56), (96, 96, 96))
    primitive: np.ndarray | None = None


STRUCTURES = {
    "rock salt": Structure(
        225, (5.6,) * 3, (90,) * 3, ((11, ("0", "0", "0")), (17, (".5", ".5", ".5"))), primitive=FCC
    ),
    "spinel": Structure(
        227,
        (8.1,) * 3,
        (90,) * 3,
        ((12, (".125",) * 3), (13, (".5",) * 3), (8, (".263+.01*u",) * 3)),
        primitive=FCC,
    ),
    "wurtzite": Structure(
        186,
        (3.3, 3.3, 5.3),
        (90, 90, 120),
        ((30, ("1/3", "2/3", "0")), (16, ("1/3", "2/3", ".37+.02*u"))),
        ((56, 56, 56), (96, 96, 96), (48, 48, 80)),
    ),
    "rutile": Structure(136, (4.6, 4.6, 2.96), (90,) * 3, ((22, ("0", "0", "0")), (8, (".3+.01*u", ".3+.01*u", "0")))),
    "Pnma": Structure(
        62,
        (5.1, 6.2, 7.3),
        (90,) * 3,
        ((20, (".4+.1*u", ".25", ".1+.1*v")), (8, (".1+.1*u", ".05+.1*v", ".3+.1*w"))),
        ((56, 56, 56), (96, 96, 96), (60, 72, 80)),
    ),
    "P2_1/c": Structure(
        14,
        (5.1, 6.2, 7.3),
        (90, 101, 90),
        ((22, (".1+.1*u", ".2+.1*v", ".3+.1*w")), (8, (".4+.1*u", ".05+.1*v", ".8+.1*w"))),
    ),
    "P-1": Structure(
        2,
        (5.1, 6.2, 7.3),
        (81, 97, 103),
        ((22, (".1+.1*u", ".2+.1*v", ".3+.1*w")), (8, (".4+.1*u", ".05+.1*v", ".8+.1*w"))),
    ),
}


def lattice_of(structure: Structure, rng: np.random.Generator) -> np.ndarray:
    """Return a conventional cell: its metric disturbed, and averaged over the group."""
    ca, cb, cg = np.cos(np.radians(structure.angles))
    lengths = np.array(structure.lengths) * rng.uniform(0.95, 1.05, 3)
    metric = np.array([[1, cg, cb], [cg, 1, ca], [cb, ca, 1]]) * np.outer(lengths, lengths)
    w = SpaceGroup.from_number(structure.group).rotations
    return np.linalg.cholesky(np.einsum("gki,kl,glj->ij", w, metric, w) / len(w))


def made(structure: Structure, shape: tuple[int, int, int], seed: int) -> Density:
    """Make a density: Gaussians on the sites, from their structure factors."""
    rng = np.random.default_rng(seed)
    lattice = lattice_of(structure, rng)
    group = SpaceGroup.from_number(structure.group)
    basis = IDENTITY if structure.primitive is None else structure.primitive
    free = dict(zip("uvw", rng.random(3).tolist(), strict=True))
    cell = basis @ lattice
    h = np.meshgrid(*(np.fft.fftfreq(n, 1 / n) for n in shape), indexing="ij", sparse=True)
    reciprocal = np.linalg.inv(cell)
    squares = sum((sum(reciprocal[i, j] * h[j] for j in range(3))) ** 2 for i in range(3))
    coefficients = np.zeros(shape, dtype=complex)
    positions, numbers = [], []
    for number, site in structure.sites:
        x = np.array([eval(coordinate, {}, free) for coordinate in site])
        images = (group.rotations @ x + group.translations.astype(float)) @ np.linalg.inv(basis)
        images = np.unique(np.round(images % 1, 9) % 1, axis=0)
        form = 4 * np.exp(-2 * np.pi**2 * rng.uniform(0.4, 0.6) ** 2 * squares)
        for image in images:
            phases = [np.exp(-2j * np.pi * k * v) for k, v in zip(h, image.tolist(), strict=True)]
            coefficients += form * phases[0] * phases[1] * phases[2]
        positions += images.tolist()
        numbers += [number] * len(images)
    values = np.fft.ifftn(coefficients, norm="forward").real / abs(np.linalg.det(cell))
    return Density(values, cell, np.array(positions), np.array(numbers))


def best(call: Callable[[], object], repeats: int) -> float:
    """Return the shortest of several times, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def measure(
    name: str, shape: tuple[int, int, int], files: int, repeats: int, folder: Path, suffix: str
) -> dict[str, object]:
    """Measure one structure on one grid."""
    structure = STRUCTURES[name]
    paths = []
    for seed in range(files):
        path = folder / f"{structure.group}-{'x'.join(map(str, shape))}-{seed}.CHGCAR{suffix}"
        write_chgcar(path, made(structure, shape, seed))
        paths.append(str(path))
    options = Options()
    for path in paths:
        outcome = prepare_file(path, options)
        assert outcome.entry is not None, outcome.detail
        assert outcome.entry.space_group == structure.group
        atoms = sum(int(site.wyckoff) for site in outcome.entry.sites)
        assert abs(outcome.entry.electrons - 4 * atoms) < 1e-6
    ours, parse = [], []
    for _ in range(repeats):
        ours.append(best(lambda: [prepare_file(path, options) for path in paths], 1))
        parse.append(best(lambda: [Chgcar.from_file(path) for path in paths], 1))
    summary = prepare(paths, folder / f"set-{structure.group}-{'x'.join(map(str, shape))}", options)
    assert summary["stored"] == files, summary
    goal = next_compatible_shape(structure.group, (64 if structure.group == 227 else 56,) * 3)
    return {
        "structure": name,
        "group": structure.group,
        "grid": "×".join(map(str, shape)) + suffix,
        "to": "×".join(map(str, goal)),
        "files/s": round(files / min(ours), 1),
        "prepare, ms": round(1e3 * min(ours) / files, 1),
        "bare parse, ms": round(1e3 * min(parse) / files, 1),
        "ratio": round(min(ours) / min(parse), 2),
    }


def table(rows: list[dict[str, object]]) -> str:
    """Return rows as a Markdown table."""
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(row[key]) for key in head) + " |" for row in rows])


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--structure", nargs="+", choices=STRUCTURES, default=list(STRUCTURES))
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--gz", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rows = [
            measure(name, shape, options.files, options.repeats, Path(scratch), ".gz" if options.gz else "")
            for name in options.structure
            for shape in STRUCTURES[name].grids
        ]
    print(table(rows))
    if options.markdown:
        options.markdown.write_text(table(rows) + "\n")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
