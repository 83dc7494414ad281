"""Which atom a maximum of the density belongs to, and which atoms are equivalent."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import FloatArray, IntArray
from symfft.crystal.elements import covalent_radius
from symfft.crystal.space_group import SpaceGroup
from symfft.errors import SpaceGroupError

#: A maximum is an atom's only if its distance is at most this share of the sum of those to the two nearest atoms. One
#: half is the middle of a bond.
NEARER = 0.4
#: How far, in Å, an operator may take an atom from an equivalent one.
SITE_TOLERANCE = 0.1

_AROUND = np.array(list(product((-2, -1, 0, 1, 2), repeat=3)))


class Owners(NamedTuple):
    """Atoms next to some points.

    Attributes
    ----------
    nearest : (m,) int64
        Index of the nearest atom; -1 where there are none.
    distance : (m,) float64
        How far away it is, in Å.
    owns : (m,) bool
        Whether the point counts as this atom's.
    """

    nearest: IntArray
    distance: FloatArray
    owns: NDArray[np.bool_]


def owners_of(points: FloatArray, positions: FloatArray, numbers: IntArray, lattice: FloatArray) -> Owners:
    """Return the nearest atom of every point, and whether the point is this atom's.

    It is where the atom is within its covalent radius, and clearly nearer than any other: the distance is at most 0.4
    of the sum of the distances to the two nearest atoms. Otherwise a maximum there is a non-nuclear one.

    Parameters
    ----------
    points : (m, 3) float64
        Fractional coordinates.
    positions, numbers, lattice
        Of the crystal.

    Examples
    --------
    >>> import numpy as np
    >>> bond = np.array([[0.0, 0, 0], [0.25, 0.25, 0.25]])
    >>> found = owners_of(np.array([[0.01, 0, 0], [0.125, 0.125, 0.125]]), bond, np.array([14, 14]), 5.4 * np.eye(3))
    >>> found.nearest[0], found.owns.tolist()
    (np.int64(0), [True, False])
    """
    if not len(numbers):
        none = np.full(len(points), -1)
        return Owners(none, np.full(len(points), np.inf), np.zeros(len(points), dtype=bool))
    nearest, distance = np.empty(len(points), dtype=np.int64), np.empty((len(points), 2))
    for i, point in enumerate(points):
        apart = positions - point
        apart = (apart - np.rint(apart))[:, None, :] + _AROUND
        lengths = np.linalg.norm(apart @ lattice, axis=2)
        nearest[i] = lengths.min(axis=1).argmin()
        distance[i] = np.partition(lengths.ravel(), 1)[:2]
    radii = np.array([covalent_radius(int(n)) for n in numbers])[nearest]
    near, next_to = distance.T
    return Owners(nearest, near, (near <= radii) & (near <= NEARER * (near + next_to)))


def atom_orbits(group: SpaceGroup, positions: FloatArray, numbers: IntArray, lattice: FloatArray) -> IntArray:
    """Return the orbit of every atom under a group, numbered in the order in which they come.

    Raises
    ------
    SpaceGroupError
        If an operator takes an atom to a place where there is none of its kind.
    """
    orbit = np.full(len(numbers), -1)
    for i, position in enumerate(positions):
        if orbit[i] >= 0:
            continue
        images = group.rotations @ position + group.numerators / group.denominator
        apart = images[:, None, :] - positions
        lengths = np.linalg.norm((apart - np.rint(apart)) @ lattice, axis=2)
        lengths[:, numbers != numbers[i]] = np.inf
        if lengths.min(axis=1).max() > SITE_TOLERANCE:
            worst = group.triplets[int(lengths.min(axis=1).argmax())]
            raise SpaceGroupError(
                f"operator {worst} of {group.symbol} takes atom {i + 1} to a place without an atom of its kind: give "
                "the group of this crystal, or leave space_group out"
            )
        orbit[np.unique(lengths.argmin(axis=1))] = orbit.max() + 1
    return orbit


def site_symmetry(group: SpaceGroup, position: FloatArray, lattice: FloatArray) -> SpaceGroup:
    """Return the operators that leave a point of the crystal where it is, up to lattice translations of the cell."""
    apart = group.rotations @ position + group.numerators / group.denominator - position
    stays = np.linalg.norm((apart - np.rint(apart)) @ lattice, axis=1) < SITE_TOLERANCE
    return SpaceGroup(group.rotations[stays], group.numerators[stays], group.denominator)
