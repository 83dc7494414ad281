"""The command `symfft`, run in this process on small made-up crystals and on real files."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from crystals import CRYSTALS, crystal, odd_magnetization

import naive
from symfft import SpaceGroup, check_symmetry
from symfft.cli import commands, main
from symfft.cli.arguments import build_parser
from symfft.io import read_density, write_density

#: Said on the first run, where machine code is not kept yet.
NOTICE = re.compile(r"symfft: compiling .*\n")
AUGMENTATION = "augmentation occupancies   1   2\n  0.1000000E+00  0.2000000E+00\n"


@pytest.fixture
def run(capsys):
    """Run the command; return exit code, standard output and standard error."""

    def call(*arguments):
        code = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, NOTICE.sub("", err)

    return call


@pytest.fixture
def run_json(run):
    """Run the command with --json; return exit code and the one object on standard output."""

    def call(*arguments):
        code, out, _ = run(*arguments, "--json")
        assert out.count("\n") == 1
        return code, json.loads(out)

    return call


@pytest.fixture
def save(tmp_path):
    """Write a density to a file and return its path."""

    def write(density, name="CHGCAR"):
        path = tmp_path / name
        write_density(path, density)
        return path

    return write


def with_augmentation(density):
    one = "".join(AUGMENTATION.replace("   1   2", f"{i + 1:4d}   2") for i in range(len(density.numbers)))
    return dataclasses.replace(density, augmentation=(one,) * density.blocks)


# ---- info -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", CRYSTALS)
def test_info_tells_what_a_file_holds(number, save, run_json, run):
    density = crystal(number)
    path = save(density)
    code, result = run_json("info", path)
    (found,) = result["files"]
    group = SpaceGroup.from_number(number)
    assert code == 0
    assert found["space_group"] == {
        "number": number, "symbol": group.symbol, "order": group.order, "fitting_operators": group.order, "fits": True
    }  # fmt: skip
    assert found["asymmetric_unit"]["size"] == naive.burnside(group, density.shape)
    assert found["electrons"] == pytest.approx(density.values.mean() * abs(np.linalg.det(density.lattice)), rel=1e-9)
    assert found["shape"] == list(density.shape)
    assert [found["min"], found["max"]] == pytest.approx([density.values.min(), density.values.max()], rel=1e-9)
    assert found["atoms"] == len(density.numbers)
    lengths = np.linalg.norm(density.lattice, axis=1)
    assert [found["cell"][k] for k in "abc"] == pytest.approx(lengths.tolist())
    code, out, err = run("info", path)
    assert (code, err) == (0, "")
    assert f"{group.symbol} (number {number})" in out
    assert f"{found['asymmetric_unit']['size']:,} points" in out


def test_info_names_the_next_grid_where_this_one_does_not_fit_and_convert_goes_there(save, run_json, run, tmp_path):
    path = save(crystal(14, shape=(6, 9, 10)))
    code, result = run_json("info", path)
    (found,) = result["files"]
    assert code == 0
    assert found["space_group"]["fitting_operators"] == 2
    assert found["next_compatible_shape"] == [6, 10, 10]
    assert found["asymmetric_unit"] is None
    assert "the next grid that does is 6 × 10 × 10" in run("info", path)[1]
    out = tmp_path / "CHGCAR.fit"
    code, result = run_json("convert", path, out, "--shape", "fit")
    assert (code, result["shape"], result["shape_before"]) == (0, [6, 10, 10], [6, 9, 10])
    assert run_json("info", out)[1]["files"][0]["space_group"]["fits"]


def test_info_of_spins(save, run_json):
    field, _ = odd_magnetization(14)
    (found,) = run_json("info", save(crystal(14, magnetization=field + 0.5)))[1]["files"]
    assert found["holds"] == "electron density, collinear spin"
    assert found["moment"] == pytest.approx(0.5 * found["volume"], rel=1e-8)
    vectors = np.stack([np.full(field.shape, x) for x in (1.0, -2.0, 0.25)])
    (found,) = run_json("info", save(crystal(14, magnetization=vectors)))[1]["files"]
    assert found["moment"] == pytest.approx((np.array([1.0, -2.0, 0.25]) * found["volume"]).tolist(), rel=1e-8)
    (found,) = run_json("info", save(crystal(14, kind="potential"), "LOCPOT"))[1]["files"]
    assert (found["kind"], found["electrons"], found["moment"]) == ("potential", None, None)


def test_a_map_without_atoms_needs_a_group(save, run, run_json):
    path = save(crystal(225), "rho.ccp4")
    code, result = run_json("info", path)
    assert code == 0
    assert "--group" in result["files"][0]["notes"][0]
    assert run_json("info", path, "--group", "225")[1]["files"][0]["space_group"]["order"] == 192
    code, _, err = run("check", path)
    assert code == 2
    assert "--group" in err


def test_groups_are_named_by_number_symbol_or_hall_symbol(save, run_json, run):
    path = save(crystal(227))
    wanted = run_json("info", path, "--group", "227")[1]["files"][0]["asymmetric_unit"]
    for name in ("F d -3 m:2", "hall:-F 4vw 2vw 3"):
        assert run_json("info", path, "--group", name)[1]["files"][0]["asymmetric_unit"] == wanted
    for name, word in [("F q", "unknown"), ("231", "does not exist"), ("hall:no", "cannot be read"), ("194", "cell")]:
        code, out, err = run("info", path, "--group", name)
        assert (code, out) == (2, "")
        assert word in err


# ---- check ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", CRYSTALS)
def test_check_passes_what_is_symmetric_and_finds_what_is_not(number, save, run_json, run):
    density = crystal(number)
    code, result = run_json("check", save(density))
    assert code == 0
    assert result["files"][0]["symmetric"]
    assert len(result["files"][0]["total"]["operators"]) == SpaceGroup.from_number(number).order
    broken = np.array(density.values)
    broken[1, 2, 3] += 0.01 * broken.max()
    path = save(density.with_values(broken))
    code, result = run_json("check", path)
    assert code == 1
    assert not result["files"][0]["symmetric"]
    by_operator = {o["triplet"]: o["even"] for o in result["files"][0]["total"]["operators"]}
    group = read_density(path).space_group()
    index = np.indices(density.shape).reshape(3, -1).T.tolist()
    for w, t, triplet in list(zip(group.rotations, group.translations, group.triplets))[:8]:
        moved = np.array([naive.image(w, t, m, density.shape) for m in index])
        residual = np.abs(broken[tuple(moved.T)] - broken.reshape(-1)).max() / broken.max()
        assert by_operator[triplet] == pytest.approx(residual, abs=1e-9)
    assert run("check", path, "--tolerance", "0.1")[0] == 0
    code, out, err = run("check", path)
    assert (code, err) == (1, "")
    assert "NOT symmetric" in out
    assert all(triplet in out for triplet in by_operator)


def test_check_reports_operators_that_do_not_fit_the_grid(save, run_json, run):
    path = save(crystal(14, shape=(6, 9, 10)))
    code, result = run_json("check", path)
    (found,) = result["files"]
    assert code == 1
    assert not found["fits"]
    assert sum(not o["fits"] for o in found["total"]["operators"]) == 2
    assert found["next_compatible_shape"] == [6, 10, 10]
    assert "does not fit 2 operators; the next grid that does is 6 × 10 × 10" in run("check", path)[1]


@pytest.mark.parametrize("number", [2, 14, 62, 166, 194])
def test_check_recognises_operators_that_change_the_sign_of_the_magnetization(number, save, run_json, run):
    field, signs = odd_magnetization(number)
    path = save(crystal(number, magnetization=field))
    code, result = run_json("check", path)
    magnetization = result["files"][0]["magnetization"]
    assert code == 0
    group = read_density(path).space_group()
    wanted = {t: round(np.linalg.det(w)) for t, w in zip(group.triplets, group.rotations)}
    assert {o["triplet"]: o["sign"] for o in magnetization["operators"]} == wanted
    assert magnetization["sign_changing_operators"] == (signs < 0).sum() == group.order // 2
    out = run("check", path)[1]
    assert out.count("changes sign") == group.order // 2
    assert f"{group.order // 2} operator" in out.splitlines()[-1]


def test_a_magnetization_without_definite_signs_breaks_the_symmetry(save, run_json):
    field = np.random.default_rng(0).standard_normal(CRYSTALS[14][1])
    code, result = run_json("check", save(crystal(14, magnetization=field)))
    assert code == 1
    assert result["files"][0]["total"]["symmetric"]
    assert not result["files"][0]["magnetization"]["symmetric"]
    code, result = run_json("check", save(crystal(14, magnetization=1e-9 * field)))
    assert code == 0
    assert "taken for zero" in result["files"][0]["notes"][0]


def test_check_of_a_noncollinear_magnetization_is_by_its_length(save, run_json):
    field, _ = odd_magnetization(14)
    direction = np.array([1.0, 2.0, -2.0]).reshape(3, 1, 1, 1)
    code, result = run_json("check", save(crystal(14, magnetization=direction * field)))
    magnetization = result["files"][0]["magnetization"]
    assert code == 0
    assert (magnetization["measure"], magnetization["sign_changing_operators"]) == ("length", None)
    field[1, 1, 1] += np.abs(field).max()
    assert run_json("check", save(crystal(14, magnetization=direction * field)))[0] == 1


def test_check_of_spins_in_two_channels(save, run_json):
    field, _ = odd_magnetization(14)
    values = crystal(14).values
    density = crystal(14, kind="potential", spin_down=values - field)
    density = dataclasses.replace(density, values=values + field)
    code, result = run_json("check", save(density, "LOCPOT"))
    assert code == 0
    assert result["files"][0]["magnetization"]["sign_changing_operators"] == 2


# ---- symmetrize -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [14, 62, 76, 194, 225])
def test_symmetrize_averages_over_the_group(number, save, run_json, tmp_path):
    density = crystal(number)
    noise = 1e-4 * np.random.default_rng(3).standard_normal(density.shape)
    noisy = density.with_values(density.values + noise)
    out = tmp_path / "sym.vasp"
    code, result = run_json("symmetrize", save(noisy), "-o", out)
    assert code == 0
    new = read_density(out)
    wanted = naive.symmetrized(noisy.values, SpaceGroup.from_number(number))
    np.testing.assert_allclose(new.values, wanted, rtol=0, atol=1e-9)
    assert new.electrons == pytest.approx(noisy.electrons, rel=1e-9)
    residual = max(o.even for o in check_symmetry(read_density(tmp_path / "CHGCAR").values, number).operators)
    assert result["residual_before"] == pytest.approx(residual)
    assert result["electrons"] == pytest.approx(noisy.electrons, rel=1e-9)


def test_symmetrize_keeps_the_signs_of_a_magnetization(save, run_json, tmp_path):
    field, signs = odd_magnetization(62)
    noise = 1e-4 * np.random.default_rng(3).standard_normal((2, *field.shape))
    clean = crystal(62)
    noisy = clean.with_values(clean.values + noise[0], field + noise[1])
    out = tmp_path / "sym.vasp"
    code, result = run_json("symmetrize", save(noisy), "-o", out)
    assert (code, result["magnetization"]["sign_changing_operators"]) == (0, 4)
    new = read_density(out)
    group = SpaceGroup.from_number(62)
    proper = SpaceGroup.from_operators(group.rotations[signs > 0], group.translations[signs > 0])
    even, full = (naive.symmetrized(noisy.magnetization, g) for g in (proper, group))
    np.testing.assert_allclose(new.magnetization, even - full, rtol=0, atol=1e-9)
    assert np.abs(new.magnetization - field).max() < 5e-4
    assert abs(new.magnetization.mean()) < 1e-9


def test_symmetrize_of_spins_in_two_channels(save, run, tmp_path):
    field, _ = odd_magnetization(14)
    values = crystal(14).values
    noise = 1e-4 * np.random.default_rng(0).standard_normal((2, *field.shape))
    density = crystal(14, kind="potential", spin_down=values - field + noise[0])
    density = dataclasses.replace(density, values=values + field + noise[1])
    out = tmp_path / "LOCPOT.new"
    assert run("symmetrize", save(density, "LOCPOT"), "-o", out)[0] == 0
    new = read_density(out)
    group = SpaceGroup.from_number(14)
    np.testing.assert_allclose(
        new.values + new.spin_down, naive.symmetrized(density.values + density.spin_down, group), atol=1e-8
    )
    assert check_symmetry(new.values - new.spin_down, group).largest_residual < 1e-8
    assert np.abs(new.values - density.values).max() < 1e-3


def test_symmetrize_refuses_what_is_no_noise(save, run, tmp_path):
    density = crystal(14)
    path, out = save(density.with_values(np.random.default_rng(0).random(density.shape))), tmp_path / "x.vasp"
    code, _, err = run("symmetrize", path, "-o", out)
    assert code == 1
    assert "--tolerance inf" in err
    assert not out.exists()
    assert run("symmetrize", path, "-o", out, "--tolerance", "inf")[0] == 0
    assert run("check", out)[0] == 0


def test_symmetrize_refuses_a_magnetization_that_it_would_destroy(save, run, tmp_path):
    out = tmp_path / "x.vasp"
    fields = {
        "neither keeps nor reverses": np.random.default_rng(0).standard_normal(CRYSTALS[14][1]),
        "non-collinear": np.random.default_rng(0).standard_normal((3, *CRYSTALS[14][1])),
    }
    for word, field in fields.items():
        path = save(with_augmentation(crystal(14, magnetization=field)))
        code, _, err = run("symmetrize", path, "-o", out)
        assert code == 1
        assert word in err
        assert "--drop-magnetization" in err
        assert err.count("\n") == 1
        assert not out.exists()
        assert run("symmetrize", path, "-o", out, "--drop-magnetization")[0] == 0
        new = read_density(out)
        assert (new.magnetization, new.blocks, len(new.augmentation)) == (None, 1, 1)
        out.unlink()


def test_a_grid_that_breaks_the_group_is_not_symmetrized(save, run, tmp_path):
    code, _, err = run("symmetrize", save(crystal(14, shape=(6, 9, 10))), "-o", tmp_path / "x.vasp")
    assert code == 1
    assert "(6, 10, 10)" in err


def test_augmentation_is_kept_or_dropped_and_the_user_told(save, run, run_json, tmp_path):
    density = with_augmentation(crystal(225))
    path, out = save(density), tmp_path / "x.vasp"
    code, result = run_json("symmetrize", path, "-o", out)
    assert "not symmetrized: kept" in result["notes"][0]
    assert read_density(out).augmentation == density.augmentation
    code, text, _ = run("symmetrize", path, "-o", out, "--augmentation", "drop", "--force")
    assert code == 0
    assert "left out" in text
    assert read_density(out).augmentation is None


# ---- convert --------------------------------------------------------------------------------------------------------


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
    assert run_json("info", out, "--group", "225")[1]["files"][0]["space_group"]["order"] == 192
    assert run("check", out, "--group", "225", "--tolerance", "1e-8")[0] == 0
    assert (
        run_json("convert", tmp_path / "CHGCAR", tmp_path / "z.vasp", "--standardize", "--shape", "10")[1]["shape"]
        == [10] * 3
    )


# ---- plot -----------------------------------------------------------------------------------------------------------


def test_plot_writes_a_picture(save, run, run_json, tmp_path):
    path = save(crystal(194))
    for name, magic in [("a.png", b"\x89PNG"), ("a.pdf", b"%PDF"), ("a.svg", b"<?xml")]:
        code, result = run_json("plot", path, "-o", tmp_path / name, "--log", "--isolines", "3", "--at", "0.3,0.7,0.25")
        assert (code, result["space_group"]["number"], result["notes"]) == (0, 194, [])
        assert (tmp_path / name).read_bytes().startswith(magic)
    assert run("plot", path, "-o", tmp_path / "a.txt")[0] == 2
    assert run("plot", path, "-o", tmp_path / "b.png", "--quantity", "magnetization")[0] == 2
    assert not (tmp_path / "b.png").exists()


def test_plot_without_an_asymmetric_unit_says_why(save, run_json, tmp_path):
    _, result = run_json("plot", save(crystal(14, shape=(6, 9, 10))), "-o", tmp_path / "a.png")
    assert "does not fit" in result["notes"][0]
    _, result = run_json("plot", save(crystal(14), "rho.ccp4"), "-o", tmp_path / "b.png")
    assert "no atoms" in result["notes"][0]
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")


# ---- manners --------------------------------------------------------------------------------------------------------


def test_a_bad_file_does_not_stop_the_others(save, run, run_json, tmp_path):
    good = save(crystal(225))
    bad = tmp_path / "bad"
    bad.write_text("no density\nat all\n")
    broken = save(crystal(14, magnetization=np.random.default_rng(0).standard_normal(CRYSTALS[14][1])), "CHGCAR.broken")
    code, out, err = run("info", bad, good, tmp_path / "nothing")
    assert code == 2
    assert "F m -3 m" in out
    lines = err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("symfft: error: ") for line in lines)
    assert str(bad) in lines[0]
    assert lines[1] == f"symfft: error: {tmp_path / 'nothing'}: No such file or directory"
    code, result = run_json("check", broken, bad, good)
    assert code == 2
    assert ["error" in entry for entry in result["files"]] == [False, True, False]
    assert [entry["file"] for entry in result["files"]] == [str(p) for p in (broken, bad, good)]
    assert run("check", good, broken)[0] == 1
    assert run("check", good, good)[0] == 0


OUTPUTS = {
    "symmetrize": (["-o"], "out.vasp"),
    "reduce": (["-o"], "out.npz"),
    "convert": ([], "out.cube"),
    "plot": (["-o"], "out.png"),
}


@pytest.mark.parametrize("command", OUTPUTS)
def test_outputs_are_not_overwritten_unless_forced(command, save, run, tmp_path):
    path = save(crystal(225))
    flags, name = OUTPUTS[command]
    out = tmp_path / name
    out.write_bytes(b"precious")
    code, text, err = run(command, path, *flags, out)
    assert (code, text) == (2, "")
    assert "--force" in err
    assert out.read_bytes() == b"precious"
    assert run(command, path, *flags, out, "--force")[0] == 0
    assert out.read_bytes() != b"precious"
    code, _, err = run(command, path, *flags, tmp_path)
    assert code == 2
    assert "folder" in err
    assert run(command, path, *flags, tmp_path / "no" / name)[0] == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["CHGCAR", name])


@pytest.mark.parametrize("command", OUTPUTS)
def test_a_failure_while_writing_leaves_the_old_file(command, save, run, tmp_path, monkeypatch):
    path = save(crystal(225))
    flags, name = OUTPUTS[command]
    out = tmp_path / name
    out.write_bytes(b"precious")

    def full(_):
        raise OSError(28, "No space left on device", str(out))

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = run(command, path, *flags, out, "--force")
    assert (code, err) == (2, f"symfft: error: {out}: No space left on device\n")
    assert out.read_bytes() == b"precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["CHGCAR", name])


def test_errors_with_json_are_on_both_channels(run, tmp_path):
    code, out, err = run("symmetrize", tmp_path / "nothing", "-o", tmp_path / "x.vasp", "--json")
    assert code == 2
    assert json.loads(out)["error"] in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["frobnicate"], ["info"], ["check", "x", "--tolerance", "-1"], ["check", "x", "--tolerance", "nan"],
        ["check", "x", "--tolerance", "much"], ["info", "x", "--symprec", "0"], ["symmetrize", "x"], ["plot", "x"],
        ["plot", "x", "-o", "y.png", "--isolines", "many"], ["plot", "x", "-o", "y.png", "--at", "1,2"],
        ["plot", "x", "-o", "y.png", "--at", "a,b,c"], ["convert", "x", "y", "--shape", "4x4"],
        ["convert", "x", "y", "--shape", "0"], ["info", "x", "--frob"],
    ],
)  # fmt: skip
def test_wrong_usage_is_one_line_and_code_2(arguments, run):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"symfft: error: .*--help\)\n", err)


def test_names_that_say_no_format_are_refused(save, run, tmp_path):
    path = save(crystal(225))
    for arguments in (
        ["convert", path, tmp_path / "x.txt"],
        ["convert", path, tmp_path / "x.npz"],
        ["reduce", path, "-o", tmp_path / "x.txt"],
        ["expand", path, "-o", tmp_path / "y.cube"],
    ):
        code, _, err = run(*arguments)
        assert code == 2
        assert err.startswith("symfft: error: ")
        assert err.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["CHGCAR"]


def test_help_and_version(run):
    assert re.fullmatch(r"symfft \d+\.\d+\.\d+\S*\n", run("--version")[1])
    code, out, _ = run("--help")
    assert code == 0
    assert "exit codes" in out
    for command in ("info", "check", "symmetrize", "reduce", "expand", "convert", "plot"):
        assert command in out
        code, text, _ = run(command, "--help")
        assert code == 0
        assert "--json" in text
        assert f"usage: {build_parser().prog} {command}" in text


def test_an_interrupt_is_no_traceback(monkeypatch, run):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "info", interrupted)
    assert run("info", "x") == (130, "", "")


def test_too_little_memory_is_an_error_in_one_line(monkeypatch, run):
    def greedy(**_):
        raise MemoryError

    monkeypatch.setattr(commands, "info", greedy)
    assert run("info", "x") == (2, "", "symfft: error: there is not enough memory for this grid\n")


def started(*arguments, **options):
    command = [sys.executable, "-m", "symfft.cli", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def test_a_reader_that_goes_away_is_no_error(save):
    with started("info", *[save(crystal(225))] * 20) as process:
        process.stdout.close()
        assert NOTICE.sub("", process.stderr.read()) == ""
        assert process.wait(60) == 128 + signal.SIGPIPE


def test_any_terminal_can_show_the_text(save):
    path = save(crystal(225), "CHGCAR_ä")
    with started("info", path, env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, NOTICE.sub("", err)) == (0, "")
    assert r"8 \xd7 8 \xd7 8" in out


def test_help_starts_fast():
    code = "import sys; from symfft.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numba", "scipy", "matplotlib", "torch", "spglib", "gemmi", "h5py", "symfft.cli.commands"}
    assert heavy & set(done.stderr.split()) == set()


# ---- real files -----------------------------------------------------------------------------------------------------

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
    found = [(f["space_group"]["number"], f["asymmetric_unit"]["size"]) for f in result["files"]]
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
    assert result["files"][0]["magnetization"]["measure"] == "length"
    assert run("symmetrize", path, "-o", tmp_path / "x.vasp")[0] == 1
    assert run_json("reduce", path, "-o", tmp_path / "x.npz")[1]["grids"]["magnetization"]["operators"] == 1
    assert run("expand", tmp_path / "x.npz", "-o", tmp_path / "x.vasp")[0] == 0
    old, new = read_density(path), read_density(tmp_path / "x.vasp")
    np.testing.assert_allclose(new.magnetization, old.magnetization, rtol=0, atol=1e-9)


def test_forcing_too_high_a_symmetry_on_a_real_file_fails_the_check(real_densities, run):
    path = real_densities / "Li1_sg139_32.CHGCAR.gz"
    assert run("check", path, "--symprec", "0.01")[0] == 1
    assert run("check", path, "--symprec", "0.01", "--tolerance", "2e-3")[0] == 0


# ---- documentation --------------------------------------------------------------------------------------------------

DOCUMENT = (Path(__file__).resolve().parents[1] / "docs" / "cli.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^symfft [^…\n]*?(?= \||$)", "\n".join(re.findall(r"```bash\n(.*?)```", DOCUMENT, re.S)), re.M)


@pytest.mark.parametrize("example", EXAMPLES)
def test_documented_commands_are_usage_that_the_parser_takes(example):
    assert build_parser().parse_args(shlex.split(example)[1:]).command in example


def test_documented_python_expands_a_reduced_density(save, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    density = crystal(194)
    assert run("reduce", save(density), "-o", "rho.npz")[0] == 0
    names = {}
    exec(re.search(r"```python\n(.*?)```", DOCUMENT, re.S)[1], names)
    np.testing.assert_allclose(names["rho"], density.values, rtol=1e-9)
