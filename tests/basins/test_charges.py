import dataclasses
import math

import numpy as np
import pytest
from crystals import CRYSTALS, atoms_of, crystal, gaussians, lattice, odd_magnetization

from symfft import (
    Density,
    NotSymmetricError,
    ShapeError,
    SpaceGroupError,
    SymfftError,
    bader,
    basin,
    read_density,
)


@pytest.mark.parametrize("number", CRYSTALS)
def test_charges_are_those_without_symmetry(number):
    density = atoms_of(number)
    found, plain = bader(density), bader(density, space_group="P 1")
    assert found.space_group.number == number
    np.testing.assert_allclose(found.electrons, plain.electrons, atol=1e-9)
    np.testing.assert_allclose(found.volumes, plain.volumes, atol=1e-9)
    assert found.electrons.sum() + sum(m.count * m.electrons for m in found.non_nuclear) == pytest.approx(
        density.electrons, rel=1e-12
    )
    assert found.total == density.electrons
    for z in set(density.numbers.tolist()):
        if number not in (2,):
            assert len(set(found.electrons[density.numbers == z].tolist())) == 1
    assert plain.space_group.number == 1


def test_atoms_that_hardly_overlap_have_the_charges_they_were_made_of():
    cell = lattice(7.0, 7.5, 8.0, 80, 95, 100)
    positions, numbers = np.array([[0.1, 0.2, 0.3], [0.6, 0.7, 0.8]]), np.array([8, 11])
    atoms = {8: (8.0, 0.5), 11: (3.0, 0.45)}
    errors = []
    for n in (28, 42):
        values = gaussians(cell, positions, numbers, (n, n, n), atoms)
        found = bader(Density(values, cell, positions, numbers), vacuum=1e-4)
        errors.append(np.abs(found.electrons - [8.0, 3.0]).max())
    assert errors[-1] < 2e-3
    assert found.vacuum_volume > 50
    assert found.electrons.sum() + found.vacuum_electrons == pytest.approx(found.total, rel=1e-12)


def test_two_equal_atoms_share_equally_and_a_third_way_by_symmetry():
    density = atoms_of(227)
    found = bader(density)
    np.testing.assert_allclose(found.electrons, density.electrons / 8, rtol=1e-12)
    np.testing.assert_allclose(found.volumes, density.volume / 8, rtol=1e-12)
    assert found.notes == () or "vacuum" in found.notes[-1]


def test_charges_converge_with_the_grid():
    cell, positions, numbers = 3.0 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [55, 17]
    atoms = {55: (4.0, 0.6), 17: (7.0, 0.7)}
    charges = [
        bader(Density(gaussians(cell, positions, numbers, (n, n, n), atoms), cell, positions, numbers)).electrons[0]
        for n in (20, 40, 60)
    ]
    assert abs(charges[1] - charges[2]) < 0.5 * abs(charges[0] - charges[2]) + 1e-4
    assert charges[2] == pytest.approx(charges[1], abs=5e-3)


@pytest.mark.parametrize("number", [14, 62])
def test_moments_under_the_group_of_the_magnetization(number):
    density = atoms_of(number)
    field, _ = odd_magnetization(number)
    spin = np.repeat(np.repeat(np.repeat(field, 3, 0), 3, 1), 3, 2)
    magnetic = dataclasses.replace(density, magnetization=spin)
    found, plain = bader(magnetic), bader(magnetic, space_group="P 1")
    np.testing.assert_allclose(found.moments, plain.moments, atol=1e-9)
    np.testing.assert_array_equal(found.electrons, bader(density).electrons)
    even = dataclasses.replace(density, magnetization=density.values / 2)
    np.testing.assert_allclose(bader(even).moments, found.electrons / 2, rtol=1e-10)
    vector = dataclasses.replace(density, magnetization=np.stack([density.values, spin, 0 * spin]))
    moments = bader(vector).moments
    assert moments.shape == (len(density.numbers), 3)
    np.testing.assert_allclose(moments[:, 0], found.electrons, rtol=1e-10)
    np.testing.assert_allclose(moments[:, 1], found.moments, atol=1e-9)


