"""`symfft symmetrize`."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from crystals import CRYSTALS, crystal, odd_magnetization

import naive
from symfft import Density, SpaceGroup, check_symmetry, symmetrize_reciprocal
from symfft.io import read_density

AUGMENTATION = "augmentation occupancies   1   2\n  0.1000000E+00  0.2000000E+00\n"


def with_augmentation(density):
    one = "".join(AUGMENTATION.replace("   1   2", f"{i + 1:4d}   2") for i in range(len(density.numbers)))
    return dataclasses.replace(density, augmentation=(one,) * density.blocks)


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
    assert check_symmetry(new.values - new.spin_down, group).largest_signed_residual < 1e-8
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


def test_symmetrize_through_structure_factors(save, run, run_json, tmp_path):
    density = crystal(62)
    odd = Density(density.values[:, :5, :], density.lattice, density.positions, density.numbers)
    out = tmp_path / "sym.vasp"
    code, _, error = run("symmetrize", save(odd), "-o", out, "--tolerance", "inf")
    assert code == 1
    assert "8 operators do not fit" in error
    assert "--reciprocal averages on this grid" in error
    assert not out.exists()
    code, result = run_json("symmetrize", save(odd), "-o", out, "--tolerance", "inf", "--reciprocal")
    assert (code, result["reciprocal"]) == (0, True)
    wanted = symmetrize_reciprocal(odd, 62)
    np.testing.assert_allclose(read_density(out).values, wanted.values, rtol=0, atol=1e-9)
    assert run("symmetrize", save(odd), "-o", tmp_path / "b.vasp", "--reciprocal")[0] == 1


def test_symmetrize_through_structure_factors_is_the_same_where_the_grid_fits(save, run_json, tmp_path):
    field, _ = odd_magnetization(62)
    path = save(dataclasses.replace(crystal(62), magnetization=field))
    for name, extra in (("a.vasp", ()), ("b.vasp", ("--reciprocal",))):
        code, result = run_json("symmetrize", path, "-o", tmp_path / name, *extra)
        assert (code, result["magnetization"]["sign_changing_operators"]) == (0, 4)
    assert (tmp_path / "a.vasp").read_bytes() == (tmp_path / "b.vasp").read_bytes()


def test_a_magnetization_off_the_grid_must_have_signs(save, run, run_json, tmp_path):
    x = np.arange(9) / 9 - 0.01234567
    odd, even = (f(2 * np.pi * x)[:, None, None] * np.ones((9, 9, 9)) for f in (np.sin, np.cos))
    sites = np.array([[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]]) + 0.01234567
    cell = np.diag([4.0, 5.0, 6.0]) + 0.3 * np.eye(3)[::-1]
    out = tmp_path / "sym.vasp"
    made = Density(2 + even, cell, sites, [8, 8], magnetization=odd)
    code, result = run_json("symmetrize", save(made), "-o", out, "--reciprocal")
    assert (code, result["magnetization"]["sign_changing_operators"]) == (0, 1)
    np.testing.assert_allclose(read_density(out).magnetization, odd, atol=1e-5)
    mixed = dataclasses.replace(made, magnetization=odd + even)
    code, _, error = run("symmetrize", save(mixed), "-o", out, "--reciprocal", "--force")
    assert code == 1
    assert "neither keep nor reverse" in error
