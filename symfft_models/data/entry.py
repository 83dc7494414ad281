"""One density of a set: its values on the asymmetric unit, its cell and sites, where it comes from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft import AsymmetricUnit, Density, ShapeError, SpaceGroup, asymmetric_unit, expand_from_au
from symfft_models._array_types import FloatArray


@dataclass(frozen=True)
class Site:
    """One occupied orbit: element, Wyckoff position with its multiplicity, and a representative fractional point."""

    symbol: str
    wyckoff: str
    position: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Entry:
    """One density, as its values on the asymmetric unit of a grid of the conventional cell.

    Attributes
    ----------
    values : (n,) float32
        Density in e/Å³ at the points of ``asymmetric_unit(space_group, shape)``, in their order.
    space_group : int
        Number in International Tables A, in the reference setting (origin choice 2).
    shape : (3,) int
        Grid of the full cell.
    lattice : (3, 3) float64
        Cell vectors as rows, in Å.
    electrons : float
        Valence electrons in that cell.
    id, composition, prototype, split : str
        Unique name, reduced formula with elements in alphabetical order, structure type, and "train", "val" or "test".
    sites : tuple of Site
        Occupied orbits.
    metadata : dict
        Further columns of the set, such as energy and cut-off.
    """

    values: NDArray[np.float32]
    space_group: int
    shape: tuple[int, int, int]
    lattice: FloatArray
    electrons: float
    id: str
    composition: str
    prototype: str
    split: str
    sites: tuple[Site, ...]
    metadata: dict[str, Any] = field(default_factory=dict)

    def au(self) -> AsymmetricUnit:
        """Return the asymmetric unit that the values belong to.

        Raises
        ------
        ShapeError
            If the number of values is not its number of points.
        """
        unit = asymmetric_unit(self.space_group, self.shape)
        if self.values.shape != (unit.size,):
            raise ShapeError(
                f"{self.id} has values of shape {self.values.shape}, but the asymmetric unit of group "
                f"{self.space_group} on {self.shape} has {unit.size} points: the file does not fit this format"
            )
        return unit

    def density(self) -> Density:
        """Return the density on the full grid of the conventional cell, with every atom of it.

        float32 values miss the number of electrons by some 1e-8; the result is scaled to hold `electrons` exactly.
        """
        unit = self.au()
        values = self.values.astype(np.float64)
        total = float(values @ unit.multiplicity) / float(np.prod(self.shape)) * abs(float(np.linalg.det(self.lattice)))
        if total > 0:
            values *= self.electrons / total
        positions, numbers = self.atoms()
        return Density(
            values=expand_from_au(values, unit),
            lattice=self.lattice,
            positions=positions,
            numbers=numbers,
            comment=f"{self.id} {self.composition}",
        )

    def element_counts(self) -> dict[str, int]:
        """Return the number of atoms of each element in the conventional cell."""
        return element_counts(self.space_group, self.sites)

    def atoms(self) -> tuple[FloatArray, NDArray[np.int64]]:
        """Return fractional positions (m, 3) and atomic numbers (m,) of all atoms of the cell."""
        positions, _, numbers = atoms_of(self.space_group, self.sites)
        return positions, numbers


def element_counts(space_group: int, sites: Sequence[Site]) -> dict[str, int]:
    """Return the number of atoms of each element in the conventional cell: by Wyckoff positions that name theirs."""
    counts: Counter[str] = Counter()
    for site in sites:
        digits = re.match(r"[0-9]+", site.wyckoff)
        counts[site.symbol] += int(digits[0]) if digits else len(atoms_of(space_group, (site,))[2])
    return dict(counts)


#: Images whose coordinates differ by less are one atom: a third stored in nine digits has images 1e-9 apart.
SAME = 1e-6


def atoms_of(space_group: int, sites: Sequence[Site]) -> tuple[FloatArray, NDArray[np.int64], NDArray[np.int64]]:
    """Return fractional positions (m, 3), sites (m,) and atomic numbers (m,) of all atoms on the sites of a cell.

    Parameters
    ----------
    space_group : int
        Number, in the reference setting.
    sites : sequence of Site
        Occupied orbits; the second result counts them.
    """
    import gemmi

    orbits = [np.empty((0, 3)), *(_orbit(space_group, tuple(site.position)) for site in sites)]
    owners = np.repeat(np.arange(len(sites)), [len(orbit) for orbit in orbits[1:]])
    numbers = np.array([gemmi.Element(site.symbol).atomic_number for site in sites], dtype=np.int64)
    return np.concatenate(orbits), owners, numbers[owners]


@lru_cache(maxsize=4096)
def _orbit(space_group: int, position: tuple[float, float, float]) -> FloatArray:
    """Return the images (m, 3) of a point in a cell, sorted, in nine digits; crystals of a set share special points."""
    group = SpaceGroup.from_number(space_group)
    images = _distinct((group.rotations @ np.array(position) + group.numerators / group.denominator) % 1.0)
    rounded = np.round(images, 9) % 1.0
    found = rounded[np.lexsort(rounded.T[::-1])]
    found.flags.writeable = False
    return found


def _distinct(points: FloatArray) -> FloatArray:
    """Return the first of all points (n, 3) of a cell that are the same up to lattice vectors, in their order."""
    waiting = np.ones(len(points), dtype=bool)
    first = []
    while waiting.any():
        first.append(int(waiting.argmax()))
        apart = points - points[first[-1]]
        waiting &= (np.abs(apart - np.round(apart)) >= SAME).any(axis=1)
    return points[first]
