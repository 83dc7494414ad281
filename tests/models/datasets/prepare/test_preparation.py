"""A whole run: every file accounted for once, whatever is killed and however often."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest
from prepare_samples import OPTIONS, prepare_or_die, sample, write_samples

from symfft import SymfftError, write_density
from symfft_models.datasets.prepare import Options, is_finished, open_prepared, preparation, prepare, stored_entries
from symfft_models.datasets.prepare.ledger import Ledger

ROOT = Path(__file__).resolve().parents[4]
GRID = ["--grid", "12", "--grid", "221=7", "--grid", "225=8", "--grid", "227=8"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_samples(folder)
    return folder


@pytest.fixture(scope="module")
def whole(files, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    return out, prepare([str(files)], out, OPTIONS, batch=5)


def rows(out):
    """All the ledger says, and the bytes of every shard."""
    with Ledger(out / "ledger.sqlite") as ledger:
        files = ledger._base.execute("SELECT * FROM files ORDER BY path").fetchall()
    return files, {file.name: file.read_bytes() for file in (out / "shards").iterdir()}


def command(files, out, *more):
    arguments = [str(files), "-o", str(out), *GRID, "--batch", "5", "--json", "--quiet", *more]
    return [sys.executable, "-m", "symfft_models.cli", "prepare", *arguments]


def test_every_file_is_stored_or_refused_once(files, whole):
    out, summary = whole
    listed = sorted(str(p) for p in files.rglob("*") if p.is_file() and p.name != "LOCPOT")
    with Ledger(out / "ledger.sqlite") as ledger:
        assert [path for (path,) in ledger._base.execute("SELECT path FROM files ORDER BY path")] == listed
    assert summary["stored"] == 24
    assert summary["refused"] == {"duplicate": 12, "wrong electron count": 1, "truncated": 1}
    assert summary["by_space_group"] == dict.fromkeys((14, 62, 166, 221, 225, 227), 4)
    assert json.loads((out / "summary.json").read_text()) == json.loads(json.dumps(summary))


def test_shards_read_with_h5py_alone_and_say_how_they_were_made(whole):
    out, summary = whole
    total = 0
    for file in sorted((out / "shards").iterdir()):
        with h5py.File(file) as shard:
            assert json.loads(shard.attrs["options"])["mode"] == "grid"
            assert json.loads(shard.attrs["versions"])["numpy"] == np.__version__
            assert len(shard["values"]) == shard["offsets"][-1]
            assert (shard["metadata/symmetry_residual"][()] < 1e-6).all()
            total += len(shard["id"])
    assert total == summary["stored"]
    entries = list(stored_entries(out))
    assert len({entry.id for entry in entries}) == len(entries) == 24
    assert sum(len(shard) for shard in open_prepared(out)) == 24


def test_the_ledger_says_where_every_entry_is(whole):
    out, _ = whole
    shards = list(open_prepared(out))
    with Ledger(out / "ledger.sqlite") as ledger:
        for path, shard, row in ledger._base.execute("SELECT path, shard, row FROM files WHERE status = 'stored'"):
            assert shards[shard][row].id == path


def test_a_second_run_does_nothing_and_new_files_are_added(files, tmp_path):
    list_file = tmp_path / "list"
    list_file.write_text(f"{files}/group-221/run-0/CHGCAR\n")
    first = prepare([f"@{list_file}"], tmp_path / "out", OPTIONS)
    before = rows(tmp_path / "out")
    assert (first["new"], prepare([f"@{list_file}"], tmp_path / "out", OPTIONS)["new"]) == (1, 0)
    assert rows(tmp_path / "out") == before
    with open(list_file, "a") as file:
        file.write(f"{files}/group-221/run-1/CHGCAR.gz\n" * 2)
    assert prepare([f"@{list_file}"], tmp_path / "out", OPTIONS)["stored"] == 2


def test_several_processes_give_the_same_bytes(files, whole, tmp_path):
    prepare([str(files)], tmp_path, OPTIONS, jobs=2, batch=5)
    assert rows(tmp_path) == rows(whole[0])


def test_killed_again_and_again_it_ends_as_if_it_never_was(files, whole, tmp_path):
    """Each time a new shard has just appeared, or a little later; the last run is left alone."""
    chance = random.Random(4)
    kills = 0
    (tmp_path / "shards").mkdir()
    while kills < 3:
        before = len(list((tmp_path / "shards").glob("[0-9]*.h5")))
        process = subprocess.Popen(command(files, tmp_path), cwd=ROOT, stdout=subprocess.DEVNULL)
        while process.poll() is None and len(list((tmp_path / "shards").glob("[0-9]*.h5"))) <= before:
            time.sleep(0.001)
        time.sleep(chance.choice([0, 0, 0.01, 0.2]))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    done = subprocess.run(command(files, tmp_path), cwd=ROOT, capture_output=True, text=True, check=True)
    assert kills == 3
    assert rows(tmp_path) == rows(whole[0])
    assert json.loads(done.stdout)["stored"] == 24


@pytest.mark.parametrize("moment", ["write_set", "_sync_folder", "commit"])
@pytest.mark.parametrize("times", [1, 2, 4])
def test_killed_at_the_worst_moments(files, whole, tmp_path, monkeypatch, moment, times):
    """Before a shard, between shard and ledger, and after both: nothing is lost, nothing is there twice."""

    class Killed(BaseException):
        pass

    owner = Ledger if moment == "commit" else preparation
    real = getattr(owner, moment)
    calls = 0

    def dies(*arguments):
        nonlocal calls
        calls += 1
        if calls == times:
            raise Killed
        return real(*arguments)

    monkeypatch.setattr(preparation, "local_outcomes", lambda paths, task, **_: map(task, paths))
    monkeypatch.setattr(owner, moment, dies)
    with pytest.raises(Killed):
        prepare([str(files)], tmp_path, OPTIONS, batch=5)
    monkeypatch.setattr(owner, moment, real)
    (tmp_path / "shards" / ".000009.h5.abc").write_bytes(b"left by a killed writer")
    prepare([str(files)], tmp_path, OPTIONS, batch=5)
    assert rows(tmp_path) == rows(whole[0])


def test_poison_is_in_the_ledger_and_stops_nothing(files, tmp_path, monkeypatch):
    source = tmp_path / "files"
    for name in ("a/CHGCAR", "b/poison.CHGCAR", "c/CHGCAR"):
        (source / name).parent.mkdir(parents=True)
        write_density(source / name, sample(221, len(name) + ord(name[0])))
    monkeypatch.setattr(preparation, "prepare_file", prepare_or_die)
    summary = prepare([str(source)], tmp_path / "out", OPTIONS)
    assert (summary["stored"], summary["refused"]) == (2, {"crashed": 1})
    with Ledger(tmp_path / "out" / "ledger.sqlite") as ledger:
        (refusal,) = ledger.refusals()
    assert refusal["path"].endswith("poison.CHGCAR")
    assert "SIGKILL" in refusal["detail"]
    monkeypatch.undo()
    again = prepare([str(source)], tmp_path / "out", OPTIONS)
    assert (again["new"], again["stored"], again["refused"]) == (1, 3, {})  # it was the process, not the file


def stored_of(out):
    """Values of every stored density by the file's name."""
    return {entry.id: entry.values.tobytes() for entry in stored_entries(out)}


