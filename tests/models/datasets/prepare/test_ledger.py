"""What is on record can be read while others read it, from a medium that takes no writing, and after a killed run."""

from __future__ import annotations

import shutil
import sqlite3

import pytest

from symfft import SymfftError
from symfft_models.datasets.prepare.ledger import Ledger, LedgerReader


@pytest.fixture
def path(tmp_path):
    """A ledger with one thing on record."""
    with Ledger(tmp_path / "ledger ? #.sqlite") as ledger:
        ledger.put("finished", "yes")
        ledger.commit()
    return tmp_path / "ledger ? #.sqlite"


def test_readers_write_nothing_and_do_not_shut_each_other_out(path):
    before = path.read_bytes(), path.stat().st_mtime_ns
    with LedgerReader(path, patience=0.1) as one, LedgerReader(path, patience=0.1) as other:
        assert one.recorded("finished") == other.recorded("finished") == "yes"
        assert one.recorded("nothing") is None
        assert (one.shards(), one.counts(), one.largest(), list(one.refusals())) == (set(), {}, 0, [])
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            one._base.execute("DELETE FROM settings")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert list(path.parent.iterdir()) == [path]


def test_a_run_that_writes_shuts_readers_out(path):
    with Ledger(path), pytest.raises(SymfftError, match="another run is writing here"):
        LedgerReader(path, patience=0.1)


def test_what_a_killed_run_had_begun_is_taken_back(path, tmp_path):
    copy = tmp_path / "killed" / "ledger.sqlite"
    copy.parent.mkdir()
    with Ledger(path) as ledger:
        ledger._base.execute("PRAGMA cache_size = 1")
        for number in range(2000):
            ledger.put(f"setting {number}", "x" * 100)
        ledger.put("finished", "no")
        for suffix in ("", "-journal"):
            shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    assert copy.read_bytes() != path.read_bytes()
    with LedgerReader(copy) as read:
        assert read.recorded("finished") == "yes"
        assert read.recorded("setting 0") is None


@pytest.mark.parametrize("content", [b"", b"no database, but as long as one would have to be" * 30])
@pytest.mark.parametrize("kind", [Ledger, LedgerReader])
def test_files_that_are_no_ledgers(kind, content, tmp_path):
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)
    if kind is Ledger and not content:
        kind(path).__exit__(None, None, None)  # it begins there
        return
    with pytest.raises(SymfftError, match=r"ledger\.sqlite"):
        kind(path)
