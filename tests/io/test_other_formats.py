"""Cube, CCP4, Materials Project's JSON and vaspwave.h5, and the choice among them."""

from __future__ import annotations

import gzip
import json
import warnings
from pathlib import Path

import gemmi
import h5py
import numpy as np
import pytest
from chgcar_text import chgcar_text, random_grids
from test_chgcar_read import grids

from symfft import Density, DensityFormatError, ShapeError, read_chgcar, read_density, write_density
from symfft.io import read_ccp4, read_cube, read_materials_project, read_vaspwave, write_ccp4, write_cube
from symfft.io.cube import BOHR

LATTICE = np.array([[4.0, 0.0, 0.0], [-0.5, 5.0, 0.0], [1.0, 0.25, 6.0]])


@pytest.fixture
def density() -> Density:
    (grid,) = random_grids(1, (3, 4, 7))
    return Density(grid, LATTICE, [[0, 0, 0], [0.5, 0.25, 1 / 3]], [11, 17], comment="salt")


@pytest.fixture
def spin(tmp_path: Path) -> Density:
    path = tmp_path / "spin"
    path.write_text(chgcar_text(random_grids(2), occupancies=7))
    return read_chgcar(path)


# ---- cube ----------------------------------------------------------------------------------------------------------


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


# ---- CCP4 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_map_is_read_as_it_was_written(tmp_path: Path, density: Density, suffix: str) -> None:
    path = tmp_path / f"a.ccp4{suffix}"
    write_ccp4(path, density)
    again = read_ccp4(path)
    np.testing.assert_array_equal(again.values, density.values.astype(np.float32))
    np.testing.assert_allclose(again.lattice @ again.lattice.T, LATTICE @ LATTICE.T, rtol=0, atol=1e-4)
    assert again.lattice[0, 1:].tolist() == [0, 0]
    assert again.lattice[1, 2] == 0
    assert len(again.numbers) == 0


def test_a_left_handed_cell_is_reversed(tmp_path: Path, density: Density) -> None:
    mirrored = Density(density.values, density.lattice * [1, 1, -1], density.positions, density.numbers)
    write_ccp4(tmp_path / "a.ccp4", mirrored)
    again = read_ccp4(tmp_path / "a.ccp4")
    i = np.ix_(*[-np.arange(n) % n for n in density.shape])
    np.testing.assert_array_equal(again.values, density.values[i].astype(np.float32))


def test_axis_order_and_symmetry_of_a_map(tmp_path: Path) -> None:
    """A map of a quarter of the cell, stored z fastest, is brought to the whole cell."""
    group = gemmi.SpaceGroup("P 2 2 2")
    shape = (8, 12, 16)
    grid = gemmi.FloatGrid(np.random.default_rng(1).random(shape).astype(np.float32))
    grid.spacegroup = group
    grid.set_unit_cell(gemmi.UnitCell(4, 6, 8, 90, 90, 90))
    grid.symmetrize_max()
    whole = np.array(grid, copy=True)
    part = whole[:, :7, :9]
    header = np.zeros(256, dtype="<i4")
    header[:3] = part.shape[::-1]
    header[3] = 2
    header[7:10] = shape
    header[10:16] = np.array([4, 6, 8, 90, 90, 90], dtype="<f4").view("<i4")
    header[16:19] = [3, 2, 1]
    header[22] = group.ccp4
    header[52] = int.from_bytes(b"MAP ", "little")
    header[53] = 0x4144
    path = tmp_path / "a.map"
    path.write_bytes(header.tobytes() + part.astype("<f4").tobytes())
    density = read_ccp4(path)
    np.testing.assert_array_equal(density.values, whole)
    np.testing.assert_allclose(density.lattice, np.diag([4.0, 6.0, 8.0]), atol=1e-12)

    header[:3] = [9, 7, 2]
    path.write_bytes(header.tobytes() + whole[:2, :7, :9].astype("<f4").tobytes())
    with pytest.raises(DensityFormatError, match="points are not given"):
        read_ccp4(path)


