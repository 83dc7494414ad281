"""What became of every file, in an SQLite database: one row per file, committed together with its shard."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from symfft import SymfftError
from symfft_models.datasets.prepare.sources import preference
from symfft_models.datasets.prepare.standardize import Outcome, file_state

#: Relative difference of fingerprints up to which two densities of the same formula and group count as one.
SAME = 1e-4
#: Reasons that lie with the machine rather than with the file: the next call tries again.
TRIED_AGAIN = ("missing", "timed out", "crashed", "out of memory")
#: Version of the tables, in the database's header.
VERSION = 1

TABLES = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, status TEXT NOT NULL, detail TEXT NOT NULL, measured TEXT NOT NULL,
    size INTEGER, changed INTEGER, original TEXT,
    shard INTEGER, row INTEGER, space_group INTEGER, composition TEXT, points INTEGER,
    volume REAL, moment2 REAL, moment4 REAL, moment6 REAL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS fingerprints ON files (composition, space_group, volume) WHERE status = 'stored';
CREATE INDEX IF NOT EXISTS statuses ON files (status);
CREATE INDEX IF NOT EXISTS shards ON files (shard) WHERE shard IS NOT NULL;
CREATE TEMP TABLE listed (path BLOB PRIMARY KEY, preference INTEGER NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TEMP TABLE done (path TEXT PRIMARY KEY) WITHOUT ROWID;
"""
FINGERPRINT = ("volume", "moment2", "moment4", "moment6")


class LedgerReader:
    """What a ledger has on record; it may lie on a medium that cannot be written to.

    Raises
    ------
    SymfftError
        If the file is not a ledger, a run is writing to it, or, when it is used, cannot be read.
    """

    def __init__(self, path: str | Path, patience: float = 5.0) -> None:
        self.path = path
        self._base = self._connection(path, patience)
        try:
            self._begin()
        except sqlite3.Error as error:
            self._base.close()
            raise self._failure(error) from None
        except SymfftError:
            self._base.close()
            raise

    @staticmethod
    def _connection(path: str | Path, patience: float) -> sqlite3.Connection:
        base = _read_only(path, patience)
        try:
            base.execute("SELECT 1 FROM sqlite_master")
        except sqlite3.Error as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_READONLY_ROLLBACK:
                base.close()
                with Ledger(path, patience):  # takes back what a killed run had begun
                    pass
                return _read_only(path, patience)
        return base

    def _begin(self) -> None:
        if not self._tables():
            raise SymfftError(f"{self.path} is empty: run the same prepare command again")

    def _tables(self) -> bool:
        """Whether it has its tables; an error where it has others."""
        version = self._base.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in self._base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and (version != VERSION or tables != {"settings", "files"}):
            raise SymfftError(f"{self.path} was made by another version of symfft: begin in another folder")
        return bool(tables)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._base.close()
        if isinstance(error, sqlite3.Error):
            raise self._failure(error) from error

    def _failure(self, error: sqlite3.Error) -> SymfftError:
        if "locked" in str(error):
            advice = "another run is writing here: wait for it, give each its own --shard, or another folder"
        elif "full" in str(error) or "I/O" in str(error):
            advice = "make room on the disk, then run the same command again"
        else:
            advice = "restore the file, or begin in another folder"
        return SymfftError(f"{self.path}: {error}; {advice}")

    def recorded(self, name: str) -> str | None:
        """Return what is on record under a name, None where nothing is."""
        found = self._base.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def shards(self) -> set[int]:
        """Return the numbers of the shards that are on record."""
        return {int(n) for (n,) in self._base.execute("SELECT DISTINCT shard FROM files WHERE shard IS NOT NULL")}

    def counts(self) -> dict[str, int]:
        """Return the number of files by status: "stored", or the reason of refusal."""
        return dict(self._base.execute("SELECT status, COUNT(*) FROM files GROUP BY status ORDER BY 2 DESC"))

    def group_counts(self) -> dict[int, int]:
        """Return the number of stored densities by space group."""
        return dict(
            self._base.execute("SELECT space_group, COUNT(*) FROM files WHERE status = 'stored' GROUP BY space_group")
        )

    def largest(self) -> int:
        """Return the number of points of the largest asymmetric unit."""
        return int(self._base.execute("SELECT COALESCE(MAX(points), 0) FROM files").fetchone()[0])

    def refusals(self) -> Iterator[dict[str, Any]]:
        """Yield path, reason, detail and measured figures of every refused file."""
        for path, status, detail, measured in self._base.execute(
            "SELECT path, status, detail, measured FROM files WHERE status != 'stored' ORDER BY path"
        ):
            try:
                figures = json.loads(measured)
            except (ValueError, TypeError, RecursionError) as error:
                raise SymfftError(f"{self.path}: the row of {path} is damaged ({error}); restore the file") from None
            yield {"path": path, "reason": status, "detail": detail, "measured": figures}


