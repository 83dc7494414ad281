"""A density as its Fourier series: values anywhere, and integrals over spheres and boxes, without interpolation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._array_types import ComplexArray, FloatArray, IntArray
from symfft._shape import as_shape
from symfft.analysis.frequencies import as_lattice, frequencies_of
from symfft.errors import ShapeError

#: Intermediate results take at most about this many bytes.
WORKSPACE = 2**26
#: Orders of the derivatives along the basis vectors, up to the second.
_ORDERS = tuple((i, j, k) for i, j, k in product(range(3), repeat=3) if i + j + k <= 2)


class Derivatives(NamedTuple):
    """Values of densities at points, with their first and second derivatives there.

    Attributes
    ----------
    values : (b, p) float64
    gradient : (b, p, 3) float64
        Cartesian, in units of the density per Å.
    hessian : (b, p, 3, 3) float64
        In units of the density per Å².
    """

    values: FloatArray
    gradient: FloatArray
    hessian: FloatArray


class FourierSeries:
    r"""The Fourier series that a density on a grid stands for.

    .. math:: \rho(x) = \sum_G c_G\, e^{2\pi i G \cdot x}

    over the shortest frequencies that the grid resolves (:mod:`symfft.analysis.frequencies`), the same series as that
    of :func:`symfft.resample`. It passes through every sample.

    Parameters
    ----------
    rho : (b, Nx, Ny, Nz) float
        Densities on the full grid.
    lattice : (3, 3) float
        Basis vectors as rows, in Å.

    Raises
    ------
    ShapeError
        If the lattice is not usable.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft.analysis import FourierSeries
    >>> wave = np.cos(2 * np.pi * np.arange(8) / 8)[:, None, None] * np.ones((8, 4, 4))
    >>> series = FourierSeries(wave[None], np.eye(3))
    >>> bool(np.allclose(series.at([[0.3, 0.1, 0.2]]), np.cos(2 * np.pi * 0.3)))
    True
    """

    def __init__(self, rho: NDArray[Any], lattice: ArrayLike) -> None:
        import scipy.fft

        shape = as_shape(rho.shape[1:])
        self._lattice = as_lattice(lattice)
        n1, n2, n3 = shape
        half = n1, n2, n3 // 2 + 1
        hkl = np.indices(half).reshape(3, -1).T
        found = frequencies_of(np.ascontiguousarray(hkl), shape, lattice)
        both = (hkl[:, 2] == 0) | (2 * hkl[:, 2] == n3)  # h and -h are both in the half grid
        weight = np.where(both, 1.0, 2.0) / found.multiplicity
        coefficients = scipy.fft.rfftn(rho.astype(np.float64, copy=False), axes=(1, 2, 3), norm="forward")
        taken = (coefficients.reshape(len(rho), -1) * weight)[:, found.owner]
        # a term and its conjugate have the same real part: those with G3 >= 0 are kept
        below = found.members[:, 2] < 0
        members = np.where(below[:, None], -found.members, found.members)
        self._reach = np.abs(members).max(axis=0)
        r1, r2, r3 = self._reach.tolist()
        box = 2 * r1 + 1, 2 * r2 + 1, r3 + 1
        places = np.ravel_multi_index(tuple((members + np.array([r1, r2, 0])).T), box)
        self._terms: ComplexArray = np.zeros((len(rho), math.prod(box)), dtype=np.complex128)
        for row, values in zip(self._terms, np.where(below, taken.conj(), taken), strict=True):
            np.add.at(row, places, values)
        self._terms = self._terms.reshape(len(rho), *box)
        self._squared = np.zeros(math.prod(box))
        self._squared[places] = found.squared[found.owner]
        self._squared = self._squared.reshape(box)

    def at(self, points: ArrayLike) -> FloatArray:
        """Return the values at any points.

        Parameters
        ----------
        points : (p, 3) float
            Fractional coordinates, anywhere in space.

        Returns
        -------
        (b, p) float64

        Raises
        ------
        ShapeError
            If the points are not (p, 3) finite numbers.
        """
        waves = self._waves(finite_points(points))
        return np.asarray(self._contracted(self._terms, [[wave] for wave in waves], [(0, 0, 0)])[0])

    def derivatives_at(self, points: ArrayLike) -> Derivatives:
        r"""Return values, gradients and Hessians at any points.

        .. math:: \partial_\alpha \partial_\beta \rho(x) = -4\pi^2 \sum_G G_\alpha G_\beta c_G\, e^{2\pi i G \cdot x}

        Parameters
        ----------
        points : (p, 3) float
            Fractional coordinates, anywhere in space.

        Raises
        ------
        ShapeError
            If the points are not (p, 3) finite numbers.

        Examples
        --------
        >>> import numpy as np
        >>> from symfft.analysis import FourierSeries
        >>> wave = np.cos(2 * np.pi * np.arange(8) / 8)[:, None, None] * np.ones((8, 4, 4))
        >>> found = FourierSeries(wave[None], 2 * np.eye(3)).derivatives_at([[0.25, 0, 0], [0.5, 0, 0]])
        >>> (found.gradient[0, 0] / np.pi).round(9).tolist(), float((found.hessian[0, 1, 0, 0] / np.pi**2).round(9))
        ([-1.0, 0.0, 0.0], 1.0)
        """
        places = finite_points(points)
        waves = [
            [wave * (2j * np.pi * frequencies) ** n for n in range(3)]
            for wave, frequencies in zip(self._waves(places), self._frequencies(), strict=True)
        ]
        return self._derivatives(self._contracted(self._terms, waves, _ORDERS))

    def derivatives_on(self, shape: Sequence[int], indices: ArrayLike) -> Derivatives:
        """Return values, gradients and Hessians at points of a grid, by fast transforms.

        Parameters
        ----------
        shape : (3,) int
            Shape of the grid over the cell; any.
        indices : (p, 3) int
            Which points.

        Examples
        --------
        >>> import numpy as np
        >>> from symfft.analysis import FourierSeries
        >>> series = FourierSeries(np.random.default_rng(0).random((1, 4, 5, 6)), np.eye(3))
        >>> there = series.derivatives_on((8, 8, 8), [[1, 2, 3]])
        >>> bool(np.allclose(there.hessian, series.derivatives_at([[1 / 8, 2 / 8, 3 / 8]]).hessian))
        True
        """
        import scipy.fft

        points = tuple(np.asarray(indices, dtype=np.int64).T)
        frequencies = np.ix_(*self._frequencies())
        folded = tuple(f % n for f, n in zip(frequencies, shape, strict=True))
        parts = np.empty((len(_ORDERS), len(self._terms), len(points[0])))
        for order, part in zip(_ORDERS, parts, strict=True):
            factor = math.prod((2j * np.pi * f) ** n for f, n in zip(frequencies, order, strict=True))
            for terms, result in zip(self._terms, part, strict=True):
                grid = np.zeros(tuple(shape), dtype=np.complex128)
                np.add.at(grid, folded, terms * factor)
                result[:] = scipy.fft.ifftn(grid, norm="forward").real[points]
        return self._derivatives(parts)

    def in_spheres(self, centres: ArrayLike, radii: ArrayLike) -> FloatArray:
        r"""Integrate over spheres.

        .. math:: \int = \sum_G c_G\, e^{2\pi i G \cdot x_0}\, \frac{4\pi R^3}{x^3} (\sin x - x \cos x),
            \quad x = 2\pi |G| R

        Parameters
        ----------
        centres : (p, 3) float
            Fractional coordinates.
        radii : (p,) float
            In Å.

        Returns
        -------
        (b, p) float64
            In units of the density times Å³.

        Raises
        ------
        ShapeError
            If centres or radii are not usable.
        """
        places, sizes = finite_points(centres), np.asarray(radii, dtype=np.float64)
        if sizes.shape != (len(places),) or not (np.isfinite(sizes) & (sizes > 0)).all():
            raise ShapeError(f"radii {np.asarray(radii).tolist()} must be one positive number of Å for each centre")
        out = np.empty((len(self._terms), len(places)))
        for radius in np.unique(sizes):
            chosen = sizes == radius
            x = 2 * np.pi * np.sqrt(self._squared) * radius
            small = x < 1e-2
            y = np.where(small, 1.0, x)
            shape = np.where(small, 1 / 3 - x**2 / 30 + x**4 / 840, (np.sin(y) - y * np.cos(y)) / y**3)
            waves = [[wave] for wave in self._waves(places[chosen])]
            out[:, chosen] = self._contracted(self._terms * (4 * np.pi * radius**3 * shape), waves, [(0, 0, 0)])[0]
        return out

    def in_box(self, lower: ArrayLike, upper: ArrayLike) -> FloatArray:
        r"""Integrate over a box with edges along the basis vectors.

        .. math:: \int = V \sum_G c_G \prod_i \int_{l_i}^{u_i} e^{2\pi i G_i t}\, dt

        Parameters
        ----------
        lower, upper : (3,) float
            Fractional coordinates of two opposite corners, ``lower < upper``; the box may be longer than the cell.

        Returns
        -------
        (b,) float64
            In units of the density times Å³.

        Raises
        ------
        ShapeError
            If the corners are not usable.
        """
        low, high = finite_points(np.array([lower, upper], dtype=object))
        if not (low < high).all():
            raise ShapeError(f"the box from {low.tolist()} to {high.tolist()} is empty: lower must be below upper")
        factors = []
        for a, b, frequency in zip(low, high, self._frequencies(), strict=True):
            middle = np.exp(1j * np.pi * frequency * (a + b))
            factors.append([(middle * (b - a) * np.sinc(frequency * (b - a)))[None, :]])
        volume = abs(float(np.linalg.det(self._lattice)))
        return self._contracted(self._terms, factors, [(0, 0, 0)])[0, :, 0] * volume

    def _frequencies(self) -> list[IntArray]:
        """Return the frequencies along each basis vector, as the terms hold them."""
        r1, r2, r3 = self._reach.tolist()
        return [np.arange(-r1, r1 + 1), np.arange(-r2, r2 + 1), np.arange(r3 + 1)]

    def _waves(self, points: FloatArray) -> list[ComplexArray]:
        """Return the factors of ``exp(2πi G·x)`` along each basis vector, (p, n)."""
        return [
            np.asarray(np.exp(2j * np.pi * np.outer(coordinate, frequencies)))
            for coordinate, frequencies in zip(points.T, self._frequencies(), strict=True)
        ]

    def _derivatives(self, parts: FloatArray) -> Derivatives:
        """Return Cartesian derivatives from those along the basis vectors, one for each of the orders."""
        inverse, unit = np.linalg.inv(self._lattice), np.eye(3, dtype=np.int64)

        def part(order: IntArray) -> FloatArray:
            return np.asarray(parts[_ORDERS.index(tuple(order.tolist()))])

        slope = np.stack([part(u) for u in unit], axis=-1)
        curvature = np.stack([np.stack([part(u + v) for v in unit], axis=-1) for u in unit], axis=-2)
        return Derivatives(part(0 * unit[0]), slope @ inverse.T, inverse @ curvature @ inverse.T)

    def _contracted(
        self, terms: ComplexArray, waves: Sequence[Sequence[ComplexArray]], orders: Sequence[tuple[int, int, int]]
    ) -> FloatArray:
        """Return real parts of ``Σ terms[b, i, j, k] first[p, i] second[p, j] third[p, k]``, (orders, b, p).

        An order says which of the waves along each basis vector are taken.
        """
        first, second, third = waves
        batch, n1, n2, n3 = terms.shape
        rows = max(1, WORKSPACE // (16 * n2 * n3))
        out = np.empty((len(orders), batch, len(first[0])))
        for start in range(0, out.shape[2], rows):
            chosen = slice(start, start + rows)
            for one, result in zip(terms, out.transpose(1, 0, 2), strict=True):
                for a in sorted({order[0] for order in orders}):
                    planes = (first[a][chosen] @ one.reshape(n1, n2 * n3)).reshape(-1, n2, n3)
                    for m in sorted({order[1] for order in orders if order[0] == a}):
                        lines = np.matmul(second[m][chosen, None, :], planes)[:, 0]
                        for row, order in enumerate(orders):
                            if order[:2] == (a, m):
                                result[row, chosen] = (lines * third[order[2]][chosen]).sum(axis=1).real
        return out


def finite_points(points: ArrayLike) -> FloatArray:
    """Accept fractional coordinates, (p, 3).

    Raises
    ------
    ShapeError
        If they are anything else, or not finite.
    """
    try:
        found = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.ndim != 2 or found.shape[1] != 3 or not np.isfinite(found).all():
        raise ShapeError(f"points {points!r} are not usable: give fractional coordinates of shape (p, 3)")
    return found
