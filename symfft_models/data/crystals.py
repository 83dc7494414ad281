"""Crystals to compute: prototypes in the reference settings of Pm-3m, Fm-3m and Fd-3m, and compounds that adopt them.

``crystals.csv`` lists prototype, formula (elements in the order of the prototype's sites), cubic lattice constant in Å,
the free coordinate where the prototype has one, and whether the constant is a published one or an estimate from radii.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from importlib import resources
from math import gcd

import numpy as np
from numpy.typing import NDArray

from symfft import SpaceGroup

FloatArray = NDArray[np.float64]

#: Largest relative change of the lattice constant in a jittered copy.
JITTER = 0.04

#: Rows of the primitive cell in units of the cubic cell, by centring letter.
PRIMITIVE = {"P": np.eye(3), "F": np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])}


@dataclass(frozen=True)
class Site:
    """A Wyckoff position with its multiplicity in the cubic cell, a point of it ("x" is free), an element slot."""

    wyckoff: str
    point: tuple[float | str, float | str, float | str]
    slot: int


@dataclass(frozen=True)
class Prototype:
    """A structure type: space group, occupied Wyckoff positions, and the usual value of the free coordinate."""

    space_group: int
    sites: tuple[Site, ...]
    x: float | None = None


def _prototype(space_group: int, *sites: str, x: float | None = None) -> Prototype:
    """Read sites such as ``"0 8a 1/8 1/8 1/8"``: element slot, Wyckoff letter, point."""

    def site(text: str) -> Site:
        slot, wyckoff, *point = text.split()
        a, b, c = (word if word == "x" else float(Fraction(word)) for word in point)
        return Site(wyckoff, (a, b, c), int(slot))

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
    """One crystal of the list, in the reference setting of its space group.

    ``a`` is the cubic lattice constant in Å, already multiplied by ``jitter``.
    """

    prototype: str
    species: tuple[str, ...]
    a: float
    x: float | None
    source: str
    jitter: float = 1.0

    @property
    def space_group(self) -> int:
        """Number of the space group."""
        return PROTOTYPES[self.prototype].space_group

    @property
    def sites(self) -> list[tuple[str, str, tuple[float, float, float]]]:
        """Element, Wyckoff position and representative point of every occupied orbit."""
        return [
            (
                self.species[site.slot],
                site.wyckoff,
                tuple(self.x if word == "x" else word for word in site.point),  # type: ignore[misc]
            )
            for site in PROTOTYPES[self.prototype].sites
        ]

    @property
    def id(self) -> str:
        """Unique name: prototype, formula in site order, and the jitter where there is one."""
        counts = _site_counts(self.prototype)
        formula = "".join(f"{symbol}{n if n > 1 else ''}" for symbol, n in zip(self.species, counts, strict=True))
        return f"{self.prototype}-{formula}" + ("" if self.jitter == 1.0 else f"-a{self.jitter:.3f}")

    @property
    def composition(self) -> str:
        """Reduced formula, elements in alphabetical order."""
        counts: Counter[str] = Counter()
        for symbol, n in zip(self.species, _site_counts(self.prototype), strict=True):
            counts[symbol] += n
        divisor = gcd(*counts.values())
        return "".join(f"{s}{n // divisor if n > divisor else ''}" for s, n in sorted(counts.items()))

    @property
    def lattice(self) -> FloatArray:
        """Cubic cell, rows in Å."""
        return self.a * np.eye(3)

    def cell(self, *, primitive: bool) -> tuple[FloatArray, list[str], FloatArray]:
        """Return cell rows (Å), element symbols and fractional positions of the cubic or the primitive cell."""
        basis = PRIMITIVE["P" if self.space_group == 221 or not primitive else "F"]
        symbols: list[str] = []
        positions: list[FloatArray] = []
        for symbol, _, point in self.sites:
            fractional = _orbit(self.space_group, point) @ np.linalg.inv(basis)
            fractional = np.unique(np.round(fractional % 1.0, 9) % 1.0, axis=0)
            symbols += [symbol] * len(fractional)
            positions.append(fractional)
        return self.a * basis, symbols, np.concatenate(positions)


@cache
def _orbit(space_group: int, point: tuple[float, float, float]) -> FloatArray:
    """All images of a point in the cubic cell, shape (n, 3)."""
    group = SpaceGroup.from_number(space_group)
    images = group.rotations @ np.array(point) + group.translations.astype(float)
    return np.unique(np.round(images % 1.0, 9) % 1.0, axis=0)


@cache
def _site_counts(prototype: str) -> tuple[int, ...]:
    """Atoms of each element slot in a formula unit."""
    counts: Counter[int] = Counter()
    for site in PROTOTYPES[prototype].sites:
        counts[site.slot] += int(site.wyckoff[:-1])
    divisor = gcd(*counts.values())
    return tuple(counts[slot] // divisor for slot in sorted(counts))


def _jitter(identifier: str, copy: int) -> float:
    """Reproducible factor in [1 - JITTER, 1 + JITTER], at least half a percent away from 1, alternating in sign."""
    digest = hashlib.sha256(f"{identifier}/{copy}".encode()).digest()
    size = 0.005 + (JITTER - 0.005) * int.from_bytes(digest[:4], "big") / 2**32
    return round(1.0 + (size if (digest[4] + copy) % 2 else -size), 3)


def listed_crystals(copies: int = 0) -> list[Crystal]:
    """Return the crystals of ``crystals.csv``, then at most ``copies`` jittered copies of each."""
    text = resources.files(__package__).joinpath("crystals.csv").read_text(encoding="utf-8")
    originals = []
    for row in csv.DictReader(text.splitlines()):
        prototype = PROTOTYPES[row["prototype"]]
        x = float(row["x"]) if row["x"] else prototype.x
        originals.append(Crystal(row["prototype"], tuple(row["species"].split()), float(row["a"]), x, row["source"]))
    copied = [
        replace(crystal, a=crystal.a * jitter, jitter=jitter)
        for crystal in originals
        for jitter in dict.fromkeys(_jitter(crystal.id, copy) for copy in range(copies))
    ]
    return originals + copied
