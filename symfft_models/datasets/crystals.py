"""Crystals to compute: compounds that adopt cubic prototypes, and a smaller list in other space groups.

``crystals.csv`` lists prototype, formula (elements in the order of the prototype's sites), cubic lattice constant in Å,
the free coordinate where the prototype has one, whether the constant was put in by hand ("input"; what others give for
it is in :mod:`symfft_models.datasets.lattice_sources`) or estimated from radii, and a remark on constants that are not
the compound's.
``crystals_other.csv`` lists structures one by one: space group, the cell's free constants (Å and degrees; in the order
a b c alpha beta gamma, without those that the crystal system fixes), and the occupied Wyckoff positions. Everything is
in the reference setting of the space group.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from importlib import resources

import numpy as np

from symfft import SpaceGroup
from symfft_models._array_types import FloatArray
from symfft_models.data.formula import reduced, reduced_formula, written

Point = tuple[float, float, float]
#: a, b, c in Å, alpha, beta, gamma in degrees.
Constants = tuple[float, float, float, float, float, float]

#: Rows of a primitive cell in units of the conventional one, by centring letter.
PRIMITIVE = {
    "P": np.eye(3),
    "F": np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]),
    "I": np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]]),
    "C": np.array([[0.5, -0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]),
    "A": np.array([[1.0, 0.0, 0.0], [0.0, 0.5, -0.5], [0.0, 0.5, 0.5]]),
    "R": np.array([[2.0, 1.0, 1.0], [-1.0, 1.0, 1.0], [-1.0, -2.0, 1.0]]) / 3,
}


@dataclass(frozen=True)
class Slot:
    """A Wyckoff position with its multiplicity in the cubic cell, a point of it ("x" is free), and whose it is."""

    wyckoff: str
    point: tuple[float | str, float | str, float | str]
    species: int


@dataclass(frozen=True)
class Prototype:
    """A cubic structure type: space group, occupied Wyckoff positions, and the usual value of the free coordinate."""

    space_group: int
    sites: tuple[Slot, ...]
    x: float | None = None


def _prototype(space_group: int, *sites: str, x: float | None = None) -> Prototype:
    """Read sites such as ``"0 8a 1/8 1/8 1/8"``: number of the element, Wyckoff position, point."""

    def site(text: str) -> Slot:
        species, wyckoff, *point = text.split()
        a, b, c = (word if word == "x" else float(Fraction(word)) for word in point)
        return Slot(wyckoff, (a, b, c), int(species))

    return Prototype(space_group, tuple(site(text) for text in sites), x)


PROTOTYPES = {
    "simple-cubic": _prototype(221, "0 1a 0 0 0"),
    "CsCl": _prototype(221, "0 1a 0 0 0", "1 1b 1/2 1/2 1/2"),
    "L1_2": _prototype(221, "0 3c 0 1/2 1/2", "1 1a 0 0 0"),
    "perovskite": _prototype(221, "0 1a 0 0 0", "1 1b 1/2 1/2 1/2", "2 3c 0 1/2 1/2"),
    "anti-perovskite": _prototype(221, "0 3c 0 1/2 1/2", "1 1b 1/2 1/2 1/2", "2 1a 0 0 0"),
    "ReO3": _prototype(221, "0 1a 0 0 0", "1 3d 1/2 0 0"),
    "anti-ReO3": _prototype(221, "0 3d 1/2 0 0", "1 1a 0 0 0"),
    "hexaboride": _prototype(221, "0 1a 0 0 0", "1 6f x 1/2 1/2", x=0.2),
    "fcc": _prototype(225, "0 4a 0 0 0"),
    "rock-salt": _prototype(225, "0 4a 0 0 0", "1 4b 1/2 1/2 1/2"),
    "fluorite": _prototype(225, "0 4a 0 0 0", "1 8c 1/4 1/4 1/4"),
    "anti-fluorite": _prototype(225, "0 8c 1/4 1/4 1/4", "1 4a 0 0 0"),
    "D0_3": _prototype(225, "0 4b 1/2 1/2 1/2", "0 8c 1/4 1/4 1/4", "1 4a 0 0 0"),
    "full-Heusler": _prototype(225, "0 8c 1/4 1/4 1/4", "1 4a 0 0 0", "2 4b 1/2 1/2 1/2"),
    "double-perovskite": _prototype(225, "0 8c 1/4 1/4 1/4", "1 4a 0 0 0", "2 4b 1/2 1/2 1/2", "3 24e x 0 0", x=0.25),
    "K2PtCl6": _prototype(225, "0 8c 1/4 1/4 1/4", "1 4a 0 0 0", "2 24e x 0 0", x=0.24),
    "diamond": _prototype(227, "0 8a 1/8 1/8 1/8"),
    "zintl-B32": _prototype(227, "0 8a 1/8 1/8 1/8", "1 8b 3/8 3/8 3/8"),
    "Laves-C15": _prototype(227, "0 8a 1/8 1/8 1/8", "1 16d 1/2 1/2 1/2"),
    "spinel": _prototype(227, "0 8a 1/8 1/8 1/8", "1 16d 1/2 1/2 1/2", "2 32e x x x", x=0.26),
    "cristobalite": _prototype(227, "0 8a 1/8 1/8 1/8", "1 16c 0 0 0"),
    "pyrochlore": _prototype(227, "0 16d 1/2 1/2 1/2", "1 16c 0 0 0", "2 48f x 1/8 1/8", "2 8b 3/8 3/8 3/8", x=0.33),
    "defect-pyrochlore": _prototype(227, "0 8b 3/8 3/8 3/8", "1 16c 0 0 0", "2 48f x 1/8 1/8", x=0.315),
}


@dataclass(frozen=True)
class Crystal:
    """One crystal of the lists, in the reference setting of its space group.

    Attributes
    ----------
    prototype : str
        Structure type.
    formula : tuple of (str, int)
        Elements and their numbers of atoms in a formula unit, in the order in which they are written.
    space_group : int
        Number of the space group.
    constants : tuple of 6 float
        a, b, c in Å, already multiplied by `jitter`, and alpha, beta, gamma in degrees.
    sites : tuple of (str, str, (float, float, float))
        Element, Wyckoff position and representative point of every occupied orbit.
    source : str
        Where constants and points come from: "input", "estimate" or "hypothetical".
    jitter : float
        Factor of a, b and c against the listed ones.
    remark : str
        Why the constants are not the compound's; "" elsewhere.
    """

    prototype: str
    formula: tuple[tuple[str, int], ...]
    space_group: int
    constants: Constants
    sites: tuple[tuple[str, str, Point], ...]
    source: str
    jitter: float = 1.0
    remark: str = ""

    @property
    def species(self) -> frozenset[str]:
        """Elements that take part."""
        return frozenset(symbol for symbol, _, _ in self.sites)

    @property
    def id(self) -> str:
        """Unique name: prototype, formula in site order, and the jitter where there is one."""
        return f"{self.prototype}-{written(self.formula)}" + ("" if self.jitter == 1.0 else f"-a{self.jitter:.3f}")

    @property
    def composition(self) -> str:
        """Reduced formula, elements in alphabetical order."""
        counts: Counter[str] = Counter()
        for symbol, n in self.formula:
            counts[symbol] += n
        return reduced_formula(counts)

    @property
    def basis(self) -> FloatArray:
        """Rows of the primitive cell in units of the conventional one."""
        return PRIMITIVE[SpaceGroup.from_number(self.space_group).symbol[0]]

    @property
    def lattice(self) -> FloatArray:
        """Conventional cell, rows in Å: the first along x, the second in the plane of x and y."""
        a, b, c, *angles = self.constants
        cos_a, cos_b, cos_g = (_cosine(angle) for angle in angles)
        sin_g = np.sqrt(1 - cos_g**2)
        third = np.array([cos_b, (cos_a - cos_b * cos_g) / sin_g])
        return np.array(
            [[a, 0.0, 0.0], [b * cos_g, b * sin_g, 0.0], [*(c * third), c * np.sqrt(1 - third @ third)]],
        )

    def cell(self, *, primitive: bool) -> tuple[FloatArray, list[str], FloatArray]:
        """Return cell rows (Å), element symbols and fractional positions of the conventional or the primitive cell."""
        basis = self.basis if primitive else np.eye(3)
        symbols: list[str] = []
        positions: list[FloatArray] = []
        for symbol, _, point in self.sites:
            fractional = _distinct(_orbit(self.space_group, point) @ np.linalg.inv(basis))
            symbols += [symbol] * len(fractional)
            positions.append(fractional)
        return basis @ self.lattice, symbols, np.concatenate(positions)


def _cosine(degrees: float) -> float:
    """Cosine of an angle, without rounding where it is a right angle or 60 or 120 degrees."""
    return {60.0: 0.5, 90.0: 0.0, 120.0: -0.5}.get(degrees, float(np.cos(np.radians(degrees))))


@cache
def _orbit(space_group: int, point: Point) -> FloatArray:
    """All images of a point in the conventional cell, shape (n, 3)."""
    group = SpaceGroup.from_number(space_group)
    return _distinct(group.rotations @ np.array(point) + group.numerators / group.denominator)


def _distinct(points: FloatArray) -> FloatArray:
    """Points (n, 3) modulo lattice translations, each once."""
    _, first = np.unique(np.round(points % 1.0, 6) % 1.0, axis=0, return_index=True)
    return np.round(points[first] % 1.0, 12) % 1.0


def of_prototype(prototype: str, species: Iterable[str], a: float, x: float | None, source: str) -> Crystal:
    """Return the crystal of a cubic prototype that these elements form, in the order of its sites."""
    kind, species = PROTOTYPES[prototype], tuple(species)
    free = kind.x if x is None else x
    counts: Counter[int] = Counter()
    sites = []
    for slot in kind.sites:
        counts[slot.species] += int(slot.wyckoff[:-1])
        point = tuple(free if word == "x" else word for word in slot.point)
        sites.append((species[slot.species], slot.wyckoff, point))
    return Crystal(
        prototype=prototype,
        formula=tuple((species[slot], n) for slot, n in sorted(reduced(counts).items())),
        space_group=kind.space_group,
        constants=(a, a, a, 90.0, 90.0, 90.0),
        sites=tuple(sites),  # type: ignore[arg-type]
        source=source,
    )


def of_sites(prototype: str, space_group: int, cell: str, sites: str, source: str) -> Crystal:
    """Return a crystal from its cell, such as ``"3.65 5.73"``, and sites, such as ``"Y 2c 1/3 2/3 1/4; ..."``."""
    counts: Counter[str] = Counter()
    points = []
    for text in sites.split(";"):
        symbol, wyckoff, *words = text.split()
        x, y, z = (float(Fraction(word)) for word in words)
        counts[symbol] += int(wyckoff[:-1])
        points.append((symbol, wyckoff, (x, y, z)))
    return Crystal(
        prototype=prototype,
        formula=tuple(reduced(counts).items()),
        space_group=space_group,
        constants=all_constants(space_group, [float(word) for word in cell.split()]),
        sites=tuple(points),
        source=source,
    )


def all_constants(space_group: int, free: Sequence[float]) -> Constants:
    """Complete a cell's constants by those that the crystal system fixes."""
    if space_group >= 195:
        (a,) = free
        return a, a, a, 90.0, 90.0, 90.0
    if space_group >= 143:
        a, c = free
        return a, a, c, 90.0, 90.0, 120.0
    if space_group >= 75:
        a, c = free
        return a, a, c, 90.0, 90.0, 90.0
    if space_group >= 16:
        a, b, c = free
        return a, b, c, 90.0, 90.0, 90.0
    if space_group >= 3:
        a, b, c, beta = free
        return a, b, c, 90.0, beta, 90.0
    a, b, c, alpha, beta, gamma = free
    return a, b, c, alpha, beta, gamma


