"""The conditional density model: which coefficients a crystal's pseudoatoms have, as a distribution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from symfft_models._array_types import FloatArray, IntArray
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.elements import LAST, place
from symfft_models.scattering.geometry import Terms, site_terms
from symfft_models.scattering.kernel import Features, KernelSettings, Surroundings, surroundings
from symfft_models.scattering.radial import RADIAL


@dataclass(frozen=True, eq=False)
class Block:
    """Features of the terms of one degree, and the radial shapes (RADIAL, r) that their weights combine."""

    degree: int
    features: Features
    shapes: FloatArray

    @property
    def size(self) -> int:
        """Number of weights."""
        return len(self.features) * self.shapes.shape[1]


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
        found = self.valence.copy()
        for number in np.flatnonzero(~np.isfinite(found[1:])) + 1:
            alike = numbers[(group == group[number - 1]) & np.isfinite(self.valence[1:])]
            nominal = group[number - 1] if group[number - 1] < 13 else group[number - 1] - 10
            nearest = alike[np.argsort(np.abs(period[alike - 1] - period[number - 1]), kind="stable")]
            found[number] = self.valence[nearest[0]] if len(nearest) else nominal
        return found

    @property
    def size(self) -> int:
        """Number of weights."""
        return self.atoms.shape[1] * RADIAL + sum(block.size for block in self.blocks)

    def parts(self, crystal: Crystal, terms: Terms) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
        """Yield, block after block, the terms it describes (t,), their features (t, q) and its shapes (RADIAL, r).

        The coefficients of those terms are ``features @ weights.reshape(r, q).T @ shapes.T``.
        """
        spherical = np.flatnonzero(terms.degree == 0)
        numbers = crystal.numbers[terms.orbit[spherical]]
        yield spherical, self.atoms[numbers] * self.electrons[numbers, None], self.atom_shapes
        around = surroundings(crystal, terms, self.settings)
        for block in self.blocks:
            rows = np.flatnonzero(terms.degree == block.degree)
            features = block.features(around.take(rows)) if len(rows) else np.zeros((0, len(block.features)))
            yield rows, features, block.shapes

    def coefficients(self, crystal: Crystal, terms: Terms, weights: FloatArray) -> FloatArray:
        """Return coefficients (..., k, RADIAL) of the terms of a crystal, for weights (..., size)."""
        result = np.zeros((*weights.shape[:-1], len(terms), RADIAL))
        start = 0
        for rows, features, shapes in self.parts(crystal, terms):
            size = features.shape[1] * shapes.shape[1]
            own = weights[..., start : start + size].reshape(*weights.shape[:-1], shapes.shape[1], features.shape[1])
            result[..., rows, :] += np.einsum("tq,...rq,nr->...tn", features, own, shapes, optimize=True)
            start += size
        return result

    def design(self, equations: FloatArray, crystal: Crystal, terms: Terms) -> FloatArray:
        """Return what equations (p, k, RADIAL) of the coefficients are as equations (p, size) of the weights."""
        columns = []
        for rows, features, shapes in self.parts(crystal, terms):
            own = np.einsum("ptn,nr,tq->prq", equations[:, rows], shapes, features, optimize=True)
            columns.append(own.reshape(len(equations), -1))
        return np.concatenate(columns, axis=1)


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
    """

    terms: Terms
    mean: FloatArray
    draws: FloatArray
    spread: FloatArray


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
    bar : float
        Factor between the expected and the stated error, so that the stated one holds for nine of ten crystals.
    facts : mapping
        Where it comes from: training set, command, figures; JSON.
    """

    basis: Basis
    weights: FloatArray
    draws: FloatArray
    spread: FloatArray
    noise: float
    bar: float = 1.0
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
        terms = site_terms(crystal)
        weights = np.concatenate([self.weights[None], self.draws])
        every = self.basis.coefficients(crystal, terms, weights)
        charged = charges(crystal, terms)
        electrons = self.electrons(crystal)
        wanted = np.concatenate([[electrons], np.zeros(len(self.draws))])
        missing = wanted - np.einsum("kn,skn->s", charged, every)
        given = np.einsum("kmn,kn->km", self.spread[terms.degree], charged)
        every += missing[:, None, None] * given / float((given * charged).sum())
        return Coefficients(terms, every[0], every[1:], self.spread)

    def outside(self, crystal: Crystal, found: Coefficients) -> list[str]:
        """Return why the model may not know a crystal; an empty list where it does."""
        import gemmi

        unknown = sorted(set(crystal.numbers.tolist()) - set(self.elements.tolist()))
        return [f"element {gemmi.Element(number).name} is not in the training set" for number in unknown]

    def with_bar(self, bar: float) -> Self:
        """Return the model with another factor of its error bar."""
        return replace(self, bar=bar)


def charges(crystal: Crystal, terms: Terms) -> FloatArray:
    """Return what each coefficient (k, RADIAL) adds to the electrons of the cell."""
    count = crystal.multiplicity[terms.orbit] * np.sqrt(1 / (4 * np.pi))
    return np.where(terms.degree == 0, count, 0.0)[:, None] * np.ones(RADIAL)


def gather(parts: Sequence[tuple[Crystal, Terms]], settings: KernelSettings, degree: int) -> Surroundings:
    """Return the terms of one degree of many crystals."""
    found = [
        surroundings(crystal, terms, settings).take(np.flatnonzero(terms.degree == degree)) for crystal, terms in parts
    ]
    return Surroundings.join(found)
