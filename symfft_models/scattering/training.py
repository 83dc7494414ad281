r"""Learn the model from structure factors: everything is a linear least-squares problem with a prior.

The structure factors of a crystal are ``y = B (Φ w + e) + n``: B the scattering of its terms, Φ their features,
w ~ N(0, 1) the weights, e ~ N(0, Q) what the features do not describe, n ~ N(0, σ²). Q is found first, by expectation
maximisation of e on superposed atoms alone; then the weights, from normal equations that are summed crystal by crystal.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from symfft_models._array_types import FloatArray, IntArray
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.elements import LAST
from symfft_models.scattering.geometry import Terms, scattering, site_terms
from symfft_models.scattering.harmonics import DEGREE
from symfft_models.scattering.kernel import Features, Kernel, KernelSettings, element_kernel
from symfft_models.scattering.model import Basis, Block, DensityModel, gather
from symfft_models.scattering.observation import Observation
from symfft_models.scattering.radial import RADIAL, radial_functions


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of the training.

    Attributes
    ----------
    kernel : KernelSettings
        What is alike.
    spherical, aspherical : int
        Most landmarks of degree 0, and of each other degree.
    shapes : int
        Radial shapes of degree 0; two fewer for the others.
    unexplained : float
        Part of the variance of the coefficients that no features describe.
    noise : float
        See :class:`~symfft_models.scattering.model.DensityModel`.
    rounds : int
        Alternations of superposed atoms and the variance of what they lack.
    variance_crystals : int
        Most crystals that this variance is found from.
    draws : int
        Draws of weights that the model keeps.
    seed : int
        Of the draws, and of choices among many crystals.
    """

    kernel: KernelSettings = field(default_factory=KernelSettings)
    spherical: int = 120
    aspherical: int = 50
    shapes: int = 8
    unexplained: float = 0.15
    noise: float = 0.003
    rounds: int = 4
    variance_crystals: int = 400
    draws: int = 64
    seed: int = 0

    def to_json(self) -> str:
        """Return the settings as JSON."""
        return json.dumps(asdict(self), sort_keys=True)


#: Equations that are summed at a time.
ROWS = 4000


class TrainingError(ValueError):
    """A model cannot be learned from these densities."""


@dataclass(frozen=True, eq=False)
class Equations:
    """What one crystal says of the coefficients of its terms: ``equations · coefficients = values``, unit variances."""

    crystal: Crystal
    terms: Terms
    equations: FloatArray
    values: FloatArray

    def covariance(self, spread: FloatArray) -> FloatArray:
        """Return the covariance (p, p) of the values for coefficients of this variance by degree, with the noise."""
        result = np.eye(len(self.values))
        for term, degree in enumerate(self.terms.degree):
            own = self.equations[:, term]
            result += own @ spread[degree] @ own.T
        return result


def equations_of(observation: Observation, noise: float) -> Equations:
    """Reduce the structure factors of a crystal to as many equations as its coefficients can tell apart."""
    crystal, terms = observation.crystal, site_terms(observation.crystal)
    factors = scattering(crystal, terms, observation.hkl)
    radial = radial_functions(observation.length, terms.degree)
    design = np.einsum("kh,khn->hkn", factors, radial).reshape(len(observation.hkl), -1)
    weight = np.sqrt(observation.multiplicity)[:, None] / (noise * np.sqrt(observation.electrons))
    both = weight * np.concatenate([design, observation.factors[:, None]], axis=1)
    both = np.concatenate([both.real, both.imag])
    left, size, right = np.linalg.svd(both[:, :-1], full_matrices=False)
    kept = size > 0.05
    reduced = (size[kept, None] * right[kept]).reshape(-1, len(terms), RADIAL)
    return Equations(crystal, terms, reduced, left[:, kept].T @ both[:, -1])


