"""A folder of fetched densities: one CHGCAR each, and a journal of what became of every material."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from symfft import Density, SymfftError, write_chgcar
from symfft.io.atomic import remove_partial_files

JOURNAL = "fetched.jsonl"
#: Outcomes that another run does not try again.
FINAL = ("stored", "missing", "unusable")
#: Characters of an identifier in a file's name.
LONGEST_NAME = 120


class Journal:
    """What became of every material, one line of JSON each, written as it happens.

    A line that a killed run left unfinished is dropped; the last line of a material counts.

    Raises
    ------
    SymfftError
        If the journal is damaged, or another process is writing to the folder.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / JOURNAL
        self.outcomes: dict[str, str] = {}
        self._sources: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._stream = open(self.path, "a+b")  # noqa: SIM115
        try:
            self._lock()
            self._stream.seek(0)
            content = self._stream.read()
            whole = content.rfind(b"\n") + 1
            for number, line in enumerate(content[:whole].splitlines(), 1):
                self._remember(self._parsed(number, line))
            self._stream.truncate(whole)
        except BaseException:
            self._stream.close()
            raise
        remove_partial_files(self.folder)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stream.close()

    def knows(self, identifier: str) -> bool:
        """Whether a material needs no further attempt."""
        return self.outcomes.get(identifier) in FINAL

    def source(self, identifier: str) -> str | None:
        """Return where a material came from, as far as the journal tells."""
        return self._sources.get(identifier)

    def store(self, identifier: str, density: Density, **details: Any) -> None:
        """Write a density as ``ID.CHGCAR.gz``, in one step, then say so.

        Where that name is another material's, or too long for a file, a hash of the identifier is put behind it.
        """
        plain = re.sub(r"[^A-Za-z0-9.+-]", "_", identifier).lstrip(".")
        name = f"{plain}.CHGCAR.gz"
        if len(plain) > LONGEST_NAME or not plain or self._names.get(name.lower(), identifier) != identifier:
            name = f"{plain[:LONGEST_NAME]}-{hashlib.sha256(identifier.encode()).hexdigest()[:12]}.CHGCAR.gz"
        write_chgcar(self.folder / name, density)
        self.record(identifier, "stored", file=name, **details)

    def record(self, identifier: str, status: str, **details: Any) -> None:
        """Say what became of a material."""
        record = {"id": identifier, "status": status, **details}
        self._stream.write((json.dumps(record) + "\n").encode())
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._remember(record)

    def _remember(self, record: dict[str, Any]) -> None:
        identifier = record["id"]
        self.outcomes[identifier] = record["status"]
        if isinstance(record.get("source"), str):
            self._sources[identifier] = record["source"]
        if isinstance(record.get("file"), str):
            self._names[record["file"].lower()] = identifier

    def _parsed(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not (isinstance(record, dict) and all(isinstance(record.get(name), str) for name in ("id", "status"))):
            raise SymfftError(f"{self.path}, line {number}: no record of a material; remove that line, or the folder")
        return record

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # not on this system
            return
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SymfftError(f"{self.folder}: another process is fetching into it; choose another folder") from None

    def counts(self) -> dict[str, int]:
        """Count materials by outcome."""
        return dict(sorted(Counter(self.outcomes.values()).items()))


@dataclass
class Pace:
    """At most so many calls a second, evenly spaced; and longer waits after failures."""

    per_second: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next: float = field(default=float("-inf"), init=False)

    def wait(self) -> None:
        """Return when the next call may be made."""
        now = self.clock()
        if now < self._next:
            self.sleep(self._next - now)
        self._next = max(now, self._next) + 1 / self.per_second

    def back_off(self, failures: int) -> None:
        """Wait 1, 2, 4, … seconds, at most a minute, after that many failures in a row."""
        self.sleep(min(2.0 ** (failures - 1), 60.0))


def reason_of(error: Exception, key: str = "") -> str:
    """Return kind and text of an error in one short line, without the key."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return (text.replace(key, "…") if key else text)[:300]