def test_damaged_maps_are_refused(tmp_path: Path, density: Density) -> None:
    write_ccp4(tmp_path / "a.ccp4", density)
    data = (tmp_path / "a.ccp4").read_bytes()
    path = tmp_path / "b.ccp4"
    for length in (0, 100, 1023, 1024, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(DensityFormatError, match=r"no MAP in bytes|the file ends after"):
            read_ccp4(path)
        path.write_bytes(gzip.compress(data)[: 20 + length // 8])
        with pytest.raises(DensityFormatError, match="damaged or cut off"):
            read_ccp4(path)
    words = np.frombuffer(data, dtype="<i4").copy()
    for place, value, message in (
        (0, 10**9, "expected a cell of at most|the file ends after"),
        (7, 10**6, "expected a cell of at most"),
        (3, 4, "mode 4"),
        (0, -1, "expected a map of real values"),
        (23, -5, "expected a map of real values"),
    ):
        changed = words.copy()
        changed[place] = value
        path.write_bytes(changed.tobytes())
        with pytest.raises(DensityFormatError, match=message):
            read_ccp4(path)


def test_a_value_beyond_single_precision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match="exceeds single precision"):
        write_ccp4(tmp_path / "a.ccp4", Density(np.full((2, 2, 2), 1e39), LATTICE, [], []))
    assert list(tmp_path.iterdir()) == []


# ---- Materials Project ---------------------------------------------------------------------------------------------


def test_materials_projects_json(tmp_path: Path, spin: Density) -> None:
    pytest.importorskip("pymatgen.core")
    document = json.loads(spin.to_pymatgen().to_json())
    path = tmp_path / "mp.json.gz"
    for wrapped in (document, {"fs_id": "1", "data": document}):
        path.write_bytes(gzip.compress(json.dumps(wrapped).encode()))
        density = read_materials_project(path)
        np.testing.assert_allclose(density.values, spin.values, rtol=1e-15)
        np.testing.assert_allclose(density.magnetization, spin.magnetization, rtol=1e-15)
        np.testing.assert_allclose(density.positions, spin.positions, atol=1e-15)
        np.testing.assert_array_equal(density.lattice, spin.lattice)
        assert density.numbers.tolist() == [11, 17]
        assert density.comment == "two atoms"
        assert [text.count("augmentation") for text in density.augmentation] == [2, 2]
    document["data_aug"] = {key: ["augmentation occupancies   1   1\n", "  0.1\n"] for key in ("total", "diff")}
    path.write_text(json.dumps(document))
    assert read_materials_project(path).augmentation == ("augmentation occupancies   1   1\n  0.1\n",) * 2


def test_damaged_json_is_refused(tmp_path: Path, spin: Density) -> None:
    pytest.importorskip("pymatgen.core")
    good = json.loads(spin.to_pymatgen().to_json())
    path = tmp_path / "mp.json"

    def refused(document: object, message: str) -> None:
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        with pytest.raises(DensityFormatError, match=message):
            read_materials_project(path)

    text = json.dumps(good)
    for length in range(0, len(text), 997):
        refused(text[:length], "expected JSON")
    refused("[1, 2]", "expected a JSON object, found a list")
    refused('{"a": 1}', "expected a pymatgen Chgcar")
    refused("[" * 100_000, "expected JSON")
    refused({**good, "poscar": {}}, "expected a structure")
    refused({**good, "data": {}}, "expected the grids total")
    refused({**good, "data": {"total": [[1, 2], [3]]}}, "expected a grid of numbers under data.total")
    refused({**good, "data": {"total": [[[1, "x"]]]}}, "expected a grid of numbers under data.total")
    refused({**good, "data": {"total": [1, 2]}}, "expected three axes of finite numbers")
    refused({**good, "data": {"total": [[[float("nan")]]]}}, "expected three axes of finite numbers")
    refused({**good, "data": {**good["data"], "diff": [[[1.0]]]}}, "expected grids of one shape")
    refused({**good, "data_aug": {"total": 7, "diff": 7}}, "expected occupancies by ion")
    path.write_bytes(gzip.compress(b" " * 10**7))
    with pytest.raises(DensityFormatError, match="at most 200 times as long"):
        read_materials_project(path)
    path.write_bytes(gzip.compress(text.encode())[:500])
    with pytest.raises(DensityFormatError, match="damaged or cut off"):
        read_materials_project(path)


# ---- vaspwave.h5 ---------------------------------------------------------------------------------------------------


def write_vaspwave(path: Path, blocks: list[np.ndarray], group: str = "structure/positions", **changes: object) -> None:
    with h5py.File(path, "w") as file:
        file["version/major"], file["version/minor"], file["version/patch"] = 6, 5, 0
        fields = {
            "system": b"two atoms",
            "scale": 1.0,
            "lattice_vectors": LATTICE,
            "ion_types": np.array([b"Na", b"Cl"]),
            "number_ion_types": np.array([1, 1]),
            "position_ions": np.array([[0, 0, 0], [0.5, 0.5, 0.5]]),
            "direct_coordinates": 1,
        }
        for key, value in {**fields, **changes}.items():
            file[f"{group}/{key}"] = value
        file["charge/grid"] = np.array(blocks[0].shape)
        file["charge/charge"] = np.stack([block.T for block in blocks])
        for i in range(1, len(blocks) + 1):
            file[f"charge/aug_occupancies_ions_s{i:02d}"] = np.array([3, 2])
            file[f"charge/aug_occupancies_s{i:02d}"] = np.array([[0.5, -1e-12, 2.0], [1.0, 3.0, 0.0]]) * i


@pytest.mark.parametrize("count", [1, 2, 4])
def test_vaspwave_gives_what_pymatgen_gives(tmp_path: Path, count: int) -> None:
    blocks = random_grids(count)
    write_vaspwave(tmp_path / "vaspwave.h5", blocks)
    density = read_vaspwave(tmp_path / "vaspwave.h5")
    for ours, raw in zip(grids(density), blocks, strict=True):
        np.testing.assert_array_equal(ours, raw / density.volume)
    assert density.numbers.tolist() == [11, 17]
    assert density.comment == "two atoms"
    first = "augmentation occupancies   1   3\n  0.5000000E+00 -0.1000000E-11  0.2000000E+01\n"
    assert density.augmentation[0] == first + "augmentation occupancies   2   2\n  0.1000000E+01  0.3000000E+01\n"
    outputs = pytest.importorskip("pymatgen.io.vasp.outputs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = outputs.Vaspwave(tmp_path / "vaspwave.h5").get_chgcar()
        mine = density.to_pymatgen()
    assert set(mine.data) == set(theirs.data) - {"diff"} | ({"diff"} & set(mine.data))
    for key in mine.data:
        np.testing.assert_allclose(mine.data[key], theirs.data[key], rtol=1e-15)
    assert mine.structure == theirs.structure
    for key, ions in mine.data_aug.items():
        for ion, values in ions.items():
            np.testing.assert_allclose(values, theirs.data_aug[key][ion], rtol=1e-6)


@pytest.mark.parametrize("group", ["structure/positions", "results/positions", "input/poscar"])
def test_structures_in_vaspwave(tmp_path: Path, group: str) -> None:
    path = tmp_path / "vaspwave.h5"
    cartesian = np.array([[0, 0, 0], [0.5, 0.5, 0.5]]) @ LATTICE
    write_vaspwave(
        path,
        random_grids(1),
        group,
        scale=2.0,
        lattice_vectors=LATTICE[None],
        position_ions=cartesian,
        direct_coordinates=0,
        ion_types=np.array([b"Na_pv/f474", b"Cl "]),
    )
    density = read_vaspwave(path)
    np.testing.assert_allclose(density.lattice, 2 * LATTICE)
    np.testing.assert_allclose(density.positions, [[0, 0, 0], [0.5, 0.5, 0.5]], atol=1e-15)
    assert density.numbers.tolist() == [11, 17]


def test_damaged_vaspwave_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vaspwave.h5"

    def refused(message: str) -> None:
        with pytest.raises(DensityFormatError, match=message):
            read_vaspwave(path)

    path.write_bytes(b"")
    refused("expected an HDF5 file")
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 100)
    refused("expected an HDF5 file")
    with pytest.raises(FileNotFoundError):
        read_vaspwave(tmp_path / "missing.h5")
    for key, value, message in (
        ("charge/grid", np.array([3, 4, 6]), "expected /charge/charge as"),
        ("charge/charge", np.zeros((3, 5, 4, 3)), "expected /charge/charge as"),
        ("charge/charge", np.zeros((1, 5, 4, 3), dtype=np.int32), "floating-point data"),
        ("charge/charge", np.full((1, 5, 4, 3), np.nan), "NaN or infinity"),
        ("structure/positions/number_ion_types", np.array([1, 2]), "expected a structure, found"),
        ("structure/positions/ion_types", np.array([b"Na", b"Qq"]), "expected a structure, found"),
        ("structure/positions/lattice_vectors", np.zeros((3, 3)), "expected a structure, found"),
    ):
        write_vaspwave(path, random_grids(1))
        with h5py.File(path, "a") as file:
            del file[key]
            file[key] = value
        refused(message)
    for key in (
        "charge/grid",
        "charge/charge",
        "structure",
        "structure/positions/scale/..",
        "structure/positions/ion_types",
    ):
        write_vaspwave(path, random_grids(1))
        if key.endswith(".."):
            continue
        with h5py.File(path, "a") as file:
            del file[key]
        refused("expected")
    write_vaspwave(path, random_grids(1))
    with h5py.File(path, "a") as file:
        del file["charge/grid"], file["charge/charge"]
        file["charge/grid"] = np.array([600, 600, 600])
        file.create_dataset("charge/charge", shape=(1, 600, 600, 600), dtype="f8", chunks=(1, 60, 60, 60))
    refused("floating-point data in /charge/charge, found 0")
    write_vaspwave(path, random_grids(1))
    data = path.read_bytes()
    for length in range(0, len(data), 211):
        path.write_bytes(data[:length])
        refused("expected")


# ---- any of them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["a.cube", "a.cub.xz", "a.ccp4", "a.mrc", "a.map.gz", "CHGCAR", "x.vasp.gz", "AECCAR0", "run.CHGCAR.zst"]
)
def test_names_choose_the_format(tmp_path: Path, density: Density, name: str) -> None:
    write_density(tmp_path / name, density)
    again = read_density(tmp_path / name)
    np.testing.assert_allclose(again.values, density.values, rtol=1e-6)
    renamed = tmp_path / "unknown"
    (tmp_path / name).rename(renamed)
    np.testing.assert_array_equal(read_density(renamed).values, again.values)


def test_content_chooses_the_format(tmp_path: Path, spin: Density) -> None:
    write_vaspwave(tmp_path / "a", random_grids(1))
    assert read_density(tmp_path / "a").blocks == 1
    pytest.importorskip("pymatgen.core")
    (tmp_path / "b").write_text(spin.to_pymatgen().to_json())
    assert read_density(tmp_path / "b").blocks == 2
    with pytest.raises(DensityFormatError, match="the name does not say"):
        write_density(tmp_path / "density.txt", spin)
    (tmp_path / "c").write_bytes(gzip.compress(b"x" * 9999)[:20])
    with pytest.raises(DensityFormatError, match="damaged or cut off"):
        read_density(tmp_path / "c")
    (tmp_path / "d").write_bytes(b"")
    with pytest.raises(DensityFormatError, match="expected"):
        read_density(tmp_path / "d")
