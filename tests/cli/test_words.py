"""Phrases in the texts of subcommands."""

from __future__ import annotations

import pytest

from symfft.cli import words
from symfft.cli.results import KINDS


def test_every_kind_has_a_unit_and_a_name():
    assert words.UNITS.keys() == KINDS.keys()


@pytest.mark.parametrize(("number", "said"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_one_is_singular(number, said):
    assert words.count(number, "file") == said


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (None, "no grid does, as the origin of the group lies between grid points"),
        ((8, 8, 8), "the next grid that does is 8 × 8 × 8"),
        ((16, 16, 8), "the next grid that does is 16 × 16 × 8, 4 times the points"),
    ],
)
def test_the_next_grid_and_what_it_costs(wanted, said):
    assert words.next_grid((8, 8, 8), wanted) == said


def test_a_verdict_says_the_tolerance_and_the_residual():
    assert words.verdict(True, 0.0, 1e-3) == "symmetric within 0.001 (largest residual 0.0e+00)"
    assert words.verdict(False, 0.25, 1e-3) == "NOT symmetric within 0.001 (largest residual 2.5e-01)"


def test_lines_of_a_result():
    assert words.content({"formula": "", "shape": [2, 3, 4]}) == "no atoms, grid 2 × 3 × 4"
    assert words.group({"symbol": "P 1", "number": 1, "order": 1}) == "P 1 (number 1), 1 operator"
    assert words.total({"electrons": None}) == []
    assert words.total({"electrons": 8}) == ["  electrons 8.000000"]
    assert words.notes({"notes": ["a", "b"]}) == ["  note: a", "  note: b"]
    assert words.spacing([0.1, 0.25, 1]) == "0.100 × 0.250 × 1.000"
