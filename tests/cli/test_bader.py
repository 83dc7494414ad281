"""`symfft bader`."""

from __future__ import annotations

import numpy as np
import pytest
from crystals import crystal

from symfft import Density, bader, supercell
from symfft.io import read_density


def salt():
    x = np.stack(np.meshgrid(*3 * [np.arange(24) / 24], indexing="ij"), axis=-1)

    def blob(centre, height):
        apart = x - centre - np.rint(x - centre)
        return height * np.exp(-40 * (apart**2).sum(axis=-1))

    return Density(0.01 + blob(0, 2) + blob(0.5, 1), 4 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [55, 17])


def test_charges_of_several_files(save, run, run_json):
    density = salt()
    spin = Density(
        density.values, density.lattice, density.positions, density.numbers, magnetization=density.values / 4
    )
    paths = [save(density, "one.vasp"), save(spin, "two.vasp")]
    code, results = run_json("bader", *paths)
    assert code == 0
    expected = bader(read_density(paths[0]))
    for result in results:
        found = [atom["electrons"] for atom in result["atoms"]]
        np.testing.assert_allclose(found, expected.electrons, rtol=1e-9)
        assert [atom["atom"] for atom in result["atoms"]] == ["Cs1", "Cl2"]
        assert result["space_group"]["number"] == 221
    assert "moment" not in results[0]["atoms"][0]
    np.testing.assert_allclose(results[1]["atoms"][0]["moment"], expected.electrons[0] / 4, rtol=1e-6)
    _, out, _ = run("bader", paths[1])
    assert "moment/μB" in out
    assert f"{expected.electrons[0]:.5f}" in out


def test_references_are_summed(save, run_json):
    density = salt()
    flat = density.with_values(np.full(density.shape, 0.25))
    path, half = save(flat, "flat.vasp"), save(density / 2, "half.vasp")
    code, result = run_json("bader", path, "--reference", half, "--reference", half)
    assert code == 0
    expected = 0.25 * bader(density).volumes
    np.testing.assert_allclose([a["electrons"] for a in result["atoms"]], expected, rtol=1e-6)


def test_the_basin_of_an_atom_is_written(save, run, run_json, tmp_path):
    density, out = salt(), tmp_path / "basin.vasp"
    code, result = run_json("bader", save(density), "--atom", "2", "-o", out)
    assert code == 0
    assert read_density(out).electrons == pytest.approx(result["atoms"][1]["electrons"], rel=1e-6)
    assert run("bader", save(density), "--atom", "2", "-o", out)[0] == 2
    assert run("bader", save(density), "--atom", "3", "-o", tmp_path / "x.vasp")[0] == 2
    assert run("bader", save(density), "--atom", "3")[0] == 2
    assert run("bader", save(density), "--atom", "0", "-o", tmp_path / "x.vasp")[0] == 2


def test_non_nuclear_maxima_and_vacuum_are_told(save, run):
    density = salt()
    lonely = Density(density.values, density.lattice, [[0, 0, 0]], [55])
    _, out, _ = run("bader", save(lonely), "--vacuum", "0.05")
    assert "non-nuclear, 1 in the cell" in out
    assert "vacuum" in out


def test_group_and_what_cannot_be_divided(save, run, run_json):
    assert run_json("bader", save(salt()), "--group", "P 1")[1]["space_group"]["order"] == 1
    code, _, err = run("bader", save(crystal(62, kind="potential"), "LOCPOT"))
    assert code == 2
    assert "potential" in err
    assert run("bader", save(salt()), "--vacuum", "-1")[0] == 2


@pytest.mark.parametrize("command", ["bader", "critical-points"])
def test_what_is_no_density_of_electrons_gets_a_clear_word(command, save, run, run_json):
    density = salt()
    bad = {
        "potential": (save(crystal(62, kind="potential"), "LOCPOT"), "potential"),
        "spin density": (save(density - density.values.mean(), "spin.vasp"), "spin density"),
        "no maxima": (save(density.with_values(np.full(density.shape, 0.2)), "flat.vasp"), "constant"),
    }
    broken = save(density, "broken.vasp")
    lines = broken.read_text().split("\n")
    row = next(i for i, line in enumerate(lines) if line.split() == ["24", "24", "24"]) + 1
    lines[row] = lines[row].replace(lines[row].split()[0], "NaN", 1)
    broken.write_text("\n".join(lines))
    bad["NaN"] = broken, "NaN"
    for path, word in bad.values():
        code, out, err = run(command, path)
        assert (code, out) == (2, "")
        assert word in err
        assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["bader", "critical-points"])
def test_a_supercell_and_more_maxima_than_atoms(command, save, run_json):
    density = salt()
    _, one = run_json(command, save(density, "one.vasp"))
    _, two = run_json(command, save(supercell(density, (1, 1, 2)), "two.vasp"))
    _, fewer = run_json(command, save(Density(density.values, density.lattice, [[0, 0, 0]], [55]), "fewer.vasp"))
    if command == "bader":
        electrons = [atom["electrons"] for atom in one["atoms"]]
        np.testing.assert_allclose([a["electrons"] for a in two["atoms"]], np.repeat(electrons, 2), rtol=1e-6)
        assert [m["nuclear"] for m in fewer["maxima"] if m["electrons"] > 0.1] == [True, False]
        assert any("non-nuclear" in note for note in fewer["notes"])
    else:
        assert {kind: 2 * count for kind, count in one["counts"].items()} == two["counts"]
        assert [p["nuclear"] for p in fewer["points"] if p["kind"] == "maximum"] == [True, False]
