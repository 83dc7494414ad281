"""The conditional density model: which coefficients a crystal's pseudoatoms have, as a distribution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from symfft_models._array_types import BoolArray, FloatArray, IntArray
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.elements import LAST, place, usual_valence
from symfft_models.scattering.geometry import Terms
from symfft_models.scattering.kernel import Features, KernelSettings, Pseudoatoms, Surroundings
from symfft_models.scattering.radial import RADIAL


@dataclass(frozen=True, eq=False)
class Block:
    """Features of the terms of one degree, and the radial shapes that their weights combine.

    Attributes
    ----------
    degree : int
        The degree.
    features : Features
        q features of a term.
    shapes : (RADIAL, r) float64
        Radial shapes.
    used : (r, q) bool
        Which features a shape has a weight for.
    """

    degree: int
    features: Features
    shapes: FloatArray
    used: BoolArray

    @property
    def size(self) -> int:
        """Number of weights."""
        return int(self.used.sum())


@dataclass(frozen=True, eq=False)
class Basis:
    """Everything that is linear in the weights: superposed atoms, and one block for each degree.

    Attributes
    ----------
    settings : KernelSettings
        Of the neighbour densities.
    valence : (LAST + 1,) float64
        Electrons of a neutral atom by atomic number; NaN where the training set does not have the element.
    atoms : (LAST + 1, q) float64
        Vectors of elements whose products are the covariances of their superposed atoms.
    atom_shapes : (RADIAL, RADIAL) float64
        Radial shapes of superposed atoms.
    blocks : tuple of Block
        By degree, ascending.
    """

    settings: KernelSettings
    valence: FloatArray
    atoms: FloatArray
    atom_shapes: FloatArray
    blocks: tuple[Block, ...]

    @cached_property
    def electrons(self) -> FloatArray:
        """Valence electrons (LAST + 1,) of neutral atoms; of unknown elements as many as that of their group have."""
        numbers = np.arange(1, LAST + 1)
        period, group = place(numbers)
        found, usual = self.valence.copy(), usual_valence(numbers)
        for number in np.flatnonzero(~np.isfinite(found[1:])) + 1:
            alike = numbers[(group == group[number - 1]) & np.isfinite(self.valence[1:])]
            nearest = alike[np.argsort(np.abs(period[alike - 1] - period[number - 1]), kind="stable")]
            found[number] = self.valence[nearest[0]] if len(nearest) else usual[number - 1]
        return found

    @property
    def size(self) -> int:
        """Number of weights."""
        return self.atoms.shape[1] * RADIAL + sum(block.size for block in self.blocks)

    def parts(
        self, crystals: Sequence[Pseudoatoms]
    ) -> Iterator[tuple[list[IntArray], list[FloatArray], FloatArray, BoolArray]]:
        """Yield, block after block, what it says of crystals.

        That is, for each crystal, the terms it describes (t,), and their features (t, q); the radial shapes
        (RADIAL, r), and which of the features a shape has weights for (r, q). The coefficients of those terms are
        ``features @ own.T @ shapes.T``, with zeros in ``own`` (r, q) but for the weights, ``own[used]``.
        """
        every = np.ones((RADIAL, self.atoms.shape[1]), dtype=bool)
        rows, around = terms_of(crystals, 0)
        superposed = self.atoms * self.electrons[:, None]
        yield rows, _split(superposed[around.number], rows), self.atom_shapes, every
        for block in self.blocks:
            rows, around = terms_of(crystals, block.degree)
            yield rows, _split(block.features(around), rows), block.shapes, block.used

    def expansion(self, weights: FloatArray) -> Expansion:
        """Return what coefficients are with each of some weights (s, size)."""
        own = _placed(weights[:, : self.atoms.shape[1] * RADIAL], np.ones((RADIAL, self.atoms.shape[1]), dtype=bool))
        atoms = (self.atoms * self.electrons[:, None]) @ own.transpose(0, 2, 1) @ self.atom_shapes.T
        along, start = [], self.atoms.shape[1] * RADIAL
        for block in self.blocks:
            own = _placed(weights[:, start : start + block.size], block.used)
            along.append(block.features.along_landmarks(own.reshape(-1, own.shape[-1]).T))
            start += block.size
        return Expansion(self.blocks, atoms.transpose(1, 0, 2), tuple(along))


def terms_of(crystals: Sequence[Pseudoatoms], degree: int) -> tuple[list[IntArray], Surroundings]:
    """Return the terms of a degree: those of each crystal, and what surrounds all of them."""
    rows = [np.flatnonzero(atoms.terms.degree == degree) for atoms in crystals]
    return rows, Surroundings.join([atoms.around.take(own) for atoms, own in zip(crystals, rows, strict=True)])


def _split(values: FloatArray, rows: Sequence[IntArray]) -> list[FloatArray]:
    """Return the values of the terms of each crystal."""
    return np.split(values, np.cumsum([len(own) for own in rows])[:-1])


def _placed(weights: FloatArray, used: BoolArray) -> FloatArray:
    """Return weights (s, n) as (s, r, q), where a shape has one for a feature, and zeros elsewhere."""
    found = np.zeros((len(weights), *used.shape))
    found[:, used] = weights
    return found


@dataclass(frozen=True, eq=False)
class Expansion:
    """The coefficients of terms with each of s weights, as sums over elements and landmarks.

    Attributes
    ----------
    blocks : tuple of Block
        Of the basis.
    atoms : (LAST + 1, s, RADIAL) float64
        Coefficients of a superposed atom, by atomic number.
    along : tuple of (q, s r) float64
        For each block what the covariance of a term with each landmark adds to its radial shapes.
    """

    blocks: tuple[Block, ...]
    atoms: FloatArray
    along: tuple[FloatArray, ...]

    def coefficients(self, atoms: Pseudoatoms) -> FloatArray:
        """Return coefficients (s, k, RADIAL) of the terms of a crystal."""
        count = self.atoms.shape[1]
        result = np.zeros((len(atoms.terms), count, RADIAL))
        spherical = np.flatnonzero(atoms.terms.degree == 0)
        result[spherical] = self.atoms[atoms.around.number[spherical]]
        for block, along in zip(self.blocks, self.along, strict=True):
            rows = np.flatnonzero(atoms.terms.degree == block.degree)
            if len(rows):
                found = block.features.covariances(atoms.around.take(rows)) @ along
                result[rows] += found.reshape(len(rows), count, -1) @ block.shapes.T
        return result.transpose(1, 0, 2)


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Distribution of the coefficients of a crystal's terms.

    Attributes
    ----------
    terms : Terms
        The terms.
    mean : (k, RADIAL) float64
        Expected coefficients, electrons; the sum of their charges is the number of electrons exactly.
    draws : (s, k, RADIAL) float64
        What the weights, drawn from what the training set leaves open, add to them.
    spread : (5, RADIAL, RADIAL) float64
        Covariance, by degree, of what no weights describe: independent from term to term.
    longest : float
        1/Å; longer reflections are zero.
    """

    terms: Terms
    mean: FloatArray
    draws: FloatArray
    spread: FloatArray
    longest: float


