r"""Regression over crystals: Gaussian processes with a kernel of composition and structure type.

.. math:: k(c, c') = \Big( \frac{\sum_{ZZ'} x_Z x'_{Z'} \kappa(Z, Z')}{\sqrt{\ldots\ \ldots}} \Big)^p
          + w\, \delta_{PP'} \prod_s \kappa(Z_s, Z'_s), \qquad \kappa = e^{-d(Z, Z')^2 / 2 l^2}

x are shares of elements, d is the distance of two elements in the periodic table
(:func:`symfft_models.crystals.composition.unlikeness`), P the structure type and s its sites.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from symfft_models._array_types import FloatArray
from symfft_models.crystals.composition import unlikeness
from symfft_models.datasets.crystals import Crystal

#: Power p, weight w of the structure type, length l in steps of the periodic table.
POWER, STRUCTURE, LENGTH = 2, 0.1, 0.8
#: Noise of the targets, as a share of the kernel's diagonal, that is tried; the best by its likelihood is taken.
NOISES = (1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.3)


@dataclass(frozen=True, eq=False)
class Described:
    """Crystals as the kernel sees them: elements of all, shares (n, elements), types, elements on the sites."""

    symbols: tuple[str, ...]
    shares: FloatArray
    kinds: tuple[str, ...]
    sites: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, crystals: Sequence[Crystal], symbols: Sequence[str]) -> Self:
        """Describe crystals of these elements."""
        place = {symbol: row for row, symbol in enumerate(symbols)}
        shares = np.zeros((len(crystals), len(symbols)))
        for row, crystal in enumerate(crystals):
            for symbol, n in crystal.formula:
                shares[row, place[symbol]] += n
        shares /= shares.sum(1, keepdims=True)
        return cls(
            tuple(symbols),
            shares,
            tuple(crystal.prototype for crystal in crystals),
            tuple(tuple(symbol for symbol, _, _ in crystal.sites) for crystal in crystals),
        )


def element_kernel(symbols: Sequence[str]) -> FloatArray:
    """Return how alike elements are, (n, n), 1 on the diagonal."""
    return np.array([[np.exp(-unlikeness(a, b) / (2 * LENGTH**2)) for b in symbols] for a in symbols])


def crystal_kernel(first: Described, second: Described) -> FloatArray:
    """Return the kernel between crystals, (n, m); both describe the same elements."""
    alike = element_kernel(first.symbols)
    mixed = first.shares @ alike
    lengths = [np.sqrt(np.einsum("nz,zy,ny->n", d.shares, alike, d.shares)) for d in (first, second)]
    total = (mixed @ second.shares.T / lengths[0][:, None] / lengths[1]) ** POWER
    place = {symbol: row for row, symbol in enumerate(first.symbols)}
    for kind in set(first.kinds) & set(second.kinds):
        rows = np.array([i for i, k in enumerate(first.kinds) if k == kind])
        columns = np.array([i for i, k in enumerate(second.kinds) if k == kind])
        left = np.array([[place[s] for s in first.sites[i]] for i in rows])
        right = np.array([[place[s] for s in second.sites[i]] for i in columns])
        product = np.ones((len(rows), len(columns)))
        for site in range(left.shape[1]):
            product *= alike[left[:, site][:, None], right[:, site]]
        total[np.ix_(rows, columns)] += STRUCTURE * product
    return np.asarray(total)


@dataclass(frozen=True, eq=False)
class Regression:
    """A Gaussian process through known values of crystals.

    Attributes
    ----------
    known : Described
        The crystals.
    mean, scale : float
        Of the values.
    noise : float
        Share of the kernel's diagonal.
    """

    known: Described
    values: FloatArray
    mean: float
    scale: float
    noise: float

    @classmethod
    def fit(cls, crystals: Sequence[Crystal], values: Sequence[float], symbols: Sequence[str]) -> Self:
        """Fit to values of crystals, with the noise of the largest likelihood."""
        known, y = Described.of(crystals, symbols), np.asarray(values, dtype=np.float64)
        mean = float(y.mean())
        kernel = crystal_kernel(known, known)
        vectors = np.linalg.eigh(kernel)
        rotated = vectors.eigenvectors.T @ (y - mean)
        best = min(NOISES, key=lambda noise: _surprise(vectors.eigenvalues + noise, rotated))
        scale = np.sqrt(np.mean(rotated**2 / (np.maximum(vectors.eigenvalues, 0) + best)))
        return cls(known, y, mean, float(scale), best)

    @cached_property
    def _inverse(self) -> FloatArray:
        kernel = crystal_kernel(self.known, self.known)
        return np.asarray(np.linalg.inv(kernel + self.noise * np.eye(len(kernel))), dtype=np.float64)

    def predict(self, crystals: Sequence[Crystal]) -> tuple[FloatArray, FloatArray]:
        """Return expected values and standard deviations of crystals of the same elements: (n,) each."""
        new = Described.of(crystals, self.known.symbols)
        across = crystal_kernel(new, self.known)
        expected = self.mean + across @ (self._inverse @ (self.values - self.mean))
        own = np.array([1.0 + STRUCTURE] * len(crystals))
        variance = own + self.noise - np.einsum("nm,mk,nk->n", across, self._inverse, across)
        return expected, np.asarray(self.scale * np.sqrt(np.maximum(variance, self.noise)))

    def left_out(self) -> tuple[FloatArray, FloatArray]:
        """Return what each known value is expected to be from the others, and its standard deviation: (n,) each."""
        inverse = self._inverse
        spread = 1 / np.diag(inverse)
        missed = (inverse @ (self.values - self.mean)) * spread
        return np.asarray(self.values - missed), np.asarray(self.scale * np.sqrt(spread))


def _surprise(variances: FloatArray, rotated: FloatArray) -> float:
    """Minus the log likelihood of values with these variances, up to a common scale, without constants."""
    variances = np.maximum(variances, 1e-12)
    n = len(rotated)
    return float(0.5 * np.log(variances).sum() + 0.5 * n * np.log((rotated**2 / variances).mean()))
