"""Every command of symfft-vae × bad input, full disk, closed pipe, Ctrl-C: one line, and its documented code."""

from __future__ import annotations

import json
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import pytest
from train_job import TINY

from symfft import write_chgcar
from symfft.cli import exit_codes
from symfft.crystal.elements import symbol
from symfft_models.cli import main
from symfft_models.cli.registry import PROGRAM
from symfft_models.datasets.paw import load_paw
from symfft_models.evaluation import report
from symfft_models.properties import evaluation
from symfft_models.properties.model import load_properties
from symfft_models.weights import INDEX, weights_folder

ROOT = Path(__file__).resolve().parents[3]
#: Said on the first run, where machine code is not kept yet.
NOTICE = re.compile(r"symfft: compiling .*\n")
COMMAND = [sys.executable, "-m", "symfft_models.cli"]


#: Of a small training.
SETTINGS = [word for change in [*TINY, "model.codec=true", "train.epochs=1"] for word in ("--set", change)]
#: What commands read, in one folder.
NAMES = {"file": "CHGCAR", "set": "set", "parquet": "collection.parquet", "finished": "finished"}


def write_collection(path):
    """Write one density as the collections do that `fetch parquet` reads."""
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    density = load_paw().select(221, "test")[0].density()
    row = {
        "immutable_id": "one",
        "compressed_charge_density": json.dumps(density.values.tolist()),
        "charge_density_grid_shape": list(density.shape),
        "lattice_vectors": density.lattice.tolist(),
        "species_at_sites": [symbol(number) for number in density.numbers.tolist()],
        "cartesian_site_positions": (density.positions @ density.lattice).tolist(),
        "space_group_it_number": 221,
    }
    parquet.write_table(pyarrow.Table.from_pylist([row]), path)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, demo, stored):
    """A run, a density file, sets: what commands read."""
    folder = tmp_path_factory.mktemp("inputs")
    write_chgcar(folder / "CHGCAR", load_paw().select(221, "test")[0].density())
    (folder / "files").mkdir()
    small = [entry for entry in load_paw() if entry.prototype in ("rock-salt", "CsCl") and entry.electrons < 40]
    for entry in [entry for entry in small if entry.split == "train"][:6]:
        write_chgcar(folder / "files" / f"{entry.id}.CHGCAR", entry.density((16, 16, 16)))
    assert main(["prepare", str(folder / "files"), "-o", str(folder / "set"), "--grid", "16", "--quiet"]) == 0
    write_collection(folder / "collection.parquet")
    shutil.copytree(demo, folder / "finished")
    others = {"run": str(demo), "stored": str(stored), "weights": str(weights_folder() / "latent-64.safetensors")}
    return {name: str(folder / path) for name, path in NAMES.items()} | others


