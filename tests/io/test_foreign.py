"""Files that are no densities, or of formats that are not read: the error says what they are."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from symfft import DensityFormatError, read_density
from symfft.io.foreign import what_it_is

FILES = {
    "netCDF": b"CDF\x01" + bytes(100),
    "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n",
    "vasprun.xml": b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n <generator>\n',
    "Quantum ESPRESSO: let pp.x": b'<?xml version="1.0"?>\n<qes:espresso xmlns:qes="http://www.quantum-espresso.org/">\n',
    "pp.x": b"title\n      24      24      24      24      24      24       2       1\n     2     10.2 0 0 0 0 0\n",
    "OpenDX": b"# a comment\nobject 1 class gridpositions counts 3 3 3\norigin 0 0 0\n",
    "Siesta": (72).to_bytes(4, "little") + np.eye(3).tobytes() + (72).to_bytes(4, "little") + bytes(24),
    "unformatted Fortran": (16).to_bytes(4, "big") + bytes(16) + (16).to_bytes(4, "big") + bytes(24),
    "web page": b"<!DOCTYPE html>\n<html><body>404</body></html>",
    "CIF": b"# made by\ndata_NaCl\n_cell_length_a 5.6\n",
    "NumPy array": b"\x93NUMPY\x01\x00" + bytes(100),
    "UTF-16": "Si\n1.0\n".encode("utf-16"),
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(50),
}


@pytest.mark.parametrize("what", FILES)
@pytest.mark.parametrize("name", ["CHGCAR", "rho.cube"])
def test_the_error_says_what_a_file_is(what: str, name: str, tmp_path: Path) -> None:
    for data in (FILES[what], gzip.compress(FILES[what])):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DensityFormatError, match=what):
            read_density(tmp_path / name)


def test_hdf5_of_other_programs(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.nc", "w") as file:
        file.attrs["_NCProperties"] = "version=2,netcdf=4.9.2,hdf5=1.14.3"
        file["rho"] = np.zeros((2, 2, 2))
    with h5py.File(tmp_path / "charge-density.hdf5", "w") as file:
        file["MillerIndices"] = np.zeros((3, 3), dtype=np.int32)
        file["rhotot_g"] = np.zeros(6)
    for name, what in (("a.nc", "netCDF"), ("charge-density.hdf5", "Quantum ESPRESSO: let pp.x")):
        with pytest.raises(DensityFormatError, match=what):
            read_density(tmp_path / name)


def test_other_hdf5_says_what_is_missing(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.nc", "w") as file:
        file["x"] = 1.0
    with pytest.raises(DensityFormatError, match="expected one of the data sets /charge/charge"):
        read_density(tmp_path / "a.nc")


@pytest.mark.parametrize("head", [b"Si\n1.0\n 4 0 0\n", b"\n\n", b"", b"{ a comment\n1.0\n"])
def test_densities_are_no_foreign_files(head: bytes) -> None:
    assert what_it_is(head) is None


@pytest.mark.parametrize(
    "comment", ['{"a": 1}', "{", "<?xml", "CRYSTAL", "data_x", "# BEGIN", "version https://git-lfs", "CDF\x01"]
)
def test_a_chgcar_may_have_any_comment(comment: str, tmp_path: Path) -> None:
    from chgcar_text import chgcar_text, random_grids

    _, _, rest = chgcar_text(random_grids(1)).partition("\n")
    (tmp_path / "CHGCAR").write_text(f"{comment}\n{rest}")
    assert read_density(tmp_path / "CHGCAR").comment == comment
