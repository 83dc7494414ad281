"""Bader's partition on the asymmetric unit: basins of maxima, counted by orbit, with the weights of every point.

The weight method (Yu and Trinkle, J. Chem. Phys. 134, 064111, 2011): the density of a grid point flows to its higher
neighbours through the facets of its Voronoi cell, in proportion to ``area / distance · (rho' - rho)``; going down from
the maxima, every point gets the flow-weighted mean of the weights of its higher neighbours. Summed over the basins of
an orbit of maxima, these weights are the same at equivalent points, so that they are defined on the asymmetric unit.

Points of equal density are taken together where none of them has a higher neighbour of its own: a connected set of them
is one maximum, or has the weights of the points where it drains. Which point comes first then never matters, and no
symmetry is lost.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._array_types import FloatArray, IntArray
from symfft._arrays import check_values
from symfft.analysis.frequencies import as_lattice
from symfft.au import AsymmetricUnit
from symfft.basins._kernels import FLAT, MAXIMUM, SLOPE, divide, find_plateaus, find_slopes, spread_in_cell
from symfft.basins.facets import Facets, voronoi_facets
from symfft.crystal.space_group import SpaceGroup
from symfft.errors import ShapeError, SymfftError

#: A lattice may break the group by this much, relative to its shortest basis vector.
LATTICE_TOLERANCE = 1e-2
#: Weights below this are left out, and the rest enlarged to the sum 1: it bounds how many a point can have.
SMALLEST_WEIGHT = 1e-13


class Maxima(NamedTuple):
    """Orbits of maxima of a density.

    Attributes
    ----------
    positions : (m, 3) float64
        One of each orbit, fractional; of a plateau its centre.
    density : (m,) float64
        Height.
    counts : (m,) int64
        How many there are in the cell.
    """

    positions: FloatArray
    density: FloatArray
    counts: IntArray


class Basins:
    """The maxima of a density on an asymmetric unit, ready to divide space among them.

    Parameters
    ----------
    values : (n,) float
        Density on the asymmetric unit whose maxima and slopes decide.
    au : AsymmetricUnit
        The plan.
    lattice : (3, 3) float
        Basis vectors as rows, in Å.
    vacuum : float
        Points with a lower density belong to no basin.

    Raises
    ------
    ShapeError
        If the values do not fit, or are not finite.
    SymfftError
        If there is no maximum.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit
    >>> au = asymmetric_unit("P m -3 m", (16, 16, 16))
    >>> x = 2 * np.pi * au.indices / 16
    >>> basins = Basins(2 + np.cos(2 * x).sum(axis=1), au, 4 * np.eye(3))
    >>> basins.maxima.positions.tolist(), basins.maxima.counts.tolist()
    ([[0.0, 0.0, 0.0], [0.0, 0.0, 0.5], [0.0, 0.5, 0.5], [0.5, 0.5, 0.5]], [1, 3, 3, 1])
    >>> volumes = basins.integrate(np.ones((1, au.size)) / 16**3)
    >>> volumes.round(6).tolist()
    [[0.125, 0.375, 0.375, 0.125]]
    """

    def __init__(self, values: ArrayLike, au: AsymmetricUnit, lattice: ArrayLike, vacuum: float = -math.inf) -> None:
        density = np.ascontiguousarray(values, dtype=np.float64)
        check_values(density, au.size)
        if density.ndim != 1 or not np.isfinite(density).all():
            raise ShapeError(f"the density of shape {density.shape} must be (n,) finite values on the asymmetric unit")
        self._values, self._au = density, au
        self._facets: Facets = voronoi_facets(invariant_lattice(au.space_group, lattice), au.shape)
        self._shape = np.array(au.shape, dtype=np.int64)
        self._tables = _neighbours(self._facets.steps, au.shape)
        self._points = np.ascontiguousarray(au.points, dtype=np.int64)
        self._labels = au.labels.reshape(-1)
        self._grid = self._points, self._labels, self._shape, *self._tables
        self._state = np.zeros(au.size, dtype=np.uint8)
        self._reads = np.zeros(au.size, dtype=np.int32)
        find_slopes(density, *self._grid, float(vacuum), self._state, self._reads)
        self._component = np.full(au.size, -1, dtype=np.int32)
        drains = np.zeros(au.size, dtype=np.bool_)
        plateaus = 0
        if (self._state == FLAT).any():
            stack = np.empty(au.size, dtype=np.int32)
            plateaus = find_plateaus(density, *self._grid, self._state, self._component, stack, drains)
        self._drains = drains[:plateaus]
        flat = np.flatnonzero(self._component >= 0)
        self._members = flat[np.argsort(self._component[flat], kind="stable")]
        self._starts = np.searchsorted(self._component[self._members], np.arange(plateaus + 1))
        self._heads, self.maxima = self._find_maxima()

    @property
    def vacuum(self) -> NDArray[np.bool_]:
        """Which points of the asymmetric unit belong to no basin, (n,)."""
        return np.asarray(self._state > FLAT)

    def integrate(self, fields: ArrayLike, regions: ArrayLike | None = None) -> FloatArray:
        """Add up fields over the basins: ``Σ over points of weight · field``.

        Parameters
        ----------
        fields : (c, n) float
            One value per orbit, which counts for every point of it.
        regions : (m,) int, optional
            Region of each orbit of maxima; by default each is one of its own.

        Returns
        -------
        (c, r) float64
            Sums over the regions, each over all equivalent basins.
        """
        region = self._regions(regions)
        return self._divided(np.asarray(fields, dtype=np.float64), region, -1)[0]

    def weights(self, chosen: ArrayLike) -> FloatArray:
        """Return the weights that the points of the asymmetric unit have in the basins of chosen maxima.

        Parameters
        ----------
        chosen : (m,) bool
            Which orbits of maxima.

        Returns
        -------
        (n,) float64
            From 0 to 1.
        """
        region = self._regions(np.asarray(chosen, dtype=bool).astype(np.int32))
        return self._divided(np.empty((0, self._au.size)), region, 1)[1]

    def _regions(self, regions: ArrayLike | None) -> NDArray[np.int32]:
        count = len(self.maxima.counts)
        found = np.arange(count) if regions is None else np.asarray(regions)
        if found.shape != (count,) or found.min() < 0:
            raise ShapeError(f"regions of shape {found.shape} must be one number from 0 for each of {count} maxima")
        return found.astype(np.int32)

    def _divided(self, fields: FloatArray, region: NDArray[np.int32], wanted: int) -> tuple[FloatArray, FloatArray]:
        of_maximum = np.full(self._au.size, -1, dtype=np.int32)
        heads = np.array(self._heads)
        of_maximum[heads] = region
        for head in heads[self._state[heads] == FLAT]:
            c = self._component[head]
            of_maximum[self._members[self._starts[c] : self._starts[c + 1]]] = of_maximum[head]
        order = np.lexsort((self._state == FLAT, -self._values))
        totals = np.zeros((len(fields), int(region.max()) + 1))
        weights = np.zeros(self._au.size if wanted >= 0 else 0)
        divide(
            order,
            self._values,
            *self._grid,
            self._facets.conductance,
            self._au.multiplicity,
            self._state,
            self._reads.copy(),
            self._component,
            self._members,
            self._starts,
            self._drains,
            of_maximum,
            SMALLEST_WEIGHT,
            np.ascontiguousarray(fields * self._au.multiplicity),
            totals,
            wanted,
            weights,
        )
        return totals, weights

    def _find_maxima(self) -> tuple[list[int], Maxima]:
        """Return an orbit of each orbit of maxima, and where they are, the highest first."""
        au = self._au
        rows = [
            (float(self._values[k]), k, au.indices[k] / self._shape, int(au.multiplicity[k]))
            for k in np.flatnonzero(self._state == MAXIMUM).tolist()
        ]
        visited: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        for c in np.flatnonzero(~self._drains).tolist():
            members = self._members[self._starts[c] : self._starts[c + 1]]
            if not len(visited):
                visited, queue = np.zeros(self._labels.size, dtype=np.bool_), np.empty((self._labels.size, 3), np.int64)
            k = int(members.min())
            if not (self._state == SLOPE).any() and len(members) == au.size:
                raise SymfftError("the density is constant: it has no maximum and no basins")
            size = spread_in_cell(
                self._values, self._labels, self._shape, self._facets.steps, int(self._points[k]), visited, queue
            )
            centre = queue[:size].mean(axis=0) / self._shape
            rows.append((float(self._values[k]), k, centre, int(au.multiplicity[members].sum()) // size))
        if not rows:
            raise SymfftError("no point of the density lies above the vacuum: there are no basins")
        rows.sort(key=lambda row: (-row[0], row[1]))
        found = Maxima(
            np.array([row[2] for row in rows]) % 1.0, np.array([row[0] for row in rows]), np.array([r[3] for r in rows])
        )
        return [row[1] for row in rows], found


def invariant_lattice(group: SpaceGroup, lattice: ArrayLike) -> FloatArray:
    """Return basis vectors with the mean metric over a point group: files carry six decimals, which break it.

    Raises
    ------
    ShapeError
        If the lattice does not fit the group.
    """
    rows = as_lattice(lattice)
    metric = rows @ rows.T
    images = np.einsum("gki,kl,glj->gij", group.rotations, metric, group.rotations)
    change = np.abs(images - metric).max() / np.diag(metric).min()
    if change > LATTICE_TOLERANCE:
        raise ShapeError(f"the lattice {rows.tolist()} does not fit {group.symbol}: its metric changes by {change:.1e}")
    return np.linalg.cholesky(images.mean(axis=0))


def _neighbours(steps: IntArray, shape: tuple[int, int, int]) -> tuple[IntArray, IntArray, IntArray]:
    """Return the tables of neighbours that the kernels add up."""
    strides = shape[1] * shape[2], shape[2], 1
    first, second, third = (
        (np.arange(n) + steps[:, axis, None]) % n * stride
        for axis, (n, stride) in enumerate(zip(shape, strides, strict=True))
    )
    return first, second, third
