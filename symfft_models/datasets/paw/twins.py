"""Crystals that a set has under two names: as AlIr and as IrAl, with atoms on sites that are alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symfft_models._array_types import FloatArray, IntArray
from symfft_models.data.entry import atoms_of
from symfft_models.datasets.crystals import crystal_name
from symfft_models.datasets.paw.candidates import table
from symfft_models.datasets.paw.entry import PawEntry

#: How far neighbours are looked at, and how much their distances may differ, in cube roots of the volume of an atom.
REACH, ALIKE = 1.937, 0.01
#: Sources of cells that nobody has published.
UNPUBLISHED = ("relaxed", "hypothetical")


@dataclass(frozen=True, eq=False)
class Distances:
    """Distances between all atoms, ascending for each pair of elements, in cube roots of the volume of an atom."""

    elements: IntArray
    lengths: FloatArray

    @classmethod
    def of(cls, entry: PawEntry) -> Distances:
        """Measure a crystal."""
        positions, _, numbers = atoms_of(entry.space_group, entry.sites)
        lattice = entry.lattice / np.cbrt(abs(np.linalg.det(entry.lattice)) / len(numbers))
        most = np.ceil(REACH * np.linalg.norm(np.linalg.inv(lattice), axis=0)).astype(int) + 1
        cells = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in most], indexing="ij"), -1).reshape(-1, 3)
        found = []
        for number, position in zip(numbers, positions, strict=True):
            steps = (positions - position)[:, None] + cells
            length = np.linalg.norm(steps @ lattice, axis=-1)
            other, cell = np.nonzero((length > 1e-6) & (length < REACH))
            found.append(np.stack([np.full(len(other), number), numbers[other], length[other, cell]]))
        rows = np.concatenate(found, axis=1)
        rows = rows[:, np.lexsort((rows[2], rows[1], rows[0]))]
        return cls(rows[:2].astype(np.int64), rows[2])

    def alike(self, other: Distances) -> bool:
        """Whether another crystal has the same distances."""
        return np.array_equal(self.elements, other.elements) and bool(
            np.abs(self.lengths - other.lengths).max(initial=0.0) < ALIKE
        )


def twins(entries: Sequence[PawEntry]) -> dict[str, str]:
    """Return the names of entries of crystals that are there under another name as well, and that name.

    Of two crystals alike in space group, composition and all distances the one stays that the hard list names, or else
    whose cell is published, or that has more entries, or comes first in the alphabet.
    """
    hard = {f"{row['prototype']}-{row['compound']}" for row in table("hard_test.csv")}
    crystals: dict[tuple[int, str], dict[str, list[PawEntry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        crystals[entry.space_group, entry.composition][crystal_name(entry.id)].append(entry)
    found: dict[str, str] = {}
    for named in crystals.values():
        if len(named) == 1:
            continue
        order = sorted(named, key=lambda name: (name not in hard, _unpublished(named[name]), -len(named[name]), name))
        measured = {name: Distances.of(named[name][0]) for name in order}
        left: list[str] = []
        for name in order:
            kept = next((other for other in left if measured[other].alike(measured[name])), None)
            if kept is None:
                left.append(name)
            else:
                found |= {entry.id: kept for entry in named[name]}
    return found


def _unpublished(entries: Sequence[PawEntry]) -> bool:
    return all(entry.metadata["lattice_source"] in UNPUBLISHED for entry in entries)
