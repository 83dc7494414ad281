"""The packed file of parts: what goes in comes out, whole or not at all, lazily, and hostile files are refused."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from symfft import DensityFormatError, ShapeError
from symfft_models.datasets.paw.pack import entry_of
from symfft_models.datasets.paw.store import PawSet, load_paw, write_paw

from . import made_up

SETUPS = [made_up.setup(symbol) for symbol in ("Fe", "Mg", "O", "S", "Zn")]


def entries():
    crystals = (made_up.magnesia(), made_up.wurtzite(), made_up.iron())
    return [entry_of(*made_up.result(crystal, spin=crystal.prototype == "bcc")) for crystal in crystals]


@pytest.fixture
def path(tmp_path):
    write_paw(tmp_path / "set.h5", entries(), SETUPS, {"license": "CC0-1.0"})
    return tmp_path / "set.h5"


def test_what_goes_in_comes_out(path):
    densities = PawSet.open(path)
    assert densities.attributes["license"] == "CC0-1.0"
    for before, after in zip(entries(), densities, strict=True):
        for name in ("id", "composition", "prototype", "split", "space_group", "electrons", "sites", "shape"):
            assert getattr(before, name) == getattr(after, name)
        for name in ("hkl", "lattice", "multipoles", "r_comp", "moments"):
            np.testing.assert_array_equal(getattr(before, name), getattr(after, name))
        for name in ("soft", "soft_spin"):
            scale = np.abs(before.soft).max()
            np.testing.assert_allclose(getattr(after, name), getattr(before, name), atol=2e-8 * scale)
        np.testing.assert_allclose(after.values(), before.values(), atol=1e-5 * before.values().max())
        assert {**after.metadata, "formation_ev": -1.0} == {
            **before.metadata,
            "above_lowest_ev": after.metadata["above_lowest_ev"],
        }
    iron = densities.setups["Fe"]
    assert (iron.valence, iron.core, iron.cutoff) == (8, 2, 2.2)
    np.testing.assert_array_equal(iron.core_density, SETUPS[0].core_density)


def test_parts_and_names(path):
    densities = PawSet.open(path)
    assert densities.space_groups == (186, 225, 229)
    assert [entry.id for entry in densities.select(space_group=186)] == ["wurtzite-ZnS"]
    assert len(densities.select(split="hard")) == (densities.column("split") == "hard").sum() == 1
    assert densities[:2].find("wurtzite-ZnS").id == "wurtzite-ZnS"
    with pytest.raises(KeyError, match="near ones: wurtzite-ZnS"):
        densities.find("wurtzite-ZnSe")
    with pytest.raises(ValueError, match="not one of"):
        densities.select(split="none")


def test_reflections_are_read_when_the_first_density_is_asked_for(path):
    with h5py.File(path, "a") as file:
        del file["soft_real"]
    densities = PawSet.open(path)
    assert densities.column("electrons").sum() == 64 + 36 + 16
    with pytest.raises(DensityFormatError, match="soft_real is missing"):
        densities[0]


def test_a_set_refuses_what_it_could_not_read_again(tmp_path):
    first, *_ = entries()
    with pytest.raises(ShapeError, match="occurs 2 times"):
        write_paw(tmp_path / "set.h5", [first, first], SETUPS, {})
    first.soft[0] = np.nan
    with pytest.raises(ShapeError, match="not finite"):
        write_paw(tmp_path / "set.h5", [first], SETUPS, {})
    assert list(tmp_path.iterdir()) == []


def change(file, name, data, **options):
    del file[name]
    file.create_dataset(name, data=data, **options)


def external(file):
    del file["soft_real"]
    file.create_dataset("soft_real", shape=(8,), dtype=np.float32, external=[("/etc/passwd", 0, 32)])


def virtual(file):
    del file["soft_real"]
    layout = h5py.VirtualLayout(shape=(8,), dtype=np.float32)
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(8,))
    file.create_virtual_dataset("soft_real", layout)


def linked(file):
    del file["soft_real"]
    file["soft_real"] = h5py.ExternalLink("other.h5", "/x")


def bomb(file):
    del file["soft_real"]
    file.create_dataset("soft_real", shape=(1 << 42,), dtype=np.float32, chunks=(1 << 16,), compression="gzip")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (external, "lies in other files"),
        (virtual, "lies in other files"),
        (linked, "is a link to other data"),
        (bomb, "more than they can hold"),
        (lambda file: change(file, "soft_real", np.zeros(3, np.float32)), "has shape"),
        (lambda file: change(file, "soft_real", np.zeros(3, np.float64)), "holds float64"),
        (lambda file: change(file, "hkl", np.zeros((3, 3), dtype="S4")), "expected"),
        (lambda file: change(file, "reflection_offsets", np.array([0, 9, 3, 12])), "must rise"),
        (lambda file: change(file, "lattice", np.zeros((3, 3))), "has shape"),
        (lambda file: change(file, "site_symbol", np.array([b"Xx"] * 5)), "no setup for Xx"),
        (lambda file: file.attrs.update(format_version=9), "format version 9"),
        (lambda file: file.attrs.update(format="other"), "attribute format is 'other'"),
        (lambda file: file.pop("metadata"), "metadata is missing"),
        (lambda file: file["metadata"].create_dataset("more", data=np.zeros(7)), "metadata/more has shape"),
    ],
)
def test_hostile_and_damaged_files_are_refused(path, spoil, message):
    with h5py.File(path, "a") as file:
        spoil(file)
    with pytest.raises(DensityFormatError, match=message):
        PawSet.open(path)[0]


def test_a_cut_file_is_refused(path):
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DensityFormatError, match="this one is damaged"):
        PawSet.open(path)
    with pytest.raises(FileNotFoundError, match="no density set"):
        PawSet.open(path.with_name("none.h5"))


def test_the_set_that_ships_is_whole():
    densities = load_paw()
    assert len(densities) >= 30
    assert len(set(densities.column("id").tolist())) == len(densities)
    assert densities.attributes["license"] == "CC0-1.0"
    # the radial densities hold the electrons of their setups, to the error of the trapezium rule on these radii
    for setup in densities.setups.values():
        shells = 4 * np.pi * setup.radius**2
        assert np.trapezoid(shells * setup.valence_density, setup.radius) == pytest.approx(setup.valence, rel=0.02)
        assert np.trapezoid(shells * setup.core_density, setup.radius) == pytest.approx(setup.core, rel=0.02)
