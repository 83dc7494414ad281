"""Bring a density to another grid, or to the standard cell of its space group, with its symmetry intact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._array_types import FloatArray, IntArray
from symfft._shape import as_shape
from symfft.au import AsymmetricUnit
from symfft.crystal.lattice import common_lattice
from symfft.crystal.operators import Exact, integer_rows, inverse_of
from symfft.crystal.sites import site_orbits
from symfft.crystal.space_group import SpaceGroup, as_space_group
from symfft.crystal.standard_setting import standardization
from symfft.density import Density
from symfft.errors import NotSymmetricError, SpaceGroupError
from symfft.grid.shape import grid_operators, next_compatible_shape
from symfft.resampling.cell_change import as_cell
from symfft.resampling.interpolation import change_cell, lossless_shape


def resample(density: Density, shape: Sequence[int]) -> Density:
    """Interpolate a density on another grid of the same cell.

    Grid by grid this is :func:`symfft.resampling.interpolation.resample_grid`.

    All its grids are interpolated (charge, magnetization, spin down). What belongs to the atoms, PAW occupancies
    included, does not depend on the grid and stays.

    Parameters
    ----------
    density : Density
        Of any kind.
    shape : (3,) int
        Wanted grid.

    Raises
    ------
    ShapeError
        If the shape is unusable.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import Density
    >>> density = Density(np.full((4, 4, 4), 0.125), 4.0 * np.eye(3), [[0, 0, 0]], [2])
    >>> finer = resample(density, (6, 6, 9))
    >>> finer.shape, round(finer.electrons, 12)
    ((6, 6, 9), 8.0)
    """
    return _change_grids(density, density.lattice, np.eye(3, dtype=np.int64), (0, 0, 0), shape)


def standardize(
    density: Density,
    space_group: SpaceGroup | int | str | None = None,
    shape: Sequence[int] | None = None,
    *,
    symprec: float = 1e-3,
) -> Density:
    """Bring a density to the conventional cell, axes and origin of the ITA reference setting of its space group.

    The structure decides: its sites give the group, the change of basis and the origin (origin choice 2, hexagonal
    axes, unique axis b). The new lattice has exactly the metric that the group demands, a volume that is an exact
    multiple of the old one, a along x and b in the xy plane. Electrons per formula unit are conserved.

    Parameters
    ----------
    density : Density
        In any cell: primitive, conventional, supercell.
    space_group : SpaceGroup, int or str, optional
        The group that the structure is expected to have, in its reference setting; an error where it has another.
    shape : (3,) int, optional
        Grid of the new cell, compatible with the group. Default: a small compatible one that keeps every frequency of
        the input.
    symprec : float
        Largest displacement, in Å, at which an atom still counts as symmetric.

    Returns
    -------
    Density
        With the group's symmetry, as exactly as the input had it, where the input grid fits the group in the old cell.
        Frequencies at the very limit of an input grid that breaks the group stay as asymmetric as they are. A
        non-collinear magnetization is taken to be in Cartesian components, and turned along with the crystal. PAW
        occupancies, site moments and selective dynamics are left behind.

    Raises
    ------
    SpaceGroupError
        If no group is found, or another than `space_group`, or that is not in its reference setting.
    IncompatibleGridError
        If `shape` does not fit the group.
    NotSymmetricError
        If the sites repeat with a smaller cell than the density does.
    ShapeError
        If the shape is unusable or values are not finite.
    """
    standard = standard_cell(density, symprec)
    group = standard.group
    if space_group is not None and as_space_group(space_group) != group:
        wanted = as_space_group(space_group)
        raise SpaceGroupError(
            f"the structure has the group {group.symbol} (number {group.number}) at symprec={symprec:g}, not "
            f"{wanted.symbol} (number {wanted.number}) in that setting: standardize goes to the ITA reference setting "
            "of the structure's own group; leave space_group out, or change symprec"
        )
    if shape is None:
        shape = standard.lossless_shape(density.shape)
    grid_operators(group, as_shape(shape))

    bare = replace(density, augmentation=None, site_moments=None, selective_dynamics=None)
    try:
        grids = _change_grids(bare, standard.old_lattice, standard.cell, standard.origin_shift, shape)
    except NotSymmetricError as error:
        raise NotSymmetricError(
            f"the sites repeat with a smaller cell than the density does, as in an antiferromagnet: {error}; keep the "
            "cell and use resample, or leave a magnetization out with dataclasses.replace(density, magnetization=None)"
        ) from None
    magnetization = grids.magnetization
    if magnetization is not None and magnetization.ndim == 4:
        magnetization = np.einsum("ij,i...->j...", _rotation(standard.old_axes, standard.lattice), magnetization)
    positions, source = standard.sites(density, symprec)
    return _with_sites(replace(grids, magnetization=magnetization), standard.lattice, positions, source)


def carried_to(density: Density, cell: ArrayLike, shape: Sequence[int], symprec: float = 1e-3) -> Density:
    """Return a density in the cell with the basis vectors ``cell @ lattice``, of the same origin and orientation.

    Augmentation occupancies, site moments and selective dynamics are left behind.

    Raises
    ------
    NotSymmetricError
        If the density lacks the periodicity of a smaller cell.
    ShapeError
        If the cell is not rational or the shape unusable.
    SpaceGroupError
        If the atoms do not repeat with the new cell.
    """
    exact = np.array(as_cell(cell), dtype=object).reshape(3, 3)
    origin = np.array([Fraction(0)] * 3, dtype=object)
    lattice = exact.astype(np.float64) @ density.lattice
    bare = replace(density, augmentation=None, site_moments=None, selective_dynamics=None)
    grids = _change_grids(bare, density.lattice, exact, origin, shape)
    return _with_sites(grids, lattice, *_sites(density, exact, origin, lattice, symprec))


@dataclass(frozen=True)
class StandardCell:
    """The conventional cell, axes and origin of the ITA reference setting, seen from a crystal's own cell.

    Attributes
    ----------
    group : SpaceGroup
        In the reference setting.
    own_group : SpaceGroup
        In the crystal's cell.
    cell, origin_shift : (3, 3) and (3,) arrays of Fraction
        T and p of :func:`symfft.resampling.interpolation.change_cell`.
    lattice : (3, 3) float
        Of the standard cell, rows in Å, with exactly the metric that the group demands.
    old_lattice : (3, 3) float
        The crystal's own cell, made as symmetric: it decides which frequencies are equally long.
    old_axes : (3, 3) float
        The standard cell before that, in the orientation of the crystal.
    """

    group: SpaceGroup
    own_group: SpaceGroup
    cell: Exact
    origin_shift: Exact
    lattice: FloatArray
    old_lattice: FloatArray
    old_axes: FloatArray

    @property
    def is_whole(self) -> bool:
        """Whether the crystal's own cell shows all of the group: a supercell of lower symmetry hides operators."""
        cells = abs(float(np.linalg.det(self.cell.astype(np.float64))))
        return round(self.own_group.order * cells) == self.group.order

    def lossless_shape(self, shape: Sequence[int]) -> tuple[int, int, int]:
        """Return a small grid that fits the group and keeps every frequency of a grid of the crystal's own cell."""
        return next_compatible_shape(self.group, lossless_shape(self.old_lattice, self.cell, shape, self.origin_shift))

    def values(
        self, rho: ArrayLike, shape: Sequence[int], points: IntArray | AsymmetricUnit | None = None
    ) -> NDArray[np.float64]:
        """Bring values on a grid of the crystal's own cell to a grid of this one, or to some points of it."""
        return change_cell(rho, self.old_lattice, self.cell, self.origin_shift, shape, points=points)

    def sites(self, density: Density, symprec: float = 1e-3) -> tuple[FloatArray, IntArray]:
        """Return the sites of this cell, in [0, 1), and of which site of the crystal each is a copy, in its order."""
        return _sites(density, self.cell, self.origin_shift, self.lattice, symprec)

    def site_orbits(self, density: Density, symprec: float = 1e-3) -> tuple[FloatArray, IntArray, IntArray]:
        """Return one site of each orbit in this cell, its atomic number, and how many sites the orbit has.

        Sites are moved to where their site symmetry puts them exactly. Files carry six decimals: 0.333333 would have
        three times the images of 1/3.
        """
        positions, source = self.sites(density, symprec)
        numbers, translations = density.numbers[source], self.group.numerators / self.group.denominator
        found = site_orbits(self.group.rotations, translations, self.lattice, positions, numbers, 10 * symprec)
        first, sizes, exact = found
        exact = exact % 1.0
        return np.where(exact > 1 - 1e-12, 0.0, exact), numbers[first], sizes


