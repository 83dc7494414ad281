"""How far predicted structure factors are from those of a density."""

from __future__ import annotations

import numpy as np

from symfft import AsymmetricUnit, asymmetric_unit, au_idft, expand_from_au, next_compatible_shape
from symfft_models._array_types import ComplexArray, FloatArray, IntArray
from symfft_models.datasets.paw.reflections import RANK, image_ranks, operators, reach
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.geometry import scattering
from symfft_models.scattering.model import Coefficients, charges
from symfft_models.scattering.observation import Observation, multiplicities
from symfft_models.scattering.radial import radial_by_degree
from symfft_models.scattering.synthesis import structure_factors, superposition

#: Reflections (1/Å) that an expected error is the sum of, and how many are looked at together.
FAR, PIECE = 1.0, 2000


def density_on_grid(observation: Observation, factors: ComplexArray) -> FloatArray:
    """Return the density (e/Å³) of structure factors (n,) on the smallest grid that holds all their reflections."""
    unit = _unit(observation)
    return np.asarray(expand_from_au(_values(observation, factors, unit), unit))


def nmae(observation: Observation, factors: ComplexArray) -> FloatArray:
    """Return ``100 Σ|ρ - ρ'| / Σ|ρ|`` in %, (...), of the densities ρ' that have structure factors (..., n)."""
    unit = _unit(observation)
    given = np.concatenate([(observation.factors - factors).reshape(-1, factors.shape[-1]), observation.factors[None]])
    sums = np.abs(_values(observation, given, unit)) @ unit.multiplicity
    return np.asarray(100 * sums[:-1] / sums[-1]).reshape(factors.shape[:-1])


def _unit(observation: Observation) -> AsymmetricUnit:
    """Return the asymmetric unit of the smallest grid that holds all reflections of an observation."""
    group = observation.crystal.group
    return asymmetric_unit(group, next_compatible_shape(group, [2 * n + 2 for n in reach(group, observation.hkl)]))


def _values(observation: Observation, factors: ComplexArray, unit: AsymmetricUnit) -> FloatArray:
    """Return the densities (..., n) in e/Å³ on an asymmetric unit of structure factors at an observation's hkl."""
    label, factor, conjugate = unit.fourier.reflections.relation(observation.hkl)
    present = label >= 0
    unique = (factors / factor)[..., present]
    found = np.zeros((*factors.shape[:-1], len(unit.hkl)), dtype=np.complex128)
    found[..., label[present]] = np.where(conjugate[present], unique.conj(), unique)
    return np.asarray(au_idft(found, unit, norm="forward")) / observation.crystal.volume


def predicted_factors(observation: Observation, found: Coefficients) -> ComplexArray:
    """Return the structure factors that a prediction gives at the reflections of an observation."""
    return structure_factors(observation.crystal, found.terms, found.mean, observation.hkl, found.longest)


def expected_error(crystal: Crystal, found: Coefficients) -> float:
    r"""Return the expected error of a prediction in %: a bound of ``100 Σ|ρ - truth| / Σ|ρ|``.

    By Schwarz' inequality :math:`\int |\Delta\rho| \, dV \le (\sum_h |\Delta F(h)|^2)^{1/2}`; the sum runs over the
    reflections with 1/d below 1/Å, and :math:`|\Delta F|^2` is the variance that the distribution gives.
    """
    hkl = _unique_reflections(crystal, FAR)
    weight = multiplicities(crystal.group, hkl)
    length = np.linalg.norm(hkl @ np.linalg.inv(crystal.lattice).T, axis=1)
    halves = np.linalg.cholesky(found.spread + 1e-12 * np.eye(found.spread.shape[-1]))
    total = 0.0
    for start in range(0, len(hkl), PIECE):
        part = slice(start, start + PIECE)
        factors = scattering(crystal, found.terms, hkl[part])
        radial = radial_by_degree(length[part])
        shapes = ((radial @ halves) ** 2).sum(axis=-1)[found.terms.degree]
        total += float((np.abs(factors) ** 2 * shapes).sum(axis=0) @ weight[part])
        drawn = superposition(found.draws, factors, radial, found.terms.degree)
        total += float((np.abs(drawn) ** 2).sum(axis=0) @ weight[part]) / max(len(found.draws), 1)
    electrons = float((charges(crystal, found.terms) * found.mean).sum())
    return 100 * float(np.sqrt(total)) / electrons


def _unique_reflections(crystal: Crystal, longest: float) -> IntArray:
    """Return one (n, 3) of each class of reflections with 1/d below `longest` (1/Å), without (0, 0, 0)."""
    reach = np.floor(longest * np.linalg.norm(crystal.lattice, axis=1)).astype(int)
    hkl = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), -1).reshape(-1, 3)
    hkl = hkl[len(hkl) // 2 + 1 :]  # one of each pair h, -h, without (0, 0, 0)
    hkl = hkl[np.linalg.norm(hkl @ np.linalg.inv(crystal.lattice).T, axis=1) < longest]
    ranks = np.abs(image_ranks(operators(crystal.group)[0], hkl))
    return np.asarray(hkl[ranks.max(axis=1) == hkl @ RANK])
