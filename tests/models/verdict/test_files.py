import json
from dataclasses import replace

import numpy as np
import pytest

from symfft import Density, SymfftError, supercell, write_chgcar, write_density
from symfft_models.atoms import load_radial_atoms
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


def nitrogen_in_a_box():
    """Return superposed radial atoms of N₂ in a cell that is empty otherwise."""
    shape, edge = (30, 30, 30), 6.0
    positions = np.array([[0.5, 0.5, 0.5 - 0.55 / edge], [0.5, 0.5, 0.5 + 0.55 / edge]])
    hkl = np.stack(np.meshgrid(*(np.fft.fftfreq(n, 1 / n) for n in shape), indexing="ij"), axis=-1)
    atoms = load_radial_atoms()
    lengths = 2 * np.pi / edge * np.linalg.norm(hkl, axis=-1)
    factor = np.interp(lengths, atoms.lengths, atoms.table[atoms.symbols.index("N")])
    waves = sum(np.exp(-2j * np.pi * hkl @ position) for position in positions)
    values = np.fft.ifftn(factor * waves).real * np.prod(shape) / edge**3
    return Density(values, edge * np.eye(3), positions, [7, 7])


def test_what_is_no_crystal_gets_a_word_and_what_is_one_a_right_answer(folder, tmp_path):
    magnesia = load_paw().find("rock-salt-MgO").density((24, 24, 24))
    potential = replace(magnesia, kind="potential")
    write_density(tmp_path / "LOCPOT", potential)
    write_chgcar(tmp_path / "spin.CHGCAR", magnesia - magnesia.values.mean())
    write_chgcar(tmp_path / "flat.CHGCAR", magnesia.with_values(np.full(magnesia.shape, magnesia.values.mean())))
    write_chgcar(tmp_path / "double.CHGCAR", supercell(magnesia, (1, 1, 2)))
    write_chgcar(tmp_path / "box.CHGCAR", nitrogen_in_a_box())
    text = (folder / "MgO.CHGCAR").read_text().split("24   24   24\n", 1)
    assert len(text) == 2
    (tmp_path / "nan.CHGCAR").write_text(text[0] + "24   24   24\n NaN " + text[1].split(maxsplit=1)[1])
    names = ["LOCPOT", "spin.CHGCAR", "flat.CHGCAR", "nan.CHGCAR", "double.CHGCAR", "box.CHGCAR"]
    found = judge_files([tmp_path / name for name in names], tmp_path / "out", Steps())["verdicts"]
    field, spin, flat, nan, double, box = found
    assert "potential" in field["error"]
    assert "NaN" in nan["error"]
    assert "whole number" in spin["atoms"]["reason"]
    assert flat["atoms"]["found"] is None
    assert [entry["ok"] for entry in found] == [False, False, False, False, True, True]
    assert double["atoms"]["found"] == "MgO"
    assert double["electrons"] == pytest.approx(128)
    assert box["atoms"]["as_listed"]
