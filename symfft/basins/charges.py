"""Charges, volumes and moments of atoms: Bader's partition of a density."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import FloatArray
from symfft.analysis.common_symmetry import on_common_au
from symfft.au import AsymmetricUnit, asymmetric_unit, expand_from_au, reduce_to_au
from symfft.basins.partition import Basins, invariant_lattice
from symfft.basins.sites import Owners, atom_orbits, owners_of, site_symmetry
from symfft.crystal.elements import SYMBOLS
from symfft.crystal.space_group import SpaceGroup, as_space_group
from symfft.density import Density
from symfft.errors import ShapeError, SpaceGroupError, SymfftError

#: A reference whose negative part is a larger share of its positive part than this has no basins of electrons.
LARGEST_NEGATIVE_SHARE = 0.05
#: Below this density, in e/Å³, there is vacuum, by a convention of molecular calculations.
USUAL_VACUUM = 1e-3
#: A share of the cell with so little density is worth a note.
MUCH_VACUUM = 0.05


@dataclass(frozen=True)
class Maximum:
    """A maximum of the reference density, with all equivalent ones.

    Attributes
    ----------
    position : tuple of 3 float
        One of them, fractional; of a plateau its centre.
    count : int
        How many there are in the cell.
    density : float
        Height, in e/Å³.
    nearest : int or None
        Index of the atom nearest to `position`; None where there are no atoms.
    distance : float
        Distance to it, in Å.
    nuclear : bool
        Whether its basin is part of this atom: within the covalent radius, and clearly nearer than to any other.
    electrons, volume : float
        Of one of the basins, in e and Å³.
    """

    position: tuple[float, float, float]
    count: int
    density: float
    nearest: int | None
    distance: float
    nuclear: bool
    electrons: float
    volume: float


@dataclass(frozen=True, repr=False)
class BaderCharges:
    """A density divided among its atoms.

    Attributes
    ----------
    numbers : (n,) int64
        Atomic numbers.
    electrons : (n,) float64
        Electrons of every atom; exactly equal on equivalent atoms.
    volumes : (n,) float64
        In Å³.
    moments : (n,) or (n, 3) float64, or None
        Magnetic moments in μB, of a density that has a magnetization.
    maxima : tuple of Maximum
        One of each orbit, the highest first.
    vacuum_electrons, vacuum_volume : float
        What lies below the vacuum density.
    total : float
        Integral of the density: electrons of atoms, non-nuclear maxima and vacuum together.
    space_group : SpaceGroup
        The symmetry that was used.
    notes : tuple of str
        What a reader should know before believing the numbers.
    """

    numbers: NDArray[np.int64]
    electrons: FloatArray
    volumes: FloatArray
    moments: FloatArray | None
    maxima: tuple[Maximum, ...]
    vacuum_electrons: float
    vacuum_volume: float
    total: float
    space_group: SpaceGroup
    notes: tuple[str, ...]

    @property
    def non_nuclear(self) -> tuple[Maximum, ...]:
        """The maxima that belong to no atom."""
        return tuple(m for m in self.maxima if not m.nuclear)

    def __repr__(self) -> str:
        parts = ", ".join(f"{_name(z)} {q:.4f}" for z, q in zip(self.numbers.tolist(), self.electrons, strict=True))
        extra = sum(m.count for m in self.non_nuclear)
        return f"<BaderCharges: {parts}{f', {extra} non-nuclear maxima' if extra else ''}>"


def bader(
    density: Density,
    *,
    reference: Density | None = None,
    space_group: SpaceGroup | int | str | None = None,
    vacuum: float | None = None,
) -> BaderCharges:
    r"""Divide a charge density among its atoms at the surfaces where the gradient has no normal component.

    The weight method of Yu and Trinkle, on the asymmetric unit: a grid point x with neighbours x' of higher density,
    behind facets of its Voronoi cell, has the weights

    .. math::
        w_A(x) = \frac{\sum_{x'} J(x, x')\, w_A(x')}{\sum_{x'} J(x, x')}, \quad
        J(x, x') = \frac{a(x, x')}{|x - x'|} \big(\rho(x') - \rho(x)\big)_+

    in the basins A, and :math:`q_A = \sum_x w_A(x) \rho(x) \Delta V`. Its error falls with the square of the grid
    spacing. Sums over all basins, other maxima and the vacuum equal the integral of the density to rounding.

    Parameters
    ----------
    density : Density
        The charge density to integrate, with its magnetization if it has one.
    reference : Density, optional
        The density whose maxima and slopes decide, on the same grid: for PAW calculations the sum of AECCAR0 and
        AECCAR2, or any density with maxima at the nuclei. By default `density` itself.
    space_group : SpaceGroup, int or str, optional
        By default the group of the atoms, without operators that the grid does not fit or a density breaks.
    vacuum : float, optional
        Density in e/Å³ below which a point of the reference belongs to nobody; 0.001 is usual for molecules. By default
        there is no vacuum.

    Returns
    -------
    BaderCharges

    Raises
    ------
    SymfftError
        If a density is not a charge density, or the reference is a spin or difference density, or has no maximum.
    ShapeError
        If reference and density differ in grid or cell, or `vacuum` is not usable.
    NotSymmetricError, IncompatibleGridError, SpaceGroupError
        If `space_group` is given and is not that of the densities and atoms.

    See Also
    --------
    basin : The part of a density that belongs to one atom.

    References
    ----------
    Yu and Trinkle, J. Chem. Phys. 134, 064111 (2011). Bader, Atoms in Molecules, Oxford 1990.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import Density, bader
    >>> x = np.stack(np.meshgrid(*3 * [np.arange(16) / 16], indexing="ij"), axis=-1)
    >>> def blob(centre):
    ...     apart = x - centre - np.rint(x - centre)
    ...     return np.exp(-8 * (apart**2).sum(axis=-1))
    >>> salt = Density(2 * blob(0) + blob(0.5), 4 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [55, 17])
    >>> found = bader(salt)
    >>> found.space_group.symbol, bool(np.isclose(found.electrons.sum(), salt.electrons))
    ('P m -3 m', True)
    """
    reference = density_with_basins(density, reference)
    level = vacuum_level(vacuum)
    au, (heights, charge) = on_own_au(density, reference, space_group)
    group, lattice = au.space_group, invariant_lattice(au.space_group, density.lattice)
    basins = Basins(heights, au, lattice, level)
    owners = owners_of(basins.maxima.positions, density.positions, density.numbers, lattice)
    voxel = density.volume / density.values.size
    fields = np.stack([charge, np.ones(au.size)]) * voxel

    orbits = atom_orbits(group, density.positions, density.numbers, lattice)
    by_basin = basins.integrate(fields)
    electrons, volumes = _on_atoms(by_basin, owners, orbits)
    empty = basins.vacuum * au.multiplicity
    maxima = tuple(
        Maximum(
            position=_triple(basins.maxima.positions[i]),
            count=int(count),
            density=float(basins.maxima.density[i]),
            nearest=int(owners.nearest[i]) if len(density.numbers) else None,
            distance=float(owners.distance[i]),
            nuclear=bool(owners.owns[i]),
            electrons=float(by_basin[0, i] / count),
            volume=float(by_basin[1, i] / count),
        )
        for i, count in enumerate(basins.maxima.counts)
    )
    return BaderCharges(
        numbers=density.numbers,
        electrons=electrons,
        volumes=volumes,
        moments=None if density.magnetization is None else _moments(density, density.magnetization, heights, au, level),
        maxima=maxima,
        vacuum_electrons=float(fields[0] @ empty),
        vacuum_volume=float(fields[1] @ empty),
        total=density.electrons,
        space_group=group,
        notes=_notes(density, heights, au, owners, orbits, maxima, level),
    )


def basin(
    density: Density,
    atom: int,
    *,
    reference: Density | None = None,
    space_group: SpaceGroup | int | str | None = None,
    vacuum: float | None = None,
) -> Density:
    """Return the part of a density that belongs to one atom: its values times their weights in the atom's basin.

    Parameters
    ----------
    density, reference, space_group, vacuum
        As in :func:`bader`.
    atom : int
        Index of the atom, from 0.

    Returns
    -------
    Density
        ``density * weight``, whose number of electrons is the atom's.

    Raises
    ------
    SymfftError
        If there is no such atom; else as :func:`bader`.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import Density, bader, basin
    >>> wave = 2 + np.cos(2 * np.pi * np.arange(12) / 12)[:, None, None] * np.ones((12, 4, 4))
    >>> wave[0, 0, 0], wave[6, 0, 0] = 4.0, 2.5
    >>> two = Density(wave, 3 * np.eye(3), [[0, 0, 0], [0.5, 0, 0]], [11, 17])
    >>> bool(np.isclose(basin(two, 0).electrons, bader(two).electrons[0]))
    True
    """
    reference = density_with_basins(density, reference)
    if isinstance(atom, bool) or not isinstance(atom, (int, np.integer)) or not 0 <= atom < len(density.numbers):
        raise SymfftError(f"there is no atom {atom!r}: indices run from 0 to {len(density.numbers) - 1}")
    whole, (heights, charge) = on_own_au(density, reference, space_group)
    lattice = invariant_lattice(whole.space_group, density.lattice)
    au = asymmetric_unit(site_symmetry(whole.space_group, density.positions[atom], lattice), density.shape)
    basins = Basins(
        reduce_to_au(expand_from_au(heights, whole), au), au, lattice, -math.inf if vacuum is None else float(vacuum)
    )
    owners = owners_of(basins.maxima.positions, density.positions, density.numbers, lattice)
    chosen = owners.owns & (owners.nearest == atom)
    weights = expand_from_au(basins.weights(chosen), au) if chosen.any() else np.zeros(density.shape)
    spin = None if density.magnetization is None else density.magnetization * weights
    return density.with_values(expand_from_au(charge, whole) * weights, spin)


def density_with_basins(density: Density, reference: Density | None) -> Density:
    """Return the reference of a density, as one that has basins of electrons.

    Raises
    ------
    SymfftError
        If either is not a charge density, or the reference is mostly negative.
    ShapeError
        If their grids or cells differ.
    """
    for one, name in ((density, "density"), (reference, "reference")):
        if one is not None and one.kind != "charge":
            raise SymfftError(f"the {name} is of the kind {one.kind}: atoms are found in a charge density")
    if reference is None:
        reference = density
    else:
        density.require_same_grid(reference)
    negative = float(-reference.values[reference.values < 0].sum())
    positive = float(reference.values.sum()) + negative
    if negative > LARGEST_NEGATIVE_SHARE * positive:
        raise SymfftError(
            f"the negative part of the reference is {negative / positive if positive else math.inf:.0%} of its "
            "positive part: a spin density or a difference of densities has no basins of electrons; give the total "
            "density as reference"
        )
    return reference


def vacuum_level(vacuum: float | None) -> float:
    """Return a vacuum density as a number; minus infinity for none.

    Raises
    ------
    ShapeError
        If it is not a density.
    """
    level = -math.inf if vacuum is None else float(vacuum)
    if math.isnan(level) or level == math.inf:
        raise ShapeError(f"vacuum={vacuum!r} is not a density: give a number of e/Å³")
    return level


def on_own_au(
    density: Density, reference: Density, space_group: Any
) -> tuple[AsymmetricUnit, tuple[FloatArray, FloatArray]]:
    """Return reference and density on the asymmetric unit of the group that was asked for, or that both have."""
    grids = (reference.values,) if reference is density else (reference.values, density.values)
    if space_group is not None:
        au = asymmetric_unit(as_space_group(space_group), density.shape)
        values = [reduce_to_au(grid, au) for grid in grids]
    else:
        try:
            group = density.space_group()
        except SpaceGroupError:
            group = SpaceGroup.from_number(1)
        au, values = on_common_au(group, list(grids))
    return au, (values[0], values[-1])


# ---- inside ---------------------------------------------------------------------------------------------------------


def _on_atoms(by_basin: FloatArray, owners: Owners, orbits: NDArray[np.int64]) -> FloatArray:
    """Return sums over basins as one value for each atom, (c, n): equivalent atoms share equally."""
    out = np.zeros((len(by_basin), len(orbits)))
    for orbit in range(int(orbits.max(initial=-1)) + 1):
        atoms = orbits == orbit
        mine = owners.owns & np.isin(owners.nearest, np.flatnonzero(atoms))
        out[:, atoms] = (by_basin[:, mine].sum(axis=1) / atoms.sum())[:, None]
    return out


def _moments(
    density: Density, magnetization: FloatArray, heights: FloatArray, au: AsymmetricUnit, vacuum: float
) -> FloatArray:
    """Return the moments of atoms, under the operators that leave the magnetization unchanged."""
    spins = magnetization.reshape(-1, *density.shape)
    own, fields = on_common_au(au.space_group, list(spins))
    lattice = invariant_lattice(au.space_group, density.lattice)
    basins = Basins(reduce_to_au(expand_from_au(heights, au), own), own, lattice, vacuum)
    owners = owners_of(basins.maxima.positions, density.positions, density.numbers, lattice)
    by_basin = basins.integrate(np.stack(fields) * (density.volume / density.values.size))
    found = _on_atoms(by_basin, owners, atom_orbits(own.space_group, density.positions, density.numbers, lattice))
    return found[0] if magnetization.ndim == 3 else found.T


def _notes(
    density: Density,
    heights: FloatArray,
    au: AsymmetricUnit,
    owners: Owners,
    orbits: NDArray[np.int64],
    maxima: tuple[Maximum, ...],
    vacuum: float,
) -> tuple[str, ...]:
    notes = []
    owned = set(orbits[owners.nearest[owners.owns]].tolist())
    bare = [i for i, orbit in enumerate(orbits.tolist()) if orbit not in owned]
    if bare:
        names = ", ".join(f"{_name(int(density.numbers[i]))}{i + 1}" for i in bare[:8])
        more = ", …" if len(bare) > 8 else ""
        notes.append(
            f"no maximum of the reference belongs to {names}{more}: without core electrons there may be none at a "
            "nucleus; give a reference with cores, such as the sum of AECCAR0 and AECCAR2"
        )
    others = [m for m in maxima if not m.nuclear]
    if others:
        electrons = sum(m.count * m.electrons for m in others)
        notes.append(
            f"{sum(m.count for m in others)} non-nuclear maxima hold {electrons:.4f} electrons, which no atom was given"
        )
    if vacuum == -math.inf:
        thin = float(au.multiplicity[heights < USUAL_VACUUM].sum() / density.values.size)
        if thin > MUCH_VACUUM:
            notes.append(
                f"{thin:.0%} of the cell is below {USUAL_VACUUM:g} e/Å³: volumes include it; leave it out with a vacuum"
            )
    return tuple(notes)


def _name(number: int) -> str:
    return SYMBOLS[number - 1] if 1 <= number <= len(SYMBOLS) else "X"


def _triple(point: FloatArray) -> tuple[float, float, float]:
    x, y, z = point.tolist()
    return x, y, z
