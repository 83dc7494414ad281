"""What other densities are made of one, as methods of :class:`symfft.Density`: each a few lines over arrays."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np

from symfft._array_types import FloatArray
from symfft.analysis import derivatives, electrostatics
from symfft.analysis.common_symmetry import on_common_au
from symfft.analysis.measures import Measures
from symfft.analysis.patterson import au_patterson
from symfft.analysis.spins import trusted_signs
from symfft.au import AsymmetricUnit, asymmetric_unit, expand_from_au, reduce_to_au, symmetrize
from symfft.crystal.space_group import SpaceGroup, as_space_group
from symfft.errors import NotSymmetricError, SpaceGroupError, SymfftError
from symfft.grid.shape import grid_operators
from symfft.grid.symmetry_check import check_symmetry

Operation = Callable[[FloatArray, AsymmetricUnit, FloatArray], FloatArray]


class Verbs(Measures):
    """Methods of :class:`symfft.Density`."""

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
    def _named(self) -> str:
        return self.comment or self.kind

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
