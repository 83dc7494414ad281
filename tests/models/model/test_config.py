"""Settings and files: what is refused, what survives."""

from __future__ import annotations

import dataclasses
import os

import pytest
import torch
from safetensors.torch import save_file
from test_vae import SHAPES, SMALL

from symfft_models.model.checkpoint import (
    CheckpointError,
    load_model,
    load_state,
    save_state,
    save_weights,
    write_atomically,
    write_text,
)
from symfft_models.model.config import Config, ConfigError, from_json, load_config, override, presets
from symfft_models.model.vae import DensityVAE


def test_paper_preset_is_the_papers():
    config = load_config("paper")
    train = config.train
    assert (train.batch, train.epochs, train.learning_rate, train.beta1, train.beta2) == (128, 300, 1e-3, 0.8, 0.999)
    assert config.loss.kind == "paper"
    assert min(config.loss.divergence, config.loss.reconstruction, config.loss.latent) > 0
    assert config.model.site_power == 1.0
    assert not config.model.codec


@pytest.mark.parametrize("preset", presets())
def test_settings_survive_json(preset):
    config = load_config(
        preset, ["train.epochs=7", "data.path=some/folder", "model.depths=[1, 3]", "model.heads=[1, 2]"]
    )
    assert (config.train.epochs, config.data.path, config.model.depths) == (7.0, "some/folder", (1, 3))
    assert from_json(config.to_json()) == config


def test_a_file_is_a_preset(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[train]\nbatch = 5\n")
    assert load_config(path) == override(Config(), ["train.batch=5"])
    path.write_text("[train\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.epoch=3", "did you mean train.epochs"),
        ("trian.epochs=3", "did you mean train"),
        ("train.epochs=many", "must be of type float, got 'many'"),
        ("train.batch=2.5", "must be of type int"),
        ("model.codec=1", "must be of type bool"),
        ("train=3", "section"),
        ("train.epochs", "must read section.key=value"),
        ("loss.kind=best", "one of paper, peak"),
        ("train.batch=0", "must be positive"),
        ("train.ema=1.5", "between 0 and 1"),
        ("model.depths=[]", "non-empty list"),
    ],
)
def test_wrong_settings_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        load_config("demo", [change])


def test_unknown_preset_names_the_known():
    with pytest.raises(ConfigError, match="demo, paper"):
        load_config("dmeo")


def small_model():
    torch.manual_seed(0)
    model = DensityVAE(load_config("demo", SMALL), SHAPES)
    for tensor in model.state_dict().values():
        tensor.normal_()
    return model.eval()


def test_weights_bring_back_the_same_model(tmp_path):
    model = small_model()
    save_weights(tmp_path / "w.safetensors", model, {"step": 3})
    again, facts = load_model(tmp_path / "w.safetensors")
    assert facts == {"step": 3}
    assert again.config == model.config
    assert not again.training
    arguments = torch.randn(3, 12), torch.tensor([0, 1, 2]), torch.randn(3, 2)
    assert torch.equal(again.decode(*arguments), model.decode(*arguments))
    assert list(tmp_path.iterdir()) == [tmp_path / "w.safetensors"]


def test_damaged_or_foreign_weights_are_named(tmp_path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(CheckpointError, match="no weights there"):
        load_model(path)
    save_weights(path, small_model(), {})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="not a complete safetensors file"):
        load_model(path)
    save_file({"x": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match="format None"):
        load_model(path)


class Planted:
    """What an attacker would put into a pickle."""

    def __reduce__(self):
        return os.system, ("touch planted",)


def test_state_is_never_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "state.pt"
    save_state(path, {"step": 3, "model": {"a": torch.arange(4)}, "config": "{}"})
    state = load_state(path)
    assert state["step"] == 3
    assert torch.equal(state["model"]["a"], torch.arange(4))
    torch.save({"step": Planted()}, path)
    with pytest.raises(CheckpointError, match="damaged checkpoint"):
        load_state(path)
    assert not (tmp_path / "planted").exists()
    path.write_bytes(b"PK garbage")
    with pytest.raises(CheckpointError, match="damaged checkpoint"):
        load_state(path)
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_state(tmp_path / "missing.pt")


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def fail(target):
        target.write_text("half")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_settings_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_config("demo").train.batch = 3
