"""The packed file: what goes in comes out, whole or not at all, and damage is named."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import h5py
import numpy as np
import pytest

from symfft import DensityFormatError, ShapeError, SpaceGroup, asymmetric_unit, check_symmetry
from symfft_models.data.store import DensitySet, Entry, Site, write_set


def entry(identifier, number, n, split="train", **metadata):
    unit = asymmetric_unit(number, (n, n, n))
    values = np.random.default_rng(unit.size).random(unit.size).astype(np.float32)
    lattice = (4.0 + n / 100) * np.eye(3)
    electrons = float(values.astype(np.float64) @ unit.multiplicity) / n**3 * np.linalg.det(lattice)
    return Entry(
        values=values,
        space_group=number,
        shape=(n, n, n),
        lattice=lattice,
        electrons=electrons,
        id=identifier,
        composition="ClNa",
        prototype="rock-salt",
        split=split,
        sites=(Site("Na", "4a", (0.0, 0.0, 0.0)), Site("Cl", "4b", (0.5, 0.5, 0.5))),
        metadata=metadata,
    )


ENTRIES = [
    entry("a", 225, 8, energy_ev=-3.5, xc="LDA", kpoints=7, converged=True),
    entry("b", 225, 12, "test", energy_ev=-4.5, xc="PBE–sol", kpoints=6, converged=True),
    entry("ç", 221, 10, "val", xc="LDA", kpoints=5, converged=False),
    entry("d", 221, 10, "train"),
]


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "set.h5"
    write_set(file, ENTRIES, {"title": "four", "computed": 4})
    return file


def same(left: Entry, right: Entry) -> bool:
    return (
        np.array_equal(left.values, right.values)
        and np.array_equal(left.lattice, right.lattice)
        and all(
            getattr(left, name) == getattr(right, name)
            for name in ("space_group", "shape", "electrons", "id", "composition", "prototype", "split", "sites")
        )
    )


def test_what_goes_in_comes_out(path):
    densities = DensitySet.open(path)
    assert len(densities) == 4
    assert all(same(left, right) for left, right in zip(densities, ENTRIES, strict=True))
    assert densities.attributes["title"] == "four"
    assert densities[0].metadata == {"energy_ev": -3.5, "xc": "LDA", "kpoints": 7.0, "converged": True}
    assert densities[1].metadata["xc"] == "PBE–sol"
    assert np.isnan(densities[3].metadata["energy_ev"])
    assert densities[3].metadata["xc"] == ""
    assert same(densities[-1], ENTRIES[-1])
    with pytest.raises(IndexError):
        densities[4]


def test_selection_keeps_order_and_copies_nothing(path):
    densities = DensitySet.open(path)
    assert densities.space_groups == (221, 225)
    assert [e.id for e in densities.select(space_group=221)] == ["ç", "d"]
    assert [e.id for e in densities.select(split="train")] == ["a", "d"]
    assert [e.id for e in densities.select(space_group=225, split="test")] == ["b"]
    assert len(densities.select(space_group=1)) == 0
    assert [e.id for e in densities[1:3]] == ["b", "ç"]
    assert [e.id for e in densities[1:].select(split="train")] == ["d"]
    assert np.shares_memory(densities.select(space_group=221)[0].values, densities.columns["values"])
    with pytest.raises(ValueError, match="'dev' is not one of train, val, test"):
        densities.select(split="dev")
    with pytest.raises(ValueError, match="read-only"):
        densities[0].values[0] = 1


def test_names_are_found_or_suggested(path):
    densities = DensitySet.open(path)
    assert densities.find("ç").space_group == 221
    with pytest.raises(KeyError, match="no entry 'aa' among 4; near ones: a"):
        densities.find("aa")


def test_density_is_symmetric_has_all_atoms_and_exactly_its_electrons(path):
    stored = DensitySet.open(path)[0]
    density = stored.density()
    assert density.values.shape == (8, 8, 8)
    assert check_symmetry(density.values, 225).largest_residual == 0
    assert abs(density.electrons - stored.electrons) < 1e-12 * stored.electrons
    assert sorted(density.numbers.tolist()) == [11] * 4 + [17] * 4
    assert SpaceGroup.from_structure(density.lattice, density.positions, density.numbers).number == 225


def test_the_file_reads_without_this_package(path):
    script = f"""
