"""Crystals under two names are found, and only those."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symfft_models.datasets.paw import load_paw
from symfft_models.datasets.paw.twins import Distances, twins


@pytest.fixture(scope="module")
def caesium_chloride():
    return next(e for e in load_paw() if e.prototype == "CsCl" and e.metadata["volume_factor"] == 1)


def renamed(entry, name, sites, source="hypothetical"):
    return replace(entry, id=name, sites=tuple(sites), metadata=entry.metadata | {"lattice_source": source})


def test_exchanged_sites_that_are_alike_are_the_same_crystal(caesium_chloride):
    one, two = caesium_chloride.sites
    sites = [replace(one, symbol=two.symbol), replace(two, symbol=one.symbol)]
    first = renamed(caesium_chloride, "CsCl-AB", caesium_chloride.sites)
    other = renamed(caesium_chloride, "CsCl-BA", sites)
    copy = renamed(caesium_chloride, "CsCl-BA-a0.97", sites)
    assert twins([first, other]) == {"CsCl-BA": "CsCl-AB"}
    assert twins([first, other, copy]) == {"CsCl-AB": "CsCl-BA"}
    published = renamed(caesium_chloride, "CsCl-AB", caesium_chloride.sites, "measured")
    assert twins([published, other, copy]) == {"CsCl-BA": "CsCl-AB", "CsCl-BA-a0.97": "CsCl-AB"}


def test_the_name_of_the_hard_list_stays():
    entry = load_paw().find("CsCl-MgAu")
    one, two = entry.sites
    other = renamed(entry, "CsCl-AuMg", [replace(one, symbol=two.symbol), replace(two, symbol=one.symbol)], "measured")
    assert twins([other, entry]) == {"CsCl-AuMg": "CsCl-MgAu"}


def test_exchanged_sites_that_differ_are_two_crystals():
    entry = next(e for e in load_paw() if e.prototype == "perovskite")
    a, b, anion = entry.sites
    other = renamed(entry, "perovskite-BA", [replace(a, symbol=b.symbol), replace(b, symbol=a.symbol), anion])
    assert twins([renamed(entry, "perovskite-AB", entry.sites), other]) == {}


def test_cells_and_volumes_of_one_crystal_are_no_twins(caesium_chloride):
    names = ["CsCl-AB", "CsCl-AB-relaxed", "CsCl-AB-a1.03"]
    assert twins([renamed(caesium_chloride, name, caesium_chloride.sites) for name in names]) == {}


def test_the_package_s_set_has_none():
    assert twins(list(load_paw())) == {}


def test_distances_are_those_of_the_cell_whatever_its_size(caesium_chloride):
    found = Distances.of(caesium_chloride)
    grown = Distances.of(replace(caesium_chloride, lattice=1.7 * caesium_chloride.lattice))
    np.testing.assert_allclose(found.lengths, grown.lengths, rtol=1e-12)
    unlike = found.elements[0] != found.elements[1]
    assert found.lengths[unlike].min() == pytest.approx(np.sqrt(3) / 2 * 2 ** (1 / 3))
