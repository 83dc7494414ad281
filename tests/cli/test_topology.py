"""`symfft critical-points`."""

from __future__ import annotations

import numpy as np
import pytest
from crystals import crystal, gaussians

from symfft import Density, critical_points
from symfft.io import read_density


def salt():
    cell, positions, numbers = 4 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [55, 17]
    return Density(
        gaussians(cell, positions, numbers, (16, 16, 16), {55: (4.0, 0.75), 17: (3.0, 0.75)}), cell, positions, numbers
    )


def test_points_of_several_files(save, run, run_json):
    paths = [save(salt(), "one.vasp"), save(salt() * 2.0, "two.vasp")]
    code, (first, second) = run_json("critical-points", *paths)
    assert code == 0
    expected = critical_points(read_density(paths[0]))
    assert first["counts"] == expected.counts() == second["counts"]
    assert first["morse_sum"] == 0
    assert first["space_group"]["number"] == 221
    for point, other, known in zip(first["points"], second["points"], expected.points, strict=True):
        assert (point["kind"], point["count"], tuple(point["position"])) == (known.kind, known.count, known.position)
        assert point["laplacian"] == pytest.approx(known.laplacian)
        assert other["laplacian"] == pytest.approx(2 * known.laplacian, rel=1e-6)
    atoms = [point["nearest"] for point in first["points"] if point["nuclear"]]
    assert atoms == ["Cs1", "Cl2"]
    bonds = [point for point in first["points"] if point["kind"] == "bond"]
    assert any(sorted(bond["ends"]) == ["Cl2", "Cs1"] for bond in bonds)
    assert first["points"][0]["ellipticity"] is None
    _, out, _ = run("critical-points", paths[1])
    assert "Cs1–Cl2" in out or "Cl2–Cs1" in out
    assert "maxima - bonds + rings - cages = 0" in out


def test_an_atom_without_a_maximum_is_named(save, run, run_json):
    bare = Density(salt().values, 4 * np.eye(3), [[0, 0, 0.5]], [11])
    path = save(bare)
    _, result = run_json("critical-points", path, "--group", "P 1")
    assert result["space_group"]["order"] == 1
    assert any("around Na1 the density does not rise" in note for note in result["notes"])
    assert "(no atom)" in run("critical-points", path)[1]


def test_what_is_refused(save, run):
    code, _, err = run("critical-points", save(crystal(62, kind="potential"), "LOCPOT"))
    assert code == 2
    assert "potential" in err
    assert run("critical-points", save(salt()), "--vacuum", "-1")[0] == 2
    assert run("critical-points", save(salt()), "--vacuum", "100")[0] == 2
