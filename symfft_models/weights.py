"""Trained weights: of a run folder, of a file, and those that come with the package; how a run becomes one of them."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from symfft import SymfftError
from symfft.io.atomic import replacement, write_text
from symfft_models.datasets.paw import paw_path
from symfft_models.model.checkpoint import WEIGHTS, load_model, read_json
from symfft_models.model.config import training_command
from symfft_models.model.density_table import DensityTable, load_entries, tabulate
from symfft_models.model.vae import DensityVAE
from symfft_models.scattering.weights_file import digest as density_digest
from symfft_models.scattering.weights_file import load_model as load_density_model

INDEX = "index.json"
#: Name of the density model in the index.
DENSITY_MODEL = "density_model"
#: Its file.
SHIPPED = "density-model.safetensors"
#: Bytes of all weights together.
LIMIT = 20_000_000


@dataclass(frozen=True)
class TrainedModel:
    """A trained model, the splits that it is judged on, and its run folder where it has one."""

    name: str
    model: DensityVAE
    facts: dict[str, Any]
    tables: dict[str, DensityTable]
    folder: Path | None


def weights_of(path: Path | None) -> tuple[Path, str]:
    """Return file and name of the weights of a run folder, of a file, or without either of the default shipped ones."""
    if path is None:
        return shipped_weights(), str(shipped_index()["default"])
    return (path / WEIGHTS if path.is_dir() or not path.exists() else path), path.name


def open_trained(path: Path | None) -> TrainedModel:
    """Load a run folder or a file of weights; without a path, the default weights that come with the package."""
    weights, name = weights_of(path)
    return load_trained(weights, name, None if path is None else weights.parent)


def open_shipped() -> list[TrainedModel]:
    """Load all weights that come with the package; those of one kind share their densities."""
    shipped_weights()
    models: list[TrainedModel] = []
    for name in shipped_index()["models"]:
        models.append(load_trained(shipped_weights(name), name, None, models))
    return models


def load_trained(weights: Path, name: str, folder: Path | None, others: Sequence[TrainedModel] = ()) -> TrainedModel:
    """Load weights and the splits, or take the splits of another run on the same densities and grids."""
    model, facts = load_model(weights)
    units = model.representation.units
    for other in others:
        if other.model.config.data == model.config.data and other.model.representation.units == units:
            return TrainedModel(name, model, facts, other.tables, folder)
    tables = {
        split: tabulate(load_entries(model.config.data, split), model.representation) for split in ("train", "test")
    }
    return TrainedModel(name, model, facts, tables, folder)


class ShippedWeightsError(SymfftError):
    """No such weights come with the package, or a run cannot become one of them."""


def weights_folder() -> Path:
    """Return where the weights lie in the installed package."""
    return Path(str(files("symfft_models") / "shipped"))


def shipped_index() -> dict[str, Any]:
    """Return what is shipped: ``default``, a name, and ``models``, facts by name in order of latent floats."""
    path = weights_folder() / INDEX
    if not path.is_file():
        return {"default": None, "models": {}}
    return read_json(path)


def shipped_weights(name: str | None = None) -> Path:
    """Return the file of shipped weights, of the default ones without a name.

    Raises
    ------
    ShippedWeightsError
        Where there are none of that name, or the file is not the one that was shipped.
    """
    index = shipped_index()
    name = name or index["default"]
    if name is None:
        raise ShippedWeightsError(
            "no trained weights come with this version: train a model (symfft-vae train --out runs/mine, seconds "
            "on one core) and name its folder, runs/mine, in the command"
        )
    if name not in index["models"]:
        raise ShippedWeightsError(f"no weights {name!r} come with this version; there are {', '.join(index['models'])}")
    entry = index["models"][name]
    path = weights_folder() / entry["file"]
    if not path.is_file() or digest(path) != entry["sha256"]:
        raise ShippedWeightsError(f"{path} is not what was shipped as {name!r}; install the package again")
    return path


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ship_density_model(path: Path) -> dict[str, Any]:
    """Put a density model into the package, with its settings and the command that makes it again.

    Raises
    ------
    ModelFileError
        If the file is damaged.
    ShippedWeightsError
        If it learned from another set than the package's, or all weights together would exceed `LIMIT`.
    """
    facts = dict(load_density_model(path).facts)
    if facts.get("set_sha256") != density_digest(paw_path()):
        raise ShippedWeightsError(
            f"{path} learned from another set than the one in the package: learn again (symfft-vae fit -o FILE)"
        )
    index, target = shipped_index(), weights_folder() / SHIPPED
    size = _within_limit(path, list(index["models"].values()))
    if path.resolve() != target.resolve():
        _copy(path, target)
    entry = {
        "file": target.name,
        "bytes": target.stat().st_size,
        "sha256": digest(target),
        "command": facts.pop("command"),
        "set_sha256": facts.pop("set_sha256"),
        "config": json.loads(facts.pop("settings")),
        "facts": facts,
    }
    write_text(weights_folder() / INDEX, json.dumps(index | {DENSITY_MODEL: entry}, indent=2) + "\n")
    return entry | {"total_bytes": size}


def _within_limit(path: Path, others: Sequence[dict[str, Any]]) -> int:
    """Return the bytes of weights and all others."""
    size = path.stat().st_size + sum(int(entry["bytes"]) for entry in others)
    if size > LIMIT:
        raise ShippedWeightsError(
            f"{path} has {path.stat().st_size} bytes, all weights together would have {size}; the limit is {LIMIT}"
        )
    return size


def _copy(source: Path, target: Path) -> None:
    with replacement(target) as partial:
        shutil.copyfile(source, partial)


def ship(run: Path, name: str, *, default: bool = False) -> dict[str, Any]:
    """Put a run's weights into the package, with their settings and the command that makes them again.

    Parameters
    ----------
    run
        File of weights.
    name
        Under which they are shipped; weights of that name are replaced.
    default
        Make them the ones that commands use without a name. The first ones always are.

    Raises
    ------
    ShippedWeightsError
        Where the name is unfit, the run learned from other densities than the package's, or all weights together
        would exceed `LIMIT`.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise ShippedWeightsError(f"name {name!r}: use small letters, digits, - and _")
    model, facts = load_model(run)
    if model.config.data.path:
        raise ShippedWeightsError(
            f"{run} learned from {model.config.data.path}: shipped weights must come from the densities "
            "of the package, which sampling and evaluation read"
        )
    index, folder = shipped_index(), weights_folder()
    others = {key: entry for key, entry in index["models"].items() if key != name}
    beside = [*others.values(), *([index[DENSITY_MODEL]] if DENSITY_MODEL in index else [])]
    size = _within_limit(run, beside)
    target = folder / f"{name}.safetensors"
    _copy(run, target)
    entry = {
        "file": target.name,
        "bytes": run.stat().st_size,
        "sha256": digest(target),
        "latent": model.config.model.latent,
        "command": training_command(model.config),
        "facts": facts,
        "config": json.loads(model.config.to_json()),
    }
    models = dict(sorted((others | {name: entry}).items(), key=lambda item: (item[1]["latent"], item[0])))
    chosen = name if default or index["default"] is None else index["default"]
    write_text(folder / INDEX, json.dumps(index | {"default": chosen, "models": models}, indent=2) + "\n")
    return entry | {"name": name, "default": chosen == name, "total_bytes": size}
