"""What a run leaves on disk: weights as safetensors, trainer state, logs. Every file appears whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from symfft import SymfftError
from symfft_models.model.config import from_json
from symfft_models.model.vae import DensityVAE

FORMAT = "symfft-vae 1"
#: Files of a run folder.
CONFIG, STATE, WEIGHTS = "config.json", "state.pt", "weights.safetensors"
LOG, SUMMARY = "log.jsonl", "training.json"


class CheckpointError(SymfftError):
    """A file of weights or trainer state is missing, damaged or of another kind."""


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    try:
        partial.touch(exist_ok=False)
        mode = partial.stat().st_mode
        write(partial)
        partial.chmod(mode)  # safetensors makes files that nobody else can read
        with open(partial, "rb") as written:
            os.fsync(written.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def remove_partial_files(folder: Path) -> None:
    """Remove what a process that was killed while writing atomically into a folder has left there."""
    for path in folder.glob(".*.partial"):
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a small text file atomically."""
    write_atomically(path, lambda target: target.write_text(text, encoding="utf-8") and None)


def save_weights(path: Path, model: DensityVAE, facts: Mapping[str, Any]) -> None:
    """Save weights with all that is needed to build the model again; `facts` (JSON) says where they come from."""
    units = model.representation.units
    shapes = {str(group): list(unit.shape) for group, unit in zip(model.representation.groups, units, strict=True)}
    metadata = {
        "format": FORMAT,
        "config": model.config.to_json(),
        "shapes": json.dumps(shapes),
        "facts": json.dumps(dict(facts)),
    }
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    write_atomically(path, lambda target: save_file(tensors, target, metadata=metadata))


def load_model(path: Path) -> tuple[DensityVAE, dict[str, Any]]:
    """Build a model from saved weights, on the CPU, in evaluation mode; return it and the facts saved with it.

    Raises
    ------
    CheckpointError
        Where the file is missing, damaged, or holds something else.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no weights there; train first (symfft-vae train) or name another run")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a complete safetensors file ({error})") from None
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{path}: format {metadata.get('format')!r}, this version reads {FORMAT!r}")
    shapes = {int(group): tuple(shape) for group, shape in json.loads(metadata["shapes"]).items()}
    model = DensityVAE(from_json(metadata["config"]), shapes)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: weights do not fit their own description: {error}") from None
    return model.eval(), json.loads(metadata["facts"])


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Save the trainer's state (tensors, numbers, strings)."""
    write_atomically(path, lambda target: torch.save(dict(state), target))


def load_state(path: Path) -> dict[str, Any]:
    """Load the trainer's state; nothing but tensors and plain containers is ever unpickled."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no checkpoint there") from None
    except Exception as error:
        raise CheckpointError(
            f"{path}: damaged checkpoint ({type(error).__name__}); delete it to start again"
        ) from error
    return state
