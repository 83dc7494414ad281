"""Linear rivals with as many floats as the latent: the mean density, the lowest-|G| stars, and PCA.

All work on AU values (m, n) with weights w (n,) = multiplicity / N, whose inner product is the full cell's.
A basis is (k, n) with ``basis * w @ basis.T`` the identity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symfft import AsymmetricUnit
from symfft_models._array_types import FloatArray
from symfft_models.model.stars import cell_weights, star_functions


@dataclass(frozen=True)
class LinearCode:
    """Mean density (n,) and orthonormal basis (k, n): rho* = mean + <rho - mean, basis> basis."""

    mean: FloatArray
    basis: FloatArray
    weight: FloatArray

    def encode(self, values: FloatArray) -> FloatArray:
        """Return coefficients, (m, k)."""
        return np.asarray(((values - self.mean) * self.weight) @ self.basis.T)

    def truncated(self, count: int) -> LinearCode:
        """Return the code of the first `count` basis vectors."""
        return LinearCode(self.mean, self.basis[:count], self.weight)

    def reconstruct(self, values: FloatArray) -> FloatArray:
        """Encode and decode, (m, n)."""
        return np.asarray(self.mean + self.encode(values) @ self.basis)


def mean_density(values: FloatArray, weight: FloatArray) -> LinearCode:
    """Describe every density by the training mean: no floats at all."""
    return LinearCode(values.mean(0), np.zeros((0, values.shape[1])), weight)


def lowest_stars(unit: AsymmetricUnit, count: int) -> LinearCode:
    """Keep the `count` lowest-|G| real coefficients of a density normalised to mean one; nothing is learned."""
    return LinearCode(np.ones(unit.size), star_functions(unit, count), cell_weights(unit))


def principal_components(
    values: FloatArray, weight: FloatArray, count: int, sample_weight: FloatArray | None = None
) -> LinearCode:
    """Fit PCA with at most `count` components under the full cell's inner product.

    Fewer than `count` training densities span fewer directions; the basis then has that many rows, and says so by its
    length. `sample_weight` (m,) makes some densities count more.
    """
    share = np.full(len(values), 1.0 / len(values)) if sample_weight is None else sample_weight / sample_weight.sum()
    mean = share @ values
    scaled = np.sqrt(share)[:, None] * (values - mean) * np.sqrt(weight)
    _, sizes, directions = np.linalg.svd(scaled, full_matrices=False)
    keep = min(count, int((sizes > 1e-7 * max(sizes[0], 1e-300)).sum()))
    return LinearCode(mean, directions[:keep] / np.sqrt(weight), weight)
