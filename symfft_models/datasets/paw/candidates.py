"""Candidate crystals: elements on the sites of structure types, and which of them are plausible once relaxed.

``prototypes.csv`` lists structure types: space group, ratios of the free cell constants (angles in degrees) and
occupied Wyckoff positions, elements as A, B, C, D; free coordinates are starting values only. ``families.csv`` lists
which elements may stand where, by the sets of ``element_sets.csv``, and the share of the combinations that is taken (by
a hash of the name, so that a list grows without changing). Cell constants and free coordinates of a candidate come from
a relaxation with a machine-learned potential; see ``workers/relax.py``.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import resources
from itertools import product
from typing import Any

import numpy as np

from symfft import SpaceGroup, SymfftError
from symfft_models._array_types import FloatArray
from symfft_models.datasets.crystals import Crystal, of_sites

#: Energy (eV per atom) above the lowest structure type of the same composition up to which a candidate may lie.
ABOVE_LOWEST = 0.1


def table(name: str) -> list[dict[str, str]]:
    """Rows of one of the tables beside this module."""
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def candidates() -> list[Crystal]:
    """Return every candidate once, with cell constants in units of a."""
    sets = {row["name"]: row["elements"].split() for row in table("element_sets.csv")}
    prototypes = {row["prototype"]: row for row in table("prototypes.csv")}
    found: dict[str, Crystal] = {}
    for row in table("families.csv"):
        places = [_elements(words, sets) for words in row["elements"].split(";")]
        for elements in product(*places):
            if len(set(elements)) < len(elements):
                continue
            crystal = substituted(prototypes[row["prototype"]], elements)
            if fraction(crystal.id) < float(row["share"]):
                found.setdefault(crystal.id, crystal)
    return list(found.values())


def substituted(prototype: dict[str, str], elements: Iterable[str]) -> Crystal:
    """Return the crystal of a structure type with these elements as A, B, C, D."""
    names = dict(zip("ABCD", elements, strict=False))
    sites = "; ".join(
        " ".join([names[label], *rest]) for label, *rest in (s.split() for s in prototype["sites"].split(";"))
    )
    return of_sites(prototype["prototype"], int(prototype["space_group"]), prototype["cell"], sites, "relaxed")


def _elements(words: str, sets: dict[str, list[str]]) -> list[str]:
    return list(dict.fromkeys(symbol for word in words.split() for symbol in sets.get(word, [word])))


def fraction(name: str) -> float:
    """Return a number in [0, 1) that depends on a name alone."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32


def relaxation_job(crystal: Crystal) -> dict[str, Any]:
    """Return what the relaxation worker needs of a crystal, ready for JSON."""
    cell, symbols, positions = crystal.cell(primitive=True)
    return {"id": crystal.id, "cell": cell.tolist(), "symbols": symbols, "positions": positions.tolist()}


class ImplausibleError(ValueError):
    """A relaxed candidate is not taken; the message begins with the kind of reason."""


def relaxed(crystal: Crystal, result: dict[str, Any]) -> Crystal:
    """Return a crystal with the cell constants and free coordinates of its relaxation, exactly symmetric.

    Raises
    ------
    ImplausibleError
        If the relaxation failed, led to another space group, or the result is not what a worker leaves.
    """
    try:
        return _relaxed(crystal, result)
    except ImplausibleError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError, SymfftError) as error:
        raise ImplausibleError(f"unreadable: {error}") from None


def _relaxed(crystal: Crystal, result: dict[str, Any]) -> Crystal:
    if not result["converged"]:
        raise ImplausibleError(f"not relaxed: {result['reason']}")
    metric = np.linalg.inv(crystal.basis) @ np.array(result["cell"])
    lengths = np.linalg.norm(metric, axis=1)
    unit = metric / lengths[:, None]
    angles = np.degrees(np.arccos([unit[1] @ unit[2], unit[0] @ unit[2], unit[0] @ unit[1]]))
    constants = _symmetrised(crystal.space_group, lengths.round(5).tolist(), angles.round(4).tolist())
    group = SpaceGroup.from_number(crystal.space_group)
    points = np.array(result["positions"]) @ crystal.basis
    first, sites = 0, []
    for symbol, wyckoff, point in crystal.sites:
        cell_count = round(int(wyckoff[:-1]) * abs(float(np.linalg.det(crystal.basis))))
        moved = _nearest(points[first : first + cell_count], crystal, first, point)
        sites.append((symbol, wyckoff, _special(group, np.array(point), moved)))
        first += cell_count
    new = replace(crystal, constants=constants, sites=tuple(sites))
    cell, symbols, positions = new.cell(primitive=True)
    if len(symbols) != len(result["symbols"]):
        raise ImplausibleError("other structure: sites fell together")
    found = SpaceGroup.from_structure(cell, positions, [sorted(set(symbols)).index(s) for s in symbols]).number
    if found != crystal.space_group:
        raise ImplausibleError(f"other structure: relaxed into space group {found}")
    return new


