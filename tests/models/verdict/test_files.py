import json

import pytest

from symfft import SymfftError, write_chgcar
from symfft_models.cli import main
from symfft_models.datasets.paw import load_paw
from symfft_models.verdict.files import VERDICTS, Steps, files_in, judge_files, shares


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("densities")
    write_chgcar(out / "MgO.CHGCAR", load_paw().find("rock-salt-MgO").density((24, 24, 24)))
    (out / "bad.CHGCAR").write_text("no density")
    return out


def test_a_folder_is_judged_and_what_was_not_possible_is_named(folder, tmp_path, capsys):
    assert main(["verdict", str(folder), "-o", str(tmp_path), "--json"]) == 2
    result = json.loads(capsys.readouterr().out)
    good, bad = result["verdicts"]
    assert good["atoms"]["found"] == "MgO"
    assert "--engine gpaw" in good["not_possible"]["recheck"]
    assert "--potential chgnet" in good["not_possible"]["stability"]
    assert "error" in bad
    assert result["shares"]["ok"] == [1, 2]
    assert json.loads((tmp_path / VERDICTS).read_text())["shares"] == result["shares"]


def test_a_second_call_does_not_judge_again(folder, tmp_path):
    told = []
    for _ in range(2):
        judge_files([folder / "MgO.CHGCAR"], tmp_path, Steps(), tell=told.append)
    assert len(told) == 1


def test_an_interruption_keeps_the_verdicts_that_are_not_reached_yet(folder, tmp_path):
    judge_files([folder / "MgO.CHGCAR"], tmp_path, Steps())
    first = tmp_path / "first.CHGCAR"
    first.write_text("no density")
    second = tmp_path / "second.CHGCAR"
    second.write_text("no density")

    def interrupt(entry):
        if entry["file"] == str(second):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge_files([first, second, folder / "MgO.CHGCAR"], tmp_path, Steps(), tell=interrupt)
    kept = [entry["file"] for entry in json.loads((tmp_path / VERDICTS).read_text())["verdicts"]]
    assert kept == [str(first), str(folder / "MgO.CHGCAR")]


def test_a_later_call_says_why_its_own_programs_were_not_possible(folder, tmp_path):
    for engine, reason in ((None, "--engine gpaw was not asked for"), ("gpaw", "/nowhere/python cannot import gpaw")):
        steps = Steps(engine=engine, engine_python="/nowhere/python")
        (entry,) = judge_files([folder / "MgO.CHGCAR"], tmp_path, steps)["verdicts"]
        assert entry["not_possible"]["recheck"] == reason


def test_an_interpreter_without_the_program_is_named(folder, tmp_path):
    steps = Steps(engine="gpaw", engine_python="/nowhere/python", potential="chgnet", potential_python="/nowhere/p")
    (entry,) = judge_files([folder / "MgO.CHGCAR"], tmp_path, steps)["verdicts"]
    assert entry["not_possible"]["recheck"] == "/nowhere/python cannot import gpaw"
    assert entry["not_possible"]["stability"] == "/nowhere/p cannot import chgnet"


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(SymfftError, match="holds no densities"):
        files_in(tmp_path)


def test_shares_count_what_was_looked_at_only():
    entries = [
        {"ok": True, "novelty": {"new": True}, "stability": {"stable": True}, "same_as": None},
        {"ok": True, "novelty": {"new": True}, "stability": {"stable": False}, "same_as": None},
        {"ok": False, "novelty": {"new": None}},
    ]
    found = shares(entries)
    assert found["ok"] == [2, 3]
    assert found["new"] == [2, 2]
    assert found["stable"] == [1, 2]
    assert found["sun"] == [1, 2]
    assert found["recheck_within_3_percent"] == [0, 0]
