"""Densities as objects of pymatgen, ASE and xarray, through the packages themselves."""

from __future__ import annotations

import dataclasses
import pickle
import tomllib
import warnings
from importlib.metadata import EntryPoint
from pathlib import Path

import ase.io
import ase.io.formats
import numpy as np
import pytest
import xarray
from crystals import crystal, odd_magnetization

from symfft import Density, ShapeError, SpaceGroup, SymfftError, read_density
from symfft.io import write_density

ROOT = Path(__file__).resolve().parents[1]
FIELDS = [field.name for field in dataclasses.fields(Density)]
TEXT = "augmentation occupancies   1   2\n  0.1000000E+00  0.2000000E+00\n"


def densities():
    odd, _ = odd_magnetization(14)
    noncollinear = np.random.default_rng(3).standard_normal((3, *odd.shape))
    flags = np.arange(3 * len(crystal(14).numbers)).reshape(-1, 3) % 2 == 0
    bare = crystal(225)
    return {
        "plain": bare,
        "collinear": crystal(14, magnetization=odd, augmentation=(TEXT, TEXT), site_moments=("  1.0\n",)),
        "non-collinear": crystal(14, magnetization=noncollinear, selective_dynamics=flags),
        "by spin": crystal(14, spin_down=odd, kind="potential"),
        "named": crystal(14, species=(("Na_pv", 4), ("Cl", len(crystal(14).numbers) - 4))),
        "unknown elements": dataclasses.replace(bare, numbers=-np.ones_like(bare.numbers), kind="other"),
        "map": Density(bare.values, bare.lattice, [], [], stated_group=SpaceGroup.from_symbol("F m -3 m")),
    }


def same(one, other):
    for name in FIELDS:
        a, b = getattr(one, name), getattr(other, name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype, name
            np.testing.assert_array_equal(a, b, err_msg=name)
        else:
            assert a == b, name


@pytest.mark.parametrize("name", densities())
def test_xarray_keeps_everything_and_so_does_netcdf(name, tmp_path):
    density = densities()[name]
    data = density.to_xarray()
    assert isinstance(data, xarray.Dataset)
    same(Density.from_xarray(data), density)
    same(Density.from_xarray(data.transpose("c", "b", "a", ...)), density)
    data.to_netcdf(tmp_path / "a.nc", engine="scipy")
    with xarray.open_dataset(tmp_path / "a.nc", engine="scipy") as again:
        same(Density.from_xarray(again), density)
    same(Density.from_xarray(pickle.loads(pickle.dumps(data))), density)


def test_xarray_knows_coordinates_and_units():
    density = crystal(14)
    data = density.to_xarray()
    assert data["values"].attrs["units"] == "e/Å³"
    mean = data["values"].mean(("a", "b"))
    np.testing.assert_allclose(mean, density.average("c").values)
    assert float(data["values"].sel(a=0.5, b=0, c=0, method="nearest")) == density.values[density.shape[0] // 2, 0, 0]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda d: d.drop_vars("values"), SymfftError, "lacks values"),
        (lambda d: d.drop_vars("lattice"), SymfftError, "lacks lattice"),
        (lambda d: d.isel(a=slice(1, None)), SymfftError, "coordinates along a"),
        (lambda d: d.isel(b=slice(None, None, -1)), SymfftError, "coordinates along b"),
        (lambda d: d.isel(c=0), SymfftError, "dimensions"),
        (lambda d: d.assign_attrs(species="{}"), SymfftError, "species"),
        (lambda d: d.assign_attrs(species="[[[["), SymfftError, "species"),
        (lambda d: d.assign_attrs(kind="charm"), ShapeError, "kind"),
        (lambda d: d.assign(values=d["values"] * np.nan), ShapeError, "NaN"),
        (lambda d: d.isel(atom=slice(1, None)).assign(numbers=("other", [1])), ShapeError, "positions"),
        (lambda d: d.values, SymfftError, "lacks values"),
        (lambda d: 7, SymfftError, "lacks values"),
    ],
)
def test_datasets_of_another_form_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        Density.from_xarray(change(crystal(14).to_xarray()))


