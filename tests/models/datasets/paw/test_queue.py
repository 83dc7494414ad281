"""The queue: balanced at any time, the hard list first, growing as candidates are relaxed."""

from __future__ import annotations

import csv
import json
from collections import Counter

import numpy as np
import pytest

from symfft_models.datasets.crystals import of_prototype
from symfft_models.datasets.paw.candidates import candidates
from symfft_models.datasets.paw.pack import entry_of
from symfft_models.datasets.paw.queue import (
    PACE,
    VOLUMES,
    hard_crystals,
    schedule,
    write_jobs,
    write_relaxations,
)
from symfft_models.datasets.paw.store import write_paw
from symfft_models.datasets.paw.work_files import read_lines, write_lines

from . import made_up


def test_the_hard_list_is_what_it_says():
    crystals = {crystal.id: crystal for crystal in hard_crystals()}
    assert len(crystals) == 67
    antiperovskite = crystals["anti-perovskite-Ca3OSn"]
    # oxygen in the octahedron of calcium
    assert {symbol: wyckoff for symbol, wyckoff, _ in antiperovskite.sites} == {"Ca": "3c", "O": "1b", "Sn": "1a"}
    sites = {symbol: np.array(point) for symbol, _, point in crystals["double-perovskite-Ba2CaWO6"].sites}
    assert np.linalg.norm(sites["O"] - [0.5, 0, 0]) * 8.39 == pytest.approx(1.97, abs=0.01)
    assert sites["W"].tolist() == [0.5, 0.5, 0.5]


def test_every_prefix_is_balanced():
    crystals = [(crystal, 10.0 if crystal.prototype == "spinel" else 3.0) for crystal in candidates()]
    ordered = schedule(crystals)
    assert sorted(c.id for c in ordered) == sorted(c.id for c, _ in crystals)
    for n in (50, 200, 800):
        counts = Counter(c.space_group if c.space_group in PACE else 0 for c in ordered[:n])
        for group, pace in PACE.items():
            assert counts[group] / n == pytest.approx(pace / sum(PACE.values()), abs=0.04)
        assert len({c.prototype for c in ordered[:n]}) >= min(n / 4, 60)


def test_cheap_crystals_of_a_structure_type_come_first():
    names = ("Mg", "Ca", "Sr", "Ba")
    crystals = [
        (of_prototype("rock-salt", [name, "O"], 5.0, None, "input"), cost) for name, cost in zip(names, (4, 3, 2, 1))
    ]
    assert [c.id for c in schedule(crystals)] == [f"rock-salt-{name}O" for name in reversed(names)]


def setups_file(folder, symbols):
    radius = np.geomspace(1e-3, 12, 5)
    columns = {"symbol": symbols, "fingerprint": [""] * len(symbols), "cutoff": [1.5] * len(symbols)}
    columns |= {"valence": [6] * len(symbols), "core": [2] * len(symbols)}
    columns |= {name: np.zeros((len(symbols), 5)) for name in ("valence_density", "core_density")}
    np.savez(folder / "setups.npz", radius=radius, **columns)


def test_candidates_become_jobs_as_they_are_relaxed(tmp_path):
    setups_file(tmp_path, ["Mg", "O", "S", "Zn"])
    assert write_relaxations(tmp_path) > 20
    relaxations = {job["id"]: job for job in read_lines(tmp_path / "relax" / "jobs.jsonl")}
    assert list(relaxations)[:3] == ["fcc-Mg", "bcc-Mg", "hcp-Mg"]
    assert {symbol for job in relaxations.values() for symbol in job["symbols"]} <= {"Mg", "O", "S", "Zn"}
    before = write_jobs(tmp_path, tmp_path / "none.h5")["jobs"]
    energies = {
        "fcc-Mg": -1.5,
        "alpha-N2-O": -4.9,
        "fcc-S": -4.0,
        "fcc-Zn": -1.2,
        "rock-salt-MgS": -4.4,
        "zincblende-ZnS": -2.0,
    }
    sizes = {"rock-salt-MgS": 5.2, "zincblende-ZnS": 5.4}
    results = [
        relaxations[name]
        | {"converged": True, "energy_ev_per_atom": energy, "potential": "made up 1"}
        | {"cell": (np.array(relaxations[name]["cell"]) * sizes.get(name, 5.0)).tolist()}
        for name, energy in energies.items()
    ]
    failed = {"id": "wurtzite-ZnO", "converged": False, "reason": "forces too large"}
    write_lines(tmp_path / "relax" / "results.jsonl", [*results, failed])
    write_jobs(tmp_path, tmp_path / "none.h5")
    jobs = {job["id"]: job for job in read_lines(tmp_path / "queue" / "jobs.jsonl")}
    assert len(jobs) > before
    assert next(iter(jobs)) == "rock-salt-MgO"
    assert [job["order"] for job in jobs.values()] == list(range(len(jobs)))
    # zinc sulphide is listed with its published constant, magnesium sulphide may be, too
    relaxed = jobs["zincblende-ZnS-relaxed"]
    assert relaxed["crystal"]["constants"][0] == 5.4
    assert relaxed["crystal"]["potential"] == "made up 1"
    assert relaxed["crystal"]["above_lowest_ev"] == 0
    copies = [name for name in jobs if name.endswith(tuple(f"-a{factor:g}" for factor in VOLUMES))]
    assert all(jobs[name]["crystal"]["volume_factor"] != 1 for name in copies)
    verdicts = {
        row["id"]: row["verdict"] for row in csv.DictReader((tmp_path / "candidates.csv").read_text().splitlines())
    }
    assert verdicts["wurtzite-ZnO"] == "not relaxed: forces too large"
    assert verdicts["rock-salt-MgS"] == "taken"
    assert verdicts["fcc-S"] == "reference of its element"
    json.dumps(jobs)


def test_what_is_packed_is_not_computed_again(tmp_path):
    setups_file(tmp_path, ["Mg", "O", "Fe", "S", "Zn"])
    write_jobs(tmp_path, tmp_path / "none.h5")
    everything = {job["id"] for job in read_lines(tmp_path / "queue" / "jobs.jsonl")}
    magnesia = next(crystal for crystal in hard_crystals() if crystal.id == "rock-salt-MgO")
    setups = [made_up.setup(symbol) for symbol in ("Mg", "O")]
    write_paw(tmp_path / "set.h5", [entry_of(*made_up.result(magnesia))], setups, {})
    write_jobs(tmp_path, tmp_path / "set.h5")
    rest = {job["id"] for job in read_lines(tmp_path / "queue" / "jobs.jsonl")}
    assert everything - rest == {"rock-salt-MgO"}
    # at another lattice constant it is another job
    write_paw(tmp_path / "set.h5", [entry_of(*made_up.result(made_up.magnesia()))], setups, {})
    write_jobs(tmp_path, tmp_path / "set.h5")
    assert {job["id"] for job in read_lines(tmp_path / "queue" / "jobs.jsonl")} == everything
