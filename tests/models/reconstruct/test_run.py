"""`symfft-vae reconstruct` chooses the density model where it has learned the atoms, else the codec, and says so."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from symfft import read_chgcar, write_chgcar
from symfft_models.cli import main
from symfft_models.datasets.paw import load_paw


def test_each_file_by_the_way_that_has_learned_it_and_back_from_its_latents(tmp_path, capsys):
    magnesia = load_paw().find("rock-salt-MgO").density((24, 24, 24))
    write_chgcar(tmp_path / "MgO.CHGCAR", magnesia)
    salt = load_paw().select(225, "test")[0].density()
    europium = np.where(salt.numbers == salt.numbers[0], 63, 8)
    write_chgcar(tmp_path / "Eu.CHGCAR", replace(salt, numbers=europium))
    files = [str(tmp_path / f"{name}.CHGCAR") for name in ("MgO", "Eu")]
    assert main(["reconstruct", *files, "-o", str(tmp_path / "out"), "--floats", "48", "--json"]) == 0
    known, foreign = json.loads(capsys.readouterr().out)["files"]
    assert (known["method"], known["floats"], known.get("why")) == ("density model", 48, None)
    assert (foreign["method"], foreign["weights"], foreign["floats"]) == ("codec", "latent-128", 128)
    assert "element Eu" in foreign["why"]

    words = ["reconstruct", known["latent"], "-o", str(tmp_path / "again")]
    assert main([*words, "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)["files"][0]
    assert (tmp_path / "again" / "MgO.CHGCAR").read_text().splitlines()[1:] == (
        tmp_path / "out" / "MgO.CHGCAR"
    ).read_text().splitlines()[1:]
    assert entry["electrons"] == pytest.approx(known["electrons"], rel=1e-12)
    assert np.array_equal(read_chgcar(entry["chgcar"]).numbers, magnesia.numbers)
    assert main(words) == 2
    assert "exists already" in capsys.readouterr().err

    assert main(["reconstruct", foreign["latent"], "-o", str(tmp_path / "again")]) == 2
    assert "not latents of the density model" in capsys.readouterr().err


def test_floats_are_not_asked_of_a_codec(tmp_path, capsys):
    assert main(["reconstruct", "x", "-o", str(tmp_path), "--model", str(tmp_path), "--floats", "9"]) == 2
    assert "--floats is for the density model" in capsys.readouterr().err
