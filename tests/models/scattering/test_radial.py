"""Radial functions are powers times Gaussians."""

from __future__ import annotations

import numpy as np

from symfft_models.scattering.radial import WIDTHS, radial_functions


def test_formula():
    length, degree = np.array([0.0, 0.3, 2.0]), np.array([4, 0, 2])
    found = radial_functions(length, degree)
    for k, power in enumerate(degree):
        x = length[:, None] / WIDTHS
        np.testing.assert_allclose(found[k], x**power * np.exp(-(x**2) / 2), rtol=1e-12)
