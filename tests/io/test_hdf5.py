"""HDF5 of unknown origin: nothing from outside the file, nothing larger than it can hold."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest

from symfft import DensityFormatError
from symfft.io.hdf5 import open_checked


def written(path: Path, write) -> Path:
    with h5py.File(path, "w") as file:
        write(file)
    return path


def refused(path: Path, message: str) -> None:
    tracemalloc.start()
    with pytest.raises(DensityFormatError, match=message) as caught, open_checked(path) as file:
        file.visititems(lambda _, item: item[()] if isinstance(item, h5py.Dataset) else None)
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()
    assert str(path) in str(caught.value)


def test_ordinary_files_open(tmp_path: Path) -> None:
    def write(file: h5py.File) -> None:
        file["a/b"] = np.arange(3.0)
        file["text"] = "words"
        file["flags"] = [True, False]
        file["empty"] = h5py.Empty("f8")
        file.create_dataset("packed", data=np.zeros((100, 100)), compression="gzip", shuffle=True)
        file.create_dataset("fixed", data=np.array([b"Na", b"Cl"]))

    with open_checked(written(tmp_path / "a.h5", write)) as file:
        assert file["a/b"][2] == 2.0


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (3,))
    file.create_virtual_dataset("v", layout)


def loop(file: h5py.File) -> None:
    file.create_group("a/b")
    file["a/b/c"] = file["a"]


def deep(file: h5py.File) -> None:
    file.create_group("/".join("a" * 100))


OUTSIDE = {
    "external storage": (
        lambda file: file.create_dataset("a/x", (8,), "u1", external=[("/etc/passwd", 0, 8)]),
        "lies in other files",
    ),
    "external link": (lambda file: file.__setitem__("x", h5py.ExternalLink("other.h5", "/x")), "is a link"),
    "soft link": (lambda file: file.__setitem__("x", h5py.SoftLink("/y")), "is a link"),
    "virtual data set": (virtual, "lies in other files"),
    "a loop of groups": (loop, "more than one place"),
    "deep groups": (deep, "levels of groups"),
    "never written": (lambda file: file.create_dataset("x", (10**6,), "f8"), "declares 8000000 bytes, 0 are there"),
    "never written in chunks": (
        lambda file: file.create_dataset("x", (10**9,), "f8", chunks=(10**6,)),
        "more than they can hold",
    ),
    "a large chunk": (
        lambda file: file.create_dataset("x", (1,), "f8", maxshape=(None,), chunks=(10**8,)),
        "more than they can hold",
    ),
    "many that are large together": (
        lambda file: [file.create_dataset(f"x{i}", (10**6,), "f8", chunks=(10**5,)) for i in range(10)],
        "more than they can hold",
    ),
    "references": (lambda file: file.create_dataset("x", (2,), h5py.ref_dtype), "neither numbers nor text"),
    "pickles or the like": (
        lambda file: file.create_dataset("x", data=np.void(b"\x80\x04")),
        "neither numbers nor text",
    ),
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_what_is_refused(what: str, tmp_path: Path) -> None:
    write, message = OUTSIDE[what]
    refused(written(tmp_path / "a.h5", write), message)


def test_packed_data_that_expands_too_much_is_refused(tmp_path: Path) -> None:
    def write(file: h5py.File) -> None:
        data = file.create_dataset("x", (200, 1 << 20), "u1", chunks=(1, 1 << 20), compression="gzip")
        for i in range(200):
            data[i] = 0

    path = written(tmp_path / "a.h5", write)
    assert path.stat().st_size < 1 << 20
    refused(path, "more than they can hold")


def test_damage_is_an_error_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.h5", lambda file: file.create_dataset("x", data=np.arange(1000.0), compression=4))
    data = path.read_bytes()
    for cut in np.linspace(0, len(data) - 1, 20).astype(int):
        path.write_bytes(data[:cut])
        refused(path, "expected an HDF5 file")
    with pytest.raises(FileNotFoundError), open_checked(tmp_path / "nothing"):
        pass
    with pytest.raises(OSError, match="directory"), open_checked(tmp_path):
        pass


def test_what_is_raised_inside_stays_what_it_is(tmp_path: Path) -> None:
    path = written(tmp_path / "a.h5", lambda file: file.create_dataset("x", data=1.0))
    with pytest.raises(ZeroDivisionError), open_checked(path):
        _ = 1 / 0

    class OtherError(DensityFormatError):
        pass

    with pytest.raises(OtherError), open_checked(path, error=OtherError) as file:
        file["nothing"]
