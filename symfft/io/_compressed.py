"""Read and write files that may be compressed, and read what comes through a pipe."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, TracebackType
from typing import IO, Any, BinaryIO, Protocol, Self, cast

from symfft.errors import SymfftError
from symfft.io.atomic import replace_file

#: Suffixes that mark a compressed file.
COMPRESSED_SUFFIXES = (".gz", ".xz", ".bz2", ".zst")

#: gzip's default level 9 takes three times as long for two percent.
GZIP_LEVEL = 6

#: Bytes that a compressed file may always expand to, and times its size beyond that (densities: 3 to 10).
FREE_EXPANSION = 80 << 20
LARGEST_EXPANSION = 100

#: What a pipe may deliver where a file is needed to go back and forth in.
LARGEST_PIPE = 1 << 34

#: Bytes of compressed data read at a time.
_CHUNK = 1 << 16
#: Bytes that tell how a file is compressed.
_MAGIC = 6

PathLike = str | os.PathLike[str]


class Pipe(os.PathLike[str]):
    """What comes through a pipe: it can be read once, looked into before that, and become a file where one is needed.

    Parameters
    ----------
    name : str
        What messages call it.
    file : binary file
        Its open end.
    """

    def __init__(self, name: str, file: BinaryIO) -> None:
        self._name = name
        self._file = file
        self._head = b""
        self._copy: Any = None

    def __str__(self) -> str:
        return self._name

    def __fspath__(self) -> str:
        if self._copy is None:
            self._copy = tempfile.NamedTemporaryFile(prefix="symfft-")  # noqa: SIM115  (closed with the pipe)
            self._copy.write(self._head)
            left = LARGEST_PIPE
            while piece := self._file.read(1 << 20):
                left -= len(piece)
                if left < 0:
                    raise SymfftError(f"{self}: more than {LARGEST_PIPE} bytes came through the pipe: save them first")
                self._copy.write(piece)
            self._copy.flush()
        return cast(str, self._copy.name)

    def head(self, count: int) -> bytes:
        """Return up to `count` of the first bytes, which are read again later."""
        while len(self._head) < count and (piece := self._file.read(count - len(self._head))):
            self._head += piece
        return self._head[:count]

    def open(self) -> io.BufferedReader:
        """Return the bytes from the first one on."""
        if self._copy is not None:
            return open(self._copy.name, "rb")
        return io.BufferedReader(_Rest(self._head, self._file))

    def close(self) -> None:
        """Forget what came."""
        if self._copy is not None:
            self._copy.close()


class _Rest(io.RawIOBase):
    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head, self._file = head, file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._head[: len(buffer)] or self._file.read(len(buffer))
        self._head = self._head[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


@contextmanager
def readable(path: PathLike) -> Iterator[PathLike]:
    """Give the path of a file as it is, and a :class:`Pipe` for a named pipe, and for standard input as ``-``.

    Raises
    ------
    SymfftError
        If the path is a device, such as a terminal, which never ends.
    """
    if isinstance(path, Pipe):
        yield path
        return
    if "\0" in os.fspath(path):
        raise SymfftError(f"{os.fspath(path)!r} cannot be the name of a file: it holds a null character")
    mode = os.fstat(sys.stdin.fileno()).st_mode if (standard := os.fspath(path) == "-") else os.stat(path).st_mode
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise SymfftError(f"{path}: this is a device, not a file: give a file, or send one through a pipe")
    if standard:
        file, name = cast(BinaryIO, sys.stdin.buffer), "standard input"
    elif stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        file, name = cast(BinaryIO, open(path, "rb")), str(path)  # noqa: SIM115  (closed below)
    else:
        yield path
        return
    pipe = Pipe(name, file)
    try:
        yield pipe
    finally:
        pipe.close()
        if not standard:
            file.close()


class DecompressionError(Exception):
    """A compressed stream is damaged, cut off, or followed by something else."""


class Source:
    """A file open for reading, decompressed on the way: gzip, xz, bzip2 and Zstandard are known by their first bytes.

    Parameters
    ----------
    path : path-like
        The file.

    Attributes
    ----------
    stream : binary file
        What the file holds, decompressed; a damaged one raises :class:`DecompressionError`.
    size : int
        Its size on disk; 0 for a pipe.
    plain : bool
        Whether the stream is the file itself, of `size` bytes; not so for compressed files and pipes.
    """

    def __init__(self, path: PathLike) -> None:
        self._file: Any = path.open() if isinstance(path, Pipe) else open(path, "rb")  # noqa: SIM115
        try:
            status = None if isinstance(path, Pipe) else os.fstat(self._file.fileno())
            regular = status is not None and stat.S_ISREG(status.st_mode)
            self.size = status.st_size if regular and status is not None else 0
            self._members = self._decompressed()
            self.stream: IO[bytes] = self._file if self._members is None else io.BufferedReader(self._members, _CHUNK)
            self.plain = self._members is None and regular
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

    def largest_expansion(self, free: int = FREE_EXPANSION, factor: int = LARGEST_EXPANSION) -> int | None:
        """Return how many bytes the compressed data may expand to: more would be made up to fill memory.

        None where nothing is compressed. For a pipe the bound grows with what has come through it.
        """
        return None if self._members is None else free + factor * (self.size or self._members.consumed)

    def _decompressed(self) -> _Members | None:
        magic = self._file.peek(_MAGIC)[:_MAGIC]
        if magic.startswith(b"\x1f\x8b"):
            return _Members(self._file, _Gzip, (zlib.error,))
        if magic.startswith(b"\xfd7zXZ\x00"):
            return _Members(self._file, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ), (lzma.LZMAError,))
        if magic.startswith(b"BZh"):
            return _Members(self._file, bz2.BZ2Decompressor, (OSError, ValueError))
        if magic.startswith(b"\x28\xb5\x2f\xfd"):
            zstd = _zstd()
            return _Members(self._file, zstd.ZstdDecompressor, (zstd.ZstdError,))
        return None


class _Decompressor(Protocol):
    """What the decompressors of the standard library have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's decompressor with the attributes of the others; it checks sum and length at the end."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.needs_input = len(piece) < max_length and not self._inner.unconsumed_tail
        return piece


