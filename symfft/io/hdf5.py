"""HDF5 files of unknown origin: opened only after everything in them has been looked at.

A data set in HDF5 may lie in another file (external storage, external links, virtual data sets), so that reading it
would copy any file of this machine; it may declare more than the file holds, and packed data may expand to any size.
Such files are refused before anything is read or allocated.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, cast

from symfft.errors import DensityFormatError, SymfftError

#: Bytes that a file may always expand to, and times its size beyond that.
FREE_EXPANSION = 32 << 20
LARGEST_EXPANSION = 10
#: Most groups and data sets in a file, and most levels of groups.
MOST_OBJECTS, MOST_LEVELS = 1 << 20, 32


@contextmanager
def open_checked(
    path: str | os.PathLike[str], *, error: type[DensityFormatError] = DensityFormatError
) -> Iterator[Any]:
    """Open an HDF5 file for reading that holds all its data itself, and no more than it has room for.

    Parameters
    ----------
    path : path-like
        The file.
    error : type
        Class of the errors raised, a child of :class:`symfft.errors.DensityFormatError`.

    Yields
    ------
    h5py.File
        The open file. What h5py raises within the block, about damage that shows only when data is read, becomes an
        `error` too.

    Raises
    ------
    DensityFormatError
        If the file is not HDF5, is damaged, has external, virtual or linked data, data sets that are larger than the
        file can hold, types that are neither numbers nor text, or too many objects.
    SymfftError
        If h5py is missing.
    OSError
        If the file cannot be opened.

    Examples
    --------
    >>> import tempfile, h5py
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with h5py.File(f"{folder}/a.h5", "w") as file:
    ...         file["values"] = [1.0, 2.0]
    ...     with open_checked(f"{folder}/a.h5") as file:
    ...         print(file["values"][()])
    [1. 2.]
    """
    h5py = import_h5py()
    with open(path, "rb") as plain:  # an OSError from here on is about the content
        size = os.fstat(plain.fileno()).st_size
    try:
        with h5py.File(os.fspath(path), "r") as file:
            _Inspection(h5py, path, size, error).group(file, 0)
            yield file
    except SymfftError:
        raise
    except (OSError, KeyError, RuntimeError, UnicodeError) as problem:
        raise error(str(path), f"expected an HDF5 file, this one is damaged: {problem}") from problem


def import_h5py() -> ModuleType:
    """Return h5py, or say how to get it."""
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise SymfftError('HDF5 files need the package h5py: pip install "symfft[io]"') from error
    return cast(ModuleType, h5py)


class _Inspection:
    """Walks through a file once and refuses what must not be read."""

    def __init__(self, h5py: Any, path: str | os.PathLike[str], size: int, error: type[DensityFormatError]) -> None:
        self._h5py = h5py
        self._path = str(path)
        self._size = size
        self._error = error
        self._allowed = FREE_EXPANSION + LARGEST_EXPANSION * size
        self._declared = 0
        self._objects = 0
        self._seen: set[int] = set()

    def group(self, group: Any, level: int) -> None:
        if level > MOST_LEVELS:
            self._refuse(f"it has more than {MOST_LEVELS} levels of groups")
        for name in group:
            self._objects += 1
            if self._objects > MOST_OBJECTS:
                self._refuse(f"it has more than {MOST_OBJECTS} objects")
            if not isinstance(group.get(name, getlink=True), self._h5py.HardLink):
                self._refuse(f"{name!r} is a link to other data")
            kind = self._h5py.h5o.get_info(group.id, name.encode("utf-8", "surrogateescape")).type
            if kind == self._h5py.h5o.TYPE_GROUP:
                inner = group[name]
                if (key := hash(inner.id)) in self._seen:
                    self._refuse(f"the group {name!r} occurs in more than one place")
                self._seen.add(key)
                self.group(inner, level + 1)
            elif kind == self._h5py.h5o.TYPE_DATASET:
                self._data_set(group[name])

    def _data_set(self, data: Any) -> None:
        creation = data.id.get_create_plist()
        if creation.get_layout() == self._h5py.h5d.VIRTUAL or creation.get_external_count():
            self._refuse(f"{data.name!r} lies in other files")
        kind = data.id.get_type().get_class()
        h5t = self._h5py.h5t
        if kind not in (h5t.INTEGER, h5t.FLOAT, h5t.STRING, h5t.ENUM, h5t.BITFIELD):
            self._refuse(f"{data.name!r} holds neither numbers nor text")
        if data.shape is None:
            return
        item = data.id.get_type().get_size()
        needed = data.size * item
        stored = data.id.get_storage_size()
        self._declared += needed
        if data.chunks is None and needed > stored and creation.get_layout() != self._h5py.h5d.COMPACT:
            self._refuse(f"{data.name!r} declares {needed} bytes, {stored} are there")
        chunk = item
        for length in data.chunks or ():
            chunk *= length
        if max(self._declared, chunk) > self._allowed:
            self._refuse(f"{self._size} bytes declare over {self._allowed} bytes of data, more than they can hold")

    def _refuse(self, what: str) -> None:
        raise self._error(self._path, f"expected an HDF5 file that holds its data itself: {what}")
