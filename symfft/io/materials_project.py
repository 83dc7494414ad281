"""JSON of pymatgen's ``Chgcar``, ``Locpot`` and ``Elfcar``, as the Materials Project serves it; without pymatgen."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.crystal.elements import ATOMIC_NUMBERS
from symfft.crystal.lattice import cell_volume
from symfft.density import Density
from symfft.errors import DensityFormatError, ShapeError
from symfft.exchange import PYMATGEN_KINDS, format_augmentation
from symfft.io._blocks import fields_of_blocks
from symfft.io._compressed import DecompressionError, PathLike, Source
from symfft.io._text import MAX_POINTS
from symfft.io.kinds import kind_to_read
from symfft.kinds import Kind

#: Bytes of text that a compressed file may always hold, and times its size beyond that (densities: 3 to 10).
FREE_EXPANSION, LARGEST_EXPANSION = 4 << 20, 40
#: Names of the grids by their number.
KEYS = (("total",), ("total", "diff"), ("spin_up", "spin_down"), ("total", "diff_x", "diff_y", "diff_z"))
#: What hostile values raise on their way to arrays: wrong types, numbers out of range, too deep a nesting.
_WRONG = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)


def read_materials_project(path: PathLike, *, kind: Kind | None = None, max_points: int = MAX_POINTS) -> Density:
    """Read a density or potential as pymatgen writes it and Materials Project serves it.

    Parameters
    ----------
    path : path-like
        JSON of a pymatgen ``Chgcar``, ``Locpot`` or ``Elfcar`` (``as_dict``), alone or under the key ``data`` of a
        record; plain or compressed.
    kind : {"charge", "potential", "elf", "kinetic_energy", "other"}, optional
        What the values are, where the file names no such class.
    max_points : int
        Largest grid to accept.

    Returns
    -------
    Density
        ``values`` in e/Å³ (eV for a ``Locpot``); magnetization or spin down and augmentation occupancies where the
        file has them.

    Raises
    ------
    DensityFormatError
        If the file is not JSON, or something is missing or of the wrong form; the message names the key.
    """
    document = _load(path)
    content = document.get("data") if "poscar" not in document and "structure" not in document else document
    if not isinstance(content, dict) or not isinstance(content.get("data"), dict):
        raise DensityFormatError(path, "expected a pymatgen Chgcar with the keys poscar and data, found neither")
    found = kind_to_read(path, kind, _recorded_kind(path, content.get("@class"), kind))
    poscar = content.get("poscar", {})
    structure = poscar.get("structure") if isinstance(poscar, dict) else None
    lattice, positions, numbers = _structure(path, structure or content.get("structure"))
    names = {name for name in content["data"] if not name.startswith("@")}
    keys = next((keys for keys in KEYS if names.issuperset(keys) and len(keys) == len(names)), None)
    if keys is None:
        raise DensityFormatError(
            path, f"expected the grids total, total and diff, spin_up and spin_down, or four, found {sorted(names)[:9]}"
        )
    blocks = [_grid(path, key, content["data"][key], max_points) for key in keys]
    if len({block.shape for block in blocks}) > 1:
        raise DensityFormatError(path, f"expected grids of one shape, found {[block.shape for block in blocks]}")
    divisor = cell_volume(lattice) if found == "charge" else 1.0
    try:
        return Density(
            lattice=lattice,
            positions=positions,
            numbers=numbers,
            comment=str(poscar.get("comment") or "") if isinstance(poscar, dict) else "",
            augmentation=_augmentation(path, content.get("data_aug"), keys) if found == "charge" else None,
            **fields_of_blocks([block / divisor for block in blocks], found),
        )
    except ShapeError as error:
        raise DensityFormatError(path, str(error)) from error


def _recorded_kind(path: PathLike, name: Any, asked: Kind | None) -> str | None:
    if isinstance(name, str) and name in PYMATGEN_KINDS:
        return PYMATGEN_KINDS[name]
    if name is not None and asked is None:
        raise DensityFormatError(
            path, f"expected the class Chgcar, Locpot or Elfcar, found {str(name)[:60]!r}, which does not say what "
            "the values are: say it with kind= (--kind)"
        )  # fmt: skip
    return None


def _load(path: PathLike) -> dict[str, Any]:
    text = bytearray()
    with Source(path) as source:
        try:
            while piece := source.stream.read(1 << 20):
                text += piece
                limit = source.largest_expansion(FREE_EXPANSION, LARGEST_EXPANSION)
                if limit is not None and len(text) > limit:
                    raise DensityFormatError(
                        path, f"the compressed text goes on after {limit} bytes: if this is meant, decompress it first"
                    )
        except DecompressionError as error:
            raise DensityFormatError(path, f"the compressed data is damaged or cut off ({error})") from error
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
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
    except _WRONG as error:
        why = f"{type(error).__name__}: {str(error)[:80]}"
        raise DensityFormatError(path, f"expected a structure with lattice.matrix and sites ({why})") from error
    if not 0.0 < cell_volume(lattice) < np.inf:
        raise DensityFormatError(path, f"expected three independent lattice vectors, found {lattice.tolist()}")
    numbers = [ATOMIC_NUMBERS.get(label) for label in labels]
    if None in numbers or any(len(kinds) != 1 or kinds[0].get("occu", 1) != 1 for kinds in species):
        raise DensityFormatError(
            path, f"expected one known element on every site, with occupancy 1, found {sorted(set(labels))[:9]}"
        )
    return lattice, positions, np.array(numbers, dtype=np.int64)


def _grid(path: PathLike, key: str, value: Any, max_points: int) -> NDArray[np.float64]:
    nested = value.get("data") if isinstance(value, dict) else value
    try:
        grid = np.array(nested, dtype=np.float64)
    except _WRONG as error:
        raise DensityFormatError(path, f"expected a grid of numbers under data.{key} ({error})") from error
    if grid.ndim != 3 or grid.size == 0 or not np.isfinite(grid).all():
        raise DensityFormatError(path, f"expected three axes of finite numbers under data.{key}, found {grid.shape}")
    if grid.size > max_points:
        raise DensityFormatError(path, f"expected at most {max_points} points under data.{key}, found {grid.size}")
    return grid


def _augmentation(path: PathLike, data_aug: Any, keys: tuple[str, ...]) -> tuple[str, ...] | None:
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
        except _WRONG as error:
            raise DensityFormatError(path, f"expected occupancies by ion under data_aug.{key} ({error!r})") from error
    return tuple(texts)
