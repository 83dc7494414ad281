"""Densities to fetch, and a clock that nobody waits for."""

from __future__ import annotations

import numpy as np

from symfft import Density
from symfft_models.datasets.fetch import Pace


def density(seed=0, a=5.6):
    """A rock salt with noise of its cell's whole grid and 8 electrons."""
    fcc = a * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
    values = np.random.default_rng(seed).uniform(0.5, 1.5, (4, 5, 6))
    made = Density(values, fcc, [[0, 0, 0], [0.5, 0.5, 0.5]], [11, 17])
    return made.with_values(values * 8 / made.electrons)


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self):
        self.now, self.waits = 0.0, []

    def pace(self, per_second=2.0):
        def sleep(seconds):
            self.waits.append(seconds)
            self.now += seconds

        return Pace(per_second, clock=lambda: self.now, sleep=sleep)
