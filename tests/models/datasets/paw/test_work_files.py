"""What workers leave is read as anybody's files: damaged ones are one kind of error, which says what to do."""

from __future__ import annotations

import json

import numpy as np
import pytest

from symfft_models.datasets.paw.candidates import ImplausibleError, relaxed
from symfft_models.datasets.paw.pack import RejectedResultError, entry_of
from symfft_models.datasets.paw.work_files import (
    WorkFileError,
    failure_reason,
    read_lines,
    read_result,
    write_lines,
)

from . import made_up

NO_OBJECTS = [b"", b"[1, 2]", b"{", b"\xff\xfe", b"[" * 100_000, b"null"]


def save(path, job, report, arrays):
    np.savez(path, job=json.dumps(job), report=json.dumps(report), **arrays)


def test_lines_that_a_kill_cut_short_are_left_out(tmp_path):
    write_lines(tmp_path / "a" / "lines.jsonl", [{"x": 1}, {"x": 2}])
    with open(tmp_path / "a" / "lines.jsonl", "a") as stream:
        stream.write('{"x": 3')
    assert list(read_lines(tmp_path / "a" / "lines.jsonl")) == [{"x": 1}, {"x": 2}]
    assert list(read_lines(tmp_path / "none.jsonl")) == []


@pytest.mark.parametrize("text", NO_OBJECTS)
def test_a_damaged_line_is_named(text, tmp_path):
    (tmp_path / "lines.jsonl").write_bytes(b'{"x": 1}\n' + text + b"\n")
    lines = read_lines(tmp_path / "lines.jsonl")
    assert next(lines) == {"x": 1}
    with pytest.raises(WorkFileError, match=r"lines\.jsonl, line 2: .*delete the line"):
        next(lines)


def test_a_result_comes_back(tmp_path):
    job, report, arrays = made_up.result(made_up.magnesia())
    save(tmp_path / "one.npz", job, report, arrays)
    found = read_result(tmp_path / "one.npz")
    assert found[0] == json.loads(json.dumps(job))
    assert found[1] == json.loads(json.dumps(report))
    assert set(found[2]) == set(arrays)
    assert entry_of(*found).id == job["id"]


def test_results_of_another_form(tmp_path):
    path = tmp_path / "one.npz"
    job, report, arrays = made_up.result(made_up.magnesia())
    save(path, job, report, arrays)
    whole = path.read_bytes()
    for content in (b"", b"PK", whole[: len(whole) // 2], whole[:-30]):
        path.write_bytes(content)
        with pytest.raises(WorkFileError, match=r"one\.npz: no result of a worker"):
            read_result(path)
    for texts in ({"job": json.dumps(job)}, {"job": "[]", "report": "{}"}, {"job": "{", "report": "{}"}):
        np.savez(path, **texts)
        with pytest.raises(WorkFileError, match="delete it, and it is computed again"):
            read_result(path)
    np.savez(path, job=np.array({"an": "object"}, dtype=object), report="{}")
    with pytest.raises(WorkFileError, match="allow_pickle=False"):
        read_result(path)
    np.savez_compressed(path, job="{}", report="{}", zeros=np.zeros(10**7))
    assert path.stat().st_size < 10**5
    assert set(read_result(path)[2]) == {"zeros"}  # as small as deflate makes it, no smaller


@pytest.mark.parametrize("text", [*NO_OBJECTS, b"{}", b'{"status": 1, "reason": "x"}'])
def test_records_of_failures_of_another_form(text, tmp_path):
    (tmp_path / "one.json").write_bytes(text)
    with pytest.raises(WorkFileError, match=r"one\.json: .*delete it, and the job is tried again"):
        failure_reason(tmp_path / "one.json")


def test_the_reason_of_a_failure_is_its_last_line(tmp_path):
    for reason, last in (("Traceback\n  x\nValueError: no\n", "ValueError: no"), ("", ""), ("y" * 300, "y" * 100)):
        (tmp_path / "one.json").write_text(json.dumps({"status": "crashed", "reason": reason}))
        assert failure_reason(tmp_path / "one.json") == f"crashed: {last}"


def wrong_parts():
    job, report, arrays = made_up.result(made_up.magnesia())
    nan = float("nan")
    yield {}, report, arrays
    yield job | {"crystal": 3}, report, arrays
    yield job | {"cell": [[0, 0, 0]] * 3}, report, arrays
    yield job | {"cell": "x"}, report, arrays
    yield job | {"symbols": ["Mg"]}, report, arrays
    yield job, {}, arrays
    yield job, report | {"electrons": nan}, arrays
    yield job, report | {"setups": {}}, arrays
    yield job, report, arrays | {"soft": arrays["soft"] * np.nan}
    yield job, report, arrays | {"soft": arrays["soft"][:, :3]}
    yield job, report, {name: array for name, array in arrays.items() if name != "hkl"}
    yield job, report, arrays | {"multipoles": np.zeros(3)}


@pytest.mark.parametrize("parts", [*wrong_parts()])
def test_parts_of_another_form_are_rejected(parts):
    with pytest.raises(RejectedResultError, match=r"unreadable|wrong"):
        entry_of(*parts)


@pytest.mark.parametrize(
    "result", [{}, {"converged": True}, {"converged": True, "cell": 3, "positions": [], "symbols": []}]
)
def test_relaxations_of_another_form_are_not_taken(result):
    with pytest.raises(ImplausibleError, match="unreadable"):
        relaxed(made_up.magnesia(), result)
