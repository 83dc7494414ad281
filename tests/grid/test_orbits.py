"""The number of orbits by fixed points, against the orbits themselves."""

from __future__ import annotations

import pytest
from every import every
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import groups
from symfft import IncompatibleGridError, SpaceGroup, next_compatible_shape
from symfft.grid.orbits import find_orbits, orbit_count


@every("number", range(1, 231))
def test_count_is_that_of_the_orbits(number):
    group = SpaceGroup.from_number(number)
    for least in ((1, 1, 1), (5, 6, 7)):
        shape = next_compatible_shape(group, least)
        assert orbit_count(group, shape) == len(find_orbits(group, shape, (0, 0, 0), shape).multiplicity)


@settings(max_examples=60)
@given(groups(), st.tuples(*(st.integers(1, 12),) * 3))
def test_count_in_any_setting(group, least):
    shape = next_compatible_shape(group, least)
    assert orbit_count(group, shape) == len(find_orbits(group, shape, (0, 0, 0), shape).multiplicity)


def test_a_large_grid_is_counted_exactly():
    assert orbit_count(SpaceGroup.from_number(2), (2**10, 2**10, 2**10)) == 2**29 + 4
    assert orbit_count(SpaceGroup.from_number(1), (2**30, 1, 1)) == 2**30


def test_a_grid_that_does_not_fit_is_named():
    with pytest.raises(IncompatibleGridError, match="does not fit"):
        orbit_count(SpaceGroup.from_number(225), (5, 5, 5))
