"""The list of crystals: every one is what it says it is, before anything is computed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import spglib

from symfft_models.data.crystals import JITTER, PROTOTYPES, Crystal, listed_crystals
from symfft_models.data.generate import schedule
from symfft_models.data.recipe import VALENCE, Recipe

CRYSTALS = listed_crystals(copies=2)
#: spglib's numbers of the reference settings (227: origin choice 2)
HALL = {221: 517, 225: 523, 227: 526}
ONE_OF_EACH = list({crystal.prototype: crystal for crystal in CRYSTALS}.values())


@pytest.mark.parametrize("crystal", ONE_OF_EACH, ids=lambda crystal: crystal.prototype)
@pytest.mark.parametrize("primitive", [True, False])
def test_prototypes_have_the_group_the_setting_and_the_wyckoff_positions_they_say(crystal, primitive):
    cell, symbols, positions = crystal.cell(primitive=primitive)
    numbers = [sorted(set(symbols)).index(symbol) for symbol in symbols]
    found = spglib.get_symmetry_dataset((cell, positions, numbers), symprec=1e-5, hall_number=HALL[crystal.space_group])
    assert found.number == crystal.space_group
    if primitive:
        return
    # the cubic cell is in the reference setting itself: no change of axes and no shift of the origin, up to the
    # normaliser's (1/2, 1/2, 1/2) and the group's own translations
    np.testing.assert_allclose(found.transformation_matrix, np.eye(3), atol=1e-6)
    assert np.allclose(found.origin_shift * 2 % 1, 0, atol=1e-6)
    counted = Counter(symbols)
    stated: Counter[str] = Counter()
    for symbol, wyckoff, _ in crystal.sites:
        stated[symbol] += int(wyckoff[:-1])
    assert counted == stated
    if np.allclose(found.origin_shift % 1, 0, atol=1e-6):
        letters = set(zip(symbols, found.wyckoffs, strict=True))
        assert letters == {(symbol, wyckoff[-1]) for symbol, wyckoff, _ in crystal.sites}


def test_the_list_is_long_balanced_and_without_duplicates():
    originals = [crystal for crystal in CRYSTALS if crystal.jitter == 1.0]
    assert len({crystal.id for crystal in CRYSTALS}) == len(CRYSTALS)
    assert min(Counter(crystal.space_group for crystal in originals).values()) >= 400
    assert sum(crystal.source == "literature" for crystal in originals) >= 600
    assert {crystal.prototype for crystal in originals} == set(PROTOTYPES)


def test_every_element_has_a_potential():
    assert {symbol for crystal in CRYSTALS for symbol in crystal.species} <= set(VALENCE)
    assert len(VALENCE) == 70


def test_atoms_keep_their_distance():
    shortest = {}
    for crystal in CRYSTALS:
        if crystal.jitter != 1.0:
            continue
        cell, _, positions = crystal.cell(primitive=True)
        apart = positions[:, None] - positions[None]
        images = np.indices((3, 3, 3)).reshape(3, -1).T - 1
        distances = np.linalg.norm((apart[:, :, None] + images) @ cell, axis=-1)
        shortest[crystal.id] = distances[distances > 1e-6].min()
    assert min(shortest.values()) > 0.85, min(shortest, key=shortest.get)


def test_jittered_copies_are_near_their_original_and_reproducible():
    factors = {crystal.jitter for crystal in CRYSTALS if crystal.jitter != 1.0}
    assert len(factors) > 50
    assert all(0.004 < abs(factor - 1) <= JITTER + 1e-9 for factor in factors)
    assert [crystal.id for crystal in listed_crystals(copies=2)] == [crystal.id for crystal in CRYSTALS]


def test_composition_does_not_depend_on_prototype_or_order():
    assert Crystal("rock-salt", ("Na", "Cl"), 5.64, None, "literature").composition == "ClNa"
    assert Crystal("CsCl", ("Cl", "Na"), 3.4, None, "estimate").composition == "ClNa"
    assert Crystal("spinel", ("Fe", "Fe", "O"), 8.39, 0.255, "literature").composition == "Fe3O4"
    assert Crystal("pyrochlore", ("Y", "Ti", "O"), 10.1, 0.33, "literature").composition == "O7Ti2Y2"
    assert Crystal("full-Heusler", ("Cu", "Mn", "Al"), 5.9, None, "literature").composition == "AlCu2Mn"


def test_the_schedule_is_balanced_and_cheap_first_at_every_moment():
    recipe = Recipe()
    order = schedule(CRYSTALS, recipe)
    assert sorted(crystal.id for crystal in order) == sorted(crystal.id for crystal in CRYSTALS)
    for done in (30, 150, 600, 1200):
        groups = Counter(crystal.space_group for crystal in order[:done])
        assert max(groups.values()) - min(groups.values()) <= 1
    assert {crystal.prototype for crystal in order[:300]} == set(PROTOTYPES)
    cost = [recipe.seconds(crystal) for crystal in order]
    assert np.mean(cost[:300]) < np.mean(cost[300:900]) < np.mean(cost[900:])


def test_the_job_is_what_the_recipe_says():
    crystals = {crystal.id: crystal for crystal in CRYSTALS}
    recipe = Recipe()
    magnesia = recipe.job(crystals["rock-salt-MgO"])
    assert (magnesia["cutoff_ev"], magnesia["kpoints"], magnesia["setups"]) == (900, [7, 7, 7], {"default": "hgh"})
    assert recipe.electrons(crystals["rock-salt-MgO"], primitive=False) == 32
    copper = recipe.job(crystals["fcc-Cu"])
    assert (copper["cutoff_ev"], copper["setups"]) == (600, {"default": "hgh", "Cu": "hgh.sc"})
    assert recipe.electrons(crystals["fcc-Cu"], primitive=True) == 11
