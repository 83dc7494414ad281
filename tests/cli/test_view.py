"""`symfft view`: the page, its names, and what is refused."""

import json

import pytest
from crystals import crystal

from symfft import write_chgcar
from symfft.cli import main

pytest.importorskip("k3d")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "CHGCAR"
    write_chgcar(path, crystal(62))
    return path


def test_a_page_is_written(file, tmp_path, capsys):
    out = tmp_path / "page.html"
    assert main(["view", str(file), "-o", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["bytes"] == out.stat().st_size
    assert "<title>CHGCAR, " in out.read_text(encoding="utf-8")


def test_two_files_are_compared_under_their_names(file, tmp_path):
    other = tmp_path / "other.vasp"
    write_chgcar(other, crystal(62))
    out = tmp_path / "page.html"
    assert main(["view", str(file), str(other), "-o", str(out)]) == 0
    assert "CHGCAR \\u2212 other.vasp" in out.read_text(encoding="utf-8")


def test_other_names_and_files_that_exist_are_refused(file, tmp_path, capsys):
    assert main(["view", str(file), "-o", str(tmp_path / "page.png")]) == 2
    assert "must end in .html" in capsys.readouterr().err
    (tmp_path / "there.html").write_text("old")
    assert main(["view", str(file), "-o", str(tmp_path / "there.html")]) == 2
    assert "--force" in capsys.readouterr().err
