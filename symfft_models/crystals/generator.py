"""New crystals: a structure type of the training crystals, with other elements, at the size that they will have.

A draw takes a structure type as often as the training crystals have it, one of its crystals, and puts like elements in
the place of its own (by how often both stand on one site, and by their distance in the periodic table). Of many such
proposals one is taken by the probability that it is stable: its energy, expected from relaxed crystals
(:class:`symfft_models.crystals.regression.Regression`), against that of competing phases. Volume comes from a
regression of the same kind, with its error; ratios of the cell and free coordinates are those of like crystals.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import permutations

import numpy as np
from scipy.special import ndtr

from symfft import SpaceGroup
from symfft_models._array_types import FloatArray
from symfft_models.crystals.composition import CompositionError, amounts, place, stoichiometry
from symfft_models.crystals.phases import lowest_mixture
from symfft_models.crystals.regression import Regression
from symfft_models.crystals.relaxed import (
    elemental_energies,
    formation_energy,
    load_relaxed,
    may_be_learned,
    training_crystals,
)
from symfft_models.datasets.crystals import Crystal
from symfft_models.datasets.paw.candidates import substituted, table
from symfft_models.datasets.paw.store import load_paw

#: Columns and rows of the periodic table over which elements stand for each other, at temperature 1.
COLUMNS, ROWS = 1.0, 1.2
#: Energy (eV per atom) above the competing phases up to which a crystal counts as stable.
STABLE = 0.05
#: Spread (eV per atom) of the choice among structure types of one composition, at temperature 1.
CHOICE = 0.05
#: Proposals of which one is taken; how often that is tried again for one that was not drawn before.
PROPOSALS, TRIES = 48, 40
#: Deviation of a wanted lattice constant from the expected one, in spreads, up to which it can be had.
REACH = 4.0


@dataclass(frozen=True)
class Wanted:
    """What a crystal is to be; None leaves it open.

    Attributes
    ----------
    composition : str
        Formula such as NaBr.
    space_group : int
        Number.
    prototype : str
        Structure type, as in the PAW set.
    electrons : float
        Valence electrons in the conventional cell.
    lattice_constant : float
        Length a of the conventional cell in Å.
    """

    composition: str | None = None
    space_group: int | None = None
    prototype: str | None = None
    electrons: float | None = None
    lattice_constant: float | None = None

    def __str__(self) -> str:
        named = {
            "composition": self.composition,
            "space group": self.space_group,
            "structure type": self.prototype,
            "electrons": self.electrons,
            "a (Å)": self.lattice_constant,
        }
        return " and ".join(f"{name} {value}" for name, value in named.items() if value is not None) or "anything"


@dataclass(frozen=True)
class DrawnCrystal:
    """A crystal, the training crystal that it came from, and what is expected of it.

    Attributes
    ----------
    formation_ev, formation_error : float
        Expected formation energy (eV per atom) by the potential, with its standard deviation.
    above_phases_ev : float
        The same against competing phases among the relaxed crystals.
    length_error : float
        Relative standard deviation of the lattice constants.
    """

    crystal: Crystal
    parent: str
    formation_ev: float
    formation_error: float
    above_phases_ev: float
    length_error: float


class CrystalModel:
    """What the training crystals say of structure types, elements, energies and sizes.

    Parameters
    ----------
    crystals : sequence of Crystal, optional
        By default those of the training split.

    Examples
    --------
    >>> model = load_crystal_model()
    >>> drawn = model.draw(np.random.default_rng(0), Wanted(composition="NaBr", prototype="rock-salt"))
    >>> drawn.crystal.id, drawn.crystal.space_group
    ('rock-salt-NaBr', 225)
    """

    def __init__(self, crystals: Sequence[Crystal] | None = None) -> None:
        self.templates = {row["prototype"]: row for row in table("prototypes.csv")}
        found = training_crystals() if crystals is None else crystals
        known = _known_elements()
        lowest = _lowest_elements()
        self.crystals = [
            crystal
            for crystal in found
            if crystal.species <= known and (len(crystal.species) > 1 or crystal.id in lowest) and self._fits(crystal)
        ]
        self.symbols = tuple(sorted({symbol for crystal in self.crystals for symbol in crystal.species}))
        self.by_type: dict[str, list[Crystal]] = defaultdict(list)
        for crystal in self.crystals:
            self.by_type[crystal.prototype].append(crystal)

    def _fits(self, crystal: Crystal) -> bool:
        """Whether a crystal lists the sites that its structure type has, in their order."""
        pattern = self._template(crystal.prototype, crystal.sites)
        return pattern is not None and all(
            np.abs(_wrapped(np.array(point) - np.array(start))).max() < 0.15
            for (_, _, point), (_, _, start) in zip(crystal.sites, pattern.sites, strict=True)
        )

    def _template(self, prototype: str, sites: Sequence[tuple[str, str, object]]) -> Crystal | None:
        row = self.templates[prototype]
        labels = [text.split()[0] for text in row["sites"].split(";")]
        wyckoff = [text.split()[1] for text in row["sites"].split(";")]
        if [w for _, w, _ in sites] != wyckoff:
            return None
        elements: dict[str, str] = {}
        for label, (symbol, _, _) in zip(labels, sites, strict=True):
            if elements.setdefault(label, symbol) != symbol:
                return None
        return substituted(row, [elements[label] for label in sorted(elements)])

    @cached_property
    def energy(self) -> Regression:
        """Expected formation energy of a crystal."""
        known = elemental_energies()
        items = [
            item
            for item in load_relaxed()
            if len(item.amounts) > 1
            and may_be_learned(item.crystal)
            and item.amounts.keys() <= known.keys() & set(self.symbols)
        ]
        energies = [formation_energy(item.amounts, item.energy) for item in items]
        return Regression.fit([item.crystal for item in items], energies, self.symbols)

    @cached_property
    def volume(self) -> Regression:
        """Expected logarithm of the volume (Å³) per atom of a crystal."""
        return Regression.fit(self.crystals, [np.log(volume_per_atom(c)) for c in self.crystals], self.symbols)

    @cached_property
    def exchange(self) -> FloatArray:
        """How readily an element takes another one's place, (elements, elements): pairs on one site of a type."""
        row = {symbol: number for number, symbol in enumerate(self.symbols)}
        together = np.zeros((len(row), len(row)))
        for members in self.by_type.values():
            on_sites = np.zeros((len(members[0].sites), len(row)))
            for crystal in members:
                for site, (symbol, _, _) in enumerate(crystal.sites):
                    on_sites[site, row[symbol]] += 1
            together += on_sites.T @ on_sites / len(members)
        rate = together / np.sqrt(np.outer(np.diag(together), np.diag(together)))
        return np.asarray(0.5 * rate + self.likeness)

    @cached_property
    def likeness(self) -> FloatArray:
        """Nearness of elements in the periodic table; the column counts more, since it makes the charge."""
        rows, columns = np.array([place(symbol) for symbol in self.symbols], dtype=float).T
        apart = (np.subtract.outer(rows, rows) / ROWS) ** 2 + (np.subtract.outer(columns, columns) / COLUMNS) ** 2
        return np.asarray(np.exp(-apart / 2))

    def _likest(self, crystal: Crystal) -> FloatArray:
        """Nearness of a crystal's elements to those on the sites of each training crystal of its structure type."""
        row = {symbol: number for number, symbol in enumerate(self.symbols)}
        return np.array(
            [
                np.prod([self.likeness[row[a[0]], row[b[0]]] for a, b in zip(crystal.sites, known.sites, strict=True)])
                for known in self.by_type[crystal.prototype]
            ]
        )

    def draw(
        self,
        rng: np.random.Generator,
        wanted: Wanted | None = None,
        *,
        temperature: float = 1.0,
        drawn: Iterable[str] = (),
    ) -> DrawnCrystal:
        """Draw a crystal.

        Parameters
        ----------
        rng : numpy Generator
            Source of chance.
        wanted : Wanted, optional
            What it is to be.
        temperature : float
            0: the likeliest elements; 1: as the training crystals are spread.
        drawn : iterable of str
            Names of crystals that are not to be drawn again.

        Raises
        ------
        CompositionError
            If what is wanted cannot be had; the message says why.
        """
        wanted = wanted or Wanted()
        types = self._types(wanted)
        taken = set(drawn)
        rng_proposals = (
            self._compositions(wanted, types)
            if wanted.composition is not None
            else self._exchanged(rng, types, wanted, temperature)
        )
        proposals = [(parent, crystal) for parent, crystal in rng_proposals if crystal.id not in taken]
        if not proposals:
            raise CompositionError(self._nothing(wanted, types, bool(taken)))
        crystals = [crystal for _, crystal in proposals]
        formation, error = self.energy.predict(crystals)
        above = np.array([e - self._competing(c) for e, c in zip(formation, crystals, strict=True)])
        if wanted.composition is not None:
            likest = np.array([self._likest(crystal).max() for crystal in crystals])
            weight = (np.exp(-(above - above.min()) / CHOICE) * (likest + 1e-9)) ** (1 / max(temperature, 1e-3))
        else:
            weight = ndtr((STABLE - above) / error) ** (1 / max(temperature, 1e-3))
        weight = np.where(np.isfinite(weight), weight, 0.0) + 1e-300
        row = int(rng.choice(len(proposals), p=weight / weight.sum()))
        crystal, length_error = self._sized(crystals[row], wanted)
        return DrawnCrystal(
            crystal, proposals[row][0], float(formation[row]), float(error[row]), float(above[row]), length_error
        )

    def _types(self, wanted: Wanted) -> list[str]:
        """Structure types that may be drawn."""
        unknown = wanted.composition and [s for s in amounts(wanted.composition) if s not in self.symbols]
        if unknown:
            raise CompositionError(
                f"composition {wanted.composition} cannot be had: no training crystal holds {' or '.join(unknown)}; "
                f"they hold {', '.join(self.symbols)}"
            )
        types = [
            name
            for name, members in self.by_type.items()
            if wanted.space_group in (None, members[0].space_group)
            and wanted.prototype in (None, name)
            and (wanted.composition is None or _amounts_alike(wanted.composition, members[0].composition))
        ]
        if not types:
            raise CompositionError(self._nothing(wanted, [], False))
        return sorted(types)

    def _nothing(self, wanted: Wanted, types: list[str], taken: bool) -> str:
        if taken and types:
            return f"no further crystal with {wanted} can be had: all that there are were drawn; ask for fewer, or less"
        if types:
            found = sorted({round(electrons_of(c)) for name in types for c in self.by_type[name]})
            listed = ", ".join(map(str, found[:12])) + (", …" if len(found) > 12 else "")
            return f"{wanted} cannot be had: the training crystals of such structure types have {listed} electrons"
        kinds = sorted({stoichiometry(c.composition) for c in self.crystals if self._matches(c, wanted)})
        groups = sorted({c.space_group for c in self.crystals})
        return (
            f"{wanted} cannot be had: no structure type of the training crystals is like that. They are of the space "
            f"groups {', '.join(map(str, groups))}; in what was asked for there are compositions like "
            f"{', '.join(kinds) or 'none'}, and structure types such as {', '.join(sorted(self.by_type)[:12])}"
        )

    @staticmethod
    def _matches(crystal: Crystal, wanted: Wanted) -> bool:
        return wanted.space_group in (None, crystal.space_group) and wanted.prototype in (None, crystal.prototype)

    def _compositions(self, wanted: Wanted, types: Sequence[str]) -> Iterator[tuple[str, Crystal]]:
        """Every way to put the wanted elements on the sites of the structure types."""
        assert wanted.composition is not None
        elements = amounts(wanted.composition)
        for name in types:
            parent = self.by_type[name][0]
            for order in permutations(elements):
                crystal = substituted(self.templates[name], order)
                if Counter(amounts(crystal.composition)) == Counter(elements) and _has_electrons(crystal, wanted):
                    yield parent.id, crystal

    def _exchanged(
        self, rng: np.random.Generator, types: Sequence[str], wanted: Wanted, temperature: float
    ) -> list[tuple[str, Crystal]]:
        """Training crystals with like elements in the place of their own."""
        share = np.array([len(self.by_type[name]) for name in types], dtype=float)
        row = {symbol: number for number, symbol in enumerate(self.symbols)}
        found: dict[str, tuple[str, Crystal]] = {}
        for _ in range(PROPOSALS * TRIES):
            name = types[int(rng.choice(len(types), p=share / share.sum()))]
            members = self.by_type[name]
            parent = members[int(rng.integers(len(members)))]
            species = self._species(parent)
            chosen = [self._instead(row[symbol], rng, temperature) for symbol in species]
            if len(set(chosen)) < len(chosen):
                continue
            crystal = substituted(self.templates[name], chosen)
            if _has_electrons(crystal, wanted):
                found.setdefault(crystal.id, (parent.id, crystal))
            if len(found) == PROPOSALS:
                break
        return list(found.values())

    def _species(self, crystal: Crystal) -> list[str]:
        """Elements of a crystal in the order of its structure type's letters."""
        labels = [text.split()[0] for text in self.templates[crystal.prototype]["sites"].split(";")]
        pairs = zip(labels, crystal.sites, strict=True)
        return [symbol for _, symbol in sorted({(label, symbol) for label, (symbol, _, _) in pairs})]

    def _instead(self, row: int, rng: np.random.Generator, temperature: float) -> str:
        weight = self.exchange[row] ** (1 / max(temperature, 1e-3))
        return self.symbols[int(rng.choice(len(weight), p=weight / weight.sum()))]

    def _competing(self, crystal: Crystal) -> float:
        """Formation energy of the lowest mixture of relaxed phases with a crystal's composition."""
        total = sum(n for _, n in crystal.formula)
        shares: dict[str, float] = defaultdict(float)
        for symbol, n in crystal.formula:
            shares[symbol] += n / total
        known = [phase for phase in load_relaxed() if phase.crystal.composition != crystal.composition]
        energy, _ = lowest_mixture(shares, known)
        return formation_energy(shares, energy)

    def _sized(self, crystal: Crystal, wanted: Wanted) -> tuple[Crystal, float]:
        """Give a crystal of unit size its cell and free coordinates."""
        members = self.by_type[crystal.prototype]
        weight = self._likest(crystal) + 1e-3
        weight /= weight.sum()
        lengths = np.array([np.log(np.array(m.constants[:3]) / m.constants[0]) for m in members])
        angles = np.array([m.constants[3:] for m in members])
        ratios, turned = np.exp(weight @ lengths), weight @ angles
        points = []
        for site, (symbol, wyckoff, start) in enumerate(crystal.sites):
            steps = np.array([_wrapped(np.array(m.sites[site][2]) - np.array(start)) for m in members])
            x, y, z = (np.array(start) + weight @ steps).tolist()
            points.append((symbol, wyckoff, (x, y, z)))
        shaped = replace(
            crystal,
            constants=(1.0, float(ratios[1]), float(ratios[2]), *(float(t) for t in turned)),  # type: ignore[arg-type]
            sites=tuple(points),
            source="drawn",
        )
        expected, spread = (float(v[0]) for v in self.volume.predict([crystal]))
        error = spread / 3
        a = float((np.exp(expected) / volume_per_atom(shaped)) ** (1 / 3))
        if wanted.lattice_constant is not None:
            if abs(np.log(wanted.lattice_constant / a)) > REACH * error:
                raise CompositionError(
                    f"{crystal.id} cannot be had at a = {wanted.lattice_constant:g} Å: {a:.3f} Å is expected, to "
                    f"{100 * error:.1f} %"
                )
            a = wanted.lattice_constant
        _, b, c, *angle = shaped.constants
        constants = (round(a, 5), round(a * b, 5), round(a * c, 5), *(round(t, 4) for t in angle))
        return replace(shaped, constants=constants), error  # type: ignore[arg-type]