def _symmetrised(
    space_group: int, lengths: list[float], angles: list[float]
) -> tuple[float, float, float, float, float, float]:
    a, b, c = lengths
    alpha, beta, gamma = angles
    if space_group >= 195:
        a = b = c = round((a + b + c) / 3, 5)
    elif space_group >= 75:
        a = b = round((a + b) / 2, 5)
    if space_group >= 195 or 16 <= space_group < 143:
        return a, b, c, 90.0, 90.0, 90.0
    if space_group >= 143:
        return a, b, c, 90.0, 90.0, 120.0
    if space_group >= 3:
        return a, b, c, 90.0, beta, 90.0
    return a, b, c, alpha, beta, gamma


def _nearest(points: FloatArray, crystal: Crystal, first: int, point: tuple[float, float, float]) -> FloatArray:
    """Relaxed place of the atom that began at `point`: atoms keep their order in a relaxation."""
    _, _, start = crystal.cell(primitive=True)
    start = start[first : first + len(points)]
    away = start - np.array(point) @ np.linalg.inv(crystal.basis)
    index = int(np.argmin(np.abs(away - np.rint(away)).sum(1)))
    shift = np.rint(away[index]) @ crystal.basis
    return np.asarray(points[index] - shift)


def _special(group: SpaceGroup, point: FloatArray, moved: FloatArray) -> tuple[float, float, float]:
    """Project a displaced point on the positions with the site symmetry of `point`."""
    images = point @ np.swapaxes(group.rotations, 1, 2) + group.numerators / group.denominator
    away = images - point
    fixing = np.abs(away - np.rint(away)).max(1) < 1e-6
    rotations, displacement = group.rotations[fixing], moved - point
    displacement = (displacement - np.rint(displacement)) @ np.swapaxes(rotations, 1, 2).mean(0)
    x, y, z = np.where(np.abs(displacement) > 1e-7, np.round(point + displacement, 6), point)
    return float(x), float(y), float(z)


def plausible(
    results: Iterable[tuple[Crystal, float]], elements: dict[str, float], known: Iterable[str] = ()
) -> Iterator[tuple[Crystal, float, float, bool]]:
    """Yield (crystal, formation energy, energy above the lowest of its composition, whether to take it).

    Taken are those with a negative formation energy, those within 0.1 eV per atom of the lowest structure type of their
    composition, and those of which the name (prototype and formula) is `known`.

    Parameters
    ----------
    results : iterable of (Crystal, float)
        Relaxed candidates with their energies in eV per atom, all by one potential.
    elements : dict
        Energy per atom of every element's lowest structure, by the same potential.
    known : iterable of str
        Names that are taken whatever their energy.
    """
    results, known = list(results), set(known)
    lowest: dict[str, float] = {}
    for crystal, energy in results:
        lowest[crystal.composition] = min(energy, lowest.get(crystal.composition, np.inf))
    for crystal, energy in results:
        atoms = sum(n for _, n in crystal.formula)
        formation = energy - sum(n * elements[symbol] for symbol, n in crystal.formula) / atoms
        above = energy - lowest[crystal.composition]
        yield crystal, formation, above, formation < 0 or above <= ABOVE_LOWEST or crystal.id in known


#: Structure types that an element is relaxed in for its reference energy.
ELEMENTAL = (
    *("fcc", "bcc", "hcp", "diamond", "simple-cubic"),
    *("A7", "beta-Sn", "bct", "A8", "alpha-Ga", "black-P"),
)
#: Of elements whose solids are made of molecules or of single atoms.
MOLECULAR: dict[str, tuple[str, ...]] = dict.fromkeys(("H", "N", "O", "F"), ("alpha-N2",))
MOLECULAR |= dict.fromkeys(("Cl", "Br", "I"), ("alpha-N2", "iodine"))
MOLECULAR |= dict.fromkeys(("He", "Ne", "Ar", "Kr", "Xe", "Rn"), ("fcc", "hcp"))


def elemental_phases(symbols: Iterable[str]) -> list[Crystal]:
    """Return every element in its elemental structure types."""
    prototypes = {row["prototype"]: row for row in table("prototypes.csv")}
    return [substituted(prototypes[name], [symbol]) for symbol in symbols for name in MOLECULAR.get(symbol, ELEMENTAL)]


def elemental_energies(results: Iterable[tuple[Crystal, float]]) -> dict[str, float]:
    """Return the lowest energy per atom of every element among relaxed (crystal, energy)."""
    lowest: dict[str, float] = {}
    for crystal, energy in results:
        if len(crystal.species) == 1:
            (symbol,) = crystal.species
            lowest[symbol] = min(energy, lowest.get(symbol, np.inf))
    return lowest
