r"""Which atoms a density is made of, from its values alone: its cell, space group and electrons are known.

A set of occupied orbits, an element on each, superposes to structure factors :math:`F(h) = \sum_s f_{Z_s}(|G|)
\sum_{x \in s} e^{-2 \pi i h x}`. Sought is the set with the density's electrons that misses the density's structure
factors least,

.. math:: \chi^2 = \sum_h \frac{|F_\rho(h) - F(h)|^2}{\sigma(|G|)^2 n} \Big/ \sum_h 1,

where :math:`\sigma` is what superposed atoms miss in the training set (:class:`symfft_models.atoms.RadialAtoms`) and n
the usual number of atoms in a cell of this volume. Since bonds are smooth and cores are not, this is decided near the
nuclei, where elements differ. Orbits are looked for at the points that the group leaves no freedom, and at the maxima
of the map of how much one atom of the best element would explain at a point, of the density and of what the best sets
leave over; sets are grown orbit by orbit, many at a time (a beam search); free coordinates are refined at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter
from scipy.optimize import least_squares

from symfft import (
    Density,
    SpaceGroup,
    SymfftError,
    asymmetric_unit,
    au_dft,
    au_idft,
    next_compatible_shape,
    reduce_to_au,
    resample,
)
from symfft_models._array_types import ComplexArray, FloatArray
from symfft_models.atoms.positions import cosets, directions, distances, onto_special, orbit, points_without_freedom
from symfft_models.atoms.radial import RadialAtoms, load_radial_atoms

#: Reflections longer than this (1/Å) are not looked at.
LONGEST = 12.0
#: Smallest deviation (electrons) that counts, and volume (Å³) that an atom usually takes.
FLOOR, VOLUME = 0.03, 15.0
#: Deviation of the electrons from a whole number up to which a density may be one of a crystal.
WHOLE = 0.02
#: Largest difference of two values of an orbit, as a share of the highest value, of a density that has its group.
ASYMMETRY = 0.01
#: chi above which no answer counts as one: hundreds for what is not made of atoms of the set, below 3 for what is.
LIMIT = 3.5
#: Maxima of every element's map that are looked at, of the density and of what each of the best answers leaves over;
#: points that atoms may lie on.
MAXIMA, LEFT_MAXIMA, POINTS = 5, 1, 30
#: An atom may explain less than nothing, by this share of all (lithium has given its electron away).
WORSE = 0.03
#: A maximum is moved onto a special position within this distance (Å); orbits closer than this are one.
SNAP, ONE = 0.45, 0.25
#: Atoms are no closer than this (Å), and than this share of the sum of their covalent radii: 0.73 in the PAW set.
TOUCH, CLOSE = 0.7, 0.6
#: Elements that are tried on a point; sets that are grown at a time, of them on the same points; elements on each point
#: that a set may grow by, the first time and later; most orbits.
ELEMENTS, BEAM, ALIKE, GROWTH, ORBITS = 64, 400, 96, (24, 12, 6), 14
#: Share of chi² that one more orbit must take away to be worth it.
WORTH = 0.25


@dataclass(frozen=True)
class FoundSite:
    """An occupied orbit: element, a point of it (fractional), and its number of atoms in the cell."""

    symbol: str
    position: tuple[float, float, float]
    multiplicity: int


@dataclass(frozen=True)
class Answer:
    """Occupied orbits that may be those of a density.

    Attributes
    ----------
    sites : tuple of FoundSite
        The orbits.
    misfit : float
        How far their superposed atoms miss the density (chi; about 0.5 where all is right).
    nmae : float or None
        ``100 Σ|ρ - ρ'| / Σ|ρ|`` in %, of the density ρ' that the density model predicts for these atoms; None where it
        was not asked.
    """

    sites: tuple[FoundSite, ...]
    misfit: float
    nmae: float | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Atoms of each element in the cell."""
        found: dict[str, int] = {}
        for site in self.sites:
            found[site.symbol] = found.get(site.symbol, 0) + site.multiplicity
        return found


