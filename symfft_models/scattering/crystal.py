"""A crystal as the model sees it: a cell, its space group, and one atom of each occupied orbit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft import SpaceGroup

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Largest distance (Å) of an atom from where an operator puts another one of its orbit.
SAME_SITE = 0.02


@dataclass(frozen=True, eq=False)
class Crystal:
    """A periodic arrangement of atoms and its space group.

    Attributes
    ----------
    lattice : (3, 3) float64
        Cell vectors as rows, in Å.
    group : SpaceGroup
        All operators of that cell.
    positions : (n, 3) float64
        Fractional coordinates of one atom of each orbit.
    numbers : (n,) int64
        Its atomic number.
    multiplicity : (n,) int64
        Atoms of the orbit in the cell.
    """

    lattice: FloatArray
    group: SpaceGroup
    positions: FloatArray
    numbers: IntArray
    multiplicity: IntArray

    @classmethod
    def of_atoms(
        cls, lattice: ArrayLike, positions: ArrayLike, numbers: ArrayLike, group: SpaceGroup | None = None
    ) -> Self:
        """Sort the atoms of a cell into orbits; the group is found where it is not given.

        Raises
        ------
        ValueError
            If an atom has no partner where an operator of the group puts it.
        """
        cell = np.asarray(lattice, dtype=np.float64)
        points, kinds = np.asarray(positions, dtype=np.float64), np.asarray(numbers, dtype=np.int64)
        group = SpaceGroup.from_structure(cell, points, kinds) if group is None else group
        translations = group.numerators / group.denominator
        waiting = np.ones(len(points), dtype=bool)
        first, settled, multiplicity = [], [], []
        for index, point in enumerate(points):
            if not waiting[index]:
                continue
            images = group.rotations @ point + translations
            alike = np.flatnonzero(kinds == kinds[index])
            steps = images[:, None] - points[alike]
            steps -= np.round(steps)
            distance = np.linalg.norm(steps @ cell, axis=-1)
            if distance.min(axis=1).max() > SAME_SITE:
                raise ValueError(
                    f"atom {index} at {np.round(point, 4).tolist()} has no partner at one of its images under "
                    f"{group.symbol}: the positions do not have this space group"
                )
            partner = alike[distance.argmin(axis=1)]
            waiting[partner] = False
            # the mean of the images that coincide with the atom itself lies exactly on its special position
            own = steps[partner == index, np.flatnonzero(alike == index)[0]]
            first.append(index)
            settled.append(point + own.mean(axis=0))
            multiplicity.append(len(np.unique(partner)))
        return cls(cell, group, np.array(settled), kinds[first], np.array(multiplicity))

    @property
    def volume(self) -> float:
        """Volume of the cell, Å³."""
        return abs(float(np.linalg.det(self.lattice)))

    def atoms(self) -> tuple[FloatArray, IntArray]:
        """All atoms of the cell: fractional positions (m, 3) and the orbit that each belongs to (m,)."""
        translations = self.group.numerators / self.group.denominator
        positions, orbits = [], []
        for orbit, point in enumerate(self.positions):
            images = (self.group.rotations @ point + translations) % 1.0
            waiting = np.ones(len(images), dtype=bool)
            first = []
            while waiting.any():
                first.append(int(waiting.argmax()))
                steps = images - images[first[-1]]
                waiting &= np.linalg.norm((steps - np.round(steps)) @ self.lattice, axis=-1) >= SAME_SITE
            positions.append(images[first])
            orbits += [orbit] * len(first)
        return np.concatenate(positions), np.array(orbits)
