"""How often the atoms of known densities are found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symfft import SpaceGroup, next_compatible_shape
from symfft_models.atoms.positions import distances, orbit
from symfft_models.atoms.ranking import find_atoms
from symfft_models.atoms.search import LONGEST, Answer
from symfft_models.data.formula import reduced_formula
from symfft_models.datasets.paw import PawEntry, load_paw

#: Distance (Å) within which an atom counts as found.
NEAR = 0.2


def is_right(answer: Answer, entry: PawEntry) -> bool:
    """Whether an answer has the elements of a density's atoms, each within 0.2 Å of where it is."""
    group = SpaceGroup.from_number(entry.space_group)
    left = [(site.symbol, np.array(site.position)) for site in entry.sites]
    for site in answer.sites:
        here = [
            row
            for row, (symbol, point) in enumerate(left)
            if symbol == site.symbol
            and distances(orbit(group, point), np.array(site.position), entry.lattice).min() < NEAR
        ]
        if not here:
            return False
        left.pop(here[0])
    return not left


def evaluate_splits(splits: Sequence[str], *, tell: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
    """Find the atoms of the PAW densities of some splits, of a crystal at several volumes one.

    Returns
    -------
    dict
        ``densities``: of each its ``rank`` (place of the right answer from 0, None where it is not among them), the
        ``first`` answer's formula and its ``misfit``; ``table``: the share (%) that is right at the first answer and
        among three, by split and space group.
    """
    rows: list[dict[str, Any]] = []
    for split in dict.fromkeys(splits):
        for entry in load_paw().select(split=split).distinct():
            enough = np.ceil(LONGEST * np.linalg.norm(entry.lattice, axis=1) / np.pi).astype(int) + 1
            group = SpaceGroup.from_number(entry.space_group)
            found = find_atoms(entry.density(next_compatible_shape(group, enough.tolist())), group)
            rank = next((n for n, answer in enumerate(found.answers) if is_right(answer, entry)), None)
            first = reduced_formula(found.answers[0].counts) if found.answers else found.reason
            rows.append(
                {
                    "id": entry.id,
                    "split": split,
                    "space_group": entry.space_group,
                    "rank": rank,
                    "first": first,
                    "misfit": found.answers[0].misfit if found.answers else None,
                }
            )
            if tell is not None:
                tell(rows[-1])
    table = []
    for split in dict.fromkeys(splits):
        here = [row for row in rows if row["split"] == split]
        for group_number in [*sorted({row["space_group"] for row in here}), "all"]:
            ranks = [row["rank"] for row in here if group_number in (row["space_group"], "all")]
            table.append(
                {
                    "split": split,
                    "space_group": group_number,
                    "densities": len(ranks),
                    "first": 100 * sum(rank == 0 for rank in ranks) / len(ranks),
                    "three": 100 * sum(rank is not None and rank < 3 for rank in ranks) / len(ranks),
                }
            )
    return {"densities": rows, "table": table}
