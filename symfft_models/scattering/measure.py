"""How far predicted structure factors are from those of a density."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from symfft import next_compatible_shape
from symfft_models._array_types import ComplexArray, FloatArray
from symfft_models.datasets.paw.reflections import expand_reflections
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.geometry import scattering
from symfft_models.scattering.model import Coefficients, charges
from symfft_models.scattering.observation import Observation
from symfft_models.scattering.radial import radial_functions
from symfft_models.scattering.synthesis import structure_factors

#: Reflections (1/Å) that an expected error is the sum of, and how many are looked at together.
FAR, PIECE = 1.0, 2000


def density_on_grid(observation: Observation, factors: ComplexArray) -> FloatArray:
    """Return the density (e/Å³) of structure factors (n,) on the smallest grid that holds all their reflections."""
    group = observation.crystal.group
    reach = np.abs(np.einsum("ni,oij->noj", observation.hkl, group.rotations)).max(axis=(0, 1))
    shape = next_compatible_shape(group, (2 * reach + 2).tolist())
    grid = expand_reflections(group, observation.hkl, factors, shape)
    return np.fft.ifftn(grid).real * (float(np.prod(shape)) / observation.crystal.volume)


def nmae(observation: Observation, factors: ComplexArray) -> float:
    """Return ``100 Σ|ρ - ρ'| / Σ|ρ|`` in %, of the density ρ' that has structure factors (n,)."""
    return 100 * _sum(observation, observation.factors - factors) / _total(observation)


def _sum(observation: Observation, factors: ComplexArray) -> float:
    return float(np.abs(density_on_grid(observation, factors)).sum())


@lru_cache(maxsize=1)
def _total(observation: Observation) -> float:
    return _sum(observation, observation.factors)


def predicted_factors(observation: Observation, found: Coefficients) -> ComplexArray:
    """Return the structure factors that a prediction gives at the reflections of an observation."""
    return structure_factors(observation.crystal, found.terms, found.mean, observation.hkl, found.longest)


def expected_error(crystal: Crystal, found: Coefficients) -> float:
    r"""Return the expected error of a prediction in %: a bound of ``100 Σ|ρ - truth| / Σ|ρ|``.

    By Schwarz' inequality :math:`\int |\Delta\rho| \, dV \le (\sum_h |\Delta F(h)|^2)^{1/2}`; the sum runs over the
    reflections with 1/d below 1/Å, and :math:`|\Delta F|^2` is the variance that the distribution gives.
    """
    reciprocal = np.linalg.inv(crystal.lattice)
    reach = np.floor(FAR * np.linalg.norm(crystal.lattice, axis=1)).astype(int)
    hkl = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), -1).reshape(-1, 3)
    hkl = hkl[len(hkl) // 2 + 1 :]  # one of each pair h, -h, without (0, 0, 0)
    length = np.linalg.norm(hkl @ reciprocal.T, axis=1)
    hkl, length = hkl[length < FAR], length[length < FAR]
    total = 0.0
    halves = np.linalg.cholesky(found.spread + 1e-12 * np.eye(found.spread.shape[-1]))
    for start in range(0, len(hkl), PIECE):
        part = slice(start, start + PIECE)
        factors = scattering(crystal, found.terms, hkl[part])
        radial = radial_functions(length[part], found.terms.degree)
        shapes = np.einsum("khn,knm->khm", radial, halves[found.terms.degree], optimize=True)
        total += float((np.abs(factors) ** 2 * (shapes**2).sum(axis=-1)).sum())
        design = (factors[:, :, None] * radial).transpose(1, 0, 2).reshape(len(factors[0]), -1)
        drawn = found.draws.reshape(len(found.draws), -1) @ design.T
        total += float((np.abs(drawn) ** 2).sum()) / max(len(found.draws), 1)
    electrons = float((charges(crystal, found.terms) * found.mean).sum())
    return 100 * float(np.sqrt(2 * total)) / electrons
