"""A density through a codec or network of its space group: to the standard cell and the model's grid, and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from symfft import Density, SpaceGroup, expand_from_au, reduce_to_au, standardize
from symfft.resampling import change_cell, standardization
from symfft_models._array_types import FloatArray
from symfft_models.data.store import Entry
from symfft_models.evaluation.metrics import density_metrics
from symfft_models.model.density_table import tabulate
from symfft_models.model.vae import DensityVAE, unpad
from symfft_models.reconstruct.charge import SYMMETRY_TOLERANCE, UnsupportedDensityError, charge_density


@dataclass(frozen=True, eq=False)
class CodecResult:
    """What the model made of one density: its latent floats, the density in the file's own cell, and figures.

    `origin_shifted` says that the latent describes the crystal with its origin moved by half the cell diagonal: of the
    two choices that a cubic crystal leaves, the one that codes better is taken.
    """

    space_group: int
    lattice_constant: float
    electrons: float
    latent: NDArray[np.float32]
    origin_shifted: bool
    density: Density
    figures: dict[str, dict[str, float]]

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What is told of it."""
        return {
            "space_group": self.space_group,
            "lattice_constant": self.lattice_constant,
            "electrons": self.electrons,
            "floats": self.latent.size,
        }

    @cached_property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """What is kept of it: all that the decoder needs to give the density again."""
        return {
            "latent": self.latent,
            "space_group": np.array(self.space_group),
            "lattice_constant": np.array(self.lattice_constant),
            "electrons": np.array(self.electrons),
            "origin_shifted": np.array(self.origin_shifted),
        }


@torch.no_grad()
def reconstruct_density(model: DensityVAE, density: Density, symprec: float = 1e-3) -> CodecResult:
    """Send a density through the model: find its group, go to the standard cell and the model's grid, and back.

    Parameters
    ----------
    model
        In evaluation mode.
    density
        A charge density in any cell and on any grid. Only the total density is used.
    symprec
        Largest displacement in Å at which an atom still counts as symmetric.

    Returns
    -------
    CodecResult
        `figures` are those of `density_metrics`: ``model_grid``, against the density on the model's grid; ``file``,
        against the density as it came, on its own grid; ``resampling``, what going to the model's grid and back alone
        costs.

    Raises
    ------
    UnsupportedDensityError
        For a density that is none of charge, or of a space group that the model does not know.
    SymfftError
        Where no group is found, or the density does not have the symmetry of its atoms.
    """
    charge = charge_density(density)
    found = standardization(charge.lattice, charge.positions, charge.numbers, symprec, shape=charge.shape)
    if found.number not in model.representation.groups:
        known = ", ".join(f"{SpaceGroup.from_number(n).symbol} ({n})" for n in model.representation.groups)
        raise UnsupportedDensityError(
            f"has the space group {found.symbol} ({found.number}) at symprec={symprec:g}; the model knows {known}"
        )
    index = model.representation.row(found.number)
    unit = model.representation.units[index]
    standard = standardize(charge, found.number, unit.shape, symprec=symprec)
    values = reduce_to_au(standard.values, unit, tolerance=SYMMETRY_TOLERANCE)
    electrons = charge.electrons * standard.volume / charge.volume
    shift = model.representation.shift_gn[index, : unit.size].numpy()
    crystal = (found.number, unit.shape, standard.lattice, electrons, "file", "", "", "test", ())
    origins = [Entry(choice.astype(np.float32), *crystal) for choice in (values, values[shift])]
    table = tabulate(origins, model.representation)
    latent = model.encode(table.values_mn, table.group_m, table.condition_mp).mean
    first, second = unpad(model, model.decode(latent, table.group_m, table.condition_mp), table.group_m)
    estimates = [decoded * electrons / standard.volume for decoded in (first, second[shift])]
    error = [np.abs(estimate - values) ** 2 @ unit.multiplicity for estimate in estimates]
    shifted = bool(error[1] < error[0])
    estimate = estimates[shifted]

    def in_the_file(au_values: FloatArray) -> FloatArray:
        cell = found.transformation.T
        origin = -np.linalg.solve(found.transformation.astype(np.float64), found.origin_shift.astype(np.float64))
        return change_cell(expand_from_au(au_values, unit), standard.lattice, cell, origin, charge.shape)

    back = charge.with_values(in_the_file(estimate))
    everywhere = np.ones(charge.values.size)
    return CodecResult(
        space_group=found.number,
        lattice_constant=float(standard.lattice[0, 0]),
        electrons=electrons,
        latent=latent[int(shifted)].numpy(),
        origin_shifted=shifted,
        density=back,
        figures={
            "model_grid": density_metrics(values, estimate, unit.multiplicity),
            "file": density_metrics(charge.values.ravel(), back.values.ravel(), everywhere),
            "resampling": density_metrics(charge.values.ravel(), in_the_file(values).ravel(), everywhere),
        },
    )
