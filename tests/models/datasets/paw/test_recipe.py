"""The worker's job: settings, k-points, moments."""

from __future__ import annotations

import json

import numpy as np
import pytest

from symfft_models.datasets.crystals import of_prototype
from symfft_models.datasets.paw import recipe
from symfft_models.datasets.paw.pack import crystal_of

from . import made_up


def test_a_job_is_json_and_gives_its_crystal_back():
    crystal = made_up.wurtzite()
    job = json.loads(json.dumps(recipe.job(crystal, 7.0, formation_ev=-0.4)))
    assert crystal_of(job["crystal"]) == crystal
    assert (job["id"], job["order"], job["crystal"]["formation_ev"]) == ("wurtzite-ZnS", 7.0, -0.4)
    assert job["moments"] is None
    cell, symbols, positions = crystal.cell(primitive=True)
    np.testing.assert_array_equal(job["cell"], cell)
    np.testing.assert_array_equal(job["positions"], positions)
    assert job["symbols"] == symbols


def test_magnetic_elements_begin_with_moments_others_without():
    job = recipe.job(of_prototype("full-Heusler", ["Co", "Mn", "Si"], 5.65, None, "input"), 0.0)
    assert dict(zip(job["symbols"], job["moments"])) == {"Co": 2.0, "Mn": 4.0, "Si": 0.0}


@pytest.mark.parametrize(("lengths", "expected"), [((2.2, 4.4, 44.0), [10, 5, 1]), ((22.0, 10.9, 7.0), [1, 2, 3])])
def test_kpoints_go_as_one_over_the_length(lengths, expected):
    assert recipe.kpoints(np.diag(lengths)) == expected


def test_large_low_and_magnetic_crystals_cost_more():
    valence = made_up.VALENCE | {"Ca": 10, "Ni": 16}
    small, large = (of_prototype("rock-salt", [e, "O"], a, None, "input") for e, a in (("Mg", 4.2), ("Ca", 4.8)))
    magnetic = of_prototype("rock-salt", ["Ni", "O"], 4.2, None, "input")
    assert recipe.seconds(small, valence) < recipe.seconds(large, valence) * 1.5
    assert recipe.seconds(magnetic, valence) > 2 * recipe.seconds(small, valence)
    assert recipe.seconds(made_up.wurtzite(), valence) > recipe.seconds(small, valence)
