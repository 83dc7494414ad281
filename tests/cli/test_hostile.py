"""Every subcommand on every bad input, full disk, closed pipe and Ctrl-C: one line and a documented exit code."""

from __future__ import annotations

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

from symfft.cli import exit_codes, main, warmup
from symfft.cli.registry import PROGRAM
from symfft.io import write_density

#: Said on the first run, where machine code is not kept yet.
NOTICE = re.compile(r"symfft: compiling .*\n")

CODES = {value for name, value in vars(exit_codes).items() if name.isupper() and isinstance(value, int)}

#: Every subcommand as it works, with the folder IN for what it reads and OUT for what it writes.
CALLS = {
    "info": ["IN/CHGCAR"],
    "check": ["IN/CHGCAR"],
    "symmetrize": ["IN/CHGCAR", "-o", "OUT/out.vasp"],
    "reduce": ["IN/CHGCAR", "-o", "OUT/out.npz"],
    "expand": ["IN/au.npz", "-o", "OUT/out.vasp"],
    "convert": ["IN/CHGCAR", "OUT/out.vasp"],
    "view": ["IN/CHGCAR", "-o", "OUT/out.html"],
    "diff": ["IN/CHGCAR", "IN/CHGCAR", "-o", "OUT/out.vasp"],
    "average": ["IN/CHGCAR", "--axis", "a"],
    "profile": ["IN/CHGCAR", "--from", "0,0,0", "--to", "1,1,1"],
    "integrate": ["IN/CHGCAR", "--atoms", "0.5"],
    "supercell": ["IN/CHGCAR", "2", "-o", "OUT/out.vasp"],
    "isosurface": ["IN/CHGCAR", "0.5", "-o", "OUT/out.obj"],
    "bader": ["IN/CHGCAR", "--atom", "1", "-o", "OUT/out.vasp"],
    "critical-points": ["IN/CHGCAR"],
    "plot": ["IN/CHGCAR", "-o", "OUT/out.png"],
    "sf": ["IN/CHGCAR", "--dmin", "2", "-o", "OUT/out.mtz"],
    "warmup": ["--jobs", "1"],
    "completion": ["bash"],
}
#: Those that read files, and those that write some.
READING = [name for name, words in CALLS.items() if any("IN/" in word for word in words)]
WRITING = [name for name, words in CALLS.items() if any("OUT/" in word for word in words)]


def test_every_subcommand_has_a_row():
    assert set(CALLS) == set(PROGRAM.commands)


def filled(command: str, folder: Path) -> list[str]:
    """Return the arguments of a row of CALLS."""
    return [
        command,
        *(word.replace("IN", str(folder / "in")).replace("OUT", str(folder / "out")) for word in CALLS[command]),
    ]


@pytest.fixture
def folder(tmp_path):
    """What subcommands read, and an empty folder to write to."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    write_density(tmp_path / "in" / "CHGCAR", crystal(225))
    assert (
        main(["reduce", str(tmp_path / "in" / "CHGCAR"), "-o", str(tmp_path / "in" / "au.npz"), "-q"])
        == exit_codes.DONE
    )
    return tmp_path


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


@pytest.mark.parametrize("command", READING)
def test_bad_input_is_one_line_and_a_documented_code(command, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    for file in bad_files(tmp_path / "in"):
        words = [str(file) if "IN/" in word else word.replace("OUT", str(tmp_path / "out")) for word in CALLS[command]]
        code = main([command, *words])
        out, err = capsys.readouterr()
        err = NOTICE.sub("", err)
        assert code in CODES - {exit_codes.DONE, exit_codes.INTERNAL}, (file.name, err)
        if file.is_dir() and file != Path("/dev/zero"):
            continue  # a folder of bad files gives a line for each
        assert len(err.splitlines()) == 1, (file.name, err)
        assert err.startswith("symfft: error: ")
        assert out == ""
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("command", CALLS)
def test_wrong_arguments_are_one_line_and_code_2(command, capsys):
    assert main([command, "--no-such-option"]) == exit_codes.FAILED
    out, err = capsys.readouterr()
    assert re.fullmatch(r"symfft: error: [^\n]+\n", err)
    assert out == ""


@pytest.mark.parametrize("command", WRITING)
def test_a_full_disk_is_one_line_and_leaves_no_part_of_a_file(command, folder, capsys, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert main(filled(command, folder)) == exit_codes.DONE
    (written,) = (folder / "out").iterdir()
    written.unlink()
    monkeypatch.setattr("os.fsync", full)
    capsys.readouterr()
    assert main(filled(command, folder)) == exit_codes.FAILED
    err = NOTICE.sub("", capsys.readouterr().err)
    assert re.fullmatch(r"symfft: error: [^\n]*No space left on device\n", err)
    assert list((folder / "out").iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("command", CALLS)
def test_a_full_disk_behind_standard_output_is_one_line(command, folder, capsys, monkeypatch, jobs):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(filled(command, folder)) == exit_codes.FAILED
    err = NOTICE.sub("", capsys.readouterr().err)
    assert err == "symfft: error: standard output: No space left on device\n"


@pytest.mark.parametrize("command", CALLS)
def test_a_reader_that_leaves_is_no_error(command, folder, capsys, monkeypatch, jobs):
    """As in `symfft info CHGCAR | head -0`."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        assert main(filled(command, folder)) == exit_codes.PIPE_CLOSED
    assert NOTICE.sub("", capsys.readouterr().err) == ""


@pytest.fixture
def jobs(monkeypatch):
    """Let warmup compile one thing only."""
    monkeypatch.setattr(warmup, "JOBS", {"space groups and residuals": None})


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


@pytest.mark.parametrize("command", CALLS)
def test_an_interrupt_is_one_line(command, folder):
    """At a moment that differs between subcommands, after the first module that the command itself imports."""
    interrupt(filled(command, folder), after=0.4 * list(CALLS).index(command) / len(CALLS))
    assert list((folder / "out").glob("*.part")) == []


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.05, 0.2, 0.5])
def test_an_interrupt_at_any_time_is_one_line(delay, tmp_path):
    for name in range(12):
        write_density(tmp_path / f"{name}.cube", crystal(225))
    interrupt(["info", str(tmp_path)], after=delay)


def interrupt(words: list[str], after: float) -> None:
    """Run a subcommand and interrupt it, as Ctrl-C at a terminal does: with its children."""
    command = [sys.executable, "-X", "importtime", "-m", "symfft.cli", *words]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **streams, start_new_session=True) as process:
        for line in process.stderr:
            if line.split()[-1] == "argparse":
                break
        time.sleep(after)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        err = process.communicate(timeout=100)[1]
    lines = [line for line in err.splitlines() if "compiling" not in line and "import time" not in line]
    assert (process.returncode, lines) in [(130, ["symfft: interrupted"]), (0, [])]


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