@pytest.fixture(scope="module", autouse=True)
def _once():
    """The same compounds whenever `properties` asks for them, and pages with few pictures: the demo has drawn them all.

    What is tested here is where figures go.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "samples_of", cache(evaluation.samples_of))
        for pictures in ("reconstruction_pictures", "worst_cases"):
            patch.setattr(report, pictures, lambda *_: [])
        yield


#: Every command as it works, with OUT for the folder it writes to.
CALLS = {
    "data": ["data", "export", "rock-salt-MgO", "-o", "OUT/CHGCAR"],
    "prepare": ["prepare", "{file}", "-o", "OUT"],
    "export": ["export", "{set}", "--chgcars", "OUT"],
    "export parquet": ["export", "{set}", "--parquet", "OUT"],
    "export html": ["export", "{set}", "--html", "OUT/page.html"],
    "train": ["train", "--out", "OUT", *SETTINGS, "--set", "data.path={stored}"],
    "evaluate": ["evaluate", "{run}", "-o", "OUT/page.html", "--draws", "0"],
    "sample": ["sample", "-o", "OUT", "-n", "1", "--group", "225"],
    "reconstruct": ["reconstruct", "{file}", "-o", "OUT"],
    "fetch": ["fetch", "parquet", "{parquet}", "-o", "OUT"],
    "ship": ["ship", "{weights}", "--name", "made-for-a-test"],
    "demo": ["demo", "--out", "{finished}"],
    "predict": ["predict", "{file}", "-o", "OUT", "--shape", "16", "16", "16"],
    "fit": ["fit", "{set}", "-o", "OUT/model", "--no-calibration", "--spherical", "4", "--aspherical", "2"],
    "compare": ["compare", "{set}", "--split", "train"],
    "atoms": ["atoms", "{file}"],
    "verdict": ["verdict", "{file}", "-o", "OUT"],
    "properties": ["properties"],
}
#: Those that write no file; properties learns its model for minutes before it does.
PRINTING = ("compare", "atoms", "properties")
#: Wrong in their arguments or in what they are given.
BAD = {
    "none": [],
    "unknown": ["frobnicate"],
    "data": ["data", "info", "--file", "BAD"],
    "data action": ["data", "frobnicate"],
    "data entry": ["data", "export", "nothing-like-it", "-o", "OUT/CHGCAR"],
    "fetch": ["fetch", "parquet", "BAD", "-o", "OUT"],
    "fetch source": ["fetch", "-o", "OUT"],
    "fetch nothing": ["fetch", "materials-project", "-o", "OUT"],
    "fetch group": ["fetch", "materials-project", "--group", "231", "-o", "OUT"],
    "prepare": ["prepare", "OUT/none", "-o", "OUT"],
    "prepare nothing": ["prepare", "-o", "OUT"],
    "prepare into a file": ["prepare", "BAD", "-o", "BAD"],
    "prepare list": ["prepare", "@OUT/none", "-o", "OUT"],
    "prepare ledger": ["prepare", "-o", "OUT", "--ledger"],
    **{f"prepare symprec {v}": ["prepare", "BAD", "-o", "OUT", "--symprec", v] for v in ("-1", "nan", "1e300", "0")},
    "prepare valence": ["prepare", "BAD", "-o", "OUT", "--valence", "Xx=3"],
    "prepare grid": ["prepare", "BAD", "-o", "OUT", "--grid", "0"],
    "prepare timeout": ["prepare", "BAD", "-o", "OUT", "--timeout", "nan"],
    "export": ["export", "BAD", "--statistics"],
    "export nothing": ["export", "BAD"],
    "export none": ["export", "OUT/none", "--statistics"],
    "train": ["train", "--out", "OUT", "--set", "train.epoch=1"],
    "train preset": ["train", "--out", "OUT", "--preset", "BAD"],
    "train into a file": ["train", "--out", "BAD"],
    "train data": ["train", "--out", "OUT", "--set", "data.path=BAD"],
    "evaluate": ["evaluate", "BAD"],
    "evaluate none": ["evaluate", "OUT/none"],
    "evaluate both": ["evaluate", "BAD", "--shipped"],
    "evaluate draws": ["evaluate", "--shipped", "--draws", "-1"],
    "sample": ["sample", "BAD", "-o", "OUT"],
    "sample composition": ["sample", "--composition", "UO2", "-o", "OUT"],
    "sample count": ["sample", "-n", "0"],
    "atoms": ["atoms", "BAD"],
    "atoms nothing": ["atoms"],
    "atoms split": ["atoms", "--evaluate", "none"],
    "verdict": ["verdict", "BAD", "-o", "OUT"],
    "verdict engine": ["verdict", "BAD", "--engine", "none"],
    "verdict index": ["verdict", "BAD", "-o", "OUT"],
    "sample index": ["sample", "-o", "OUT"],
    "sample temperature": ["sample", "--temperature", "nan"],
    "sample seed": ["sample", "--seed", "-3"],
    "sample electrons": ["sample", "--electrons", "inf"],
    "reconstruct": ["reconstruct", "BAD", "-o", "OUT"],
    **{f"reconstruct {v}": ["reconstruct", "BAD", "-o", "OUT", "--symprec", v] for v in ("-1", "nan", "1e300")},
    "reconstruct model": ["reconstruct", "x", "-o", "OUT", "--model", "BAD"],
    "predict": ["predict", "BAD", "-o", "OUT/CHGCAR"],
    "fit": ["fit", "BAD", "-o", "OUT/model"],
    "compare": ["compare", "BAD"],
    "properties": ["properties", "BAD"],
    "properties out": ["properties", "-o", "BAD"],
    "ship": ["ship", "BAD", "--name", "x"],
    "ship name": ["ship", "BAD", "--name", "../x"],
    "demo": ["demo", "--out", "OUT", "--set", "train"],
    "demo into a file": ["demo", "--out", "BAD"],
}


def filled(words, out, inputs=None, bad=""):
    return [w.format(**inputs or {}).replace("OUT", str(out)).replace("BAD", str(bad)) for w in words]


def test_every_command_has_its_rows():
    assert {words[0] for words in BAD.values() if words} - {"frobnicate"} == set(PROGRAM.commands)
    assert {words[0] for words in CALLS.values()} == set(PROGRAM.commands)


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_code_2(name, tmp_path, capfd, monkeypatch):
    if name.startswith("demo"):
        monkeypatch.setattr("symfft_models.cli.demo._shipped", lambda say: {})
    bad, out = tmp_path / "bad", tmp_path / "out"
    out.mkdir()
    bad.write_bytes(b"\xffnothing that any command reads\n")
    if name.endswith(" index"):
        for index in ("verdicts.json", "samples.json"):
            (out / index).write_bytes(b"[1, 2")
    assert main(filled(BAD[name], out, bad=bad)) == exit_codes.FAILED
    said = capfd.readouterr()
    error = NOTICE.sub("", said.err)
    assert re.fullmatch(r"symfft-vae: error: [^\n]+\n", error)
    assert said.out == ""
    if BAD[name][:1] not in ([], ["frobnicate"]) and "--help" not in error:
        assert main([*filled(BAD[name], out, bad=bad), "--json"]) == exit_codes.FAILED
        found = json.loads(capfd.readouterr().out)
        assert "error" in found or found["failures"] == 1


#: The command with the folder of the shipped weights, and nothing else, somewhere else.
ELSEWHERE = """
import signal, sys, pathlib
from symfft_models import cli
signal.signal(signal.SIGINT, cli._leave)
import symfft_models.weights as weights
folder = pathlib.Path(sys.argv.pop(1))
weights.weights_folder = lambda: folder
sys.exit(cli.main())
"""


def command(words, out):
    """Return the command line of a process.

    Its package holds no weights yet where it would write into it (ship) or measure them all (demo).
    """
    if words[:1] not in (["ship"], ["demo"]):
        return [*COMMAND, *words]
    return [sys.executable, "-c", ELSEWHERE, str(without_weights(out)), *words]


def without_weights(folder):
    """Make a folder of shipped weights that holds none."""
    folder.mkdir(exist_ok=True)
    (folder / INDEX).write_text(json.dumps({"default": None, "models": {}}))
    return folder


def run(words, out=Path(), **options):
    """Run the command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command(words, out), cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, check=False, **options
    )


