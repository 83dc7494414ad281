from dataclasses import replace

import pytest

from symfft_models.atoms import Answer, FoundSite
from symfft_models.atoms.evaluation import is_right
from symfft_models.datasets.paw import load_paw


@pytest.fixture
def magnesia():
    entry = load_paw().find("rock-salt-MgO")
    sites = tuple(FoundSite(site.symbol, site.position, 4) for site in entry.sites)
    return entry, Answer(sites, 0.3)


def test_the_atoms_of_the_entry_are_right_in_any_order(magnesia):
    entry, answer = magnesia
    assert is_right(answer, entry)
    assert is_right(replace(answer, sites=answer.sites[::-1]), entry)


def test_other_elements_places_or_numbers_are_wrong(magnesia):
    entry, answer = magnesia
    first, second = answer.sites
    assert not is_right(replace(answer, sites=(replace(first, symbol="Ca"), second)), entry)
    assert not is_right(replace(answer, sites=(replace(first, position=(0.25, 0.25, 0.25)), second)), entry)
    assert not is_right(replace(answer, sites=(first,)), entry)
    assert not is_right(replace(answer, sites=(first, second, second)), entry)
