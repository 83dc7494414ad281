"""Draws lie between training crystals of one prototype, and near to what is wanted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from synthetic import synthetic_entries
from train_job import TINY

from symfft_models.crystals.composition import CompositionError, amounts, matching, place, unlikeness, valences_of
from symfft_models.datasets.paw import load_paw
from symfft_models.datasets.paw.common_grid import on_common_grid
from symfft_models.model.config import load_config
from symfft_models.model.density_table import grids_of, tabulate
from symfft_models.model.vae import DensityVAE, fit_statistics
from symfft_models.sampling.prior import PARTNERS, LatentPrior, Wanted, elements_of, fit_prior, valence_electrons

#: Valence electrons of the elements below.
VALENCE = {"Li": 1, "Na": 1, "K": 1, "Cs": 1, "Mg": 2, "Ca": 2, "Sr": 2, "Ba": 2, "Al": 3, "O": 6, "F": 7, "Cl": 7}
VALENCE |= {"Br": 7, "I": 7, "Ni": 10, "Cu": 11, "Cd": 12}
NAMES = ("NaCl", "KCl", "NaBr", "KBr", "LiF", "MgO", "CaO", "CsI", "CaF2", "SrF2", "BaF2", "CdF2")


def prior_of(copies=2, seed=0):
    """Twelve compounds of two prototypes, each with densities at several lattice constants."""
    rng = np.random.default_rng(seed)
    points, prototypes, compositions = [], [], []
    for name in NAMES:
        counts = amounts(name)
        prototype = "fluorite" if 2 in counts.values() else "rock-salt"
        electrons = 4 * sum(VALENCE[symbol] * n for symbol, n in counts.items())
        z, a = rng.standard_normal(6), rng.uniform(4, 7)
        for copy in range(copies):
            log_a = np.log(a * (1 + 0.02 * copy))
            points.append([*(z + 0.01 * copy), log_a, np.log(electrons) - 3 * log_a])
            prototypes.append(prototype)
            compositions.append("".join(sorted(counts, key=str)) if name != "CaF2" else "CaF2")
            compositions[-1] = name
    rows = tuple(range(len(points)))
    return LatentPrior(np.array(points), rows, tuple(prototypes), tuple(compositions), VALENCE)


def test_a_draw_is_a_mixture_of_crystals_of_its_prototype():
    prior, rng = prior_of(), np.random.default_rng(0)
    for _ in range(50):
        draw = prior.draw(rng)
        own = np.array([p == draw.prototype for p in prior.prototypes])
        system = np.vstack([prior.points[own, :-1].T, np.ones(own.sum())])
        _, residual = nnls(system, np.append(draw.point[:-1], 1.0))
        assert residual < 1e-9
        assert prior.prototypes[draw.neighbour] == draw.prototype
    assert {prior.draw(rng).prototype for _ in range(50)} == {"rock-salt", "fluorite"}


def test_temperature_goes_from_the_training_crystal_outwards():
    prior = prior_of()
    cold = prior.draw(np.random.default_rng(3), temperature=0.0)
    warm, hot = (prior.draw(np.random.default_rng(3), temperature=t) for t in (0.5, 1.0))
    anchor = prior.points[cold.neighbour]
    np.testing.assert_array_equal(cold.point, anchor)
    np.testing.assert_allclose(warm.point - anchor, 0.5 * (hot.point - anchor), atol=1e-12)
    assert np.abs(hot.point - anchor).max() > 0.01


def test_partners_are_the_nearest_other_compounds():
    prior = prior_of(3)
    everything = prior.nearness(Wanted())
    assert (everything == 1).all()
    chosen = prior.partners(0, everything)
    assert len({prior.compositions[row] for row in chosen} - {prior.compositions[0]}) == len(chosen) == PARTNERS
    best = {}
    for row, name in enumerate(prior.compositions):
        if name != prior.compositions[0] and prior.prototypes[row] == prior.prototypes[0]:
            distance = np.linalg.norm(prior.points[row, :-2] - prior.points[0, :-2])
            best[name] = min(best.get(name, np.inf), distance)
    expected = sorted(best, key=best.__getitem__)[:PARTNERS]
    assert [prior.compositions[row] for row in chosen] == expected
    alone = LatentPrior(prior.points[:3], (0, 1, 2), prior.prototypes[:3], prior.compositions[:3])
    assert alone.partners(0, np.ones(3)) == [1]
    single = LatentPrior(prior.points[:1], (0,), prior.prototypes[:1], prior.compositions[:1])
    np.testing.assert_array_equal(single.draw(np.random.default_rng(0)).point, prior.points[0])


def test_what_is_wanted_is_what_comes():
    prior, rng = prior_of(), np.random.default_rng(1)
    a = float(np.exp(prior.points[0, -2])) * 1.01
    for _ in range(20):
        draw = prior.draw(rng, wanted=Wanted(lattice_constant=a))
        assert draw.point[-2] == pytest.approx(np.log(a))
        assert abs(prior.points[draw.neighbour, -2] - np.log(a)) < 4.01 * 0.04
        draw = prior.draw(rng, wanted=Wanted(electrons=32.0))
        assert draw.point[-1] + 3 * draw.point[-2] == pytest.approx(np.log(32))
        draw = prior.draw(rng, wanted=Wanted(composition="KBr"))
        assert draw.prototype == "rock-salt"
        assert draw.point[-1] + 3 * draw.point[-2] == pytest.approx(np.log(32))
    near = [prior.compositions[prior.draw(rng, wanted=Wanted(composition="KBr")).neighbour] for _ in range(200)]
    assert near.count("KBr") > near.count("MgO") + near.count("LiF")


def test_wishes_that_nothing_is_near_to_are_refused():
    prior = prior_of()
    for wanted, text in (
        (Wanted(lattice_constant=20.0), "lattice constants of 4"),
        (Wanted(electrons=500.0), "32, 64, 104 electrons"),
        (Wanted(electrons=33.0), "32, 64, 104 electrons"),
        (Wanted(composition="UO2"), "how many electrons U have"),
        (Wanted(composition="KBr", electrons=64.0), "composition KBr and electrons 64"),
        (Wanted(composition="Al2O3"), "compositions like AB, AB2"),
    ):
        with pytest.raises(CompositionError, match=text):
            prior.draw(np.random.default_rng(0), wanted=wanted)


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [("H", (1, 1)), ("He", (1, 18)), ("B", (2, 13)), ("Ne", (2, 18)), ("Sc", (4, 3)), ("Zn", (4, 12)), ("Ga", (4, 13)),
     ("Cs", (6, 1)), ("La", (6, 3)), ("Gd", (6, 3)), ("Lu", (6, 3)), ("Hf", (6, 4)), ("Au", (6, 11)), ("Rn", (6, 18))],
)  # fmt: skip
def test_places_are_those_of_the_periodic_table(symbol, expected):
    assert place(symbol) == expected


def test_elements_are_matched_where_amounts_are_equal():
    assert unlikeness("Na", "Na") == 0
    assert unlikeness("Na", "K") < unlikeness("Na", "Cl")
    assert matching("KBr", "NaCl")[1] == (("Na", "K"), ("Cl", "Br"))
    assert matching("BrK", "NaCl")[0] == matching("KBr", "NaCl")[0] == 2.0
    assert dict(matching("Cu3Al", "AuPd3")[1]) == {"Pd": "Cu", "Au": "Al"}
    assert matching("NaCl", "CaF2") is None
    assert elements_of(Wanted(composition="KBr"), "NaCl") == {"Na": "K", "Cl": "Br"}
    assert elements_of(Wanted(), "NaCl") == {}


@pytest.mark.parametrize("formula", ["", "nacl", "Na-Cl", "Xx2", "Na0Cl", "2NaCl"])
def test_what_is_no_formula_is_refused(formula):
    with pytest.raises(CompositionError, match="is not a formula"):
        amounts(formula)


def test_electrons_follow_from_the_composition():
    assert valence_electrons("KBr", "NaCl", 32.0, VALENCE) == 32.0
    assert valence_electrons("MgO", "NaCl", 32.0, VALENCE) == 32.0
    assert valence_electrons("Cu3Al", "AlNi3", 33.0, VALENCE) == pytest.approx(3 * VALENCE["Cu"] + VALENCE["Al"])
    assert np.isnan(valence_electrons("UO2", "CaF2", 64.0, VALENCE))
    assert np.isnan(valence_electrons("KBr", "NaCl", 30.0, VALENCE))


def test_atoms_of_a_draw_have_its_electrons():
    """Also where the crystals that it lies between have different numbers of them."""
    prior, rng = prior_of(), np.random.default_rng(5)
    counts = set()
    for _ in range(100):
        draw = prior.draw(rng)
        electrons = np.exp(draw.point[-1] + 3 * draw.point[-2])
        known = 4 * sum(VALENCE[s] * n for s, n in amounts(prior.compositions[draw.neighbour]).items())
        assert electrons == pytest.approx(known, rel=1e-12)
        counts.add(known)
    assert len(counts) > 1


def test_valences_are_those_the_densities_determine():
    found = valences_of([entry for group in (221, 225) for entry in on_common_grid(load_paw(), group)])
    assert found == {symbol: load_paw().setups[symbol].valence for symbol in found}
    assert len(found) > 50
    entries = synthetic_entries("train", 2)
    assert valences_of(entries[:1]) == {}  # two elements, one density


def test_every_training_density_is_a_point():
    torch.manual_seed(0)
    train = synthetic_entries("train", 6)
    model = DensityVAE(load_config("demo", [*TINY, "model.codec=true"]), grids_of(train)).eval()
    table = tabulate(train, model.representation)
    fit_statistics(model, table)
    prior = fit_prior(model, table, 1)
    assert {table.entries[row].space_group for row in prior.rows} == {225}
    first = table.entries[prior.rows[0]]
    np.testing.assert_allclose(prior.points[0, -2], np.log(first.lattice[0, 0]), rtol=1e-5)
    np.testing.assert_allclose(prior.electron_counts()[0], first.electrons)
