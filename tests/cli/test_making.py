"""`symfft diff`, `supercell`, `isosurface`."""

from __future__ import annotations

import numpy as np
import pytest
from crystals import crystal, odd_magnetization

from symfft.io import read_density


def test_differences(save, run, run_json, tmp_path):
    a, b = crystal(62, seed=0), crystal(62, seed=1)
    out = tmp_path / "difference.vasp"
    code, result = run_json("diff", save(a, "a.vasp"), save(b, "b.vasp"), "-o", out)
    assert code == 0
    np.testing.assert_allclose(read_density(out).values, a.values - b.values, atol=1e-8)
    assert result["electrons"] == pytest.approx(a.electrons - b.electrons, abs=1e-6)
    voxel = a.volume / a.values.size
    assert result["moved"] == pytest.approx(np.abs(a.values - b.values).sum() * voxel / 2, rel=1e-6)
    assert run("diff", save(a, "a.vasp"), save(b, "b.vasp"), "-o", out)[0] == 2
    code, only_told = run_json("diff", tmp_path / "a.vasp", tmp_path / "b.vasp")
    assert code == 0
    assert {**only_told, "output": str(out)} == {**result, "output": str(out)}
    code, told, _ = run("diff", tmp_path / "a.vasp", tmp_path / "b.vasp")
    assert (code, "electrons" in told) == (0, True)
    code, _, err = run("diff", tmp_path / "a.vasp", save(crystal(62, shape=(8, 6, 12)), "c.vasp"), "-o", out, "--force")
    assert code == 2
    assert "resample" in err


def test_differences_of_several_and_of_totals(save, run, run_json, tmp_path):
    field, _ = odd_magnetization(14)
    a, b = crystal(14, magnetization=field), crystal(14, seed=1)
    paths = save(a, "a.vasp"), save(b / 2, "b.vasp")
    out = tmp_path / "d.vasp"
    assert run("diff", paths[0], paths[1], "-o", out)[0] == 2
    assert run_json("diff", paths[0], paths[1], paths[1], "-o", out, "--total")[0] == 0
    np.testing.assert_allclose(read_density(out).values, a.values - b.values, atol=1e-8)


def test_cells(save, run, run_json, tmp_path):
    density = crystal(225)
    path, large, small = save(density), tmp_path / "large.vasp", tmp_path / "small.vasp"
    code, result = run_json("supercell", path, "2", "1", "1", "-o", large)
    assert (code, result["atoms"], result["shape"]) == (0, 16, [16, 8, 8])
    code, result = run_json("supercell", large, "--primitive", "-o", small)
    assert (code, result["atoms"]) == (0, 2)
    assert read_density(small).electrons == pytest.approx(density.electrons / 4, rel=1e-6)
    matrix = ["1", "1", "0", "0", "1", "0", "0", "0", "1"]
    assert run("supercell", path, *matrix, "-o", tmp_path / "oblique.vasp")[0] == 0
    for bad in ([], ["1", "2"], ["2", "--primitive"], ["0"]):
        assert run("supercell", path, *bad, "-o", tmp_path / "bad.vasp")[0] == 2
    assert not (tmp_path / "bad.vasp").exists()


def test_surfaces(save, run, run_json, tmp_path):
    pytest.importorskip("skimage")
    density = crystal(221)
    path = save(density)
    for name in ("surface.ply", "surface.obj"):
        code, result = run_json("isosurface", path, "0.6", "-o", tmp_path / name)
        assert code == 0
        assert result["triangles"] == len(density.isosurface(0.6).faces)
        assert (tmp_path / name).read_text().count("\n") > result["triangles"]
    for level, name in (("50", "x.ply"), ("nan", "x.ply"), ("0.6", "x.stl")):
        assert run("isosurface", path, level, "-o", tmp_path / name)[0] == 2
    assert run("isosurface", path, "0.6", "--magnetization", "-o", tmp_path / "m.ply")[0] == 2
    field, _ = odd_magnetization(14)
    spin = save(crystal(14, magnetization=field), "spin.vasp")
    assert run("isosurface", spin, "0.1", "--magnetization", "-o", tmp_path / "m.ply")[0] == 0
