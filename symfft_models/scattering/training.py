r"""Learn the model from structure factors: everything is a linear least-squares problem with a prior.

The structure factors of a crystal are ``y = B (Φ w + e) + n``: B the scattering of its terms, Φ their features,
w ~ N(0, 1) the weights, e ~ N(0, Q) what the features do not describe, n ~ N(0, σ²). Q is found first, by expectation
maximisation of e on superposed atoms alone; then the weights, from normal equations that are summed crystal by crystal.

What is held at a time does not grow with the number of crystals: Q, and with it the shapes of radial functions, comes
from at most ``variance_crystals`` of them, landmarks from a bounded number of terms; crystals are summed one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from symfft_models._array_types import FloatArray
from symfft_models.scattering.elements import LAST
from symfft_models.scattering.equations import Equations, Stored, equations_of
from symfft_models.scattering.harmonics import DEGREE
from symfft_models.scattering.kernel import element_kernel
from symfft_models.scattering.landmarks import neighbour_blocks, terms_by_degree
from symfft_models.scattering.model import Basis, DensityModel
from symfft_models.scattering.normal import solve
from symfft_models.scattering.observation import Observation
from symfft_models.scattering.radial import RADIAL
from symfft_models.scattering.settings import DEFAULT, TrainingSettings
from symfft_models.scattering.valence import TrainingError, only, valences


def superposed(settings: TrainingSettings, valence: FloatArray) -> Basis:
    """Return the basis of superposed atoms alone."""
    k = settings.kernel
    alike = element_kernel(k.element_range, settings.atom_own_share)
    known = np.flatnonzero(np.isfinite(valence)) - 1
    own = cholesky(alike[np.ix_(known, known)] + 1e-9 * np.eye(len(known)), lower=True)
    atoms = np.zeros((LAST + 1, len(known)))
    atoms[1:] = solve_triangular(own, alike[known], lower=True).T
    return Basis(k, valence, atoms, np.sqrt(settings.atom_variance) * np.eye(RADIAL), ())


def residuals(basis: Basis, weights: FloatArray, crystals: Iterable[Equations]) -> Iterator[FloatArray]:
    """Yield what the weights leave of the values of each crystal."""
    expansion = basis.expansion(weights[None])
    for equations in crystals:
        found = expansion.coefficients(equations.atoms)[0]
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
            for degree in np.unique(equations.atoms.terms.degree):
                own = equations.equations[:, equations.atoms.terms.degree == degree] @ spread[degree]
                gain = solve_triangular(factor, own.reshape(len(own), -1), lower=True)
                mean = (white @ gain).reshape(-1, RADIAL)
                gain = gain.reshape(-1, RADIAL)
                summed[degree] += mean.T @ mean + len(mean) * spread[degree] - gain.T @ gain
                count[degree] += len(mean)
        spread = summed / count[:, None, None]
    return spread


def train(
    observations: Sequence[Observation],
    settings: TrainingSettings = DEFAULT,
    valence: FloatArray | None = None,
    watched: Callable[[Iterable[Observation]], Iterable[Observation]] = iter,
) -> DensityModel:
    """Learn a model.

    Parameters
    ----------
    observations : sequence of Observation
        May read its items when they are asked for: two passes are made, and some of them are looked at more often.
    settings : TrainingSettings
        Settings.
    valence : (LAST + 1,) float64, optional
        Electrons of a neutral atom by atomic number, where the densities are too few to tell; see :func:`valences`.
    watched : callable, optional
        Yields the observations of the pass that takes most of the time, and may show how far it is.

    Raises
    ------
    TrainingError
        If there are no densities, or their elements do not have the same valence electrons everywhere.
    """
    if not len(observations):
        raise TrainingError("there are no densities to learn from")
    random = np.random.default_rng(settings.seed)
    valence = valences(observations) if valence is None else only(valence, observations)
    part = np.sort(random.permutation(len(observations))[: settings.variance_crystals])
    few = Stored(observations, part, settings)
    atoms, spread = superposed(settings, valence), np.tile(0.05 * np.eye(RADIAL), (DEGREE + 1, 1, 1))
    for _ in range(settings.rounds):
        solution = solve(atoms, few, spread)
        spread = remaining_spread(few, list(residuals(atoms, solution.mean, few)), spread)
    blocks = neighbour_blocks(*terms_by_degree(observations, settings), spread, settings)
    basis = replace(atoms, blocks=blocks)
    left = settings.unexplained * spread
    alone = solve(atoms, few, spread).mean
    lengths: list[float] = []

    def every() -> Iterator[Equations]:
        for row, observation in enumerate(watched(observations)):
            lengths.append(float(observation.length.max()))
            yield few.held.get(row) or equations_of(observation, settings)

    solution = solve(basis, every(), left)
    draws = solution.factor.solve_upper(random.standard_normal((basis.size, settings.draws)))
    return DensityModel(basis, solution.mean, draws.T, left, settings.noise, float(np.median(lengths)), alone)