def test_the_order_of_the_list_does_not_matter(files, tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "local_outcomes", lambda paths, task, **_: map(task, paths))
    paths = sorted(str(path) for path in files.rglob("*") if path.is_file())
    found = []
    for seed in range(3):
        random.Random(seed).shuffle(paths)
        prepare(paths, tmp_path / str(seed), OPTIONS, batch=5)
        found.append(rows(tmp_path / str(seed)))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("names", [("a/CHG", "a/CHGCAR"), ("a/CHG.gz", "z/CHGCAR"), ("CHG", "copy.cube")])
@pytest.mark.parametrize("part", [(0, 1), (0, 3)])
def test_a_chgcar_is_preferred_to_the_chg_of_its_run(names, part, tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "local_outcomes", lambda paths, task, **_: map(task, paths))
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        write_density(tmp_path / "in" / name, sample(225))
    parts = [(i, part[1]) for i in range(part[1])]
    if part[1] > 1 and Path(names[0]).parent != Path(names[1]).parent:
        return
    for one in parts:
        prepare([str(tmp_path / "in" / name) for name in names], tmp_path / "out", OPTIONS, part=one)
    if part[1] == 1 or "CHGCAR" in names[1]:
        assert list(stored_of(tmp_path / "out")) == [str(tmp_path / "in" / names[1])]


