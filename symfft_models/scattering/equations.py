"""What a crystal's structure factors say of the coefficients of its terms, as few linear equations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symfft_models._array_types import FloatArray, IntArray
from symfft_models.scattering.geometry import scattering
from symfft_models.scattering.kernel import Pseudoatoms
from symfft_models.scattering.observation import Observation
from symfft_models.scattering.radial import RADIAL, radial_by_degree
from symfft_models.scattering.settings import TrainingSettings

#: Combinations of coefficients that change the structure factors by less than this part of their noise are left out.
FAINT = 0.3
#: Most numbers of the equations of one crystal, before they are reduced: many terms leave room for fewer reflections.
LARGEST = 16_000_000


@dataclass(frozen=True, eq=False)
class Equations:
    """What one crystal says of the coefficients of its terms: ``equations · coefficients = values``, unit variances.

    Attributes
    ----------
    atoms : Pseudoatoms
        The crystal and its k terms.
    equations : (p, k, RADIAL) float64
        Change of the values for each coefficient.
    values : (p,) float64
        What is known.
    """

    atoms: Pseudoatoms
    equations: FloatArray
    values: FloatArray

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        around = self.atoms.around
        return self.equations.nbytes + self.values.nbytes + around.along.nbytes + around.around.nbytes

    def covariance(self, spread: FloatArray) -> FloatArray:
        """Return the covariance (p, p) of the values for coefficients of this variance by degree, with the noise."""
        result = np.eye(len(self.values))
        for degree in np.unique(self.atoms.terms.degree):
            own = self.equations[:, self.atoms.terms.degree == degree]
            result += (own @ spread[degree]).reshape(len(own), -1) @ own.reshape(len(own), -1).T
        return result


def equations_of(observation: Observation, settings: TrainingSettings) -> Equations:
    """Reduce the structure factors of a crystal to as many equations as its coefficients can tell apart."""
    atoms = Pseudoatoms.of(observation.crystal, settings.kernel)
    terms = atoms.terms
    most = max(2, min(settings.reflections, LARGEST // (2 * RADIAL * len(terms))))
    rows, times = some_reflections(len(observation.hkl), most)
    weight = np.sqrt(observation.multiplicity[rows] * times) / (settings.noise * np.sqrt(observation.electrons))
    factors = _real(scattering(atoms.crystal, terms, observation.hkl[rows]) * weight)
    radial = radial_by_degree(observation.length[rows])[terms.degree]
    design = (factors.reshape(len(terms), 2, -1, 1) * radial[:, None]).transpose(1, 2, 0, 3)
    design = design.reshape(2 * len(rows), -1)
    values = _real(observation.factors[rows] * weight)
    wide = design.shape[1] > design.shape[0]
    squares, vectors = np.linalg.eigh(design @ design.T if wide else design.T @ design)
    kept = squares > FAINT**2
    left = vectors[:, kept] if wide else design @ vectors[:, kept] / np.sqrt(squares[kept])
    return Equations(atoms, (left.T @ design).reshape(-1, len(terms), RADIAL), left.T @ values)


def _real(values: Any) -> FloatArray:
    """Return values (..., n) as their real and imaginary parts (..., 2 n)."""
    return np.concatenate([values.real, values.imag], axis=-1)


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
    """The equations of some crystals: computed once as far as they fit into `settings.memory`, else whenever needed."""

    def __init__(self, observations: Sequence[Observation], rows: IntArray, settings: TrainingSettings) -> None:
        self.observations, self.rows, self.settings = observations, rows, settings
        self.held: dict[int, Equations] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Stored(self.observations, self.rows[index], self.settings)
        row = int(self.rows[index])
        if row in self.held:
            return self.held[row]
        found = equations_of(self.observations[row], self.settings)
        if self.bytes + found.nbytes <= self.settings.memory:
            self.held[row] = found
            self.bytes += found.nbytes
        return found
