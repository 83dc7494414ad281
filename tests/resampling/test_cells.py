import dataclasses

import numpy as np
import pytest
from crystals import CRYSTALS, crystal, odd_magnetization

from symfft import (
    Density,
    NotSymmetricError,
    ShapeError,
    SpaceGroup,
    asymmetric_unit,
    check_symmetry,
    expand_from_au,
    primitive,
    reduce_to_au,
    supercell,
)


@pytest.mark.parametrize("number", CRYSTALS)
def test_a_repeated_cell_repeats_values_and_atoms(number):
    density = crystal(number)
    large = supercell(density, (2, 1, 3))
    np.testing.assert_array_equal(large.values, np.tile(density.values, (2, 1, 3)))
    assert len(large.numbers) == 6 * len(density.numbers)
    assert large.electrons == pytest.approx(6 * density.electrons)
    np.testing.assert_allclose(large.lattice, density.lattice * [[2], [1], [3]])
    points = np.array([[0.31, 0.42, 0.17]])
    np.testing.assert_allclose(large.at(points / [2, 1, 3]).values, density.at(points).values, atol=1e-10)
    assert set(map(tuple, np.round(large.positions * [2, 1, 3] % 1, 6) % 1)) == set(
        map(tuple, np.round(density.positions % 1, 6) % 1)
    )


@pytest.mark.parametrize("number", [14, 166, 198, 225])
def test_an_oblique_cell_holds_the_same_series(number):
    density = crystal(number)
    matrix = np.array([[1, 1, 0], [0, 1, 0], [0, 1, 2]])
    large = supercell(density, matrix)
    assert large.electrons == pytest.approx(2 * density.electrons)
    points = np.random.default_rng(0).random((9, 3))
    there = points @ np.linalg.inv(matrix)
    np.testing.assert_allclose(large.at(there).values, density.at(points).values, atol=1e-10)


@pytest.mark.parametrize("number", [166, 225, 227])
def test_a_primitive_cell_is_primitive_and_the_same_crystal(number):
    density = crystal(number)
    small = primitive(density)
    copies = len(density.numbers) / len(small.numbers)
    assert copies == {166: 3, 225: 4, 227: 4}[number]
    assert small.electrons == pytest.approx(density.electrons / copies)
    assert small.space_group().number == number
    points = np.random.default_rng(0).random((9, 3))
    there = points @ density.lattice @ np.linalg.inv(small.lattice)
    np.testing.assert_allclose(small.at(there).values, density.at(points).values, atol=1e-10)
    group = small.space_group()
    assert check_symmetry(small.values, group).largest_residual < 1e-10
    assert np.linalg.det(small.lattice) > 0
    assert primitive(small) is small


def test_primitive_cells_of_supercells_are_the_cells_they_were_made_of():
    density = crystal(62)
    back = primitive(supercell(density, (2, 2, 1)))
    assert len(back.numbers) == len(density.numbers)
    lengths = [sorted(np.linalg.norm(d.lattice, axis=1)) for d in (back, density)]
    np.testing.assert_allclose(*lengths)


def test_spins_species_and_augmentation():
    field, _ = odd_magnetization(14)
    density = dataclasses.replace(crystal(14, magnetization=field), species=(("O_s", 4),), augmentation=("a\n", "b\n"))
    large = supercell(density, 2)
    assert large.species == (("O_s", 32),)
    assert large.augmentation is None
    np.testing.assert_array_equal(large.magnetization, np.tile(field, (2, 2, 2)))
    vector = crystal(14, magnetization=np.stack([field] * 3))
    assert supercell(vector, (1, 2, 1)).magnetization.shape == (3, 6, 16, 10)


def test_an_antiferromagnet_keeps_its_cell():
    density = crystal(225)
    moment = np.cos(2 * np.pi * np.arange(8) / 8)[:, None, None] + np.zeros(density.shape)
    with pytest.raises(NotSymmetricError, match="antiferromagnet"):
        primitive(dataclasses.replace(density, magnetization=moment))


@pytest.mark.parametrize(
    "bad", [0, 10**20, (1, 2, 10**6), (1, 2), 1.5, (1, 0, 1), np.ones((3, 3)), "abc", (1, 2, float("nan"))]
)
def test_unusable_cells_are_refused(bad):
    with pytest.raises(ShapeError, match="cell"):
        supercell(crystal(14), bad)


def test_symmetry_of_a_supercell_on_its_asymmetric_unit():
    density = crystal(221)
    large = supercell(density, 2)
    group = large.space_group()
    assert group.order == 8 * 48
    au = asymmetric_unit(group, large.shape)
    np.testing.assert_allclose(expand_from_au(reduce_to_au(large.values, au), au), large.values, atol=1e-12)
    assert isinstance(large, Density)
    assert SpaceGroup.from_number(221).order == 48
