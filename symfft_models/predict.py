"""From a structure to its electron density, with an error bar and a word on what the model has not learned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from symfft import Density, expand_from_au
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.measure import expected_error
from symfft_models.scattering.model import Coefficients, DensityModel
from symfft_models.scattering.structure import SYMPREC, crystal_of
from symfft_models.scattering.synthesis import Shape, density_values, grid_for
from symfft_models.scattering.weights_file import digest, load_model

#: Distance (Å) of neighbouring grid points where no grid is asked for.
SPACING = 0.135
#: The model that comes with the package.
SHIPPED = Path(__file__).parent / "shipped" / "density-model.safetensors"


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

    Attributes
    ----------
    model : DensityModel
        The model.
    sha256 : str
        Of its file.

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
    sha256: str

    @staticmethod
    def is_shipped() -> bool:
        """Whether a model comes with the package."""
        return SHIPPED.is_file()

    @classmethod
    def load_shipped(cls) -> Self:
        """Load the model that comes with the package."""
        return cls.load(SHIPPED)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a model from a file.

        Raises
        ------
        ModelFileError
            If there is none, or it is damaged.
        """
        return cls(load_model(path), digest(path))

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
            error_bar=self.model.error_bar(expected_error(crystal, found)),
            outside=self.model.outside(crystal),
            crystal=crystal,
        )


def density_of(crystal: Crystal, found: Coefficients, shape: Shape) -> Density:
    """Return the expected density on a grid, with every atom of the cell."""
    values, unit = density_values(crystal, found, found.mean, shape)
    positions, orbits = crystal.atoms()
    return Density(
        values=expand_from_au(values, unit),
        lattice=crystal.lattice,
        positions=positions,
        numbers=crystal.numbers[orbits],
        comment="predicted by symfft-vae",
    )
