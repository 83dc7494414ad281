"""Materials Project's charge densities: JSON, mostly gzipped, of a pymatgen ``Chgcar``; read without pymatgen."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.crystal.elements import atomic_number
from symfft.density import Density, cell_volume, format_augmentation
from symfft.errors import DensityFormatError, ShapeError
from symfft.io._compressed import PathLike, Source, decompression_errors
from symfft.io._text import MAX_POINTS

#: Times its size on disk to which a file may decompress (densities: 3 to 10).
MOST_COMPRESSED = 200


def read_materials_project(path: PathLike, *, max_points: int = MAX_POINTS) -> Density:
    """Read a charge density as Materials Project serves it.

    Parameters
    ----------
    path : path-like
        JSON of a pymatgen ``Chgcar`` (``as_dict``), alone or under the key ``data`` of a record; plain or compressed.
    max_points : int
        Largest grid to accept.

    Returns
    -------
    Density
        ``values`` in e/Å³; magnetization and augmentation occupancies where the file has them.

    Raises
    ------
    DensityFormatError
        If the file is not JSON, or something is missing or of the wrong form; the message names the key.
    """
    document = _load(path)
    chgcar = document.get("data") if "poscar" not in document and "structure" not in document else document
    if not isinstance(chgcar, dict) or not isinstance(chgcar.get("data"), dict):
        raise DensityFormatError(path, "expected a pymatgen Chgcar with the keys poscar and data, found neither")
    poscar = chgcar.get("poscar", {})
    structure = poscar.get("structure") if isinstance(poscar, dict) else None
    structure = structure or chgcar.get("structure")
    lattice, positions, numbers = _structure(path, structure)
    grids = {
        key: _grid(path, key, value, max_points) for key, value in chgcar["data"].items() if not key.startswith("@")
    }
    keys = ("total", "diff_x", "diff_y", "diff_z") if "diff_x" in grids else ("total", "diff")
    present = [key for key in keys if key in grids]
    if present[:1] != ["total"] or len(present) == 3 or (len(present) == 2 and "diff_x" in grids):
        raise DensityFormatError(path, f"expected the grids total, total and diff, or four, found {sorted(grids)}")
    if len({grids[key].shape for key in present}) > 1:
        raise DensityFormatError(path, f"expected grids of one shape, found {[grids[key].shape for key in present]}")
    volume = cell_volume(lattice)
    blocks = [grids[key] / volume for key in present]
    try:
        return Density(
            values=blocks[0],
            lattice=lattice,
            positions=positions,
            numbers=numbers,
            magnetization=None if len(blocks) == 1 else blocks[1] if len(blocks) == 2 else np.stack(blocks[1:]),
            comment=str(poscar.get("comment") or "") if isinstance(poscar, dict) else "",
            augmentation=_augmentation(path, chgcar.get("data_aug"), present),
        )
    except ShapeError as error:
        raise DensityFormatError(path, str(error)) from error


def _load(path: PathLike) -> dict[str, Any]:
    text = bytearray()
    with Source(path) as source:
        limit = source.size if source.plain else MOST_COMPRESSED * source.size
        try:
            while len(text) <= limit and (piece := source.stream.read(1 << 20)):
                text += piece
        except decompression_errors() as error:
            raise DensityFormatError(path, f"the compressed data is damaged or cut off ({error})") from error
    if len(text) > limit:
        raise DensityFormatError(
            path,
            f"expected a text at most {MOST_COMPRESSED} times as long as the compressed file, it goes on; "
            "if this is meant, decompress it first",
        )
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise DensityFormatError(path, f"expected JSON: {error}", line=line) from error
    if not isinstance(document, dict):
        raise DensityFormatError(path, f"expected a JSON object, found a {type(document).__name__}")
    return document


def _structure(path: PathLike, structure: Any) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    try:
        lattice = np.array(structure["lattice"]["matrix"], dtype=np.float64).reshape(3, 3)
        positions = np.array([site["abc"] for site in structure["sites"]], dtype=np.float64).reshape(-1, 3)
        species = [site["species"] for site in structure["sites"]]
        labels = [str(kinds[0]["element"]) for kinds in species]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DensityFormatError(path, f"expected a structure with lattice.matrix and sites ({error!r})") from error
    if not 0.0 < cell_volume(lattice) < np.inf:
        raise DensityFormatError(path, f"expected three independent lattice vectors, found {lattice.tolist()}")
    numbers = [atomic_number(label) for label in labels]
    if None in numbers or any(len(kinds) != 1 for kinds in species):
        raise DensityFormatError(path, f"expected one known element on every site, found {sorted(set(labels))}")
    return lattice, positions, np.array(numbers, dtype=np.int64)


def _grid(path: PathLike, key: str, value: Any, max_points: int) -> NDArray[np.float64]:
    nested = value.get("data") if isinstance(value, dict) else value
    try:
        grid = np.array(nested, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DensityFormatError(path, f"expected a grid of numbers under data.{key} ({error})") from error
    if grid.ndim != 3 or grid.size == 0 or not np.isfinite(grid).all():
        raise DensityFormatError(path, f"expected three axes of finite numbers under data.{key}, found {grid.shape}")
    if grid.size > max_points:
        raise DensityFormatError(path, f"expected at most {max_points} points under data.{key}, found {grid.size}")
    return grid


def _augmentation(path: PathLike, data_aug: Any, keys: list[str]) -> tuple[str, ...] | None:
    """Return the text of the occupancies; pymatgen keeps lines of text or, later, values by ion."""
    if not isinstance(data_aug, dict) or not all(data_aug.get(key) for key in keys):
        return None
    texts = []
    for key in keys:
        occupancies = data_aug[key]
        try:
            if isinstance(occupancies, dict):
                values = {
                    int(ion): np.array(v["data"] if isinstance(v, dict) else v, dtype=np.float64)
                    for ion, v in occupancies.items()
                    if not ion.startswith("@")
                }
                texts.append(format_augmentation(values))
            else:
                texts.append(format_augmentation([str(line) for line in occupancies]))
        except (KeyError, TypeError, ValueError) as error:
            raise DensityFormatError(path, f"expected occupancies by ion under data_aug.{key} ({error!r})") from error
    return tuple(texts)
