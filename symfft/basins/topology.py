"""Critical points of a density: where its gradient vanishes, and how it curves there.

The points are those of the Fourier series that the samples stand for, whose derivatives are exact. They are sought on
the asymmetric unit: where Newton's step from a grid point ends nearby, a point may be; Newton's method on the series
decides. Maxima, bond, ring and cage points of a periodic function satisfy n - b + r - c = 0 (Morse): where they do not,
points were missed, and are sought from a finer grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import FloatArray
from symfft.analysis.series import FourierSeries
from symfft.au import expand_from_au
from symfft.basins._newton import SAME, Found, Search
from symfft.basins.charges import density_with_basins, on_own_au, vacuum_level
from symfft.basins.partition import invariant_lattice
from symfft.basins.sites import NEARER, Owners, atom_orbits, owners_of
from symfft.crystal.elements import SYMBOLS, covalent_radius
from symfft.crystal.space_group import SpaceGroup
from symfft.density import Density
from symfft.errors import SymfftError

Kind = Literal["maximum", "bond", "ring", "cage"]
#: Kinds by the number of positive curvatures.
KINDS: tuple[Kind, ...] = ("maximum", "bond", "ring", "cage")
#: How many times finer than the density's own grids are on which searches begin, until the sum is zero.
FINER = (1, 2, 3)
#: A point whose smallest curvature is a smaller share of its largest than this is nearly degenerate.
DEGENERATE = 1e-4
#: Radii, as shares of the largest, at which the gradient around an atom is looked at, and directions there.
RADII, DIRECTIONS = np.linspace(1.0, 0.1, 10), 120
#: Steps (Å) along bond paths, how many at most, and how near to a maximum they end.
STEP, STEPS = 0.1, 200


@dataclass(frozen=True)
class CriticalPoint:
    r"""A point at which the gradient of a density vanishes, with all equivalent ones.

    Attributes
    ----------
    kind : {"maximum", "bond", "ring", "cage"}
        Signature (3, -3), (3, -1), (3, +1), (3, +3).
    position : tuple of 3 float
        One of them, fractional; exactly on the symmetry elements that it lies on.
    count : int
        How many there are in the cell: the multiplicity of the Wyckoff position in this cell.
    density : float
        In e/Å³; NaN, as is what follows from it, at a nucleus that stands for several points.
    laplacian : float
        Sum of the curvatures, in e/Å⁵.
    curvatures : tuple of 3 float
        Eigenvalues of the Hessian, in e/Å⁵, ascending.
    nearest : int or None
        Index of the nearest atom; None where there are no atoms.
    distance : float
        Distance to it, in Å.
    nuclear : bool
        Whether this maximum stands for an atom.
    merged : int
        How many critical points in the cell an atom stands for: those in the spheres around the equivalent atoms.
    ends : tuple of (int or None), or None
        Of a bond point: indices of the two atoms that its paths of steepest ascent lead to; None for an end that is no
        atom.
    """

    kind: Kind
    position: tuple[float, float, float]
    count: int
    density: float
    laplacian: float
    curvatures: tuple[float, float, float]
    nearest: int | None
    distance: float
    nuclear: bool = False
    merged: int = 0
    ends: tuple[int | None, int | None] | None = None

    @property
    def ellipticity(self) -> float:
        """``λ₁ / λ₂ - 1`` of a bond point, zero where the bond is round; NaN of other points."""
        return self.curvatures[0] / self.curvatures[1] - 1 if self.kind == "bond" else math.nan


@dataclass(frozen=True, repr=False)
class CriticalPoints:
    """The critical points of a density.

    Attributes
    ----------
    points : tuple of CriticalPoint
        One of each orbit: atoms, other maxima, bond, ring, cage points, the densest of a kind first.
    morse_sum : int
        Maxima - bond + ring - cage points in the cell; zero where none is missing.
    space_group : SpaceGroup
        The symmetry that was used.
    notes : tuple of str
        What a reader should know before believing the points.
    """

    points: tuple[CriticalPoint, ...]
    morse_sum: int
    space_group: SpaceGroup
    notes: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """Return how many points of each kind the cell holds."""
        return {kind: sum(p.count for p in self.points if p.kind == kind) for kind in KINDS}

    def __repr__(self) -> str:
        parts = ", ".join(f"{count} {kind}" for kind, count in self.counts().items())
        return f"<CriticalPoints: {parts}>"


def critical_points(
    density: Density, *, space_group: SpaceGroup | int | str | None = None, vacuum: float | None = None
) -> CriticalPoints:
    r"""Find the critical points of a charge density, with density, Laplacian and curvatures at each.

    .. math:: \nabla\rho(x) = 0, \quad \nabla^2\rho = \lambda_1 + \lambda_2 + \lambda_3

    The density is the Fourier series of its samples. A density of valence electrons has shells and ripples near the
    nuclei, which are no property of the crystal. Where its gradient points inward all over a sphere around an atom, of
    at most the covalent radius and 0.4 of the distance to the next atom, the critical points inside count together as
    much as one maximum (Poincaré and Hopf), and are given as one, at the nucleus.

    Parameters
    ----------
    density : Density
        A charge density.
    space_group : SpaceGroup, int or str, optional
        By default the group of the atoms, without operators that the grid does not fit or the density breaks.
    vacuum : float, optional
        Density in e/Å³ below which no points are sought; then their numbers need not add up. By default they are sought
        everywhere.

    Returns
    -------
    CriticalPoints

    Raises
    ------
    SymfftError
        If the density is not a charge density, is mostly negative, or has no isolated critical point.
    ShapeError
        If `vacuum` is not usable.
    NotSymmetricError, IncompatibleGridError, SpaceGroupError
        If `space_group` is given and is not that of the density.

    See Also
    --------
    bader : Charges of the basins of the maxima.

    References
    ----------
    Bader, Atoms in Molecules, Oxford 1990. Zou and Bader, Acta Cryst. A 50, 714 (1994).

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import Density, critical_points
    >>> x = np.indices((12, 12, 12)) / 12
    >>> wave = 3 + np.cos(2 * np.pi * x).sum(axis=0)
    >>> found = critical_points(Density(wave, 3 * np.eye(3), [[0, 0, 0]], [11]))
    >>> found.counts(), found.morse_sum
    ({'maximum': 1, 'bond': 3, 'ring': 3, 'cage': 1}, 0)
    >>> found.points[1].position, round(found.points[1].laplacian, 6)
    ((0.0, 0.0, 0.5), -4.386491)
    """
    density_with_basins(density, density)
    level = vacuum_level(vacuum)
    au, (heights, _) = on_own_au(density, density, space_group)
    lattice = invariant_lattice(au.space_group, density.lattice)
    search = Search(FourierSeries(expand_from_au(heights, au)[None], lattice), au, lattice, level)
    found = Found(np.empty((0, 3)), np.empty(0, dtype=np.int64))
    for times in FINER:
        found = search.add(found, times)
        if level > -math.inf or (len(found.positions) and search.morse_sum(found) == 0):
            break
    if not len(found.positions):
        raise SymfftError(
            "the density has no isolated critical point: it is constant, or the same along a line or a plane"
            + ("" if level == -math.inf else f", or all of them lie below the vacuum density {level:g} e/Å³")
        )
    return _described(density, search, found)


# ---- inside ---------------------------------------------------------------------------------------------------------


def _described(density: Density, search: Search, found: Found) -> CriticalPoints:
    """Return the points with what is known of each, those near a nucleus as one."""
    lattice = search.lattice
    values, curvatures = search.curvatures(found.positions)
    kept = values >= search.level
    found = Found(found.positions[kept], found.counts[kept])
    values, curvatures = values[kept], curvatures[kept]
    owners = owners_of(found.positions, density.positions, density.numbers, lattice)
    radii = _sphere_radii(density, search)
    inside = np.zeros(len(values), dtype=bool)
    if len(radii):
        inside = owners.distance < radii[owners.nearest]
    atoms, wrong = _atoms(density, search, found, curvatures, inside, owners)

    positive = (curvatures > 0).sum(axis=1)
    others = [
        CriticalPoint(
            kind=KINDS[positive[i]],
            position=_triple(found.positions[i]),
            count=int(found.counts[i]),
            density=float(values[i]),
            laplacian=float(curvatures[i].sum()),
            curvatures=_triple(curvatures[i]),
            nearest=int(owners.nearest[i]) if len(density.numbers) else None,
            distance=float(owners.distance[i]),
        )
        for i in np.flatnonzero(~inside)
    ]
    maxima = [point for point in others if point.kind == "maximum"]
    bonds = [point for point in others if point.kind == "bond"]
    if bonds:
        ends = iter(_ends(bonds, density, search, radii, maxima))
        others = [replace(p, ends=next(ends)) if p.kind == "bond" else p for p in others]
    others.sort(key=lambda p: (KINDS.index(p.kind), -p.density, p.position))
    points = [*atoms, *others]
    total = sum((-1) ** KINDS.index(p.kind) * p.count for p in points)
    flat = np.abs(curvatures).min(axis=1) < DEGENERATE * np.abs(curvatures).max(axis=1)
    notes = _notes(density, search, points, radii, total, wrong, int(found.counts[flat & ~inside].sum()))
    return CriticalPoints(tuple(points), total, search.group, notes)


def _sphere_radii(density: Density, search: Search) -> FloatArray:
    """Return the largest radius around each atom at which the gradient points inward everywhere; 0 for none, (n,)."""
    numbers, positions = density.numbers, density.positions
    radii = np.zeros(len(numbers))
    orbits = atom_orbits(search.group, positions, numbers, search.lattice)
    directions = _directions(DIRECTIONS)
    for orbit in range(int(orbits.max(initial=-1)) + 1):
        members = np.flatnonzero(orbits == orbit)
        place = positions[members[0]]
        limit = min(covalent_radius(int(numbers[members[0]])), NEARER * _next_atom(place, positions, search.lattice))
        for radius in limit * RADII:
            points = place + radius * directions @ np.linalg.inv(search.lattice)
            slope = search.series.derivatives_at(points).gradient[0]
            if ((slope * directions).sum(axis=1) < 0).all():
                radii[members] = radius
                break
    return radii


def _directions(count: int) -> FloatArray:
    """Return unit vectors spread evenly over a sphere, on a spiral of golden angles, (count, 3)."""
    turn = np.pi * (3 - np.sqrt(5)) * np.arange(count)
    z = 1 - (2 * np.arange(count) + 1) / count
    return np.stack([np.sqrt(1 - z**2) * np.cos(turn), np.sqrt(1 - z**2) * np.sin(turn), z], axis=1)


def _next_atom(place: FloatArray, positions: FloatArray, lattice: FloatArray) -> float:
    """Return the distance, in Å, from an atom to the nearest other one, or image of itself."""
    shifts = np.stack(np.meshgrid(*3 * [np.arange(-2, 3)], indexing="ij"), axis=-1).reshape(-1, 3)
    apart = positions - place
    lengths = np.linalg.norm(((apart - np.rint(apart))[:, None] + shifts) @ lattice, axis=2)
    return float(lengths[lengths > SAME].min())


def _atoms(
    density: Density,
    search: Search,
    found: Found,
    curvatures: FloatArray,
    inside: NDArray[np.bool_],
    owners: Owners,
) -> tuple[list[CriticalPoint], list[str]]:
    """Return an atom for the points inside the spheres of equivalent ones, and the atoms where they do not count one.

    A single maximum keeps its own place and values.
    """
    nearest, distance = owners.nearest, owners.distance
    orbits = atom_orbits(search.group, density.positions, density.numbers, search.lattice)
    atoms, wrong = [], []
    for orbit in np.unique(orbits[nearest[inside]]) if inside.any() else []:
        members = np.flatnonzero(orbits == orbit)
        mine = np.flatnonzero(inside & (orbits[nearest] == orbit))
        sign = (-1) ** (curvatures[mine] > 0).sum(axis=1)
        if int((sign * found.counts[mine]).sum()) != len(members):
            wrong.append(_name(density, members[0]))
        alone = len(mine) == 1 and found.counts[mine[0]] == len(members)
        place = found.positions[mine[0]] if alone else density.positions[members[0]] % 1.0
        value, curvature = search.curvatures(place[None]) if alone else (np.full(1, np.nan), np.full((1, 3), np.nan))
        atoms.append(
            CriticalPoint(
                kind="maximum",
                position=_triple(place),
                count=len(members),
                density=float(value[0]),
                laplacian=float(curvature[0].sum()),
                curvatures=_triple(curvature[0]),
                nearest=int(nearest[mine[0]]) if alone else int(members[0]),
                distance=float(distance[mine[0]]) if alone else 0.0,
                nuclear=True,
                merged=int(found.counts[mine].sum()),
            )
        )
    return atoms, wrong


def _ends(
    bonds: list[CriticalPoint], density: Density, search: Search, radii: FloatArray, maxima: list[CriticalPoint]
) -> list[tuple[int | None, int | None]]:
    """Return the atoms that the two paths of steepest ascent from each bond point lead to."""
    inverse = np.linalg.inv(search.lattice)
    starts = np.array([point.position for point in bonds])
    along = np.linalg.eigh(search.series.derivatives_at(starts).hessian[0])[1][:, :, 2] @ inverse
    places = np.concatenate([starts + STEP * along, starts - STEP * along])
    others = np.concatenate([np.empty((0, 3)), *(search.images(np.array(m.position)) for m in maxima)])
    ends: list[int | None] = [None] * len(places)
    climbing = list(range(len(places)))
    for _ in range(STEPS):
        for i in climbing:
            ends[i] = _reached(places[i], density, radii, search.lattice)
        climbing = [i for i in climbing if ends[i] is None and not _near(places[i], others, search.lattice)]
        if not climbing:
            break
        halfway = places[climbing] + 0.5 * STEP * search.uphill(places[climbing]) @ inverse
        places[climbing] += STEP * search.uphill(halfway) @ inverse
    return list(zip(ends[: len(bonds)], ends[len(bonds) :], strict=True))


def _reached(place: FloatArray, density: Density, radii: FloatArray, lattice: FloatArray) -> int | None:
    """Return the atom in whose sphere a place is."""
    apart = density.positions - place
    lengths = np.linalg.norm((apart - np.rint(apart)) @ lattice, axis=1)
    within = np.flatnonzero(lengths < radii)
    return int(within[0]) if len(within) else None


def _near(place: FloatArray, points: FloatArray, lattice: FloatArray) -> bool:
    apart = points - place
    return bool((np.linalg.norm((apart - np.rint(apart)) @ lattice, axis=1) < 2 * STEP).any())


def _notes(
    density: Density,
    search: Search,
    points: list[CriticalPoint],
    radii: FloatArray,
    total: int,
    wrong: list[str],
    flat: int,
) -> tuple[str, ...]:
    notes = []
    bare = [i for i in range(len(radii)) if radii[i] == 0]
    if bare:
        names = ", ".join(_name(density, i) for i in bare[:8]) + (", …" if len(bare) > 8 else "")
        notes.append(
            f"around {names} the density does not rise towards the nucleus: a density of valence electrons may have no "
            "maximum there, and what bonds such an atom has does not show"
        )
    if any(p.merged > p.count for p in points):
        names = ", ".join(_name(density, p.nearest or 0) for p in points if p.merged > p.count)
        notes.append(
            f"shells and ripples of valence electrons near the nuclei of {names} are counted as one maximum each: "
            "density and curvatures there mean nothing and are not given"
        )
    if search.level > -math.inf:
        notes.append(f"no points were sought below {search.level:g} e/Å³: their numbers need not add up to zero")
    elif total or wrong:
        whose = f", near {', '.join(wrong)} already" if wrong else ""
        notes.append(
            f"maxima - bond + ring - cage points are {total}, not zero{whose}: points are missing, or not isolated"
        )
    if flat:
        notes.append(f"{flat} points in the cell are nearly flat along a direction: their kind is uncertain")
    if any(p.density < 0 and not p.nuclear for p in points):
        notes.append("some points lie where the density is negative: ripples of the series, not of the crystal")
    return tuple(notes)


def _name(density: Density, atom: Any) -> str:
    number = int(density.numbers[atom])
    return f"{SYMBOLS[number - 1] if 1 <= number <= len(SYMBOLS) else 'X'}{int(atom) + 1}"


def _triple(values: FloatArray) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return x, y, z
