"""Candidates: structure types that are what they say, each combination once, relaxed ones exactly symmetric."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from symfft import SpaceGroup
from symfft_models.datasets.crystals import of_sites
from symfft_models.datasets.paw.candidates import (
    ImplausibleError,
    candidates,
    elemental_energies,
    elemental_phases,
    plausible,
    relaxation_job,
    relaxed,
    substituted,
    table,
)


def group_of(crystal, scale=5.0):
    cell, symbols, positions = crystal.cell(primitive=True)
    numbers = [sorted(set(symbols)).index(symbol) for symbol in symbols]
    return SpaceGroup.from_structure(scale * cell, positions, numbers).number, len(symbols)


@pytest.mark.parametrize("row", table("prototypes.csv"), ids=lambda row: row["prototype"])
def test_a_structure_type_has_its_space_group_and_multiplicities(row):
    crystal = substituted(row, ["Ca", "Ti", "O", "N"])
    atoms = sum(int(wyckoff[:-1]) for _, wyckoff, _ in crystal.sites) * abs(np.linalg.det(crystal.basis))
    assert group_of(crystal) == (int(row["space_group"]), pytest.approx(atoms))


def test_the_list_is_large_and_balanced_and_each_name_occurs_once():
    crystals = candidates()
    names = [crystal.id for crystal in crystals]
    assert len(set(names)) == len(names)
    groups = Counter(crystal.space_group for crystal in crystals)
    assert groups[221] >= 900
    assert groups[225] >= 1200
    assert groups[227] >= 500
    assert len(groups) >= 33
    assert len({crystal.composition for crystal in crystals}) >= 3000
    assert [crystal.id for crystal in candidates()] == names


def result(crystal, cell, positions):
    job = relaxation_job(crystal)
    return {"converged": True, "symbols": job["symbols"], "cell": cell.tolist(), "positions": positions.tolist()}


@pytest.mark.parametrize(
    ("group", "cell", "sites"),
    [
        (227, "8.1", "Mg 8a 1/8 1/8 1/8; Al 16d 1/2 1/2 1/2; O 32e 0.26 0.26 0.26"),
        (136, "4.6 2.9", "Ti 2a 0 0 0; O 4f 0.305 0.305 0"),
        (166, "3.8 28.0", "Na 3b 0 0 1/2; Al 3a 0 0 0; S 6c 0 0 0.235"),
        (14, "5.1 5.2 5.3 99", "Zr 4e 0.275 0.04 0.208; O 4e 0.07 0.33 0.345; O 4e 0.45 0.757 0.479"),
        (2, "6.5 6.6 6.7 91 105 119", "Re 2i 0.5 0.01 0.3; S 2i 0.21 0.24 0.12"),
    ],
)
def test_a_relaxed_crystal_is_exactly_symmetric_and_where_the_relaxation_left_it(group, cell, sites):
    start = of_sites("made up", group, cell, sites, "relaxed")
    rng = np.random.default_rng(group)
    _, _, positions = start.cell(primitive=True)
    # a symmetric strain and symmetric displacements: those of another crystal of the type, plus noise
    words = sites.split("; ")
    moved = []
    for site in words:
        symbol, wyckoff, *point = site.split()
        moved.append(
            " ".join([symbol, wyckoff, *(p if "/" in p or p == "0" else f"{float(p) + 0.006:.6f}" for p in point)])
        )
    lengths = " ".join(f"{float(c) * 1.03:.4f}" if float(c) < 30 else c for c in cell.split())
    target = of_sites("made up", group, lengths, "; ".join(moved), "relaxed")
    _, _, end = target.cell(primitive=True)
    order = []
    for point in positions:
        away = end - point
        distance = np.abs(away - np.rint(away)).max(1)
        order.append(int(distance.argmin()))
        assert distance.min() < 0.05
    end = positions + (end[order] - positions - np.rint(end[order] - positions))
    end = end + 1e-7 * rng.normal(size=end.shape)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    found = relaxed(start, result(start, target.cell(primitive=True)[0] @ turn, end))
    np.testing.assert_allclose(found.constants, target.constants, atol=2e-4)
    np.testing.assert_allclose([s[2] for s in found.sites], [s[2] for s in target.sites], atol=1e-5)
    assert group_of(found, 1.0)[0] == group


def test_what_changed_its_structure_or_did_not_relax_is_no_candidate():
    start = of_sites("rutile", 136, "4.6 2.9", "Ti 2a 0 0 0; O 4f 0.305 0.305 0", "relaxed")
    with pytest.raises(ImplausibleError, match="not relaxed: too far"):
        relaxed(start, {"converged": False, "reason": "too far"})
    cubic = of_sites("fluorite", 123, "3.6 3.6", "Ti 1a 0 0 0; O 1d 1/2 1/2 1/2", "relaxed")
    with pytest.raises(ImplausibleError, match="space group 221"):
        relaxed(cubic, result(cubic, *cubic.cell(primitive=True)[::2]))


def test_plausible_by_formation_energy_by_the_lowest_of_its_composition_or_known():
    elements = {row.composition: row for row in elemental_phases(["Mg", "O"])}
    energies = elemental_energies([(elements["Mg"], -1.0), (elements["Mg"], -1.5), (elements["O"], -4.0)])
    assert energies == {"Mg": -1.5, "O": -4.0}
    types = {row["prototype"]: row for row in table("prototypes.csv")}
    stable, near, high = (substituted(types[name], ["Mg", "O"]) for name in ("rock-salt", "CsCl", "wurtzite"))
    above = [(stable, -2.70), (near, -2.62), (high, -2.0)]
    verdicts = {c.id: (f, a, t) for c, f, a, t in plausible(above, energies)}
    assert verdicts["rock-salt-MgO"] == (pytest.approx(0.05), 0.0, True)
    assert verdicts["CsCl-MgO"] == (pytest.approx(0.13), pytest.approx(0.08), True)
    assert not verdicts["wurtzite-MgO"][2]
    assert {c.id: t for c, *_, t in plausible(above, energies, ["wurtzite-MgO"])}["wurtzite-MgO"]
    assert all(t for *_, t in plausible([(c, e - 2) for c, e in above], energies))
