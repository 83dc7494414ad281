"""Where a run of the generator keeps its jobs, results and failures: one file for each crystal and outcome."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class UnreadableResultError(ValueError):
    """A worker's result file is damaged."""


@dataclass(frozen=True)
class WorkFolder:
    """Where a run keeps its files."""

    root: Path

    def path(self, kind: str, identifier: str, suffix: str) -> Path:
        """Return (and make room for) the file of one crystal."""
        folder = self.root / kind
        folder.mkdir(parents=True, exist_ok=True)
        return folder / (identifier + suffix)

    def result(self, identifier: str) -> Path:
        """Result of a worker."""
        return self.path("results", identifier, ".npz")

    def failure(self, identifier: str) -> Path:
        """Record of a crystal that gave no density."""
        return self.path("failures", identifier, ".json")

    def record_failure(self, identifier: str, status: str, reason: str) -> None:
        """Write a failure in one step."""
        path = self.failure(identifier)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps({"id": identifier, "status": status, "reason": reason}) + "\n", encoding="utf-8")
        os.replace(partial, path)

    def failures(self) -> Iterator[dict[str, str]]:
        """All failures on record."""
        for path in sorted((self.root / "failures").glob("*.json")):
            yield json.loads(path.read_text(encoding="utf-8"))

    def read(self, identifier: str) -> tuple[dict[str, Any], NDArray[np.float64] | None]:
        """Read what a worker left: its report, and the density (e/Å³) where there is one.

        Raises
        ------
        UnreadableResultError
            If the file is damaged.
        """
        try:
            with open(self.result(identifier), "rb") as stream, np.load(stream, allow_pickle=False) as archive:
                report = json.loads(str(archive["report"]))
                return report, archive.get("density")
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise UnreadableResultError(f"unreadable: {error}") from error
