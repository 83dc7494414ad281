"""Gaussian process regression with a given kernel; noise, and one of several kernels, by the likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from symfft_models._array_types import FloatArray

#: Noise that is tried, as a share of the mean variance that the kernel gives.
NOISES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)


@dataclass(frozen=True, eq=False)
class GaussianProcess:
    """Regression through known values.

    Attributes
    ----------
    factor : tuple
        Cholesky factor of kernel and noise.
    weights : (n,) float64
        Of the known values.
    mean, scale, noise : float
        Mean of the values; factor between the kernel and their variance; variance of the noise in units of the kernel.
    surprise : float
        Minus the logarithm of the likelihood, without constants.
    """

    factor: tuple[FloatArray, bool]
    weights: FloatArray
    mean: float
    scale: float
    noise: float
    surprise: float

    @classmethod
    def fit(cls, kernel: FloatArray, values: FloatArray) -> Self:
        """Fit to values (n,) with a kernel (n, n), with the noise of the largest likelihood."""
        mean = float(values.mean())
        squares, vectors = np.linalg.eigh(kernel)
        rotated = vectors.T @ (values - mean)
        unit = float(np.trace(kernel)) / len(kernel)
        best = min(NOISES, key=lambda noise: _surprise(squares + noise * unit, rotated))
        noise = best * unit
        factor = cho_factor(kernel + noise * np.eye(len(kernel)), lower=True)
        variance = float(np.mean(rotated**2 / np.maximum(squares + noise, 1e-12)))
        weights = cho_solve(factor, values - mean)
        return cls(factor, weights, mean, float(np.sqrt(variance)), noise, _surprise(squares + noise, rotated))

    @classmethod
    def fit_best(cls, kernels: Sequence[FloatArray], values: FloatArray) -> tuple[Self, int]:
        """Fit with each kernel, and return the fit of the largest likelihood with the number of its kernel."""
        fits = [cls.fit(kernel, values) for kernel in kernels]
        place = int(np.argmin([fit.surprise for fit in fits]))
        return fits[place], place

    def predict(self, across: FloatArray, own: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return expected values and standard deviations (m,).

        Parameters
        ----------
        across : (m, n) float64
            Kernel between new and known.
        own : (m,) float64
            Kernel of each new one with itself.
        """
        variance = own + self.noise - np.einsum("mn,nm->m", across, cho_solve(self.factor, across.T))
        expected = self.mean + across @ self.weights
        return expected, np.asarray(self.scale * np.sqrt(np.maximum(variance, self.noise)))


def _surprise(variances: FloatArray, rotated: FloatArray) -> float:
    variances = np.maximum(variances, 1e-12)
    n = len(rotated)
    return float(0.5 * np.log(variances).sum() + 0.5 * n * np.log((rotated**2 / variances).mean()))
