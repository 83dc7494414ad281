"""Energies of the elements."""

from __future__ import annotations

import pytest

from symfft_models.datasets.paw import load_paw
from symfft_models.properties.references import load_references, lowest_energies


def test_no_element_of_the_set_lies_below_its_reference():
    known = load_references()
    for symbol, (energy, name) in lowest_energies(load_paw(), []).items():
        assert energy > known[symbol] - 1e-4, name


def test_oxygen_counts_from_its_molecule():
    """PBE binds O2 by 6.2 eV; GPAW's zero is the atom without spin, 1.6 eV above the one with it."""
    assert 2 * -load_references()["O"] - 2 * 1.6 == pytest.approx(6.2, abs=0.6)
