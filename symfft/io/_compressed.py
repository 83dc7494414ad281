"""Read and write files that may be compressed."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, TracebackType
from typing import IO, Any, BinaryIO, Self, cast

from symfft.errors import SymfftError
from symfft.io.atomic import replace_file

#: Suffixes that mark a compressed file.
COMPRESSED_SUFFIXES = (".gz", ".xz", ".bz2", ".zst")

#: gzip's default level 9 takes three times as long for two percent.
GZIP_LEVEL = 6

PathLike = str | Path


class Source:
    """A file open for reading, decompressed on the way: gzip, xz, bzip2 and Zstandard are told by their first bytes.

    Parameters
    ----------
    path : path-like
        The file.

    Attributes
    ----------
    stream : binary file
        What the file holds, decompressed.
    size : int
        Its size on disk.
    plain : bool
        Whether the stream is the file itself, of `size` bytes; not so for compressed files and pipes.
    """

    def __init__(self, path: PathLike) -> None:
        self._file = open(path, "rb")  # noqa: SIM115  (closed with the source)
        try:
            status = os.fstat(self._file.fileno())
            self.size = status.st_size
            self.stream: IO[bytes] = self._decompressed()
            self.plain = self.stream is self._file and stat.S_ISREG(status.st_mode)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.stream.close()
        self._file.close()

    def _decompressed(self) -> IO[bytes]:
        magic = self._file.peek(6)[:6]
        if magic.startswith(b"\x1f\x8b"):
            return cast(IO[bytes], gzip.GzipFile(fileobj=self._file))
        if magic.startswith(b"\xfd7zXZ\x00"):
            return lzma.LZMAFile(self._file)
        if magic.startswith(b"BZh"):
            return bz2.BZ2File(self._file)
        if magic.startswith(b"\x28\xb5\x2f\xfd"):
            reader = _zstandard().ZstdDecompressor().stream_reader(self._file, read_across_frames=True)
            return cast(IO[bytes], reader)
        return self._file


def decompression_errors() -> tuple[type[Exception], ...]:
    """Return what a damaged compressed stream can raise while it is read."""
    try:
        return EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, _zstandard().ZstdError
    except SymfftError:
        return EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError


def bare_name(path: PathLike) -> str:
    """Return the file's name without the suffix of its compression."""
    name = Path(path).name
    for suffix in COMPRESSED_SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


@contextmanager
def replace_compressed(path: PathLike) -> Iterator[BinaryIO]:
    """Open a file that replaces `path` atomically; the suffix .gz, .xz, .bz2 or .zst says how it is compressed."""
    suffix = Path(os.path.realpath(path)).suffix.lower()
    with replace_file(path) as file, _compressor(file, suffix) as stream:
        yield stream


@contextmanager
def _compressor(file: BinaryIO, suffix: str) -> Iterator[BinaryIO]:
    stream: Any
    if suffix == ".gz":
        stream = gzip.GzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=file, mtime=0)
    elif suffix == ".xz":
        stream = lzma.LZMAFile(file, "wb")  # noqa: SIM115
    elif suffix == ".bz2":
        stream = bz2.BZ2File(file, "wb")
    elif suffix == ".zst":
        stream = _zstandard().ZstdCompressor(level=9).stream_writer(file, closefd=False)
    else:
        yield file
        return
    with stream:
        yield stream


def _zstandard() -> ModuleType:
    try:
        import zstandard
    except ModuleNotFoundError as error:
        raise SymfftError('Zstandard files need the package zstandard: pip install "symfft[io]"') from error
    return zstandard
