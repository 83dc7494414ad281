"""Densities from parquet collections, such as LeMat-Rho: one row a material, the values as JSON or as lists."""

from __future__ import annotations

import json
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft import Density, SymfftError
from symfft_models.datasets.fetch.journal import Journal, Pace

#: What the columns are called, in the order in which the names are tried.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("immutable_id", "material_id", "id"),
    "density": ("compressed_charge_density", "charge_density"),
    "shape": ("charge_density_grid_shape", "grid_shape"),
    "lattice": ("lattice_vectors",),
    "elements": ("species_at_sites",),
    "positions": ("cartesian_site_positions",),
    "group": ("space_group_it_number", "spacegroup_number"),
}
NEEDED = ("density", "lattice", "elements", "positions")
DOWNLOADS, ATTEMPTS, CHUNK, ROWS = "downloads", 5, 2**20, 16


def fetch_parquet(
    sources: Sequence[str],
    out: str | os.PathLike[str],
    groups: Sequence[int] = (),
    *,
    columns: Mapping[str, str] | None = None,
    vasp: bool = False,
    limit: int | None = None,
    pace: Pace | None = None,
) -> dict[str, Any]:
    """Write the densities of parquet files as CHGCARs, those that a folder does not hold yet.

    Parameters
    ----------
    sources : sequence of str
        Files, folders of ``*.parquet``, or http(s) addresses, which are downloaded into ``out/downloads`` and, where a
        download breaks off, go on from there.
    out : path-like
        Folder, made where it is missing; the same call again goes on with it.
    groups : sequence of int
        Space groups to take, where the collection tells them; empty for all.
    columns : mapping, optional
        Names of columns that differ from :data:`COLUMNS`, such as ``{"density": "rho"}``.
    vasp : bool
        Whether the values are rho · V, as in a CHGCAR, instead of e/Å³.
    limit : int, optional
        Store at most that many densities in this call.
    pace : Pace, optional
        For downloads; by default two requests a second.

    Returns
    -------
    dict
        ``stored``, ``missing`` (no density in the row), ``unusable``: numbers of rows so far; ``new``: stored now.

    Raises
    ------
    SymfftError
        If a file is no parquet file, lacks columns, or cannot be downloaded.
    ImportError
        If pyarrow is missing; the message says how to install it.
    """
    parquet, new = _parquet(), 0
    with Journal(out) as journal:
        for path in _files(sources, Path(out) / DOWNLOADS, pace or Pace(2.0)):
            for identifier, row in _rows(parquet, path, columns or {}, groups):
                if limit is not None and new >= limit:
                    return journal.counts() | {"new": new}
                if journal.knows(identifier):
                    continue
                if row["density"] is None:
                    journal.record(identifier, "missing")
                    continue
                try:
                    journal.store(identifier, _density(row, vasp), source=path.name)
                    new += 1
                except (SymfftError, ValueError, TypeError) as error:
                    journal.record(identifier, "unusable", reason=f"{type(error).__name__}: {error}"[:300])
        return journal.counts() | {"new": new}


def download(address: str, path: Path, pace: Pace) -> None:
    """Download a file that appears complete or not at all; what an earlier attempt got is not fetched again.

    Raises
    ------
    SymfftError
        If it fails again and again.
    """
    partial = path.with_name(f".partial-{path.name}")
    for attempt in range(1, ATTEMPTS + 1):
        pace.wait()
        have = partial.stat().st_size if partial.exists() else 0
        request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                resumed = answer.status == 206
                expected = int(answer.headers.get("Content-Length", -1)) + (have if resumed else 0)
                with open(partial, "ab" if resumed else "wb") as stream:
                    shutil.copyfileobj(answer, stream, CHUNK)
            if expected >= 0 and partial.stat().st_size != expected:
                raise OSError(f"{partial.stat().st_size} of {expected} bytes came")
            os.replace(partial, path)
            return
        except (OSError, urllib.error.URLError) as error:
            if isinstance(error, urllib.error.HTTPError) and error.code == 416:
                partial.unlink()  # what is there is no beginning of that file
            elif isinstance(error, urllib.error.HTTPError) and error.code in (401, 403, 404):
                raise SymfftError(f"{address} answers {error.code} {error.reason}") from None
            reason = str(error)
        if attempt < ATTEMPTS:
            pace.back_off(attempt)
    raise SymfftError(f"{address} could not be downloaded: {reason}; run the same command again to go on")


