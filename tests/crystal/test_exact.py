"""Exact translations: of shifted groups, on grids and off them, with all digits and with few."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies import groups
from symfft import SpaceGroup, SpaceGroupError
from symfft.crystal.exact import ORIGIN_STEP, exact_translations


def one_of_each(group):
    """One operator of each matrix, as in a primitive cell, of a group without centring."""
    copies = int((group.rotations == np.eye(3)).all(axis=(1, 2)).sum())
    return group.rotations[::copies], group.numerators[::copies] / group.denominator, copies


def shifted(group, origin):
    rotations, translations, copies = one_of_each(group)
    return rotations, translations - (rotations - np.eye(3)) @ origin, copies


def in_full(rotations, found):
    """The group that exact translations make, with the origin that they are about."""
    exact = found.numerators * Fraction(1, found.denominator) + (rotations - np.eye(3, dtype=int)) @ found.origin
    return SpaceGroup.from_operators(rotations, exact)


@given(groups(), st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_any_origin_makes_a_group_to_twelve_digits(group, origin):
    rotations, translations, copies = shifted(group, np.array(origin))
    if copies > 1:
        return
    found = exact_translations(rotations, translations + 1e-13, np.full((len(rotations), 3), 1e-9))
    assert all(v % ORIGIN_STEP == 0 for v in found.origin)
    order = [w.tobytes() for w in rotations]
    again = in_full(rotations, found)
    apart = again.numerators / again.denominator - translations[[order.index(w.tobytes()) for w in again.rotations]]
    assert np.abs(apart - np.rint(apart)).max() < 1e-8 * (1 + np.abs(rotations).max())


@pytest.mark.parametrize("number", [2, 14, 62, 85, 152, 198, 221, 224])
@pytest.mark.parametrize("step", [Fraction(3, 56), Fraction(17, 200), Fraction(1, 3)])
def test_coordinates_with_all_digits_are_read_as_the_fractions_they_are(number, step):
    group = SpaceGroup.from_number(number)
    rotations, translations, _ = shifted(group, np.full(3, float(step)))
    found = exact_translations(rotations, translations, np.full((len(rotations), 3), 1e-12))
    assert not found.origin.any()
    assert (24 * step.denominator) % found.denominator == 0


def test_six_decimals_are_read_as_points_of_the_grid():
    group = SpaceGroup.from_number(136)
    grid = np.diag([Fraction(1, 56), Fraction(1, 56), Fraction(1, 32)])
    origin = np.round(np.array([3, 10, 5]) / [56, 56, 32], 6)
    rotations, translations, _ = shifted(group, origin)
    misfit = np.full((len(rotations), 3), 2e-6)
    found = exact_translations(rotations, translations, misfit, grid)
    assert not found.origin.any()
    assert (found.numerators * np.array([56, 56, 32]) % found.denominator == 0).all()
    assert exact_translations(rotations, translations, misfit).origin.any()


def test_a_grid_that_breaks_the_matrices_is_not_taken():
    group = SpaceGroup.from_number(221)
    grid = np.diag([Fraction(1, 32), Fraction(1, 48), Fraction(1, 64)])
    rotations, translations, _ = shifted(group, np.array([1 / 32, 1 / 48, 1 / 64]) + 1e-7)
    found = exact_translations(rotations, translations, np.full((len(rotations), 3), 0.009), grid)
    assert in_full(rotations, found).number == 221


def test_translations_that_are_no_group_are_refused():
    rotations, translations, _ = one_of_each(SpaceGroup.from_number(62))
    with pytest.raises(SpaceGroupError, match="off those of a group"):
        exact_translations(rotations, translations + 0.07 * np.arange(24).reshape(8, 3), np.full((8, 3), 1e-6))
