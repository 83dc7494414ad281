"""Columns along a unique axis, then matrices of planes, give what the plan gives."""

import pytest
from engine_checks import agrees_with_the_plan
from every import every
from hypothesis import assume, given

import strategies
from symfft import asymmetric_unit, next_compatible_shape
from symfft.transforms.torch_engines.columns import ColumnTransform, find_columns


def columns(au, view):
    return ColumnTransform(au, view, find_columns(au.orbits))


@every("number", range(1, 195))
def test_all_groups_with_a_unique_axis(number):
    wanted = (5, 6, 7) if number % 2 else (9, 4, 6)
    agrees_with_the_plan(asymmetric_unit(number, next_compatible_shape(number, wanted)), columns)


@given(strategies.grids(9))
def test_any_setting(grid):
    au = asymmetric_unit(*grid)
    assume(find_columns(au.orbits))
    agrees_with_the_plan(au, columns)


@pytest.mark.parametrize("group", [195, 221, 230, "R 3 2:R"])
def test_other_groups_have_no_columns(group):
    assert find_columns(asymmetric_unit(group, next_compatible_shape(group, (6, 6, 6))).orbits) is None


def test_phases_of_a_screw_axis_repeat():
    orbits = {number: asymmetric_unit(number, (6, 6, 6)).orbits for number in (143, 144, 166, 169, 191, 194)}
    assert {n: find_columns(o).period for n, o in orbits.items()} == {143: 1, 144: 3, 166: 3, 169: 6, 191: 1, 194: 4}
