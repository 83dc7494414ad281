"""Learning: the same from crystals that are held and from crystals that are read, in memory that does not grow."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from symfft_models.scattering import normal
from symfft_models.scattering.measure import nmae, predicted_factors
from symfft_models.scattering.training import train
from symfft_models.scattering.valence import TrainingError


class Copies(Sequence):
    """Many copies of some observations, made when they are asked for, each with a cell of its own."""

    def __init__(self, few, count, longer=1e-4):
        self.few, self.count, self.longer = few, count, longer

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if not 0 <= index < self.count:
            raise IndexError(index)
        one = self.few[index % len(self.few)]
        return replace(one, crystal=replace(one.crystal, lattice=one.crystal.lattice * (1 + self.longer * index)))


def test_the_model_is_the_same_whatever_is_held(few_crystals, small):
    held, read = train(few_crystals, small), train(Copies(few_crystals, 24, 0), replace(small, memory=0))
    for name in ("weights", "draws", "spread", "alone"):
        assert np.array_equal(getattr(held, name), getattr(read, name))
    assert held.longest == read.longest


def test_the_long_pass_can_be_watched(few_crystals, small):
    seen = []

    def watched(crystals):
        for crystal in crystals:
            seen.append(crystal.id)
            yield crystal

    train(few_crystals, small, watched=watched)
    assert seen == [crystal.id for crystal in few_crystals]


def test_memory_does_not_grow_with_the_number_of_crystals(few_crystals, small, monkeypatch):
    monkeypatch.setattr(normal, "TERMS", 60)
    settings = replace(small, variance_crystals=12)

    def peak(count):
        tracemalloc.start()
        train(Copies(few_crystals, count), settings)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    train(Copies(few_crystals, 24), settings)  # tables that stay
    assert peak(144) < 1.1 * peak(48)


def test_what_is_learned_is_nearer_than_superposed_atoms(few_crystals, small):
    model = train(few_crystals, small)
    ratios = []
    for observation in few_crystals:
        predicted, alone = (
            float(nmae(observation, predicted_factors(observation, found(observation.crystal))))
            for found in (model.coefficients, model.superposed)
        )
        ratios.append(predicted / alone)
    assert np.median(ratios) < 0.7


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(TrainingError, match="no densities"):
        train([])
