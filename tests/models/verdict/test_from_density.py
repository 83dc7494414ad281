import numpy as np
import pytest

from symfft import Density, SpaceGroup, next_compatible_shape
from symfft_models.crystals.composition import matching
from symfft_models.datasets.paw import load_paw
from symfft_models.verdict.from_density import Atoms, judge_density, nmae, novelty


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


def rock_salt(cation, anion, length):
    """Return the atoms of a rock salt: atomic numbers, Å."""
    centred = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    return Atoms(length * np.eye(3), np.concatenate([centred, (centred + 0.5) % 1]), np.repeat([cation, anion], 4))


def test_the_nearest_to_a_new_compound_has_its_structure_and_elements_near_in_the_periodic_table():
    found = novelty(rock_salt(87, 53, 7.5))  # francium iodide
    assert (found["new"], found["in_set"], found["in_relaxed"]) == (True, None, None)
    salts = [entry for entry in load_paw() if entry.prototype == "rock-salt" and len(entry.element_counts()) == 2]
    distances = {entry.id: matching("FrI", entry.composition)[0] for entry in salts}
    assert distances[found["nearest"]] == min(distances.values())


def test_another_structure_of_a_known_compound_is_new_and_nearest_to_it():
    found = novelty(rock_salt(14, 6, 4.0))
    assert (found["new"], found["in_set"]) == (True, None)
    assert load_paw().find(found["nearest"]).composition == "CSi"


def test_nmae_of_equal_and_of_doubled_densities():
    values = np.arange(1.0, 9.0).reshape(2, 2, 2)
    assert nmae(values, values) == 0
    assert nmae(2 * values, values) == pytest.approx(100)
