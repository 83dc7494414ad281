r"""What neighbours change, as a basis: which terms are landmarks, and which of their features have weights.

Feature q of the terms of degree l and radial shape r have the variance :math:`v_{lq} s_{lr}^2` in all crystals that are
learned from: v the sum of the squares of the feature, s the length of the shape. Both fall off quickly, so that of all
pairs few count: as many as are asked for, those of the largest variance. A shape that varies much has a weight for a
thousand features, one that varies little for the first few.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.linalg import cholesky

from symfft_models._array_types import FloatArray, IntArray
from symfft_models.scattering.harmonics import DEGREE
from symfft_models.scattering.kernel import Features, Kernel, Pseudoatoms, Surroundings
from symfft_models.scattering.model import Block
from symfft_models.scattering.observation import Observation
from symfft_models.scattering.radial import RADIAL, radial_functions
from symfft_models.scattering.settings import TrainingSettings

#: Terms of one degree among which landmarks are chosen: at most twice as many.
CANDIDATES = 5_000
#: Landmarks are chosen until all terms have less than this part of the largest variance left.
EXPLAINED = 1e-4
#: Terms of the largest variance whose covariances with all others are computed at a time.
TOGETHER = 32
#: Weights that together have less than this part of the variance are left out.
NEGLIGIBLE = 1e-5


def terms_by_degree(
    observations: Iterable[Observation], settings: TrainingSettings
) -> tuple[list[Surroundings], IntArray]:
    """Return terms of each degree, and how many there are in all crystals (5,).

    All of them, or, of more than twice ``CANDIDATES``, every second, fourth, …
    """
    found: list[list[Surroundings]] = [[] for _ in range(DEGREE + 1)]
    count, step = np.zeros(DEGREE + 1, dtype=np.int64), [1] * (DEGREE + 1)
    for observation in observations:
        atoms = Pseudoatoms.of(observation.crystal, settings.kernel)
        for degree in range(DEGREE + 1):
            rows = np.flatnonzero(atoms.terms.degree == degree)
            found[degree].append(atoms.around.take(rows[-count[degree] % step[degree] :: step[degree]]))
            count[degree] += len(rows)
            while count[degree] > 2 * CANDIDATES * step[degree]:
                every = Surroundings.join(found[degree])
                found[degree] = [every.take(np.arange(0, len(every.number), 2))]
                step[degree] *= 2
    return [Surroundings.join(parts) for parts in found], count


def neighbour_blocks(
    terms: Sequence[Surroundings], count: IntArray, spread: FloatArray, settings: TrainingSettings
) -> tuple[Block, ...]:
    """Return the blocks of all degrees that have terms.

    Parameters
    ----------
    terms : sequence of Surroundings
        Some terms of each degree.
    count : (5,) int64
        How many terms of that degree there are.
    spread : (5, RADIAL, RADIAL) float64
        Covariance of the coefficients by degree.
    settings : TrainingSettings
        Most landmarks, shapes and weights.
    """
    found = []
    for degree, some in enumerate(terms):
        if len(some.number):
            kernel = Kernel.of(settings.kernel, degree, some)
            features, squares = landmarks(kernel, some, settings.aspherical if degree else settings.spherical)
            shapes, lengths = radial_shapes(spread[degree], degree, settings.shapes)
            variance = np.multiply.outer(lengths**2, squares * count[degree] / len(some.number))
            found.append((degree, features, shapes, variance))
    every = np.sort(np.concatenate([variance.ravel() for *_, variance in found]))[::-1]
    enough = 1 + int(np.searchsorted(np.cumsum(every), (1 - NEGLIGIBLE) * every.sum()))
    least = every[min(settings.weights, enough, len(every)) - 1]
    blocks = []
    for degree, features, shapes, variance in found:
        used = variance >= least
        shown = used.any(axis=1)
        blocks.append(Block(degree, features, np.ascontiguousarray(shapes[:, shown]), used[shown]))
    return tuple(blocks)


def landmarks(kernel: Kernel, terms: Surroundings, most: int) -> tuple[Features, FloatArray]:
    """Choose landmarks one by one, each the term whose variance the ones before leave largest.

    Their neighbour densities are rounded to float16, so that a file of that precision is the same model.

    Returns
    -------
    features : Features
        Those of the landmarks.
    squares : (q,) float64
        The sum of the squares of each feature of the terms.
    """
    rest, scaled = kernel.diagonal(terms), kernel.scaled(terms)
    least, rows = EXPLAINED * rest.max(), []
    factor = np.zeros((len(rest), min(most, len(rest))))
    near, left = np.zeros(0, dtype=np.int64), np.zeros((len(rest), 0))
    for column in range(factor.shape[1]):
        row = int(np.argmax(rest))
        if rest[row] <= least:
            break
        if row not in near:
            near = np.argsort(-rest)[:TOGETHER]
            left = kernel.of_scaled(scaled, scaled.take(near)) - factor[:, :column] @ factor[near, :column].T
        rows.append(row)
        factor[:, column] = left[:, near == row][:, 0] / np.sqrt(rest[row])
        left -= np.multiply.outer(factor[:, column], factor[near, column])
        rest = np.maximum(rest - factor[:, column] ** 2, 0)
    squares = np.square(factor[:, : len(rows)], out=factor[:, : len(rows)]).sum(axis=0)
    return Features(kernel, terms.take(np.array(rows)).rounded()), squares


def radial_shapes(spread: FloatArray, degree: int, most: int) -> tuple[FloatArray, FloatArray]:
    """Return the radial shapes (RADIAL, r) that hold most of a covariance of coefficients, each times its deviation.

    What counts is ``∫ f(q)² q dq`` of the scattering factor f, which weighs long waves more than ``∫ ρ²`` does: its
    square roots are returned too (r,).
    """
    q, step = np.linspace(0.02, 4.0, 200, retstep=True)
    sampled = radial_functions(q, np.array([degree]))[0] * np.sqrt(q * step)[:, None]
    half = cholesky(spread + 1e-12 * np.eye(RADIAL), lower=True)
    _, lengths, right = np.linalg.svd(sampled @ half, full_matrices=False)
    return half @ right[:most].T, lengths[:most]
