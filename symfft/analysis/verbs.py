"""What can be done with a density, as methods of :class:`symfft.Density`: each a few lines over arrays."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._array_types import FloatArray
from symfft.analysis import derivatives, electrostatics, planes
from symfft.analysis.arithmetic import Arithmetic
from symfft.analysis.common_symmetry import on_common_au
from symfft.analysis.patterson import au_patterson
from symfft.analysis.series import FourierSeries, finite_points
from symfft.analysis.spins import trusted_signs
from symfft.analysis.surfaces import Mesh, isosurface
from symfft.au import AsymmetricUnit, asymmetric_unit, expand_from_au, reduce_to_au, symmetrize
from symfft.crystal.elements import SYMBOLS
from symfft.crystal.space_group import SpaceGroup, as_space_group
from symfft.errors import NotSymmetricError, ShapeError, SpaceGroupError, SymfftError
from symfft.grid.shape import grid_operators
from symfft.grid.symmetry_check import check_symmetry

Operation = Callable[[FloatArray, AsymmetricUnit, FloatArray], FloatArray]


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


class Verbs(Arithmetic):
    """Methods of :class:`symfft.Density`."""

    positions: NDArray[np.float64]
    numbers: NDArray[np.int64]
    comment: str
    augmentation: tuple[str, ...] | None

    @abstractmethod
    def space_group(self, symprec: float = 1e-3) -> SpaceGroup:
        """Return the space group of the crystal."""

    # ---- spins and symmetry -----------------------------------------------------------------------------------------

    @property
    def moment(self) -> Any:
        """Magnetic moment of the cell in μB: a float, of a non-collinear density three Cartesian components.

        Raises
        ------
        SymfftError
            If the values are not a charge density with a magnetization.
        """
        if self.kind != "charge" or self.magnetization is None:
            raise SymfftError("only a charge density with a magnetization has a moment")
        moment = self.magnetization.mean(axis=(-3, -2, -1)) * self._volume
        return float(moment) if moment.ndim == 0 else moment

    def total(self) -> Self:
        """Return the density of both spins together, without a magnetization.

        Examples
        --------
        >>> import numpy as np
        >>> from symfft import Density
        >>> iron = Density(np.full((4, 4, 4), 2.0), np.eye(3), [], [], magnetization=np.full((4, 4, 4), 0.5))
        >>> iron.total().blocks, iron.spin("up").electrons, iron.spin("down").electrons
        (1, 1.25, 0.75)
        """
        texts = self.augmentation
        return self._replaced(
            values=self.spin_parts()[0],
            magnetization=None,
            spin_down=None,
            augmentation=None if texts is None or self.spin_down is not None else texts[:1],
            site_moments=None,
        )

    def spin(self, direction: Literal["up", "down"]) -> Self:
        """Return the density of one spin: ``(rho ± m) / 2``.

        Parameters
        ----------
        direction : {"up", "down"}
            Which one.

        Raises
        ------
        SymfftError
            If the density has no spins, or they are not collinear.
        """
        if direction not in ("up", "down"):
            raise SymfftError(f"spin {direction!r} is unknown: give 'up' or 'down'")
        if self.spin_down is not None:
            return self._changed(self.values if direction == "up" else self.spin_down, None, None)
        if self.magnetization is None:
            raise SymfftError("the density holds no magnetization to take one spin of")
        if self.magnetization.ndim == 4:
            raise SymfftError("a non-collinear density has no spin up and down: take components of its magnetization")
        sign = 1.0 if direction == "up" else -1.0
        return self._changed((self.values + sign * self.magnetization) / 2, None, None)

    def spin_parts(self) -> tuple[FloatArray, FloatArray | None]:
        """Return the sum and the difference of the spins, the latter (3, Nx, Ny, Nz) where they are not collinear."""
        if self.spin_down is not None:
            return self.values + self.spin_down, self.values - self.spin_down
        return self.values, self.magnetization

    def with_spin_parts(self, total: FloatArray, difference: FloatArray | None) -> Self:
        """Return the density with another sum and difference of its spins, held in the way it holds them."""
        if self.spin_down is not None and difference is not None:
            return self._replaced(values=(total + difference) / 2, spin_down=(total - difference) / 2)
        return self._replaced(values=total, magnetization=difference)

    def symmetrize(self, space_group: SpaceGroup | int | str | None = None, *, tolerance: float = 1e-2) -> Self:
        """Return the density averaged over a space group; a collinear magnetization with the signs that it has.

        Parameters
        ----------
        space_group : SpaceGroup, int or str, optional
            By default the group of the atoms.
        tolerance : float
            Largest residual, relative to the largest value, that is taken for noise; ``float("inf")`` forces the
            average of the total density.

        Raises
        ------
        NotSymmetricError
            If the density breaks the group by more than the tolerance, or its magnetization neither keeps nor changes
            its sign under an operator, or is not collinear.
        IncompatibleGridError
            If the grid does not fit the group.

        Examples
        --------
        >>> import numpy as np
        >>> from symfft import Density
        >>> rng = np.random.default_rng(0)
        >>> noisy = Density(1 + 1e-3 * rng.random((8, 8, 8)), 3 * np.eye(3), [[0, 0, 0]], [84])
        >>> noisy.symmetrize().check("P m -3 m").largest_residual < 1e-15
        True
        """
        group = self._group(space_group)
        grid_operators(group, self._shape)
        total, difference = self.spin_parts()
        worst = max(check_symmetry(total, group).operators, key=lambda o: o.even or 0.0)
        if (worst.even or 0.0) > tolerance:
            raise NotSymmetricError(
                f"the density breaks {group.symbol} by {worst.even:.1e} of its largest value ({worst.triplet}), above "
                f"the tolerance of {tolerance:g}: check the group, or force the average with tolerance=float('inf')"
            )
        spin = None
        if difference is not None:
            signs, _ = trusted_signs(difference, total, group, tolerance)
            spin = symmetrize(difference, group, signs=signs)
        mean = self.with_spin_parts(symmetrize(total, group), spin)
        return mean._replaced(augmentation=None, site_moments=None)

    def check(self, space_group: SpaceGroup | int | str | None = None) -> Any:
        """Report how well the total density keeps each operator; see :func:`symfft.check_symmetry`."""
        return check_symmetry(self.total().values, self._group(space_group))

    # ---- values, averages, integrals --------------------------------------------------------------------------------

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

    # ---- operations on the asymmetric unit --------------------------------------------------------------------------

    def gradient_norm(self, space_group: SpaceGroup | int | str | None = None) -> Self:
        """Return ``|∇rho|``, in the density's units per Å, of every grid of the density.

        Computed on the asymmetric unit (:func:`symfft.analysis.au_gradient_norm`), exactly for the Fourier series.

        Parameters
        ----------
        space_group : SpaceGroup, int or str, optional
            A group that the density has. By default that of the atoms, without operators that the grid does not fit or
            a grid of the density breaks.

        Raises
        ------
        NotSymmetricError, IncompatibleGridError
            If `space_group` is given and the density or its grid does not have it.

        Examples
        --------
        >>> import numpy as np
        >>> from symfft import Density
        >>> wave = np.sin(2 * np.pi * np.arange(8) / 8)[:, None, None] * np.ones((8, 4, 4))
        >>> slope = Density(wave, 2 * np.pi * np.eye(3), [], []).gradient_norm()
        >>> bool(np.allclose(slope.values[:, 0, 0], np.abs(np.cos(2 * np.pi * np.arange(8) / 8))))
        True
        """
        return self._on_au(derivatives.au_gradient_norm, space_group, f"|grad| of {self._named}, per Angstrom")

    def laplacian(self, space_group: SpaceGroup | int | str | None = None) -> Self:
        """Return ``∇²rho``, in the density's units per Å², of every grid of the density.

        Computed on the asymmetric unit (:func:`symfft.analysis.au_laplacian`), exactly for the Fourier series.

        Parameters
        ----------
        space_group : SpaceGroup, int or str, optional
            As in :meth:`gradient_norm`.

        Raises
        ------
        NotSymmetricError, IncompatibleGridError
            If `space_group` is given and the density or its grid does not have it.
        """
        return self._on_au(derivatives.au_laplacian, space_group, f"Laplacian of {self._named}, per Angstrom^2")

    def reduced_gradient(self, space_group: SpaceGroup | int | str | None = None) -> Self:
        r"""Return the reduced density gradient ``s`` of the total charge density, which has no dimension.

        .. math:: s = \frac{|\nabla\rho|}{2 (3\pi^2)^{1/3} \rho^{4/3}}

        Of one spin, with the spin scaling of exchange functionals: ``(2 * density.spin("up")).reduced_gradient()``.

        Parameters
        ----------
        space_group : SpaceGroup, int or str, optional
            As in :meth:`gradient_norm`.

        Raises
        ------
        SymfftError
            If the values are not a charge density, or not positive everywhere.
        NotSymmetricError, IncompatibleGridError
            If `space_group` is given and the density or its grid does not have it.
        """
        self._require_charge("a reduced gradient")
        if not (self.values > 0).all():
            raise SymfftError(
                f"the density is zero or negative at {int((self.values <= 0).sum())} points (smallest value "
                f"{self.values.min():.2e} e/Å³), where the reduced gradient is not defined"
            )
        return self.total()._on_au(derivatives.au_reduced_gradient, space_group, f"reduced gradient of {self._named}")

    def hartree_potential(self, space_group: SpaceGroup | int | str | None = None) -> Self:
        r"""Return the potential energy, in eV, of an electron in the field of the charge density.

        .. math:: V(r) = \frac{e^2}{4\pi\varepsilon_0} \sum_{G \ne 0} \frac{c_G}{\pi |G|^2}\, e^{2\pi i G \cdot r}

        Sign as in VASP's LOCPOT, mean zero; of the electrons alone, without the nuclei. Computed on the asymmetric unit
        (:func:`symfft.analysis.au_hartree_potential`), exactly for the Fourier series.

        Parameters
        ----------
        space_group : SpaceGroup, int or str, optional
            As in :meth:`gradient_norm`.

        Raises
        ------
        SymfftError
            If the values are not a charge density.
        NotSymmetricError, IncompatibleGridError
            If `space_group` is given and the density or its grid does not have it.
        """
        self._require_charge("a Hartree potential")
        potential = self.total()._on_au(electrostatics.au_hartree_potential, space_group, f"Hartree of {self._named}")
        return potential._replaced(kind="potential")

    def patterson(self, space_group: SpaceGroup | int | str | None = None) -> Self:
        r"""Return the Patterson function ``P(u) = ∫ rho(r) rho(r + u) dr`` of the values, in e²/Å³.

        It has the Patterson symmetry, not the group of the crystal; the result holds no atoms, so that the group of the
        crystal cannot be taken for its own. :func:`symfft.analysis.au_patterson` gives it on its asymmetric unit.

        Parameters
        ----------
        space_group : SpaceGroup, int or str, optional
            Of the density, as in :meth:`gradient_norm`.

        Raises
        ------
        SymfftError
            If the values are not a charge density.
        NotSymmetricError, IncompatibleGridError
            If `space_group` is given and the density or its grid does not have it.
        """
        self._require_charge("a Patterson function")
        whole = self.total()
        values, au = whole._reduced(whole.values, space_group)
        found = au_patterson(values, au, self.lattice)
        bare = whole._changed(expand_from_au(found.values, found.au), None, None)
        return bare._replaced(
            positions=np.zeros((0, 3)),
            numbers=np.zeros(0, dtype=np.int64),
            species=(),
            selective_dynamics=None,
            kind="other",
            comment=f"Patterson function of {self._named}, {found.au.space_group.symbol}",
        )

    # ---- inside -----------------------------------------------------------------------------------------------------

    @property
    def _shape(self) -> tuple[int, int, int]:
        nx, ny, nz = self.values.shape
        return nx, ny, nz

    @property
    def _volume(self) -> float:
        return abs(float(np.linalg.det(self.lattice)))

    @property
    def _named(self) -> str:
        return self.comment or self.kind

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

    def _group(self, space_group: SpaceGroup | int | str | None) -> SpaceGroup:
        """Return the group that was asked for, or that of the density."""
        if space_group is not None:
            return as_space_group(space_group)
        return self.space_group()

    def _reduced(
        self, grid: FloatArray, space_group: SpaceGroup | int | str | None
    ) -> tuple[FloatArray, AsymmetricUnit]:
        """Return a grid on the asymmetric unit of the group that was asked for, or of the largest that it has."""
        if space_group is not None:
            au = asymmetric_unit(space_group, self._shape)
            return reduce_to_au(grid, au), au
        try:
            group = self._group(None)
        except SpaceGroupError:
            group = SpaceGroup.from_number(1)
        au, (values,) = on_common_au(group, [grid])
        return values, au

    def _on_au(self, operation: Operation, space_group: SpaceGroup | int | str | None, comment: str) -> Self:
        rows = []
        for grid in np.concatenate(self._grids()):
            values, au = self._reduced(grid, space_group)
            rows.append(expand_from_au(operation(values, au, self.lattice), au))
        return self._changed(*self._spread(np.stack(rows)))._replaced(kind="other", comment=comment)
