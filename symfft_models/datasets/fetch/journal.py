"""A folder of fetched densities: one CHGCAR each, and a journal of what became of every material."""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from symfft import Density, write_chgcar

JOURNAL = "fetched.jsonl"
#: Outcomes that another run does not try again.
FINAL = ("stored", "missing", "unusable")


class Journal:
    """What became of every material, one line of JSON each, written as it happens.

    A line that a killed run left unfinished is dropped; the last line of a material counts.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / JOURNAL
        self.outcomes: dict[str, str] = {}
        whole = 0
        if self.path.exists():
            content = self.path.read_bytes()
            whole = content.rfind(b"\n") + 1
            for line in content[:whole].splitlines():
                record = json.loads(line)
                self.outcomes[record["id"]] = record["status"]
        self._stream = open(self.path, "ab")  # noqa: SIM115
        self._stream.truncate(whole)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stream.close()

    def knows(self, identifier: str) -> bool:
        """Whether a material needs no further attempt."""
        return self.outcomes.get(identifier) in FINAL

    def store(self, identifier: str, density: Density, **details: Any) -> None:
        """Write a density as ``ID.CHGCAR.gz``, in one step, then say so."""
        name = re.sub(r"[^A-Za-z0-9.+-]", "_", identifier) + ".CHGCAR.gz"
        partial = self.folder / f".partial-{name}"
        write_chgcar(partial, density)
        os.replace(partial, self.folder / name)
        self.record(identifier, "stored", file=name, **details)

    def record(self, identifier: str, status: str, **details: Any) -> None:
        """Say what became of a material."""
        line = json.dumps({"id": identifier, "status": status, **details}) + "\n"
        self._stream.write(line.encode())
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self.outcomes[identifier] = status

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
