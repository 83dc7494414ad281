"""Densities from parquet collections, such as LeMat-Rho: one row per material, the values as JSON or as lists."""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import os
import re
import shutil
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft import Density, SymfftError
from symfft_models.datasets.fetch.journal import Journal, Pace, reason_of

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
#: Begin and end of a parquet file.
MAGIC = b"PAR1"


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
        If a file is not a parquet file, lacks columns, or cannot be downloaded.
    ImportError
        If pyarrow is missing; the message says how to install it.
    """
    parquet, new, pace = _parquet(), 0, pace or Pace(2.0)
    broken: list[str] = []
    with Journal(out) as journal:
        for source in _sources(sources):
            try:
                path = _local(source, Path(out) / DOWNLOADS, pace)
                for name, row in _rows(parquet, path, columns or {}, groups):
                    if limit is not None and new >= limit:
                        return journal.counts() | {"new": new}
                    identifier = _identifier(name, source, journal)
                    if journal.knows(identifier):
                        continue
                    if row["density"] is None:
                        journal.record(identifier, "missing", source=source)
                        continue
                    try:
                        density = _density(row, vasp)
                    except Exception as error:  # whatever a row holds, the next one is taken
                        journal.record(identifier, "unusable", source=source, reason=reason_of(error))
                        continue
                    journal.store(identifier, density, source=source)
                    new += 1
            except UnreadableSourceError as error:
                broken.append(str(error))
    if broken:
        raise SymfftError(f"{new} densities stored, but " + "; ".join(broken))
    return journal.counts() | {"new": new}


class UnreadableSourceError(SymfftError):
    """A file or an address that gives no rows; the other ones are taken all the same."""


def download(address: str, path: Path, pace: Pace) -> None:
    """Download a parquet file that appears complete or not at all; what an earlier attempt got is not fetched again.

    Raises
    ------
    UnreadableSourceError
        If it fails again and again, or what comes is not a whole parquet file.
    """
    partial, version = path.with_name(f"{path.name}.partial"), path.with_name(f"{path.name}.version")
    for attempt in range(1, ATTEMPTS + 1):
        pace.wait()
        have = partial.stat().st_size if partial.exists() and (attempt > 1 or version.exists()) else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        if have and version.exists():
            headers["If-Range"] = version.read_text()
        try:
            with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=60) as answer:
                resumed = answer.status == 206
                length = answer.headers.get("Content-Length")
                expected = int(length) + (have if resumed else 0) if length else None
                # Without the server's word for this version, a later call cannot know that it goes on with the same.
                version.unlink(missing_ok=True)
                if validator := answer.headers.get("ETag") or answer.headers.get("Last-Modified"):
                    version.write_text(validator)
                with open(partial, "ab" if resumed else "wb") as stream:
                    shutil.copyfileobj(answer, stream, CHUNK)
            size = partial.stat().st_size
            if expected is not None and size != expected:
                raise http.client.HTTPException(f"{size} of {expected} bytes came")
            if not is_whole(partial):
                partial.unlink()
                raise http.client.HTTPException(f"{size} bytes came, which are not a whole parquet file")
            os.replace(partial, path)
            version.unlink(missing_ok=True)
            return
        except urllib.error.HTTPError as error:
            if error.code == 416:
                partial.unlink(missing_ok=True)  # what is there is no beginning of that file
            elif error.code in (401, 403, 404):
                raise UnreadableSourceError(f"{address} answers {error.code} {error.reason}") from None
            reason = str(error)
        except (http.client.InvalidURL, ValueError) as error:
            raise UnreadableSourceError(f"{address} is not an address: {error}") from None
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
                raise
            reason = reason_of(error)
        if attempt < ATTEMPTS:
            pace.back_off(attempt)
    raise UnreadableSourceError(f"{address} could not be downloaded: {reason}; run the same command again to go on")


def is_whole(path: Path) -> bool:
    """Whether a file begins and ends as a parquet file does."""
    with open(path, "rb") as file:
        begin = file.read(len(MAGIC))
        file.seek(max(0, os.fstat(file.fileno()).st_size - len(MAGIC)))
        return begin == MAGIC == file.read()


# ---- inside ---------------------------------------------------------------------------------------------------------


def _sources(sources: Sequence[str]) -> Iterator[str]:
    """Yield addresses as they are, and files by their whole paths: what tells one source from another."""
    for source in sources:
        path = Path(source)
        if _is_address(source):
            yield source
        elif path.is_dir():
            yield from (str(file.resolve()) for file in sorted(path.rglob("*.parquet")))
        elif path.is_file():
            yield str(path.resolve())
        else:
            raise FileNotFoundError(f"no file, folder or address {source!r}")


def _is_address(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _short(source: str) -> str:
    return hashlib.sha256(source.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _local(source: str, downloads: Path, pace: Pace) -> Path:
    """Return the file of a source, downloaded where it is an address; two addresses never share a file."""
    if not _is_address(source):
        return Path(source)
    downloads.mkdir(parents=True, exist_ok=True)
    last = re.sub(r"[^A-Za-z0-9.+-]", "_", source.split("?")[0].rstrip("/").rsplit("/", 1)[-1])
    path = downloads / f"{_short(source)}-{last[-100:]}"
    if not (path.exists() and is_whole(path)):
        download(source, path, pace)
    return path


def _identifier(name: str, source: str, journal: Journal) -> str:
    """Name a row: as the collection does; where another source has a row of that name, with the source behind it."""
    return name if journal.source(name) in (None, source) else f"{name}@{_short(source)}"


def _rows(
    parquet: ModuleType, path: Path, names: Mapping[str, str], groups: Sequence[int]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and columns of every row, a few rows in memory at a time."""
    try:
        file = parquet.ParquetFile(path)
    except (ValueError, OSError) as error:  # pyarrow's own are children of these
        raise UnreadableSourceError(f"{path} is not a parquet file: {error}") from None
    present = set(file.schema_arrow.names)
    wrong = [name for name in names.values() if name not in present]
    if wrong:
        raise SymfftError(f"{path} has no column {', '.join(wrong)}; it has {', '.join(sorted(present))}")
    found = {kind: names.get(kind) or next((n for n in tried if n in present), None) for kind, tried in COLUMNS.items()}
    lacking = [f"{kind} ({', '.join(COLUMNS[kind])})" for kind in NEEDED if found[kind] is None]
    if lacking or (groups and found["group"] is None):
        lacking += ["group"] if groups and found["group"] is None else []
        raise SymfftError(f"{path} has no column for {'; '.join(lacking)}; it has {', '.join(sorted(present))}")
    number, times = 0, Counter[str]()
    batches = file.iter_batches(batch_size=ROWS, columns=[name for name in found.values() if name])
    while True:
        try:
            records = next(batches).to_pylist()
        except StopIteration:
            return
        except (ValueError, OSError) as error:
            raise UnreadableSourceError(f"{path} is damaged behind row {number}: {error}") from None
        for record in records:
            row = {kind: record[name] if name else None for kind, name in found.items()}
            name = str(row["id"]) if row["id"] not in (None, "") else f"{path.stem}-{number:07d}"
            number, times[name] = number + 1, times[name] + 1
            if not groups or row["group"] in groups:
                yield name if times[name] == 1 else f"{name}#{times[name]}", row


def _density(row: Mapping[str, Any], vasp: bool) -> Density:
    import gemmi

    lattice = np.array(row["lattice"], dtype=np.float64)
    values = _values(row["density"], row["shape"])
    elements = [gemmi.Element(str(symbol)) for symbol in row["elements"]]
    unknown = [text for text, one in zip(row["elements"], elements, strict=True) if one.name != text or text == "X"]
    if unknown:
        raise SymfftError(f"a site holds {unknown[0]!r}, which is not one whole atom of an element")
    numbers = [element.atomic_number for element in elements]
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
        raise SymfftError(f"values of shape {values.shape} do not form a grid in three dimensions")
    return values.astype(np.float64)


def _parquet() -> ModuleType:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError('parquet needs pyarrow: pip install "symfft[data]"') from error
    module: ModuleType = pyarrow.parquet
    return module
