"""The full grid gives what the plan gives."""

import numpy as np
import pytest
from engine_checks import agrees_with_the_plan
from hypothesis import given

import strategies
from symfft import asymmetric_unit, next_compatible_shape
from symfft.transforms.torch_engines.full import FullTransform, unique_in_half


@given(strategies.grids(9))
def test_any_setting(grid):
    agrees_with_the_plan(asymmetric_unit(*grid), FullTransform)


@pytest.mark.parametrize("number", [70, 98, 122, 166, 194, 203, 210, 214, 220, 227, 228, 230])
def test_quarters_and_thirds(number):
    agrees_with_the_plan(asymmetric_unit(number, next_compatible_shape(number, (12, 12, 12))), FullTransform)


def test_half_grid():
    place, mate = unique_in_half(np.array([[0, 0, 1], [1, 2, -1], [0, -1, 2]]), (4, 4, 4))
    assert place.tolist() == [1, (3 * 4 + 2) * 3 + 1, 3 * 3 + 2]
    assert mate.tolist() == [False, True, False]
