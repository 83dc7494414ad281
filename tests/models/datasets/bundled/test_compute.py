"""The driver of the computation, with a stand-in for GPAW's Python; and, where GPAW is, with GPAW."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from symfft_models.data.store import DensitySet, load_bundled
from symfft_models.datasets.bundled.bundle import bundle, bundled_before, entry_of
from symfft_models.datasets.bundled.compute import WORKER, compute_crystals, main, status
from symfft_models.datasets.bundled.crystals import listed_crystals
from symfft_models.datasets.bundled.recipe import Recipe
from symfft_models.datasets.bundled.work_folder import WorkFolder

RECIPE = Recipe()
CRYSTALS = {crystal.id: crystal for crystal in listed_crystals()}
NAMES = ["fcc-Al", "diamond-Si", "CsCl-CsCl", "rock-salt-NaCl"]
LIST = [CRYSTALS[name] for name in NAMES]

STAND_IN = """\
#!{python}
import json, os, sys, time
worker, job_path, result = sys.argv[1:]
job = json.load(open(job_path))
with open({log!r}, "a") as log:
    log.write(job["id"] + "\\n")
assert os.environ["OMP_NUM_THREADS"] == "1" and "PYTHONPATH" not in os.environ
behaviour = {behaviour!r}.get(job["id"], "works")
if behaviour == "crashes":
    sys.exit("no potential for Xx")
if behaviour == "hangs":
    time.sleep(60)
if behaviour == "waits for all":
    while len(open({log!r}).readlines()) < {everyone}:
        time.sleep(0.05)
sys.path.append({site!r})
import numpy as np
valence = {{"Al": 3, "Si": 4, "Cs": 1, "Cl": 7, "Na": 1}}
electrons = sum(valence[symbol] for symbol in job["symbols"])
density = np.full((8, 8, 8), electrons / abs(np.linalg.det(job["cell"])))
report = dict(id=job["id"], converged=behaviour != "diverges", code="stand-in", bands=8, iterations=1, seconds=0.1,
              energy_ev=-1.0, reason="did not converge")
arrays = {{}} if behaviour == "diverges" else {{"density": density}}
with open(result + ".partial", "wb") as stream:
    np.savez(stream, report=np.array(json.dumps(report)), **arrays)
if behaviour == "damages":
    open(result + ".partial", "r+b").truncate(100)
os.replace(result + ".partial", result)
"""


@pytest.fixture
def work(tmp_path):
    return WorkFolder(tmp_path / "work")


@pytest.fixture
def stand_in(tmp_path):
    """Return a function that makes an interpreter; what it was asked to compute is in its ``.log``."""

    def make(**behaviour):
        path = tmp_path / "python"
        log = str(tmp_path / "python.log")
        site = str(Path(np.__file__).parents[1])
        told = {"log": log, "behaviour": behaviour, "site": site, "everyone": len(NAMES)}
        path.write_text(STAND_IN.format(python=sys.executable, **told))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return make


def asked(tmp_path):
    return (tmp_path / "python.log").read_text().split()


def test_all_are_computed_in_order_and_only_once(work, stand_in, tmp_path):
    python = stand_in()
    compute_crystals(work, LIST, RECIPE, python=python)
    assert asked(tmp_path) == NAMES
    compute_crystals(work, LIST, RECIPE, python=python)
    assert asked(tmp_path) == NAMES
    assert status(work, LIST) == {"221": {"computed": 1}, "225": {"computed": 2}, "227": {"computed": 1}}


def test_failures_are_recorded_counted_and_not_repeated(work, stand_in, tmp_path):
    python = stand_in(**{"fcc-Al": "crashes", "diamond-Si": "hangs", "CsCl-CsCl": "diverges"})
    compute_crystals(work, LIST, RECIPE, python=python, timeout=3)
    failures = {failure["id"]: (failure["status"], failure["reason"]) for failure in work.failures()}
    assert failures == {
        "fcc-Al": ("crashed", "exit status 1: no potential for Xx"),
        "diamond-Si": ("timeout", "not finished after 3 s"),
    }
    compute_crystals(work, LIST, RECIPE, python=python, timeout=3)
    assert asked(tmp_path) == NAMES
    report = bundle(work, LIST, RECIPE, tmp_path / "set.h5")
    assert report["kept_out"] == {"unconverged": 1, "crashed": 1, "timeout": 1}
    densities = DensitySet.open(tmp_path / "set.h5")
    assert [entry.id for entry in densities] == ["rock-salt-NaCl"]
    assert json.loads(densities.attributes["kept_out"]) == report["kept_out"]
    assert densities.attributes["computed"] == 4
    np.testing.assert_allclose(densities[0].values, 32 / 5.64**3, rtol=1e-6)


def test_a_bundle_keeps_what_it_held_and_its_crystals_are_not_computed_again(work, stand_in, tmp_path):
    python, path = stand_in(**{"CsCl-CsCl": "diverges"}), tmp_path / "set.h5"
    compute_crystals(work, LIST[:3], RECIPE, python=python)
    bundle(work, LIST, RECIPE, path)
    later = WorkFolder(tmp_path / "later")
    entries, kept_out = bundled_before(path, LIST, RECIPE)
    known = {entry.id for entry in entries} | set(kept_out)
    assert known == set(NAMES[:3])
    compute_crystals(later, LIST, RECIPE, known=known, python=python)
    assert asked(tmp_path) == NAMES
    report = bundle(later, LIST, RECIPE, path)
    assert sorted(entry.id for entry in DensitySet.open(path)) == ["diamond-Si", "fcc-Al", "rock-salt-NaCl"]
    assert report["kept_out_ids"] == {"CsCl-CsCl": "unconverged: did not converge"}
    # another recipe: nothing of the old set counts
    assert bundled_before(path, LIST, Recipe(cutoff_ev=500))[0] == []


def test_a_damaged_result_is_kept_out_and_named(work, stand_in, tmp_path):
    compute_crystals(work, LIST, RECIPE, python=stand_in(**{"fcc-Al": "damages"}))
    report = bundle(work, LIST, RECIPE, tmp_path / "set.h5")
    assert report["entries"] == 3
    assert report["kept_out"] == {"unreadable": 1}


def test_several_run_at_once(work, stand_in):
    compute_crystals(work, LIST, RECIPE, python=stand_in(**dict.fromkeys(NAMES, "waits for all")), jobs=4, timeout=300)
    assert not list(work.failures())


def test_time_can_be_limited(work, stand_in, tmp_path):
    python = stand_in(**dict.fromkeys(NAMES, "hangs"))
    compute_crystals(work, LIST, RECIPE, python=python, jobs=4, timeout=2)
    assert sorted(asked(tmp_path)) == sorted(NAMES)
    assert {entry["status"] for entry in work.failures()} == {"timeout"}
    more = WorkFolder(tmp_path / "more")
    compute_crystals(more, LIST, RECIPE, python=python, minutes=0)
    assert status(more, LIST) == {"221": {"waiting": 1}, "225": {"waiting": 2}, "227": {"waiting": 1}}


def test_killed_at_any_moment_it_goes_on(work, stand_in, tmp_path):
    python = stand_in(**{"diamond-Si": "hangs"})
    script = f"""
