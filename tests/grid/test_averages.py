"""Averages over orbits without a plan: those with a plan, and the definition."""

from __future__ import annotations

import numpy as np
import pytest
from every import every
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from strategies import groups
from symfft import IncompatibleGridError, ShapeError, SpaceGroup, check_symmetry, next_compatible_shape, symmetrize
from symfft.grid.averages import keeps_lines, line_averages, orbit_averages
from symfft.grid.orbits import find_orbits


@settings(max_examples=60)
@given(groups(), st.tuples(*(st.integers(1, 9),) * 3), st.integers(0, 1000))
def test_they_are_the_symmetrized_density(group, shape, seed):
    rho = np.random.default_rng(seed).standard_normal(next_compatible_shape(group, shape))
    means, residual = orbit_averages(rho, group)
    np.testing.assert_allclose(means, naive.symmetrized(rho, group), atol=1e-13)
    np.testing.assert_allclose(means, symmetrize(rho, group), atol=1e-13)
    assert residual == pytest.approx(np.abs(means - rho).max() / np.abs(rho).max(), abs=1e-13)


@given(groups(), st.integers(0, 1000))
def test_no_operator_deviates_more_than_twice_the_residual(group, seed):
    rho = np.random.default_rng(seed).random(next_compatible_shape(group, (5, 5, 5)))
    residual = orbit_averages(rho, group).residual
    assert check_symmetry(rho, group).largest_residual <= 2 * residual + 1e-14


@given(groups(), st.integers(0, 1000))
def test_a_symmetric_density_is_left_as_it_is(group, seed):
    rho = symmetrize(np.random.default_rng(seed).random(next_compatible_shape(group, (5, 6, 7))), group)
    means, residual = orbit_averages(rho, group)
    assert residual == 0
    np.testing.assert_array_equal(means, rho)


def test_zero_everywhere_is_symmetric():
    assert orbit_averages(np.zeros((4, 4, 4)), SpaceGroup.from_number(225)).residual == 0


def test_unusable_densities_are_named():
    with pytest.raises(IncompatibleGridError, match="does not fit"):
        orbit_averages(np.ones((5, 5, 5)), SpaceGroup.from_number(225))
    with pytest.raises(ShapeError, match="not a single density"):
        orbit_averages(np.ones((4, 4)), SpaceGroup.from_number(1))


def test_the_order_of_axes_and_operators_does_not_matter():
    """Equal groups found from cells whose axes are exchanged, one after the other."""
    fcc = 2.0 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    first = SpaceGroup.from_structure(fcc, [[0, 0, 0]], [29])
    other = SpaceGroup.from_structure(fcc[[0, 2, 1]], [[0, 0, 0]], [29])
    assert first == other
    rho = symmetrize(np.random.default_rng(0).random((8, 8, 8)), first)
    assert orbit_averages(rho, first).residual == orbit_averages(rho, other).residual == 0


@given(groups(), st.randoms(use_true_random=False))
def test_shuffled_operators_give_the_same_averages(group, random):
    order = list(range(group.order))
    random.shuffle(order)
    again = SpaceGroup(group.rotations[order], group.numerators[order], group.denominator)
    rho = np.random.default_rng(group.order).random(next_compatible_shape(group, (4, 5, 6)))
    np.testing.assert_array_equal(orbit_averages(rho, again).means, orbit_averages(rho, group).means)
    np.testing.assert_allclose(orbit_averages(rho, again).means, naive.symmetrized(rho, group), atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every("number", [n for n in range(1, 231) if keeps_lines(SpaceGroup.from_number(n))])
def test_lines_are_averaged_to_the_same_bits_on_an_orbit(number, dtype):
    group = SpaceGroup.from_number(number)
    shape = next_compatible_shape(group, (5, 6, 7))
    rho = np.random.default_rng(number).standard_normal((2, *shape)).astype(dtype)
    means = line_averages(rho, group)
    assert means.dtype == dtype
    orbits = find_orbits(group, shape, (0, 0, 0), shape)
    for density, mean in zip(rho, means, strict=True):
        np.testing.assert_array_equal(mean.reshape(-1)[orbits.representatives][orbits.labels], mean)
        np.testing.assert_allclose(mean, naive.symmetrized(density, group), atol=1e-6 if dtype == np.float32 else 1e-13)


def test_groups_that_keep_lines_along_the_third_axis():
    kept = [n for n in range(1, 231) if keeps_lines(SpaceGroup.from_number(n))]
    assert kept == list(range(1, 195))
