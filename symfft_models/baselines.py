"""Linear rivals with as many floats as the latent: the mean density, the lowest-|G| stars, and PCA.

All work on AU values (m, n) with weights w (n,) = multiplicity / N, whose inner product is the full cell's.
A basis is (k, n) with ``basis * w @ basis.T`` the identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from symfft import AsymmetricUnit, ShapeError

Array = NDArray[np.float64]


def weights(unit: AsymmetricUnit) -> Array:
    """Return multiplicity / N, (n,): a sum with it is the mean over the full cell."""
    return np.asarray(unit.multiplicity / np.prod(unit.shape), dtype=np.float64)


@lru_cache(maxsize=32)
def star_functions(unit: AsymmetricUnit, count: int) -> Array:
    r"""Return the `count` symmetric plane-wave sums of lowest \|G\| (G = 0 left out) on the AU, (count, n).

    A star is the set :math:`\{W^T h\}`; its function is the real or imaginary part of
    :math:`\sum_{g} e^{2\pi i h \cdot (W x + w)}`, normalised. Absent reflections and parts that vanish are skipped.
    Stars of equal length are ordered by (h, k, l).

    A grid that holds fewer of them (below its Nyquist frequency) gives all it has.

    Raises
    ------
    ShapeError
        Where the group is not cubic, so that \|h\| does not give the order of \|G\|.
    """
    group, shape = unit.space_group, np.array(unit.shape)
    if group.number < 195:
        raise ShapeError(f"stars are ordered by h²+k²+l², which needs a cubic group; {group.symbol} is not")
    rotations = np.asarray(group.rotations)
    translations = np.asarray(group.translations).astype(np.float64)
    weight = weights(unit)
    limit = int(shape.min() - 1) // 2
    axis = np.arange(-limit, limit + 1)
    h_all = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    length = (h_all**2).sum(1)
    h_all = h_all[length > 0]
    h_all = h_all[np.lexsort((*h_all.T[::-1], (h_all**2).sum(1)))]
    waves = [np.exp(2j * np.pi * np.outer(axis, np.arange(size)) / size) for size in shape]
    functions: list[Array] = []
    seen: set[tuple[int, int, int]] = set()
    for h in h_all:
        if tuple(h) in seen:
            continue
        images = np.einsum("gij,i->gj", rotations, h)
        star, member = np.unique(images, axis=0, return_inverse=True)
        seen.update((a, b, c) for a, b, c in np.concatenate([star, -star]).tolist())
        phases = np.zeros(len(star), dtype=np.complex128)
        np.add.at(phases, member.ravel(), np.exp(2j * np.pi * (translations @ h)))
        if abs(phases).max() < 1e-6 * len(rotations):
            continue
        x, y, z = unit.indices.T
        kx, ky, kz = (star + limit).T
        wave = phases @ (waves[0][kx][:, x] * waves[1][ky][:, y] * waves[2][kz][:, z])
        functions.extend(_independent_parts(wave, weight))
        if len(functions) >= count:
            break
    return np.stack(functions[:count])


def _independent_parts(wave: NDArray[np.complex128], weight: Array) -> list[Array]:
    """Split a star's wave into one or two orthonormal real functions."""
    _, sizes, parts = np.linalg.svd(np.stack([wave.real, wave.imag]) * np.sqrt(weight), full_matrices=False)
    return [part / np.sqrt(weight) for part, size in zip(parts, sizes, strict=True) if size > 1e-6 * sizes[0]]


@dataclass(frozen=True)
class LinearCode:
    """Mean density (n,) and orthonormal basis (k, n): rho* = mean + <rho - mean, basis> basis."""

    mean: Array
    basis: Array
    weight: Array

    def encode(self, values: Array) -> Array:
        """Return coefficients, (m, k)."""
        return np.asarray(((values - self.mean) * self.weight) @ self.basis.T)

    def reconstruct(self, values: Array) -> Array:
        """Encode and decode, (m, n)."""
        return np.asarray(self.mean + self.encode(values) @ self.basis)


def mean_density(values: Array, weight: Array) -> LinearCode:
    """Describe every density by the training mean: no floats at all."""
    return LinearCode(values.mean(0), np.zeros((0, values.shape[1])), weight)


def lowest_stars(unit: AsymmetricUnit, count: int) -> LinearCode:
    """Keep the `count` lowest-|G| real coefficients of a density normalised to mean one; nothing is learned."""
    return LinearCode(np.ones(unit.size), star_functions(unit, count), weights(unit))


def principal_components(values: Array, weight: Array, count: int, sample_weight: Array | None = None) -> LinearCode:
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