@dataclass(frozen=True)
class Findings:
    """What was found in a density.

    Attributes
    ----------
    answers : tuple of Answer
        Best first; empty where nothing fits.
    reason : str
        Why nothing fits; empty where something does.
    electrons : float
        Of the density.
    space_group : SpaceGroup
        In the setting of the density's cell.
    lattice : (3, 3) float
        Cell of the density.
    """

    answers: tuple[Answer, ...]
    reason: str
    electrons: float
    space_group: SpaceGroup = field(repr=False)
    lattice: FloatArray = field(repr=False)

    def atoms(self, rank: int = 0) -> tuple[FloatArray, list[str]]:
        """Return fractional positions (m, 3) and elements (m,) of all atoms of an answer."""
        sites = self.answers[rank].sites
        orbits = [orbit(self.space_group, np.array(site.position)) for site in sites]
        return np.concatenate(orbits), [s.symbol for s, points in zip(sites, orbits, strict=True) for _ in points]


def superposing_atoms(
    density: Density,
    space_group: SpaceGroup | None = None,
    *,
    atoms: RadialAtoms | None = None,
    answers: int = 5,
) -> Findings:
    """Find sets of atoms that superpose to a valence density; atoms that the density lists are not looked at.

    Parameters
    ----------
    density : Density
        Of VASP's kind (PAW, without core).
    space_group : SpaceGroup, optional
        In the setting of the cell; by default that of the atoms that the density lists.
    atoms : RadialAtoms, optional
        By default those that come with the package.
    answers : int
        How many to return at most.

    Raises
    ------
    SymfftError
        If the density is no charge density, or there is no group to find.
    NotSymmetricError
        If the density does not have the group.

    See Also
    --------
    symfft_models.atoms.find_atoms : which of them are the density's.
    """
    if density.kind != "charge":
        raise SymfftError(f"atoms are found in charge densities, and this is a {density.kind}")
    if space_group is None:
        if not len(density.numbers):
            raise SymfftError("the density lists no atoms to take the space group from: name the group")
        space_group = density.space_group()
    atoms = atoms or load_radial_atoms()
    lattice, electrons = np.asarray(density.lattice), density.electrons

    def nothing(reason: str) -> Findings:
        return Findings((), reason, electrons, space_group, lattice)

    if electrons < 0.5 or abs(electrons - round(electrons)) > WHOLE:
        return nothing(f"the density holds {electrons:.4f} electrons, not a whole number of them")
    target = _Target.of(density, space_group, atoms)
    found = [a for a in _search(target) if a.misfit < LIMIT]
    if not found:
        return nothing("no set of atoms of the known elements superposes to this density")
    return Findings(tuple(found[:answers]), "", electrons, space_group, lattice)


