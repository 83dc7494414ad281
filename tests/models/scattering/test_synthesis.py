"""Structure factors of coefficients: sums over terms and radial functions."""

from __future__ import annotations

import numpy as np

from symfft_models.scattering.harmonics import DEGREE
from symfft_models.scattering.radial import RADIAL, radial_functions
from symfft_models.scattering.synthesis import superposition


def test_superposition_is_the_sum_over_terms_and_radial_functions():
    random = np.random.default_rng(0)
    length, degree = random.uniform(0, 2, 7), np.array([0, 2, 4, 4])
    factors = random.standard_normal((4, 7)) + 1j * random.standard_normal((4, 7))
    coefficients = random.standard_normal((3, 2, 4, RADIAL))
    expected = np.einsum("stkn,khn,kh->sth", coefficients, radial_functions(length, degree), factors)
    every = radial_functions(length, np.arange(DEGREE + 1))
    np.testing.assert_allclose(superposition(coefficients, factors, every, degree), expected, atol=1e-12)
    real = superposition(coefficients, factors.real, every, degree)
    np.testing.assert_allclose(
        real + 1j * superposition(coefficients, factors.imag, every, degree), expected, atol=1e-12
    )
