"""The journal of a fetch: what is cut short, damaged, or written by two."""

from __future__ import annotations

import json

import pytest
from fetch_samples import density

from symfft import SymfftError
from symfft_models.datasets.fetch import Journal
from symfft_models.datasets.fetch.journal import JOURNAL


def test_a_journal_cut_short_loses_its_last_line_only(tmp_path):
    with Journal(tmp_path) as journal:
        journal.store("mp-1", density())
        journal.record("mp-2", "missing")
    whole = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(whole[:-5])
    with Journal(tmp_path) as journal:
        assert journal.outcomes == {"mp-1": "stored"}
        journal.record("mp-3", "failed")
        assert not journal.knows("mp-3")
    assert [json.loads(line)["id"] for line in (tmp_path / JOURNAL).read_text().splitlines()] == ["mp-1", "mp-3"]


@pytest.mark.parametrize("line", [b"{", b"[]", b"3", b"\xff", b'{"id": 3, "status": "stored"}', b"[" * 100_000])
def test_a_damaged_journal_is_named(line, tmp_path):
    (tmp_path / JOURNAL).write_bytes(b'{"id": "a", "status": "stored"}\n' + line + b"\n")
    with pytest.raises(SymfftError, match="line 2: no record of a material"):
        Journal(tmp_path)


def test_two_processes_do_not_write_to_one_folder(tmp_path):
    pytest.importorskip("fcntl")
    (tmp_path / ".mp-1.CHGCAR.gz.abc.part").write_text("left by a killed run")
    with Journal(tmp_path), pytest.raises(SymfftError, match="another process is fetching into it"):
        Journal(tmp_path)
    with Journal(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [JOURNAL]