@dataclass(frozen=True, eq=False)
class _Target:
    """A density's structure factors at unique reflections, their weights, and the elements' form factors there."""

    group: SpaceGroup
    lattice: FloatArray
    shape: tuple[int, int, int]
    atoms: RadialAtoms
    electrons: int
    hkl: NDArray[np.int64]
    factors: ComplexArray
    weight: FloatArray
    multiplicity: FloatArray
    form: FloatArray
    rows: NDArray[np.intp]

    @classmethod
    def of(cls, density: Density, group: SpaceGroup, atoms: RadialAtoms) -> _Target:
        lattice = np.asarray(density.lattice)
        lengths = np.linalg.norm(lattice, axis=1)
        enough = [int(n) for n in np.ceil(LONGEST * lengths / np.pi) + 1]
        wanted = [min(n, m) for n, m in zip(enough, density.shape, strict=True)]
        values, shape = np.asarray(density.values), density.shape
        reduce_to_au(values, asymmetric_unit(group, shape), tolerance=ASYMMETRY)
        if tuple(wanted) != tuple(density.shape):
            smaller = next_compatible_shape(group, wanted)
            if all(n <= m for n, m in zip(smaller, density.shape, strict=True)):
                values, shape = np.asarray(resample(density, smaller).values), smaller
        unit = asymmetric_unit(group, shape)
        factors = au_dft(reduce_to_au(values, unit, tolerance=ASYMMETRY), unit) * density.volume / np.prod(shape)
        size = np.linalg.norm(unit.hkl @ (2 * np.pi * np.linalg.inv(lattice).T), axis=1)
        longest = min(LONGEST, *(0.98 * np.pi * n / a for n, a in zip(shape, lengths.tolist(), strict=True)))
        rows = np.flatnonzero((size > 1e-6) & (size < longest))
        multiplicity = np.asarray(unit.hkl_multiplicity[rows], dtype=np.float64)
        variance = (atoms.deviation(size[rows]) ** 2 + FLOOR**2) * density.volume / VOLUME
        return cls(
            group=group,
            lattice=lattice,
            shape=shape,
            atoms=atoms,
            electrons=round(density.electrons),
            hkl=unit.hkl[rows],
            factors=np.asarray(factors[rows], dtype=np.complex128),
            weight=multiplicity / variance,
            multiplicity=multiplicity,
            form=atoms.form_factors(size[rows]),
            rows=rows,
        )

    @cached_property
    def radii(self) -> FloatArray:
        """Covalent radii (Å) of the elements."""
        import gemmi

        return np.array([gemmi.Element(symbol).covalent_r for symbol in self.atoms.symbols])

    @cached_property
    def valence(self) -> NDArray[np.int64]:
        return np.array(list(self.atoms.valence.values()))

    def geometry(self, points: FloatArray) -> ComplexArray:
        """Sum of phases over the points of an orbit."""
        return np.asarray(np.exp(-2j * np.pi * (self.hkl @ points.T)).sum(1))

    def chi(self, left: ComplexArray) -> float:
        """How far structure factors are missed."""
        return float(np.sqrt(self.weight @ np.abs(left) ** 2 / self.multiplicity.sum()))

    def maxima(self, factors: ComplexArray, each: int) -> list[FloatArray]:
        """Return the points where one atom of an element explains most, the first few of every element."""
        unit = asymmetric_unit(self.group, self.shape)
        share = self.weight / self.multiplicity
        found: dict[int, tuple[int, float, FloatArray]] = {}
        for form, alone in zip(self.form, self.form**2 @ self.weight, strict=True):
            spectrum = np.zeros(len(unit.hkl), dtype=np.complex128)
            spectrum[self.rows] = share * form * factors
            gain = 2 * np.asarray(au_idft(spectrum, unit)).real * np.prod(self.shape) - alone
            full = gain[unit.labels]
            points = np.argwhere(full == maximum_filter(full, size=3, mode="wrap"))
            labels = unit.labels[tuple(points.T)]
            _, first = np.unique(labels, return_index=True)
            best = first[np.argsort(-gain[labels[first]], kind="stable")][:each]
            for rank, row in enumerate(best.tolist()):
                label, point = int(labels[row]), points[row] / np.array(self.shape)
                found[label] = min(found.get(label, (each, 0.0, point)), (rank, -float(gain[label]), point), key=_order)
        return [point for _, _, point in sorted(found.values(), key=_order)]


def _order(found: tuple[int, float, FloatArray]) -> tuple[int, float]:
    return found[:2]


@dataclass
class _Pool:
    """Points that atoms may lie on, with their orbits."""

    target: _Target
    points: list[FloatArray] = field(default_factory=list)
    orbits: list[FloatArray] = field(default_factory=list)

    def add(self, point: FloatArray) -> None:
        """Take a point, moved onto a special position, unless its orbit is there already or touches itself."""
        lattice, group = self.target.lattice, self.target.group
        point = onto_special(group, point, lattice, SNAP)
        around = orbit(group, point)
        if len(around) > 1 and distances(around[1:], around[0], lattice).min() < TOUCH:
            return
        if len(self.points) >= POINTS or any(distances(points, point, lattice).min() < ONE for points in self.orbits):
            return
        self.points.append(point)
        self.orbits.append(around)

    def between(self) -> FloatArray:
        """Return the distances (Å) of points to the orbits of others, and to the other points of their own."""
        lattice = self.target.lattice
        rows = [[distances(other, point, lattice).min() for other in self.orbits] for point in self.points]
        between = np.array(rows)
        between[np.diag_indices(len(between))] = [_own_distance(points, lattice) for points in self.orbits]
        return between


