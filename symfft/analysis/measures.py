"""What is read off a density: values at points and along lines, averages, integrals, structure factors, surfaces."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._array_types import FloatArray
from symfft.analysis import planes
from symfft.analysis.arithmetic import Arithmetic
from symfft.analysis.series import FourierSeries, finite_points
from symfft.analysis.surfaces import Mesh, isosurface
from symfft.crystal.elements import SYMBOLS
from symfft.errors import ShapeError, SymfftError


class Samples(NamedTuple):
    """Values of a density at some places, spins included.

    Attributes
    ----------
    values : (p,) float64
        Of ``density.values``.
    magnetization : (p,) or (3, p) float64, or None
        Of ``density.magnetization``.
    spin_down : (p,) float64, or None
        Of ``density.spin_down``.
    """

    values: FloatArray
    magnetization: FloatArray | None
    spin_down: FloatArray | None


class Line(NamedTuple):
    """Values of a density along a line.

    Attributes
    ----------
    distance : (n,) float64
        Distance from the first point, in Å; of averages over planes, along their normal.
    values, magnetization, spin_down
        As in :class:`Samples`.
    """

    distance: FloatArray
    values: FloatArray
    magnetization: FloatArray | None
    spin_down: FloatArray | None


class Integrals(NamedTuple):
    """Integrals of a density over regions, in units of the density times Å³: electrons and μB for a charge density.

    Attributes
    ----------
    volume : (p,) float64
        Volumes of the regions, in Å³.
    values, magnetization, spin_down
        As in :class:`Samples`.
    """

    volume: FloatArray
    values: FloatArray
    magnetization: FloatArray | None
    spin_down: FloatArray | None


class Measures(Arithmetic):
    """Methods of :class:`symfft.Density` that give numbers."""

    positions: NDArray[np.float64]
    numbers: NDArray[np.int64]

    @abstractmethod
    def total(self) -> Self:
        """Return the density of both spins together."""

    def at(self, points: ArrayLike) -> Samples:
        """Return the values at any points, from the Fourier series of the samples: exact, no interpolation.

        Parameters
        ----------
        points : (p, 3) float
            Fractional coordinates, anywhere in space.

        Raises
        ------
        ShapeError
            If the points are not usable.

        Examples
        --------
        >>> import numpy as np
        >>> from symfft import Density
        >>> wave = np.cos(2 * np.pi * np.arange(8) / 8)[:, None, None] * np.ones((8, 4, 4))
        >>> density = Density(wave, 3.0 * np.eye(3), [], [])
        >>> density.at([[0.3, 0.7, 0.1]]).values.round(6).tolist()  # cos(2π 0.3)
        [-0.309017]
        """
        return Samples(*self._spread(self._series().at(points)))

    def profile(self, start: ArrayLike, end: ArrayLike, points: int = 101) -> Line:
        """Return the values along a straight line, from the Fourier series of the samples.

        Parameters
        ----------
        start, end : (3,) float
            Fractional coordinates of its ends.
        points : int
            How many points, ends included.

        Raises
        ------
        ShapeError
            If the ends are not usable, or there are fewer than two points.

        Examples
        --------
        >>> import numpy as np
        >>> from symfft import Density
        >>> wave = np.cos(2 * np.pi * np.arange(8) / 8)[:, None, None] * np.ones((8, 4, 4))
        >>> line = Density(wave, 3.0 * np.eye(3), [], []).profile([0, 0, 0], [1, 0, 0], points=5)
        >>> line.distance.tolist(), bool(np.allclose(line.values, [1, 0, -1, 0, 1]))
        ([0.0, 0.75, 1.5, 2.25, 3.0], True)
        """
        first, last = finite_points(np.array([start, end], dtype=object))
        if isinstance(points, bool) or not isinstance(points, (int, np.integer)) or points < 2:
            raise ShapeError(f"points={points!r} do not make a line: give at least 2")
        share = np.linspace(0.0, 1.0, int(points))
        length = float(np.linalg.norm((last - first) @ self.lattice))
        return Line(share * length, *self.at(first + share[:, None] * (last - first)))

    def average(self, axis: int | str, window: float | tuple[float, ...] | None = None) -> Line:
        r"""Return averages over the planes spanned by the other two basis vectors, or over slabs of them.

        The *planar average* is the mean over each plane of grid points. The *macroscopic average* convolves it with a
        window of length L, ``1/L ∫ over z-L/2 … z+L/2``, which multiplies its Fourier coefficients by
        :math:`\sin(\pi k L/d) / (\pi k L/d)`: exact for any L. Two windows, one after the other, serve interfaces.

        Parameters
        ----------
        axis : {"a", "b", "c"} or {0, 1, 2}
            The basis vector along which the planes follow each other.
        window : float or tuple of float, optional
            L in Å, or several.

        Returns
        -------
        Line
            Distances along the normal of the planes.

        Raises
        ------
        ShapeError
            If the axis or a window is not usable.

        References
        ----------
        Baldereschi, Baroni and Resta, Phys. Rev. Lett. 61, 734 (1988).

        Examples
        --------
        >>> import numpy as np
        >>> from symfft import Density
        >>> wave = 1 + np.cos(2 * np.pi * np.arange(8) / 8)[:, None, None] * np.ones((8, 4, 4))
        >>> density = Density(wave, 3.0 * np.eye(3), [], [])
        >>> density.average("a").values.round(3).tolist()
        [2.0, 1.707, 1.0, 0.293, 0.0, 0.293, 1.0, 1.707]
        >>> bool(np.allclose(density.average("a", window=3.0).values, 1.0))
        True
        """
        number = planes.axis_number(axis)
        period = planes.plane_period(self.lattice, number)
        lines = planes.planar_average(np.concatenate(self._grids()), number)
        for length in () if window is None else window if isinstance(window, tuple) else (window,):
            lines = planes.macroscopic_average(lines, period, length)
        return Line(period * np.arange(lines.shape[-1]) / lines.shape[-1], *self._spread(lines))

    def integrate_spheres(self, centres: ArrayLike, radius: float | ArrayLike) -> Integrals:
        r"""Integrate over spheres, exactly for the Fourier series of the samples.

        .. math:: \sum_G c_G\, e^{2\pi i G \cdot x_0}\, \frac{4\pi R^3}{x^3} (\sin x - x \cos x), \quad x = 2\pi|G|R

        Parameters
        ----------
        centres : (p, 3) float
            Fractional coordinates.
        radius : float or (p,) float
            In Å.

        Raises
        ------
        ShapeError
            If a centre or radius is not usable.

        Examples
        --------
        >>> import numpy as np
        >>> from symfft import Density
        >>> density = Density(np.full((4, 4, 4), 2.0), 3.0 * np.eye(3), [], [])
        >>> density.integrate_spheres([[0, 0, 0]], 1.0).values.round(6).tolist()  # 2 · 4π/3
        [8.37758]
        """
        places = finite_points(centres)
        radii = np.full(len(places), radius) if np.ndim(radius) == 0 else np.asarray(radius)
        found = self._series().in_spheres(places, radii)
        return Integrals(4 / 3 * math.pi * radii**3, *self._spread(found))

    def integrate_atoms(self, radius: float | Mapping[str, float]) -> Integrals:
        """Integrate over a sphere around every atom, exactly for the Fourier series of the samples.

        Spheres may overlap or leave gaps: their sum is not the number of electrons. :func:`symfft.bader` divides space.

        Parameters
        ----------
        radius : float or mapping of str to float
            In Å, for all atoms or by element.

        Raises
        ------
        ShapeError
            If a radius is not usable.
        SymfftError
            If there are no atoms, or an element has no radius.
        """
        if not len(self.numbers):
            raise SymfftError("the density holds no atoms: give centres to integrate_spheres")
        radii: Any = radius
        if isinstance(radius, Mapping):
            names = [SYMBOLS[n - 1] if 1 <= n <= len(SYMBOLS) else "X" for n in self.numbers.tolist()]
            missing = sorted(set(names) - set(radius))
            if missing:
                raise SymfftError(f"no radius is given for {', '.join(missing)}: name every element of the crystal")
            radii = np.array([radius[name] for name in names], dtype=np.float64)
        return self.integrate_spheres(self.positions, radii)

    def integrate_box(self, lower: ArrayLike, upper: ArrayLike) -> Integrals:
        r"""Integrate over a box with edges along the basis vectors, exactly for the Fourier series of the samples.

        .. math:: V \sum_G c_G \prod_i \int_{l_i}^{u_i} e^{2\pi i G_i t}\, dt

        Parameters
        ----------
        lower, upper : (3,) float
            Fractional coordinates of opposite corners, lower < upper; the box may be longer than the cell.

        Raises
        ------
        ShapeError
            If the corners are not usable.

        Examples
        --------
        >>> import numpy as np
        >>> from symfft import Density
        >>> density = Density(np.full((4, 4, 4), 2.0), 3.0 * np.eye(3), [], [])
        >>> density.integrate_box([0, 0, 0], [0.5, 1, 1]).values.round(6).tolist()
        [27.0]
        """
        found = self._series().in_box(lower, upper)[:, None]
        sizes = np.asarray(upper, dtype=np.float64) - np.asarray(lower, dtype=np.float64)
        return Integrals(np.array([self._volume * np.prod(sizes)]), *self._spread(found))

    def structure_factors(self, hkl: ArrayLike) -> NDArray[np.complex128]:
        r"""Return structure factors of crystallography, in electrons, with the sign of its programs.

        .. math:: F(h) = \int \rho(r)\, e^{2\pi i h \cdot r}\, dr = \frac{V}{N} \sum_x \rho(x)\, e^{2\pi i h \cdot x}

        :func:`symfft.au_dft` has the other sign, of Fourier transforms, and no V/N. Of a magnetization:
        ``density.with_values(density.magnetization).structure_factors(hkl)``, in μB.

        Parameters
        ----------
        hkl : (n, 3) int
            Miller indices of this cell, of less than half the points of the grid each.

        Returns
        -------
        (n,) complex128
            F(000) is the number of electrons.

        Raises
        ------
        ShapeError
            If an index is not an integer, or beyond what the grid resolves.
        SymfftError
            If the values are not a charge density.

        Examples
        --------
        >>> import numpy as np
        >>> from symfft import Density
        >>> wave = 1 + 0.5 * np.cos(2 * np.pi * (np.arange(8) / 8 - 0.25))[:, None, None] * np.ones((8, 4, 4))
        >>> Density(wave, 2.0 * np.eye(3), [], []).structure_factors([[0, 0, 0], [1, 0, 0]]).round(12) + 0
        array([8.+0.j, 0.+2.j])
        """
        self._require_charge("a structure factor")
        indices = np.asarray(hkl)
        if indices.ndim != 2 or indices.shape[1] != 3 or indices.dtype.kind not in "iu":
            raise ShapeError(f"hkl has the shape {indices.shape} and type {indices.dtype}, it must be (n, 3) integers")
        beyond = (2 * np.abs(indices) >= self._shape).any(axis=1)
        if beyond.any():
            raise ShapeError(
                f"the grid {self._shape} does not resolve the reflection {indices[beyond][0].tolist()}: |h| must be "
                "below N/2"
            )
        spectrum = np.fft.ifftn(self.total().values) * self._volume
        return np.asarray(spectrum[tuple((indices % self._shape).T)], dtype=np.complex128)

    def isosurface(self, level: float) -> Mesh:
        """Return the surface in the cell where the values cross a level; see :func:`symfft.analysis.isosurface`.

        Of a magnetization: ``density.with_values(density.magnetization).isosurface(level)``.

        Parameters
        ----------
        level : float
            In the units of the values.

        Raises
        ------
        SymfftError
            If scikit-image is missing.
        ShapeError
            If the values do not cross the level.
        """
        return isosurface(self.values, self.lattice, level)

    # ---- inside -----------------------------------------------------------------------------------------------------

    @property
    def _shape(self) -> tuple[int, int, int]:
        nx, ny, nz = self.values.shape
        return nx, ny, nz

    @property
    def _volume(self) -> float:
        return abs(float(np.linalg.det(self.lattice)))

    def _require_charge(self, what: str) -> None:
        if self.kind != "charge":
            raise SymfftError(f"{what} is that of a charge density, this is of the kind {self.kind}")

    def _grids(self) -> list[FloatArray]:
        """Return all grids, each as (b, Nx, Ny, Nz)."""
        found = [g for g in (self.values, self.magnetization, self.spin_down) if g is not None]
        return [g.reshape(-1, *self._shape) for g in found]

    def _spread(self, rows: FloatArray) -> tuple[FloatArray, FloatArray | None, FloatArray | None]:
        """Return rows that belong to the grids in order as values, magnetization and spin_down."""
        magnetization = None
        if self.magnetization is not None:
            magnetization = rows[1:4] if self.magnetization.ndim == 4 else rows[1]
        return rows[0], magnetization, None if self.spin_down is None else rows[1]

    def _series(self) -> FourierSeries:
        return FourierSeries(np.concatenate(self._grids()), self.lattice)
