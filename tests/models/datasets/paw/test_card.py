"""The data card says what is in the set."""

from __future__ import annotations

from pathlib import Path

import pytest

from symfft_models.datasets.paw import load_paw
from symfft_models.datasets.paw.card import card
from symfft_models.datasets.paw.pack import entry_of, measured, stars_needed

from . import made_up

ROOT = Path(__file__).resolve().parents[4]


def test_the_data_card_is_that_of_the_set():
    assert (ROOT / "docs" / "data.md").read_text(encoding="utf-8") == card(load_paw())


def test_its_tables_add_up():
    densities = load_paw()
    text = card(densities)
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ") and line.count("|") == 9]
    counts = [[int(cell) for cell in row[1:6]] for row in rows[1:]]
    assert sum(row[0] for row in counts) == len(densities)
    assert all(row[0] == sum(row[1:]) for row in counts)


def test_stars_needed_are_the_fewest_that_reach_the_error():
    entry = entry_of(*made_up.result(made_up.wurtzite()))
    few, many = stars_needed(entry, 0.1), stars_needed(entry, 0.001)
    assert 1 < few < many <= len(entry.hkl)
    assert stars_needed(entry, 0.0) == len(entry.hkl)
    assert measured(entry)["lowest"] == pytest.approx(entry.values().min())
