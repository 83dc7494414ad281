import numpy as np
import pytest

from symfft import Density, SpaceGroup, next_compatible_shape
from symfft_models.datasets.paw import load_paw
from symfft_models.verdict.from_density import judge_density, nmae


def density_of(name):
    entry = load_paw().find(name)
    least = np.ceil(np.linalg.norm(entry.lattice, axis=1) / 0.2).astype(int).tolist()
    return entry.density(next_compatible_shape(entry.space_group, least))


def test_a_crystal_of_the_set_is_not_new_and_near_its_prediction():
    verdict = judge_density(density_of("rock-salt-MgO"))
    assert verdict["ok"]
    assert verdict["reasons"] == []
    assert verdict["atoms"]["found"] == "MgO"
    assert verdict["atoms"]["electrons"] == 64
    assert verdict["atoms"]["as_listed"]
    assert verdict["novelty"]["new"] is False
    assert "MgO" in verdict["novelty"]["in_set"]
    assert 0 < verdict["prediction"]["nmae"] < 10


def test_atoms_that_the_density_does_not_have_are_said():
    density = density_of("rock-salt-MgO")
    lies = Density(density.values, density.lattice, positions=density.positions, numbers=[50] * 4 + [17] * 4)
    verdict = judge_density(lies)
    assert not verdict["ok"]
    assert verdict["reasons"] == ["the file lists other atoms than the density has"]


def test_without_atoms_no_further_step_is_possible():
    values = np.ones((24, 24, 24))
    density = Density(values * 64 / 125, 5 * np.eye(3), positions=np.zeros((0, 3)), numbers=[])
    verdict = judge_density(density, SpaceGroup.from_number(225))
    assert not verdict["ok"]
    assert set(verdict["not_possible"]) == {"novelty", "prediction"}


def test_nmae_of_equal_and_of_doubled_densities():
    values = np.arange(1.0, 9.0).reshape(2, 2, 2)
    assert nmae(values, values) == 0
    assert nmae(2 * values, values) == pytest.approx(100)