#: Every command that writes files, as it does.
WRITING = {name: words for name, words in CALLS.items() if name not in PRINTING} | {
    "properties": ["properties", "-o", "OUT/model.safetensors"]
}


@contextmanager
def small_files(name):
    """No file of this process may grow beyond some bytes, as on a disk that is full: fewer than its shortest output."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400 if name == "verdict" else 3000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", WRITING)
def test_a_full_disk_is_one_line_and_code_2(name, inputs, no_weights, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("symfft_models.properties.model.learn_properties", lambda densities: load_properties())
    out = made(tmp_path / "out", WRITING[name])
    with small_files(name):
        assert main(filled(WRITING[name], out, inputs)) == exit_codes.FAILED
    error = NOTICE.sub("", capsys.readouterr().err)
    assert re.fullmatch(r"symfft-vae: error: [^\n]+\n", error)
    assert re.search("File too large|make room on the disk|No space left", error)
    assert list(tmp_path.rglob("*.part")) == []


def made(out, words):
    """Make the folder to write to where a command is given a file in it."""
    if any("OUT/" in word for word in words):
        out.mkdir()
    return out


@pytest.fixture
def no_weights(request, tmp_path, monkeypatch):
    """As `command` has it: a package without weights, for the same commands."""
    if request.node.callspec.params["name"] in ("ship", "demo"):
        monkeypatch.setattr("symfft_models.weights.weights_folder", lambda: without_weights(tmp_path))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("name", CALLS)
def test_a_full_disk_behind_standard_output_is_one_line_and_code_2(
    name, inputs, no_weights, tmp_path, capsys, monkeypatch
):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(filled(CALLS[name], made(tmp_path / "out", CALLS[name]), inputs)) == exit_codes.FAILED
    error = NOTICE.sub("", capsys.readouterr().err)
    assert error == "symfft-vae: error: standard output: No space left on device\n"


@pytest.mark.parametrize("name", CALLS)
def test_a_reader_that_leaves_any_command_is_no_error(name, inputs, no_weights, tmp_path, capsys, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        assert main(filled(CALLS[name], made(tmp_path / "out", CALLS[name]), inputs)) == exit_codes.PIPE_CLOSED
    assert NOTICE.sub("", capsys.readouterr().err) == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [["data", "info"], ["--help"], ["data", "info", "--json"], ["train", "--help"]])
def test_output_that_cannot_be_written_is_one_line(words):
    with open("/dev/full", "w") as full:
        done = run(words, stdout=full)
    assert done.returncode == exit_codes.FAILED
    assert done.stderr == "symfft-vae: error: standard output: No space left on device\n"


@pytest.mark.parametrize("words", [["data", "info"], ["data", "info", "--json"], ["--help"]])
def test_a_reader_that_leaves_is_no_error(words):
    """As in `symfft-vae data info | head -0`."""
    reader, writer = os.pipe()
    os.close(reader)
    done = run(words, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (exit_codes.PIPE_CLOSED, "")


@pytest.mark.parametrize("seconds", [0.15, 0.6, 1.2, 2.5])
@pytest.mark.parametrize("name", ["prepare", "train", "sample"])
def test_an_interruption_at_any_time_is_one_line(name, seconds, inputs, tmp_path):
    """Also while modules are imported."""
    out = made(tmp_path / "out", CALLS[name])
    words = filled(CALLS[name], out, inputs)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    # the whole group is interrupted, as by Ctrl-C at a terminal; Python itself must have started
    process = subprocess.Popen(
        command(words, out),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    handled = Path(f"/proc/{process.pid}/status")
    while process.poll() is None and not catches_sigint(handled):
        time.sleep(0.005)
    time.sleep(seconds)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert_interrupted(process.returncode, said)


def assert_interrupted(code, said):
    """One line and the code of an interruption, or nothing where the command was faster."""
    if code == 0:
        return
    lines = [line for line in said.splitlines() if not line.startswith("symfft: compiling")]
    assert code == exit_codes.INTERRUPTED, said
    assert len(lines) == 1, said
    assert lines[0].startswith("symfft-vae: interrupted")


#: Commands in copies of a process that has imported what takes long.
FORKED = """
import json, os, pathlib, signal, sys
import accelerate, h5py, torch
import symfft_models.predict, symfft_models.train, symfft_models.weights as weights
from symfft_models import cli

