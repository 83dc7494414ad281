import numpy as np
import pytest
from crystals import CRYSTALS, lattice

import naive_series
from symfft import ShapeError, asymmetric_unit
from symfft.analysis.frequencies import frequencies_of, unique_frequencies


@pytest.mark.parametrize("number", CRYSTALS)
def test_members_are_all_that_are_shortest(number):
    cell, shape, _ = CRYSTALS[number]
    hkl = np.indices(shape).reshape(3, -1).T
    found = frequencies_of(hkl, shape, cell)
    for i, reflection in enumerate(hkl):
        expected = naive_series.members(reflection, shape, cell)
        own = found.members[found.owner == i]
        assert sorted(map(tuple, own)) == sorted(map(tuple, expected))
        assert found.multiplicity[i] == len(expected)
        np.testing.assert_allclose(found.mean[i], expected.mean(axis=0), atol=1e-12)
        np.testing.assert_allclose(found.squared[i], np.sum((np.linalg.inv(cell) @ expected[0]) ** 2), rtol=1e-9)


def test_a_skewed_basis_of_a_cubic_lattice_has_the_members_of_the_cubic_one():
    skew = np.array([[1, 0, 0], [3, 1, 0], [-2, 5, 1]]) @ np.eye(3)
    shape = (4, 4, 4)
    hkl = np.indices(shape).reshape(3, -1).T
    found = frequencies_of(hkl, shape, skew)
    straight = frequencies_of(hkl, shape, np.eye(3))
    # frequencies of the cubic basis are those of the skewed one by its inverse transpose
    back = np.rint(np.linalg.inv(skew)).astype(int)
    moved = (hkl @ back.T) % 4
    index = np.ravel_multi_index(tuple(moved.T), shape)
    np.testing.assert_array_equal(found.multiplicity, straight.multiplicity[index])
    np.testing.assert_allclose(found.squared, straight.squared[index])


def test_a_lattice_of_another_group_is_refused():
    with pytest.raises(ShapeError, match="does not fit P m -3 m"):
        unique_frequencies(asymmetric_unit(221, (4, 4, 4)), lattice(3, 4, 5))


@pytest.mark.parametrize("bad", [np.eye(2), np.ones((3, 3)), np.full((3, 3), np.nan), "abc"])
def test_what_is_no_lattice_is_refused(bad):
    with pytest.raises(ShapeError):
        frequencies_of(np.zeros((1, 3), int), (4, 4, 4), bad)


def test_the_last_decimals_of_a_lattice_do_not_part_equally_short_members():
    cell = lattice(3.2, 3.2, 5.2, gamma=120)
    noisy = cell * (1 + 1e-7 * np.random.default_rng(0).standard_normal((3, 3)))
    hkl = np.indices((6, 6, 8)).reshape(3, -1).T
    exact, found = frequencies_of(hkl, (6, 6, 8), cell), frequencies_of(hkl, (6, 6, 8), noisy)
    np.testing.assert_array_equal(exact.multiplicity, found.multiplicity)
    np.testing.assert_allclose(exact.squared, found.squared, rtol=1e-6)
    close = frequencies_of(hkl, (6, 6, 8), cell * np.array([1, 1, 1.0004]))
    np.testing.assert_allclose(close.squared[hkl[:, 2] == 1], found.squared[hkl[:, 2] == 1], rtol=2e-3)
