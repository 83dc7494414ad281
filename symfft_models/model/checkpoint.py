"""The files of a run folder: weights as safetensors, trainer state, logs.

Every file appears whole or not at all. Weights and state carry a SHA-256 of their content, so that a damaged byte
anywhere in them is found; nothing but tensors and plain containers is ever unpickled.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from symfft import SymfftError
from symfft.io.atomic import replace_file
from symfft_models.model.config import Config, from_json
from symfft_models.model.vae import DensityVAE
from symfft_models.setting import ConfigError

FORMAT = "symfft-vae 2"
#: The format without a checksum, whose weights the package's index vouches for.
WITHOUT_CHECKSUM = "symfft-vae 1"
#: Files of a run folder beside its settings.
STATE, WEIGHTS = "state.pt", "weights.safetensors"
LOG, SUMMARY = "log.jsonl", "training.json"
#: Begin of a file of trainer state; behind it the SHA-256 of the rest, then the rest.
MAGIC = b"symfft-vae state 1\n"
#: Largest axis of a grid that weights may ask for.
MAX_AXIS = 1024


class CheckpointError(SymfftError):
    """A file of weights, trainer state or figures is missing, damaged or of another kind."""


def read_json(path: Path) -> dict[str, Any]:
    """Read a file of the run folder that holds a JSON object.

    Raises
    ------
    CheckpointError
        If it holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: no valid JSON ({error}); delete it, or train again") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{path}: expected a JSON object, got {type(found).__name__}; delete it, or train again")
    return found


def read_log(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a run's log; a last line that a killed run left unfinished is dropped.

    Raises
    ------
    CheckpointError
        If another line is not a JSON object with the step it belongs to.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path}: not text ({error}); delete it, or train again") from None
    entries = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines) and not line.endswith("\n"):
                break
            raise CheckpointError(f"{path}, line {number}: no valid JSON ({error}); delete the log") from None
        if not (isinstance(entry, dict) and all(isinstance(value, int | float) for value in entry.values())):
            raise CheckpointError(f"{path}, line {number}: expected an object of numbers; delete the log")
        if not {"step", "minutes"} <= entry.keys():
            raise CheckpointError(f"{path}, line {number}: step or minutes are missing; delete the log")
        entries.append(entry)
    return entries


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
    data = save(tensors, metadata | {"sha256": _digest(tensors, metadata)})
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as file:
        file.write(data)


def load_model(path: Path) -> tuple[DensityVAE, dict[str, Any]]:
    """Build a model from saved weights, on the CPU, in evaluation mode; return it and the facts saved with it.

    Raises
    ------
    CheckpointError
        Where the file is missing, damaged, or holds something else.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no weights there; train first (symfft-vae train) or name another run")
    metadata, tensors = _parts(path)
    if metadata.get("format") not in (FORMAT, WITHOUT_CHECKSUM):
        raise CheckpointError(f"{path}: format {metadata.get('format')!r}, this version reads {FORMAT!r}")
    checksum = metadata.pop("sha256", None)
    if checksum is None and metadata["format"] == FORMAT:
        raise CheckpointError(f"{path}: the checksum is missing; take another copy, or train again")
    if checksum is not None and checksum != _digest(tensors, metadata):
        raise CheckpointError(f"{path}: damaged, its checksum is another one; take another copy, or train again")
    try:
        config, shapes = from_json(metadata["config"]), _shapes(metadata["shapes"])
        facts = json.loads(metadata["facts"])
        _require_size(config, shapes, sum(tensor.numel() for tensor in tensors.values()))
        model = DensityVAE(config, shapes)
        model.load_state_dict(tensors)
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from None
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError, RuntimeError) as error:
        raise CheckpointError(f"{path}: weights do not fit their own description: {error}") from None
    return model.eval(), facts


def save_state(path: Path, state: Mapping[str, Any]) -> None:
    """Save the trainer's state (tensors, numbers, strings) behind a checksum."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    data = buffer.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as file:
        file.write(MAGIC + hashlib.sha256(data).digest() + data)


def load_state(path: Path) -> dict[str, Any]:
    """Load the trainer's state.

    Raises
    ------
    CheckpointError
        Where the file is missing, damaged, or holds something else.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no checkpoint there") from None
    start = len(MAGIC) + hashlib.sha256().digest_size
    checksum, data = content[len(MAGIC) : start], content[start:]
    if not content.startswith(MAGIC) or hashlib.sha256(data).digest() != checksum:
        raise CheckpointError(f"{path}: damaged checkpoint, or one of another version; delete it to start again")
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler of torch raises many kinds
        raise CheckpointError(
            f"{path}: damaged checkpoint ({type(error).__name__}); delete it to start again"
        ) from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: damaged checkpoint (it holds no state); delete it to start again")
    return state


# ---- inside ---------------------------------------------------------------------------------------------------------


def _parts(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return metadata and tensors of a safetensors file, whose header must be JSON to the last byte."""
    content = path.read_bytes()
    try:
        tensors = load(content)
        header = content[8 : 8 + int.from_bytes(content[:8], "little")]
        described = json.loads(header)
    except (SafetensorError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: not a complete safetensors file ({error})") from None
    if not header.rstrip(b" ").endswith(b"}"):
        raise CheckpointError(f"{path}: not a complete safetensors file (bytes behind its header)")
    metadata: dict[str, str] = described.get("__metadata__") or {}
    return metadata, tensors


def _digest(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Return the SHA-256 of names, types, shapes and values of tensors, and of metadata."""
    found = hashlib.sha256(json.dumps(sorted(metadata.items())).encode())
    for name, tensor in sorted(tensors.items()):
        found.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return found.hexdigest()


def _shapes(text: str) -> dict[int, tuple[int, ...]]:
    shapes = {int(group): tuple(int(n) for n in shape) for group, shape in json.loads(text).items()}
    for group, shape in shapes.items():
        if len(shape) != 3 or not all(1 <= n <= MAX_AXIS for n in shape):
            raise ConfigError(f"space group {group} has the grid {shape}; axes have 1 to {MAX_AXIS} points")
    return shapes


def _require_size(config: Config, shapes: Mapping[int, tuple[int, ...]], numbers: int) -> None:
    """Refuse settings that would build far more than the file holds numbers for."""
    model = config.model
    wanted = max(model.latent, model.channels, model.condition_channels, model.patch, model.window, *model.heads)
    layers = sum(model.depths)
    points = max(math.prod(shape) for shape in shapes.values())
    if wanted > numbers or layers > numbers or points > 10_000 * numbers:
        raise ConfigError(
            f"its settings describe a model of up to {max(wanted, layers)} channels on {points} points; the file "
            f"holds {numbers} numbers"
        )
