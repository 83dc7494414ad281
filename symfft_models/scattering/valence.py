"""The valence electrons of elements, from the electrons of densities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symfft import SymfftError
from symfft_models._array_types import FloatArray
from symfft_models.scattering.elements import LAST, usual_valence
from symfft_models.scattering.observation import Observation


class TrainingError(SymfftError):
    """A model cannot be learned from these densities."""


def valences(observations: Sequence[Observation]) -> FloatArray:
    """Return the electrons (LAST + 1,) of a neutral atom of each element that occurs, by atomic number; else NaN.

    Whole numbers that give the electrons of all densities; of these the ones nearest to the usual valences, where the
    crystals leave a choice (as between the two elements of a single compound).

    Raises
    ------
    TrainingError
        If no whole numbers of electrons per element give those of the densities.
    """
    counts, electrons = np.zeros((len(observations), LAST + 1)), np.zeros(len(observations))
    for row, observation in enumerate(observations):
        np.add.at(counts[row], observation.crystal.numbers, observation.crystal.multiplicity)
        electrons[row] = observation.electrons
    numbers = np.flatnonzero(counts.any(axis=0))
    counts = counts[:, numbers]
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
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint, milp  # a quarter of a second, which predictions need not wait

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
    occurs = np.zeros(LAST + 1, dtype=bool)
    for observation in observations:
        occurs[observation.crystal.numbers] = True
    return np.where(occurs, valence, np.nan)
