r"""Descriptions of crystals, and how alike they make two crystals: kernels for the regression.

- **density**: numbers of the density alone, without atoms (:func:`density_numbers`).
- **latents**: what the shipped codec stores of it (groups 221, 225 and 227), lattice constant and electrons.
- **composition**: elements and their shares, and the volume per atom, which the lattice constant gives.
- **atoms**: elements and neighbours of every atom. Crystals are as alike as their atoms are on average,

.. math:: k(c, c') = \sum_{a \in c} \sum_{b \in c'} x_a x_b\, \kappa(Z_a, Z_b)\, e^{-|A_a - A_b|^2 / 2 l^2}

with shares x of the atoms, and their neighbour densities A (:mod:`symfft_models.scattering.kernel`): a property is the
mean of what the atoms contribute (A. P. Bartók et al., Phys. Rev. Lett. 104, 136403, 2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from symfft import SpaceGroup
from symfft_models._array_types import ComplexArray, FloatArray, IntArray
from symfft_models.datasets.paw import PawEntry, PawSet
from symfft_models.properties.targets import Sample
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.elements import ELECTRONEGATIVITY, covalent_radii, place, usual_valence
from symfft_models.scattering.kernel import KernelSettings, Pseudoatoms, element_kernel
from symfft_models.scattering.observation import multiplicities

#: Lengths l that are tried: of neighbour densities in root mean squares; of vectors in root mean squares of distances.
LENGTHS = (0.5, 1.0, 2.0, 4.0)
#: Distance over which elements are alike, and the part of an element's variance that no other shares.
ELEMENTS = (1.0, 0.1)
#: Shares of the volume, and of the electrons, below the quantiles of the density.
QUANTILES = (0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 0.99)
#: Lengths |G| (1/Å) of the shells of the spectrum, and their width.
SHELLS, WIDTH = np.arange(1.0, 13.0, 0.75), 0.5


@dataclass(frozen=True, eq=False)
class AtomsOf:
    """Atoms of crystals, one of each orbit.

    Attributes
    ----------
    owner : (a,) int64
        Crystal that it belongs to, ascending.
    number : (a,) int64
        Atomic number.
    share : (a,) float64
        Of its orbit in the atoms of the crystal.
    around : (a, c) float64
        Neighbour densities.
    """

    owner: IntArray
    number: IntArray
    share: FloatArray
    around: FloatArray

    @classmethod
    def of(cls, crystals: Sequence[Crystal]) -> Self:
        """Describe crystals."""
        parts = []
        for owner, crystal in enumerate(crystals):
            atoms = Pseudoatoms.of(crystal, KernelSettings())
            rows = np.flatnonzero(atoms.terms.degree == 0)
            share = crystal.multiplicity[atoms.terms.orbit[rows]] / crystal.multiplicity.sum()
            parts.append((np.full(len(rows), owner), atoms.around.number[rows], share, atoms.around.around[rows]))
        return cls(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def kernel(self, other: AtomsOf, length: float) -> FloatArray:
        """Return the kernel (crystals, crystals of the other); `length` in the units of `around`."""
        squared = (self.around**2).sum(1)[:, None] + (other.around**2).sum(1) - 2 * self.around @ other.around.T
        alike = element_kernel(*ELEMENTS)[np.ix_(self.number - 1, other.number - 1)]
        pairs = alike * np.exp(-np.maximum(squared, 0) / (2 * length**2))
        pairs *= self.share[:, None] * other.share
        rows = np.add.reduceat(pairs, np.unique(self.owner, return_index=True)[1], axis=0)
        return np.asarray(np.add.reduceat(rows, np.unique(other.owner, return_index=True)[1], axis=1))

    def lengths(self) -> list[float]:
        """Return the lengths that are tried."""
        unit = float(np.sqrt(((self.around - self.around.mean(0)) ** 2).sum(1).mean()))
        return [unit * length for length in LENGTHS]


def atom_kernels(samples: Sequence[Sample]) -> list[FloatArray]:
    """Return the kernels (n, n) of atoms, one for each length."""
    atoms = AtomsOf.of([sample.crystal for sample in samples])
    return [atoms.kernel(atoms, length) for length in atoms.lengths()]


def vector_kernels(vectors: FloatArray, groups: IntArray | None = None) -> list[FloatArray]:
    """Return Gaussian kernels (n, n) of vectors (n, d), one for each length; zero between different groups."""
    scaled = (vectors - vectors.mean(0)) / np.maximum(vectors.std(0), 1e-9)
    squared = (scaled**2).sum(1)[:, None] + (scaled**2).sum(1) - 2 * scaled @ scaled.T
    unit = 2 * scaled.shape[1]
    same = 1.0 if groups is None else (groups[:, None] == groups).astype(np.float64)
    return [same * np.exp(-np.maximum(squared, 0) / (2 * unit * length**2)) for length in LENGTHS]


def composition_numbers(crystal: Crystal) -> FloatArray:
    """Return mean, spread, smallest and largest of the elements' numbers, and the logarithm of the volume per atom.

    Those are electronegativity, covalent radius, period, group, valence electrons, and whether it is a d or p element.
    """
    numbers, shares = crystal.numbers, crystal.multiplicity / crystal.multiplicity.sum()
    period, group = place(numbers)
    d_metal, p_element = (group > 2) & (group < 13), group > 12
    known = [ELECTRONEGATIVITY[numbers - 1], covalent_radii()[numbers - 1], period, group, usual_valence(numbers)]
    table = np.stack([*known, d_metal, p_element], axis=1).astype(np.float64)
    mean = shares @ table
    spread = np.sqrt(shares @ (table - mean) ** 2)
    volume = crystal.volume / crystal.multiplicity.sum()
    packed = volume / (shares @ covalent_radii()[numbers - 1] ** 3)
    return np.concatenate([mean, spread, table.min(0), table.max(0), np.log([volume, packed])])


def density_numbers(entry: PawEntry) -> FloatArray:
    """Return numbers of a density that do not depend on its cell's setting.

    The logarithm of its mean; quantiles of the logarithm of ρ over its mean, by volume and by electrons; and the
    spectrum: the logarithm of the sum of |F|² in shells of |G|, of structure factors per electron, per volume.
    """
    values = entry.values().ravel()
    mean = float(values.mean())
    scaled = np.sort(np.maximum(values / mean, 1e-4))
    by_electrons = np.searchsorted(np.cumsum(scaled) / scaled.sum(), QUANTILES)
    quantiles = np.log(np.concatenate([np.quantile(scaled, QUANTILES), scaled[by_electrons]]))
    return np.concatenate([[np.log(mean)], quantiles, _spectrum(entry, entry.structure_factors())])


def _spectrum(entry: PawEntry, factors: ComplexArray) -> FloatArray:
    hkl = entry.hkl.astype(np.int64)
    lengths = np.linalg.norm(hkl @ (2 * np.pi * np.linalg.inv(entry.lattice).T), axis=1)
    volume = abs(float(np.linalg.det(entry.lattice)))
    power = multiplicities(SpaceGroup.from_number(entry.space_group), hkl) * np.abs(factors * volume) ** 2
    power = np.where(lengths > 1e-6, power, 0.0) / (entry.electrons * volume)
    window = np.exp(-(((SHELLS[:, None] - lengths) / WIDTH) ** 2) / 2)
    return np.asarray(np.log(window @ power / SHELLS**2 + 1e-6))


def latent_numbers(entries: Sequence[PawEntry]) -> FloatArray:
    """Return the floats (n, latent + 2) that the shipped codec stores of densities, ln a and ln(electrons / volume).

    Raises
    ------
    ImportError
        Without torch.
    """
    import torch

    from symfft_models.model.checkpoint import load_model
    from symfft_models.model.density_table import tabulate
    from symfft_models.weights import shipped_weights

    model, _ = load_model(shipped_weights())
    units = model.representation.units
    rows = [entry.entry(units[model.representation.row(entry.space_group)].shape) for entry in entries]
    table = tabulate(rows, model.representation)
    with torch.no_grad():
        latent = model.encode(table.values_mn, table.group_m, table.condition_mp).mean
    return np.concatenate([latent.numpy(), table.condition_mp.numpy()], axis=1).astype(np.float64)


def entries_by_id(densities: PawSet, samples: Sequence[Sample]) -> list[PawEntry]:
    """Return the entries of samples."""
    rows = {name: row for row, name in enumerate(densities.column("id").tolist())}
    return [densities[rows[sample.id]] for sample in samples]