class _Members(io.RawIOBase):
    """The members of a compressed file one after the other; each must be whole, and nothing but zeros may follow."""

    def __init__(self, file: BinaryIO, new: Callable[[], _Decompressor], errors: tuple[type[Exception], ...]) -> None:
        self._file = file
        self._new = new
        self._errors = errors
        self._member: _Decompressor | None = None
        self._behind = b""
        self.consumed = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while len(buffer):
            if self._member is None:
                data = self._behind_padding()
                if not data:
                    return 0
                self._member = self._new()
            elif self._member.needs_input:
                data = self._more()
                if not data:
                    raise DecompressionError("it is cut off")
            else:
                data = b""
            try:
                piece = self._member.decompress(data, len(buffer))
            except self._errors as error:
                raise DecompressionError(str(error)) from error
            if self._member.eof:
                self._behind, self._member = self._member.unused_data, None
            if piece:
                buffer[: len(piece)] = piece
                return len(piece)
        return 0

    def _behind_padding(self) -> bytes:
        """Return what follows a member and the zeros that may stand behind it; nothing at the end of the file."""
        while data := self._behind or self._more():
            self._behind = b""
            if data := data.lstrip(b"\0"):
                break
        return data

    def _more(self) -> bytes:
        data = self._file.read(_CHUNK)
        self.consumed += len(data)
        return data


def bare_name(path: PathLike) -> str:
    """Return the file's name without the suffix of its compression."""
    name = os.path.basename(str(path))
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
        stream = _zstd().ZstdFile(file, "wb", level=9)
    else:
        yield file
        return
    with stream:
        yield stream


def _zstd() -> ModuleType:
    """Return the module of Python 3.14's standard library, or its backport."""
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ModuleNotFoundError as error:
        raise SymfftError('Zstandard files need the package backports.zstd: pip install "symfft[io]"') from error
    return zstd
