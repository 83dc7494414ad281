"""Columns of a packed set in HDF5: numbers, truth values and text, compressed without loss."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.io.hdf5 import import_h5py


def read_column(dataset: Any) -> NDArray[Any]:
    """Return a data set of an open file in memory; text comes decoded."""
    array = dataset[()]
    return np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array


def write_column(group: Any, name: str, data: Any) -> None:
    """Write an array, or a list of texts as fixed-length UTF-8, which compresses."""
    if isinstance(data, list):
        encoded = [text.encode("utf-8") for text in data]
        data = np.array(encoded, dtype=import_h5py().string_dtype("utf-8", max([1, *map(len, encoded)])))
    options = {"compression": "gzip", "compression_opts": 6, "shuffle": True} if data.size else {}
    group.create_dataset(name, data=data, dtype=data.dtype, **options)


def metadata_column(values: list[Any]) -> Any:
    """Return values of which some may be None as what is written: missing ones become NaN, "" or False."""
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, str) for value in present):
        return ["" if value is None else value for value in values]
    if present and all(isinstance(value, bool | np.bool_) for value in present):
        return np.array([bool(value) for value in values])
    if len(present) == len(values) and all(isinstance(value, int | np.integer) for value in present):
        return np.array(values, dtype=np.int64)
    return np.array([np.nan if value is None else float(value) for value in values])
