from pathlib import Path

import numpy as np
import pytest

from symfft import (
    Density,
    NotSymmetricError,
    SpaceGroup,
    SymfftError,
    asymmetric_unit,
    expand_from_au,
    next_compatible_shape,
    read_density,
    supercell,
)
from symfft_models.atoms import find_atoms
from symfft_models.atoms.evaluation import is_right
from symfft_models.datasets.paw import load_paw

REAL = Path(__file__).parents[4] / "shared" / "densities"


def density_of(name):
    entry = load_paw().find(name)
    least = np.ceil(12.5 * np.linalg.norm(entry.lattice, axis=1) / np.pi).astype(int).tolist()
    return entry, entry.density(next_compatible_shape(entry.space_group, least))


@pytest.mark.parametrize(
    "name",
    [
        "rock-salt-MgO",
        "rock-salt-LiF",
        "CsCl-MgAu",
        "perovskite-NaMgF3",
        "hexaboride-CaB6",
        "spinel-MgIn2S4",
        "zintl-B32-NaTl",
        "diamond-Si",
        "bct-Sn",
    ],
)
def test_atoms_of_the_hard_list_are_found_from_values_alone(name):
    entry, density = density_of(name)
    bare = Density(density.values, density.lattice, positions=np.zeros((0, 3)), numbers=[])
    found = find_atoms(bare, SpaceGroup.from_number(entry.space_group))
    assert is_right(found.answers[0], entry)


def test_silicon_and_germanium_between_fluorine_are_the_first_two_answers():
    """Their densities differ by less than a prediction's error."""
    entry, density = density_of("K2PtCl6-K2SiF6")
    answers = find_atoms(density).answers[:2]
    assert {symbol for answer in answers for symbol in answer.counts} == {"K", "F", "Si", "Ge"}
    assert any(is_right(answer, entry) for answer in answers)


def test_free_coordinates_are_refined_beyond_the_grid():
    """A sixth of a grid step is 0.03 Å here."""
    entry, density = density_of("K2PtCl6-K2SiF6")
    found = find_atoms(density)
    fluorine = next(site for site in found.answers[0].sites if site.symbol == "F")
    x = max(min(abs(c), 1 - abs(c), abs(abs(c) - 0.5)) for c in fluorine.position)
    true = next(s.position[0] for s in entry.sites if s.symbol == "F")
    true = min(abs(true), 1 - abs(true), abs(abs(true) - 0.5))
    assert x * entry.lattice[0, 0] == pytest.approx(true * entry.lattice[0, 0], abs=0.03)


def test_supercell_and_shifted_origin_give_the_same_atoms():
    _, density = density_of("rock-salt-MgO")
    assert find_atoms(supercell(density, (1, 1, 2))).answers[0].counts == {"Mg": 8, "O": 8}
    half = tuple(n // 4 for n in density.shape)
    moved = Density(
        np.roll(density.values, half, (0, 1, 2)),
        density.lattice,
        positions=density.positions + np.array(half) / np.array(density.shape),
        numbers=density.numbers,
    )
    assert find_atoms(moved).answers[0].counts == {"Mg": 4, "O": 4}


def test_atoms_of_the_file_are_not_looked_at():
    _, density = density_of("rock-salt-MgO")
    lies = Density(density.values, density.lattice, positions=density.positions, numbers=[50] * 4 + [17] * 4)
    assert find_atoms(lies).answers[0].counts == {"Mg": 4, "O": 4}


def random_density(electrons):
    unit = asymmetric_unit(225, (24, 24, 24))
    values = expand_from_au(np.random.default_rng(0).random(unit.size), unit)
    lattice = 5 * np.eye(3)
    values *= electrons / (values.mean() * 125)
    return Density(values, lattice, positions=np.zeros((0, 3)), numbers=[])


def test_random_fields_are_no_atoms():
    found = find_atoms(random_density(64), SpaceGroup.from_number(225))
    assert not found.answers
    assert "no set of atoms" in found.reason


@pytest.mark.parametrize("change", [lambda v: -v, lambda v: 0.51 * v, lambda v: v - v.mean()])
def test_negative_scaled_and_spin_densities_have_no_whole_electrons(change):
    _, density = density_of("rock-salt-MgO")
    found = find_atoms(density.with_values(change(density.values)))
    assert not found.answers
    assert "whole number" in found.reason


def test_potentials_broken_symmetry_and_missing_groups_are_errors():
    _, density = density_of("rock-salt-MgO")
    potential = Density(density.values, density.lattice, density.positions, density.numbers, kind="potential")
    with pytest.raises(SymfftError, match="potential"):
        find_atoms(potential)
    with pytest.raises(SymfftError, match="name the group"):
        find_atoms(Density(density.values, density.lattice, positions=np.zeros((0, 3)), numbers=[]))
    noise = np.random.default_rng(0).random(density.shape)
    noisy = density.with_values(density.values + noise - noise.mean())  # with as many electrons
    with pytest.raises(NotSymmetricError):
        find_atoms(noisy, SpaceGroup.from_number(225))


@pytest.mark.skipif(not REAL.exists(), reason="files of VASP")
@pytest.mark.parametrize(
    ("name", "atoms"),
    [
        ("Si2_sg227_56.CHGCAR.gz", {"Si": 2}),
        ("Fe2_sg229_28.CHGCAR.gz", {"Fe": 2}),
        ("Li1_sg139_32.CHGCAR.gz", {"Li": 1}),
        ("NO_sg25_32x48x64.CHGCAR.gz", {"N": 1, "O": 1}),
    ],
)
def test_atoms_of_files_that_vasp_wrote(name, atoms):
    assert find_atoms(read_density(REAL / name)).answers[0].counts == atoms