def scaled(crystal: Crystal, factor: float) -> Crystal:
    """Return a crystal with its lattice constants times a factor."""
    a, b, c, alpha, beta, gamma = crystal.constants
    return replace(crystal, constants=(a * factor, b * factor, c * factor, alpha, beta, gamma), jitter=factor)


def listed_crystals() -> list[Crystal]:
    """Return all listed crystals."""
    cubic = [
        replace(
            of_prototype(
                row["prototype"],
                row["species"].split(),
                float(row["a"]),
                float(row["x"]) if row["x"] else None,
                row["source"],
            ),
            remark=row["remark"],
        )
        for row in rows_of("crystals.csv")
    ]
    other = [
        of_sites(row["prototype"], int(row["space_group"]), row["cell"], row["sites"], row["source"])
        for row in rows_of("crystals_other.csv")
    ]
    return cubic + other


def implausible() -> dict[str, str]:
    """Return the listed crystals whose lattice constant is not the compound's: why, by name."""
    return {crystal.id: crystal.remark for crystal in listed_crystals() if crystal.remark}


def listed_name(identifier: str) -> str:
    """Return the name of the crystal that a copy at another volume was made from.

    Examples
    --------
    >>> listed_name("rock-salt-MgO-a1.03"), listed_name("rock-salt-MgO")
    ('rock-salt-MgO', 'rock-salt-MgO')
    """
    return re.sub(r"-a[0-9.]+$", "", identifier)


def crystal_name(identifier: str) -> str:
    """Return the name that a crystal has whatever its cell: listed, relaxed, or at another volume.

    Examples
    --------
    >>> crystal_name("rock-salt-MgO-relaxed-a1.03"), crystal_name("rock-salt-MgO")
    ('rock-salt-MgO', 'rock-salt-MgO')
    """
    return listed_name(identifier).removesuffix("-relaxed")


def rows_of(table: str) -> Iterator[dict[str, str]]:
    """Yield the rows of one of the tables beside this module."""
    text = resources.files(__package__).joinpath(table).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())
