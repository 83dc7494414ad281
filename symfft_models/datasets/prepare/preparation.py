"""Prepare a collection: files in, shards and ledger out, resumable at any moment.

A batch of files is written as one shard (atomically, synced) and then committed to the ledger in one transaction. What
a killed run leaves beyond its last commit is one shard that the ledger does not know; the next run removes it and
computes that batch again, into the same shard. Files are taken in an order that does not depend on that in which they
are listed, so that it does not decide which of several files with the same density is stored.
"""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from symfft import SymfftError
from symfft.io.atomic import remove_partial_files, write_text
from symfft.io.hdf5 import import_h5py
from symfft_models.data.entry import Entry
from symfft_models.data.store import DensitySet, write_set
from symfft_models.datasets.prepare.ledger import Ledger, LedgerReader
from symfft_models.datasets.prepare.pool import dask_outcomes, local_outcomes
from symfft_models.datasets.prepare.sources import PATTERNS, in_part, input_files
from symfft_models.datasets.prepare.standardize import Options, Outcome, fingerprint, prepare_file
from symfft_models.progress import progress_bar

LEDGER, SHARDS, SUMMARY = "ledger.sqlite", "shards", "summary.json"
#: Name in the ledger under which it says whether the last call went through all files.
FINISHED = "finished"

#: Files, and numbers stored, after which a batch is written.
BATCH = 2048
BATCH_VALUES = 2**24


def prepare(
    inputs: Sequence[str],
    out: str | os.PathLike[str],
    options: Options | None = None,
    *,
    jobs: int = 1,
    part: tuple[int, int] = (0, 1),
    scheduler: str | None = None,
    timeout: float = 600.0,
    memory: int | None = None,
    patterns: Sequence[str] = PATTERNS,
    batch: int = BATCH,
    progress: bool = False,
) -> dict[str, Any]:
    """Prepare all input files that the folder `out` does not know yet.

    Parameters
    ----------
    inputs : sequence of str
        Files, folders, globs and ``@LIST``; see :func:`symfft_models.datasets.prepare.sources.input_files`.
    out : path-like
        Folder for the set; made where it is missing.
    options : Options, optional
        What the set is made of.
    jobs : int
        Local processes.
    part : (i, n)
        Take only the i-th (from 0) of n parts, into a folder of its own below `out`.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers take the place of local processes. They must see the same files.
    timeout : float
        Seconds for a file. Local processes only.
    memory : int, optional
        Bytes of address space for each local process.
    patterns : sequence of str
        Names to take from folders.
    batch : int
        Files after which a shard is written and the ledger committed.
    progress : bool
        Whether to show a bar with rate and remaining time.

    Returns
    -------
    dict
        Counts of the whole part so far: ``stored``, ``refused`` (reason to number), ``by_space_group``, ``files``,
        ``largest_au``, ``shards``; and ``new``, the files of this call.

    Raises
    ------
    SymfftError
        If `out` was begun with other options, another run is writing there, or a number is not positive.
    FileNotFoundError
        If an input does not exist.
    """
    if jobs < 1 or batch < 1 or not timeout > 0:
        raise SymfftError(f"jobs={jobs}, batch={batch} and timeout={timeout:g} must all be positive")
    options = options or Options()
    import_h5py()  # before anything is written
    listed = (path for path in input_files(inputs, patterns) if in_part(path, *part))
    with progress_bar(unit="file", disable=not progress) as bar:
        folder = part_folder(Path(out), part)
        (folder / SHARDS).mkdir(parents=True, exist_ok=True)
        with Ledger(folder / LEDGER) as ledger:
            remove_partial_files(folder)
            attributes = _begin(ledger, folder, options, batch)
            total = ledger.begin(listed)
            ledger.put(FINISHED, "no")
            ledger.commit()
            _clean(ledger, folder)
            bar.reset(total)
            task = partial(prepare_file, options=options)
            outcomes = (
                dask_outcomes(ledger.to_do(), task, scheduler=scheduler)
                if scheduler
                else local_outcomes(ledger.to_do(), task, jobs=min(jobs, total), timeout=timeout, memory=memory)
            )
            _store(outcomes, ledger, folder, attributes, batch, bar)
            ledger.put(FINISHED, "yes")
            ledger.commit()
            summary = _summary(ledger, attributes) | {"new": total}
    write_text(folder / SUMMARY, json.dumps(summary, indent=2) + "\n")
    return summary


def part_folder(out: Path, part: tuple[int, int]) -> Path:
    """Return the folder of part i (from 0) of n; `out` itself where there is one part only."""
    index, parts = part
    if not 0 <= index < parts:
        raise SymfftError(f"part {index + 1} of {parts} does not exist: give 1/{parts} to {parts}/{parts}")
    return out if parts == 1 else out / f"part-{index + 1:05d}-of-{parts:05d}"


