"""Gaussian cube files."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path

import numpy as np
import pytest

from symfft import Density, DensityFormatError, ShapeError
from symfft.constants import BOHR
from symfft.io import read_cube, write_cube

LATTICE = np.array([[4.0, 0.0, 0.0], [-0.5, 5.0, 0.0], [1.0, 0.25, 6.0]])


def test_a_real_cube_has_its_electrons(real_densities: Path) -> None:
    density = read_cube(real_densities / "Si2_sg227_24.cube.gz")
    assert density.shape == (24, 24, 24)
    assert density.electrons == pytest.approx(8, abs=1e-9)
    assert density.space_group().number == 227
    with gzip.open(real_densities / "Si2_sg227_24.cube.gz", "rt") as file:
        cube = pytest.importorskip("ase.io.cube").read_cube(file)
    np.testing.assert_allclose(density.values, cube["data"] / BOHR**3, rtol=1e-15)
    np.testing.assert_allclose(density.lattice, cube["atoms"].cell.array, rtol=1e-8)


def test_a_cube_is_read_as_it_was_written(tmp_path: Path, density: Density) -> None:
    write_cube(tmp_path / "a.cube.gz", density)
    again = read_cube(tmp_path / "a.cube.gz")
    np.testing.assert_allclose(again.values, density.values, rtol=1e-10)
    np.testing.assert_allclose(again.lattice, density.lattice, rtol=0, atol=1e-13)
    np.testing.assert_allclose(again.positions, density.positions, rtol=0, atol=1e-14)
    assert again.numbers.tolist() == [11, 17]
    assert again.comment == "salt"


def test_ase_and_pymatgen_read_our_cube(tmp_path: Path, density: Density) -> None:
    write_cube(tmp_path / "a.cube", density)
    with open(tmp_path / "a.cube") as file:
        theirs = pytest.importorskip("ase.io.cube").read_cube(file)
    np.testing.assert_allclose(theirs["data"] / BOHR**3, density.values, rtol=1e-10)
    np.testing.assert_allclose(theirs["atoms"].get_scaled_positions(), density.positions, atol=1e-12)
    common = pytest.importorskip("pymatgen.io.common")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        volumetric = common.VolumetricData.from_cube(str(tmp_path / "a.cube"))
    np.testing.assert_allclose(volumetric.data["total"] / BOHR**3, density.values, rtol=1e-10)


def test_we_read_ases_cube(tmp_path: Path, density: Density) -> None:
    cube = pytest.importorskip("ase.io.cube")
    atoms, values = density.to_ase()
    with open(tmp_path / "b.cube", "w") as file:
        cube.write_cube(file, atoms, values * BOHR**3, origin=[0.3, 0.2, 0.1])
    again = read_cube(tmp_path / "b.cube")
    np.testing.assert_allclose(again.values, density.values, rtol=1e-5)
    shift = np.linalg.solve(LATTICE.T, [0.3, 0.2, 0.1])
    np.testing.assert_allclose(again.positions, density.positions - shift, atol=1e-6)


CUBE = """\
title
second
{atoms:5d} 0.0 0.0 0.0{per_voxel}
{n:5d} 1.0 0.0 0.0
    {s}3 0.0 1.0 0.0
    {s}2 0.0 0.0 1.0
    1 1.0 0.5 0.5 0.5
"""


def cube_text(n: int = 2, atoms: int = 1, per_voxel: str = "", datasets: str = "", values: int = 12) -> str:
    head = CUBE.format(atoms=atoms, per_voxel=per_voxel, n=n, s="-" if n < 0 else "")
    return head + datasets + "".join(f" {i}.0\n" for i in range(values))


def read_text(tmp_path: Path, text: str, **options: object) -> Density:
    (tmp_path / "c.cube").write_text(text)
    return read_cube(tmp_path / "c.cube", **options)  # type: ignore[arg-type]


def test_units_of_a_cube(tmp_path: Path) -> None:
    bohr, angstrom = read_text(tmp_path, cube_text()), read_text(tmp_path, cube_text(-2))
    np.testing.assert_allclose(bohr.lattice, np.diag([2.0, 3.0, 2.0]) * BOHR)
    np.testing.assert_allclose(angstrom.lattice, np.diag([2.0, 3.0, 2.0]))
    np.testing.assert_allclose(bohr.positions, angstrom.positions)
    np.testing.assert_allclose(bohr.values.ravel(), np.arange(12) / BOHR**3)
    assert read_text(tmp_path, cube_text(), kind="elf").values.ravel().tolist() == list(range(12))
    assert read_text(tmp_path, cube_text(), kind="potential").values[0, 0, 1] == pytest.approx(27.2113862)


def test_several_values_per_voxel(tmp_path: Path) -> None:
    orbitals = cube_text(atoms=-1, datasets="    2   41\n   42\n", values=24)
    gradient = cube_text(per_voxel="    2", values=24)
    for text in (orbitals, gradient):
        with pytest.raises(DensityFormatError, match="holds 2 values per voxel; the argument dataset"):
            read_text(tmp_path, text)
        with pytest.raises(DensityFormatError, match="from 0 to 1, and is 2"):
            read_text(tmp_path, text, dataset=2)
        second = read_text(tmp_path, text, dataset=1, kind="elf")
        assert second.values.ravel().tolist() == list(range(1, 24, 2))
    one = cube_text(atoms=-1, datasets="    1    7\n")
    assert read_text(tmp_path, one, kind="elf").values.ravel().tolist() == list(range(12))


def test_a_cube_cut_anywhere_is_refused(tmp_path: Path, density: Density) -> None:
    write_cube(tmp_path / "a.cube", density.with_values(density.values[:2, :2, :3]))
    text = (tmp_path / "a.cube").read_text()
    for length in range(len(text) - 1):
        with pytest.raises(DensityFormatError):
            read_text(tmp_path, text[:length])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (cube_text().replace("    1 0.0", "    x 0.0"), "line 3: expected the number of atoms and the origin"),
        (cube_text().replace("   -1", "9999999"), ""),
        (cube_text(atoms=99999999), "line 3: expected the number of atoms"),
        (cube_text(0, values=0), "line 6: expected three numbers of voxels of one sign"),
        (cube_text(-2).replace("-3 0.0", "3 0.0"), "line 6: expected three numbers of voxels of one sign"),
        (cube_text(99999, values=1), r"expected 599994 values \(99999 x 3 x 2\)"),
        (cube_text(999999999, values=1), "at most 268435456 values"),
        (cube_text().replace("0.0 1.0 0.0", "2.0 0.0 0.0"), "three independent vectors"),
        (cube_text().replace("0.5 0.5 0.5", "0.5 0.5"), "line 7: expected atom 1 of 1"),
        (cube_text(values=13), "line 20: expected the end of the file"),
        (cube_text(atoms=-1, datasets="  x\n"), "line 8: expected the number of data sets"),
        (cube_text(atoms=-1, datasets="  2 1 2 3\n"), "line 8: expected 2 labels of data sets, found 3"),
    ],
)
def test_messages_of_a_cube(tmp_path: Path, text: str, message: str) -> None:
    if message:
        with pytest.raises(DensityFormatError, match=message):
            read_text(tmp_path, text)


def test_a_cube_needs_elements(tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match="unknown element"):
        write_cube(tmp_path / "a.cube", Density(np.ones((2, 2, 2)), LATTICE, [[0, 0, 0]], [-1]))
