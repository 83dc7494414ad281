"""`symfft info`."""

from __future__ import annotations

import numpy as np
import pytest
from crystals import CRYSTALS, crystal, odd_magnetization

import naive
from symfft import SpaceGroup


@pytest.mark.parametrize("number", CRYSTALS)
def test_info_tells_what_a_file_holds(number, save, run_json, run):
    density = crystal(number)
    path = save(density)
    code, result = run_json("info", path)
    found = result
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
    found = result
    assert code == 0
    assert found["space_group"]["fitting_operators"] == 2
    assert found["next_compatible_shape"] == [6, 10, 10]
    assert found["asymmetric_unit"] is None
    assert "the next grid that does is 6 × 10 × 10" in run("info", path)[1]
    out = tmp_path / "CHGCAR.fit"
    code, result = run_json("convert", path, out, "--shape", "fit")
    assert (code, result["shape"], result["shape_before"]) == (0, [6, 10, 10], [6, 9, 10])
    assert run_json("info", out)[1]["space_group"]["fits"]


def test_info_of_spins(save, run_json):
    field, _ = odd_magnetization(14)
    found = run_json("info", save(crystal(14, magnetization=field + 0.5)))[1]
    assert found["holds"] == "electron density, collinear spin"
    assert found["moment"] == pytest.approx(0.5 * found["volume"], rel=1e-8)
    vectors = np.stack([np.full(field.shape, x) for x in (1.0, -2.0, 0.25)])
    found = run_json("info", save(crystal(14, magnetization=vectors)))[1]
    assert found["moment"] == pytest.approx((np.array([1.0, -2.0, 0.25]) * found["volume"]).tolist(), rel=1e-8)
    found = run_json("info", save(crystal(14, kind="potential"), "LOCPOT"))[1]
    assert (found["kind"], found["electrons"], found["moment"]) == ("potential", None, None)


def test_a_map_without_atoms_needs_a_group(save, run, run_json):
    path = save(crystal(225), "rho.ccp4")
    code, result = run_json("info", path)
    assert code == 0
    assert "--group" in result["notes"][0]
    assert run_json("info", path, "--group", "225")[1]["space_group"]["order"] == 192
    code, _, err = run("check", path)
    assert code == 2
    assert "--group" in err


def test_groups_are_named_by_number_symbol_or_hall_symbol(save, run_json, run):
    path = save(crystal(227))
    wanted = run_json("info", path, "--group", "227")[1]["asymmetric_unit"]
    for name in ("F d -3 m:2", "hall:-F 4vw 2vw 3"):
        assert run_json("info", path, "--group", name)[1]["asymmetric_unit"] == wanted
    for name, word in [("F q", "unknown"), ("231", "does not exist"), ("hall:no", "cannot be read"), ("194", "cell")]:
        code, out, err = run("info", path, "--group", name)
        assert (code, out) == (2, "")
        assert word in err


@pytest.mark.parametrize("symprec", ["-1", "0", "nan", "inf", "1e300", "1e-300", "2", "x"])
@pytest.mark.parametrize("command", ["info", "check", "convert"])
def test_a_tolerance_that_is_no_distance_is_wrong_usage(command, symprec, save, run, tmp_path):
    extra = ("--standardize", tmp_path / "out.vasp") if command == "convert" else ()
    code, out, error = run(command, save(crystal(14)), *extra, f"--symprec={symprec}")
    assert (code, out) == (2, "")
    assert "--symprec" in error
