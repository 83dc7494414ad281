"""The valence electrons of elements, found from the electrons of a set's densities."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import pytest

from symfft_models.datasets.paw import load_paw
from symfft_models.scattering.observation import observe
from symfft_models.scattering.valence import TrainingError, valences


@pytest.fixture(scope="module")
def observations():
    entries = load_paw().select(split="train")
    return [observe(entry) for entry in entries[:: max(1, len(entries) // 80)]]


def test_valences_are_those_of_the_setups(observations):
    found, setups = valences(observations), load_paw().setups
    numbers = np.flatnonzero(np.isfinite(found))
    counts = np.zeros((len(observations), len(found)))
    for row, observation in enumerate(observations):
        np.add.at(counts[row], observation.crystal.numbers, observation.crystal.multiplicity)
    counts = counts[:, numbers]
    # elements that occur only beside each other leave a choice; the others are in the span of the crystals
    settled = np.isclose(np.diag(np.linalg.pinv(counts) @ counts), 1)
    assert settled.sum() > 30
    for number in numbers[settled]:
        assert found[number] == setups[gemmi.Element(int(number)).name].valence


def test_two_elements_of_one_compound_share_its_electrons_in_whole_numbers(observations):
    one = next(o for o in observations if len(np.unique(o.crystal.numbers)) == 2)
    found = valences([one])
    shared = found[one.crystal.numbers] @ one.crystal.multiplicity
    assert shared == pytest.approx(one.electrons)
    assert np.array_equal(found[one.crystal.numbers] % 1, np.zeros(len(one.crystal.numbers)))


def test_densities_of_two_sets_of_pseudopotentials_are_named(observations):
    odd = replace(observations[3], electrons=observations[3].electrons + 1, id="another-set")
    with pytest.raises(TrainingError, match="another-set"):
        valences([*observations, odd])
