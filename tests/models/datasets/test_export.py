"""What is exported is what was stored, whoever reads it."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prepare_samples import OPTIONS, write_samples

from symfft import check_symmetry, read_chgcar
from symfft_models.data.store import write_set
from symfft_models.datasets.export import entries_of, export_chgcars, export_parquet, statistics, write_sheet
from symfft_models.datasets.prepare import preparation, prepare

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    files, out = tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("set")
    write_samples(files, (62, 166, 225), copies=6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparation, "local_outcomes", lambda paths, task, **_: map(task, paths))
        prepare([str(files)], out, OPTIONS, batch=7)
    return out


def test_a_folder_and_a_file_of_the_same_set_hold_the_same(prepared, tmp_path):
    entries = list(entries_of(prepared))
    write_set(tmp_path / "set.h5", entries, {})
    assert len(entries) == 18
    assert statistics(tmp_path / "set.h5") == statistics(prepared)
    with pytest.raises(FileNotFoundError, match="no prepared set at"):
        list(entries_of(tmp_path))


def test_chgcars_come_back_as_they_were_stored(prepared, tmp_path):
    report = export_chgcars(prepared, tmp_path)
    assert report["files"] == len(list(tmp_path.iterdir())) == 18
    assert 0 < report["largest_error"] < 1e-6
    assert report["largest_electron_error"] < 1e-8
    for file, entry in zip(sorted(tmp_path.iterdir()), entries_of(prepared), strict=True):
        density = read_chgcar(file)
        assert density.space_group().number == entry.space_group
        assert check_symmetry(density.values, entry.space_group).largest_residual < 1e-9


def test_prepared_again_from_its_chgcars_a_set_is_the_same_to_the_last_bit(prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "local_outcomes", lambda paths, task, **_: map(task, paths))
    export_chgcars(prepared, tmp_path / "files")
    prepare([str(tmp_path / "files")], tmp_path / "again", OPTIONS)

    def content(folder):
        units = ((entry.au(), entry) for entry in entries_of(folder))
        # the sites do not tell 0 from (1/2, 1/2, 1/2), so only the values, not their places, are compared
        return sorted((e.space_group, e.composition, np.sort(e.values).tobytes(), u.size) for u, e in units)

    assert content(tmp_path / "again") == content(prepared)


def test_the_round_trip_error_is_measured_and_not_assumed(prepared, tmp_path, monkeypatch):
    from symfft_models.datasets import export as export_set

    def spoiled(path):
        density = read_chgcar(path)
        return density.with_values(density.values + 0.01 * density.values.max())

    monkeypatch.setattr(export_set, "read_chgcar", spoiled)
    report = export_chgcars(prepared, tmp_path, compress=False)
    assert report["largest_error"] == pytest.approx(0.01, rel=1e-3)
    assert report["largest_electron_error"] > 0.1


def test_statistics_count_every_entry_once(prepared):
    entries, found = list(entries_of(prepared)), statistics(prepared)
    assert found["entries"] == 18
    assert found["by_space_group"] == {62: 6, 166: 6, 225: 6}
    assert found["by_split"] == dict(Counter(entry.split for entry in entries))
    assert found["elements"] == {"O": 12, "Si": 6, "Fe": 6, "Na": 6, "Cl": 6}
    assert found["compositions"] == 3
    assert found["maximum"]["largest"] == max(float(entry.values.max()) for entry in entries)
    assert found["electrons"]["mean"] == pytest.approx(np.mean([entry.electrons for entry in entries]))
    assert found["symmetry_residual"]["largest"] < 1e-6


def test_the_sheet_is_one_file_with_its_pictures(prepared, tmp_path):
    from matplotlib import image

    entries = [replace(entry, id=f"<script>{entry.id}") for entry in entries_of(prepared)]
    write_set(tmp_path / "set.h5", entries, {})
    assert write_sheet(tmp_path / "set.h5", tmp_path / "sheet.html", per_group=4) == 12
    page = (tmp_path / "sheet.html").read_text()
    assert page.count("<figure>") == 12
    assert page.count("<script>") == 1
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert "12 of 18 densities (62: 6, 166: 6, 225: 6)" in page
    data = base64.b64decode(re.search(r"base64,([^\"]+)", page)[1])
    (tmp_path / "picture.png").write_bytes(data)
    picture = image.imread(tmp_path / "picture.png")
    entry = entries[0]
    values = entry.density().values
    layer = np.unravel_index(values.argmax(), values.shape)[2]
    assert picture.shape[:2] == values[:, :, layer].T.shape
    brightest = np.unravel_index(values[:, :, layer].T[::-1].argmax(), picture.shape[:2])
    assert picture[brightest][:3] == pytest.approx((0.993, 0.906, 0.144), abs=0.01)  # the top of viridis


def test_parquet_holds_every_entry_in_its_split(prepared, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    entries = [
        replace(entry, split=("train", "val", "test")[index % 3]) for index, entry in enumerate(entries_of(prepared))
    ]
    write_set(tmp_path / "set.h5", entries, {})
    assert export_parquet(tmp_path / "set.h5", tmp_path / "out", file_rows=4) == {"train": 6, "val": 6, "test": 6}
    names = sorted(file.name for file in (tmp_path / "out" / "data").iterdir())
    assert names == [f"{split}-0000{k}.parquet" for split in ("test", "train", "val") for k in (0, 1)]
    card = (tmp_path / "out" / "README.md").read_text()
    assert "  - split: validation\n    path: data/val-*.parquet\n" in card
    for split in ("train", "val", "test"):
        files = sorted((tmp_path / "out" / "data").glob(f"{split}-*.parquet"))
        rows = [row for file in files for row in parquet.read_table(file).to_pylist()]
        for row, entry in zip(rows, [entry for entry in entries if entry.split == split], strict=True):
            assert row["id"] == entry.id
            assert np.array_equal(np.array(row["values"], np.float32), entry.values)
            assert np.array_equal(row["lattice"], entry.lattice)
            assert tuple(row["shape"]) == entry.shape
            assert [site["symbol"] for site in row["sites"]] == [site.symbol for site in entry.sites]
            assert json.loads(row["metadata"]) == entry.metadata


def test_without_pyarrow_the_error_says_what_to_install(prepared, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match="parquet needs pyarrow: pip install"):
        export_parquet(prepared, tmp_path)


def test_the_command(prepared, tmp_path):
    def command(*arguments):
        line = [sys.executable, "-m", "symfft_models.cli", "export", *map(str, arguments)]
        return subprocess.run(line, cwd=ROOT, capture_output=True, text=True)

    done = command(prepared, "--statistics", "--html", tmp_path / "sheet.html", "--json")
    result = json.loads(done.stdout)
    assert result["statistics"]["entries"] == result["html"]["pictures"] == 18
    assert command(prepared).returncode == 2
    missing = command(tmp_path / "none.h5", "--statistics")
    assert (missing.returncode, missing.stderr.startswith("symfft-vae: error: no density set at")) == (2, True)