import h5py, sys
with h5py.File({str(path)!r}) as f:
    start, stop = f["offsets"][1:3]
    print(f["id"][1].decode(), f["values"][start:stop].sum(), f["metadata/xc"].asstr()[1], "symfft" in sys.modules)
"""
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert out[0] == "b"
    assert float(out[1]) == pytest.approx(float(ENTRIES[1].values.sum()), rel=1e-5)
    assert out[2:] == ["PBE–sol", "False"]


def test_the_same_entries_make_the_same_file(path, tmp_path):
    again = tmp_path / "again.h5"
    write_set(again, ENTRIES, {"title": "four", "computed": 4})
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_files_are_refused(path, keep):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(DensityFormatError, match=str(path)):
        DensitySet.open(path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: f.attrs.update(format="other"), "attribute format is 'other'"),
        (lambda f: f.attrs.update(format_version=2), "format version 2; this release of symfft reads 1"),
        (lambda f: f.attrs.pop("format"), "attribute format is None"),
        (lambda f: f.pop("offsets"), "offsets is missing"),
        (lambda f: f.pop("metadata"), "metadata is missing"),
        (lambda f: replace(f, "offsets", np.array([0, 9, 4, 20, 30])), "offsets must rise from 0 to"),
        (lambda f: replace(f, "offsets", np.array([0, 1])), r"offsets has shape \(2,\), expected \(5,\)"),
        (lambda f: replace(f, "electrons", np.zeros(3)), r"electrons has shape \(3,\)"),
        (lambda f: replace(f, "values", f["values"][()].astype(np.float64)), "values holds float64"),
        (lambda f: replace(f, "id", np.arange(4)), "id holds int64 in 1 dimensions, expected text"),
        (lambda f: replace(f, "values", np.full(f["values"].shape, np.nan, np.float32)), "not finite"),
        (lambda f: replace(f["metadata"], "xc", np.zeros(2)), r"metadata/xc has shape \(2,\)"),
        (lambda f: f.attrs.update(format_version=[1, 2]), "format version"),
        (lambda f: f.attrs.update(format=np.zeros(9)), "attribute format"),
        (lambda f: replace(f, "space_group", np.array([0, 1, 2, 3], np.int16)), "not 1 to 230"),
        (lambda f: replace(f, "shape", np.full((4, 3), 2**30, np.int32)), "shape holds grids"),
        (lambda f: replace(f, "shape", np.full((4, 3), -4, np.int32)), "shape holds grids"),
        (lambda f: replace(f, "electrons", np.full(4, np.nan)), "electrons holds numbers that are not finite"),
        (lambda f: replace(f, "values", np.zeros((2, 2), np.float32)), "values holds float32 in 2"),
        (lambda f: replace(f, "offsets", np.zeros(0, np.int64)), "offsets has shape"),
        (lambda f: replace(f, "id", np.array([b"\xff"] * 4)), "damaged"),
    ],
)
def test_files_whose_parts_do_not_fit_are_refused(path, damage, message):
    with h5py.File(path, "r+") as file:
        damage(file)
    with pytest.raises(DensityFormatError, match=message):
        DensitySet.open(path)


def replace(group, name, data):
    del group[name]
    group[name] = data


def elsewhere(file, name, kind):
    """Put data that lie outside of the file in the place of a column."""
    shape, dtype = file[name].shape, file[name].dtype
    del file[name]
    if kind == "external":
        file.create_dataset(name, shape, dtype, external=[("/etc/passwd", 0, 10**6)])
    elif kind == "virtual":
        layout = h5py.VirtualLayout(shape, dtype)
        layout[:] = h5py.VirtualSource("other.h5", "values", shape)
        file.create_virtual_dataset(name, layout)
    elif kind == "external link":
        file[name] = h5py.ExternalLink("other.h5", "/values")
    else:
        file[name] = h5py.SoftLink("/electrons")


@pytest.mark.parametrize("kind", ["external", "virtual", "external link", "link"])
@pytest.mark.parametrize("name", ["values", "id", "metadata/xc", "metadata"])
def test_data_outside_of_the_file_are_refused(path, kind, name):
    if name == "metadata":
        if "link" not in kind:
            return
        with h5py.File(path, "r+") as file:
            file.move("metadata", "other")
            file["metadata"] = h5py.SoftLink("/other") if kind == "link" else h5py.ExternalLink("other.h5", "/m")
    else:
        with h5py.File(path, "r+") as file:
            elsewhere(file, name, kind)
    with pytest.raises(DensityFormatError):
        DensitySet.open(path)


@pytest.mark.parametrize("name", ["values", "metadata/xc", "id"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_small_file_takes_little_memory(path, name, packed):
    """Sizes are compared with the file's before anything is allocated."""
    with h5py.File(path, "r+") as file:
        dtype = file[name].dtype
        del file[name]
        options = {"chunks": (2**22,), "compression": "gzip"} if packed else {}
        data = file.create_dataset(name, (2**30,), dtype, **options)
        if packed:
            data[: 2**26] = np.zeros(2**26, dtype)
    tracemalloc.start()
    with pytest.raises(DensityFormatError):
        DensitySet.open(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * path.stat().st_size + 200_000_000


def test_values_that_do_not_fit_their_asymmetric_unit_are_refused(path, tmp_path):
    with h5py.File(path, "r+") as file:
        file["shape"][0] = (10, 10, 10)
    with pytest.raises(ShapeError, match="a has values of shape"):
        DensitySet.open(path)[0].density()
    with h5py.File(path, "r+") as file:
        file["shape"][0] = (64, 64, 64)
    with pytest.raises(DensityFormatError, match="shape holds grids"):
        DensitySet.open(path)


def test_no_file_is_a_clear_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no density set at"):
        DensitySet.open(tmp_path / "none.h5")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([ENTRIES[0], ENTRIES[0]], "'a' occurs 2 times"),
        ([entry("x", 225, 8, "dev")], "x has the split 'dev'"),
    ],
)
def test_entries_that_cannot_be_stored_leave_the_old_file(path, entries, message):
    before = path.read_bytes()
    with pytest.raises(ShapeError, match=message):
        write_set(path, entries, {})
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["set.h5"]


def test_a_failing_write_leaves_the_old_file_and_no_litter(path):
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_set(path, ENTRIES, {"title": object()})
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["set.h5"]


def test_an_empty_set_is_a_set(tmp_path):
    write_set(tmp_path / "none.h5", [], {})
    assert len(DensitySet.open(tmp_path / "none.h5")) == 0


def test_opening_reads_the_tables_once_and_no_entry(tmp_path, monkeypatch):
    base = entry("base", 225, 56, xc="LDA", energy_ev=-1.0)
    many = [Entry(**{**vars(base), "id": f"entry-{index}"}) for index in range(1500)]
    write_set(tmp_path / "many.h5", many, {})
    reads = []
    read = h5py.Dataset.__getitem__
    monkeypatch.setattr(h5py.Dataset, "__getitem__", lambda self, key: (reads.append(self.name), read(self, key))[1])
    densities = DensitySet.open(tmp_path / "many.h5")
    assert len(densities.select(split="train")) == 1500
    assert 0 < len(reads) < 50


def test_h5py_is_imported_only_when_a_file_is_opened():
    script = "import symfft_models.data.store, sys; print(*(m in sys.modules for m in ('h5py', 'torch', 'pymatgen')))"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["False"] * 3
