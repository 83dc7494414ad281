"""Lattice planes: their bases, what lies in them, and which of them show most bonds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import gcd

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import FloatArray
from symfft.density import Density
from symfft.errors import ShapeError

#: A distance belongs to the shell of nearest neighbours up to this factor of the shortest.
SHELL = 1.15
#: Largest index of the planes that are chosen from.
LARGEST = 2
#: Distances below this, in Å, are none.
NEAR = 1e-2


@dataclass(frozen=True)
class LatticePlane:
    """The points x with ``h·x = at``, in fractional coordinates.

    Parameters
    ----------
    hkl : (int, int, int)
        Indices without a common factor.
    at : float
        0 for the plane through the origin, 1 for the next one through lattice points.
    """

    hkl: tuple[int, int, int]
    at: float

    @property
    def name(self) -> str:
        """Indices as crystallographers write them, and the position."""
        bars = " ".join(f"{abs(i)}\u0305" if i < 0 else str(i) for i in self.hkl)
        where = f"{self.at:.3f}".rstrip("0").rstrip(".")
        return f"({bars.replace(' ', '')}) at {'0' if where == '-0' else where}"


def lattice_plane(hkl: Sequence[float], at: float) -> LatticePlane:
    """Return the plane of indices that may have a common factor, which `at` counts in.

    Raises
    ------
    ShapeError
        If the indices are not three integers, or all zero, or `at` is not finite.
    """
    if len(hkl) != 3 or not all(float(i).is_integer() for i in hkl) or not any(hkl):
        raise ShapeError(f"{tuple(hkl)!r} are not indices of a plane: give three integers (hkl), not all zero")
    if not np.isfinite(at):
        raise ShapeError(f"a plane cannot lie at {at}: give a finite number")
    indices = [int(i) for i in hkl]
    common = gcd(*indices)
    h, k, l = (i // common for i in indices)  # noqa: E741
    return LatticePlane((h, k, l), at / common)


def basis_of(plane: LatticePlane, lattice: FloatArray) -> NDArray[np.int64]:
    """Return two lattice vectors that span the plane's lattice, as rows of integers: the shortest ones."""
    vectors = [np.array(v) for v in product(range(-4, 5), repeat=3) if any(v) and np.dot(v, plane.hkl) == 0]
    # indices above 4 have longer vectors: two crossings with the axes
    h, k, l = plane.hkl  # noqa: E741
    vectors += [np.array(v) for v in ((k, -h, 0), (l, 0, -h), (0, l, -k)) if any(v)]
    vectors.sort(key=lambda v: (round(float(np.linalg.norm(v @ lattice)), 6), tuple(-v)))
    first = vectors[0]
    # two vectors are a basis of the plane's lattice where their cross product is the index vector itself
    second = next(v for v in vectors if np.array_equal(np.abs(np.cross(first, v)), np.abs(plane.hkl)))
    return np.array([first, second])


def spacing_of(plane: LatticePlane, lattice: FloatArray) -> float:
    """Return the distance of neighbouring planes of the lattice, in Å: 1 / |h|."""
    return 1.0 / float(np.linalg.norm(np.linalg.inv(lattice) @ plane.hkl))


def bonds_of(density: Density) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the first atoms of the bonds, and the vectors to their nearest neighbours in fractional coordinates.

    A bond goes from each atom to all that are at most 1.15 times as far as its nearest neighbour.
    """
    x, lattice = density.positions, density.lattice
    shifts = np.array(list(product((-1, 0, 1), repeat=3)), dtype=np.float64)
    starts: list[int] = []
    vectors: list[FloatArray] = []
    for i, centre in enumerate(x):
        apart = x - centre
        apart = (apart - np.rint(apart))[:, None] + shifts
        lengths = np.linalg.norm(apart @ lattice, axis=-1)
        lengths[lengths < NEAR] = np.inf
        for vector in apart[lengths <= SHELL * lengths.min()]:
            starts.append(i)
            vectors.append(vector)
    return np.array(starts, dtype=np.int64), np.array(vectors).reshape(-1, 3)


def planes_with_bonds(density: Density, count: int = 2) -> list[LatticePlane]:
    """Return the planes through atoms that hold most bonds for their area, of different directions.

    Without atoms, the planes through the largest value across c and a.
    """
    lattice = density.lattice
    if not len(density.numbers):
        top = np.array(np.unravel_index(int(np.argmax(density.values)), density.shape)) / density.shape
        return [LatticePlane((0, 0, 1), float(top[2])), LatticePlane((1, 0, 0), float(top[0]))][:count]
    starts, vectors = bonds_of(density)
    found: list[tuple[float, float, LatticePlane]] = []
    indices = range(-LARGEST, LARGEST + 1)
    for hkl in product(indices, indices, indices):
        if gcd(*hkl) != 1 or next(i for i in hkl if i) < 0:
            continue
        plane = LatticePlane(hkl, 0.0)
        spacing = spacing_of(plane, lattice)
        inside = np.abs(vectors @ hkl) * spacing < NEAR
        heights = density.positions @ hkl
        for height in np.unique(np.round(heights % 1.0, 4) % 1.0):
            apart = (heights - height + 0.5) % 1.0 - 0.5
            atoms = np.abs(apart) * spacing < NEAR
            bonds = int((inside & atoms[starts]).sum())
            # a primitive cell of the plane has the area volume / spacing
            found.append(
                (
                    (bonds + 0.01 * int(atoms.sum())) * spacing / density.volume,
                    spacing,
                    LatticePlane(hkl, float(height)),
                )
            )
    found.sort(key=lambda one: (-round(one[0], 6), -round(one[1], 4), one[2].at, tuple(-i for i in one[2].hkl)))
    chosen: list[tuple[float, float, LatticePlane]] = []
    for one in found:
        # an equivalent plane would show the same again
        if all(abs(one[0] - other[0]) > 1e-6 or abs(one[1] - other[1]) > 1e-4 for other in chosen):
            chosen.append(one)
        if len(chosen) == count:
            break
    return [plane for _, _, plane in chosen]
