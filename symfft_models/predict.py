"""From a structure to its electron density, with an error bar and a word on what the model has not learned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from symfft import Density, IncompatibleGridError, expand_from_au, next_compatible_shape
from symfft_models._array_types import FloatArray
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.model import Coefficients, DensityModel
from symfft_models.scattering.structure import SYMPREC, crystal_of
from symfft_models.scattering.synthesis import density_values, structure_factors, unit_for
from symfft_models.scattering.weights_file import load_model

#: Distance (Å) of neighbouring grid points where no grid is asked for.
SPACING = 0.135
#: The same where only the error bar is needed.
COARSE = 0.3
#: Draws from the distribution of the coefficients that the error bar is the mean of.
DRAWS = 16
SHIPPED = "density-model.safetensors"

Shape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Prediction:
    """A predicted density.

    Attributes
    ----------
    density : Density
        Valence density in e/Å³ in the cell of the structure, with its atoms.
    error_bar : float
        ``100 Σ|ρ - truth| / Σ|ρ|`` in %, which nine of ten predictions stay below.
    outside : list of str
        Why the model may not know this crystal: elements and surroundings that it has not learned; empty otherwise.
    crystal : Crystal
        The structure as it was understood.
    """

    density: Density
    error_bar: float
    outside: list[str]
    crystal: Crystal


@dataclass(frozen=True, eq=False)
class DensityPredictor:
    """Predicts densities of structures; no torch.

    Examples
    --------
    >>> from symfft_models.predict import DensityPredictor
    >>> from symfft_models.datasets.paw import load_paw
    >>> predictor = DensityPredictor.load_shipped()
    >>> prediction = predictor.predict(load_paw().find("rock-salt-MgO"))
    >>> round(prediction.density.electrons, 6), prediction.outside
    (64.0, [])
    """

    model: DensityModel

    @classmethod
    def load_shipped(cls) -> Self:
        """Load the model that comes with the package."""
        return cls.load(Path(__file__).parent / "shipped" / SHIPPED)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a model from a file.

        Raises
        ------
        ModelFileError
            If there is none, or it is damaged.
        """
        return cls(load_model(path))

    def predict(self, structure: Any, shape: Shape | None = None, *, symprec: float = SYMPREC) -> Prediction:
        """Predict the density of a structure.

        Parameters
        ----------
        structure : object
            A crystal of this package, or of ASE or pymatgen; see
            :func:`symfft_models.scattering.structure.crystal_of`. Any cell, any space group.
        shape : (3,) int, optional
            Grid of the structure's cell; one point for each 0.135 Å by default, on which the symmetry is
            exact. On a grid that the space group does not map onto itself the values are those of the same density.
        symprec : float
            Largest displacement (Å) of an atom at which symmetry is still found.

        Raises
        ------
        StructureError
            If the structure is not one.
        """
        crystal = crystal_of(structure, symprec)
        found = self.model.coefficients(crystal)
        return Prediction(
            density=density_of(crystal, found, shape or grid_for(crystal, SPACING)),
            error_bar=self.model.bar * expected_error(crystal, found),
            outside=self.model.outside(crystal, found),
            crystal=crystal,
        )


def grid_for(crystal: Crystal, spacing: float) -> Shape:
    """Return a grid with points at most `spacing` (Å) apart that the group maps onto itself, if there is one."""
    least = np.ceil(np.linalg.norm(crystal.lattice, axis=1) / spacing).astype(int).tolist()
    try:
        return next_compatible_shape(crystal.group, least)
    except IncompatibleGridError:
        return (least[0], least[1], least[2])


def values_of(crystal: Crystal, found: Coefficients, coefficients: FloatArray, shape: Shape) -> tuple[FloatArray, Any]:
    """Return densities (..., n) of coefficients (..., k, n) on the asymmetric unit of a grid, and the unit."""
    unit = unit_for(crystal, shape)
    inside = (2 * np.abs(unit.hkl) < np.array(shape)).all(axis=1)
    factors = np.zeros((*coefficients.shape[:-2], len(unit.hkl)), dtype=np.complex128)
    factors[..., inside] = structure_factors(crystal, found.terms, coefficients, unit.hkl[inside])
    return density_values(crystal, unit, factors), unit


def density_of(crystal: Crystal, found: Coefficients, shape: Shape) -> Density:
    """Return the expected density on a grid, with every atom of the cell."""
    values, unit = values_of(crystal, found, found.mean, shape)
    positions, orbits = crystal.atoms()
    return Density(
        values=expand_from_au(values, unit),
        lattice=crystal.lattice,
        positions=positions,
        numbers=crystal.numbers[orbits],
        comment="predicted by symfft-vae",
    )


def expected_error(crystal: Crystal, found: Coefficients) -> float:
    """Return the expected ``100 Σ|ρ - truth| / Σ|ρ|`` in %, from draws of the distribution of the coefficients."""
    random = np.random.default_rng(0)
    halves = np.stack([np.linalg.cholesky(part + 1e-12 * np.eye(len(part))) for part in found.spread])
    noise = random.standard_normal((DRAWS, len(found.terms), halves.shape[-1]))
    drawn = found.draws[:DRAWS] + np.einsum("knm,skm->skn", halves[found.terms.degree], noise[: len(found.draws)])
    both = np.concatenate([found.mean[None], drawn])
    values, unit = values_of(crystal, found, both, grid_for(crystal, COARSE))
    total = float(np.abs(values[0]) @ unit.multiplicity)
    return float(100 * (np.abs(values[1:]) @ unit.multiplicity).mean() / total)