def standard_cell(density: Density, symprec: float = 1e-3) -> StandardCell:
    """Find the standard cell of a crystal; see :func:`standardize`, which goes there.

    Raises
    ------
    SpaceGroupError
        If no group is found, or the exact operators do not agree with spglib's.
    """
    found = standardization(density.lattice, density.positions, density.numbers, symprec, shape=density.shape)
    group = SpaceGroup.from_number(found.number)
    lattice = _standard_lattice(found.std_lattice, group)
    old_lattice = found.transformation.T.astype(np.float64) @ lattice
    return StandardCell(
        group, found.space_group, found.cell, found.origin_shift, lattice, old_lattice, found.std_lattice
    )


@dataclass(frozen=True)
class NegativePart:
    """How far a density falls below zero.

    Attributes
    ----------
    minimum : float
        Smallest value.
    fraction : float
        Share of the grid points with a negative value.
    integral : float
        Integral of the negative values over the cell: electrons, for a charge density.
    """

    minimum: float
    fraction: float
    integral: float


def negative_part(density: Density) -> NegativePart:
    """Measure the negative values of a density, which interpolation can cause and nothing here clips.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import Density
    >>> spike = np.zeros((4, 4, 4))
    >>> spike[0, 0, 0] = 1.0
    >>> sharp = Density(spike, 4.0 * np.eye(3), [[0, 0, 0]], [1])
    >>> negative_part(sharp).integral, round(negative_part(resample(sharp, (8, 8, 8))).minimum, 3)
    (0.0, -0.104)
    """
    values = density.values
    below = np.minimum(values, 0).mean() * density.volume
    return NegativePart(float(values.min()), float((values < 0).mean()), float(below))