def _own_distance(points: FloatArray, lattice: FloatArray) -> float:
    """Smallest distance (Å) of the atoms of an orbit, those of neighbouring cells among them."""
    shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
    steps = np.linalg.norm((points - points[0] + shifts) @ lattice, axis=-1)
    return float(steps[steps > ONE].min())


def _are_apart(target: _Target, atoms: Sequence[tuple[int, FloatArray]]) -> bool:
    """Whether no two atoms are closer than atoms come."""
    orbits = [orbit(target.group, point) for _, point in atoms]
    for i, (element, point) in enumerate(atoms):
        for other, points in zip(atoms[:i], orbits[:i], strict=True):
            least = max(TOUCH, CLOSE * float(target.radii[element] + target.radii[other[0]]))
            if distances(points, point, target.lattice).min() < least:
                return False
        if _own_distance(orbits[i], target.lattice) < max(TOUCH, 2 * CLOSE * float(target.radii[element])):
            return False
    return True


def _search(target: _Target) -> list[Answer]:
    pool = _Pool(target)
    for point in [*points_without_freedom(target.group), *target.maxima(target.factors, MAXIMA)]:
        pool.add(point)
    sets = _grow(target, pool)
    known = len(pool.points)
    for chosen in sets[:2]:
        for point in target.maxima(target.factors - _superposed(target, pool, chosen), LEFT_MAXIMA):
            pool.add(point)
    if len(pool.points) > known:
        sets = _grow(target, pool)
    refined = [_refined(target, pool, chosen) for chosen in sets[:6]]
    rest = [_answer(target, [(e, pool.points[p]) for p, e in chosen]) for chosen in sets[6:30]]
    return sorted(refined + rest, key=lambda answer: answer.misfit**2 * (1 - WORTH) ** -len(answer.sites))


Chosen = tuple[tuple[int, int], ...]


def _superposed(target: _Target, pool: _Pool, chosen: Chosen) -> ComplexArray:
    total = np.zeros(len(target.hkl), dtype=np.complex128)
    for place, element in chosen:
        total += target.form[element] * target.geometry(pool.orbits[place])
    return total


