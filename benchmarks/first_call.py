"""Time what a process does first, with no compiled code at hand, and what the next one does, which finds it.

    python benchmarks/first_call.py [--groups 2 166 225] [--points 48] [--file CHGCAR] [--warmup]

Processor seconds of unit, plan, forward and inverse transform by group; seconds from start to end of the processes that
run `symfft info` and the example of README.md, of a density made here or a file; with `--warmup`, `symfft warmup` too.
Each row has an empty cache of its own. Modules are kept as bytecode, as pip leaves them.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import symfft

README = Path(__file__).parents[1] / "README.md"

CALL = """
import time
import numpy as np
import symfft
start = time.process_time()
times = []
au = symfft.asymmetric_unit({number}, symfft.next_compatible_shape({number}, ({points},) * 3))
times.append(time.process_time())
au.hkl
times.append(time.process_time())
values = np.random.default_rng(0).random(au.size)
f = symfft.au_dft(values, au)
times.append(time.process_time())
back = symfft.au_idft(f, au)
times.append(time.process_time())
assert np.allclose(back, values)
print("| {number} |", *(f"{{b - a:.2f}} |" for a, b in zip([start, *times], times)), f"{{times[-1] - start:.2f}} |")
"""


def density(folder: Path) -> Path:
    """Write a density of two atoms of silicon on 56 x 56 x 56 points."""
    lattice = 2.715 * np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    sites, elements = np.array([[0.0, 0.0, 0.0], [0.25, 0.25, 0.25]]), np.array([14, 14])
    group = symfft.SpaceGroup.from_structure(lattice, sites, elements)
    values = symfft.symmetrize(np.random.default_rng(0).random((56, 56, 56)), group)
    path = folder / "CHGCAR"
    symfft.write_chgcar(path, symfft.Density(values, lattice, sites, elements))
    return path


def example() -> str:
    """Return the first example of README.md."""
    found = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def seconds(arguments: Sequence[str], cache: Path, folder: Path) -> float:
    """Time a process of Python from its start to its end."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def commands(file: Path | None, with_warmup: bool) -> None:
    """Time commands as a user meets them."""
    print("\n| command | empty cache, s | warm, s |\n|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if file is None:
            density(folder)
        else:
            opened = gzip.open if file.suffix == ".gz" else open
            with opened(file, "rb") as source:
                (folder / "CHGCAR").write_bytes(source.read())
        rows = {"symfft info CHGCAR": ["-m", "symfft", "info", "CHGCAR"], "example of README.md": ["-c", example()]}
        if with_warmup:
            rows["symfft warmup"] = ["-m", "symfft", "warmup"]
        for i, (row, arguments) in enumerate(rows.items()):
            seconds(arguments, folder / f"bytecode-{i}", folder)
            cold = seconds(arguments, folder / f"cache-{i}", folder)
            warm = min(seconds(arguments, folder / f"cache-{i}", folder) for _ in range(3))
            print(f"| {row} | {cold:.2f} | {warm:.2f} |", flush=True)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", type=int, nargs="*", default=[2, 166, 225])
    parser.add_argument("--points", type=int, default=48)
    parser.add_argument("--file", type=Path, help="a CHGCAR for the commands (default: one made here)")
    parser.add_argument("--warmup", action="store_true", help="time symfft warmup, too")
    options = parser.parse_args()
    if options.groups:
        transforms(options.groups, options.points)
    commands(options.file, options.warmup)


def transforms(groups: Sequence[int], points: int) -> None:
    """Time the transforms of groups."""
    print(
        "| group | unit, s | plan, s | forward, s | inverse, s | together, s |\n|---|---|---|---|---|---|", flush=True
    )
    for number in groups:
        with tempfile.TemporaryDirectory() as folder:
            code = CALL.format(number=number, points=points)
            environment = os.environ | {"NUMBA_CACHE_DIR": folder}
            subprocess.run([sys.executable, "-c", code], env=environment, check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
