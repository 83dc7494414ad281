"""HDF5 of VASP and pymatgen."""

from __future__ import annotations

import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
from chgcar_text import random_grids
from test_chgcar_read import grids

from symfft import Density, DensityFormatError, read_density
from symfft.io import read_vaspwave

LATTICE = np.array([[4.0, 0.0, 0.0], [-0.5, 5.0, 0.0], [1.0, 0.25, 6.0]])


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
    refused("more than they can hold")
    write_vaspwave(path, random_grids(1))
    data = path.read_bytes()
    for length in range(0, len(data), 211):
        path.write_bytes(data[:length])
        refused("expected")


# ---- potentials, vaspout.h5 and pymatgen's files ---------------------------------------------------------------------


def add_grid(path: Path, name: str, blocks: list[np.ndarray]) -> None:
    with h5py.File(path, "a") as file:
        group = name.rpartition("/")[0]
        if f"{group}/grid" not in file:
            file[f"{group}/grid"] = np.array(blocks[0].shape)
        file[name] = np.stack([block.T for block in blocks])


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_local_potential_is_pymatgens(count: int, tmp_path: Path) -> None:
    path = tmp_path / "vaspwave.h5"
    write_vaspwave(path, random_grids(1))
    blocks = random_grids(count)
    add_grid(path, "locpot/total", blocks)
    density = read_density(path, kind="potential")
    assert density.kind == "potential"
    np.testing.assert_array_equal(density.values, blocks[0])
    np.testing.assert_array_equal(read_density(path, dataset="/locpot/total").values, blocks[0])
    assert read_density(path).kind == "charge"
    if count == 2:
        np.testing.assert_array_equal(density.spin_down, blocks[1])
    outputs = pytest.importorskip("pymatgen.io.vasp.outputs")
    if hasattr(outputs, "Vaspwave"):
        theirs = outputs.Vaspwave(path).get_locpot()
        np.testing.assert_array_equal(next(iter(theirs.data.values())), blocks[0])


def test_a_file_with_nothing_but_a_potential_needs_no_kind(tmp_path: Path) -> None:
    path = tmp_path / "vaspwave.h5"
    write_vaspwave(path, random_grids(1))
    add_grid(path, "locpot/total", random_grids(1))
    with h5py.File(path, "a") as file:
        del file["charge"]
        file["locpot/position"] = file["structure/positions"]
        del file["structure"]
    assert read_density(path).kind == "potential"
    with pytest.raises(DensityFormatError, match="of the kind charge"):
        read_density(path, kind="charge")


def test_scalar_potential_and_field_of_vaspout_become_spin_up_and_down(tmp_path: Path) -> None:
    path = tmp_path / "vaspout.h5"
    write_vaspwave(path, random_grids(1), "results/positions")
    with h5py.File(path, "a") as file:
        del file["charge"]
    scalar, field = random_grids(2)
    add_grid(path, "results/potential/total", [scalar, field])
    add_grid(path, "results/potential/hartree", [field])
    density = read_density(path)
    np.testing.assert_array_equal(density.values, scalar + field)
    np.testing.assert_array_equal(density.spin_down, scalar - field)
    np.testing.assert_array_equal(read_density(path, dataset="results/potential/hartree").values, field)
    with pytest.raises(DensityFormatError, match="not 'results/potential/xc'"):
        read_density(path, dataset="results/potential/xc")


@pytest.mark.parametrize("blocks", [1, 2, 4])
def test_pymatgens_hdf5_of_a_chgcar(blocks: int, tmp_path: Path) -> None:
    pytest.importorskip("pymatgen.core")
    values, *others = random_grids(blocks)
    electrons = 8 / (values.mean() * np.linalg.det(LATTICE))
    density = Density(
        values * electrons,
        LATTICE,
        [[0, 0, 0], [0.5, 0.5, 0.5]],
        [11, 17],
        magnetization=None if blocks == 1 else others[0] if blocks == 2 else np.stack(others),
    )
    density.to_pymatgen().to_hdf5(tmp_path / "a.h5")
    with pytest.raises(DensityFormatError, match="does not apply"):
        read_density(tmp_path / "a.h5", dataset="vdata/total")
    again = read_density(tmp_path / "a.h5")
    for mine, theirs in zip(grids(again), grids(density), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-14)
    np.testing.assert_allclose(again.lattice, LATTICE)
    np.testing.assert_allclose(again.positions, density.positions)
    assert again.numbers.tolist() == [11, 17]


def test_pymatgens_hdf5_of_a_potential_needs_the_kind_or_a_name(tmp_path: Path) -> None:
    pytest.importorskip("pymatgen.core")
    density = Density(random_grids(1)[0] * 0.1, LATTICE, [[0, 0, 0]], [11], kind="potential")
    density.to_pymatgen().to_hdf5(tmp_path / "a.h5")
    with pytest.raises(DensityFormatError, match=r"not a number of electrons[^$]*--kind"):
        read_density(tmp_path / "a.h5")
    np.testing.assert_array_equal(read_density(tmp_path / "a.h5", kind="potential").values, density.values)
    (tmp_path / "a.h5").rename(tmp_path / "LOCPOT.h5")
    assert read_density(tmp_path / "LOCPOT.h5").kind == "potential"
