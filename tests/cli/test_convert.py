"""`symfft convert`."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from crystals import crystal, odd_magnetization

from symfft.io import read_density

AUGMENTATION = "augmentation occupancies   1   2\n  0.1000000E+00  0.2000000E+00\n"


def with_augmentation(density):
    one = "".join(AUGMENTATION.replace("   1   2", f"{i + 1:4d}   2") for i in range(len(density.numbers)))
    return dataclasses.replace(density, augmentation=(one,) * density.blocks)


@pytest.mark.parametrize("name", ["rho.cube", "rho.cube.gz", "CHGCAR.xz", "rho.vasp", "rho.mrc"])
def test_convert_by_suffix(name, save, run_json, tmp_path):
    density = with_augmentation(crystal(194))
    out = tmp_path / name
    code, result = run_json("convert", save(density), out)
    assert code == 0
    new = read_density(out)
    accuracy = 1e-6 if name.endswith("mrc") else 1e-9
    np.testing.assert_allclose(new.values, density.values, rtol=accuracy)
    assert result["electrons"] == pytest.approx(density.electrons, rel=accuracy)
    lossless = "cube" not in name and "mrc" not in name
    assert lossless == (not result["notes"])
    assert (new.augmentation == density.augmentation) == lossless


def test_convert_says_what_the_format_cannot_hold(save, run_json, tmp_path):
    field, _ = odd_magnetization(14)
    path = save(crystal(14, magnetization=field))
    assert "magnetization" in run_json("convert", path, tmp_path / "x.cube")[1]["notes"][0]
    assert "atoms" in run_json("convert", path, tmp_path / "x.ccp4")[1]["notes"][0]


def test_convert_to_another_grid_keeps_symmetry_and_electrons(save, run_json, run, tmp_path):
    density = with_augmentation(crystal(227))
    out = tmp_path / "finer.vasp"
    code, result = run_json("convert", save(density), out, "--shape", "12x12x12")
    assert (code, result["shape"]) == (0, [12, 12, 12])
    assert result["electrons"] == pytest.approx(density.electrons, rel=1e-9)
    assert read_density(out).augmentation == density.augmentation
    assert run("check", out, "--tolerance", "1e-9")[0] == 0
    assert run_json("convert", out, tmp_path / "y.vasp", "--shape", "16")[1]["shape"] == [16, 16, 16]


def test_convert_warns_of_negative_values_from_interpolation(save, run_json, tmp_path):
    density = crystal(221)
    spike = np.zeros(density.shape)
    spike[0, 0, 0] = 1.0
    _, result = run_json("convert", save(density.with_values(spike)), tmp_path / "x.vasp", "--shape", "14")
    assert "negative values" in result["notes"][0]
    assert result["min"] < 0


def test_convert_to_the_standard_cell(save, run_json, run, tmp_path):
    cubic = crystal(225)
    at = np.indices((4, 4, 4)).reshape(3, -1)
    x, y, z = (at[1] + at[2], at[0] + at[2], at[0] + at[1])
    primitive = dataclasses.replace(
        with_augmentation(cubic),
        values=cubic.values[x % 8, y % 8, z % 8].reshape(4, 4, 4),
        lattice=2.8 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]),
        positions=[[0, 0, 0], [0.5, 0.5, 0.5]],
        numbers=[11, 17],
        augmentation=None,
    )
    primitive = with_augmentation(primitive)
    out = tmp_path / "cubic.vasp"
    code, result = run_json("convert", save(primitive), out, "--standardize")
    assert (code, result["shape"], result["formula"]) == (0, [8, 8, 8], "Na4 Cl4")
    assert result["electrons"] == pytest.approx(4 * result["electrons_before"], rel=1e-9)
    assert any("augmentation" in note for note in result["notes"])
    assert run_json("info", out, "--group", "225")[1]["space_group"]["order"] == 192
    assert run("check", out, "--group", "225", "--tolerance", "1e-8")[0] == 0
    assert (
        run_json("convert", tmp_path / "CHGCAR", tmp_path / "z.vasp", "--standardize", "--shape", "10")[1]["shape"]
        == [10] * 3
    )
