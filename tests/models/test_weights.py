"""Weights that come with the package: packed from a run, found, checked, used by the commands where none are named."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from train_job import TINY

from symfft import read_chgcar, write_chgcar
from symfft.cli.parser import build_parser
from symfft_models import weights
from symfft_models.cli import main
from symfft_models.cli.registry import PROGRAM
from symfft_models.datasets.paw import load_paw
from symfft_models.model.checkpoint import load_model, save_weights
from symfft_models.model.config import chosen_config, from_json, load_config, presets, training_command
from symfft_models.model.density_table import grids_of, load_entries, tabulate
from symfft_models.model.vae import DensityVAE, fit_statistics
from symfft_models.predict import DensityPredictor
from symfft_models.scattering.weights_file import save_model
from symfft_models.weights import ShippedWeightsError, ship, ship_density_model, shipped_index, shipped_weights

SMALL = [*TINY, "data.space_groups=[221]", "model.codec=true"]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The folder that takes the place of the package's."""
    folder = tmp_path / "package-weights"
    folder.mkdir()
    monkeypatch.setattr(weights, "weights_folder", lambda: folder)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Weights of a small model on the package's densities of one group."""
    config = load_config("demo", SMALL)
    entries = load_entries(config.data, "train")[:20]
    torch.manual_seed(0)
    model = DensityVAE(config, grids_of(entries))
    fit_statistics(model, tabulate(entries, model.representation))
    folder = tmp_path_factory.mktemp("run")
    save_weights(folder / "weights.safetensors", model, {"step": 7, "val_psnr": 50.0})
    return folder


def test_shipping_keeps_weights_settings_command_and_figures(run, package):
    entry = ship(run / "weights.safetensors", "small")
    assert entry["default"]
    again, facts = load_model(shipped_weights())
    original, _ = load_model(run / "weights.safetensors")
    for name, tensor in original.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)
    listed = shipped_index()["models"]["small"]
    assert facts == listed["facts"] == {"step": 7, "val_psnr": 50.0}
    assert from_json(json.dumps(listed["config"])) == original.config
    assert listed["bytes"] == (package / "small.safetensors").stat().st_size


@pytest.mark.parametrize("preset", presets())
@pytest.mark.parametrize("changes", [[], SMALL, ["data.path=it's here", "train.compile=true", "model.depths=[1, 3]"]])
def test_the_command_gives_the_settings_again(preset, changes):
    config = load_config(preset, changes)
    program, *words = shlex.split(training_command(config))
    assert program == "symfft-vae"
    arguments = build_parser("train", PROGRAM).parse_args(words)
    assert chosen_config(arguments.preset, arguments.changes) == config


def test_several_weights_have_an_order_and_one_default(run, package):
    file = run / "weights.safetensors"
    ship(file, "b")
    ship(file, "a")
    assert list(shipped_index()["models"]) == ["a", "b"]
    assert shipped_weights() == package / "b.safetensors"
    ship(file, "a", default=True)
    assert shipped_weights() == package / "a.safetensors"
    assert shipped_weights("b") == package / "b.safetensors"
    with pytest.raises(ShippedWeightsError, match="no weights 'c' come with this version; there are a, b"):
        shipped_weights("c")


def test_too_much_is_refused(run, package, monkeypatch):
    file = run / "weights.safetensors"
    monkeypatch.setattr(weights, "LIMIT", int(1.5 * file.stat().st_size))
    ship(file, "one")
    with pytest.raises(ShippedWeightsError, match="the limit is"):
        ship(file, "two")
    ship(file, "one")
    assert list(shipped_index()["models"]) == ["one"]


def test_what_cannot_be_made_again_is_refused(run, package, tmp_path):
    with pytest.raises(ShippedWeightsError, match="small letters"):
        ship(run / "weights.safetensors", "../up")
    model, _ = load_model(run / "weights.safetensors")
    other = DensityVAE(load_config("demo", [*SMALL, "data.path=mine.h5"]), {221: model.representation.units[0].shape})
    save_weights(tmp_path / "w.safetensors", other, {})
    with pytest.raises(ShippedWeightsError, match=r"learned from mine\.h5"):
        ship(tmp_path / "w.safetensors", "mine")
    assert shipped_index()["models"] == {}


def test_damage_is_found(run, package):
    ship(run / "weights.safetensors", "small")
    path = package / "small.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00\x01")
    with pytest.raises(ShippedWeightsError, match="install the package again"):
        shipped_weights()


@pytest.mark.parametrize("words", [["evaluate", "--shipped"], ["reconstruct", "X", "-o", "out"]])
def test_without_weights_the_error_says_how_to_train(package, words, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(DensityPredictor, "is_shipped", lambda: False)
    assert main(words) == 2
    assert "symfft-vae train --out" in capsys.readouterr().err


def test_commands_use_the_shipped_weights(run, package, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["ship", str(run), "--name", "small", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total_bytes"] == (package / "small.safetensors").stat().st_size

    monkeypatch.setattr("symfft_models.evaluation.predictions.splits_of", lambda path: ["hard"])  # the shorter list
    assert main(["evaluate", "--shipped", "--json", "--draws", "0"]) == 0
    report = json.loads(capsys.readouterr().out)
    judged = report["density_model"]["splits"]["hard"]["rows"]
    assert len(judged) == len(load_paw().select(split="hard").distinct())
    assert report["models"]["small"]["groups"]["221"]["n"] == len(load_paw().select(221, "test").distinct())
    assert list(tmp_path.rglob("*.html")) == []

    density = load_paw().select(221, "test")[0].density()
    unknown = replace(density, numbers=np.where(density.numbers == density.numbers[0], 63, 8))
    write_chgcar(tmp_path / "CHGCAR", unknown)
    assert main(["reconstruct", "CHGCAR", "-o", "out", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [entry["weights"] for entry in result["files"]] == ["small"]
    assert read_chgcar(tmp_path / "out" / "CHGCAR.CHGCAR").shape == density.shape


def test_a_density_model_of_another_set_is_refused(package, tmp_path):
    model = DensityPredictor.load_shipped().model
    save_model(tmp_path / "m.safetensors", replace(model, facts=dict(model.facts) | {"set_sha256": "0"}))
    with pytest.raises(ShippedWeightsError, match="learned from another set"):
        ship_density_model(tmp_path / "m.safetensors")
    assert "density_model" not in shipped_index()


def test_a_density_model_is_entered_with_what_makes_it_again(package, capsys):
    source = Path(weights.__file__).parent / "shipped" / "density-model.safetensors"
    assert main(["ship", str(source), "--name", "density-model", "--json"]) == 0
    listed = shipped_index()["density_model"]
    assert (package / listed["file"]).read_bytes() == source.read_bytes()
    assert listed["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert listed["command"].startswith("symfft-vae fit")
    assert main(["ship", str(source), "--name", "other"]) == 2
    assert "--name density-model" in capsys.readouterr().err


def test_index_in_the_package_is_whole():
    """Whatever is committed as weights is complete, small enough, and loads."""
    index = shipped_index()
    listed = index["density_model"]
    path = weights.weights_folder() / listed["file"]
    assert (listed["bytes"], listed["sha256"]) == (path.stat().st_size, weights.digest(path)), (
        "symfft-vae ship it again"
    )
    settings = json.loads(DensityPredictor.load_shipped().model.facts["settings"])
    assert listed["config"] == settings
    assert sum(entry["bytes"] for entry in [listed, *index["models"].values()]) <= weights.LIMIT
    for name, entry in index["models"].items():
        model, _ = load_model(shipped_weights(name))
        assert from_json(json.dumps(entry["config"])) == model.config
