"""JSON of pymatgen's classes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from symfft import Density, DensityFormatError
from symfft.io import read_materials_project

LATTICE = np.array([[4.0, 0.0, 0.0], [-0.5, 5.0, 0.0], [1.0, 0.25, 6.0]])


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
    with pytest.raises(DensityFormatError, match="the compressed text goes on"):
        read_materials_project(path)
    path.write_bytes(gzip.compress(text.encode())[:500])
    with pytest.raises(DensityFormatError, match="damaged or cut off"):
        read_materials_project(path)