def test_late_and_changed_files_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "local_outcomes", lambda paths, task, **_: map(task, paths))
    one, two, copy = (tmp_path / "in" / name for name in ("a.CHGCAR", "b.CHGCAR", "copy-of-a.CHGCAR"))
    one.parent.mkdir()
    (tmp_path / "list").write_text(f"{one}\n{two}\n{copy}\n")
    paths = [f"@{tmp_path / 'list'}"]
    for path, seed in ((one, 0), (copy, 0)):
        write_density(path, sample(225, seed))
    first = prepare(paths, tmp_path / "out", OPTIONS)
    assert (first["stored"], first["refused"]) == (1, {"missing": 1, "duplicate": 1})
    write_density(two, sample(227))
    second = prepare(paths, tmp_path / "out", OPTIONS)
    assert (second["new"], second["stored"], second["refused"]) == (1, 2, {"duplicate": 1})
    before = stored_of(tmp_path / "out")
    write_density(one, sample(225, 5))
    third = prepare([str(one)], tmp_path / "out", OPTIONS)  # the others of its shard are made again, too
    after = stored_of(tmp_path / "out")
    assert after.keys() == {str(one), str(two), str(copy)}
    assert (third["stored"], third["refused"]) == (3, {})
    assert after[str(one)] != before[str(one)]
    assert after[str(copy)] == before[str(one)]
    assert after[str(two)] == before[str(two)]
    (tmp_path / "in" / "bad.CHGCAR").write_text("nothing")
    assert prepare([str(tmp_path / "in")], tmp_path / "out", OPTIONS)["refused"] == {"truncated": 1}
    write_density(tmp_path / "in" / "bad.CHGCAR", sample(221))
    assert prepare([str(tmp_path / "in")], tmp_path / "out", OPTIONS)["refused"] == {}
    assert prepare([str(tmp_path / "in")], tmp_path / "out", OPTIONS)["new"] == 0


def test_partial_files_are_neither_taken_nor_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "local_outcomes", lambda paths, task, **_: map(task, paths))
    (tmp_path / "in").mkdir()
    write_density(tmp_path / "in" / "CHGCAR", sample(225))
    (tmp_path / "in" / ".CHGCAR.abc.part").write_text("left by a killed writer")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".summary.json.abc.part").write_text("left by a killed writer")
    summary = prepare([str(tmp_path / "in")], tmp_path / "out", OPTIONS)
    assert (summary["files"], summary["refused"]) == (1, {})
    assert list((tmp_path / "out").rglob(".*")) == []


def test_what_was_done_before_an_interruption_is_kept(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    for seed in range(3):
        write_density(tmp_path / "in" / f"{seed}.CHGCAR", sample(225, seed))

    def interrupted(paths, task, **_):
        yield task(next(paths))
        yield task(next(paths))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(preparation, "local_outcomes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare([str(tmp_path / "in")], tmp_path / "out", OPTIONS)
    assert len(stored_of(tmp_path / "out")) == 2
    assert not is_finished(tmp_path / "out")
    monkeypatch.setattr(preparation, "local_outcomes", lambda paths, task, **_: map(task, paths))
    assert prepare([str(tmp_path / "in")], tmp_path / "out", OPTIONS)["new"] == 1
    assert is_finished(tmp_path / "out")


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"no database"),
        lambda path: path.write_bytes(path.read_bytes()[:3000] + b"x" * 5000),
        lambda path: change(path, "UPDATE settings SET value = '[' WHERE name = 'options'"),
        lambda path: change(path, "UPDATE settings SET value = '3' WHERE name = 'versions'"),
        lambda path: change(path, "DROP TABLE files"),
        lambda path: change(path, "ALTER TABLE files RENAME COLUMN shard TO other"),
        lambda path: change(path, "PRAGMA user_version = 7"),
    ],
)
def test_a_damaged_ledger_is_named(damage, tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "local_outcomes", lambda paths, task, **_: map(task, paths))
    write_density(tmp_path / "CHGCAR", sample(225))
    prepare([str(tmp_path / "CHGCAR")], tmp_path / "out", OPTIONS)
    damage(tmp_path / "out" / "ledger.sqlite")
    with pytest.raises(SymfftError, match=r"ledger\.sqlite|begun with other options"):
        prepare([str(tmp_path / "CHGCAR")], tmp_path / "out", OPTIONS)


def change(path, statement):
    """Change a database."""
    base = sqlite3.connect(path)
    base.execute(statement)
    base.commit()
    base.close()


def test_parts_together_are_the_whole(files, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "local_outcomes", lambda paths, task, **_: map(task, paths))
    summaries = [prepare([str(files)], tmp_path, OPTIONS, part=(i, 3)) for i in range(3)]
    assert sum(summary["files"] for summary in summaries) == whole[1]["files"]
    assert all(summary["files"] for summary in summaries)

    def content(out):
        entries = stored_entries(out)
        return sorted((entry.space_group, np.round(entry.values, 4).tobytes()) for entry in entries)

    assert sum(summary["stored"] for summary in summaries) > 24  # copies in different parts
    assert content(tmp_path) == content(whole[0])