# ---- inside ---------------------------------------------------------------------------------------------------------


def _change_grids(
    density: Density, lattice: ArrayLike, cell: ArrayLike, origin: ArrayLike, shape: Sequence[int]
) -> Density:
    """Change the cell of all grids of a density; its lattice and sites are left to the caller."""
    grids = [
        g.reshape(-1, *density.shape)
        for g in (density.values, density.magnetization, density.spin_down)
        if g is not None
    ]
    new = change_cell(np.concatenate(grids), lattice, cell, origin, shape)
    return replace(
        density,
        values=new[0],
        magnetization=None if density.magnetization is None else new[1:] if density.blocks == 4 else new[1],
        spin_down=None if density.spin_down is None else new[1],
    )


def _with_sites(grids: Density, lattice: FloatArray, positions: FloatArray, source: IntArray) -> Density:
    """Return a density with the sites of another cell, each a copy of a site of the old one, in the old order."""
    ends = np.cumsum([count for _, count in grids.species])
    counts = np.diff(np.searchsorted(source, ends), prepend=0)
    return replace(
        grids,
        lattice=lattice,
        positions=positions,
        numbers=grids.numbers[source],
        species=tuple((label, int(n)) for (label, _), n in zip(grids.species, counts, strict=True) if n),
        stated_group=None,  # of the old cell
    )


def _rotation(old: FloatArray, new: FloatArray) -> FloatArray:
    """Return the rotation R with old @ R ≈ new, the nearest one where the metrics differ a little."""
    u, _, v = np.linalg.svd(old.T @ new)
    return np.asarray(u @ v, dtype=np.float64)


def _standard_lattice(lattice: FloatArray, group: SpaceGroup) -> FloatArray:
    """Return the lattice with its metric averaged over the group, the same volume, a along x and b in the xy plane."""
    metric = (_metric_average(group) @ (lattice @ lattice.T).ravel()).reshape(3, 3)
    metric *= (np.linalg.det(lattice) ** 2 / np.linalg.det(metric)) ** (1 / 3)
    rows = np.linalg.cholesky(metric)
    return np.where(np.abs(rows) < 1e-12 * np.abs(rows).max(), 0.0, rows)


@lru_cache(maxsize=256)
def _metric_average(group: SpaceGroup) -> FloatArray:
    """Return the matrix, (9, 9), that averages a metric over the point group."""
    w = np.unique(group.rotations, axis=0).astype(np.float64)
    return np.asarray(np.einsum("gki,glj->ijkl", w, w).reshape(9, 9) / len(w))


def _sites(
    density: Density, cell: Exact, origin: Exact, lattice: FloatArray, symprec: float
) -> tuple[FloatArray, IntArray]:
    """Return the sites of the new cell, in [0, 1), and of which old site each is a copy, in the old order."""
    translations, volume = _translations(tuple(cell.ravel().tolist()))
    positions = density.positions @ np.linalg.inv(cell.astype(np.float64)) + origin.astype(np.float64)
    positions = (positions[:, None, :] + translations).reshape(-1, 3)
    source = np.repeat(np.arange(len(density.positions)), len(translations))
    if volume < 1 - 1e-9:
        # the new cell is smaller in some direction, so that several old sites fall on one
        apart = positions[:, None, :] - positions[None, :, :]
        distance = np.linalg.norm((apart - np.rint(apart)) @ lattice, axis=2)
        kinds = density.numbers[source]
        same = (distance < 10 * symprec) & (kinds[:, None] == kinds[None, :])
        first = np.argmax(same, axis=1) == np.arange(len(same))
        positions, source = positions[first], source[first]
    expected = len(density.positions) * abs(float(np.linalg.det(cell.astype(np.float64))))
    if abs(len(source) - expected) > 1e-6:
        raise SpaceGroupError(
            f"{len(source)} sites in the standard cell where {expected:g} are expected: two atoms may be closer than "
            f"symprec={symprec:g} allows"
        )
    # a coordinate within rounding of a lattice point is 0, not 1 - 1e-17 nor -1e-17
    positions -= np.floor(positions + 1e-9)
    return np.where(np.abs(positions) < 1e-12, 0.0, positions), source


@lru_cache(maxsize=256)
def _translations(cell: tuple[Fraction, ...]) -> tuple[FloatArray, float]:
    """Return where the new cell repeats sites of the old one, (n, 3), and the volume of the cell that both share."""
    t = np.array(cell, dtype=object).reshape(3, 3)
    finest = inverse_of(common_lattice(t)).T
    denominator, rows = integer_rows(finest @ inverse_of(t))
    steps = np.indices((denominator,) * 3).reshape(3, -1).T
    translations = np.unique(steps @ np.array(rows) % denominator, axis=0) / denominator
    return translations, abs(float(np.linalg.det(finest.astype(np.float64))))
