import numpy as np
import pytest
from crystals import CRYSTALS, crystal

from symfft import SpaceGroup, SpaceGroupError
from symfft.basins.sites import atom_orbits, owners_of, site_symmetry


@pytest.mark.parametrize("number", CRYSTALS)
def test_orbits_of_atoms_are_the_sites_the_crystal_was_made_of(number):
    density = crystal(number)
    orbits = atom_orbits(SpaceGroup.from_number(number), density.positions, density.numbers, density.lattice)
    assert orbits.max() + 1 == len(CRYSTALS[number][2])
    for orbit in range(orbits.max() + 1):
        assert len(set(density.numbers[orbits == orbit].tolist())) == 1


def test_a_group_that_is_not_the_crystals_is_refused():
    density = crystal(2)
    with pytest.raises(SpaceGroupError, match="without an atom"):
        atom_orbits(SpaceGroup.from_symbol("P 2"), density.positions, density.numbers, density.lattice)


@pytest.mark.parametrize("number", CRYSTALS)
def test_order_of_the_site_symmetry_times_atoms_in_the_orbit_is_that_of_the_group(number):
    density, group = crystal(number), SpaceGroup.from_number(number)
    orbits = atom_orbits(group, density.positions, density.numbers, density.lattice)
    for i, position in enumerate(density.positions):
        stabilizer = site_symmetry(group, position, density.lattice)
        assert stabilizer.order * (orbits == orbits[i]).sum() == group.order


def test_maxima_at_nuclei_in_bonds_and_in_voids():
    silicon = np.array([[0.0, 0, 0], [0.25, 0.25, 0.25]])
    numbers = np.array([14, 14])
    points = np.array([[0.02, 0.0, 0.0], [0.125, 0.125, 0.125], [0.5, 0.5, 0.5], [0.27, 0.25, 1.25]])
    found = owners_of(points, silicon, numbers, 5.43 * np.eye(3))
    assert found.owns.tolist() == [True, False, False, True]
    assert found.nearest[[0, 3]].tolist() == [0, 1]
    assert found.distance[1] == pytest.approx(5.43 * np.sqrt(3) / 8)


def test_the_middle_between_two_images_of_one_atom_is_a_bond():
    found = owners_of(np.array([[0.5, 0.0, 0.0]]), np.zeros((1, 3)), np.array([3]), 2.4 * np.eye(3))
    assert not found.owns[0]


def test_without_atoms_nobody_owns_anything():
    found = owners_of(np.zeros((2, 3)), np.zeros((0, 3)), np.zeros(0, dtype=int), np.eye(3))
    assert not found.owns.any()
    assert (found.nearest == -1).all()
