"""How many threads learning takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_core_left() -> Iterator[None]:
    """Compute on all cores but one, unless ``OMP_NUM_THREADS`` says how many.

    Threads wait for each other several thousand times in a step of a small network. Where another process keeps one of
    two cores busy, two threads did 79 steps of the demo's network in the time in which one did 275; alone on the
    machine, 255 to 313.
    """
    before = torch.get_num_threads()
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, before - 1))
    try:
        yield
    finally:
        torch.set_num_threads(before)