class Ledger(LedgerReader):
    """Rows become permanent in :meth:`commit`, all at once; a killed run leaves the state of the last one.

    Raises
    ------
    SymfftError
        If the file is not a ledger, another run is writing to it, or, when it is used, cannot be read or written.
    """

    @staticmethod
    def _connection(path: str | Path, patience: float) -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=patience)

    def _begin(self) -> None:
        self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._tables()
        self._base.executescript(TABLES)
        self._base.execute(f"PRAGMA user_version = {VERSION}")
        self._base.execute("BEGIN IMMEDIATE")

    def setting(self, name: str, value: str) -> str:
        """Return what is on record under a name; put `value` there first where nothing is."""
        self._base.execute("INSERT OR IGNORE INTO settings VALUES (?, ?)", (name, value))
        found = self.recorded(name)
        return value if found is None else found

    def put(self, name: str, value: str) -> None:
        """Put a value under a name."""
        self._base.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def begin(self, paths: Iterable[str]) -> int:
        """Begin a call on these files: take what was changed since out of the set, and return how many are to do.

        A shard is written once. Where a stored file has another size or time now, all files of its shard, and those
        that were refused as duplicates of them, become unknown; the shard is to be removed and made again.
        """
        self._list(paths)
        changed = {
            shard
            for path, shard, size, time in self._base.execute(
                "SELECT listed.path, shard, size, changed FROM listed "
                "JOIN files ON files.path = listed.text WHERE shard IS NOT NULL"
            )
            if (size, time) != (file_state(os.fsdecode(path)) or (size, time))
        }
        for shard in sorted(changed):
            lost = self._base.execute(
                "SELECT path FROM files WHERE shard = ? OR original IN (SELECT path FROM files WHERE shard = ?)",
                (shard, shard),
            ).fetchall()
            self._list(path for (path,) in lost)
            self._base.executemany("DELETE FROM files WHERE path = ?", lost)
        return sum(1 for _ in self.to_do())

    def _list(self, paths: Iterable[str]) -> None:
        rows = ((os.fsencode(path), preference(path), as_text(path)) for path in paths)
        self._base.executemany("INSERT OR IGNORE INTO listed VALUES (?, ?, ?)", rows)

    def to_do(self) -> Iterator[str]:
        """Yield the listed files that need preparing, in an order that does not depend on that of the list."""
        last: tuple[int, bytes] = (-1, b"")
        while True:
            rows = self._base.execute(
                "SELECT preference, path FROM listed WHERE (preference, path) > (?, ?) ORDER BY preference, path "
                "LIMIT 1000",
                last,
            ).fetchall()
            if not rows:
                return
            last = rows[-1]
            yield from (path for path in (os.fsdecode(row[1]) for row in rows) if not self.knows(path))

    def knows(self, path: str) -> bool:
        """Whether a file was prepared in this call, or in an earlier one and need not be looked at again."""
        key = (as_text(path),)
        if self._base.execute("SELECT 1 FROM done WHERE path = ?", key).fetchone():
            return True
        row = self._base.execute("SELECT status, size, changed FROM files WHERE path = ?", key).fetchone()
        if row is None:
            return False
        status, size, changed = row
        return status not in TRIED_AGAIN and (status == "stored" or file_state(path) in (None, (size, changed)))

    def original_of(self, outcome: Outcome) -> str | None:
        """Return the stored file whose density is that of `outcome`, if there is one."""
        entry = outcome.entry
        if entry is None:
            return None
        bounds = [bound for value in outcome.fingerprint for bound in sorted((value * (1 - SAME), value * (1 + SAME)))]
        between = " AND ".join(f"{name} BETWEEN ? AND ?" for name in FINGERPRINT)
        found = self._base.execute(
            f"SELECT path FROM files WHERE status = 'stored' AND composition = ? AND space_group = ? AND {between}",
            (entry.composition, entry.space_group, *bounds),
        ).fetchone()
        return None if found is None else str(found[0])

    def record(
        self, outcome: Outcome, shard: int | None = None, row: int | None = None, original: str | None = None
    ) -> None:
        """Put a file's row, in the place of an earlier one."""
        entry = outcome.entry
        place: tuple[Any, ...] = (None,) * 9
        if entry is not None:
            place = (shard, row, entry.space_group, entry.composition, len(entry.values), *outcome.fingerprint)
        status = "stored" if entry is not None else outcome.reason
        texts = (as_text(outcome.path), status, outcome.detail, json.dumps(outcome.measured))
        state = outcome.state or (None, None)
        self._base.execute(
            f"INSERT OR REPLACE INTO files VALUES ({', '.join('?' * 16)})", (*texts, *state, original, *place)
        )
        self._base.execute("INSERT OR IGNORE INTO done VALUES (?)", (texts[0],))

    def commit(self) -> None:
        """Make all rows permanent."""
        self._base.commit()
        self._base.execute("BEGIN IMMEDIATE")


def _read_only(path: str | Path, patience: float) -> sqlite3.Connection:
    return sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", timeout=patience, uri=True)


def as_text(path: str) -> str:
    """Return a path that is not valid UTF-8 with its bytes escaped, as text that every database takes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
