"""Write files atomically: other processes see the old file or the whole new one, never a part."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacement(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield an empty temporary file beside `path` that takes its place when the block ends without an error.

    A symbolic link stays, its target is replaced. The file has the permissions of the one that it replaces, or those
    that a new file gets. After an error nothing is left.

    Parameters
    ----------
    path : path-like
        File to write or replace, in a folder that exists.

    Yields
    ------
    Path
        The temporary file, for libraries that write to a path.

    Raises
    ------
    OSError
        If the folder cannot be written to, or the disk is full; it names `path`, not the temporary file.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with replacement(folder / "name") as temporary:
    ...     _ = temporary.write_text("text")
    >>> [(file.name, file.read_text()) for file in folder.iterdir()]
    [('name', 'text')]
    """
    target = Path(os.path.realpath(path))
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except OSError as error:
        if error.errno is None or error.filename not in (None, name, temporary):
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replace_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of `path` when the block ends; see :func:`replacement`."""
    with replacement(path) as temporary, open(temporary, "wb") as file:
        yield file


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file, UTF-8, atomically."""
    with replace_file(path) as file:
        file.write(text.encode())


def remove_partial_files(folder: str | os.PathLike[str]) -> None:
    """Remove the temporary files that a killed process left in a folder that no other process writes to."""
    for path in Path(folder).glob(".*.part"):
        path.unlink(missing_ok=True)


def _mode(target: Path) -> int:
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
