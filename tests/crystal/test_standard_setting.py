"""The reference setting found from the operators alone, against spglib on the crystal itself."""

from __future__ import annotations

import numpy as np
import pytest

from symfft import SpaceGroup
from symfft.crystal import standard_setting as settings
from symfft.crystal.sites import site_operators
from symfft.crystal.standard_setting import standardization

FCC = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
BCC = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2
HEXAGONAL = np.array([[1, 0, 0], [-0.5, np.sqrt(3) / 2, 0], [0, 0, 1.6]])
#: Group, cell, sites, elements; some with free coordinates.
CRYSTALS = {
    "rock salt": (225, 5.6 * FCC, [[0, 0, 0], [1 / 2] * 3], [11, 17]),
    "diamond, origin 1": (227, 5.4 * FCC, [[0] * 3, [1 / 4] * 3], [14, 14]),
    "diamond, origin 2": (227, 5.4 * FCC, [[1 / 8] * 3, [7 / 8] * 3], [14, 14]),
    "zincblende": (216, 5.4 * FCC, [[0] * 3, [1 / 4] * 3], [30, 16]),
    "bcc": (229, 3.2 * BCC, [[0, 0, 0]], [3]),
    "fcc, cubic cell": (225, 4 * np.eye(3), [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]], [29] * 4),
    "rock salt, doubled cell": (
        225,
        5.6 * FCC * [[2], [1], [1]],
        [[0, 0, 0], [0.5, 0, 0], [0.25, 0.5, 0.5], [0.75, 0.5, 0.5]],
        [11, 11, 17, 17],
    ),
    "wurtzite": (
        186,
        3.2 * HEXAGONAL,
        [[1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0.5], [1 / 3, 2 / 3, 0.381], [2 / 3, 1 / 3, 0.881]],
        [30, 30, 16, 16],
    ),
    "rutile": (
        136,
        np.diag([4.6, 4.6, 2.96]),
        [[0, 0, 0], [0.5] * 3, *[[0.305, 0.305, 0], [0.695, 0.695, 0], [0.195, 0.805, 0.5], [0.805, 0.195, 0.5]]],
        [22, 22, 8, 8, 8, 8],
    ),
    "pyrite": (
        205,
        5.4 * np.eye(3),
        [
            *[[0, 0, 0], [0.5, 0, 0.5], [0, 0.5, 0.5], [0.5, 0.5, 0]],
            *[[0.385] * 3, [0.115, 0.615, 0.885], [0.615, 0.885, 0.115], [0.885, 0.115, 0.615]],
            *[[0.615] * 3, [0.885, 0.385, 0.115], [0.385, 0.115, 0.885], [0.115, 0.885, 0.385]],
        ],
        [26] * 4 + [16] * 8,
    ),
}


def arrays(cell, positions, numbers):
    return np.array(cell, dtype=float), np.array(positions, dtype=float), np.array(numbers, dtype=np.intc)


def general_crystal(number, seed, left_handed=False):
    """Three atoms in general position and their images, in a random basis of the primitive cell of a group."""
    import spglib

    rng = np.random.default_rng(seed)
    group = SpaceGroup.from_number(number)
    w, t = group.rotations, group.translations.astype(float)
    metric = np.einsum("gki,kl,glj->ij", w, np.diag(rng.uniform(40, 90, 3)), w) / len(w)
    points = rng.random((3, 3))
    positions = np.concatenate([w @ x + t for x in points])
    cell = spglib.find_primitive((np.linalg.cholesky(metric), positions, np.repeat([8, 14, 26], len(w))), symprec=1e-4)
    u = np.array([[1, rng.integers(-1, 2), 0], [0, 1, rng.integers(-1, 2)], [0, 0, -1 if left_handed else 1]])
    return u @ cell[0], cell[1] @ np.linalg.inv(u), cell[2]


