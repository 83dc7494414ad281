"""Counts of a set, and single entries as files."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from symfft import DensityFormatError, read_chgcar
from symfft_models.data.store import DensitySet, write_set
from symfft_models.datasets.contents import chosen_set, export, info, info_text, open_set
from symfft_models.datasets.crystals import implausible, listed_name
from symfft_models.datasets.paw import PawSet, load_paw, paw_path
from symfft_models.datasets.paw.common_grid import on_common_grid


@pytest.fixture(scope="module")
def on_grids(tmp_path_factory):
    """Some of the package's densities as a set of densities on grids."""
    path = tmp_path_factory.mktemp("set") / "grids.h5"
    write_set(path, [e for group in (194, 225, 227) for e in on_common_grid(load_paw(), group, "train")], {})
    return DensitySet.open(path)


@pytest.fixture(params=["parts", "grids"])
def densities(request, on_grids):
    return load_paw() if request.param == "parts" else on_grids


def test_info_counts_what_is_there(densities):
    figures = info(densities)
    assert figures["entries"] == len(densities) == sum(figures["by_space_group"].values())
    assert sum(figures["by_prototype"].values()) == len(densities)
    assert sum(sum(counts.values()) for counts in figures["by_split"].values()) == len(densities)
    assert figures["bytes"] == densities.path.stat().st_size
    part = info(densities.select(space_group=225, split="test"))
    assert part["by_space_group"] == ({"225": part["entries"]} if part["entries"] else {})
    assert all(n == 0 for counts in part["by_split"].values() for split, n in counts.items() if split != "test")


def test_info_names_cells_that_are_not_the_compounds(densities):
    figures = info(densities)
    names, remarks = set(densities.column("id").tolist()), implausible()
    assert set(figures["implausible"]) == {name for name in names if listed_name(name) in remarks}
    assert all(f"{name}: {why}" in info_text(figures) for name, why in figures["implausible"].items())
    assert info(load_paw())["implausible"].keys() >= {"rock-salt-NbO", "perovskite-LiSrF3", "fluorite-CrH2"}


def test_the_table_has_a_row_for_each_group_and_adds_up(densities):
    figures = info(densities)
    rows = [line.split() for line in info_text(figures).splitlines()[1:]]
    table = {row[0]: list(map(int, row[1:])) for row in rows if row[0] in figures["by_space_group"]}
    assert set(table) == set(figures["by_space_group"])
    assert all(row[0] == sum(row[1:]) for row in table.values())
    total = next(row for row in rows if row[0] == "all")
    assert list(map(int, total[1:])) == np.sum(list(table.values()), axis=0).tolist()


def test_a_file_is_opened_as_what_it_is(on_grids, tmp_path):
    assert isinstance(open_set(paw_path()), PawSet)
    assert isinstance(open_set(on_grids.path), DensitySet)
    assert isinstance(chosen_set(on_grids.path), DensitySet)
    assert chosen_set(None).path == paw_path()
    with pytest.raises(FileNotFoundError, match="no density set at"):
        open_set(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(DensityFormatError, match="expected an HDF5 file"):
        open_set(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.attrs["format"] = "something else"
    with pytest.raises(DensityFormatError, match="something else"):
        open_set(tmp_path / "other.h5")


def test_export_writes_a_chgcar_that_reads_back(densities, tmp_path):
    entry = densities.select(space_group=227)[0]
    assert export(densities, [entry.id], tmp_path / "CHGCAR") == [{"id": entry.id, "file": str(tmp_path / "CHGCAR")}]
    density, expected = read_chgcar(tmp_path / "CHGCAR"), entry.density()
    np.testing.assert_allclose(density.values, expected.values, rtol=1e-9, atol=1e-9 * expected.values.max())
    np.testing.assert_allclose(density.lattice, entry.lattice, atol=1e-12)
    assert sorted(density.numbers.tolist()) == sorted(expected.numbers.tolist())
    assert density.electrons == pytest.approx(entry.electrons, rel=1e-9)
    with pytest.raises(KeyError, match="near ones: "):
        export(densities, [entry.id, entry.id + "x"], tmp_path / "none")
    assert not (tmp_path / "none").exists()