def test_a_reference_decides_and_the_density_is_integrated():
    density = atoms_of(225)
    flat = density.with_values(np.full(density.shape, 0.5))
    found = bader(flat, reference=density)
    np.testing.assert_allclose(found.electrons, 0.5 * bader(density).volumes, rtol=1e-12)
    with pytest.raises(ShapeError, match="resample"):
        bader(density, reference=crystal(225))
    cores = atoms_of(225) * 2.0
    np.testing.assert_allclose(bader(density, reference=density + cores).electrons, bader(density).electrons)


def test_the_basin_of_one_atom():
    density = atoms_of(194)
    found = bader(density)
    parts = [basin(density, atom) for atom in range(len(density.numbers))]
    for part, electrons in zip(parts, found.electrons):
        assert part.electrons == pytest.approx(electrons, rel=1e-10)
    total = sum(part.values for part in parts)
    lost = sum(m.count * m.electrons for m in found.non_nuclear)
    assert total.sum() * density.volume / total.size == pytest.approx(density.electrons - lost, rel=1e-10)
    magnetic = dataclasses.replace(density, magnetization=density.values / 4)
    assert basin(magnetic, 1).moment == pytest.approx(found.electrons[1] / 4, rel=1e-6)
    for bad in (-1, 2, 1.0, True):
        with pytest.raises(SymfftError, match="no atom"):
            basin(density, bad)


def test_non_nuclear_maxima_are_named():
    cell = 6.0 * np.eye(3)
    atoms = {11: (1.0, 0.6), 9: (2.0, 0.6)}
    values = gaussians(cell, [[0, 0, 0], [0.5, 0.5, 0.5]], [11, 9], (24, 24, 24), atoms)
    found = bader(Density(values, cell, [[0, 0, 0]], [11]))
    (extra,) = found.non_nuclear
    np.testing.assert_allclose(extra.position, 0.5, atol=1e-9)
    assert extra.count == 1
    assert extra.electrons + found.electrons[0] == pytest.approx(found.total)
    assert extra.distance == pytest.approx(math.sqrt(27))
    assert any("non-nuclear" in note for note in found.notes)


def test_atoms_without_a_maximum_are_said_to_have_none():
    density = atoms_of(225)
    bare = density.with_values(gaussians(density.lattice, density.positions[4:], density.numbers[4:], density.shape))
    found = bader(bare)
    np.testing.assert_array_equal(found.electrons[:4], 0)
    assert any("belongs to Na1, Na2" in note for note in found.notes)


def test_a_molecule_in_a_box():
    cell, positions, numbers = 10.0 * np.eye(3), np.array([[0.5, 0.5, 0.45], [0.5, 0.5, 0.58]]), [8, 14]
    atoms = {8: (6.0, 0.4), 14: (4.0, 0.5)}
    density = Density(gaussians(cell, positions, numbers, (40, 40, 40), atoms), cell, positions, numbers)
    found = bader(density)
    assert "volumes include it" in found.notes[-1]
    assert found.electrons.sum() == pytest.approx(found.total, rel=1e-9)
    inside = bader(density, vacuum=1e-3)
    assert not any("volumes" in note for note in inside.notes)
    np.testing.assert_allclose(inside.electrons, found.electrons, atol=0.02)
    assert inside.volumes.sum() + inside.vacuum_volume == pytest.approx(1000.0)


def test_a_supercell_has_the_charges_of_the_cell():
    density = atoms_of(221)
    double = Density(
        np.tile(density.values, (2, 1, 1)),
        density.lattice * np.array([[2.0], [1.0], [1.0]]),
        np.concatenate([(density.positions + [k, 0, 0]) / [2, 1, 1] for k in range(2)]),
        np.tile(density.numbers, 2),
    )
    np.testing.assert_allclose(bader(double).electrons, np.tile(bader(density).electrons, 2), rtol=1e-10)