def is_right(found, crystal, number):
    """P and p bring the sites to where the operators of the reference setting repeat them."""
    lattice, positions, numbers = crystal
    assert found.number == number
    group = SpaceGroup.from_number(number)
    p, shift = found.transformation.astype(float), found.origin_shift.astype(float)
    np.testing.assert_allclose(found.std_lattice.T @ p, np.transpose(lattice), atol=1e-9)
    assert np.linalg.det(found.std_lattice) > 0
    np.testing.assert_allclose(found.cell.astype(float) @ lattice, found.std_lattice, atol=1e-12)
    back = np.linalg.inv(p)
    for w, t in zip(group.rotations, group.translations.astype(float)):
        images = ((positions @ p.T + shift) @ w.T + t - shift) @ back.T
        apart = images[:, None] - positions[None]
        distance = np.linalg.norm((apart - np.rint(apart)) @ lattice, axis=2)
        assert distance.min(axis=1).max() < 1e-3
        assert (numbers[distance.argmin(axis=1)] == numbers).all()


@pytest.mark.parametrize("name", CRYSTALS)
def test_common_structures_need_no_search_and_get_the_group_that_spglib_finds(name):
    number, *crystal = CRYSTALS[name]
    crystal = arrays(*crystal)
    assert site_operators(*crystal, 1e-3) is not None
    found = standardization(*crystal)
    is_right(found, crystal, number)
    assert found.space_group == settings._searched(crystal, 1e-3).space_group


@pytest.mark.parametrize("number", [*range(75, 231, 6), 76, 78, 144, 145, 227, 230])
@pytest.mark.parametrize("left_handed", [False, True])
def test_any_basis_of_any_group_leads_to_the_reference_setting(number, left_handed):
    crystal = general_crystal(number, number, left_handed)
    assert (np.linalg.det(crystal[0]) < 0) == left_handed
    is_right(standardization(*crystal, symprec=1e-4), crystal, number)


@pytest.mark.parametrize("number", [2, 14, 62, 64])
def test_axes_that_lengths_decide_on_are_left_to_spglib(number):
    crystal = general_crystal(number, number)
    found, searched = standardization(*crystal, symprec=1e-4), settings._searched(crystal, 1e-4)
    assert (found.transformation == searched.transformation).all()
    assert (found.origin_shift == searched.origin_shift).all()


def test_what_came_before_does_not_matter():
    crystals = [arrays(*c[1:]) for c in CRYSTALS.values()]
    crystals += [(1.3 * lattice, positions, numbers + 1) for lattice, positions, numbers in crystals]

    def found(order):
        for cache in (settings._setting, settings._setting_of, settings._turned):
            cache.cache_clear()
        answers = {i: standardization(*crystals[i]) for i in order}
        return [(answers[i].transformation.tolist(), answers[i].origin_shift.tolist()) for i in range(len(crystals))]

    assert found(range(len(crystals))) == found(reversed(range(len(crystals))))


def test_a_crystal_in_the_reference_setting_stays_as_it_is():
    found = standardization(*arrays(*CRYSTALS["pyrite"][1:]))
    assert (found.transformation == np.eye(3, dtype=int)).all()
    assert not found.origin_shift.any()


@pytest.mark.parametrize("displacement", [3e-4, 1e-3, 3e-3])
def test_near_the_tolerance_the_search_decides(displacement):
    lattice, positions, numbers = arrays(*CRYSTALS["rutile"][1:])
    positions[2, 2] += displacement / lattice[2, 2]
    assert site_operators(lattice, positions, numbers, 1e-3) is None
    assert site_operators(lattice * [1 + displacement / 4.6, 1, 1], positions, numbers, 1e-3) is None
    found = standardization(lattice, positions, numbers)
    assert found.space_group == settings._searched((lattice, positions, numbers), 1e-3).space_group


@pytest.mark.parametrize("displacement", [2e-5, 3e-2])
def test_far_from_the_tolerance_it_does_not(displacement):
    lattice, positions, numbers = arrays(*CRYSTALS["rutile"][1:])
    positions[2, 2] += displacement / lattice[2, 2]
    found = site_operators(lattice, positions, numbers, 1e-3)
    searched = settings._searched((lattice, positions, numbers), 1e-3).space_group
    assert len(found.rows) == searched.order
    assert standardization(lattice, positions, numbers).space_group == searched


def test_sites_on_top_of_each_other_are_left_to_spglib():
    lattice, positions, numbers = arrays(*CRYSTALS["rutile"][1:])
    positions[3] = positions[2] + 1e-4
    assert site_operators(lattice, positions, numbers, 1e-3) is None
