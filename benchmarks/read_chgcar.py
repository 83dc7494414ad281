"""Time reading CHGCARs beside pymatgen-core's compiled parser, and writing them.

    python benchmarks/read_chgcar.py [--folder DENSITIES] [--points 120] [--repeats 15] [--json FILE] [--markdown FILE]

Files: the real ones of `--folder` (or of SYMFFT_DENSITIES), if there is one, and a made one of 120³ points, each plain
and gzipped. Before anything is timed, every value is compared with pymatgen's, bit for bit. Compilation happens
outside the timer; the rivals take turns, one thread, and the best of several runs counts.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pymatgen.io.vasp.outputs import Chgcar

from symfft import Density, read_chgcar, write_chgcar

REAL = ("Si2_sg227_56.CHGCAR.gz", "Fe1_sg229_28_spin.CHGCAR.gz", "Fe3O4_sg166_72_last_line_padded.CHGCAR.gz")


def milliseconds(call: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


def made(points: int, folder: Path) -> Path:
    """Write a CHGCAR of points³ values of either sign."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((points,) * 3) * np.exp(rng.standard_normal((points,) * 3))
    path = folder / f"made_{points}.CHGCAR"
    write_chgcar(path, Density(values, 8.0 * np.eye(3), [[0, 0, 0]], [14]))
    return path


def assert_equal(path: Path) -> Density:
    """Compare with pymatgen, bit for bit."""
    density, theirs = read_chgcar(path), Chgcar.from_file(str(path))
    np.testing.assert_array_equal(density.values, theirs.data["total"] / density.volume)
    if "diff" in theirs.data:
        np.testing.assert_array_equal(density.magnetization, theirs.data["diff"] / density.volume)
    return density


def measure(path: Path, repeats: int) -> dict[str, object]:
    """Measure one file."""
    density = assert_equal(path)
    ours, pymatgens = [], []
    for _ in range(repeats):
        ours.append(milliseconds(lambda: read_chgcar(path)))
        pymatgens.append(milliseconds(lambda: Chgcar.from_file(str(path))))
    numbers = density.blocks * density.values.size
    return {
        "file": path.name,
        "numbers": numbers,
        "MB": round(path.stat().st_size / 1e6, 2),
        "symfft_ms": round(min(ours), 2),
        "pymatgen_ms": round(min(pymatgens), 2),
        "ratio": round(min(pymatgens) / min(ours), 2),
        "ns_per_number": round(1e6 * min(ours) / numbers, 1),
    }


def measure_writing(path: Path, repeats: int) -> dict[str, object]:
    """Measure writing the density of one file; pymatgen's writer, in Python, once."""
    density, theirs = read_chgcar(path), Chgcar.from_file(str(path))
    target = path.with_suffix(".written")
    ours = [milliseconds(lambda: write_chgcar(target, density)) for _ in range(repeats)]
    pymatgens = milliseconds(lambda: theirs.write_file(str(target)))
    return {"file": path.name, "write_ms": round(min(ours), 1), "pymatgen_write_ms": round(pymatgens, 1)}


def table(rows: list[dict[str, object]]) -> str:
    """Return rows as a Markdown table."""
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(row[key]) for key in head) + " |" for row in rows])


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=os.environ.get("SYMFFT_DENSITIES"))
    parser.add_argument("--points", type=int, default=120)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # pymatgen's, about files without symbols
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        paths = []
        for name in REAL if options.folder else ():
            plain = folder / name.removesuffix(".gz")
            plain.write_bytes(gzip.decompress((options.folder / name).read_bytes()))
            paths += [plain, options.folder / name]
        plain = made(options.points, folder)
        zipped = plain.with_name(plain.name + ".gz")
        zipped.write_bytes(gzip.compress(plain.read_bytes(), 6))
        rows = [measure(path, options.repeats) for path in [*paths, plain, zipped]]
        writing = [measure_writing(paths[0] if paths else plain, options.repeats)]
    text = f"{table(rows)}\n\n{table(writing)}"
    print(text)
    if options.markdown:
        options.markdown.write_text(text + "\n")
    if options.json:
        options.json.write_text(json.dumps({"reading": rows, "writing": writing}, indent=1) + "\n")


if __name__ == "__main__":
    main()
