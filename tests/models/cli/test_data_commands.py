"""`symfft-vae data`: the package's set, or any file of a set, from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from symfft import read_chgcar
from symfft_models.cli import main
from symfft_models.datasets.paw import load_paw, paw_path


def test_info_prints_counts_size_and_load_time(capsys):
    assert main(["data", "info", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["set"] == paw_path().name
    assert figures["entries"] == len(load_paw()) == sum(figures["by_space_group"].values())
    assert figures["entries"] == sum(figures["by_prototype"].values())
    assert figures["entries"] == sum(sum(counts.values()) for counts in figures["by_split"].values())
    assert figures["bytes"] == paw_path().stat().st_size
    assert "hard" in figures["by_split"]["225"]
    assert main(["data", "info", "--file", str(paw_path()), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) | {"load_seconds": 0} == figures | {"load_seconds": 0}


def test_info_is_a_table_for_a_reader(capsys):
    assert main(["data", "info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"paw.h5: {len(load_paw())} densities of ")
    assert lines[1].split() == ["group", "entries", "train", "val", "test", "hard"]
    total = next(line for line in lines if line.split()[0] == "all")
    assert int(total.split()[1]) == len(load_paw()) == sum(map(int, total.split()[2:]))


@pytest.mark.parametrize("group", [225, 194])
def test_any_entry_comes_out_as_a_chgcar(group, tmp_path, capsys):
    entry = load_paw().select(space_group=group)[0]
    assert main(["data", "export", entry.id, "-o", str(tmp_path / "CHGCAR"), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)["written"]
    assert written == [{"id": entry.id, "file": str(tmp_path / "CHGCAR")}]
    density, expected = read_chgcar(tmp_path / "CHGCAR"), entry.values()
    np.testing.assert_allclose(density.values, expected, rtol=1e-9, atol=1e-9 * expected.max())
    assert density.electrons == pytest.approx(entry.electrons, rel=1e-9)


def test_several_entries_come_out_in_a_folder(tmp_path, capsys):
    assert main(["data", "export", "rock-salt-MgO", "hcp-Mg", "-o", str(tmp_path / "out"), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)["written"]
    assert [row["file"] for row in written] == [str(tmp_path / "out" / f"{row['id']}.CHGCAR") for row in written]
    assert read_chgcar(written[0]["file"]).electrons == pytest.approx(64, rel=1e-9)


def test_an_unknown_entry_is_an_error_that_names_near_ones(tmp_path, capsys):
    assert main(["data", "export", "rock-salt-NaCll", "-o", str(tmp_path / "none")]) == 2
    assert "no entry 'rock-salt-NaCll'" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    assert main(["data", "info", "--file", str(tmp_path / "none.h5")]) == 2
    assert "no density set at" in capsys.readouterr().err


def test_prepare_and_export_are_commands(tmp_path, capsys):
    entry = load_paw().find("hcp-Mg")
    assert main(["data", "export", "hcp-Mg", "-o", str(tmp_path / "CHGCAR"), "--quiet"]) == 0
    out = tmp_path / "set"
    assert main(["prepare", str(tmp_path / "CHGCAR"), "-o", str(out), "--mode", "spacing", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["by_space_group"] == {"194": 1}
    assert main(["export", str(out), "--statistics", "--json"]) == 0
    statistics = json.loads(capsys.readouterr().out)["statistics"]
    assert statistics["electrons"]["mean"] == pytest.approx(entry.electrons, rel=1e-9)
    assert main(["prepare", "-o", str(out)]) == 2
    assert "no input" in capsys.readouterr().err
    assert main(["export", str(out)]) == 2
    assert "say what to write" in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_error():
    """As in `symfft-vae data info | head -0`."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "symfft_models.cli", "data", "info", "--json"]
    process = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (process.returncode, process.stderr) == (141, "")
