"""Small files to prepare, and tasks for worker processes that kill, hang or exhaust them."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from crystals import crystal

from symfft import Density, write_density
from symfft_models.datasets.prepare import Options, Outcome, prepare_file

OPTIONS = Options(grid=((0, 12), (221, 7), (225, 8), (227, 8)))


def sample(number: int, seed: int = 0) -> Density:
    """A density with two electrons per atom and all the symmetry of its group."""
    density = crystal(number, seed=seed)
    return density.with_values(density.values * (2 * len(density.numbers) / density.electrons))


def write_samples(folder: Path, numbers: tuple[int, ...] = (14, 62, 166, 221, 225, 227), copies: int = 4) -> None:
    """Write files in nested folders: whole ones, a duplicate of each third, a truncated and a non-neutral one."""
    for number in numbers:
        for seed in range(copies):
            place = folder / f"group-{number}" / f"run-{seed}"
            place.mkdir(parents=True)
            density = sample(number, seed)
            write_density(place / ("CHGCAR.gz" if seed % 2 else "CHGCAR"), density)
            if seed % 3 == 0:
                write_density(place / "copy.cube", density)
    text = (folder / f"group-{numbers[0]}" / "run-0" / "CHGCAR").read_bytes()
    (folder / "cut.CHGCAR").write_bytes(text[: len(text) // 2])
    density = sample(numbers[0], 99)
    write_density(folder / "charged.CHGCAR", density.with_values(density.values * 1.01))
    write_density(folder / "LOCPOT", replace(density, kind="potential"))


def poisonous(path: str) -> Outcome:
    """Do what the file's name says."""
    if "kill" in path:
        os.kill(os.getpid(), signal.SIGKILL)
    if "hang" in path:
        time.sleep(600)
    if "exit" in path:
        os._exit(3)
    try:
        if "bomb" in path:
            np.ones(2**36, dtype=np.uint8)
    except MemoryError as error:
        return Outcome(path, reason="out of memory", detail=str(error))
    if "compile" in path:
        compile_slowly()
    if "slow" in path:
        time.sleep(0.3)
    return Outcome(path, reason="seen", detail=str(os.getpid()))


def compile_slowly() -> None:
    """Compile a function that takes its time in the compiler, and none to run."""
    import numba

    body = "\n".join(f"    x = x * {k}.5 + np.sqrt(x + {k})" for k in range(300))
    space: dict[str, object] = {"np": np}
    exec(f"def function(x):\n{body}\n    return x", space)
    numba.njit(space["function"])(1.0)


def prepare_or_die(path: str, options: Options) -> Outcome:
    """The real task, but a file named poison kills its process."""
    if "poison" in Path(path).name:
        os.kill(os.getpid(), signal.SIGKILL)
    return prepare_file(path, options)
