"""`symfft-vae data`: the bundled set, or any file of a set, from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from symfft import read_chgcar
from symfft_models.cli import main
from symfft_models.data.store import bundled_path, load_bundled


def test_info_prints_counts_size_and_load_time(capsys):
    assert main(["data", "info", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["entries"] == len(load_bundled()) == sum(figures["by_space_group"].values())
    assert figures["entries"] == sum(figures["by_prototype"].values())
    assert figures["entries"] == sum(sum(counts.values()) for counts in figures["by_split"].values())
    assert figures["bytes"] == bundled_path().stat().st_size
    assert figures["load_seconds"] < 0.9
    assert main(["data", "info", "--file", str(bundled_path()), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert {**again, "load_seconds": 0} == {**figures, "load_seconds": 0}


@pytest.mark.parametrize("group", [225, 194])
def test_any_entry_comes_out_as_a_chgcar(group, tmp_path, capsys):
    entry = load_bundled().select(space_group=group)[0]
    assert main(["data", "export", entry.id, "-o", str(tmp_path / "CHGCAR"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"id": entry.id, "file": str(tmp_path / "CHGCAR")}
    density = read_chgcar(tmp_path / "CHGCAR")
    np.testing.assert_allclose(density.values, entry.density().values, rtol=1e-9, atol=1e-9 * entry.values.max())
    assert density.electrons == pytest.approx(entry.electrons, rel=1e-9)


def test_an_unknown_entry_is_an_error_that_names_near_ones(tmp_path, capsys):
    assert main(["data", "export", "rock-salt-NaCll", "-o", str(tmp_path / "none")]) == 1
    assert "no entry 'rock-salt-NaCll'" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    assert main(["data", "info", "--file", str(tmp_path / "none.h5")]) == 1
    assert "no density set at" in capsys.readouterr().err


def test_prepare_and_export_are_commands(tmp_path, capsys):
    entry = load_bundled().find("hcp-Mg")
    assert main(["data", "export", "hcp-Mg", "-o", str(tmp_path / "CHGCAR"), "--quiet"]) == 0
    out = tmp_path / "set"
    assert main(["prepare", str(tmp_path / "CHGCAR"), "-o", str(out), "--mode", "spacing", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["by_space_group"] == {"194": 1}
    assert main(["export", str(out), "--statistics", "--json"]) == 0
    statistics = json.loads(capsys.readouterr().out)["statistics"]
    assert statistics["electrons"]["mean"] == pytest.approx(entry.electrons, rel=1e-9)
    assert main(["prepare", "-o", str(out)]) == 1
    assert "no input" in capsys.readouterr().err
    assert main(["export", str(out)]) == 1
    assert "say what to write" in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_error():
    """As in `symfft-vae data info | head -0`."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "symfft_models.cli", "data", "info", "--json"]
    process = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (process.returncode, process.stderr) == (141, "")