def valences(observations: Sequence[Observation]) -> FloatArray:
    """Return the electrons (LAST + 1,) of a neutral atom of each element that occurs, by atomic number; else NaN.

    Raises
    ------
    TrainingError
        If no whole numbers of electrons per element give those of the densities.
    """
    numbers = np.unique(np.concatenate([o.crystal.numbers for o in observations]))
    counts = np.zeros((len(observations), len(numbers)))
    for row, observation in enumerate(observations):
        np.add.at(counts[row], np.searchsorted(numbers, observation.crystal.numbers), observation.crystal.multiplicity)
    electrons = np.array([o.electrons for o in observations])
    found = np.round(np.linalg.lstsq(counts, electrons, rcond=None)[0])
    wrong = np.flatnonzero(np.abs(counts @ found - electrons) > 0.01)
    if len(wrong):
        first = observations[wrong[0]]
        raise TrainingError(
            f"{first.id} has {first.electrons:g} electrons, but {counts[wrong[0]] @ found:g} if elements have as "
            f"many as elsewhere: {len(wrong)} of {len(observations)} densities disagree; keep to one set of "
            "pseudopotentials"
        )
    result = np.full(LAST + 1, np.nan)
    result[numbers] = found
    return result


def superposed(settings: TrainingSettings, valence: FloatArray) -> Basis:
    """Return the basis of superposed atoms alone."""
    k = settings.kernel
    alike = element_kernel(k.element_range, k.own_share)
    known = np.flatnonzero(np.isfinite(valence)) - 1
    own = cholesky(alike[np.ix_(known, known)] + 1e-9 * np.eye(len(known)), lower=True)
    atoms = np.zeros((LAST + 1, len(known)))
    atoms[1:] = solve_triangular(own, alike[known], lower=True).T
    return Basis(k, valence, atoms, np.sqrt(0.05) * np.eye(RADIAL), ())


@dataclass(frozen=True, eq=False)
class Solution:
    """Distribution of the weights, and what leads there for each crystal.

    ``factor`` is the lower Cholesky factor of the inverse covariance of the weights.
    """

    mean: FloatArray
    factor: FloatArray
    evidence: float