def test_a_density_that_breaks_the_symmetry_of_its_atoms_is_not_averaged():
    density = atoms_of(221)
    tilt = 0.01 * np.sin(2 * np.pi * np.arange(21) / 21)[:, None, None] + np.zeros(density.shape)
    found = bader(density + density.with_values(tilt))
    assert found.space_group.order < 48
    with pytest.raises(NotSymmetricError):
        bader(density + density.with_values(tilt), space_group=221)
    moved = dataclasses.replace(density, positions=density.positions + [[0.1, 0, 0], [0, 0, 0]])
    with pytest.raises(SpaceGroupError, match="without an atom"):
        bader(moved, space_group=221)


def test_bad_input_gets_a_clear_word():
    density = atoms_of(221)
    for kind in ("potential", "elf", "other"):
        with pytest.raises(SymfftError, match=kind):
            bader(dataclasses.replace(density, kind=kind))
    with pytest.raises(SymfftError, match="reference is of the kind potential"):
        bader(density, reference=dataclasses.replace(density, kind="potential"))
    with pytest.raises(SymfftError, match="spin density"):
        bader(density - density.values.mean())
    with pytest.raises(SymfftError, match="constant"):
        bader(density.with_values(np.ones(density.shape)))
    with pytest.raises(SymfftError, match=r"spin density|constant"):
        bader(density.with_values(np.zeros(density.shape)))
    with pytest.raises(SymfftError, match="vacuum"):
        bader(density, vacuum=1e9)
    for vacuum in (math.nan, math.inf):
        with pytest.raises(ShapeError, match="vacuum"):
            bader(density, vacuum=vacuum)


def test_more_basins_than_atoms_are_merged_or_named():
    # four maxima around the nucleus, as valence densities of p elements have
    cell, shape = 4.0 * np.eye(3), (32, 32, 32)
    lobes = np.array([[s * 0.1, t * 0.1, u * 0.1] for s, t, u in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))])
    values = gaussians(cell, lobes, [14] * 4, shape, {14: (1.0, 0.25)})
    found = bader(Density(values, cell, [[0, 0, 0]], [14]))
    assert sum(m.count for m in found.maxima) >= 4
    assert all(m.nuclear for m in found.maxima)
    assert found.electrons[0] == pytest.approx(found.total)


def test_the_result_in_words():
    found = bader(atoms_of(221))
    assert repr(found).startswith("<BaderCharges: Cs 8.998")


def test_charges_are_those_of_baderkit(real_densities):
    # baderkit 0.10.2, method "weight", one number for each of the orbits of atoms of magnetite
    theirs = [6.3773489, 6.4560067, 6.5614067, 7.1641603, 7.1655262]
    found = bader(read_density(real_densities / "Fe3O4_sg166_36_spin.CHGCAR.gz"))
    np.testing.assert_allclose(np.unique(found.electrons), theirs, atol=2e-6)


def test_real_files(real_densities):
    nitric = bader(read_density(real_densities / "NO_sg25_32x48x64.CHGCAR.gz"), vacuum=1e-3)
    assert nitric.electrons.sum() + nitric.vacuum_electrons == pytest.approx(11.0, abs=1e-3)
    iron = bader(read_density(real_densities / "Fe1_sg229_28_spin.CHGCAR.gz"))
    assert iron.electrons[0] == pytest.approx(8.0, abs=1e-3)
    assert iron.moments[0] == pytest.approx(2.2, abs=0.1)
    nickel = bader(read_density(real_densities / "NiO_28_noncollinear.CHGCAR.gz"))
    assert nickel.moments.shape == (4, 3)
    np.testing.assert_allclose(nickel.moments[0], -nickel.moments[1], atol=1e-3)
    with pytest.raises(SymfftError, match="potential"):
        bader(read_density(real_densities / "NaMgF3_sg62.LOCPOT.gz"))
