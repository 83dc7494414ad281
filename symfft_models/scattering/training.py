r"""Learn the model from structure factors: everything is a linear least-squares problem with a prior.

The structure factors of a crystal are ``y = B (Φ w + e) + n``: B the scattering of its terms, Φ their features,
w ~ N(0, 1) the weights, e ~ N(0, Q) what the features do not describe, n ~ N(0, σ²). Q is found first, by expectation
maximisation of e on superposed atoms alone; then the weights, from normal equations that are summed crystal by crystal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.linalg.blas import dsyrk
from scipy.optimize import Bounds, LinearConstraint, milp

from symfft import SymfftError
from symfft_models._array_types import FloatArray, IntArray
from symfft_models.scattering.elements import LAST, usual_valence
from symfft_models.scattering.geometry import scattering
from symfft_models.scattering.harmonics import DEGREE
from symfft_models.scattering.kernel import (
    Features,
    Kernel,
    KernelSettings,
    Pseudoatoms,
    Surroundings,
    element_kernel,
)
from symfft_models.scattering.model import Basis, Block, DensityModel
from symfft_models.scattering.observation import Observation
from symfft_models.scattering.radial import RADIAL, radial_functions


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of the training.

    Attributes
    ----------
    kernel : KernelSettings
        What is alike.
    atom_own_share, atom_variance : float
        Part of a superposed atom's variance that no other element shares, and that variance for each valence electron.
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
    reflections : int
        Most reflections of one crystal.
    memory : int
        Bytes that equations may take; those of further crystals are computed again in each pass.
    """

    kernel: KernelSettings = field(default_factory=KernelSettings)
    atom_own_share: float = 0.2
    atom_variance: float = 1.0
    spherical: int = 320
    aspherical: int = 300
    shapes: int = 9
    unexplained: float = 0.05
    noise: float = 0.006
    rounds: int = 4
    variance_crystals: int = 400
    draws: int = 64
    seed: int = 0
    reflections: int = 1500
    memory: int = 1_000_000_000

    def to_json(self) -> str:
        """Return the settings as JSON."""
        return json.dumps(asdict(self), sort_keys=True)


#: Combinations of coefficients that change the structure factors by less than this part of their noise are left out.
FAINT = 0.3
#: Equations that are summed at a time.
ROWS = 4000


DEFAULT = TrainingSettings()


class TrainingError(SymfftError):
    """A model cannot be learned from these densities."""


@dataclass(frozen=True, eq=False)
class Equations:
    """What one crystal says of the coefficients of its terms: ``equations · coefficients = values``, unit variances."""

    atoms: Pseudoatoms
    equations: FloatArray
    values: FloatArray

    def covariance(self, spread: FloatArray) -> FloatArray:
        """Return the covariance (p, p) of the values for coefficients of this variance by degree, with the noise."""
        result = np.eye(len(self.values))
        for term, degree in enumerate(self.atoms.terms.degree):
            own = self.equations[:, term]
            result += own @ spread[degree] @ own.T
        return result


def equations_of(observation: Observation, settings: TrainingSettings) -> Equations:
    """Reduce the structure factors of a crystal to as many equations as its coefficients can tell apart."""
    atoms = Pseudoatoms.of(observation.crystal, settings.kernel)
    rows, times = some_reflections(len(observation.hkl), settings.reflections)
    factors = scattering(atoms.crystal, atoms.terms, observation.hkl[rows])
    radial = radial_functions(observation.length[rows], atoms.terms.degree)
    design = np.einsum("kh,khn->hkn", factors, radial, optimize=True).reshape(len(rows), -1)
    weight = np.sqrt(observation.multiplicity[rows] * times) / (settings.noise * np.sqrt(observation.electrons))
    both = weight[:, None] * np.concatenate([design, observation.factors[rows, None]], axis=1)
    both = np.concatenate([both.real, both.imag])
    design, values = both[:, :-1], both[:, -1]
    wide = design.shape[1] > design.shape[0]
    squares, vectors = np.linalg.eigh(design @ design.T if wide else design.T @ design)
    kept = squares > FAINT**2
    left = vectors[:, kept] if wide else design @ vectors[:, kept] / np.sqrt(squares[kept])
    reduced = (left.T @ design).reshape(-1, len(atoms.terms), RADIAL)
    return Equations(atoms, reduced, left.T @ values)


