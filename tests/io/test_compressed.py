"""Compressed files: whole or refused; pipes are read like files."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard
from chgcar_text import chgcar_text, random_grids

from symfft import Density, DensityFormatError, SymfftError, read_chgcar, read_density, write_density
from symfft.io._compressed import DecompressionError, Pipe, Source, readable

Compress = Callable[[bytes], bytes]


def zstd_in_blocks(data: bytes) -> bytes:
    """Zstandard of the size that programs without the size in advance write, in blocks of 128 kB."""
    compressor = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return compressor.compress(data) + compressor.flush()


ALL = [gzip.compress, lzma.compress, bz2.compress, zstandard.compress, zstd_in_blocks]


def content(path: Path) -> bytes:
    with Source(path) as source:
        return source.stream.read()


@pytest.mark.parametrize("compress", ALL)
def test_whole_files_members_and_padding_are_read(compress: Compress, tmp_path: Path) -> None:
    data = np.random.default_rng(0).bytes(300_000) + bytes(10**6)
    path = tmp_path / "a"
    for file, expected in (
        (compress(data), data),
        (compress(b""), b""),
        (compress(data) + compress(b"more"), data + b"more"),
        (compress(b"") + compress(b"more"), b"more"),
        (compress(data) + bytes(1024), data),
        (compress(b"a") + bytes(8) + compress(b"b"), b"ab"),
    ):
        path.write_bytes(file)
        assert content(path) == expected


@pytest.mark.parametrize("compress", ALL)
def test_a_cut_anywhere_is_an_error(compress: Compress, tmp_path: Path) -> None:
    file = compress(np.random.default_rng(0).bytes(400_000))
    path = tmp_path / "a"
    places = {*np.linspace(7, len(file) - 1, 40).astype(int).tolist(), len(file) - 1, len(file) - 4}
    for place in places:
        path.write_bytes(file[:place])
        with pytest.raises(DecompressionError):
            content(path)
    for place in (7, len(file) // 2):
        path.write_bytes(file + file[:place])
        with pytest.raises(DecompressionError):
            content(path)


def test_a_zst_cut_between_two_blocks_is_an_error(tmp_path: Path) -> None:
    file = zstd_in_blocks(np.random.default_rng(0).bytes(5 << 17))
    header = 6
    places, position = [], header
    while position + 3 <= len(file):
        block = int.from_bytes(file[position : position + 3], "little")
        position += 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
        places.append(position)
        if block & 1:
            break
    assert len(places) >= 5
    for place in places[:-1]:
        (tmp_path / "a.zst").write_bytes(file[:place])
        with pytest.raises(DecompressionError, match="cut off"):
            content(tmp_path / "a.zst")


@pytest.mark.parametrize("compress", ALL)
@pytest.mark.parametrize("garbage", [b"x", b"garbage behind the data\n", b"\0\0\0x", b"PK\x03\x04"])
def test_garbage_behind_is_an_error(compress: Compress, garbage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "CHGCAR"
    path.write_bytes(compress(chgcar_text(random_grids(1)).encode()) + garbage)
    with pytest.raises(DensityFormatError, match="damaged or cut off"):
        read_chgcar(path)


@pytest.mark.parametrize("compress", ALL)
def test_garbage_behind_a_map_or_json_is_an_error(compress: Compress, tmp_path: Path) -> None:
    density = Density(random_grids(1, (4, 4, 4))[0], 4 * np.eye(3), [[0, 0, 0]], [1])
    write_density(tmp_path / "a.ccp4", density)
    (tmp_path / "b.ccp4").write_bytes(compress((tmp_path / "a.ccp4").read_bytes()) + b"x")
    (tmp_path / "c.json").write_bytes(compress(b'{"data": {}}') + b"x")
    for name in ("b.ccp4", "c.json"):
        with pytest.raises(DensityFormatError, match="damaged or cut off"):
            read_density(tmp_path / name)


@pytest.mark.parametrize("compress", ALL)
def test_a_small_file_cannot_expand_to_a_large_grid(compress: Compress, tmp_path: Path) -> None:
    text = chgcar_text(random_grids(1, (1, 1, 1))).encode()
    head, _, _ = text.partition(b"    1    1    1")
    path = tmp_path / "CHGCAR"
    path.write_bytes(compress(head + b"  400  400  400\n" + b"0 " * (1 << 24)))
    with pytest.raises(DensityFormatError, match="much smaller compressed file"):
        read_chgcar(path)


def through_a_fifo(path: Path, data: bytes) -> Density:
    os.mkfifo(path)

    def write() -> None:
        with open(path, "wb") as pipe:
            for start in range(0, len(data), 1000):
                pipe.write(data[start : start + 1000])
                pipe.flush()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        return read_density(path)
    finally:
        writer.join(10)
        assert not writer.is_alive()


@pytest.mark.parametrize("name", ["CHGCAR", "CHGCAR.gz", "CHGCAR.bz2", "a.cube.zst", "a.ccp4", "a.ccp4.xz", "a.xsf"])
def test_a_named_pipe_is_read_like_a_file(name: str, tmp_path: Path) -> None:
    density = Density(random_grids(1, (5, 6, 7))[0], 4 * np.eye(3), [[0, 0, 0]], [1])
    write_density(tmp_path / name, density)
    found = through_a_fifo(tmp_path / "pipe", (tmp_path / name).read_bytes())
    np.testing.assert_array_equal(found.values, read_density(tmp_path / name).values)


def test_hdf5_comes_through_a_pipe_too(tmp_path: Path) -> None:
    from symfft import SpaceGroup
    from symfft.io.au_file import reduce_density, write_au

    density = Density(np.ones((4, 4, 4)), 4 * np.eye(3), [[0, 0, 0]], [1])
    for suffix in (".h5", ".npz"):
        with open(tmp_path / f"a{suffix}", "wb") as file:
            write_au(file, reduce_density(density, SpaceGroup.from_number(1)), suffix)
        found = through_a_fifo(tmp_path / f"pipe{suffix}", (tmp_path / f"a{suffix}").read_bytes())
        np.testing.assert_array_equal(found.values, density.values)


@pytest.mark.parametrize("name", ["CHGCAR", "CHGCAR.xz", "a.ccp4"])
def test_standard_input_is_a_dash(name: str, tmp_path: Path) -> None:
    density = Density(random_grids(1, (3, 3, 3))[0], 4 * np.eye(3), [[0, 0, 0]], [1])
    write_density(tmp_path / name, density)
    code = "from symfft import read_density; print(read_density('-').values.sum())"
    data = (tmp_path / name).read_bytes()
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    assert float(done.stdout) == pytest.approx(read_density(tmp_path / name).values.sum())


def test_messages_name_the_pipe(tmp_path: Path) -> None:
    with pytest.raises(DensityFormatError, match=str(tmp_path / "pipe")):
        through_a_fifo(tmp_path / "pipe", b"no density\n")


def test_a_device_is_no_file() -> None:
    for device in ("/dev/zero", "/dev/null"):
        with pytest.raises(SymfftError, match="this is a device"):
            read_density(device)


def test_a_pipe_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("symfft.io._compressed.LARGEST_PIPE", 3 << 20)
    with open("/dev/zero", "rb") as endless:
        pipe = Pipe("endless", endless)
        with pytest.raises(SymfftError, match="came through the pipe"):
            os.fspath(pipe)
        pipe.close()
    with readable(tmp_path) as same:
        assert same == tmp_path
