"""From results to a set: parts that fit become entries, others are kept out with the reason."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from symfft_models.data.split import split_of
from symfft_models.datasets.crystals import of_prototype, scaled
from symfft_models.datasets.lattice_sources import lattice_source
from symfft_models.datasets.paw.candidates import table
from symfft_models.datasets.paw.pack import (
    RejectedResultError,
    composition,
    entry_of,
    hard_compositions,
    measured,
    pack,
    packed_before,
    pressures,
    split,
)
from symfft_models.datasets.paw.store import PawSet, write_paw

from . import made_up


def save(folder, name, job, report, arrays):
    (folder / "results").mkdir(parents=True, exist_ok=True)
    texts = {"job": np.array(json.dumps(job)), "report": np.array(json.dumps(report))}
    np.savez(folder / "results" / f"{name}.npz", **texts, **arrays)


def save_setups(folder):
    setups = [made_up.setup(symbol) for symbol in sorted(made_up.VALENCE)]
    names = ("symbol", "fingerprint", "valence", "core", "cutoff", "valence_density", "core_density")
    columns = {name: [getattr(setup, name) for setup in setups] for name in names}
    np.savez(folder / "setups.npz", radius=setups[0].radius, **columns)


def test_an_entry_is_of_the_conventional_cell():
    job, report, arrays = made_up.result(made_up.magnesia())
    entry = entry_of(job, report, arrays)
    assert (entry.space_group, entry.electrons, entry.id) == (225, 64, "rock-salt-MgO")
    assert entry.metadata["energy_ev"] == pytest.approx(4 * report["energy_ev"])
    assert entry.metadata["stress_gpa"] == "1.602 1.602 1.602 0.000 0.000 0.000"
    assert entry.metadata["formation_ev"] == -1.0
    volume = np.linalg.det(entry.lattice)
    assert entry.soft[(entry.hkl == 0).all(1)][0].real * volume == pytest.approx(64 - 8 * 1.5, rel=1e-6)
    np.testing.assert_allclose(np.sqrt(4 * np.pi) * entry.multipoles[:, 0, 0], 1.5, rtol=1e-6)


def test_spin_is_kept_where_it_did_not_vanish():
    job, report, arrays = made_up.result(made_up.iron(), spin=True)
    entry = entry_of(job, report, arrays)
    np.testing.assert_allclose(entry.soft_spin, 0.2 * entry.soft, atol=1e-7)
    assert entry.metadata["moment"] == pytest.approx(3.2)
    quiet = entry_of(job, report | {"moment": 0.0, "moments": [0.002]}, arrays)
    assert not quiet.spin_polarised
    assert (quiet.soft_spin == 0).all()
    assert quiet.metadata["spin_computed"]


def broken_symmetry(job, report, arrays):
    row = np.flatnonzero((arrays["hkl"] == [0, 0, 1]).all(1))[0]
    arrays["soft"][0, row] *= 1.01


def lost_electrons(job, report, arrays):
    arrays["multipoles"][0, 0, 0] += 1e-3


def other_structure(job, report, arrays):
    job["positions"][1] = [0.5, 0.5, 0.49]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(broken_symmetry, "wrong symmetry"), (lost_electrons, "wrong electrons"), (other_structure, "wrong structure")],
)
def test_what_does_not_fit_is_refused(spoil, reason):
    parts = made_up.result(made_up.magnesia())
    spoil(*parts)
    with pytest.raises(RejectedResultError, match=reason):
        entry_of(*parts)


def test_a_folder_becomes_a_set_and_says_what_it_kept_out(tmp_path):
    save(tmp_path, "good", *made_up.result(made_up.magnesia()))
    save(tmp_path, "spin", *made_up.result(made_up.iron(), spin=True))
    bad = made_up.result(made_up.wurtzite())
    lost_electrons(*bad)
    save(tmp_path, "bad", *bad)
    reference = made_up.result(made_up.wurtzite())
    del reference[0]["crystal"]
    save(tmp_path, "reference", *reference)
    (tmp_path / "results" / "cut.npz").write_bytes(b"PK")
    (tmp_path / "failures").mkdir()
    failure = {"id": "slow", "status": "timeout", "reason": "ended by signal 24", "limit_s": 300}
    (tmp_path / "failures" / "slow.json").write_text(json.dumps(failure))
    save_setups(tmp_path)
    summary = pack(tmp_path, tmp_path / "set.h5")
    assert summary["entries"] == 2
    assert summary["kept_out"] == {"wrong electrons": 1, "unreadable": 1, "timeout": 1}
    densities = PawSet.open(tmp_path / "set.h5")
    assert densities.column("id").tolist() == ["rock-salt-MgO", "bcc-Fe"]
    assert set(densities.setups) == {"Mg", "O", "Fe"}
    assert json.loads(densities.attributes["kept_out"]) == summary["kept_out"]


def test_compounds_of_the_hard_list_are_in_no_other_split():
    assert len(hard_compositions()) == len(table("hard_test.csv")) == 67
    assert split("MgO") == split(composition("OMg")) == "hard"
    assert split("O7Ti2Y2") == "hard"
    assert split("ClNa") == split_of("ClNa") != "hard"


def test_a_cell_is_traced_at_the_listed_volume_and_again_when_the_set_is_packed_again(tmp_path):
    entry = entry_of(*made_up.result(made_up.magnesia()))
    assert entry.metadata["lattice_source"] == lattice_source("rock-salt-MgO", 225, 4.2**3) != "untraced"
    copy = made_up.result(scaled(made_up.magnesia(), 1.03))
    assert entry_of(*copy).metadata["lattice_source"] == entry.metadata["lattice_source"]
    assert entry_of(*made_up.result(made_up.wurtzite())).metadata["lattice_source"] == "relaxed"
    old = replace(entry, metadata=entry.metadata | measured(entry) | {"lattice_source": "literature"})
    setups = [made_up.setup("Mg"), made_up.setup("O")]
    write_paw(tmp_path / "set.h5", pressures([old]), setups, {"kept_out_ids": "{}"})
    known, _, _ = packed_before(tmp_path / "set.h5")
    assert known["rock-salt-MgO"].metadata["lattice_source"] == entry.metadata["lattice_source"]


def test_pressure_is_the_slope_of_energy_and_volume_where_there_are_three():
    entries = []
    for a in (4.1, 4.2, 4.3):
        job, report, arrays = made_up.result(of_prototype("rock-salt", ["Mg", "O"], a, None, "input"))
        energy = -11.0 + 0.5 * 1.1 * (a**3 / 4 - 4.2**3 / 4) ** 2 / (4.2**3 / 4)
        entries.append(entry_of(job | {"id": f"MgO-{a}"}, report | {"energy_ev": energy}, arrays))
    low, middle, high = (entry.metadata["pressure_gpa"] for entry in pressures(entries))
    assert middle == pytest.approx(0, abs=1e-6)
    assert high == pytest.approx(-160.2176634 * 1.1 * (4.3**3 - 4.2**3) / 4.2**3)
    assert low > 0
    assert {entry.metadata["pressure_gpa"] for entry in pressures(entries[:2])} == {None}


def test_a_set_grows_over_folders_and_a_new_result_takes_the_place_of_the_old(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    save(first, "rock-salt-MgO", *made_up.result(made_up.magnesia()))
    save(first, "bcc-Fe", *made_up.result(made_up.iron(), spin=True))
    save_setups(first)
    assert pack(first, tmp_path / "set.h5")["new"] == 2
    before = {entry.id: entry for entry in PawSet.open(tmp_path / "set.h5")}
    job, report, arrays = made_up.result(made_up.magnesia(), smear=0.6)
    save(second, "rock-salt-MgO", job, report | {"energy_ev": -12.0}, arrays)
    save(second, "wurtzite-ZnS", *made_up.result(made_up.wurtzite()))
    save_setups(second)
    summary = pack(second, tmp_path / "set.h5")
    assert (summary["entries"], summary["new"]) == (3, 1)
    after = {entry.id: entry for entry in PawSet.open(tmp_path / "set.h5")}
    assert after["rock-salt-MgO"].metadata["energy_ev"] == -48
    for name in ("soft", "soft_spin", "multipoles", "hkl"):
        np.testing.assert_array_equal(getattr(after["bcc-Fe"], name), getattr(before["bcc-Fe"], name))
    # what is in the set already is not reduced again
    assert np.isnan(after["bcc-Fe"].metadata["above_lowest_ev"])
    monkeypatch.setattr("symfft_models.datasets.paw.pack.entry_of", None)
    assert pack(second, tmp_path / "set.h5")["new"] == 0