def test_other_options_are_refused(whole, files):
    with pytest.raises(SymfftError, match=r"begun with other options: .*symprec was 0.001 and is 0.01"):
        prepare([str(files)], whole[0], Options(**{**vars(OPTIONS), "symprec": 0.01}), batch=5)


@pytest.mark.parametrize("wrong", [{"jobs": 0}, {"batch": 0}, {"timeout": 0.0}])
def test_numbers_that_would_do_nothing_are_refused(files, tmp_path, wrong):
    with pytest.raises(SymfftError, match="must all be positive"):
        prepare([str(files)], tmp_path, OPTIONS, **wrong)


def test_two_runs_in_one_folder_are_kept_apart(files, tmp_path):
    tmp_path.joinpath("shards").mkdir()
    with Ledger(tmp_path / "ledger.sqlite"), pytest.raises(SymfftError, match="another run is writing here"):
        Ledger(tmp_path / "ledger.sqlite", patience=0.1)


def test_a_lost_shard_is_noticed(files, tmp_path):
    prepare([f"{files}/group-221"], tmp_path, OPTIONS)
    (tmp_path / "shards" / "000000.h5").unlink()
    with pytest.raises(SymfftError, match=r"000000.h5 is in the ledger but not on disk"):
        prepare([f"{files}/group-221"], tmp_path, OPTIONS)


def test_the_command_reports_refusals_and_errors(files, whole, tmp_path):
    listed = subprocess.run(command(files, whole[0], "--ledger"), cwd=ROOT, capture_output=True, text=True, check=True)
    reasons = [refusal["reason"] for refusal in json.loads(listed.stdout)["refusals"]]
    assert sorted(set(reasons)) == ["duplicate", "truncated", "wrong electron count"]
    failed = subprocess.run(command(tmp_path / "none", tmp_path), cwd=ROOT, capture_output=True, text=True)
    assert failed.returncode == 2
    assert failed.stderr.startswith("symfft-vae: error: no file, folder or match of")


def test_a_dask_cluster_gives_the_same(files, whole, tmp_path):
    distributed = pytest.importorskip("distributed")
    from dask import config

    with (
        config.set({"distributed.worker.memory.terminate": False}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
    ):
        prepare([str(files)], tmp_path, OPTIONS, scheduler=cluster.scheduler_address, batch=5)
    assert rows(tmp_path) == rows(whole[0])


def test_without_dask_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    write_density(tmp_path / "CHGCAR", sample(221))
    with pytest.raises(ImportError, match="--scheduler needs Dask: pip install"):
        prepare([str(tmp_path / "CHGCAR")], tmp_path / "out", OPTIONS, scheduler="tcp://127.0.0.1:1")


def test_memory_does_not_grow_with_the_number_of_files(tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "local_outcomes", lambda paths, task, **_: map(task, paths))
    peaks = []
    for count in (1_000, 8_000):
        (tmp_path / f"list-{count}").write_text("".join(f"missing-{i}/CHGCAR\n" for i in range(count)))
        tracemalloc.start()
        summary = prepare([f"@{tmp_path}/list-{count}"], tmp_path / str(count), OPTIONS)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert summary["refused"] == {"missing": count}
    assert peaks[1] < 1.2 * peaks[0] + 100_000


def test_workers_end_with_a_killed_run(files, tmp_path):
    (tmp_path / "out").mkdir()
    line = command(files, tmp_path / "out", "--jobs", "2")
    with open(tmp_path / "stderr", "w") as stderr:
        process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=stderr)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        process.kill()
        pytest.skip("needs Linux to list the processes of a process")
    started = time.monotonic()
    while len(workers := children.read_text().split()) < 3 and time.monotonic() - started < 120:
        time.sleep(0.02)
    # killed while it hands over what they are to do, it would leave them with half of it
    while not list((tmp_path / "out").glob("shards/0*.h5")) and time.monotonic() - started < 240:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert len(workers) >= 3  # two workers and multiprocessing's own
    alive = workers
    while alive and time.monotonic() - started < 300:
        time.sleep(0.1)
        alive = [pid for pid in alive if is_running(pid)]
    assert not alive
    said = (tmp_path / "stderr").read_text().splitlines()
    assert [line for line in said if not line.startswith("symfft: compiling")] == []


def is_running(pid):
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
