"""What became of every file, in an SQLite database: one row a file, committed together with its shard."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from symfft import SymfftError
from symfft_models.datasets.prepare.standardize import Outcome

#: Relative difference of fingerprints up to which two densities of the same formula and group count as one.
SAME = 1e-4

TABLES = """
CREATE TABLE IF NOT EXISTS run (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, status TEXT NOT NULL, detail TEXT NOT NULL, measured TEXT NOT NULL,
    shard INTEGER, row INTEGER, space_group INTEGER, composition TEXT, points INTEGER,
    volume REAL, moment2 REAL, moment4 REAL, moment6 REAL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS fingerprints ON files (composition, space_group, volume) WHERE status = 'stored';
CREATE INDEX IF NOT EXISTS statuses ON files (status);
"""
FINGERPRINT = ("volume", "moment2", "moment4", "moment6")


class Ledger:
    """Rows become permanent in :meth:`commit`, all at once; a killed run leaves the state of the last one."""

    def __init__(self, path: str | Path, patience: float = 5.0) -> None:
        self._base = sqlite3.connect(path, timeout=patience)
        try:
            self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._base.executescript(TABLES)
            self._base.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            self._base.close()
            raise SymfftError(
                f"{path}: {error}; another run may be writing here: wait for it, give each its own --shard, or another "
                "folder"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._base.close()

    def setting(self, name: str, value: str) -> str:
        """Return what is on record under a name; put `value` there first where nothing is."""
        self._base.execute("INSERT OR IGNORE INTO run VALUES (?, ?)", (name, value))
        return str(self._base.execute("SELECT value FROM run WHERE name = ?", (name,)).fetchone()[0])

    def knows(self, path: str) -> bool:
        """Whether a file has its row."""
        return self._base.execute("SELECT 1 FROM files WHERE path = ?", (as_text(path),)).fetchone() is not None

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

    def record(self, outcome: Outcome, shard: int | None = None, row: int | None = None) -> None:
        """Add a file's row."""
        entry = outcome.entry
        place: tuple[Any, ...] = (None,) * 9
        if entry is not None:
            place = (shard, row, entry.space_group, entry.composition, len(entry.values), *outcome.fingerprint)
        status = "stored" if entry is not None else outcome.reason
        texts = (as_text(outcome.path), status, outcome.detail, json.dumps(outcome.measured))
        self._base.execute(f"INSERT INTO files VALUES ({', '.join('?' * 13)})", (*texts, *place))

    def commit(self) -> None:
        """Make all rows permanent."""
        self._base.commit()
        self._base.execute("BEGIN IMMEDIATE")

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
            yield {"path": path, "reason": status, "detail": detail, "measured": json.loads(measured)}


def as_text(path: str) -> str:
    """Return a path that is not valid UTF-8 with its bytes escaped, as text that every database takes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
