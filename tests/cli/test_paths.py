"""Folders and patterns become lists of files."""

from __future__ import annotations

import pytest
from crystals import crystal

from symfft.cli.paths import expand

DENSITIES = ["CHGCAR", "a/LOCPOT.gz", "a/b/rho.cube", "a/x.h5", "b.json.xz", "run-AECCAR0"]
OTHERS = ["POTCAR", "POSCAR", "hotspot.png", ".CHGCAR.part", "a/OUTCAR", "notes.txt", "x.cube.txt"]


def test_a_folder_stands_for_the_densities_in_it_and_below(tmp_path):
    for name in DENSITIES + OTHERS:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    assert sorted(expand([str(tmp_path)])) == sorted(str(tmp_path / name) for name in DENSITIES)
    assert expand([str(tmp_path / "a" / "*"), "-"]) == sorted(str(p) for p in (tmp_path / "a").iterdir()) + ["-"]
    assert expand([str(tmp_path / "**" / "*.cube")]) == [str(tmp_path / "a" / "b" / "rho.cube")]
    (tmp_path / "empty").mkdir()
    for nothing in (str(tmp_path / "empty"), str(tmp_path / "none*"), "missing"):
        assert expand([nothing]) == [nothing]
    strange = tmp_path / "[1].cube"
    strange.write_text("")
    assert expand([str(strange)]) == [str(strange)]


@pytest.mark.parametrize("command", ["info", "check"])
def test_commands_take_folders_and_patterns(command, tmp_path, save, run_json):
    save(crystal(225), "CHGCAR.one")
    save(crystal(225), "two.cube")
    (tmp_path / "notes.txt").write_text("no density")
    for names in ([tmp_path], [tmp_path / "*.cube", tmp_path / "CHGCAR.*"]):
        code, results = run_json(command, *names)
        assert code == 0
        assert {result["file"] for result in results} == {str(tmp_path / "CHGCAR.one"), str(tmp_path / "two.cube")}
    (tmp_path / "empty").mkdir()
    assert run_json(command, tmp_path / "empty")[0] == 2