@dataclass(frozen=True, eq=False)
class DensityModel:
    """The trained model.

    Attributes
    ----------
    basis : Basis
        What is linear in the weights.
    weights : (size,) float64
        Their mean.
    draws : (s, size) float64
        Differences from the mean of weights drawn from their distribution.
    spread : (5, RADIAL, RADIAL) float64
        Covariance of the coefficients that remains, by degree.
    noise : float
        Standard deviation of a structure factor (times the square root of its multiplicity), in units of the square
        root of the number of electrons.
    longest : float
        1/Å; shorter reflections are those that the training set has: the model has no longer ones.
    alone : (m,) float64
        Weights of superposed atoms without anything else.
    bar, power, usual : float
        Of an expected error e in % the stated one is ``bar max(e, usual (e / usual) ** power)``, so that it holds for
        nine of ten crystals: larger than in proportion where less than usual is expected.
    familiar : float
        Correlation with the most similar landmark below which an atom's surroundings are outside of what was learned.
    facts : mapping
        Where it comes from: training set, command, figures; JSON.
    """

    basis: Basis
    weights: FloatArray
    draws: FloatArray
    spread: FloatArray
    noise: float
    longest: float
    alone: FloatArray
    bar: float = 1.0
    power: float = 1.0
    usual: float = 1.0
    familiar: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def elements(self) -> IntArray:
        """Atomic numbers of the training set."""
        return np.flatnonzero(np.isfinite(self.basis.valence))

    def electrons(self, crystal: Crystal) -> float:
        """Return the valence electrons of a cell of neutral atoms."""
        return float(self.basis.electrons[crystal.numbers] @ crystal.multiplicity)

    def coefficients(self, crystal: Crystal) -> Coefficients:
        """Return the distribution of the coefficients of a crystal."""
        atoms = Pseudoatoms.of(crystal, self.basis.settings)
        return self._neutral(atoms, self._expansion.coefficients(atoms))

    def error_bar(self, expected: float) -> float:
        """Return the error that is stated where one is expected, both in %."""
        return self.bar * max(expected, self.usual * (expected / self.usual) ** self.power)

    def outside(self, crystal: Crystal) -> list[str]:
        """Return why the model may not know a crystal; an empty list where it does."""
        import gemmi

        unknown = sorted(set(crystal.numbers.tolist()) - set(self.elements.tolist()))
        reasons = [f"element {gemmi.Element(number).name} is not in the training set" for number in unknown]
        for number, alike in zip(crystal.numbers.tolist(), self.familiarity(crystal).tolist(), strict=True):
            if number not in unknown and alike < self.familiar:
                reasons.append(
                    f"the surroundings of {gemmi.Element(number).name} are unlike those learned: correlation "
                    f"{alike:.2f} with the nearest, below {self.familiar:.2f}"
                )
        return list(dict.fromkeys(reasons))

    def superposed(self, crystal: Crystal) -> Coefficients:
        """Return the coefficients of superposed atoms: what a prediction without neighbours would be."""
        atoms = Pseudoatoms.of(crystal, self.basis.settings)
        return self._neutral(atoms, self._atoms_alone.coefficients(atoms))

    @cached_property
    def _expansion(self) -> Expansion:
        return self.basis.expansion(np.concatenate([self.weights[None], self.draws]))

    @cached_property
    def _atoms_alone(self) -> Expansion:
        return replace(self.basis, blocks=()).expansion(self.alone[None])

    def _neutral(self, atoms: Pseudoatoms, every: FloatArray) -> Coefficients:
        """Give the first coefficients the electrons of neutral atoms, and the others, their differences, none."""
        charged = charges(atoms.crystal, atoms.terms)
        wanted = np.zeros(len(every))
        wanted[0] = self.electrons(atoms.crystal)
        missing = wanted - np.einsum("kn,skn->s", charged, every)
        given = np.einsum("kmn,kn->km", self.spread[atoms.terms.degree], charged)
        every = every + missing[:, None, None] * given / float((given * charged).sum())
        return Coefficients(atoms.terms, every[0], every[1:], self.spread, self.longest)

    def familiarity(self, crystal: Crystal) -> FloatArray:
        """Return, for each orbit of a crystal, the correlation of its atom with the most similar landmark."""
        atoms = Pseudoatoms.of(crystal, self.basis.settings)
        spherical = np.flatnonzero(atoms.terms.degree == 0)
        features = next(block.features for block in self.basis.blocks if block.degree == 0)
        own, marks = atoms.around.take(spherical), features.landmarks
        scale = np.sqrt(features.kernel.diagonal(own)[:, None] * features.kernel.diagonal(marks))
        return np.asarray((features.kernel(own, marks) / scale).max(axis=1))


def charges(crystal: Crystal, terms: Terms) -> FloatArray:
    """Return what each coefficient (k, RADIAL) adds to the electrons of the cell."""
    count = crystal.multiplicity[terms.orbit] * np.sqrt(1 / (4 * np.pi))
    return np.where(terms.degree == 0, count, 0.0)[:, None] * np.ones(RADIAL)
