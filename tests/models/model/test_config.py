"""Settings: what is refused, what survives."""

from __future__ import annotations

import dataclasses

import pytest

from symfft_models.model.config import (
    CONFIG,
    Config,
    chosen_config,
    describe_settings,
    from_json,
    load_config,
    override,
    presets,
)
from symfft_models.setting import ConfigError


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
        ("train.batch=0", "must be above 0, got 0"),
        ("train.ema=1.5", "train.ema must be at least 0 and at most 1, got 1.5"),
        ("model.depths=[]", "non-empty list"),
    ],
)
def test_wrong_settings_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        load_config("demo", [change])


def test_unknown_preset_names_the_known():
    with pytest.raises(ConfigError, match="demo, paper"):
        load_config("dmeo")


def test_settings_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_config("demo").train.batch = 3


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "3", '{"train": 3}', '{"train": {"batch": "8"}}', '{"train": {"batch": 1' + 5000 * "0" + "}}",
        '{"train": {"learning_rate": NaN}}', '{"loss": {"latent": Infinity}}', "[" * 100_000, '{"trian": {}}',
        '{"model": {"latent": 10000000000000000000000}}', '{"model": {"latent": true}}',
    ],
)  # fmt: skip
def test_broken_settings_of_a_run_are_named(text, tmp_path):
    (tmp_path / CONFIG).write_text(text)
    with pytest.raises(ConfigError, match=str(tmp_path / CONFIG)):
        chosen_config("default", [], tmp_path)


def test_settings_that_are_no_text_are_refused(tmp_path):
    (tmp_path / CONFIG).write_bytes(b'{"data": {"path": "\xff"}}')
    with pytest.raises(ConfigError, match="is not text"):
        chosen_config("default", [], tmp_path)
    (tmp_path / "mine.toml").write_bytes(b"# \xe9\n[train]\nbatch = 5\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(tmp_path / "mine.toml")


def test_every_setting_is_described():
    text = describe_settings()
    names = [
        f"{s.name}.{one.name}=" for s in dataclasses.fields(Config) for one in dataclasses.fields(s.default_factory)
    ]
    assert len(names) == len(text.splitlines())
    for name, line in zip(names, text.splitlines(), strict=True):
        assert line.strip().startswith(name)
        assert len(line.split("  ")[-1]) > 3
