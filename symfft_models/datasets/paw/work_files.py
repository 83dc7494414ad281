"""What jobs and results of a work folder are in (see ``workers/run.py``), read as anybody's files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from symfft import SymfftError
from symfft.io.atomic import replace_file
from symfft.io.npz import DAMAGE, read_npz


class WorkFileError(SymfftError):
    """A file of a work folder is not what a worker leaves there."""


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a file, one per line, without a last line that was cut short.

    Raises
    ------
    WorkFileError
        If a line is no JSON object.
    """
    if not path.exists():
        return
    with open(path, "rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.endswith(b"\n"):
                yield _object(line, f"{path}, line {number}", "delete the line, and what it was about is done again")


def write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write JSON objects, one per line, to a file that appears complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as stream:
        for record in records:
            stream.write(json.dumps(record).encode() + b"\n")


def read_result(path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, NDArray[Any]]]:
    """Return job, report and arrays of a density that a worker computed.

    Raises
    ------
    WorkFileError
        If the file is damaged, or lacks one of them.
    """
    remedy = "delete it, and it is computed again"
    try:
        arrays = read_npz(path)
        texts = [str(arrays.pop(name)) for name in ("job", "report")]
    except DAMAGE as error:
        raise WorkFileError(f"{path}: no result of a worker ({error}): {remedy}") from None
    job, report = (_object(text, str(path), remedy) for text in texts)
    return job, report, arrays


def failure_reason(path: Path) -> str:
    """Return why a job has no result: its status and, on one line, the reason.

    Raises
    ------
    WorkFileError
        If the file is no record of a failure.
    """
    remedy = "delete it, and the job is tried again"
    record = _object(path.read_bytes(), str(path), remedy)
    status, reason = record.get("status"), record.get("reason")
    if not (isinstance(status, str) and isinstance(reason, str)):
        raise WorkFileError(f"{path}: no record of a failure: {remedy}")
    last = (reason.strip().splitlines() or [""])[-1]
    return f"{status}: {last[:100]}"


def _object(text: str | bytes, where: str, remedy: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise WorkFileError(f"{where}: not the JSON object that a worker leaves: {remedy}")
    return found
