"""`symfft warmup` compiles in other processes and tells where the code is kept."""

from __future__ import annotations

import pytest

from symfft.cli import main, warmup


def test_what_is_compiled_is_told(monkeypatch, capsys, run_json):
    monkeypatch.setattr(warmup, "JOBS", {"files": warmup.JOBS["files"]})
    code, result = run_json("warmup", "--jobs", "1")
    assert code == 0
    assert result["files"] > 0
    assert result["bytes"] > 1000
    assert result["folders"]
    assert main(["warmup", "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert "[1/1] files" in out
    assert "compiled functions" in out


@pytest.mark.parametrize("jobs", ["0", "-1", "many", "100000"])
def test_jobs_are_a_number_of_processes(jobs, run):
    assert run("warmup", "--jobs", jobs)[0] == 2