def test_a_kind_that_contradicts_the_dataset_is_refused():
    with pytest.raises(SymfftError, match="charge, not potential"):
        Density.from_xarray(crystal(14).to_xarray(), kind="potential")
    data = crystal(14).to_xarray()
    del data.attrs["kind"]
    assert Density.from_xarray(data, kind="potential").kind == "potential"


# ---- ASE ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plugin():
    """Have ASE know the format as an installed symfft makes it known."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]["ase.ioformats"]
    for name, value in declared.items():
        if name not in ase.io.formats.ioformats:
            ase.io.formats.define_external_io_format(EntryPoint(name, value, "ase.ioformats"))


@pytest.mark.parametrize("name", ["CHGCAR", "CHGCAR.gz", "old_LOCPOT", "ELFCAR.xz"])
def test_ase_reads_and_writes_by_name(plugin, name, tmp_path):
    kind = {"C": "charge", "o": "potential", "E": "elf"}[name[0]]
    density = crystal(14, kind=kind)
    write_density(tmp_path / name, density)
    atoms = ase.io.read(tmp_path / name)
    np.testing.assert_allclose(atoms.get_scaled_positions(wrap=False), density.positions)
    assert atoms.numbers.tolist() == density.numbers.tolist()
    found = atoms.info["density"]
    assert found.kind == kind
    (tmp_path / "new").mkdir()
    ase.io.write(tmp_path / "new" / name, atoms)
    same(read_density(tmp_path / "new" / name), found)


def test_ase_copies_atoms_with_their_density(plugin, tmp_path):
    write_density(tmp_path / "CHGCAR", crystal(14))
    atoms = ase.io.read(tmp_path / "CHGCAR").copy()
    same(atoms.info["density"], read_density(tmp_path / "CHGCAR"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # formats that hold structures alone may say what they leave out
        ase.io.write(tmp_path / "POSCAR", atoms, format="vasp")
        ase.io.write(tmp_path / "a.xyz", atoms)
    assert len(ase.io.read(tmp_path / "a.xyz")) == len(atoms)


def test_ase_reads_any_format_by_its_name(plugin, tmp_path):
    density = crystal(225)
    for name in ("a.cube", "a.xsf", "a.ccp4"):
        write_density(tmp_path / name, density)
        found = ase.io.read(tmp_path / name, format="symfft").info["density"]
        np.testing.assert_allclose(found.values, density.values, rtol=1e-6)
    assert ase.io.read(tmp_path / "a.xsf", format="symfft", dataset=0).info["density"].kind == "charge"


def test_ase_writes_arrays_and_densities_given_beside_atoms(plugin, tmp_path):
    density = crystal(225)
    atoms, values = density.to_ase()
    ase.io.write(tmp_path / "CHGCAR", atoms, format="symfft", density=values)
    np.testing.assert_allclose(read_density(tmp_path / "CHGCAR").values, values, rtol=1e-10)
    ase.io.write(tmp_path / "x", atoms, format="symfft", density=density, file_format="cube")
    np.testing.assert_allclose(read_density(tmp_path / "x", format="cube").values, values, rtol=1e-10)


@pytest.mark.parametrize("change", ["moved", "another element", "strained", "one less", "none"])
def test_ase_does_not_write_a_density_with_other_atoms(plugin, change, tmp_path):
    write_density(tmp_path / "CHGCAR", crystal(225))
    atoms = ase.io.read(tmp_path / "CHGCAR")
    if change == "moved":
        atoms.positions[0] += 0.01
    elif change == "another element":
        atoms.numbers[0] += 1
    elif change == "strained":
        atoms.set_cell(atoms.cell * 1.01, scale_atoms=True)
    elif change == "one less":
        del atoms[0]
    else:
        del atoms.info["density"]
    with pytest.raises(SymfftError, match="no density" if change == "none" else "not those of the density"):
        ase.io.write(tmp_path / "new_CHGCAR", atoms)
    assert not (tmp_path / "new_CHGCAR").exists()


def test_atoms_moved_by_whole_cells_are_the_same(plugin, tmp_path):
    write_density(tmp_path / "CHGCAR", crystal(225))
    atoms = ase.io.read(tmp_path / "CHGCAR")
    atoms.positions += atoms.cell.array[0]
    ase.io.write(tmp_path / "new_CHGCAR", atoms)
    same(read_density(tmp_path / "new_CHGCAR"), read_density(tmp_path / "CHGCAR"))
