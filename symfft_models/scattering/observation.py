"""What is known of one crystal's density: its structure factors, at unique reflections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symfft import SpaceGroup, au_dft
from symfft_models._array_types import ComplexArray, FloatArray, IntArray
from symfft_models.data.entry import Entry, atoms_of
from symfft_models.datasets.paw import PawEntry
from symfft_models.datasets.paw.reflections import RANK, image_ranks, operators
from symfft_models.scattering.crystal import Crystal

#: Reflections longer than this (1/Å) are left out.
LONGEST = 4.0


@dataclass(frozen=True, eq=False)
class Observation:
    """A crystal and the structure factors of its density.

    Attributes
    ----------
    crystal : Crystal
        Cell, group and sites.
    hkl : (n, 3) int64
        Unique reflections, the shortest first: (0, 0, 0).
    multiplicity : (n,) int64
        Reflections that each stands for, opposite ones included.
    factors : (n,) complex128
        Electrons per cell: ``F(h) = ∫ ρ exp(-2πi h·x) dV``.
    electrons : float
        F(0).
    id, composition, prototype, split : str
        As in the set that it comes from.
    """

    crystal: Crystal
    hkl: IntArray
    multiplicity: IntArray
    factors: ComplexArray
    electrons: float
    id: str
    composition: str
    prototype: str
    split: str

    @property
    def length(self) -> FloatArray:
        """1/d of the reflections, 1/Å."""
        return np.linalg.norm(self.hkl @ np.linalg.inv(self.crystal.lattice).T, axis=1)


def listed_crystal(entry: PawEntry | Entry) -> Crystal:
    """Return the crystal of an entry in the space group that it states."""
    positions, _, numbers = atoms_of(entry.space_group, entry.sites)
    return Crystal.of_atoms(entry.lattice, positions, numbers, SpaceGroup.from_number(entry.space_group))


def observe(entry: PawEntry | Entry, longest: float = LONGEST) -> Observation:
    """Return what an entry of a set tells of its density: of PAW parts, or of values on a grid."""
    crystal = listed_crystal(entry)
    if isinstance(entry, PawEntry):
        hkl, factors = entry.hkl.astype(np.int64), entry.structure_factors() * crystal.volume
        multiplicity = multiplicities(crystal.group, hkl)
    else:
        unit = entry.au()
        hkl, multiplicity = unit.hkl, unit.hkl_multiplicity
        found = au_dft(entry.values.astype(np.float64), unit)
        factors = np.asarray(found, dtype=np.complex128) * (crystal.volume / float(np.prod(entry.shape)))
    length = np.linalg.norm(hkl @ np.linalg.inv(crystal.lattice).T, axis=1)
    order = np.argsort(length, kind="stable")
    inside = length < longest
    if isinstance(entry, Entry):  # the highest frequency of a grid is not one reflection, but a sum of two
        inside &= (2 * np.abs(hkl) < np.array(entry.shape)).all(axis=1)
    order = order[inside[order]]
    return Observation(
        crystal,
        np.asarray(hkl[order], dtype=np.int64),
        multiplicity[order],
        factors[order],
        entry.electrons,
        entry.id,
        entry.composition,
        entry.prototype,
        entry.split,
    )


def multiplicities(group: SpaceGroup, hkl: IntArray) -> IntArray:
    """Return the number of distinct reflections ±h W of each reflection (n, 3).

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import SpaceGroup
    >>> multiplicities(SpaceGroup.from_number(221), np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [3, 2, 1]])).tolist()
    [1, 6, 12, 48]
    """
    rotations, _ = operators(group)
    images, own = image_ranks(rotations, hkl), (hkl @ RANK)[:, None]
    return np.asarray(2 * len(rotations) // ((images == own).sum(axis=1) + (images == -own).sum(axis=1)))
