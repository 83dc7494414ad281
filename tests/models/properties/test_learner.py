"""Gaussian process regression against its textbook formula."""

from __future__ import annotations

import numpy as np
import pytest

from symfft_models.properties.learner import GaussianProcess


def kernel_of(left, right, length):
    return np.exp(-((left[:, None] - right) ** 2) / (2 * length**2))


@pytest.fixture
def problem():
    rng = np.random.default_rng(3)
    points = np.sort(rng.uniform(-3, 3, 40))
    return points, np.sin(2 * points) + 0.05 * rng.normal(size=40), rng


def test_prediction_is_the_textbook_formula(problem):
    points, values, _ = problem
    new = np.linspace(-2.5, 2.5, 7)
    fit = GaussianProcess.fit(kernel_of(points, points, 0.7), values)
    expected, spread = fit.predict(kernel_of(new, points, 0.7), np.ones(7))
    inverse = np.linalg.inv(kernel_of(points, points, 0.7) + fit.noise * np.eye(40))
    across = kernel_of(new, points, 0.7)
    np.testing.assert_allclose(expected, values.mean() + across @ inverse @ (values - values.mean()), atol=1e-8)
    scale = (values - values.mean()) @ inverse @ (values - values.mean()) / 40
    variance = scale * (1 + fit.noise - np.einsum("ij,jk,ik->i", across, inverse, across))
    np.testing.assert_allclose(spread, np.sqrt(variance), rtol=1e-5)
    assert np.abs(expected - np.sin(2 * new)).max() < 0.1


def test_the_noise_is_found(problem):
    points, _, rng = problem
    loud = np.sin(points) + 0.5 * rng.normal(size=40)
    quiet = np.sin(points)
    kernel = kernel_of(points, points, 1.0)
    assert GaussianProcess.fit(kernel, loud).noise > 30 * GaussianProcess.fit(kernel, quiet).noise


def test_the_likelihood_takes_the_kernel_that_fits(problem):
    points, values, _ = problem
    kernels = [kernel_of(points, points, length) for length in (0.01, 0.7, 50.0)]
    assert GaussianProcess.fit_best(kernels, values)[1] == 1
