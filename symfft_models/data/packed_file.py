"""Columns of a density set in an HDF5 file: what is in it, written atomically, checked when read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft import DensityFormatError

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
    h5py = _h5py()
    path = Path(path)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        with h5py.File(partial, "w") as file:
            file.attrs.update(dict(attributes) | {"format": FORMAT, "format_version": FORMAT_VERSION})
            for name, (dtype, _) in COLUMNS.items():
                _write(file, name, columns[name] if dtype is None else np.asarray(columns[name], dtype=dtype))
            group = file.create_group("metadata")
            for name, values in sorted(metadata.items()):
                _write(group, name, _metadata_column(values))
        with open(partial, "rb") as written:
            os.fsync(written.fileno())
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    finally:
        Path(partial).unlink(missing_ok=True)


def read_columns(path: Path) -> tuple[Columns, Columns, dict[str, Any]]:
    """Return columns, metadata columns and attributes of a file, read-only.

    Raises
    ------
    DensityFormatError
        If the file is truncated, of another kind or a newer version, or its parts do not fit together.
    FileNotFoundError
        If there is none.
    """
    h5py = _h5py()
    if not path.is_file():
        raise FileNotFoundError(f"no density set at {path}")
    try:
        with h5py.File(path, "r") as file:
            attributes = dict(file.attrs)
            _require_format(path, attributes)
            columns = {name: _read(file[name]) for name in COLUMNS}
            metadata = {name: _read(column) for name, column in file["metadata"].items()}
    except (OSError, KeyError, RuntimeError, UnicodeDecodeError) as error:
        raise DensityFormatError(path, f"not a whole density set: {error}") from None
    _require_consistent(path, columns, metadata)
    for array in (*columns.values(), *metadata.values()):
        array.flags.writeable = False
    return columns, metadata, attributes


def _metadata_column(values: list[Any]) -> Any:
    present = [value for value in values if value is not None]
    if all(isinstance(value, str) for value in present):
        return ["" if value is None else value for value in values]
    if all(isinstance(value, bool | np.bool_) for value in present):
        return np.array([bool(value) for value in values])
    if len(present) == len(values) and all(isinstance(value, int | np.integer) for value in present):
        return np.array(values, dtype=np.int64)
    return np.array([np.nan if value is None else float(value) for value in values])


def _write(group: Any, name: str, data: Any) -> None:
    """Write one column, compressed losslessly; text as fixed-length UTF-8, which compresses."""
    if isinstance(data, list):
        encoded = [text.encode("utf-8") for text in data]
        data = np.array(encoded, dtype=_h5py().string_dtype("utf-8", max([1, *map(len, encoded)])))
    options = {"compression": "gzip", "compression_opts": 6, "shuffle": True} if data.size else {}
    group.create_dataset(name, data=data, dtype=data.dtype, **options)


def _read(dataset: Any) -> NDArray[Any]:
    array = dataset[()]
    return np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array


def _require_format(path: Path, attributes: Mapping[str, Any]) -> None:
    if attributes.get("format") != FORMAT:
        raise DensityFormatError(path, f"attribute format is {attributes.get('format')!r}, expected {FORMAT!r}")
    version = int(attributes.get("format_version", 0))
    if version != FORMAT_VERSION:
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
    lengths = dict.fromkeys(("space_group", "electrons", *ENTRY_TEXTS), (n,))
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
    if not np.isfinite(arrays["values"]).all():
        raise DensityFormatError(path, "values holds numbers that are not finite")


def _h5py() -> ModuleType:
    try:
        import h5py
    except ImportError as error:
        raise ImportError('density sets need h5py: pip install "symfft[io]" or "symfft[models]"') from error
    return h5py