from pathlib import Path
from symfft_models.datasets.bundled.crystals import listed_crystals
from symfft_models.datasets.bundled.compute import compute_crystals
from symfft_models.datasets.bundled.recipe import Recipe
from symfft_models.datasets.bundled.work_folder import WorkFolder
listed = {{crystal.id: crystal for crystal in listed_crystals()}}
crystals = [listed[name] for name in {NAMES!r}]
compute_crystals(WorkFolder(Path({str(work.root)!r})), crystals, Recipe(), python={python!r})
"""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL, start_new_session=True)
        before = time.monotonic()
        expected = NAMES[:2] if sign == signal.SIGTERM else [*NAMES[:2], NAMES[1]]
        while not (tmp_path / "python.log").exists() or asked(tmp_path) != expected:
            assert time.monotonic() - before < 60
            time.sleep(0.05)
        if sign == signal.SIGTERM:
            process.send_signal(sign)
        else:
            os.killpg(process.pid, sign)
        code = process.wait(timeout=30)
        assert code == (0 if sign == signal.SIGTERM else -signal.SIGKILL)
        assert list(work.failures()) == []
    compute_crystals(work, LIST, RECIPE, python=stand_in())
    assert asked(tmp_path) == [*NAMES[:2], *NAMES[1:]] or asked(tmp_path) == [*NAMES[:2], NAMES[1], *NAMES[1:]]
    assert bundle(work, LIST, RECIPE, tmp_path / "set.h5")["entries"] == 4


def test_commands(work, capsys):
    assert main(["status", "--work", str(work.root), "--copies", "0"]) == 0
    counts = json.loads(capsys.readouterr().out)
    listed = dict.fromkeys(("waiting", "bundled"), 0)
    for group in counts.values():
        for name, number in group.items():
            listed[name] += number
    assert sum(listed.values()) == len(CRYSTALS)
    assert listed["bundled"] == sum(entry.id in CRYSTALS for entry in load_bundled())


def has_gpaw():
    if not Path("/usr/bin/python3").exists():
        return False
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    found = subprocess.run(["/usr/bin/python3", "-c", "import gpaw"], env=clean, capture_output=True, check=False)
    return found.returncode == 0


def test_a_fresh_computation_gives_the_bundled_density(work):
    if not has_gpaw():
        pytest.skip("no GPAW for /usr/bin/python3 (Debian: gpaw, gpaw-data)")
    crystal = CRYSTALS["diamond-Si"]
    compute_crystals(work, [crystal], RECIPE)
    report, density = work.read(crystal.id)
    fresh, stored = entry_of(crystal, report, density, RECIPE), load_bundled().find(crystal.id)
    np.testing.assert_allclose(fresh.values, stored.values, atol=1e-4 * stored.values.max())
    assert fresh.metadata["energy_ev"] == pytest.approx(stored.metadata["energy_ev"], abs=2e-3)


def test_the_worker_needs_nothing_of_this_project():
    source = WORKER.read_text(encoding="utf-8")
    assert "symfft" not in source
