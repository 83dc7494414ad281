"""Tables of what lattice constants are traced to."""

from __future__ import annotations

import pytest

from symfft_models.datasets.crystals import implausible
from symfft_models.datasets.paw import load_paw
from symfft_models.datasets.paw.provenance import (
    Cell,
    by_reference,
    cell_of,
    counts,
    crystals,
    differing,
    differing_estimates,
    nearest,
    packed_cells,
    remarks,
    standing,
)


@pytest.fixture(scope="module")
def densities():
    return load_paw()


def test_every_constant_stands_somewhere(densities):
    rows = counts(densities)
    assert all(row[1] == sum(row[2:]) for row in rows)
    assert sum(row[1] for row in rows[:-1]) == len(crystals())
    assert rows[-1][1] == len(packed_cells(densities)) == sum(densities.column("lattice_source") != "relaxed")
    by_hand = rows[0]
    assert by_hand[2] > 30 * by_hand[3]


def test_copies_at_other_volumes_stand_as_the_listed_one(densities):
    names = dict(zip(_packed_ids(densities), packed_cells(densities), strict=True))
    listed = crystals()
    copies = [name for name in names if name.endswith(("-a0.97", "-a1.03"))]
    assert copies
    for name in copies:
        cell = names[name]
        assert (cell.volume / cell_of(listed[cell.name]).volume) ** (1 / 3) == pytest.approx(1, abs=0.021), name


def _packed_ids(densities):
    return densities.column("id")[densities.column("lattice_source") != "relaxed"].tolist()


def test_a_cell_stands_by_its_nearest_value():
    good, wide = Cell("rock-salt-NaCl", 225, 5.64**3), Cell("rock-salt-NaCl", 225, 6.2**3)
    assert (standing(good), standing(wide)) == ("confirmed", "differs")
    assert nearest(wide).reference.kind == "PBE"
    assert standing(Cell("rock-salt-XeKr", 225, 216.0)) == "no value"
    assert standing(Cell("K2PtCl6-Cs2TeBr6", 225, 11.28**3)) == "potential agrees"
    assert standing(Cell("K2PtCl6-Cs2TeBr6", 225, 10.92**3)) == "potential differs"


def test_what_differs_is_named(densities):
    by_hand, estimates = counts(densities)[:2]
    assert len(differing(densities)) == by_hand[3] + by_hand[5]
    assert differing_estimates().count("%") == estimates[3] + estimates[5]
    assert all(abs(float(row[4])) > 2 for row in differing(densities))


def test_references_count_their_rows(densities):
    rows = by_reference(densities)
    assert sum(row[2] for row in rows) > 1900
    assert all(row[3] <= len(densities) for row in rows)


def test_remarks_are_those_of_the_list():
    assert {row[0] for row in remarks()} == implausible().keys()
