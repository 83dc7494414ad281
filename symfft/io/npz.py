"""NumPy archives read as anybody's files: nothing is unpickled, and none declares more than it can hold."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: deflate shrinks nothing to less than 1/1032.
LARGEST_EXPANSION = 1100
#: What reading a damaged archive may raise.
DAMAGE = (OSError, EOFError, KeyError, ValueError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)


def read_npz(
    path: str | os.PathLike[str], wanted: Callable[[Callable[[str], bool]], Iterable[str]] | None = None
) -> dict[str, NDArray[Any]]:
    """Read the arrays of a NumPy archive.

    Parameters
    ----------
    path : path-like
        The file.
    wanted : callable, optional
        Names those to read, given a function that says whether the archive has a name; all where None.

    Raises
    ------
    one of DAMAGE
        If the file is damaged, holds objects, or declares more data than so many bytes can hold.

    Examples
    --------
    >>> import tempfile
    >>> file = tempfile.NamedTemporaryFile(suffix=".npz")
    >>> np.savez(file.name, one=np.arange(3))
    >>> read_npz(file.name)["one"].tolist()
    [0, 1, 2]
    """
    with zipfile.ZipFile(path) as archive:
        require_plausible(os.stat(path).st_size, sum(member.file_size for member in archive.infolist()))
    with np.load(path, allow_pickle=False) as source:
        return {key: source[key] for key in (source.files if wanted is None else wanted(source.__contains__))}


def require_plausible(size: int, declared: int) -> None:
    """Refuse a compressed file that declares more bytes of data than it can hold.

    Raises
    ------
    ValueError
        If it does.
    """
    if declared > LARGEST_EXPANSION * size:
        raise ValueError(f"{size} bytes declare {declared} bytes of data, more than they can hold")