def volume_per_atom(crystal: Crystal) -> float:
    """Return the volume of a crystal's cell over its number of atoms."""
    return abs(float(np.linalg.det(crystal.lattice))) / atoms_in_cell(crystal)


def atoms_in_cell(crystal: Crystal) -> int:
    """Return the number of atoms in the conventional cell."""
    return sum(int(wyckoff[:-1]) for _, wyckoff, _ in crystal.sites)


def electrons_of(crystal: Crystal) -> float:
    """Return the valence electrons in the conventional cell, by the setups of the PAW set."""
    setups = load_paw().setups
    return float(sum(int(wyckoff[:-1]) * setups[symbol].valence for symbol, wyckoff, _ in crystal.sites))


def has_its_space_group(crystal: Crystal) -> bool:
    """Whether the sites of a crystal have the space group that it says, and no higher one."""
    cell, symbols, positions = crystal.cell(primitive=True)
    kinds = [sorted(set(symbols)).index(symbol) for symbol in symbols]
    return bool(SpaceGroup.from_structure(cell, positions, kinds).number == crystal.space_group)


def _has_electrons(crystal: Crystal, wanted: Wanted) -> bool:
    return wanted.electrons is None or abs(electrons_of(crystal) - wanted.electrons) < 1e-6


def _amounts_alike(first: str, second: str) -> bool:
    return stoichiometry(first) == stoichiometry(second)


def _wrapped(steps: FloatArray) -> FloatArray:
    return np.asarray(steps - np.rint(steps))


def _known_elements() -> set[str]:
    """Elements of the training densities."""
    return {site.symbol for entry in load_paw().select(split="train") for site in entry.sites}


def _lowest_elements() -> set[str]:
    """Names of the elements' lowest relaxed crystals."""
    lowest = elemental_energies()
    return {
        item.crystal.id
        for item in load_relaxed()
        if len(item.amounts) == 1 and item.energy == lowest[next(iter(item.amounts))]
    }


@cache
def load_crystal_model() -> CrystalModel:
    """Return the model of the training crystals that come with the package."""
    return CrystalModel()