signal.signal(signal.SIGINT, cli._leave)
for line in sys.stdin:
    words, folder, said = json.loads(line)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(0, 1)
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 2)
        if folder:
            weights.weights_folder = lambda: pathlib.Path(folder)
        sys.argv[1:] = words
        sys.exit(cli.main())
    os.setpgid(child, child)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def copied():
    """A process that copies itself for each command: arguments, folder of weights, file of standard error."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
    with subprocess.Popen([sys.executable, "-c", FORKED], cwd=ROOT, env=environment, **pipes) as process:
        yield process
        process.stdin.close()


@pytest.mark.parametrize(
    ("name", "seconds"), [(name, 0.05 + 0.6 * number / len(CALLS)) for number, name in enumerate(CALLS)]
)
def test_an_interruption_of_its_work_is_one_line(name, seconds, copied, inputs, tmp_path):
    out, said = made(tmp_path / "out", CALLS[name]), tmp_path / "said"
    folder = str(without_weights(tmp_path / "weights")) if name in ("ship", "demo") else None
    copied.stdin.write(json.dumps([filled(CALLS[name], out, inputs), folder, str(said)]).encode() + b"\n")
    child = int(copied.stdout.readline())
    time.sleep(seconds)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGINT)
    assert select.select([copied.stdout], [], [], 120)[0], "it goes on in spite of the interruption"
    assert_interrupted(int(copied.stdout.readline()), said.read_text())


def catches_sigint(status):
    """Whether a process has its own handler of SIGINT."""
    try:
        caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt"))
    except (OSError, StopIteration):
        return True
    return bool(int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1)


@pytest.mark.parametrize(
    ("package", "words", "extra"),
    [
        ("torch", ["train", "--out", "OUT"], "symfft[models]"),
        ("accelerate", ["train", "--out", "OUT"], "symfft[models]"),
        ("h5py", ["data", "info"], "symfft[io]"),
        ("tqdm", ["prepare", "{file}", "-o", "OUT"], "symfft[models]"),
        ("h5py", ["prepare", "{file}", "-o", "OUT"], "symfft[io]"),
        ("pyarrow", ["fetch", "parquet", "{file}", "-o", "OUT"], "symfft[data]"),
        ("pyarrow", ["export", "{set}", "--parquet", "OUT"], "symfft[data]"),
    ],
)
def test_a_missing_package_is_named_with_its_extra_and_nothing_is_begun(package, words, extra, inputs, tmp_path):
    """As after a plain installation."""
    hide = (
        f"import sys; sys.modules[{package!r}] = None; from symfft_models.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", hide, *filled(words, out, inputs)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == exit_codes.FAILED, done.stderr
    assert re.fullmatch(r"symfft-vae: error: [^\n]+\n", done.stderr)
    assert f'pip install "{extra}"' in done.stderr
    assert not out.exists()


def test_a_set_that_is_not_finished_is_not_exported_unasked(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    write_chgcar(tmp_path / "in" / "CHGCAR", load_paw().select(221, "test")[0].density())
    out = tmp_path / "set"
    assert main(["prepare", str(tmp_path / "in"), "-o", str(out), "--group", "1", "--quiet"]) == 0
    assert main(["export", str(out), "--statistics"]) == 2
    assert "holds no densities" in capsys.readouterr().err
    from symfft_models.datasets.prepare.ledger import Ledger

    with Ledger(out / "ledger.sqlite") as ledger:
        ledger.put("finished", "no")
        ledger.commit()
    assert main(["export", str(out), "--statistics"]) == 2
    assert "is not finished: run the same prepare command again" in capsys.readouterr().err


def test_help_lists_every_setting(capsys):
    from symfft_models.model.config import describe_settings

    assert main(["train", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(line in text for line in describe_settings().splitlines())


def test_help_starts_without_torch():
    script = "import sys; from symfft_models.cli import main; main(['--help']); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True)
