"""Symbols and numbers of elements against gemmi's table."""

from __future__ import annotations

import gemmi
import pytest

from symfft.crystal.elements import ATOMIC_NUMBERS, SYMBOLS, atomic_number, covalent_radius, symbol


def test_symbols_are_those_of_the_periodic_table_in_its_order():
    assert [gemmi.Element(number).name for number in range(1, 119)] == list(SYMBOLS)
    assert all(symbol(number) == name and ATOMIC_NUMBERS[name] == number for number, name in enumerate(SYMBOLS, 1))


@pytest.mark.parametrize("end", ["", "_pv", "_sv_GW", "/", "_d/f474ac0d", "1.25", ".5", " ", "2+"])
def test_a_label_is_its_element_whatever_follows(end):
    for number, name in enumerate(SYMBOLS, start=1):
        assert atomic_number(name + end) == atomic_number(name.lower() + end) == number


@pytest.mark.parametrize("label", ["", " Fe", "Direct", "Xx", "J", "1H", "é", "Nacl", "\n"])
def test_what_is_no_element_has_no_number(label):
    assert atomic_number(label) is None


@pytest.mark.parametrize("number", [0, -1, 119, 10**30])
def test_numbers_that_no_element_has(number):
    with pytest.raises(ValueError, match=f"no element has the atomic number {number}"):
        symbol(number)
    assert covalent_radius(number) == 1.5


def test_radii_are_lengths():
    assert all(0.2 < covalent_radius(number) < 3 for number in range(1, 119))
