"""One PAW density as its parts: soft density, atoms' charges, and the cell and sites that they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft import AsymmetricUnit, Density, SpaceGroup, asymmetric_unit, au_idft, next_compatible_shape
from symfft_models._array_types import ComplexArray, FloatArray
from symfft_models.data.entry import Entry, Site, atoms_of, element_counts
from symfft_models.datasets.paw.density import compensation
from symfft_models.datasets.paw.reflections import at_reflections_of, expand_reflections

Shape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class PawEntry:
    """One density as the parts that it is made of; see :mod:`symfft_models.datasets.paw.density` for the formula.

    Attributes
    ----------
    space_group : int
        Number in International Tables A, in the reference setting (origin choice 2).
    lattice : (3, 3) float64
        Vectors of the conventional cell as rows, in Å.
    electrons : float
        Valence electrons in that cell.
    id, composition, prototype, split : str
        Unique name, reduced formula with elements in alphabetical order, structure type, and "train", "val", "test" or
        "hard".
    sites : tuple of Site
        Occupied orbits.
    hkl : (n, 3) int16
        Unique reflections up to twice the largest plane wave.
    soft, soft_spin : (n,) complex64
        Structure factors (e/Å³) of the soft valence density and of the soft magnetization.
    multipoles : (sites, 2, 9) float32
        Valence multipoles of each site's atom at its position, total and spin up minus spin down: l = 0, 1, 2 in
        electrons bohr^l; the charge is the first times the square root of 4 pi.
    r_comp : (sites,) float64
        Radius (bohr) of each site's shape function.
    moments : (sites,) float32
        Magnetic moments (Bohr magnetons) inside the atoms' spheres.
    metadata : dict
        Further columns of the set, such as energy and stress.
    """

    space_group: int
    lattice: FloatArray
    electrons: float
    id: str
    composition: str
    prototype: str
    split: str
    sites: tuple[Site, ...]
    hkl: NDArray[np.int16]
    soft: NDArray[np.complex64]
    soft_spin: NDArray[np.complex64]
    multipoles: NDArray[np.float32]
    r_comp: FloatArray
    moments: NDArray[np.float32]
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> Shape:
        """Smallest grid of the cell that holds all reflections and that the group allows."""
        reach = self.largest_frequency * np.linalg.norm(self.lattice, axis=1) / np.pi
        return next_compatible_shape(self.space_group, (np.floor(reach + 1e-6).astype(int) + 1).tolist())

    @property
    def largest_frequency(self) -> float:
        """Length (1/Å) of the longest reflection."""
        return float(np.linalg.norm(self.hkl @ (2 * np.pi * np.linalg.inv(self.lattice).T), axis=1).max())

    @property
    def spin_polarised(self) -> bool:
        """Whether the density has a magnetization."""
        return bool(self.metadata.get("spin_polarised", False))

    def element_counts(self) -> dict[str, int]:
        """Return the number of atoms of each element in the conventional cell."""
        return element_counts(self.space_group, self.sites)

    def structure_factors(self, *, spin: bool = False) -> ComplexArray:
        """Return the structure factors (e/Å³) of the valence density, or of the magnetization, at ``hkl``: (n,).

        ``F(h) = (1/N) sum rho(x) exp(-2 pi i h.x)``; F(0) is exactly `electrons` per cell for the valence density.
        """
        hkl = self.hkl.astype(np.int64)
        positions, owners, _ = atoms_of(self.space_group, self.sites)
        charges = np.sqrt(4 * np.pi) * self.multipoles[:, int(spin), 0].astype(np.float64)
        added = compensation(hkl, self.lattice, positions, charges[owners], self.r_comp[owners])
        total = (self.soft_spin if spin else self.soft).astype(np.complex128) + added
        if not spin:
            total[(hkl == 0).all(1)] = self.electrons / abs(float(np.linalg.det(self.lattice)))
        return total

    def values(self, shape: Shape | None = None, *, spin: bool = False) -> FloatArray:
        """Return the valence density, or the magnetization, in e/Å³ on a grid of the cell: its own, or any other.

        A grid that does not hold all reflections gives the density without those that it does not hold.
        """
        shape = shape or self.shape
        group = SpaceGroup.from_number(self.space_group)
        grid = expand_reflections(group, self.hkl.astype(np.int64), self.structure_factors(spin=spin), shape)
        return np.asarray(np.fft.ifftn(grid).real * np.prod(shape))

    def density(self, shape: Shape | None = None) -> Density:
        """Return the density on the full grid of the conventional cell, with every atom of it."""
        positions, _, numbers = atoms_of(self.space_group, self.sites)
        return Density(
            values=self.values(shape),
            lattice=self.lattice,
            positions=positions,
            numbers=numbers,
            magnetization=self.values(shape, spin=True) if self.spin_polarised else None,
            comment=f"{self.id} {self.composition}",
        )

    def entry(self, shape: Shape | None = None) -> Entry:
        """Return the valence density on the asymmetric unit of a grid, as models of one grid take it."""
        unit = asymmetric_unit(self.space_group, shape or self.shape)
        return self.with_values(
            np.asarray(au_idft(self.factors_at(unit), unit, norm="forward"), dtype=np.float64), unit
        )

    def factors_at(self, unit: AsymmetricUnit) -> ComplexArray:
        """Return the structure factors (e/Å³) of the valence density at the reflections of an asymmetric unit."""
        return at_reflections_of(unit, self.hkl.astype(np.int64), self.structure_factors())

    def with_values(self, values: FloatArray, unit: AsymmetricUnit) -> Entry:
        """Return the entry of a density (n,) on an asymmetric unit."""
        return Entry(
            values=values.astype(np.float32),
            space_group=self.space_group,
            shape=unit.shape,
            lattice=self.lattice,
            electrons=self.electrons,
            id=self.id,
            composition=self.composition,
            prototype=self.prototype,
            split=self.split,
            sites=self.sites,
            metadata=self.metadata,
        )
