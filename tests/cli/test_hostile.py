"""Every subcommand on every bad input, full disk, closed pipe and Ctrl-C: one line and a documented exit code."""

from __future__ import annotations

import argparse
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from crystals import crystal

from symfft.cli import exit_codes, main
from symfft.cli.parser import build_parser
from symfft.cli.registry import PROGRAM
from symfft.io import write_density

#: Said on the first run, where machine code is not kept yet.
NOTICE = re.compile(r"symfft: compiling .*\n")

CODES = {value for name, value in vars(exit_codes).items() if name.isupper() and isinstance(value, int)}
COMMANDS = [name for name in PROGRAM.commands if name not in ("completion", "warmup")]


def bad_files(folder: Path) -> list[Path]:
    good = folder / "good.vasp"
    write_density(good, crystal(225))
    text = good.read_text()
    contents = {
        "empty": b"", "zeros": bytes(5000), "text": b"no density\nat all\n", "binary": bytes(range(256)) * 20,
        "cut": text[: len(text) // 2].encode(), "deep.json": b'{"data": ' + b"[" * 50_000,
        "digits.json": b'{"data": ' + b"1" * 5000 + b"}", "cut.gz": b"\x1f\x8b\x08\0\0\0\0\0",
        "pk.npz": b"PK\x03\x04xx",
        "far": text.replace("0.5", "1e20", 1).encode(), "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(100),
        "pointer": b"version https://git-lfs.github.com/spec/v1\n", "net.nc": b"CDF\x01" + bytes(50),
    }  # fmt: skip
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    with h5py.File(folder / "outside.h5", "w") as file:
        file.create_dataset("charge/charge", (1, 4, 4, 4), "f8", external=[("/etc/passwd", 0, 512)])
    good.unlink()
    return [*sorted(folder.iterdir()), folder / "missing", folder, Path("/dev/zero")]


def call(command: str, file: Path, output: Path) -> list[str]:
    """Return arguments that a subcommand needs, with a file wherever it takes one."""
    parser = build_parser(command)
    (subparsers,) = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    arguments = [command]
    for action in subparsers.choices[command]._actions:
        if action.dest in ("output", "out"):
            arguments += [*action.option_strings[:1], str(output)]
        elif not action.option_strings and action.nargs not in ("?", "*"):
            arguments.append(str(next(iter(action.choices))) if action.choices else str(file))
        elif action.required and action.option_strings:
            arguments += [action.option_strings[0], str(next(iter(action.choices))) if action.choices else "0.5"]
    return arguments


def output_of(command: str, folder: Path) -> Path:
    return folder / {"plot": "out.png", "view": "out.html", "reduce": "out.npz"}.get(command, "out.vasp")


@pytest.mark.parametrize("command", COMMANDS)
def test_bad_input_is_one_line_and_a_documented_code(command, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    for file in bad_files(tmp_path / "in"):
        code = main([*call(command, file, output_of(command, tmp_path / "out"))])
        out, err = capsys.readouterr()
        err = NOTICE.sub("", err)
        assert code in CODES - {exit_codes.DONE, exit_codes.INTERNAL}, (file.name, err)
        if file.is_dir() and file != Path("/dev/zero"):
            continue  # a folder of bad files gives a line for each
        assert len(err.splitlines()) == 1, (file.name, err)
        assert err.startswith("symfft: error: ")
        assert out == ""
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("group", ["0", "231", "9" * 5000, "²", "-1", "", "hall:", "hall:X", "P 9", "\x00", "1" * 400])
def test_groups_that_are_none(group, tmp_path, capsys):
    write_density(tmp_path / "CHGCAR", crystal(225))
    assert main(["info", str(tmp_path / "CHGCAR"), f"--group={group}"]) == exit_codes.FAILED
    assert NOTICE.sub("", capsys.readouterr().err).startswith("symfft: error: ")


def started(*arguments, **options):
    command = [sys.executable, "-m", "symfft.cli", *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["info", "CHGCAR"], ["info", "CHGCAR", "--json"]])
def test_a_full_disk_behind_standard_output(arguments, tmp_path):
    write_density(tmp_path / "CHGCAR", crystal(225))
    with open("/dev/full", "w") as full, started(*arguments, cwd=tmp_path, stdout=full) as process:
        err = process.communicate(timeout=100)[1]
    assert process.returncode == exit_codes.FAILED
    lines = [line for line in err.splitlines() if "compiling" not in line]
    assert len(lines) == 1, err
    assert "No space left on device" in lines[0]


def test_closed_streams(tmp_path):
    write_density(tmp_path / "CHGCAR", crystal(225))
    for closing, expected in ((">&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 0)):
        command = f"{sys.executable} -m symfft.cli info {tmp_path}/CHGCAR {closing}"
        assert subprocess.run(["bash", "-c", command], stderr=subprocess.DEVNULL, check=False).returncode == expected


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.05, 0.2, 0.5])
def test_an_interrupt_at_any_time_is_one_line(delay, tmp_path):
    for name in range(50):
        write_density(tmp_path / f"{name}.cube", crystal(225))
    command = [sys.executable, "-X", "importtime", "-m", "symfft.cli", "info", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:  # from the first module that the command itself imports on
            if line.split()[-1] == "argparse":
                break
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=100)[1]
    lines = [line for line in err.splitlines() if "compiling" not in line and "import time" not in line]
    assert (process.returncode, lines) in [(130, ["symfft: interrupted"]), (0, [])]


def test_a_disk_that_fills_leaves_no_part_of_a_file(tmp_path, capsys, monkeypatch):
    write_density(tmp_path / "CHGCAR", crystal(225))

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    for command in ("symmetrize", "convert", "reduce", "plot"):
        output = output_of(command, tmp_path)
        code = main(call(command, tmp_path / "CHGCAR", output))
        err = capsys.readouterr().err
        assert code == exit_codes.FAILED
        assert "No space left on device" in err
        assert [path.name for path in tmp_path.iterdir()] == ["CHGCAR"]


@pytest.mark.parametrize("target", ["/dev/null", "/dev/full"])
def test_devices_are_no_outputs(target, tmp_path, capsys):
    write_density(tmp_path / "CHGCAR", crystal(225))
    code = main(["symmetrize", str(tmp_path / "CHGCAR"), "-o", target, "--force"])
    assert code == exit_codes.FAILED
    assert "is a device" in capsys.readouterr().err
    assert not Path(target).is_file()


def test_an_error_of_the_program_is_said_to_be_one(monkeypatch, tmp_path, capsys):
    import dataclasses

    from symfft.cli import info

    def broken(**_):
        return np.zeros(3)[7]

    monkeypatch.setattr(info, "INFO", dataclasses.replace(info.INFO, run=broken))
    assert main(["info", "x"]) == exit_codes.INTERNAL
    assert "internal error, please report it (IndexError" in capsys.readouterr().err
    assert main(["info", "x", "-vv", "--json"]) == exit_codes.INTERNAL
    out, err = capsys.readouterr()
    assert "Traceback" in err
    assert "IndexError" in json.loads(out)["error"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_every_subcommand(shell, capsys):
    pytest.importorskip("shtab")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(command in script for command in PROGRAM.commands)
    assert shell == "tcsh" or "--symprec" in script


def test_quiet_and_verbose(tmp_path, capsys):
    write_density(tmp_path / "a.ccp4", crystal(225))
    arguments = ["info", str(tmp_path / "a.ccp4")]
    main(arguments)
    out, err = capsys.readouterr()
    assert "note" in out
    assert err == ""
    main([*arguments, "-q"])
    assert "note" not in capsys.readouterr().out
    main([*arguments, "-v"])
    assert f"symfft: reading {tmp_path / 'a.ccp4'} as ccp4" in capsys.readouterr().err


def test_reading_options_reach_the_reader(tmp_path, capsys):
    write_density(tmp_path / "a.cube", crystal(225))
    text = (tmp_path / "a.cube").read_text().replace("charge in atomic units", "no note")
    (tmp_path / "a.dat").write_text(text)
    assert main(["info", str(tmp_path / "a.dat"), "--format", "cube", "--kind", "potential", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "potential"
    assert main(["info", str(tmp_path / "a.dat"), "--format", "ccp4"]) == 2
    assert main(["info", str(tmp_path / "a.dat"), "--dataset", "1"]) == 2
    assert "--dataset" in capsys.readouterr().err
