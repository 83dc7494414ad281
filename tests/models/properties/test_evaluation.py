"""Folds, figures, and that a target without information is not told."""

from __future__ import annotations

import numpy as np
import pytest

from symfft_models.properties.descriptions import vector_kernels
from symfft_models.properties.evaluation import FOLDS, figures, fold_of, out_of_fold, with_error_bars


def test_figures_of_known_errors():
    values = np.array([0.0, 1.0, 2.0, 3.0])
    assert figures("formation", values, values + 0.5) == {"r2": pytest.approx(0.8), "error": pytest.approx(0.5)}
    assert figures("bulk_modulus", values, values + np.log10(1.1))["error"] == pytest.approx(10)
    sides = np.array([1.0, 1.0, 1.0, -1.0])
    assert figures("metal", sides, np.array([0.2, 0.9, -0.1, -0.3])) == {
        "right": pytest.approx(75),
        "balanced": pytest.approx((200 / 3 + 100) / 2),
    }


def test_what_is_told_is_told_and_noise_is_not():
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(200, 2))
    names = [f"H{n}" for n in range(200)]
    folds = np.array([fold_of(name) for name in names])
    assert set(folds) == set(range(FOLDS))
    told = np.sin(vectors[:, 0]) + vectors[:, 1]
    expected, _ = out_of_fold(vector_kernels(vectors), told, folds)
    assert figures("formation", told, expected)["r2"] > 0.98
    noise = rng.normal(size=200)
    guessed, bar = out_of_fold(vector_kernels(vectors), noise, folds)
    assert figures("formation", noise, guessed)["r2"] < 0.1
    assert 80 < 100 * np.mean(np.abs(guessed - noise) < 1.645 * bar) < 98
    found = with_error_bars("formation", told, expected, names)
    assert found["r2"][0] > 0.98 > 0.1 > found["r2"][1] > 0


def test_no_value_of_a_fold_changes_its_own_prediction():
    rng = np.random.default_rng(2)
    vectors, values = rng.normal(size=(60, 3)), rng.normal(size=60)
    folds = np.arange(60) % FOLDS
    before, _ = out_of_fold(vector_kernels(vectors), values, folds)
    changed = np.where(folds == 2, values + 100 * rng.normal(size=60), values)
    after, _ = out_of_fold(vector_kernels(vectors), changed, folds)
    np.testing.assert_array_equal(after[folds == 2], before[folds == 2])
    assert np.abs(after - before)[folds != 2].max() > 1
