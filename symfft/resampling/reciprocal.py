"""Averages over a space group through the structure factors: for any grid, and any origin between its points.

A density on a grid stands for the Fourier series of its shortest frequencies (:mod:`symfft.resampling.interpolation`).
An operator (W, w) takes the coefficient ``c(h W⁻¹) exp(2πi h W⁻¹ w)`` to the frequency h (h as rows), wherever w lies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import ComplexArray, FloatArray, IntArray
from symfft.analysis.spins import is_character, is_negligible
from symfft.au import symmetrize
from symfft.crystal.lattice import SUBSETS, invariant_form, obtuse_superbase
from symfft.crystal.operators import translation_lattice
from symfft.crystal.space_group import SpaceGroup, as_space_group
from symfft.density import Density
from symfft.errors import NotSymmetricError, SpaceGroupError
from symfft.grid.shape import fitting_operators
from symfft.grid.symmetry_check import check_symmetry

#: A group may change lengths and angles of the lattice by this share.
METRIC_TOLERANCE = 0.02


def symmetrize_reciprocal(density: Density, space_group: SpaceGroup | int | str) -> Density:
    """Project a density onto the functions that a space group leaves unchanged, through its structure factors.

    ``F_sym(h) = 1/|G| Σ_g F(h W⁻¹) exp(2πi h W⁻¹ w)``. The grid need not be mapped onto itself: the origin of the group
    may lie between its points, and its axes may be divided in any way. Where the grid does fit the group, this is
    :func:`symfft.symmetrize`.

    Parameters
    ----------
    density : Density
        A collinear magnetization is averaged with the sign that each operator gives it.
    space_group : SpaceGroup, int or str
        The group in the cell of the density, such as ``density.space_group()``.

    Returns
    -------
    Density
        On the same grid, with the same mean. A symmetric function that the grid can hold: frequencies at the border of
        what it carries, which it cannot tell from their mirror images, are left out, and so are those whose images
        under the group it does not carry. Augmentation occupancies and site moments are left behind.

    Raises
    ------
    SpaceGroupError
        If the operators do not map the lattice onto itself.
    NotSymmetricError
        If a magnetization is non-collinear, or its signs do not form a one-dimensional representation of the group.

    See Also
    --------
    symfft.symmetrize : the average over orbits of grid points.
    symfft.standardize : a grid that fits the group, in the standard cell.

    Examples
    --------
    A cosine about a point between the grid points, with some noise:

    >>> import numpy as np
    >>> from symfft import Density, SpaceGroup, symmetrize_reciprocal
    >>> x = np.arange(9) / 9
    >>> rho = np.broadcast_to(2 + np.cos(2 * np.pi * (x - 0.03)), (9, 9, 9))
    >>> noise = 0.01 * np.random.default_rng(0).standard_normal(rho.shape)
    >>> group = SpaceGroup.from_operators([np.eye(3), -np.eye(3)], [[0, 0, 0], [0, 0, 0.06]])
    >>> averaged = symmetrize_reciprocal(Density(rho + noise, 4 * np.eye(3), [], []), group)
    >>> bool(np.abs(averaged.values - rho).max() < 0.05)
    True
    """
    group = as_space_group(space_group)
    total, spin = density.spin_parts()
    if spin is not None and spin.ndim == 4:
        raise NotSymmetricError(
            "a non-collinear magnetization is not symmetrized, since nothing says how spins turn with the crystal "
            "(spin axes, spin-orbit coupling): leave it out with density.total()"
        )
    average = ReciprocalAverage(density, group)
    new_total, new_spin = average(total), None
    if spin is not None:
        signs = (1,) * group.order if is_negligible(spin, total) else average.signs(spin)
        if not is_character(group, signs):
            raise NotSymmetricError(
                f"the operators that keep the magnetization do not form a subgroup of {group.symbol} with half of its "
                "operators: the magnetic order has less symmetry; give its group, or leave it out with density.total()"
            )
        new_spin = average(spin, signs)
    new = density.with_spin_parts(new_total, new_spin)
    return replace(new, augmentation=None, site_moments=None)


class ReciprocalAverage:
    """The average over a group of real functions on one grid.

    Parameters
    ----------
    density : Density
        Whose grid and lattice are meant.
    group : SpaceGroup
        In its cell.

    Raises
    ------
    SpaceGroupError
        If the operators do not map the lattice onto itself.
    """

    def __init__(self, density: Density, group: SpaceGroup) -> None:
        self.group, self.shape = group, density.shape
        self.fits = bool(fitting_operators(group, self.shape).all())
        self._lattice = _symmetric_lattice(density.lattice, group)
        same = (group.rotations == np.eye(3, dtype=np.int64)).all(axis=(1, 2))
        self._copies = int(same.sum())
        self._kinds = group.rotations[:: self._copies]
        self._shifts = group.numerators[:: self._copies]

    def __call__(self, rho: FloatArray, signs: Sequence[int] | None = None) -> FloatArray:
        """Return the average of a real function on the grid, with a sign for each operator.

        The signs must be those of a one-dimensional representation.
        """
        if self.fits:
            return np.asarray(symmetrize(rho, self.group, signs=signs), dtype=np.float64)
        s = np.ones(self.group.order, dtype=np.int64) if signs is None else np.asarray(signs, dtype=np.int64)
        h = self._frequencies[self._allowed(s[: self._copies])]
        coefficients = _transformed(rho)
        total = np.zeros(len(h), dtype=np.complex128)
        for sign, image in zip(s[:: self._copies].tolist(), self._images(coefficients, h), strict=True):
            total += sign * image
        return self._on_grid(total / len(self._kinds), h)

    def signs(self, spin: FloatArray) -> tuple[int, ...]:
        """Return for each operator whether a function is more like its image or like the negative of that."""
        if self.fits:
            return check_symmetry(spin, self.group).signs
        h, coefficients = self._frequencies, _transformed(spin)
        own = coefficients[tuple(h.T)].conj()
        weights = np.abs(own) ** 2
        kept = [float(weights @ np.cos(2 * np.pi * self._turns(h, t))) for t in self.group.numerators[: self._copies]]
        like = [float((own * image).sum().real) for image in self._images(coefficients, h)]
        return tuple((1 if a >= 0 else -1) * (1 if b >= 0 else -1) for a in like for b in kept)

    @cached_property
    def _frequencies(self) -> IntArray:
        """Frequencies that the grid tells from all others, and those of their star, (m, 3); one of each h, -h."""
        n = np.array(self.shape, dtype=np.int64)
        reciprocal = np.linalg.inv(self._lattice)
        one, aliases = (1, np.eye(3, dtype=np.int64).tolist()), (1, np.diag(n).tolist())
        form = invariant_form(reciprocal.T @ reciprocal, one, [aliases])
        vectors = SUBSETS @ obtuse_superbase(form, aliases[1])[:3].astype(np.int64)
        normals = vectors @ np.array(form, dtype=np.int64) * 2
        bounds = (vectors * normals).sum(axis=1) // 2
        inverses = np.rint(np.linalg.inv(self._kinds)).astype(np.int64)
        carried = not (self._kinds * n[:, None] % n).any()
        found = []
        for first in range(self.shape[0]):
            h = np.stack(np.meshgrid([first], np.arange(n[1]), np.arange(n[2]), indexing="ij"), -1).reshape(-1, 3)
            h = _shortest((h + n // 2) % n - n // 2, vectors, normals, bounds)
            h = h[(h @ [0, 0, 1] > 0) | ((h[:, 2] == 0) & ((h[:, 1] > 0) | ((h[:, 1] == 0) & (h[:, 0] >= 0))))]
            h = h[(np.abs(h @ normals.T) < bounds).all(axis=1)]
            for w in () if carried else inverses:
                h = h[(np.abs(h @ w @ normals.T) < bounds).all(axis=1)]
            found.append(h)
        return np.concatenate(found)

    def _allowed(self, signs: IntArray) -> NDArray[np.bool_]:
        """Return which frequencies the translations leave as they are, or reverse where their sign says so."""
        h, d = self._frequencies, self.group.denominator
        numerators = self.group.numerators[: self._copies]
        basis = np.array(translation_lattice(numerators[signs > 0], d), dtype=np.int64)
        allowed = (h @ basis.T % d == 0).all(axis=1)
        if (signs < 0).any():
            allowed &= 2 * (h @ numerators[signs < 0][0]) % (2 * d) == d
        return np.asarray(allowed)

    def _images(self, coefficients: ComplexArray, h: IntArray) -> Iterator[ComplexArray]:
        """Yield the coefficients at h of the images under one operator of each matrix."""
        flat, columns = coefficients.reshape(-1), np.ascontiguousarray(h.T)
        reach = np.abs(columns).max(axis=1, initial=0).tolist()
        _, n2, n3 = self.shape
        axes = [np.arange(-r, r + 1) for r in reach]
        places = [(k % n) * stride for k, n, stride in zip(axes, self.shape, (n2 * n3, n3, 1), strict=True)]
        for w, t in zip(np.rint(np.linalg.inv(self._kinds)).astype(np.int64), self._shifts.tolist(), strict=True):
            place, phase = 0, 1.0
            for i, (k, r) in enumerate(zip(axes, reach, strict=True)):
                turned = sum(int(w[j, i]) * columns[j] for j in range(3) if w[j, i]) + r
                place = place + places[i][turned]
                if t[i]:
                    phase = phase * np.exp(2j * np.pi * self._turns(k, t[i]))[turned]
            yield flat[place] * phase

    def _turns(self, h: IntArray, numerators: IntArray | int) -> FloatArray:
        return (
            np.asarray(h @ numerators if np.ndim(numerators) else h * numerators)
            % self.group.denominator
            / (self.group.denominator)
        )

    def _on_grid(self, values: ComplexArray, h: IntArray) -> FloatArray:
        import scipy.fft

        grid = np.zeros(self.shape, dtype=np.complex128)
        grid[tuple((-h % self.shape).T)] = values.conj()
        grid[tuple((h % self.shape).T)] = values
        return np.ascontiguousarray(scipy.fft.ifftn(grid, norm="forward", overwrite_x=True).real)


# ---- inside ---------------------------------------------------------------------------------------------------------


def _transformed(rho: FloatArray) -> ComplexArray:
    import scipy.fft

    return np.asarray(scipy.fft.fftn(rho, norm="forward"))


def _shortest(h: IntArray, vectors: IntArray, normals: IntArray, bounds: IntArray) -> IntArray:
    """Replace frequencies by one of the shortest of their aliases."""
    while True:
        products = h @ normals.T
        beyond = np.abs(products) - bounds
        which = beyond.argmax(axis=1)
        rows = np.flatnonzero(beyond[np.arange(len(h)), which] > 0)
        if not len(rows):
            return h
        which = which[rows]
        h[rows] -= np.sign(products[rows, which])[:, None] * vectors[which]


def _symmetric_lattice(lattice: FloatArray, group: SpaceGroup) -> FloatArray:
    """Return the lattice with its metric averaged over the group."""
    metric = lattice @ lattice.T
    rotations = np.unique(group.rotations, axis=0)
    images = rotations.transpose(0, 2, 1) @ metric @ rotations
    size = np.sqrt(np.diag(metric))
    change = np.abs(images - metric).max(axis=0) / np.multiply.outer(size, size)
    if change.max() > METRIC_TOLERANCE:
        raise SpaceGroupError(
            f"the operators of {group.symbol} change lengths and angles of the cell by {change.max():.1%}: give the "
            "group in the cell of the density, such as density.space_group()"
        )
    return np.linalg.cholesky(images.mean(axis=0))
