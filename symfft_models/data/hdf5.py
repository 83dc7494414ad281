"""Datasets of HDF5 files that anybody may have written: what is read is checked before memory is taken for it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft import DensityFormatError

#: Uncompressed bytes for each byte of a file that deflate can reach at most, rounded up.
LARGEST_RATIO = 1100
#: Bytes a dataset may take in any case.
SMALL = 1 << 20


def h5py_module() -> ModuleType:
    """Return h5py, or say how to install it."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError('density sets need h5py: pip install "symfft[io]" or "symfft[models]"') from error
    return h5py


def read_dataset(path: Path, group: Any, name: str, dtype: Any = None, ndim: int | None = None) -> NDArray[Any]:
    """Return a dataset of an open file; text comes decoded.

    Parameters
    ----------
    path : Path
        The file, for messages.
    group : h5py.Group
        Where the dataset lies.
    name : str
        Of the dataset.
    dtype : dtype, optional
        Type that it must have; str for text, None for any of numbers, truth values and text.
    ndim : int, optional
        Number of dimensions that it must have.

    Raises
    ------
    DensityFormatError
        If it is missing, a link out of the file, virtual or stored elsewhere, larger than the file can hold, or of
        another type or number of dimensions.
    """
    h5py = h5py_module()

    def refuse(reason: str) -> DensityFormatError:
        return DensityFormatError(path, f"{group.name.rstrip('/')}/{name} {reason}")

    link = group.get(name, getlink=True)
    if link is None:
        raise refuse("is missing")
    if not isinstance(link, h5py.HardLink):
        raise refuse("is a link; a density set holds its data itself")
    dataset = group[name]
    if not isinstance(dataset, h5py.Dataset):
        raise refuse("is no dataset")
    if dataset.is_virtual or dataset.external:
        raise refuse("takes its data from elsewhere; a density set holds them itself")
    kind = dataset.dtype.kind
    expected = None if dtype is None else np.dtype(dtype).kind if dtype is not str else "S"
    if kind not in "biufS" or (expected is not None and kind != expected):
        raise refuse(f"holds {dataset.dtype}, expected {'text' if dtype is str else dtype or 'numbers or text'}")
    if dtype not in (None, str) and dataset.dtype != np.dtype(dtype):
        raise refuse(f"holds {dataset.dtype}, expected {np.dtype(dtype)}")
    if ndim is not None and dataset.ndim != ndim:
        raise refuse(f"has {dataset.ndim} dimensions, expected {ndim}")
    size = dataset.dtype.itemsize
    for length in dataset.shape:
        size *= int(length)
    if size > max(SMALL, LARGEST_RATIO * dataset.id.get_storage_size()):
        raise refuse(f"declares {size} bytes, more than the {dataset.id.get_storage_size()} stored can hold")
    array = dataset[()]
    return np.char.decode(array, "utf-8") if kind == "S" else array