def whitened(basis: Basis, equations: Equations, spread: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return design (p, size) and values (p,) of a crystal with unit covariance, and the factor that made it so."""
    factor = cholesky(equations.covariance(spread), lower=True)
    design = basis.design(equations.equations, equations.crystal, equations.terms)
    return (
        solve_triangular(factor, design, lower=True),
        solve_triangular(factor, equations.values, lower=True),
        factor,
    )


def solve(basis: Basis, crystals: Sequence[Equations], spread: FloatArray) -> Solution:
    """Return the distribution of the weights: normal equations, summed over a part of the crystals at a time."""
    normal, right, squares, logs = np.eye(basis.size), np.zeros(basis.size), 0.0, 0.0
    designs: list[FloatArray] = []
    for number, equations in enumerate(crystals, 1):
        design, values, factor = whitened(basis, equations, spread)
        designs.append(design)
        if sum(map(len, designs)) >= ROWS or number == len(crystals):
            rows = np.concatenate(designs)
            normal += rows.T @ rows
            designs.clear()
        right += design.T @ values
        squares += float(values @ values)
        logs += 2 * float(np.log(factor.diagonal()).sum())
    factor = cholesky(normal, lower=True, overwrite_a=True)
    mean = cho_solve((factor, True), right)
    evidence = -0.5 * (squares - float(right @ mean) + logs + 2 * float(np.log(factor.diagonal()).sum()))
    return Solution(mean, factor, evidence)


def residuals(basis: Basis, weights: FloatArray, crystals: Sequence[Equations]) -> Iterator[FloatArray]:
    """Yield what the weights leave of the values of each crystal."""
    for equations in crystals:
        found = basis.coefficients(equations.crystal, equations.terms, weights)
        yield equations.values - np.einsum("pkn,kn->p", equations.equations, found)


def remaining_spread(
    crystals: Sequence[Equations], left: Sequence[FloatArray], spread: FloatArray, steps: int = 3
) -> FloatArray:
    """Return the covariance (5, RADIAL, RADIAL) of the coefficients by degree that makes residuals most likely (EM)."""
    for _ in range(steps):
        summed, count = spread.copy(), np.ones(DEGREE + 1)
        for equations, values in zip(crystals, left, strict=True):
            factor = cholesky(equations.covariance(spread), lower=True)
            white = solve_triangular(factor, values, lower=True)
            for term, degree in enumerate(equations.terms.degree):
                gain = solve_triangular(factor, equations.equations[:, term] @ spread[degree], lower=True)
                mean = gain.T @ white
                summed[degree] += np.outer(mean, mean) + spread[degree] - gain.T @ gain
                count[degree] += 1
        spread = summed / count[:, None, None]
    return spread


def train(observations: Sequence[Observation], settings: TrainingSettings = TrainingSettings()) -> DensityModel:
    """Learn a model; see :func:`learn` for its parts."""
    return learn(observations, settings)[0]


def learn(
    observations: Sequence[Observation], settings: TrainingSettings = TrainingSettings()
) -> tuple[DensityModel, Solution, list[Equations]]:
    """Learn a model, and return what its checks need: the distribution of its weights, and the equations."""
    if not observations:
        raise TrainingError("there are no densities to learn from")
    random = np.random.default_rng(settings.seed)
    crystals = [equations_of(observation, settings.noise) for observation in observations]
    valence = valences(observations)
    part = random.permutation(len(crystals))[: settings.variance_crystals]
    few = [crystals[i] for i in np.sort(part)]
    atoms, spread = superposed(settings, valence), np.tile(0.05 * np.eye(RADIAL), (DEGREE + 1, 1, 1))
    for _ in range(settings.rounds):
        solution = solve(atoms, few, spread)
        spread = remaining_spread(few, list(residuals(atoms, solution.mean, few)), spread)
    basis = with_neighbours(atoms, few, spread, settings)
    left = settings.unexplained * spread
    solution = solve(basis, crystals, left)
    draws = solve_triangular(solution.factor.T, random.standard_normal((basis.size, settings.draws))).T
    model = DensityModel(basis, solution.mean, draws, left, settings.noise)
    return model, solution, crystals


def with_neighbours(
    atoms: Basis, crystals: Sequence[Equations], spread: FloatArray, settings: TrainingSettings
) -> Basis:
    """Add to superposed atoms what neighbours change, with landmarks from some crystals."""
    parts = [(equations.crystal, equations.terms) for equations in crystals]
    blocks = []
    for degree in range(DEGREE + 1):
        terms = gather(parts, settings.kernel, degree)
        if not len(terms.number):
            continue
        kernel = Kernel.of(settings.kernel, degree, terms)
        features = Features.of(kernel, terms, settings.aspherical if degree else settings.spherical)
        size, vectors = np.linalg.eigh(spread[degree])
        largest = np.argsort(-size)[: settings.shapes - (2 if degree else 0)]
        blocks.append(Block(degree, features, vectors[:, largest] * np.sqrt(np.maximum(size[largest], 0))))
    return Basis(atoms.settings, atoms.valence, atoms.atoms, atoms.atom_shapes, tuple(blocks))


def left_out(
    model: DensityModel, solution: Solution, crystals: Sequence[Equations], names: Sequence[str]
) -> list[FloatArray]:
    """Return what each crystal's values miss of their prediction by the crystals of other names, without relearning.

    With H the covariance of the predicted values of the crystals of one name, their residuals r become
    ``(1 - H)⁻¹ r``: the leave-one-out formula of linear regression, for a group.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        groups[name].append(index)
    result: list[FloatArray] = [np.zeros(0)] * len(crystals)
    for rows in groups.values():
        parts = [whitened(model.basis, crystals[row], model.spread) for row in rows]
        design = np.concatenate([part[0] for part in parts])
        values = np.concatenate([part[1] for part in parts])
        half = solve_triangular(solution.factor, design.T, lower=True)
        missed = np.linalg.solve(np.eye(len(values)) - half.T @ half, values - design @ solution.mean)
        ends: IntArray = np.cumsum([len(part[1]) for part in parts])
        for row, part, own in zip(rows, parts, np.split(missed, ends[:-1]), strict=True):
            result[row] = part[2] @ own
    return result
