"""Exit codes, errors, pipes, help."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from crystals import CRYSTALS, crystal

from symfft.cli import info
from symfft.cli.parser import build_parser

NOTICE = re.compile(r"symfft: compiling .*\n")


def test_a_bad_file_does_not_stop_the_others(save, run, run_json, tmp_path):
    good = save(crystal(225))
    bad = tmp_path / "bad"
    bad.write_text("no density\nat all\n")
    broken = save(crystal(14, magnetization=np.random.default_rng(0).standard_normal(CRYSTALS[14][1])), "CHGCAR.broken")
    code, out, err = run("info", bad, good, tmp_path / "nothing")
    assert code == 2
    assert "F m -3 m" in out
    lines = err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("symfft: error: ") for line in lines)
    assert str(bad) in lines[0]
    assert lines[1] == f"symfft: error: {tmp_path / 'nothing'}: No such file or directory"
    code, result = run_json("check", broken, bad, good)
    assert code == 2
    assert ["error" in entry for entry in result] == [False, True, False]
    assert [entry["file"] for entry in result] == [str(p) for p in (broken, bad, good)]
    assert run("check", good, broken)[0] == 1
    assert run("check", good, good)[0] == 0


OUTPUTS = {
    "symmetrize": (["-o"], "out.vasp"),
    "reduce": (["-o"], "out.npz"),
    "convert": ([], "out.cube"),
    "plot": (["-o"], "out.png"),
}


@pytest.mark.parametrize("command", OUTPUTS)
def test_outputs_are_not_overwritten_unless_forced(command, save, run, tmp_path):
    path = save(crystal(225))
    flags, name = OUTPUTS[command]
    out = tmp_path / name
    out.write_bytes(b"precious")
    code, text, err = run(command, path, *flags, out)
    assert (code, text) == (2, "")
    assert "--force" in err
    assert out.read_bytes() == b"precious"
    assert run(command, path, *flags, out, "--force")[0] == 0
    assert out.read_bytes() != b"precious"
    code, _, err = run(command, path, *flags, tmp_path)
    assert code == 2
    assert "folder" in err
    assert run(command, path, *flags, tmp_path / "no" / name)[0] == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["CHGCAR", name])


@pytest.mark.parametrize("command", OUTPUTS)
def test_a_failure_while_writing_leaves_the_old_file(command, save, run, tmp_path, monkeypatch):
    path = save(crystal(225))
    flags, name = OUTPUTS[command]
    out = tmp_path / name
    out.write_bytes(b"precious")

    def full(_):
        raise OSError(28, "No space left on device", str(out))

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = run(command, path, *flags, out, "--force")
    assert (code, err) == (2, f"symfft: error: {out}: No space left on device\n")
    assert out.read_bytes() == b"precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["CHGCAR", name])


def test_errors_with_json_are_on_both_channels(run, tmp_path):
    code, out, err = run("symmetrize", tmp_path / "nothing", "-o", tmp_path / "x.vasp", "--json")
    assert code == 2
    assert json.loads(out)["error"] in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["frobnicate"], ["info"], ["check", "x", "--tolerance", "-1"], ["check", "x", "--tolerance", "nan"],
        ["check", "x", "--tolerance", "much"], ["info", "x", "--symprec", "0"], ["symmetrize", "x"], ["plot", "x"],
        ["plot", "x", "-o", "y.png", "--isolines", "many"], ["plot", "x", "-o", "y.png", "--at", "1,2"],
        ["plot", "x", "-o", "y.png", "--at", "a,b,c"], ["convert", "x", "y", "--shape", "4x4"],
        ["convert", "x", "y", "--shape", "0"], ["info", "x", "--frob"],
    ],
)  # fmt: skip
def test_wrong_usage_is_one_line_and_code_2(arguments, run):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"symfft: error: .*--help\)\n", err)


def test_names_that_say_no_format_are_refused(save, run, tmp_path):
    path = save(crystal(225))
    for arguments in (
        ["convert", path, tmp_path / "x.txt"],
        ["convert", path, tmp_path / "x.npz"],
        ["reduce", path, "-o", tmp_path / "x.txt"],
        ["expand", path, "-o", tmp_path / "y.cube"],
    ):
        code, _, err = run(*arguments)
        assert code == 2
        assert err.startswith("symfft: error: ")
        assert err.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["CHGCAR"]


def test_help_and_version(run):
    assert re.fullmatch(r"symfft \d+\.\d+\.\d+\S*\n", run("--version")[1])
    code, out, _ = run("--help")
    assert code == 0
    assert "exit codes" in out
    for command in ("info", "check", "symmetrize", "reduce", "expand", "convert", "plot"):
        assert command in out
        code, text, _ = run(command, "--help")
        assert code == 0
        assert "--json" in text
        assert f"usage: {build_parser().prog} {command}" in text


def test_an_interrupt_is_no_traceback(monkeypatch, run):
    def interrupted(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(info, "INFO", dataclasses.replace(info.INFO, run=interrupted))
    assert run("info", "x") == (130, "", "symfft: interrupted\n")


@pytest.mark.parametrize(
    "nothing_can_be_raised_in", ["ctypes.CFUNCTYPE(None)(interrupt)()", "weakref.finalize(A(), interrupt)"]
)
def test_an_interrupt_that_nothing_can_be_raised_for_comes_again(nothing_can_be_raised_in):
    script = f"""
import ctypes, signal, time, weakref
from symfft.cli.execution import Interrupt
class A: pass
def interrupt(): signal.raise_signal(signal.SIGINT)
Interrupt().install()
try:
    {nothing_can_be_raised_in}
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted")
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("interrupted\n", "")


def test_too_little_memory_is_an_error_in_one_line(monkeypatch, run):
    def greedy(**_):
        raise MemoryError

    monkeypatch.setattr(info, "INFO", dataclasses.replace(info.INFO, run=greedy))
    assert run("info", "x") == (2, "", "symfft: error: there is not enough memory for this grid\n")


def started(*arguments, **options):
    command = [sys.executable, "-m", "symfft.cli", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def test_a_reader_that_goes_away_is_no_error(save):
    with started("info", *[save(crystal(225))] * 20) as process:
        process.stdout.close()
        assert NOTICE.sub("", process.stderr.read()) == ""
        assert process.wait(60) == 128 + signal.SIGPIPE


def test_any_terminal_can_show_the_text(save):
    path = save(crystal(225), "CHGCAR_ä")
    with started("info", path, env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, NOTICE.sub("", err)) == (0, "")
    assert r"8 \xd7 8 \xd7 8" in out


def test_help_starts_fast():
    code = "import sys; from symfft.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numba", "scipy", "matplotlib", "torch", "spglib", "gemmi", "h5py", "symfft.cli.info"}
    assert heavy & set(done.stderr.split()) == set()