def _grow(target: _Target, pool: _Pool) -> list[Chosen]:
    """Return sets of (point, element) with the electrons of the density, best first."""
    columns: list[tuple[int, int]] = []
    parts = []
    between = pool.between()
    root = np.sqrt(target.weight)
    for place, points in enumerate(pool.orbits):
        geometry = target.geometry(points)
        gain = 2 * (target.form * target.weight) @ (geometry.conj() * target.factors).real
        gain -= target.form**2 @ (target.weight * np.abs(geometry) ** 2)
        gain[target.valence * len(points) > target.electrons] = -np.inf
        gain[2 * CLOSE * target.radii > between[place, place]] = -np.inf
        for element in np.argsort(-gain)[:ELEMENTS]:
            if np.isfinite(gain[element]):
                columns.append((place, int(element)))
                parts.append(target.form[element] * geometry * root)
    if not columns:
        return []
    matrix = np.stack(parts)
    matrix = np.concatenate([matrix.real, matrix.imag], axis=1).astype(np.float32)
    goal = target.factors * root
    overlaps, alone = matrix @ matrix.T, matrix @ np.concatenate([goal.real, goal.imag])
    first = 2 * alone - np.diag(overlaps)
    places = np.array([place for place, _ in columns])
    sizes = np.array([len(points) for points in pool.orbits])[places]
    electrons = target.valence[[element for _, element in columns]] * sizes
    radii = target.radii[[element for _, element in columns]]
    touching = between[places][:, places] < np.maximum(TOUCH, CLOSE * (radii[:, None] + radii))
    touching |= places[:, None] == places
    total = float(target.weight @ np.abs(target.factors) ** 2)
    finished: dict[tuple[int, ...], float] = {}
    growing: list[tuple[tuple[int, ...], float, int]] = [((), 0.0, 0)]
    for depth in range(ORBITS):
        most = GROWTH[min(depth, len(GROWTH) - 1)]
        grown: dict[tuple[int, ...], tuple[float, int]] = {}
        for members, explained, held in growing:
            gain, rows = first, list(members)
            if rows:
                gain = np.where(touching[rows].any(0), -np.inf, gain - 2 * overlaps[rows].sum(0))
            gain = np.where(held + electrons <= target.electrons, gain, -np.inf)
            order = np.argsort(-gain)
            order = order[gain[order] > -WORSE * total]
            taken: Counter[int] = Counter()
            for column, place in zip(order.tolist(), places[order].tolist(), strict=True):
                taken[place] += 1
                if taken[place] <= most:
                    key = tuple(sorted((*members, column)))
                    grown[key] = (explained + float(gain[column]), held + int(electrons[column]))
        best, alike = [], Counter[tuple[int, ...]]()
        for item in sorted(grown.items(), key=lambda item: -item[1][0]):
            where = tuple(sorted(places[list(item[0])].tolist()))
            alike[where] += 1
            if alike[where] <= ALIKE:
                best.append(item)
            if len(best) == BEAM:
                break
        finished |= {key: gain for key, (gain, held) in best if held == target.electrons}
        growing = [(key, gain, held) for key, (gain, held) in best if held < target.electrons]
        if not growing:
            break
    ranked = sorted(finished, key=lambda key: (total - finished[key]) * (1 - WORTH) ** -len(key))
    return [tuple(columns[column] for column in key) for key in ranked]


def _answer(target: _Target, atoms: Sequence[tuple[int, FloatArray]]) -> Answer:
    left = target.factors.copy()
    sites = []
    for element, point in atoms:
        points = orbit(target.group, point)
        left -= target.form[element] * target.geometry(points)
        x, y, z = (point.round(5) % 1.0).tolist()
        sites.append(FoundSite(target.atoms.symbols[element], (x, y, z), len(points)))
    return Answer(tuple(sites), target.chi(left))


def _refined(target: _Target, pool: _Pool, chosen: Chosen) -> Answer:
    """Move atoms along their free coordinates to where they miss the density least."""
    start = [(element, pool.points[place]) for place, element in chosen]
    free = [directions(target.group, point) for _, point in start]
    before = _answer(target, start)
    if not any(len(axes) for axes in free):
        return before
    root, ends = np.sqrt(target.weight), np.cumsum([0, *(len(axes) for axes in free)])
    scale = 1.0 / np.linalg.norm(target.lattice, axis=1).mean()

    def moved(steps: FloatArray) -> list[tuple[int, FloatArray]]:
        return [
            (element, point + scale * steps[ends[i] : ends[i + 1]] @ free[i])
            for i, (element, point) in enumerate(start)
        ]

    operators = [cosets(target.group, point) for _, point in start]

    def missed(steps: FloatArray) -> FloatArray:
        left = target.factors.copy()
        for i, (element, point) in enumerate(moved(steps)):
            rotations, translations = operators[i]
            left -= target.form[element] * target.geometry(rotations @ point + translations)
        left *= root
        return np.concatenate([left.real, left.imag])

    result = least_squares(missed, np.zeros(int(ends[-1])), x_scale=0.05, max_nfev=12, bounds=(-0.5, 0.5))
    after = _answer(target, moved(result.x))
    better = after.misfit < before.misfit and after.counts == before.counts
    return after if better and _are_apart(target, moved(result.x)) else before
