"""`symfft convert`."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from crystals import crystal, odd_magnetization

from symfft.io import read_density
from symfft.io.reflections import unique_reflections, write_reflections

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


# ---- standard output ------------------------------------------------------------------------------------------------


def test_a_pipe_of_commands_gives_what_files_give(save, tmp_path):
    density = crystal(225)
    path = save(density)
    command = [sys.executable, "-m", "symfft"]
    first = subprocess.run([*command, "convert", path, "-", "--to", "xsf"], capture_output=True, check=True)
    assert first.stderr.decode().startswith("-: Na4 Cl4")
    for to in ("vasp", "cube", "ccp4", "xsf"):
        second = subprocess.run(
            [*command, "symmetrize", "-", "-o", "-", "--to", to], input=first.stdout, capture_output=True, check=True
        )
        (tmp_path / "out").write_bytes(second.stdout)
        found = read_density(tmp_path / "out", format=to)
        np.testing.assert_allclose(found.values, density.values, rtol=1e-6)


def test_json_of_a_density_on_standard_output_is_on_standard_error(save):
    done = subprocess.run(
        [sys.executable, "-m", "symfft", "convert", save(crystal(225)), "-", "--to", "cube", "--json"],
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stderr)["output"] == "-"
    assert b"command" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-",), "standard output has no name that says a format"),
        (("a.cube", "--to", "xsf"), "the name says cube, --to says xsf"),
        (("a.npz",), "written by symfft reduce"),
        (("a.dat",), "does not say which format"),
        (("-", "--to", "au"), "invalid choice"),
    ],
)
def test_formats_that_are_not_said_or_said_twice(arguments, message, save, run):
    code, _, err = run("convert", save(crystal(225)), *arguments)
    assert code == 2
    assert message in err


def test_a_name_without_a_format_gets_the_one_that_is_asked_for(save, run, tmp_path):
    assert run("convert", save(crystal(225)), tmp_path / "a.dat", "--to", "cube")[0] == 0
    assert (tmp_path / "a.dat").read_bytes() == _cube_of(run, save, tmp_path)


def _cube_of(run, save, tmp_path):
    run("convert", save(crystal(225)), tmp_path / "a.cube")
    return (tmp_path / "a.cube").read_bytes()


def test_a_potential_is_not_sent_where_nothing_says_that_it_is_one(save, run):
    path = save(crystal(225, kind="potential"), "LOCPOT")
    code, _, err = run("convert", path, "-", "--to", "vasp")
    assert code == 2
    assert "standard output: the name does not say what the values are" in err


def test_axes_that_are_reversed_are_spoken_of(save, run_json, tmp_path):
    density = crystal(14)
    mirrored = dataclasses.replace(density, lattice=density.lattice * [1, 1, -1])
    _, result = run_json("convert", save(mirrored), tmp_path / "a.ccp4")
    assert any("left-handed" in note and "reversed" in note for note in result["notes"])
    _, result = run_json("convert", save(density, "b.vasp"), tmp_path / "b.ccp4")
    assert not any("reversed" in note for note in result["notes"])


# ---- maps and reflections -------------------------------------------------------------------------------------------


def test_the_group_of_a_header_is_the_default(run, run_json, tmp_path):
    import gemmi

    density = crystal(14)
    write_reflections(tmp_path / "a.mtz", unique_reflections(density, "P 1 21/c 1", 2.2))
    code, found = run_json("check", tmp_path / "a.mtz", "--tolerance", "1e-6")
    assert (code, found["space_group"]["symbol"], found["space_group"]["order"]) == (0, "P 1 21/c 1", 4)
    assert run("convert", tmp_path / "a.mtz", tmp_path / "a.ccp4")[0] == 0
    assert gemmi.read_ccp4_map(str(tmp_path / "a.ccp4")).header_i32(23) == 14
    assert run_json("info", tmp_path / "a.ccp4")[1]["space_group"]["symbol"] == "P 1 21/c 1"
    assert run("reduce", tmp_path / "a.ccp4", "-o", tmp_path / "a.npz")[0] == 0
    assert run_json("check", tmp_path / "a.npz")[1]["space_group"]["symbol"] == "P 1 21/c 1"
    assert run("supercell", tmp_path / "a.ccp4", "2", "-o", tmp_path / "b.ccp4")[0] == 0
    assert "no atoms" in run_json("info", tmp_path / "b.ccp4")[1]["notes"][0]  # the group was that of the old cell
