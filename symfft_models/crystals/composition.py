"""How alike two compositions are: elements by their place in the periodic table, matched where amounts are equal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from itertools import permutations

import numpy as np

from symfft import SymfftError
from symfft_models.data.entry import Entry
from symfft_models.data.formula import anonymous_formula, reduced

#: Atomic numbers of the noble gases.
NOBLE = (2, 10, 18, 36, 54, 86, 118)
#: Columns of the periodic table that count as one step, like one row.
COLUMNS = 3.0


class CompositionError(SymfftError):
    """A formula is not one, or nothing of its kind is known."""


@cache
def amounts(formula: str) -> dict[str, int]:
    """Read a formula, reduced to smallest integers.

    Raises
    ------
    CompositionError
        Where it is none.

    Examples
    --------
    >>> amounts("Cu2Al2")
    {'Cu': 1, 'Al': 1}
    """
    import gemmi

    parts = re.findall(r"([A-Z][a-z]?)(\d*)", formula)
    counts: dict[str, int] = {}
    for symbol, count in parts:
        counts[symbol] = counts.get(symbol, 0) + int(count or 1)
    unknown = [symbol for symbol in counts if gemmi.Element(symbol).name != symbol or symbol == "X"]
    if not parts or "".join(s + c for s, c in parts) != formula or unknown or not all(counts.values()):
        raise CompositionError(f"composition {formula!r} is not a formula of elements and integers, like NaCl or Cu3Al")
    return reduced(counts)


def stoichiometry(formula: str) -> str:
    """Amounts alone, smallest first, with letters for elements.

    Examples
    --------
    >>> stoichiometry("Cu3Al"), stoichiometry("SrTiO3")
    ('AB3', 'ABC3')
    """
    return anonymous_formula(amounts(formula))


@cache
def place(symbol: str) -> tuple[int, int]:
    """Row and column of an element; lanthanides and actinides stand in column 3.

    Examples
    --------
    >>> place("Na"), place("Cl"), place("Fe"), place("He"), place("Pb")
    ((3, 1), (3, 17), (4, 8), (1, 18), (6, 14))
    """
    import gemmi

    number = gemmi.Element(symbol).atomic_number
    row = next(index for index, last in enumerate(NOBLE) if number <= last) + 1
    before = NOBLE[row - 2] if row > 1 else 0
    position, length = number - before, NOBLE[row - 1] - before
    if position <= 2 and (row > 1 or position == 1):
        return row, position
    from_right = length - position
    return row, 18 - from_right if from_right < 15 else 3


def valences_of(entries: Iterable[Entry]) -> dict[str, int]:
    """Valence electrons of the elements, as the electron counts of densities determine them.

    Solves (atoms of each element in a cell) · valences = (electrons of the cell) by least squares. An element whose
    number is not determined (it occurs only together with others), is not an integer, or contradicts a density is
    left out.

    Examples
    --------
    >>> from symfft_models.datasets.paw import load_paw
    >>> from symfft_models.datasets.paw.common_grid import on_common_grid
    >>> found = valences_of(on_common_grid(load_paw(), 225, "train"))
    >>> found["Cl"], found["Na"]
    (7, 7)
    """
    rows = {(tuple(sorted(entry.element_counts().items())), float(entry.electrons)) for entry in entries}
    symbols = sorted({symbol for counts, _ in rows for symbol, _ in counts})
    place = {symbol: number for number, symbol in enumerate(symbols)}
    atoms, electrons = np.zeros((len(rows), len(symbols))), np.zeros(len(rows))
    for row, (counts, total) in enumerate(sorted(rows)):
        electrons[row] = total
        for symbol, count in counts:
            atoms[row, place[symbol]] = count
    inverse = np.linalg.pinv(atoms)
    solution = inverse @ electrons
    determined = np.abs(np.diag(inverse @ atoms) - 1) < 1e-9
    whole = np.asarray(np.abs(solution - np.round(solution)) < 0.01)
    contradicted = (atoms[np.abs(atoms @ np.round(solution) - electrons) > 0.5] > 0).any(axis=0)
    known = (determined & whole & ~contradicted).tolist()
    return {symbol: round(float(solution[n])) for symbol, n in place.items() if known[n]}


@cache
def unlikeness(first: str, second: str) -> float:
    """Squared distance of two elements in the periodic table: a row counts as much as `COLUMNS` columns."""
    (row, column), (other_row, other_column) = place(first), place(second)
    return float((row - other_row) ** 2 + ((column - other_column) / COLUMNS) ** 2)


@cache
def matching(wanted: str, known: str) -> tuple[float, tuple[tuple[str, str], ...]] | None:
    """Match the elements of two formulas of equal amounts: sum of squared distances, and pairs (known, wanted).

    None where the amounts differ.

    Examples
    --------
    >>> matching("NaCl", "BrK")
    (2.0, (('K', 'Na'), ('Br', 'Cl')))
    >>> matching("NaCl", "CaF2") is None
    True
    """
    ours, theirs = amounts(wanted), amounts(known)
    if sorted(ours.values()) != sorted(theirs.values()):
        return None
    best: tuple[float, tuple[tuple[str, str], ...]] | None = None
    for order in permutations(theirs):
        if [theirs[symbol] for symbol in order] != list(ours.values()):
            continue
        pairs = tuple(zip(order, ours, strict=True))
        distance = sum(unlikeness(*pair) for pair in pairs)
        if best is None or distance < best[0]:
            best = distance, pairs
    return best
