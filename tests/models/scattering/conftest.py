"""A few crystals of many kinds, and a small model of them."""

from __future__ import annotations

import pytest

from symfft_models.datasets.paw import load_paw
from symfft_models.scattering.observation import observe
from symfft_models.scattering.settings import TrainingSettings


@pytest.fixture(scope="session")
def few_crystals():
    """Observations of entries of 24 prototypes, those with the fewest reflections of each system: all degrees."""
    entries = {}
    for entry in sorted(load_paw().select(split="train"), key=lambda entry: len(entry.hkl)):
        entries.setdefault(entry.prototype, entry)
    cubic = [entry for entry in entries.values() if entry.space_group > 194]
    others = [entry for entry in entries.values() if entry.space_group < 195]
    return [observe(entry) for entry in [*cubic[:12], *others[:12]]]


@pytest.fixture(scope="session")
def small():
    """Settings of a small model."""
    return TrainingSettings(
        spherical=12, aspherical=6, shapes=5, weights=120, rounds=1, draws=4, reflections=60, seed=3
    )
