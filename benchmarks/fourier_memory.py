"""Peak memory of the exact transform, from the kernel's own count of this process's pages (Linux)."""

from __future__ import annotations

import ctypes
import gc
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import symfft
from symfft.au import _planned
from symfft.fourier.plan import FourierPlan

#: Smaller grids drown in the grain of the count, some hundred kB.
LEAST_POINTS = 90**3

M_MMAP_THRESHOLD = -3


def measure(number: int, shape: str, dtype: str) -> dict[str, float]:
    """Return what plan, forward and inverse transform take, as shares of the full grid.

    ``plan_memory`` is what a plan keeps; ``forward_memory`` and ``inverse_memory`` the peak of the first call, beyond
    input, output and plan; each of a plan of its own, since what one call has made the next would use again.
    """
    # large blocks go back to the system at once, so that none is taken again unseen
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 1 << 16)
    sizes = tuple(map(int, shape.split("x")))
    grid = math.prod(sizes) * np.dtype(dtype).itemsize
    _planned.cache_clear()
    au = symfft.asymmetric_unit(number, sizes)
    values = np.ones(au.size, dtype)
    f = symfft.au_dft(values, au)
    symfft.au_idft(f, au)
    fresh: list[FourierPlan] = []  # all is compiled and loaded by now
    _, kept = rise(lambda: fresh.append(FourierPlan(au)))
    forward, _ = rise(lambda: fresh[0].forward(values[None], None))
    fresh.append(FourierPlan(au))
    inverse, _ = rise(lambda: fresh[1].inverse(f[None], None))
    return {
        "plan_memory": round(kept / grid, 3),
        "forward_memory": round(max(forward - f.nbytes, 0) / grid, 3),
        "inverse_memory": round(max(inverse - values.nbytes, 0) / grid, 3),
    }


def rise(call: Callable[[], Any]) -> tuple[int, int]:
    """Return by how many bytes a call raises the memory in use: at its peak, and in the end (its result let go)."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = count("VmRSS")
    call()
    peak = count("VmHWM")
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return peak - before, max(count("VmRSS") - before, 0)


def count(name: str) -> int:
    """Return a number of bytes from this process's status."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return 1024 * int(found[1])
