"""`symfft check`."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from crystals import CRYSTALS, crystal, odd_magnetization

import naive
from symfft import Density, SpaceGroup
from symfft.io import read_density


@pytest.mark.parametrize("number", CRYSTALS)
def test_check_passes_what_is_symmetric_and_finds_what_is_not(number, save, run_json, run):
    density = crystal(number)
    code, result = run_json("check", save(density))
    assert code == 0
    assert result["symmetric"]
    assert len(result["total"]["operators"]) == SpaceGroup.from_number(number).order
    broken = np.array(density.values)
    broken[1, 2, 3] += 0.01 * broken.max()
    path = save(density.with_values(broken))
    code, result = run_json("check", path)
    assert code == 1
    assert not result["symmetric"]
    by_operator = {o["triplet"]: o["even"] for o in result["total"]["operators"]}
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
    found = result
    assert code == 1
    assert not found["fits"]
    assert sum(not o["fits"] for o in found["total"]["operators"]) == 2
    assert found["next_compatible_shape"] == [6, 10, 10]
    assert "does not fit 2 operators; the next grid that does is 6 × 10 × 10" in run("check", path)[1]


def test_check_measures_through_structure_factors_what_the_grid_does_not_carry(save, run_json, run):
    """An inversion centre between the points of any grid: the density is symmetric about it all the same."""
    x = np.arange(9) / 9 - 0.01234567
    waves = [np.cos(2 * np.pi * x).reshape([-1 if i == j else 1 for j in range(3)]) for i in range(3)]
    values = 3 + waves[0] * waves[1] + waves[2]
    sites = np.array([[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]]) + 0.01234567
    path = save(Density(values, np.diag([4.0, 5.0, 6.0]) + 0.3 * np.eye(3)[::-1], sites, [8, 8]))
    code, result = run_json("check", path)
    assert (code, result["fits"], result["next_compatible_shape"]) == (0, False, None)
    assert result["symmetric"]
    assert result["reciprocal"]["symmetric"]
    assert result["reciprocal"]["residual"] < 1e-6
    out = run("check", path)[1]
    assert "kept within 0.001 by the 1 that fit" in out
    assert "no grid does, as the origin of the group lies between grid points" in out
    assert "symfft symmetrize --reciprocal" in out
    assert "no grid does" in run("info", path)[1]

    broken = values.copy()
    broken[1, 2, 3] += 0.1
    path = save(Density(broken, np.diag([4.0, 5.0, 6.0]) + 0.3 * np.eye(3)[::-1], sites, [8, 8]), "broken.vasp")
    code, result = run_json("check", path)
    assert (code, result["symmetric"]) == (1, False)
    assert 0.005 < result["reciprocal"]["residual"] < 0.02


@pytest.mark.parametrize("sign", [1, -1])
def test_check_of_a_magnetization_on_a_grid_that_does_not_fit(sign, save, run_json, run):
    """Two spins about an inversion centre between grid points, parallel or antiparallel."""
    x = np.arange(9) / 9 - 0.01234567
    waves = [np.cos(2 * np.pi * x).reshape([-1 if i == j else 1 for j in range(3)]) for i in range(3)]
    odd = np.sin(2 * np.pi * x).reshape(-1, 1, 1) * (1 + waves[1] * waves[2] / 2)
    even = waves[0] + waves[1] * waves[2]
    sites = np.array([[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]]) + 0.01234567
    cell = np.diag([4.0, 5.0, 6.0]) + 0.3 * np.eye(3)[::-1]
    spin = even if sign > 0 else odd
    path = save(Density(3 + waves[0] * waves[1] + waves[2], cell, sites, [8, 8], magnetization=spin))
    code, result = run_json("check", path)
    assert (code, result["fits"], result["magnetization"]["symmetric"]) == (0, False, True)
    assert result["magnetization"]["sign_changing_operators"] == (0 if sign > 0 else 1)
    assert result["magnetization"]["reciprocal"]["residual"] < 1e-6
    assert "through its structure factors" in run("check", path)[1]
    path = save(Density(3 + waves[0] * waves[1] + waves[2], cell, sites, [8, 8], magnetization=even + odd), "b.vasp")
    code, result = run_json("check", path)
    assert (code, result["total"]["symmetric"], result["magnetization"]["symmetric"]) == (1, True, False)


@pytest.mark.parametrize("number", [2, 14, 62, 166, 194])
def test_check_recognises_operators_that_change_the_sign_of_the_magnetization(number, save, run_json, run):
    field, signs = odd_magnetization(number)
    path = save(crystal(number, magnetization=field))
    code, result = run_json("check", path)
    magnetization = result["magnetization"]
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
    assert result["total"]["symmetric"]
    assert not result["magnetization"]["symmetric"]
    code, result = run_json("check", save(crystal(14, magnetization=1e-9 * field)))
    assert code == 0
    assert "taken for zero" in result["notes"][0]


def test_check_of_a_noncollinear_magnetization_is_by_its_length(save, run_json):
    field, _ = odd_magnetization(14)
    direction = np.array([1.0, 2.0, -2.0]).reshape(3, 1, 1, 1)
    code, result = run_json("check", save(crystal(14, magnetization=direction * field)))
    magnetization = result["magnetization"]
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
    assert result["magnetization"]["sign_changing_operators"] == 2
