"""Linear rivals with as many floats as the latent: the mean density, the lowest-|G| stars, and PCA.

All work on AU values (m, n) with weights w (n,) = multiplicity / N, whose inner product is the full cell's.
A basis is (k, n) with ``basis * w @ basis.T`` the identity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symfft import AsymmetricUnit
from symfft_models._array_types import FloatArray, IntArray
from symfft_models.model.stars import cell_weights, star_functions

#: Directions with a smaller part than this of the largest singular value are of rounding.
ROUNDING = 3e-7


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
    values: FloatArray,
    weight: FloatArray,
    count: int,
    sample_weight: FloatArray | None = None,
    moved: IntArray | None = None,
) -> LinearCode:
    """Fit PCA with at most `count` components under the full cell's inner product.

    Fewer than `count` training densities span fewer directions; the basis then has that many rows, and says so by its
    length. `sample_weight` (m,) makes some densities count more. With `moved` (n,), a permutation of the points that is
    its own inverse and keeps their weights, all densities ``values[:, moved]`` are fitted too.
    """
    share = np.full(len(values), 1.0 / len(values)) if sample_weight is None else sample_weight / sample_weight.sum()
    mean = share @ values
    if moved is not None:
        mean = (mean + mean[moved]) / 2
    scaled = np.sqrt(share)[:, None] * (values - mean) * np.sqrt(weight)
    sizes, directions = _directions(scaled) if moved is None else _directions_with_moved(scaled, moved)
    keep = min(count, int((sizes > ROUNDING * sizes.max(initial=0)).sum()))
    return LinearCode(mean, directions[:keep] / np.sqrt(weight), weight)


def _directions(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return singular values (k,), descending, and right singular vectors (k, n).

    From eigenvectors of the products of columns or, where there are fewer, of rows, without those of rounding.
    """
    wide = len(rows) < rows.shape[1]
    squares, vectors = np.linalg.eigh(rows @ rows.T if wide else rows.T @ rows)
    sizes = np.sqrt(np.maximum(squares[::-1], 0))
    sizes = sizes[sizes > ROUNDING * sizes[0]]
    vectors = vectors[:, ::-1][:, : len(sizes)]
    # those of rows, times these, are not quite orthogonal where values are small
    return sizes, (np.linalg.qr(rows.T @ vectors)[0] if wide else vectors).T


def _directions_with_moved(rows: FloatArray, moved: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return those of ``rows`` and ``rows[:, moved]`` together, over sqrt(2).

    Each is a sum of an even and an odd function of the move, so that two problems of half the points are solved.
    """
    points = np.arange(len(moved))
    alone, one = points[moved == points], points[moved > points]
    other, half = moved[one], np.sqrt(0.5)
    even, even_part = _directions(np.concatenate([rows[:, alone], half * (rows[:, one] + rows[:, other])], axis=1))
    odd, odd_part = _directions(half * (rows[:, one] - rows[:, other]))
    directions = np.zeros((len(even) + len(odd), len(points)))
    directions[: len(even), alone] = even_part[:, : len(alone)]
    directions[: len(even), one] = directions[: len(even), other] = half * even_part[:, len(alone) :]
    directions[len(even) :, one], directions[len(even) :, other] = half * odd_part, -half * odd_part
    sizes = np.concatenate([even, odd])
    order = np.argsort(-sizes, kind="stable")
    return sizes[order], directions[order]
