"""XSF: what is written is read, by ASE too, and other programs' files are."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from symfft import Density, DensityFormatError, ShapeError, read_density
from symfft.io import read_xsf, write_xsf


def test_what_was_written_is_read(tmp_path: Path, density: Density) -> None:
    for name in ("a.xsf", "a.xsf.gz"):
        write_xsf(tmp_path / name, density)
        again = read_density(tmp_path / name)
        np.testing.assert_allclose(again.values, density.values, rtol=1e-10)
        np.testing.assert_array_equal(again.lattice, density.lattice)
        np.testing.assert_allclose(again.positions, density.positions, atol=1e-14)
        assert again.numbers.tolist() == density.numbers.tolist()


def test_ase_reads_it(tmp_path: Path, density: Density) -> None:
    xsf = pytest.importorskip("ase.io.xsf")
    write_xsf(tmp_path / "a.xsf", density)
    text = (tmp_path / "a.xsf").read_text()
    (tmp_path / "b.xsf").write_text(text)
    with open(tmp_path / "b.xsf") as file:
        values, origin, span, atoms = xsf.read_xsf(file, read_data=True)
    np.testing.assert_allclose(values[:-1, :-1, :-1], density.values, rtol=1e-10)
    np.testing.assert_array_equal(values[-1], values[0])
    np.testing.assert_allclose(span, density.lattice)
    np.testing.assert_allclose(origin, 0)
    np.testing.assert_allclose(atoms.get_scaled_positions(), density.positions, atol=1e-12)
    assert atoms.numbers.tolist() == density.numbers.tolist()


def test_we_read_what_ase_writes(tmp_path: Path, density: Density) -> None:
    xsf = pytest.importorskip("ase.io.xsf")
    atoms, values = density.to_ase()
    closed = np.pad(values, [(0, 1)] * 3, mode="wrap")
    with open(tmp_path / "a.xsf", "w") as file:
        xsf.write_xsf(file, [atoms], closed, origin=np.zeros(3), span_vectors=density.lattice)
    again = read_xsf(tmp_path / "a.xsf")
    np.testing.assert_allclose(again.values, density.values, atol=1e-6)
    np.testing.assert_allclose(again.positions, density.positions, atol=1e-6)


TEXT = """# comment

 DIM-GROUP
 3 1
 CRYSTAL
PRIMVEC
 4.0 0.0 0.0
 0.0 5.0 0.0
 0.0 0.0 6.0
CONVVEC
 8.0 0.0 0.0
 0.0 5.0 0.0
 0.0 0.0 6.0
PRIMCOORD
 2 1
 14   1.0 0.0 0.0   0.1 0.2 0.3
 O    0.0 2.5 0.0
BEGIN_BLOCK_DATAGRID_2D
 anything 1 2 3
END_BLOCK_DATAGRID_2D
BEGIN_BLOCK_DATAGRID_3D
 a_name
 BEGIN_DATAGRID_3D_first
 2 2 3
 1.0 0.0 0.0
 4.0 0.0 0.0
 0.0 5.0 0.0
 0.0 0.0 6.0
 1 1 1 1
 2 2 2 2
 1 1 1 1
 END_DATAGRID_3D
 DATAGRID_3D_second
 2 2 2
 0.0 0.0 0.0
 4.0 0.0 0.0
 0.0 5.0 0.0
 0.0 0.0 6.0
 7 7 7 7 7 7 7 7
 END_DATAGRID_3D
END_BLOCK_DATAGRID_3D
"""


def read_text(tmp_path: Path, text: str, **options: object) -> Density:
    (tmp_path / "a.xsf").write_text(text)
    return read_density(tmp_path / "a.xsf", **options)  # type: ignore[arg-type]


def test_grids_atoms_and_origin_of_other_programs(tmp_path: Path) -> None:
    with pytest.raises(DensityFormatError, match=r"holds 2 grids.*--dataset"):
        read_text(tmp_path, TEXT)
    first = read_text(tmp_path, TEXT, dataset=0)
    assert first.values.ravel().tolist() == [1, 2]
    np.testing.assert_allclose(first.positions, [[0, 0, 0], [-0.25, 0.5, 0]])
    assert first.numbers.tolist() == [14, 8]
    assert read_text(tmp_path, TEXT, dataset="1").values.ravel().tolist() == [7]
    with pytest.raises(DensityFormatError, match="before that data set"):
        read_text(tmp_path, TEXT, dataset=2)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1 1 1 1\n END", "1 1 1 3\n END", "last plane along axis"),
        ("2 2 3\n", "2 2 1\n", "three numbers of points"),
        ("2 2 3\n", "999999 999999 999\n", "at most"),
        (" O ", " Xx ", "expected an element"),
        (" 2 1\n", " 2000000 1\n", "number of atoms"),
        ("CRYSTAL", "ANIMSTEPS 3", "animation"),
        ("CRYSTAL", "CRYSTALS", "keyword of XSF"),
        ("PRIMVEC\n 4.0", "PRIMVEC\n 9.0", "over the primitive cell"),
        ("PRIMVEC\n 4.0", "PRIMVEC\n 0.0", "independent lattice vectors"),
        ("1 1 1 1\n 2 2", "1 1 x 1\n 2 2", "found 'x'"),
        (" END_DATAGRID_3D\n DATA", " DATA", "expected END_DATAGRID_3D"),
    ],
)
def test_messages(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in TEXT
    with pytest.raises(DensityFormatError, match=message):
        read_text(tmp_path, TEXT.replace(old, new), dataset=0)


def test_a_cut_anywhere_is_refused(tmp_path: Path, density: Density) -> None:
    write_xsf(tmp_path / "a.xsf", density)
    text = (tmp_path / "a.xsf").read_bytes()
    for length in np.linspace(0, len(text) - len(b"END_BLOCK_DATAGRID_3D\n") - 1, 60).astype(int):
        (tmp_path / "a.xsf").write_bytes(text[:length])
        with pytest.raises(DensityFormatError):
            read_xsf(tmp_path / "a.xsf")


def test_a_molecule_has_the_cell_of_the_grid(tmp_path: Path) -> None:
    head, _, tail = TEXT.partition("PRIMVEC")
    block = tail[tail.index("BEGIN_BLOCK_DATAGRID_3D") :]
    molecule = read_text(tmp_path, "ATOMS\n 8 1.0 0 0\n" + block, dataset=0)
    np.testing.assert_allclose(molecule.lattice, np.diag([4.0, 5.0, 6.0]))
    assert molecule.numbers.tolist() == [8]
    assert head


def test_unknown_elements_are_refused(tmp_path: Path, density: Density) -> None:
    with pytest.raises(ShapeError, match="needs elements"):
        write_xsf(tmp_path / "a.xsf", dataclasses.replace(density, numbers=[-1, -2]))
