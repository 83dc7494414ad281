"""Where things are, on how many threads libraries run, and how hypothesis runs: with a fixed seed, without a clock."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Threads of BLAS and OpenMP wait for each other by spinning, which takes the cores from the other workers; this must be
# said before NumPy is loaded, and processes that tests start hear it, too.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile(
    "symfft", deadline=None, derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("symfft")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Modules and tests stay to the end: the garbage collector need not look at them again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(items):
    """First the files that take long or wait for something: short ones let all workers end at the same time.

    One of those that need the demo comes before all others, which makes it, and the rest of those after others that
    take long: no worker waits for it.
    """
    first = [ROOT / "tests" / name for name in ("models", "view")]
    need = list(dict.fromkeys(item.path for item in items if "demo" in item.fixturenames))

    def place(item):
        long = any(item.path.is_relative_to(folder) for folder in first)
        return not long, item.path in need[1:], item.path not in need[:1]

    items.sort(key=place)


@pytest.fixture(scope="session")
def real_densities() -> Path:
    """Folder of real density files, which are other people's and not part of the project."""
    folder = Path(os.environ.get("SYMFFT_DENSITIES", ROOT.parent / "shared" / "densities"))
    if not folder.is_dir():
        pytest.skip(f"no folder of real densities at {folder}: set SYMFFT_DENSITIES to run this test")
    return folder
