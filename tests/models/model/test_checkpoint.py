"""The files of a run folder: what survives, what is refused, and that no damaged byte passes."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from test_vae import SHAPES, SMALL

from symfft_models.model.checkpoint import (
    WITHOUT_CHECKSUM,
    CheckpointError,
    load_model,
    load_state,
    read_json,
    read_log,
    save_state,
    save_weights,
)
from symfft_models.model.config import load_config
from symfft_models.model.vae import DensityVAE


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


def flipped(content: bytes, place: int, rng: np.random.Generator) -> bytes:
    """Another byte at one place."""
    other = (content[place] + int(rng.integers(1, 256))) % 256
    return content[:place] + bytes([other]) + content[place + 1 :]


def test_any_single_damaged_byte_is_found(tmp_path):
    """In header, padding, metadata, checksum and values."""
    rng = np.random.default_rng(0)
    tiny = [*SMALL, "model.channels=2", "model.heads=[1]", "model.depths=[1]", "model.condition_channels=2"]
    model = DensityVAE(load_config("demo", tiny), {221: (4, 4, 4)})
    save_weights(tmp_path / "w", model, {"step": 3, "note": "é"})
    save_state(tmp_path / "s", {"step": 3, "model": model.state_dict(), "config": "{}"})
    for name, load in (("w", load_model), ("s", load_state)):
        content = (tmp_path / name).read_bytes()
        load(tmp_path / name)
        head = 8 + int.from_bytes(content[:8], "little") if name == "w" else 400
        places = {*range(0, head, 7), *range(head - 40, head), *rng.integers(0, len(content), 150).tolist()}
        for place in sorted(places):
            (tmp_path / "copy").write_bytes(flipped(content, place, rng))
            with pytest.raises(CheckpointError, match=str(tmp_path / "copy")):
                load(tmp_path / "copy")
        for end in (0, 5, len(content) // 2, len(content) - 1):
            (tmp_path / "copy").write_bytes(content[:end])
            with pytest.raises(CheckpointError, match=str(tmp_path / "copy")):
                load(tmp_path / "copy")


def test_whitespace_in_the_header_is_damage_too(tmp_path):
    """JSON takes a tab for the blanks that fill up a header; another file is not the one that was saved."""
    save_weights(tmp_path / "w", small_model(), {"note": ""})
    content = bytearray((tmp_path / "w").read_bytes())
    end = 8 + int.from_bytes(content[:8], "little")
    if content[end - 1 : end] == b" ":
        content[end - 1 : end] = b"\t"
        (tmp_path / "w").write_bytes(content)
        with pytest.raises(CheckpointError, match="bytes behind its header"):
            load_model(tmp_path / "w")


def test_weights_without_a_checksum_are_those_of_the_first_format(tmp_path):
    model = small_model()
    save_weights(tmp_path / "w", model, {})
    from safetensors import safe_open

    with safe_open(tmp_path / "w", framework="pt") as file:
        metadata = dict(file.metadata())
    del metadata["sha256"]
    save_file(load_file(tmp_path / "w"), tmp_path / "bare", metadata=metadata)
    with pytest.raises(CheckpointError, match="the checksum is missing"):
        load_model(tmp_path / "bare")
    save_file(load_file(tmp_path / "w"), tmp_path / "old", metadata=metadata | {"format": WITHOUT_CHECKSUM})
    assert load_model(tmp_path / "old")[0].config == model.config


@pytest.mark.parametrize(
    "change",
    [
        {"shapes": json.dumps({"225": [100_000, 100_000, 100_000]})},
        {"shapes": json.dumps({"225": [0, 4, 4]})},
        {"shapes": json.dumps({"225": [1024, 1024, 1024]})},
        {"shapes": json.dumps({"999": [4, 4, 4]})},
        {"shapes": "[]"},
        {"shapes": "1" * 5000},
        {"config": json.dumps({"model": {"latent": 10**9}})},
        {"config": json.dumps({"model": {"depths": [10**7]}})},
        {"config": "{"},
        {"facts": "[" * 100_000},
    ],
)
def test_hostile_descriptions_are_refused_before_anything_is_built(change, tmp_path):
    metadata = {"format": WITHOUT_CHECKSUM, "config": "{}", "shapes": json.dumps({"225": [4, 4, 4]}), "facts": "{}"}
    save_file({"x": torch.zeros(2000)}, tmp_path / "w", metadata=metadata | change)
    with pytest.raises(CheckpointError, match=str(tmp_path / "w")):
        load_model(tmp_path / "w")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"1" * 5000])
def test_broken_figures_are_named(content, tmp_path):
    (tmp_path / "training.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"training\.json"):
        read_json(tmp_path / "training.json")


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"\xff", b"3", b'{"step": 1}', b'{"step": "x", "minutes": 1}', b"[" * 100_000, b"null"]
)
def test_broken_logs_are_named_and_an_unfinished_line_is_dropped(line, tmp_path):
    path = tmp_path / "log.jsonl"
    good = b'{"step": 1, "minutes": 0.5}\n'
    path.write_bytes(good + line + b"\n" + good)
    with pytest.raises(CheckpointError, match=r"log\.jsonl"):
        read_log(path)
    path.write_bytes(good + b'{"step": 2, "min')
    assert read_log(path) == [{"step": 1, "minutes": 0.5}]