def some_reflections(count: int, most: int) -> tuple[IntArray, FloatArray]:
    """Return which of `count` reflections, in order of length, are used, and how many each stands for (n,).

    All, or the first half of `most`, and evenly spaced ones of the rest.
    """
    if count <= most:
        return np.arange(count), np.ones(count)
    near = most // 2
    far = np.unique(np.linspace(near, count - 1, most - near).astype(np.int64))
    return np.concatenate([np.arange(near), far]), np.repeat([1.0, (count - near) / len(far)], [near, len(far)])


class Stored(Sequence[Equations]):
    """The equations of many crystals: computed once where they fit into `settings.memory`, else whenever needed."""

    def __init__(self, observations: Sequence[Observation], settings: TrainingSettings) -> None:
        self.observations, self.settings = observations, settings
        self.held: dict[int, Equations] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self.observations)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        if index in self.held:
            return self.held[index]
        found = equations_of(self.observations[index], self.settings)
        size = found.equations.nbytes + found.atoms.around.along.nbytes + found.atoms.around.around.nbytes
        if self.bytes + size < self.settings.memory:
            self.held[index] = found
            self.bytes += size
        return found


def valences(observations: Sequence[Observation]) -> FloatArray:
    """Return the electrons (LAST + 1,) of a neutral atom of each element that occurs, by atomic number; else NaN.

    Whole numbers that give the electrons of all densities; of these the ones nearest to the usual valences, where the
    crystals leave a choice (as between the two elements of a single compound).

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
    found = _whole_numbers(counts, np.round(electrons), usual_valence(numbers))
    wrong = np.flatnonzero(np.abs(counts @ found - electrons) > 0.05)
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


def _whole_numbers(counts: FloatArray, sums: FloatArray, usual: FloatArray) -> FloatArray:
    """Return whole numbers v >= 1 that break as few equations ``counts @ v = sums`` as little as can be.

    Among these, the ones with the least sum of |v - usual|.
    """
    rows = np.unique(np.column_stack([counts, sums]), axis=0)
    equations, known = sparse.csr_array(rows[:, :-1]), rows[:, -1]
    m, n = equations.shape
    # unknowns: v, |v - usual|, |equations @ v - known|
    apart, broken = sparse.eye_array(n), sparse.eye_array(m)
    below = sparse.block_array([[apart, -apart, None], [equations, None, -broken]])
    above = sparse.block_array([[apart, apart, None], [equations, None, broken]])
    bounds = np.concatenate([usual, known])
    solved = milp(
        np.concatenate([np.zeros(n), np.ones(n), np.full(m, 1e3)]),
        integrality=np.concatenate([np.ones(n), np.zeros(n + m)]),
        bounds=Bounds(np.concatenate([np.ones(n), np.zeros(n + m)])),
        constraints=[LinearConstraint(below, -np.inf, bounds), LinearConstraint(above, bounds, np.inf)],
    )
    return np.round(solved.x[:n])


def only(valence: FloatArray, observations: Sequence[Observation]) -> FloatArray:
    """Return valences of the elements that occur in some observations; else NaN."""
    numbers = np.unique(np.concatenate([o.crystal.numbers for o in observations]))
    result = np.full(LAST + 1, np.nan)
    result[numbers] = valence[numbers]
    return result


def superposed(settings: TrainingSettings, valence: FloatArray) -> Basis:
    """Return the basis of superposed atoms alone."""
    k = settings.kernel
    alike = element_kernel(k.element_range, settings.atom_own_share)
    known = np.flatnonzero(np.isfinite(valence)) - 1
    own = cholesky(alike[np.ix_(known, known)] + 1e-9 * np.eye(len(known)), lower=True)
    atoms = np.zeros((LAST + 1, len(known)))
    atoms[1:] = solve_triangular(own, alike[known], lower=True).T
    return Basis(k, valence, atoms, np.sqrt(settings.atom_variance) * np.eye(RADIAL), ())


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
    design = basis.design(equations.equations, equations.atoms)
    return (
        solve_triangular(factor, design, lower=True),
        solve_triangular(factor, equations.values, lower=True),
        factor,
    )


def solve(basis: Basis, crystals: Sequence[Equations], spread: FloatArray) -> Solution:
    """Return the distribution of the weights: normal equations, summed over a part of the crystals at a time."""
    normal, right, squares, logs = np.eye(basis.size, order="F"), np.zeros(basis.size), 0.0, 0.0
    designs: list[FloatArray] = []
    for number, equations in enumerate(crystals, 1):
        design, values, factor = whitened(basis, equations, spread)
        designs.append(design)
        if sum(map(len, designs)) >= ROWS or number == len(crystals):
            normal = dsyrk(1.0, np.concatenate(designs).T, beta=1.0, c=normal, lower=True, overwrite_c=True)
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
        found = basis.coefficients(equations.atoms, weights)
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
            for term, degree in enumerate(equations.atoms.terms.degree):
                gain = solve_triangular(factor, equations.equations[:, term] @ spread[degree], lower=True)
                mean = gain.T @ white
                summed[degree] += np.outer(mean, mean) + spread[degree] - gain.T @ gain
                count[degree] += 1
        spread = summed / count[:, None, None]
    return spread


def train(
    observations: Sequence[Observation], settings: TrainingSettings = DEFAULT, valence: FloatArray | None = None
) -> DensityModel:
    """Learn a model.

    Parameters
    ----------
    observations : sequence of Observation
        May compute its items when they are asked for: two passes are made.
    settings : TrainingSettings
        Settings.
    valence : (LAST + 1,) float64, optional
        Electrons of a neutral atom by atomic number, where the densities are too few to tell; see :func:`valences`.

    Raises
    ------
    TrainingError
        If there are no densities, or their elements do not have the same valence electrons everywhere.
    """
    if not len(observations):
        raise TrainingError("there are no densities to learn from")
    random = np.random.default_rng(settings.seed)
    crystals = Stored(observations, settings)
    valence = valences(observations) if valence is None else only(valence, observations)
    part = random.permutation(len(crystals))[: settings.variance_crystals]
    few = [crystals[i] for i in np.sort(part)]
    atoms, spread = superposed(settings, valence), np.tile(0.05 * np.eye(RADIAL), (DEGREE + 1, 1, 1))
    for _ in range(settings.rounds):
        solution = solve(atoms, few, spread)
        spread = remaining_spread(few, list(residuals(atoms, solution.mean, few)), spread)
    basis = with_neighbours(atoms, few, spread, settings)
    left = settings.unexplained * spread
    alone = solve(atoms, few, spread).mean
    solution = solve(basis, crystals, left)
    draws = solve_triangular(solution.factor.T, random.standard_normal((basis.size, settings.draws))).T
    longest = float(np.median([observation.length.max() for observation in observations]))
    return DensityModel(basis, solution.mean, draws, left, settings.noise, longest, alone)


def with_neighbours(
    atoms: Basis, crystals: Sequence[Equations], spread: FloatArray, settings: TrainingSettings
) -> Basis:
    """Add to superposed atoms what neighbours change, with landmarks from some crystals."""
    blocks = []
    for degree in range(DEGREE + 1):
        terms = Surroundings.join(
            [e.atoms.around.take(np.flatnonzero(e.atoms.terms.degree == degree)) for e in crystals]
        )
        if not len(terms.number):
            continue
        kernel = Kernel.of(settings.kernel, degree, terms)
        features = Features.of(kernel, terms, settings.aspherical if degree else settings.spherical)
        blocks.append(Block(degree, features, radial_shapes(spread[degree], degree, settings)))
    return Basis(atoms.settings, atoms.valence, atoms.atoms, atoms.atom_shapes, tuple(blocks))


def radial_shapes(spread: FloatArray, degree: int, settings: TrainingSettings) -> FloatArray:
    """Return the radial shapes (RADIAL, r) that hold most of a covariance of coefficients, each times its deviation.

    What counts is ``∫ f(q)² q dq`` of the scattering factor f, which weighs long waves more than ``∫ ρ²`` does.
    """
    q = np.linspace(0.02, 4.0, 200)
    sampled = radial_functions(q, np.array([degree]))[0] * np.sqrt(q)[:, None]
    half = cholesky(spread + 1e-12 * np.eye(RADIAL), lower=True)
    right = np.linalg.svd(sampled @ half, full_matrices=False)[2]
    return half @ right[: settings.shapes - (2 if degree else 0)].T
