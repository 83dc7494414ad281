"""`symfft warmup` compiles in other processes and tells where the code is kept."""

from __future__ import annotations

import subprocess
import sys

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


def test_folders_are_listed_without_importing_optional_packages():
    code = (
        "import sys; from symfft.cli import warmup; warmup.JOBS['files'](); "
        "print(*(folder.is_dir() for folder in warmup.cache_folders()), 'torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert told == ["True"] * (len(told) - 1) + ["False"]
    assert len(told) > 1


LATER = """
import numpy as np, symfft
from symfft.cli.warmup import GROUPS, SHAPE
for group in sum(GROUPS.values(), ()):
    found = symfft.SpaceGroup.from_symbol(group)
    for precision in ("float64", "float32"):
        values = symfft.symmetrize(np.random.default_rng(1).random(SHAPE).astype(precision), found)
        symfft.check_symmetry(values, found)
        unit = symfft.asymmetric_unit(found, SHAPE)
        au = symfft.reduce_to_au(values, unit)
        symfft.au_idft(symfft.au_dft(au, unit), unit)
        symfft.au_idct(symfft.au_dct(np.stack([au, au]), unit), unit)
"""


def test_nothing_is_compiled_after_it():
    for told in ([sys.executable, "-m", "symfft", "warmup"], [sys.executable, "-c", LATER]):
        found = subprocess.run(told, capture_output=True, text=True, check=True)
    assert "compiling" not in found.stderr
