"""`symfft average`, `profile`, `integrate`."""

from __future__ import annotations

import numpy as np
import pytest
from crystals import crystal, odd_magnetization


def test_averages_as_numbers_and_as_a_table(save, run, run_json):
    density = crystal(62)
    path = save(density)
    code, result = run_json("average", path, "--axis", "c", "--window", "2", "--window", "3")
    assert code == 0
    line = density.average("c", (2.0, 3.0))
    np.testing.assert_allclose(result["values"], line.values, rtol=1e-8)
    np.testing.assert_allclose(result["distance"], line.distance)
    _, out, _ = run("average", path, "--axis", "a")
    assert out.splitlines()[0].split() == ["#", "distance/Å", "values/(e/Å³)"]
    rows = np.loadtxt(out.splitlines())
    np.testing.assert_allclose(rows[:, 1], density.average("a").values, rtol=1e-7)
    assert run("average", path, "--axis", "z")[0] == 2
    assert run("average", path, "--axis", "a", "--window", "-1")[0] == 2


def test_profiles_with_a_magnetization(save, run, run_json):
    field, _ = odd_magnetization(14)
    density = crystal(14, magnetization=field)
    path = save(density)
    code, result = run_json("profile", path, "--from", "0,0,0", "--to", "1,1,0.5", "--points", "11")
    assert code == 0
    line = density.profile([0, 0, 0], [1, 1, 0.5], 11)
    np.testing.assert_allclose(result["values"], line.values, rtol=1e-7)
    np.testing.assert_allclose(result["magnetization"], line.magnetization, rtol=1e-6, atol=1e-8)
    _, out, _ = run("profile", path, "--from", "0,0,0", "--to", "1,1,0.5", "--points", "11")
    assert np.loadtxt(out.splitlines()).shape == (11, 3)
    assert run("profile", path, "--from", "0,0", "--to", "1,1,1")[0] == 2
    assert run("profile", path, "--from", "0,0,0", "--to", "1,1,1", "--points", "1")[0] == 2
    vector = save(crystal(14, magnetization=np.stack([field] * 3)), "vector.vasp")
    _, out, _ = run("profile", vector, "--from", "0,0,0", "--to", "1,1,1", "--points", "5")
    assert np.loadtxt(out.splitlines()).shape == (5, 5)


def test_integrals(save, run, run_json):
    density = crystal(225)
    path = save(density)
    code, result = run_json("integrate", path, "--atoms", "Na=0.9,Cl=1.2")
    assert code == 0
    expected = density.integrate_atoms({"Na": 0.9, "Cl": 1.2}).values
    np.testing.assert_allclose([r["integral"] for r in result["regions"]], expected, rtol=1e-7)
    assert result["regions"][0]["region"] == "Na1"
    _, result = run_json("integrate", path, "--box", "0,0,0:1,1,1")
    assert result["regions"][0]["integral"] == pytest.approx(density.electrons, rel=1e-8)
    _, result = run_json("integrate", path, "--sphere", "0.5,0.5,0.5,1.1")
    assert result["regions"][0]["volume"] == pytest.approx(4 / 3 * np.pi * 1.1**3)
    assert "electrons in" in run("integrate", path, "--atoms", "1.0")[1]
    for bad in (["--atoms", "Xx=1"], ["--atoms", "0"], ["--sphere", "0,0,1"], ["--box", "0,0,0"], []):
        assert run("integrate", path, *bad)[0] == 2
    assert run("integrate", path, "--atoms", "Na=1.0")[0] == 2


def test_moments_in_regions(save, run, run_json):
    field, _ = odd_magnetization(14)
    path = save(crystal(14, magnetization=field))
    _, result = run_json("integrate", path, "--atoms", "1.0")
    assert isinstance(result["regions"][0]["moment"], float)
    assert run("integrate", path, "--atoms", "1.0")[1].splitlines()[1].endswith(" μB")