# ---- inside ---------------------------------------------------------------------------------------------------------


def _files(sources: Sequence[str], downloads: Path, pace: Pace) -> Iterator[Path]:
    for source in sources:
        path = Path(source)
        if source.startswith(("http://", "https://")):
            downloads.mkdir(parents=True, exist_ok=True)
            path = downloads / source.split("?")[0].rstrip("/").rsplit("/", 1)[-1]
            if not path.exists():
                download(source, path, pace)
            yield path
        elif path.is_dir():
            yield from sorted(path.rglob("*.parquet"))
        elif path.is_file():
            yield path
        else:
            raise FileNotFoundError(f"no file, folder or address {source!r}")


def _rows(
    parquet: ModuleType, path: Path, names: Mapping[str, str], groups: Sequence[int]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and columns of every row, a few rows in memory at a time."""
    try:
        file = parquet.ParquetFile(path)
    except (ValueError, OSError) as error:  # pyarrow's own are children of these
        raise SymfftError(f"{path} is no parquet file: {error}") from None
    present = set(file.schema_arrow.names)
    wrong = [name for name in names.values() if name not in present]
    if wrong:
        raise SymfftError(f"{path} has no column {', '.join(wrong)}; it has {', '.join(sorted(present))}")
    found = {kind: names.get(kind) or next((n for n in tried if n in present), None) for kind, tried in COLUMNS.items()}
    lacking = [f"{kind} ({', '.join(COLUMNS[kind])})" for kind in NEEDED if found[kind] is None]
    if lacking or (groups and found["group"] is None):
        lacking += ["group"] if groups and found["group"] is None else []
        raise SymfftError(f"{path} has no column for {'; '.join(lacking)}; it has {', '.join(sorted(present))}")
    number = 0
    for batch in file.iter_batches(batch_size=ROWS, columns=[name for name in found.values() if name]):
        for record in batch.to_pylist():
            row = {kind: record[name] if name else None for kind, name in found.items()}
            if not groups or row["group"] in groups:
                yield str(row["id"] or f"{path.stem}-{number:07d}"), row
            number += 1


def _density(row: Mapping[str, Any], vasp: bool) -> Density:
    import gemmi

    lattice = np.array(row["lattice"], dtype=np.float64)
    values = _values(row["density"], row["shape"])
    numbers = [gemmi.Element(symbol).atomic_number for symbol in row["elements"]]
    if not all(numbers):
        raise SymfftError(f"unknown elements among {', '.join(row['elements'])}")
    positions = np.array(row["positions"], dtype=np.float64) @ np.linalg.inv(lattice)
    order = np.argsort(numbers, kind="stable")  # a CHGCAR lists the atoms of an element together
    volume = abs(float(np.linalg.det(lattice))) if vasp else 1.0
    return Density(values / volume, lattice, positions[order], np.array(numbers)[order])


def _values(data: Any, shape: Any) -> NDArray[np.float64]:
    """Read values given as JSON text, nested lists, a flat list, or float32 bytes; the last two need a shape."""
    if isinstance(data, str):
        data = json.loads(data)
    values = np.frombuffer(data, "<f4") if isinstance(data, bytes) else np.array(data, dtype=np.float64)
    if values.ndim == 1 and shape is not None and np.prod(shape) == values.size:
        values = values.reshape([int(n) for n in shape])
    if values.ndim != 3:
        raise SymfftError(f"values of shape {values.shape} are no grid in three dimensions")
    return values.astype(np.float64)


def _parquet() -> ModuleType:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError('parquet needs pyarrow: pip install "symfft[data]"') from error
    module: ModuleType = pyarrow.parquet
    return module
