"""`symfft sf`: tables and files of structure factors."""

from __future__ import annotations

import numpy as np
import pytest
from crystals import crystal

from symfft.io import read_density
from symfft.io.reflections import read_reflections


def test_a_table_and_a_file(save, run, run_json, tmp_path):
    path = save(crystal(225))
    code, result = run_json("sf", path, "--hkl", "0,0,0", "--hkl=-1,1,1")
    assert code == 0
    density = read_density(path)
    assert result["reflections"][0]["amplitude"] == pytest.approx(density.electrons)
    assert result["reflections"][1]["hkl"] == [-1, 1, 1]
    assert "e" in run("sf", path, "--hkl", "1,1,1")[1]
    for name in ("a.mtz", "a.cif"):
        code, result = run_json("sf", path, "-o", tmp_path / name, "--dmin", "2.2")
        assert code == 0
        found = read_reflections(tmp_path / name)
        assert result["written"] == len(found.hkl)
        assert found.space_group == "F m -3 m"
        np.testing.assert_allclose(found.values, density.structure_factors(found.hkl), rtol=1e-5, atol=1e-4)
        assert run("sf", path, "-o", tmp_path / name, "--dmin", "2.2")[0] == 2


@pytest.mark.parametrize(
    "arguments", [[], ["--dmin", "2"], ["-o", "x.mtz"], ["--hkl", "99,0,0"], ["-o", "x.txt", "--dmin", "2.2"]]
)
def test_what_is_refused(arguments, save, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("sf", save(crystal(225)), *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("symfft: error: ")


def test_a_primitive_cell_has_no_setting_that_a_file_can_name(real_densities, run, tmp_path):
    code, _, err = run("sf", real_densities / "Si2_sg227_56.CHGCAR.gz", "-o", tmp_path / "a.mtz", "--dmin", "1")
    assert code == 2
    assert "--standardize" in err
