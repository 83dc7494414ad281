"""Columns of a density set in an HDF5 file: what is in it, written atomically, checked when read."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft import DensityFormatError
from symfft.io.atomic import replace_file
from symfft.io.hdf5 import import_h5py, open_checked
from symfft_models.data.columns import metadata_column, read_column, write_column

Columns = Mapping[str, NDArray[Any]]

FORMAT = "symfft-density-set"
FORMAT_VERSION = 1

#: Name of every dataset with its type (None: text) and number of dimensions.
COLUMNS = {
    "values": (np.float32, 1),
    "offsets": (np.int64, 1),
    "space_group": (np.int16, 1),
    "shape": (np.int32, 2),
    "lattice": (np.float64, 3),
    "electrons": (np.float64, 1),
    "id": (None, 1),
    "composition": (None, 1),
    "prototype": (None, 1),
    "split": (None, 1),
    "site_offsets": (np.int64, 1),
    "site_symbol": (None, 1),
    "site_wyckoff": (None, 1),
    "site_position": (np.float64, 2),
}
#: Points of the largest orbit, in the cell of F m -3 m.
LARGEST_ORBIT = 192
ENTRY_TEXTS = ("id", "composition", "prototype", "split")


def write_columns(
    path: str | os.PathLike[str],
    columns: Mapping[str, Any],
    metadata: Mapping[str, list[Any]],
    attributes: Mapping[str, Any],
) -> None:
    """Write all columns to one file, which appears complete or not at all.

    Parameters
    ----------
    path : path-like
        File to write or replace.
    columns : mapping
        An array, or list of texts, for every name in :data:`COLUMNS`.
    metadata : mapping
        Lists with one value for each entry; None where it has none.
    attributes : mapping
        Text and numbers that describe the set as a whole.
    """
    memory = io.BytesIO()  # HDF5 does not survive a disk that is full
    with import_h5py().File(memory, "w") as file:
        file.attrs.update(dict(attributes) | {"format": FORMAT, "format_version": FORMAT_VERSION})
        for name, (dtype, _) in COLUMNS.items():
            write_column(file, name, columns[name] if dtype is None else np.asarray(columns[name], dtype=dtype))
        group = file.create_group("metadata")
        for name, values in sorted(metadata.items()):
            write_column(group, name, metadata_column(values))
    with replace_file(path) as target:
        target.write(memory.getbuffer())


def read_columns(path: Path) -> tuple[Columns, Columns, dict[str, Any]]:
    """Return columns, metadata columns and attributes of a file, read-only.

    Raises
    ------
    DensityFormatError
        If the file is truncated, of another kind or a newer version, or its parts do not fit together.
    FileNotFoundError
        If there is none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no density set at {path}")
    with open_checked(path) as file:
        attributes = dict(file.attrs)
        _require_format(path, attributes)
        for name in (*COLUMNS, "metadata"):
            if name not in file:
                raise DensityFormatError(path, f"not a whole density set: {name} is missing")
        columns = {name: read_column(file[name]) for name in COLUMNS}
        metadata = {name: read_column(column) for name, column in file["metadata"].items()}
    _require_consistent(path, columns, metadata)
    for array in (*columns.values(), *metadata.values()):
        array.flags.writeable = False
    return columns, metadata, attributes


def _require_format(path: Path, attributes: Mapping[str, Any]) -> None:
    if str(attributes.get("format")) != FORMAT:
        raise DensityFormatError(path, f"attribute format is {attributes.get('format')!r}, expected {FORMAT!r}")
    version = attributes.get("format_version", 0)
    if not np.array_equal(version, FORMAT_VERSION):
        raise DensityFormatError(path, f"format version {version}; this release of symfft reads {FORMAT_VERSION}")


def _require_consistent(path: Path, arrays: Columns, metadata: Columns) -> None:
    for name, (dtype, ndim) in COLUMNS.items():
        array = arrays[name]
        fits = array.dtype.kind == "U" if dtype is None else array.dtype == dtype
        if (array.size and not fits) or array.ndim != ndim:
            expected = "text" if dtype is None else np.dtype(dtype).name
            raise DensityFormatError(
                path, f"{name} holds {array.dtype} in {array.ndim} dimensions, expected {expected} in {ndim}"
            )
    n, sites = len(arrays["id"]), len(arrays["site_symbol"])
    lengths: dict[str, tuple[int, ...]] = dict.fromkeys(("space_group", "electrons", *ENTRY_TEXTS), (n,))
    lengths |= {"shape": (n, 3), "lattice": (n, 3, 3), "offsets": (n + 1,), "site_offsets": (n + 1,)}
    lengths |= {"site_wyckoff": (sites,), "site_position": (sites, 3)}
    for name, length in lengths.items():
        if arrays[name].shape != length:
            raise DensityFormatError(path, f"{name} has shape {arrays[name].shape}, expected {length} for {n} entries")
    for name, column in metadata.items():
        if column.shape != (n,):
            raise DensityFormatError(path, f"metadata/{name} has shape {column.shape}, expected ({n},)")
    for name, total in (("offsets", len(arrays["values"])), ("site_offsets", sites)):
        ends = arrays[name]
        if ends[0] != 0 or ends[-1] != total or (np.diff(ends) < 0).any():
            raise DensityFormatError(path, f"{name} must rise from 0 to {total}")
    for name in ("values", "electrons", "lattice", "site_position"):
        if not np.isfinite(arrays[name]).all():
            raise DensityFormatError(path, f"{name} holds numbers that are not finite")
    if ((arrays["space_group"] < 1) | (arrays["space_group"] > 230)).any():
        raise DensityFormatError(path, "space_group holds numbers that are not 1 to 230")
    points = arrays["shape"].astype(np.float64).prod(axis=1)
    if (arrays["shape"] < 1).any() or (points > LARGEST_ORBIT * np.diff(arrays["offsets"])).any():
        raise DensityFormatError(
            path, "shape holds grids whose asymmetric units have more points than values are there"
        )
