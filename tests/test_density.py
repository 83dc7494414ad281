"""Density: what it refuses, what follows from it, and other packages' objects."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from crystals import crystal

from symfft import Density, ShapeError, SpaceGroupError, SymfftError, read_chgcar

LATTICE = np.array([[0.0, 2.0, 2.0], [2.0, 0.0, 2.0], [2.0, 2.0, 0.0]])
SITES = [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]


def salt(**fields: object) -> Density:
    return Density(
        **{"values": np.ones((4, 5, 6)), "lattice": LATTICE, "positions": SITES, "numbers": [11, 17], **fields}
    )


def test_properties() -> None:
    density = salt()
    assert density.shape == (4, 5, 6)
    assert density.volume == 16.0
    assert density.electrons == 16.0
    assert density.blocks == 1
    assert salt(magnetization=np.zeros((4, 5, 6))).blocks == 2
    assert salt(magnetization=np.zeros((3, 4, 5, 6))).blocks == 4
    assert salt(spin_down=np.zeros((4, 5, 6)), kind="elf").blocks == 2
    assert density.space_group().number == 225
    assert salt(numbers=[6, 6], positions=[[0, 0, 0], [0.25, 0.25, 0.25]]).space_group().number == 227


def test_arrays_are_c_ordered_doubles() -> None:
    density = salt(values=np.asfortranarray(np.ones((4, 5, 6), dtype=np.float32)), numbers=np.array([11, 17], np.int8))
    assert density.values.flags.c_contiguous
    assert density.values.dtype == np.float64
    assert density.numbers.dtype == np.int64
    grid = np.ones((4, 5, 6))
    assert salt(values=grid).values is grid
    with pytest.raises(dataclasses.FrozenInstanceError):
        density.values = grid  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("values", np.ones((4, 5)), r"values has the shape \(4, 5\), it must be \(n, n, n\)"),
        ("values", np.ones((4, 0, 6)), "every axis needs at least one point"),
        ("values", np.full((1, 1, 2), np.nan), r"values holds NaN or infinity, at index \(0, 0, 0\)"),
        ("lattice", np.ones((3, 2)), "lattice has the shape"),
        ("lattice", np.ones((3, 3)), "span no volume"),
        ("positions", [[0, 0, 0]], r"positions has the shape \(1, 3\), it must be \(2, 3\)"),
        ("positions", [[0, 0, np.inf], [0, 0, 0]], "positions holds NaN or infinity"),
        ("numbers", [[1]], "numbers has the shape"),
        ("magnetization", np.ones((4, 5, 5)), "magnetization has the shape"),
        ("magnetization", np.ones((2, 4, 5, 6)), "magnetization has the shape"),
        ("spin_down", np.ones((4, 5, 5)), "spin_down has the shape"),
        ("kind", "spin", "kind is 'spin', it must be one of charge, potential"),
        ("selective_dynamics", np.ones((1, 3), bool), "selective_dynamics has the shape"),
        ("augmentation", ("", ""), "augmentation has 2 texts, it must have 1"),
        ("site_moments", ("",), "site_moments has 1 texts, it must have 0"),
    ],
)
def test_what_is_refused(field: str, value: object, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        salt(**{field: value})


def test_magnetization_and_channels_exclude_each_other() -> None:
    with pytest.raises(ShapeError, match="two ways to say the same"):
        salt(magnetization=np.ones((4, 5, 6)), spin_down=np.ones((4, 5, 6)))


def test_new_values_leave_the_old_ones_occupancies_behind() -> None:
    density = salt(magnetization=np.ones((4, 5, 6)), augmentation=("a", "b"), site_moments=("1 1\n",), comment="c")
    other = density.with_values(np.zeros((8, 8, 8)))
    assert other.shape == (8, 8, 8)
    assert (other.augmentation, other.site_moments, other.magnetization, other.comment) == (None, None, None, "c")
    assert density.with_values(np.zeros((2, 2, 2)), np.ones((2, 2, 2))).blocks == 2


@pytest.mark.parametrize(
    "name", ["Fe1_sg229_28_spin.CHGCAR.gz", "NaCl_sg225_56.CHGCAR.gz", "NiO_28_noncollinear.CHGCAR.gz"]
)
def test_pymatgen_and_back(real_densities: Path, name: str) -> None:
    outputs = pytest.importorskip("pymatgen.io.vasp.outputs")
    density = read_chgcar(real_densities / name)
    chgcar = density.to_pymatgen()
    theirs = outputs.Chgcar.from_file(str(real_densities / name))
    for key in chgcar.data:
        np.testing.assert_allclose(chgcar.data[key], theirs.data[key], rtol=1e-15)
    assert chgcar.structure == theirs.structure
    assert set(chgcar.data_aug) == {key for key, ions in theirs.data_aug.items() if ions}
    for key, ions in chgcar.data_aug.items():
        assert set(ions) == set(theirs.data_aug[key])
        for ion in ions:
            np.testing.assert_array_equal(ions[ion], theirs.data_aug[key][ion])
    for source in (chgcar, theirs):
        again = Density.from_pymatgen(source)
        np.testing.assert_allclose(again.values, density.values, rtol=1e-15)
        assert again.blocks == density.blocks
        assert again.augmentation == density.augmentation
        assert again.comment == density.comment
        np.testing.assert_array_equal(again.numbers, density.numbers)


@pytest.mark.parametrize("kind", ["potential", "elf"])
@pytest.mark.parametrize("channels", [1, 2])
def test_pymatgens_other_classes(kind: str, channels: int) -> None:
    pytest.importorskip("pymatgen.core")
    rng = np.random.default_rng(0)
    down = rng.random((4, 5, 6)) if channels == 2 else None
    density = salt(values=rng.random((4, 5, 6)), spin_down=down, kind=kind)
    again = Density.from_pymatgen(density.to_pymatgen())
    assert again.kind == kind
    np.testing.assert_array_equal(again.values, density.values)
    assert (again.spin_down is None) == (down is None)
    if down is not None:
        np.testing.assert_array_equal(again.spin_down, down)


def test_complex_occupancies_keep_both_parts() -> None:
    pytest.importorskip("pymatgen.core")
    text = (
        "augmentation occupancies   1   2\n  0.1000000E+01  0.2000000E+01\n"
        "augmentation occupancies (imaginary part)   1   2\n  0.3000000E+01 -0.4000000E+01\n"
    )
    density = salt(augmentation=(text,), numbers=[11], positions=[[0, 0, 0]])
    chgcar = density.to_pymatgen()
    assert chgcar.data_aug["total"][1].tolist() == [1 + 3j, 2 - 4j]
    assert Density.from_pymatgen(chgcar).augmentation == (text,)


def test_what_pymatgen_cannot_hold() -> None:
    core = pytest.importorskip("pymatgen.core")
    with pytest.raises(SymfftError, match="no class for a density of the kind kinetic_energy"):
        salt(kind="kinetic_energy").to_pymatgen()
    with pytest.raises(SymfftError, match="needs elements"):
        salt(numbers=[-1, -2]).to_pymatgen()
    chgcar = salt().to_pymatgen()
    chgcar.structure = core.Structure(core.Lattice(LATTICE), [{"Na": 0.5, "K": 0.5}], [[0, 0, 0]])
    with pytest.raises(SymfftError, match="disordered"):
        Density.from_pymatgen(chgcar)


def test_ase_and_back() -> None:
    pytest.importorskip("ase")
    density = salt(values=np.random.default_rng(0).random((4, 5, 6)), positions=[[0.0, 0.0, 0.0], [1.25, -0.5, 0.5]])
    atoms, values = density.to_ase()
    assert atoms.symbols.get_chemical_formula() == "ClNa"
    again = Density.from_ase(atoms, values, comment="x")
    np.testing.assert_array_equal(again.values, density.values)
    np.testing.assert_allclose(again.positions, density.positions, atol=1e-15)
    np.testing.assert_array_equal(again.lattice, density.lattice)
    assert again.numbers.tolist() == [11, 17]


@pytest.mark.parametrize(("module", "call"), [("ase", "to_ase"), ("pymatgen.core", "to_pymatgen")])
def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, module: str, call: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SymfftError, match="pip install"):
        getattr(salt(), call)()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("values", np.full((2, 2, 2), 1j), "values has the type complex128"),
        ("values", np.full((2, 2, 2), "1"), "values has the type <U1"),
        ("values", np.full((2, 2, 2), None), "values has the type object"),
        ("values", np.zeros((2, 2, 2), "M8[s]"), "values has the type datetime64"),
        ("values", np.ma.masked_less(np.arange(8.0).reshape(2, 2, 2), 3), "3 masked values"),
        ("magnetization", np.full((2, 2, 2), 1j), "magnetization has the type complex128"),
        ("lattice", np.eye(3) * 1j, "lattice has the type complex128"),
        ("positions", [["a", "b", "c"]], "positions has the type <U1"),
        ("numbers", ["Na"], "numbers has the type <U2"),
        ("numbers", [1.5], "numbers holds 1.5"),
        ("numbers", [1 + 1j], "numbers has the type complex128"),
        ("numbers", [2**63], "numbers holds 9223372036854775808"),
        ("numbers", [2**70], "not a 64-bit integer"),
        ("numbers", [np.nan], "numbers holds nan"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
def test_what_is_not_real_numbers_is_refused_not_cast(field: str, value: object, message: str) -> None:
    """NumPy would drop imaginary parts, masks and digits behind the point, with a warning at best."""
    fields = {"values": np.ones((2, 2, 2)), "lattice": np.eye(3), "positions": [[0, 0, 0]], "numbers": [1]}
    with pytest.raises(ShapeError, match=message):
        Density(**fields | {field: value})


@pytest.mark.parametrize("numbers", [[1.0], np.array([1], dtype=np.uint8), np.array([True]), [-3]])
def test_whole_numbers_of_any_type_are_atomic_numbers(numbers: object) -> None:
    found = Density(np.ones((2, 2, 2)), np.eye(3), [[0, 0, 0]], numbers)
    assert found.numbers.dtype == np.int64
    assert found.numbers.tolist() == np.asarray(numbers).astype(int).tolist()


def test_sites_have_wyckoff_letters_and_a_generator_each():
    density = crystal(62)
    sites = density.sites()
    assert sum(site.multiplicity for site in sites) == len(density.numbers)
    group = density.space_group()
    for site in sites:
        images = group.rotations @ np.array(site.position) + np.array(group.translations, dtype=np.float64)
        apart = images[:, None] - images
        apart -= np.round(apart)
        assert len(np.unique((np.abs(apart).max(axis=-1) < 1e-6), axis=0)) == site.multiplicity
    with pytest.raises(SpaceGroupError, match="no atoms"):
        density.patterson().sites()
