"""The Fourier series of samples, term by term: which frequencies are shortest is decided by looking at all nearby."""

from __future__ import annotations

from itertools import product

import numpy as np

STEPS = np.array(list(product(range(-3, 4), repeat=3)))


def members(hkl, shape, lattice):
    """All shortest frequencies of the class of hkl."""
    candidates = np.array(hkl) + STEPS * np.array(shape)
    length = np.linalg.norm(candidates @ np.linalg.inv(lattice).T, axis=1)
    return candidates[length < length.min() * (1 + 1e-6) + 1e-9]


def terms(rho, lattice):
    """Frequencies (m, 3) and coefficients (m,) of the series, so that rho(x) = Σ c exp(2πi G·x)."""
    transform = np.fft.fftn(rho) / rho.size
    frequencies, coefficients = [], []
    for hkl in product(*map(range, rho.shape)):
        found = members(hkl, rho.shape, lattice)
        frequencies.append(found)
        coefficients += [transform[hkl] / len(found)] * len(found)
    return np.concatenate(frequencies), np.array(coefficients)


def evaluate(frequencies, coefficients, points):
    """Sum of the series at fractional coordinates (p, 3)."""
    return (np.exp(2j * np.pi * np.asarray(points) @ frequencies.T) @ coefficients).real
