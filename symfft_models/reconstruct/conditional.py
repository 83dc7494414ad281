r"""A density as latents of the density model beside its atoms: the code of files whose atoms the model has learned.

The crystal gives the predicted density and the directions in which it is most uncertain
(:mod:`symfft_models.scattering.posterior`); the latents say how far the density is from the prediction along each.
Reflections beyond the 1500 shortest are as predicted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from symfft import (
    AsymmetricUnit,
    Density,
    SpaceGroup,
    SymfftError,
    au_dft,
    au_idft,
    expand_from_au,
    reduce_to_au,
)
from symfft.io.npz import DAMAGE, read_npz
from symfft_models._array_types import ComplexArray, FloatArray, IntArray
from symfft_models.evaluation.metrics import density_metrics
from symfft_models.predict import DensityPredictor
from symfft_models.reconstruct.charge import SYMMETRY_TOLERANCE, charge_density
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.elements import LAST
from symfft_models.scattering.posterior import CANDIDATES, Latents
from symfft_models.scattering.structure import crystal_of
from symfft_models.scattering.synthesis import Shape, structure_factors, unit_for

FORMAT = "symfft-latents 1"
#: Latent numbers where nobody says how many.
FLOATS = 128
#: Largest difference of the electrons of a density from those of the model's neutral atoms, relative.
ELECTRONS = 1e-3
#: Most points of a grid.
LARGEST = 1e9
#: Structure factors that a file of latents keeps, to tell whether it was decoded as it was encoded.
PROBED = 16


class NotLearnedError(SymfftError):
    """A density that the density model has no place for: of other elements, or other valence electrons."""


class LatentFileError(SymfftError):
    """A file of latents that cannot be decoded."""


@dataclass(frozen=True, eq=False)
class LatentDensity:
    """All that the decoder needs, beside the model.

    Attributes
    ----------
    latent : (m,) float32
        Standard normal numbers, the one that tells most first.
    crystal : Crystal
        Cell, operators, one atom of each orbit.
    positions, numbers : (n, 3) float64, (n,) int64
        Every atom, as the file had them.
    shape : (3,) int
        Grid.
    electrons : float
        In the cell.
    model : str
        SHA-256 of the density model's file.
    """

    latent: NDArray[np.float32]
    crystal: Crystal
    positions: FloatArray
    numbers: IntArray
    shape: Shape
    electrons: float
    model: str

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a file of latents holds, but for its probe."""
        crystal, group = self.crystal, self.crystal.group
        return {
            "format": np.array(FORMAT),
            "model": np.array(self.model),
            "latent": self.latent,
            "shape": np.array(self.shape),
            "electrons": np.array(self.electrons),
            "lattice": crystal.lattice,
            "positions": self.positions,
            "numbers": self.numbers,
            "orbit_positions": crystal.positions,
            "orbit_numbers": crystal.numbers,
            "orbit_multiplicity": crystal.multiplicity,
            "rotations": group.rotations.astype(np.int8),
            "numerators": np.asarray(group.numerators),
            "denominator": np.array(group.denominator),
        }

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Undo :meth:`arrays`.

        Raises
        ------
        KeyError, ValueError, SymfftError
            If something is missing or does not fit together.
        """
        latent, shape = np.asarray(arrays["latent"], dtype=np.float32), arrays["shape"]
        lattice, positions = (np.asarray(arrays[name], dtype=np.float64) for name in ("lattice", "positions"))
        numbers, orbits = (np.asarray(arrays[name], dtype=np.int64) for name in ("numbers", "orbit_numbers"))
        orbit_positions = np.asarray(arrays["orbit_positions"], dtype=np.float64)
        multiplicity = np.asarray(arrays["orbit_multiplicity"], dtype=np.int64)
        expected = {
            "latent": (latent.shape, (latent.size,)),
            "shape": (shape.shape, (3,)),
            "lattice": (lattice.shape, (3, 3)),
            "positions": (positions.shape, (len(numbers), 3)),
            "orbit_positions": (orbit_positions.shape, (len(orbits), 3)),
            "orbit_multiplicity": (multiplicity.shape, (len(orbits),)),
        }
        for name, (found, right) in expected.items():
            if found != right:
                raise ValueError(f"{name} has shape {found}, expected {right}")
        if shape.min() < 1 or np.prod(shape.astype(np.float64)) > LARGEST:
            raise ValueError(f"a grid of {' x '.join(map(str, shape.tolist()))} points")
        if min(numbers.min(initial=1), orbits.min(initial=1)) < 1 or max(numbers.max(), orbits.max()) > LAST:
            raise ValueError(f"atomic numbers that are not between 1 and {LAST}")
        for name in ("latent", "lattice", "positions", "orbit_positions", "electrons"):
            if not np.isfinite(arrays[name]).all():
                raise ValueError(f"{name} holds numbers that are not finite")
        group = SpaceGroup(arrays["rotations"].astype(np.int64), arrays["numerators"], int(arrays["denominator"]))
        crystal = Crystal(lattice, group, orbit_positions, orbits, multiplicity)
        grid = (int(shape[0]), int(shape[1]), int(shape[2]))
        return cls(latent, crystal, positions, numbers, grid, float(arrays["electrons"]), str(arrays["model"]))


@dataclass(frozen=True, eq=False)
class Frame:
    """What a crystal and a grid determine before any latent is known: the same for coding and decoding.

    Attributes
    ----------
    unit : AsymmetricUnit
        Of the grid, under the operators that it carries.
    near : (n,) int64
        Its reflections that the latents describe, the shortest first: F(0).
    predicted : (n_h,) complex128
        Predicted structure factors of all its reflections, electrons per cell.
    latents : Latents
        Of the near ones.
    scale : float
        Grid points per volume (1/Å³).
    """

    unit: AsymmetricUnit
    near: IntArray
    predicted: ComplexArray
    latents: Latents
    scale: float

    @classmethod
    def of(cls, predictor: DensityPredictor, crystal: Crystal, shape: Shape, floats: int) -> Self:
        """Predict the density of a crystal, and find what is most uncertain about it."""
        model, unit = predictor.model, unit_for(crystal, shape)
        found = model.coefficients(crystal)
        carried = np.flatnonzero((2 * np.abs(unit.hkl) < np.array(shape)).all(axis=1))
        predicted = np.zeros(len(unit.hkl), dtype=np.complex128)
        predicted[carried] = structure_factors(crystal, found.terms, found.mean, unit.hkl[carried], found.longest)
        length = np.round(np.linalg.norm(unit.hkl[carried] @ np.linalg.inv(crystal.lattice).T, axis=1), 6)
        order = np.argsort(length, kind="stable")
        near = carried[order[length[order] <= found.longest][:CANDIDATES]]
        latents = Latents.of(model, crystal, found, unit.hkl[near], unit.hkl_multiplicity[near], floats)
        return cls(unit, near, predicted, latents, float(np.prod(shape)) / crystal.volume)

    def encode(self, values: FloatArray) -> NDArray[np.float32]:
        """Return the latents of the values (n,) of a density on the asymmetric unit, e/Å³."""
        factors = np.asarray(au_dft(values, self.unit), dtype=np.complex128)[self.near] / self.scale
        return self.latents.encode(factors).astype(np.float32)

    def factors(self, latent: NDArray[np.float32], electrons: float) -> ComplexArray:
        """Return the structure factors of latents, electrons per cell."""
        found = self.predicted.copy()
        found[self.near] = self.latents.decode(latent.astype(np.float64))
        found[self.near[0]] = electrons
        return found

    def decode(self, latent: NDArray[np.float32], electrons: float) -> FloatArray:
        """Return the density of latents on the whole grid, e/Å³."""
        values = np.asarray(au_idft(self.factors(latent, electrons) * self.scale, self.unit))
        return np.asarray(expand_from_au(values, self.unit))


@dataclass(frozen=True, eq=False)
class ConditionalResult:
    """What the density model made of one density.

    Attributes
    ----------
    coded : LatentDensity
        Its latents and its crystal.
    density : Density
        What they decode to, with the file's atoms.
    probe : (PROBED,) complex128
        Structure factors of that density, from the shortest reflections.
    figures : dict
        ``file`` against the density as it came, ``predicted`` the same for the prediction, without latents.
    """

    coded: LatentDensity
    density: Density
    probe: ComplexArray
    figures: dict[str, dict[str, float]]

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What is told of it."""
        group = self.coded.crystal.group
        return {
            "space_group": group.number,
            "electrons": self.coded.electrons,
            "floats": len(self.coded.latent),
        }

    @cached_property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """What is kept of it."""
        return self.coded.arrays() | {"probe": self.probe}


