"""The commands on real files."""

from __future__ import annotations

import numpy as np
import pytest

from symfft.io import read_density

REAL = {
    "Si2_sg227_56.CHGCAR.gz": (227, 4082, 1e-10),
    "NaCl_sg225_56.CHGCAR.gz": (225, 4285, 1e-5),
    "Fe2_sg229_28.CHGCAR.gz": (229, 344, 1e-10),
    "Fe1_sg229_28_spin.CHGCAR.gz": (229, 624, 1e-4),
    "Fe3O4_sg166_36_spin.CHGCAR.gz": (166, 4237, 1e-4),
    "Li1_sg139_32.CHGCAR.gz": (139, 2393, 1e-5),
    "Si2_sg227_24.cube.gz": (227, 374, 1e-10),
    "NO_sg25_32x48x64.CHGCAR.gz": (25, 27200, 1e-10),
}


def test_real_files_hold_what_is_known_of_them(real_densities, run_json):
    files = [real_densities / name for name in REAL]
    code, result = run_json("info", *files)
    assert code == 0
    found = [(f["space_group"]["number"], f["asymmetric_unit"]["size"]) for f in result]
    assert found == [(number, size) for number, size, _ in REAL.values()]


@pytest.mark.parametrize("name", REAL)
def test_real_files_keep_their_symmetry_through_the_commands(name, real_densities, run_json, tmp_path):
    _, size, tolerance = REAL[name]
    path, au, back, average = real_densities / name, tmp_path / "a.npz", tmp_path / "b.vasp", tmp_path / "c.vasp"
    assert run_json("check", path, "--tolerance", tolerance)[0] == 0
    code, result = run_json("reduce", path, "-o", au)
    assert (code, result["grids"]["values"]["values"]) == (0, size)
    assert run_json("expand", au, "-o", back)[0] == 0
    old, new = read_density(path), read_density(back)
    assert np.abs(new.values - old.values).max() <= 2 * tolerance * np.abs(old.values).max()
    assert new.augmentation == old.augmentation
    assert new.numbers.tolist() == old.numbers.tolist()
    assert run_json("symmetrize", path, "-o", average)[0] == 0
    np.testing.assert_allclose(read_density(average).values, new.values, rtol=0, atol=1e-9 * np.abs(new.values).max())


def test_a_real_noncollinear_antiferromagnet(real_densities, run_json, run, tmp_path):
    path = real_densities / "NiO_28_noncollinear.CHGCAR.gz"
    code, result = run_json("check", path)
    assert code == 0
    assert result["magnetization"]["measure"] == "length"
    assert run("symmetrize", path, "-o", tmp_path / "x.vasp")[0] == 1
    assert run_json("reduce", path, "-o", tmp_path / "x.npz")[1]["grids"]["magnetization"]["operators"] == 1
    assert run("expand", tmp_path / "x.npz", "-o", tmp_path / "x.vasp")[0] == 0
    old, new = read_density(path), read_density(tmp_path / "x.vasp")
    np.testing.assert_allclose(new.magnetization, old.magnetization, rtol=0, atol=1e-9)


def test_forcing_too_high_a_symmetry_on_a_real_file_fails_the_check(real_densities, run):
    path = real_densities / "Li1_sg139_32.CHGCAR.gz"
    assert run("check", path, "--symprec", "0.01")[0] == 1
    assert run("check", path, "--symprec", "0.01", "--tolerance", "2e-3")[0] == 0
