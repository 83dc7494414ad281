"""The shipped model of properties: hard list, files, and the commands."""

from __future__ import annotations

import json

import numpy as np
import pytest

from symfft import write_density
from symfft_models.cli import main
from symfft_models.datasets.paw import load_paw
from symfft_models.properties.model import LEARNED, load_properties, save_properties
from symfft_models.properties.targets import PropertiesError, samples_of
from symfft_models.scattering.structure import crystal_of


@pytest.fixture(scope="module")
def model():
    return load_properties()


def test_compounds_of_the_hard_list_are_told(model):
    """They are in no split that is learned from."""
    assert model.facts["splits"] == list(LEARNED) == ["train", "val"]
    unseen = [s for s in samples_of()[0] if s.split in ("test", "hard")]
    found = [model.predict(sample.crystal) for sample in unseen]
    known = np.array([s.formation_ev for s in unseen])
    told = np.array([f["formation_ev"] for f in found])
    use = np.isfinite(known) & np.array([not f["unknown_elements"] for f in found])
    assert use.sum() > 60
    assert 1 - ((told - known)[use] ** 2).sum() / ((known[use] - known[use].mean()) ** 2).sum() > 0.85
    bars = np.array([f["formation_bar"] for f in found])
    assert (np.abs(told - known) < bars)[use].mean() > 0.75
    metal = np.array([s.gap_ev == 0 for s in unseen])
    assert ((np.array([f["metal_probability"] for f in found]) > 0.5) == metal).mean() > 0.8


def test_a_file_gives_the_same_model_back(model, tmp_path):
    save_properties(tmp_path / "p.safetensors", model)
    again = load_properties(tmp_path / "p.safetensors")
    crystal = crystal_of(load_paw().find("fluorite-CaF2"))
    first, second = model.predict(crystal), again.predict(crystal)
    assert first == second


@pytest.mark.parametrize("damage", ["missing", "cut", "foreign", "nan"])
def test_damaged_files_are_refused(model, tmp_path, damage):
    path = tmp_path / "p.safetensors"
    if damage == "foreign":
        path.write_bytes(b"not a model" * 50)
    elif damage != "missing":
        save_properties(path, model)
        if damage == "cut":
            path.write_bytes(path.read_bytes()[:-1000])
        else:
            from safetensors.numpy import load_file, save_file

            arrays = load_file(path)
            arrays["around"][0, 0] = np.nan
            save_file(arrays, path, {"format": "symfft-properties 1", "settings": "{}", "facts": "{}"})
    with pytest.raises(PropertiesError, match=str(path.name)):
        load_properties(path)


def test_an_unknown_element_is_named(model):
    entry = crystal_of(load_paw().find("rock-salt-MgO"))
    numbers = np.where(entry.numbers == 12, 92, entry.numbers)
    uranium = type(entry)(entry.lattice, entry.group, entry.positions, numbers, entry.multiplicity)
    assert model.predict(uranium)["unknown_elements"] == ["U"]


def test_predict_says_properties(tmp_path, capsys):
    write_density(tmp_path / "a.CHGCAR", load_paw().find("rock-salt-MgO").density((12, 12, 12)))
    words = ["predict", str(tmp_path / "a.CHGCAR"), "-o", str(tmp_path / "out"), "--properties", "--shape", "12", "12"]
    assert main([*words, "12", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"][0]["properties"]
    assert found["formation_ev"] == pytest.approx(-2.7, abs=0.5)
    assert found["metal_probability"] < 0.5
    assert main([*words, "12", "--force"]) == 0
    assert f"formation energy {found['formation_ev']:.2f}" in capsys.readouterr().out


def test_a_model_is_not_overwritten(tmp_path, capsys):
    path = tmp_path / "p.safetensors"
    path.write_bytes(b"mine")
    assert main(["properties", "-o", str(path)]) == 2
    assert "--force" in capsys.readouterr().err
    assert path.read_bytes() == b"mine"