def reconstruct_conditional(
    predictor: DensityPredictor, density: Density, *, floats: int = FLOATS, symprec: float = 1e-3
) -> ConditionalResult:
    """Send a density through the density model: its atoms, and `floats` numbers of what they do not tell.

    Parameters
    ----------
    predictor : DensityPredictor
        The model.
    density : Density
        A charge density in any cell, on any grid, of any space group. Only the total density is used.
    floats : int
        Latent numbers; fewer where the crystal has fewer structure factors.
    symprec : float
        Largest displacement in Å at which an atom still counts as symmetric.

    Raises
    ------
    NotLearnedError
        If it has no atoms, elements that the model has not learned, or other valence electrons.
    SymfftError
        If it is no density of charge, or does not have the symmetry of its atoms.
    """
    charge = charge_density(density)
    if charge.numbers is None or not len(charge.numbers):
        raise NotLearnedError("has no atoms")
    crystal = crystal_of(charge, symprec)
    unknown = [reason for reason in predictor.model.outside(crystal) if reason.startswith("element ")]
    if unknown:
        raise NotLearnedError("; ".join(unknown))
    neutral = predictor.model.electrons(crystal)
    if abs(charge.electrons - neutral) > ELECTRONS * neutral:
        raise NotLearnedError(
            f"has {charge.electrons:.6g} electrons, where its atoms have {neutral:g} in the set that the density model "
            "has learned: another kind of pseudopotential"
        )
    shape: Shape = (charge.shape[0], charge.shape[1], charge.shape[2])
    frame = Frame.of(predictor, crystal, shape, floats)
    latent = frame.encode(reduce_to_au(charge.values, frame.unit, tolerance=SYMMETRY_TOLERANCE))
    positions, numbers = np.asarray(charge.positions, dtype=np.float64), np.asarray(charge.numbers, dtype=np.int64)
    coded = LatentDensity(latent, crystal, positions, numbers, shape, charge.electrons, predictor.sha256)
    values = frame.decode(latent, coded.electrons)
    predicted = frame.decode(latent[:0], coded.electrons)
    every = np.ones(charge.values.size)
    return ConditionalResult(
        coded,
        charge.with_values(values),
        frame.factors(latent, coded.electrons)[frame.near[:PROBED]],
        {
            "file": density_metrics(charge.values.ravel(), values.ravel(), every),
            "predicted": density_metrics(charge.values.ravel(), predicted.ravel(), every),
        },
    )


