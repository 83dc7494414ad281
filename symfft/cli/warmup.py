"""`symfft warmup`: compile everything now, so that no later call waits for the compiler."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import as_completed
from functools import partial
from pathlib import Path

import numpy as np

import symfft
from symfft._compile.compiler import Kernel
from symfft._processes import calls
from symfft.cli import words
from symfft.cli.command import Command, Result

#: Groups that between them take every path through the transforms, in sets that are compiled at the same time.
GROUPS = {
    "transforms of low symmetry": ("P 1", "P -1", "P 1 21/c 1", "C 1 2/c 1", "P 2 2 2", "P 21 21 2", "P 4 m m"),
    "transforms of orthorhombic and tetragonal groups": ("P n m a", "F d d d", "I 4/m m m"),
    "transforms of trigonal and hexagonal groups": ("P 31 2 1", "R -3 m:H", "P 6/m m m", "P 63/m m c"),
    "transforms of cubic groups": ("P m -3 m", "P a -3", "I m -3 m", "F -4 3 m", "F m -3 m", "F d -3 m:2"),
}
SHAPE = (24, 24, 24)


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    command.add_argument(
        "--jobs", type=_jobs, default=os.cpu_count() or 1, metavar="N", help="processes (default: one for each core)"
    )


def run(jobs: int, tell: Callable[[str], None]) -> Result:
    """Compile what is not compiled yet, in several processes, and say where the code is cached."""
    started = time.perf_counter()
    names = list(JOBS)
    found: set[Path] = set()
    with calls(_timed, names, min(jobs, len(names))) as running:
        of = dict(zip(running, names, strict=True))
        for done, future in enumerate(as_completed(running), start=1):
            seconds, folders_of_job = future.result()
            found |= folders_of_job
            tell(f"[{done}/{len(names)}] {of[future]}: {seconds:.1f} s")
    folders = sorted(found)
    files = [file for folder in folders for file in folder.glob("*.nbc")]
    return {
        "seconds": time.perf_counter() - started,
        "folders": [str(folder) for folder in folders],
        "files": len(files),
        "bytes": sum(file.stat().st_size for file in files),
    }


def text(result: Result) -> str:
    """Return what is cached where."""
    if not result["folders"]:
        return "no folder can be written to: compiled code is not cached; set NUMBA_CACHE_DIR to one that can"
    root = os.path.commonpath(result["folders"])
    size = f"{result['bytes'] / 1e6:.1f} MB"
    return f"{words.count(result['files'], 'compiled function')}, {size}, in {root}; {result['seconds']:.1f} s"


def cache_folders() -> set[Path]:
    """Return the folders in which numba keeps the compiled loops of the modules that this process has imported."""
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == symfft.__name__]
    kernels = [value for module in modules for value in vars(module).values() if isinstance(value, Kernel)]
    folders = {Path(kernel.folder) for kernel in kernels if kernel.folder is not None}
    return {folder for folder in folders if folder.is_dir()}


def _jobs(text: str) -> int:
    number = int(text)
    if not 0 < number <= 1024:
        raise argparse.ArgumentTypeError(f"{text} is not a number of processes from 1 to 1024")
    return number


def _timed(name: str) -> tuple[float, set[Path]]:
    started = time.perf_counter()
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (what is compiled is said here, once)
    JOBS[name]()
    return time.perf_counter() - started, cache_folders()


def _density(group: str = "F m -3 m") -> symfft.Density:
    from symfft.crystal.space_group import SpaceGroup

    found = SpaceGroup.from_symbol(group)
    values = symfft.symmetrize(np.random.default_rng(0).random(SHAPE), found)
    sites, elements = np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]), np.array([11, 17])
    return symfft.Density(values, 4.0 * np.eye(3), sites, elements, magnetization=values)


def _files() -> None:
    from symfft.io import _text, read_density, write_density

    _text.leave_plain_notation()
    with tempfile.TemporaryDirectory() as folder:
        for name in ("CHGCAR", "a.cube"):
            path = Path(folder) / name
            write_density(path, _density())
            read_density(path)


def _groups() -> None:
    _density().space_group()
    symfft.check_symmetry(_density().values, symfft.SpaceGroup.from_number(225))


def _transforms(groups: tuple[str, ...]) -> None:
    for group in groups:
        for precision in ("float64", "float32"):
            _transform(symfft.SpaceGroup.from_symbol(group), precision)


def _transform(found: symfft.SpaceGroup, precision: str) -> None:
    values = symfft.symmetrize(np.random.default_rng(0).random(SHAPE).astype(precision), found)
    symfft.check_symmetry(values, found)
    au = symfft.asymmetric_unit(found, SHAPE)
    reduced = symfft.reduce_to_au(values, au)
    symfft.expand_from_au(reduced, au)
    for batch in (reduced, np.stack([reduced, reduced])):
        symfft.au_idft(symfft.au_dft(batch, au, workers=2), au)
        symfft.au_real_idft(symfft.au_real_dft(batch, au), au)
        symfft.au_idct(symfft.au_dct(batch, au), au)
    symfft.structure_factors(symfft.au_dft(reduced, au), au, [[1, 1, 1], [2, 0, 0]])


def _resample() -> None:
    symfft.resample(_density(), (32, 32, 32))
    symfft.standardize(_density())


def _bader() -> None:
    symfft.bader(_density())


#: The longest first, so that no core waits for it at the end.
JOBS: dict[str, Callable[[], None]] = {
    **{name: partial(_transforms, groups) for name, groups in GROUPS.items()},
    "files": _files,
    "space groups and residuals": _groups,
    "Bader": _bader,
    "resampling": _resample,
}


WARMUP = Command(arguments, run, text, tells=True)