def part_folders(out: str | os.PathLike[str]) -> list[Path]:
    """Return the folders of a set that hold shards.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    folders = [file.parent for file in sorted([*Path(out).glob(LEDGER), *Path(out).glob(f"part-*/{LEDGER}")])]
    if not folders:
        raise FileNotFoundError(f"no prepared set at {out}: it has no {LEDGER}")
    return folders


def is_finished(out: str | os.PathLike[str]) -> bool:
    """Whether the last call on a set, in each of its parts, went through all of its files."""
    folders = part_folders(out)
    parts = re.fullmatch(r"part-[0-9]+-of-([0-9]+)", folders[0].name)
    if parts and folders[0] != Path(out) and len(folders) != int(parts[1]):
        return False
    for folder in folders:
        with LedgerReader(folder / LEDGER) as ledger:
            if ledger.recorded(FINISHED) != "yes":
                return False
    return True


def open_prepared(out: str | os.PathLike[str]) -> Iterator[DensitySet]:
    """Yield the shards of a set, one in memory at a time."""
    for folder in part_folders(out):
        with LedgerReader(folder / LEDGER) as ledger:
            numbers = sorted(ledger.shards())
        for number in numbers:
            yield DensitySet.open(_shard(folder, number))


def stored_entries(out: str | os.PathLike[str]) -> Iterator[Entry]:
    """Yield all entries of a set; duplicates between its parts, which no part can see, are left out."""
    return (shard[row] for shard, row in stored_rows(out))


def stored_rows(out: str | os.PathLike[str]) -> Iterator[tuple[DensitySet, int]]:
    """Yield the shard and the row of all entries of a set; see :func:`stored_entries`."""
    if len(part_folders(out)) == 1:
        for shard in open_prepared(out):
            yield from ((shard, row) for row in range(len(shard)))
        return
    with Ledger("") as seen:
        for shard in open_prepared(out):
            for row, entry in enumerate(shard):
                outcome = Outcome(entry.id, entry, fingerprint(entry, entry.au()))
                if seen.original_of(outcome) is None:
                    seen.record(outcome)
                    yield shard, row


# ---- inside ---------------------------------------------------------------------------------------------------------


def _begin(ledger: Ledger, folder: Path, options: Options, batch: int) -> dict[str, Any]:
    """Check that options agree with earlier runs, and return the shards' attributes."""
    wanted = json.dumps(asdict(options) | {"batch": batch}, sort_keys=True)
    before = ledger.setting("options", wanted)
    if before != wanted:
        old, new = _object(before, ledger), json.loads(wanted)
        changes = ", ".join(f"{k} was {old.get(k)!r} and is {new[k]!r}" for k in new if old.get(k) != new[k])
        raise SymfftError(f"{folder} was begun with other options: {changes}; take those, or another folder")
    return {
        "title": "Prepared electron densities",
        "options": wanted,
        "versions": ledger.setting("versions", json.dumps(_versions())),
    }


def _object(text: str, ledger: Ledger) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SymfftError(f"{ledger.path}: its settings are damaged; restore the file, or begin in another folder")
    return found


def _clean(ledger: Ledger, folder: Path) -> None:
    """Remove shards that the ledger does not know: what a killed run left, and what holds changed files."""
    known = {_shard(folder, number) for number in ledger.shards()}
    for file in (folder / SHARDS).iterdir():
        if file not in known:
            file.unlink()
    missing = [str(file) for file in sorted(known) if not file.is_file()]
    if missing:
        raise SymfftError(f"{missing[0]} is in the ledger but not on disk: restore it, or begin in another folder")


def _store(
    outcomes: Iterator[Outcome], ledger: Ledger, folder: Path, attributes: dict[str, Any], batch: int, bar: Any
) -> None:
    """Record outcomes, a batch at a time; after Ctrl-C what there is of a batch, too."""
    number = max(ledger.shards(), default=-1) + 1
    entries: list[Entry] = []
    recorded = values = 0

    def write() -> None:
        if entries:
            write_set(_shard(folder, number), entries, attributes)
            _sync_folder(folder / SHARDS)
        ledger.commit()

    try:
        for outcome in outcomes:
            bar.update(1)
            original = ledger.original_of(outcome)
            if original is not None:
                detail = f"the density of {original}"
                outcome = Outcome(outcome.path, reason="duplicate", detail=detail, state=outcome.state)
            ledger.record(outcome, number, len(entries), original)
            recorded += 1
            if outcome.entry is not None:
                entries.append(outcome.entry)
                values += len(outcome.entry.values)
            if recorded == batch or values >= BATCH_VALUES:
                write()
                number += bool(entries)
                entries, recorded, values = [], 0, 0
    except KeyboardInterrupt:
        write()
        raise
    write()


def _summary(ledger: Ledger, attributes: dict[str, Any]) -> dict[str, Any]:
    counts = ledger.counts()
    return {
        "files": sum(counts.values()),
        "stored": counts.pop("stored", 0),
        "refused": counts,
        "by_space_group": ledger.group_counts(),
        "largest_au": ledger.largest(),
        "shards": len(ledger.shards()),
        "options": _object(attributes["options"], ledger),
        "versions": _object(attributes["versions"], ledger),
    }


def _shard(folder: Path, number: int) -> Path:
    return folder / SHARDS / f"{number:06d}.h5"


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("symfft", "numpy", "scipy", "spglib", "h5py"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            from symfft import __version__

            found[package] = __version__ if package == "symfft" else "unknown"
    return found