def decode_file(predictor: DensityPredictor, path: Path) -> Density:
    """Return the density of a file of latents, to the last bit as it was written beside it.

    Raises
    ------
    LatentFileError
        If the file is damaged, of another kind, of another model, or decodes to other structure factors than those it
        was written with.
    """
    try:
        arrays = read_npz(path)
    except FileNotFoundError:
        raise LatentFileError(f"{path}: no such file") from None
    except DAMAGE as error:
        raise LatentFileError(f"{path}: no file of latents, or a damaged one ({error}); take another copy") from None
    if str(arrays.get("format", "")) != FORMAT:
        raise LatentFileError(
            f"{path}: not latents of the density model ({FORMAT!r}): those of a codec have no atoms, and are "
            "decoded by their weights in Python"
        )
    try:
        coded, probe = LatentDensity.of(arrays), np.asarray(arrays["probe"], dtype=np.complex128)
    except (KeyError, ValueError, TypeError, OverflowError, SymfftError) as error:
        raise LatentFileError(f"{path}: its parts do not fit together ({error}); encode the density again") from None
    if coded.model != predictor.sha256:
        raise LatentFileError(
            f"{path}: latents of the density model with SHA-256 {coded.model[:12]}…, this is {predictor.sha256[:12]}…: "
            "name the model that it was encoded with (--model)"
        )
    frame = Frame.of(predictor, coded.crystal, coded.shape, len(coded.latent))
    factors = frame.factors(coded.latent, coded.electrons)[frame.near[: len(probe)]]
    if factors.shape != probe.shape or not np.allclose(factors, probe, rtol=0, atol=1e-6 * coded.electrons):
        raise LatentFileError(f"{path}: its latents do not give the structure factors that it was written with")
    return Density(
        values=frame.decode(coded.latent, coded.electrons),
        lattice=coded.crystal.lattice,
        positions=coded.positions,
        numbers=coded.numbers,
        comment="decoded by symfft-vae",
    )
