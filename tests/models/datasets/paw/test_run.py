"""The program that works through a queue, with a stand-in for the physics: order, failures, limits, kills."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import symfft_models.datasets.paw

WORKERS = Path(symfft_models.datasets.paw.__file__).with_name("workers")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="GPAW runs on Linux; the limits are Linux's")

STAND_IN = """
import json, os, time
import numpy as np

def compute(job):
    with open(job["log"], "a") as stream:
        stream.write(job["id"] + "\\n")
    if job["id"].startswith("crash"):
        raise RuntimeError("no such setup")
    if job["id"].startswith("endless"):
        while True:
            pass
    if job["id"].startswith("slow"):
        time.sleep(60)
    report = {"id": job["id"], "converged": not job["id"].startswith("loop"), "reason": "120 iterations"}
    return report, {"soft": np.arange(3.0)}
"""


@pytest.fixture
def work(tmp_path):
    (tmp_path / "code").mkdir()
    shutil.copy(WORKERS / "run.py", tmp_path / "code")
    (tmp_path / "code" / "ground_state.py").write_text(STAND_IN)
    (tmp_path / "queue").mkdir()
    return tmp_path


def queue(work, *names, file="a.jsonl"):
    jobs = [{"id": name, "order": order, "log": str(work / "log")} for order, name in enumerate(names)]
    (work / "queue" / file).write_text("".join(json.dumps(job) + "\n" for job in jobs))


def command(work, *options):
    return [sys.executable, str(work / "code" / "run.py"), str(work), *options]


def run(work, *options):
    return subprocess.run(command(work, "--jobs", "1", *options), capture_output=True, text=True, timeout=120)


def started(work):
    return (work / "log").read_text().split()


def test_jobs_run_by_their_order_once_and_failures_say_why(work):
    queue(work, "b", "crash", "loop")
    queue(work, "a", file="b.jsonl")
    assert run(work).returncode == 0
    assert sorted(started(work)[:2]) == ["a", "b"]
    with np.load(work / "results" / "b.npz") as archive:
        assert json.loads(str(archive["job"]))["id"] == "b"
        assert archive["soft"].tolist() == [0, 1, 2]
    crash, loop = (json.loads((work / "failures" / f"{name}.json").read_text()) for name in ("crash", "loop"))
    assert crash["status"] == "crashed"
    assert "no such setup" in crash["reason"]
    assert (loop["status"], loop["reason"]) == ("unconverged", "120 iterations")
    run(work)
    assert len(started(work)) == 4


def test_a_job_over_its_time_is_ended_and_tried_again_with_more(work):
    queue(work, "endless", "after")
    assert run(work, "--cpu-limit", "1").returncode == 0
    failure = json.loads((work / "failures" / "endless.json").read_text())
    assert (failure["status"], failure["limit_s"]) == ("timeout", 1)
    assert (work / "results" / "after.npz").exists()
    run(work, "--cpu-limit", "1")
    assert started(work) == ["endless", "after"]
    run(work, "--cpu-limit", "2")
    assert started(work) == ["endless", "after", "endless"]


def test_a_killed_run_leaves_nothing_half_done_and_goes_on(work):
    queue(work, "first", "slow", "last")
    process = subprocess.Popen(command(work, "--jobs", "1"), stdout=subprocess.DEVNULL)
    while not (work / "log").exists() or "slow" not in started(work):
        time.sleep(0.05)
        assert process.poll() is None
    second = run(work)
    assert second.returncode != 0
    assert "another run is at work" in second.stderr
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert not list(work.glob("*/*.partial"))
    (work / "results" / "torn.npz.partial").write_bytes(b"half")
    queue(work, "first", "last")
    run(work)
    assert started(work) == ["first", "slow", "last"]
    assert sorted(os.listdir(work / "results")) == ["first.npz", "last.npz"]


def test_a_stop_file_and_a_time_end_the_run(work):
    queue(work, "a")
    (work / "stop").touch()
    assert run(work, "--wait").returncode == 0
    assert not (work / "log").exists()
    (work / "stop").unlink()
    assert run(work, "--wait", "--minutes", "0.05").returncode == 0
    assert started(work) == ["a"]


def until(work, process, name):
    while not (work / "results" / f"{name}.npz").exists():
        time.sleep(0.05)
        assert process.poll() is None


def test_jobs_may_be_added_and_taken_away_while_it_runs(work):
    queue(work, "first")
    process = subprocess.Popen(command(work, "--jobs", "1", "--wait"), stdout=subprocess.DEVNULL)
    until(work, process, "first")
    queue(work, "second", "slow", "unwanted", file="b.jsonl")
    until(work, process, "second")
    while "slow" not in started(work):
        assert process.poll() is None
        time.sleep(0.05)
    queue(work, "third", file="b.jsonl")
    child = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
    os.kill(child, signal.SIGKILL)
    until(work, process, "third")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert started(work) == ["first", "second", "slow", "third"]
    assert json.loads((work / "failures" / "slow.json").read_text())["status"] == "timeout"
