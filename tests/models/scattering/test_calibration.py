"""Error bars that nine of ten crystals stay below."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symfft_models.scattering.calibration import COVERED, ENOUGH, calibrated, growth
from symfft_models.scattering.measure import expected_error, nmae, predicted_factors
from symfft_models.scattering.training import train


@pytest.fixture(scope="module")
def model(few_crystals, small):
    return train(few_crystals[::2], small)


@pytest.mark.parametrize("slope", [0.0, 0.4, 1.0])
def test_the_power_is_that_of_the_errors(slope):
    expected = np.geomspace(0.2, 5, ENOUGH)
    assert growth(3 * expected**slope, expected) == pytest.approx(slope, abs=1e-9)


def test_it_is_between_zero_and_one_and_of_few_crystals_one():
    expected = np.geomspace(0.2, 5, ENOUGH)
    assert growth(expected**3, expected) == 1
    assert growth(1 / expected, expected) == 0
    assert growth(np.ones(ENOUGH), np.ones(ENOUGH)) == 0
    assert growth(expected[1:] ** 0.4, expected[1:]) == 1


def test_small_errors_are_stated_larger_than_in_proportion_and_large_ones_in_proportion(model):
    found = replace(model, bar=2.0, power=0.5, usual=0.8)
    assert found.error_bar(0.8) == pytest.approx(1.6)
    assert found.error_bar(0.2) == pytest.approx(2 * 0.8 * 0.5)
    assert found.error_bar(3.2) == pytest.approx(6.4)


def test_nine_of_ten_crystals_of_the_calibration_are_inside(model, few_crystals):
    seen = [one for one in few_crystals if np.isin(one.crystal.numbers, model.elements).all()]
    found = calibrated(model, few_crystals)
    assert found.facts["calibrated_on"] == len(seen)
    inside = []
    for one in seen:
        coefficients = found.coefficients(one.crystal)
        error = float(nmae(one, predicted_factors(one, coefficients)))
        inside.append(error <= found.error_bar(expected_error(one.crystal, coefficients)) * (1 + 1e-9))
    assert COVERED <= np.mean(inside) <= COVERED + 2 / len(seen)
