"""Observations that are read when they are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from symfft_models.datasets.crystals import crystal_name
from symfft_models.datasets.paw import load_paw
from symfft_models.scattering.densities import Observations, Taken, judged_on, observations
from symfft_models.scattering.observation import observe


def same(one, other):
    return one.id == other.id and np.array_equal(one.factors, other.factors) and np.array_equal(one.hkl, other.hkl)


@pytest.mark.parametrize("most", [0, 20_000, 10**9])
def test_they_are_those_of_the_entries_however_many_are_held(most):
    entries = load_paw().select(split="val")[:6]
    found = Observations(entries, most)
    for _ in range(2):
        assert len(found) == 6
        assert all(same(one, observe(entry)) for one, entry in zip(found, entries, strict=True))
    assert same(found[-1], observe(entries[5]))
    assert found.bytes <= most
    assert (len(found.held) == 6) == (most == 10**9)
    with pytest.raises(IndexError):
        found[6]


def test_some_of_them_are_the_same(few_crystals):
    some = Taken(few_crystals, [3, 1, 2])
    assert [one.id for one in some] == [few_crystals[row].id for row in (3, 1, 2)]
    assert [one.id for one in some[1:]] == [few_crystals[row].id for row in (1, 2)]


def test_the_hard_list_is_a_split_of_the_package_s_set():
    hard = observations(None, "hard")
    assert [one.id for one in hard[:3]] == load_paw().select(split="hard").column("id")[:3].tolist()


def test_a_model_is_judged_on_each_crystal_once():
    whole, once = observations(None, "hard").entries, judged_on(None, "hard").entries
    names = [crystal_name(entry.id) for entry in once]
    assert len(set(names)) == len(names) < len(whole)
    assert set(names) == {crystal_name(entry.id) for entry in whole}
    listed = {entry.id for entry in whole if entry.metadata["volume_factor"] == 1}
    for entry, name in zip(once, names, strict=True):
        assert entry.id == next((one for one in (name, f"{name}-relaxed") if one in listed), entry.id)
