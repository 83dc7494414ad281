"""The Voronoi cell of a grid point: to which neighbours a density flows, and through how much surface."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._array_types import IntArray
from symfft.crystal.lattice import reduced_basis
from symfft.errors import ShapeError

#: Facets smaller than this share of the largest one are rounding errors of cells with right angles.
SMALLEST_FACET = 1e-9
_HALF = np.array([s for s in product((0, 1), repeat=3) if any(s)])
#: The origin, and all points that can bound its Voronoi cell, in an obtuse superbase (Conway and Sloane, 1992).
_NEARBY = np.concatenate([np.zeros((1, 3), dtype=np.int64), _HALF, -_HALF])


class Facets(NamedTuple):
    """The facets of the Voronoi cell of a grid point.

    Attributes
    ----------
    steps : (f, 3) int64
        Grid steps to the neighbour behind each facet.
    conductance : (f,) float64
        Area of the facet over the distance of the neighbour, in Å.
    """

    steps: IntArray
    conductance: NDArray[np.float64]


def voronoi_facets(lattice: ArrayLike, shape: tuple[int, int, int]) -> Facets:
    """Return the facets of the Voronoi cell of a point of a grid.

    Parameters
    ----------
    lattice : (3, 3) float
        Basis vectors as rows, in Å.
    shape : (3,) int
        Shape of the grid.

    Raises
    ------
    ShapeError
        If the lattice vectors are dependent.

    Examples
    --------
    >>> import numpy as np
    >>> cubic = voronoi_facets(4 * np.eye(3), (8, 8, 8))
    >>> len(cubic.steps), cubic.conductance.round(6).tolist()
    (6, [0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    >>> len(voronoi_facets([[0, 2, 2], [2, 0, 2], [2, 2, 0]], (8, 8, 8)).steps)
    12
    """
    from scipy.spatial import QhullError, Voronoi

    step = np.asarray(lattice, dtype=np.float64) / np.array(shape)[:, None]
    basis = reduced_basis(step @ step.T).astype(np.int64)
    places = _NEARBY @ basis
    points = places @ step
    try:
        cells = Voronoi(points)
    except QhullError:
        raise ShapeError(f"the grid steps {step.tolist()} are too oblique: no Voronoi cell can be found") from None
    steps, conductance = [], []
    for pair, corners in zip(cells.ridge_points, cells.ridge_vertices, strict=True):
        if 0 not in pair or -1 in corners:
            continue
        other = int(pair.sum())
        steps.append(places[other])
        distance = float(np.linalg.norm(points[other]))
        conductance.append(_area(cells.vertices[corners], points[other] / distance) / distance)
    found = np.array(conductance)
    large = found > SMALLEST_FACET * found.max()
    order = np.lexsort(np.array(steps)[large].T)
    return Facets(np.array(steps)[large][order], _balanced(np.array(steps)[large][order], found[large][order]))


def _area(corners: NDArray[np.float64], normal: NDArray[np.float64]) -> float:
    """Return the area of a convex polygon, its corners in any order."""
    spokes = corners - corners.mean(axis=0)
    first = spokes[np.linalg.norm(spokes, axis=1).argmax()]
    angle = np.arctan2(spokes @ np.cross(normal, first), spokes @ first)
    ring = spokes[np.argsort(angle)]
    return float(abs(np.cross(ring, np.roll(ring, -1, axis=0)).sum(axis=0) @ normal) / 2)


def _balanced(steps: IntArray, conductance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give opposite facets, which are equal, exactly equal numbers."""
    place = {tuple(step): i for i, step in enumerate(steps.tolist())}
    opposite = [place[tuple(-v for v in step)] for step in steps.tolist()]
    return np.asarray((conductance + conductance[opposite]) / 2)
