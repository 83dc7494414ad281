"""A trained model as one file: arrays as safetensors, settings and facts as JSON, a SHA-256 over all of it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft import SymfftError
from symfft.io.atomic import replace_file
from symfft_models.scattering.elements import LAST
from symfft_models.scattering.harmonics import DEGREE
from symfft_models.scattering.kernel import Features, Kernel, KernelSettings, Surroundings
from symfft_models.scattering.model import Basis, Block, DensityModel
from symfft_models.scattering.radial import RADIAL

FORMAT = "symfft-density-model 2"


class ModelFileError(SymfftError):
    """A file of a density model is missing, damaged or of another kind."""


def save_model(path: str | os.PathLike[str], model: DensityModel) -> None:
    """Write a model; the file appears whole or not at all."""
    from safetensors.numpy import save

    arrays = {
        "valence": model.basis.valence,
        "atoms": model.basis.atoms,
        "atom_shapes": model.basis.atom_shapes,
        "weights": model.weights,
        "draws": model.draws.astype(np.float16),
        "spread": model.spread,
        "alone": model.alone,
    }
    kernels = []
    for block in model.basis.blocks:
        kernel, landmarks = block.features.kernel, block.features.landmarks
        kernels.append({"degree": block.degree, "scale": kernel.scale, "spread": kernel.spread})
        arrays |= {
            f"{block.degree}.shapes": block.shapes,
            f"{block.degree}.used": np.packbits(block.used, axis=1),
            f"{block.degree}.centre": kernel.centre,
            f"{block.degree}.number": landmarks.number,
            f"{block.degree}.along": landmarks.along.astype(np.float16),
            f"{block.degree}.around": landmarks.around.astype(np.float16),
        }
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    metadata = {
        "format": FORMAT,
        "kernel": json.dumps(asdict(model.basis.settings)),
        "blocks": json.dumps(kernels),
        "noise": repr(model.noise),
        "longest": repr(model.longest),
        "bar": repr(model.bar),
        "power": repr(model.power),
        "usual": repr(model.usual),
        "familiar": repr(model.familiar),
        "facts": json.dumps(dict(model.facts)),
    }
    data = save(arrays, metadata | {"sha256": _digest(arrays, metadata)})
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as file:
        file.write(data)


def read_arrays(
    path: str | os.PathLike[str], form: str, what: str, command: str, error: type[SymfftError]
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return the arrays and the metadata of a safetensors file of a format.

    Parameters
    ----------
    path : path-like
        The file.
    form : str
        What its metadata must say as their format.
    what, command : str
        What it holds, and the command that makes one, for errors.
    error : type of SymfftError
        Raised if there is none, or the file is damaged or of another kind.
    """
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise error(f"{path}: no {what} there; learn one ({command}) or name another file")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata: dict[str, str] = dict(file.metadata() or {})
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, ValueError) as damage:
        raise error(f"{path}: no {what}, or a damaged one ({damage}); take another copy") from None
    if metadata.get("format") != form:
        raise error(f"{path}: format {metadata.get('format')!r}, this version reads {form!r}")
    return arrays, metadata


def load_model(path: str | os.PathLike[str]) -> DensityModel:
    """Read a model.

    Raises
    ------
    ModelFileError
        If there is none, or the file is damaged, of another kind, or holds arrays that do not fit together.
    """
    arrays, metadata = read_arrays(path, FORMAT, "density model", "symfft-vae fit", ModelFileError)
    if metadata.pop("sha256", None) != _digest(arrays, metadata):
        raise ModelFileError(f"{path}: the checksum does not match its content; take another copy, or learn again")
    try:
        return _model(arrays, metadata)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{path}: its parts do not fit together ({error}); learn again") from None


def is_density_model(path: str | os.PathLike[str]) -> bool:
    """Whether a file says that it is a density model."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return (file.metadata() or {}).get("format") == FORMAT
    except (SafetensorError, OSError, ValueError):
        return False


def digest(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file; of a folder that of its HDF5 files one after the other, by name."""
    found = hashlib.sha256()
    for part in sorted(Path(path).rglob("*.h5")) if Path(path).is_dir() else [Path(path)]:
        with open(part, "rb") as file:
            while block := file.read(2**20):
                found.update(block)
    return found.hexdigest()


def _model(arrays: Mapping[str, Any], metadata: Mapping[str, str]) -> DensityModel:
    settings = KernelSettings(**json.loads(metadata["kernel"]))
    blocks = []
    for entry in json.loads(metadata["blocks"]):
        degree = entry["degree"]
        part = {name: arrays[f"{degree}.{name}"] for name in ("shapes", "used", "centre", "number", "along", "around")}
        kernel = Kernel(settings, degree, entry["scale"], part["centre"], entry["spread"])
        landmarks = Surroundings(part["number"], part["along"].astype(float), part["around"].astype(float))
        used = np.unpackbits(part["used"], axis=1, count=len(landmarks.number)).astype(bool)
        if len(used) != part["shapes"].shape[1]:
            raise ValueError(f"used.shape[0] is {len(used)}, expected {part['shapes'].shape[1]}")
        blocks.append(Block(degree, Features(kernel, landmarks), part["shapes"], used))
    basis = Basis(settings, arrays["valence"], arrays["atoms"], arrays["atom_shapes"], tuple(blocks))
    model = DensityModel(
        basis,
        arrays["weights"],
        arrays["draws"].astype(np.float64),
        arrays["spread"],
        float(metadata["noise"]),
        float(metadata["longest"]),
        arrays["alone"],
        float(metadata["bar"]),
        float(metadata["power"]),
        float(metadata["usual"]),
        float(metadata["familiar"]),
        json.loads(metadata["facts"]),
    )
    expected = {
        "weights": (model.weights.shape, (basis.size,)),
        "draws": (model.draws.shape[1:], (basis.size,)),
        "spread": (model.spread.shape, (DEGREE + 1, RADIAL, RADIAL)),
        "alone": (model.alone.shape, (basis.atoms.shape[1] * RADIAL,)),
        "valence": (basis.valence.shape, (LAST + 1,)),
    }
    for name, (found, right) in expected.items():
        if found != right:
            raise ValueError(f"{name} has shape {found}, expected {right}")
    return model


def _digest(arrays: Mapping[str, Any], metadata: Mapping[str, str]) -> str:
    total = hashlib.sha256(json.dumps(dict(metadata), sort_keys=True).encode())
    for name in sorted(arrays):
        total.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        total.update(np.ascontiguousarray(arrays[name]).tobytes())
    return total.hexdigest()
