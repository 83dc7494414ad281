"""Grids that fit a group, and those that do not."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive
from strategies import grids, groups
from symfft import IncompatibleGridError, asymmetric_unit, next_compatible_shape
from symfft.grid.shape import fitting_operators, grid_operators


@given(groups(), st.tuples(*[st.integers(1, 9)] * 3))
def test_fitting_is_what_the_definition_says(group, shape):
    assert fitting_operators(group, shape).all() == naive.fits(group, shape)


@given(groups(), st.tuples(*[st.integers(1, 6)] * 3))
def test_the_next_shape_is_the_smallest_that_fits(group, shape):
    found = next_compatible_shape(group, shape)
    assert naive.fits(group, found)
    assert all(f >= n for f, n in zip(found, shape))
    largest = max(found)
    smaller = [
        other
        for other in product(*(range(n, largest + 1) for n in shape))
        if np.prod(other) < np.prod(found) and fitting_operators(group, other).all()
    ]
    assert not smaller
    assert next_compatible_shape(group, found) == found


@given(grids(largest=9))
def test_operators_in_grid_units_act_as_the_definition_says(case):
    group, shape = case
    rotations, translations = grid_operators(group, shape)
    point = np.array([n // 2 for n in shape])
    for w, t, big_w, big_t in zip(rotations, translations, group.rotations, group.translations):
        assert tuple((w @ point + t) % shape) == naive.image(big_w, big_t, point, shape)


@pytest.mark.parametrize(
    ("group", "shape", "words"),
    [
        ("P 21/m", (48, 49, 48), ["P 1 21/m 1", "-x,y+1/2,-z", "even second axis", "(48, 50, 48)"]),
        (227, (18, 18, 18), ["F d -3 m:2", "divisible by 4", "(20, 20, 20)"]),
        (194, (6, 6, 7), ["P 63/m m c", "even third axis", "(6, 6, 8)"]),
        (169, (6, 6, 8), ["P 61", "divisible by 6", "(6, 6, 12)"]),
        (221, (4, 4, 6), ["P m -3 m", "multiple of", "(6, 6, 6)"]),
    ],
)
def test_a_grid_that_breaks_the_group_is_refused_with_a_remedy(group, shape, words):
    with pytest.raises(IncompatibleGridError) as error:
        asymmetric_unit(group, shape)
    for word in words:
        assert word in str(error.value)


def test_extreme_shapes_cost_no_memory():
    assert next_compatible_shape(225, (1, 1, 999)) == (1000, 1000, 1000)
    assert next_compatible_shape(1, (1, 1, 2**31 - 2)) == (1, 1, 2**31 - 2)
    assert next_compatible_shape(3, (1, 10**6, 1)) == (1, 10**6, 1)
