"""A set of densities reduced to their asymmetric units, in one packed HDF5 file.

All values lie in one flat array, cut by offsets; everything else is a column, so that thousands of densities load at
once and the file reads without this package. Layout: ``docs/decisions/0003-data-format.md``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from symfft import ShapeError
from symfft_models.data.entry import Entry, Site
from symfft_models.data.packed_file import ENTRY_TEXTS, Columns, read_columns, write_columns

__all__ = ["SPLITS", "DensitySet", "Entry", "Site", "write_set"]

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, eq=False)
class DensitySet(Sequence[Entry]):
    """Densities in memory, read-only; :meth:`select` gives a part without copying.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from symfft_models.data.store import DensitySet, write_set
    >>> from symfft_models.datasets.paw import load_paw
    >>> phosphide = load_paw().find("zincblende-AlP").entry((32, 32, 32))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_set(pathlib.Path(folder) / "set.h5", [phosphide], {"license": "CC0-1.0"})
    ...     densities = DensitySet.open(pathlib.Path(folder) / "set.h5")
    >>> [entry.id for entry in densities.select(space_group=216)], len(densities.select(225))
    (['zincblende-AlP'], 0)
    >>> bool(abs(densities[0].density().electrons - 32) < 1e-9)
    True
    """

    columns: Columns
    sites: Sequence[tuple[Site, ...]]
    metadata: Columns
    attributes: Mapping[str, Any]
    rows: NDArray[np.int64]
    path: Path | None = None

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Read a set.

        Raises
        ------
        DensityFormatError
            If the file is truncated, of another kind or a newer version, or its parts do not fit together.
        FileNotFoundError
            If there is none.
        """
        path = Path(path)
        columns, metadata, attributes = read_columns(path)
        return cls(columns, _sites_of(columns), metadata, attributes, np.arange(len(columns["id"])), path)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._part(self.rows[index])
        row = self.rows[index]
        nx, ny, nz = (int(n) for n in self.columns["shape"][row])
        return Entry(
            values=self.columns["values"][slice(*self.columns["offsets"][row : row + 2])],
            space_group=int(self.columns["space_group"][row]),
            shape=(nx, ny, nz),
            lattice=self.columns["lattice"][row],
            electrons=float(self.columns["electrons"][row]),
            sites=self.sites[row],
            metadata={name: column[row].item() for name, column in self.metadata.items()},
            **{name: str(self.columns[name][row]) for name in ENTRY_TEXTS},
        )

    def __iter__(self) -> Iterator[Entry]:
        return (self[index] for index in range(len(self)))

    def select(self, space_group: int | None = None, split: str | None = None) -> Self:
        """Return the entries of a space group, of a split, or of both.

        Raises
        ------
        ValueError
            If the split is none of "train", "val", "test".
        """
        keep = np.ones(len(self.rows), dtype=bool)
        if space_group is not None:
            keep &= self.columns["space_group"][self.rows] == space_group
        if split is not None:
            if split not in SPLITS:
                raise ValueError(f"split {split!r} is not one of {', '.join(SPLITS)}")
            keep &= self.columns["split"][self.rows] == split
        return self._part(self.rows[keep])

    def find(self, identifier: str) -> Entry:
        """Return the entry of that name.

        Raises
        ------
        KeyError
            If there is none; the message lists near ones.
        """
        names = [str(name) for name in self.columns["id"][self.rows]]
        if identifier in names:
            return self[names.index(identifier)]
        near = ", ".join(get_close_matches(identifier, names, n=3)) or "none"
        raise KeyError(f"no entry {identifier!r} among {len(names)}; near ones: {near}")

    @property
    def space_groups(self) -> tuple[int, ...]:
        """Numbers of the space groups that occur, ascending."""
        return tuple(int(number) for number in np.unique(self.columns["space_group"][self.rows]))

    def column(self, name: str) -> NDArray[Any]:
        """Return one column or metadata column for all entries, in order."""
        source = self.columns if name in self.columns else self.metadata
        return source[name][self.rows]

    def _part(self, rows: NDArray[np.int64]) -> Self:
        return replace(self, rows=rows)


def write_set(path: str | os.PathLike[str], entries: Iterable[Entry], attributes: Mapping[str, Any]) -> None:
    """Write entries and set-level attributes to one file, which appears complete or not at all.

    Parameters
    ----------
    path : path-like
        File to write or replace.
    entries : iterable of Entry
        In the order in which they are to be stored. Metadata that an entry lacks becomes NaN, "" or False.
    attributes : mapping
        Text and numbers that describe the set as a whole.

    Raises
    ------
    ShapeError
        If values do not fit their asymmetric unit, are not finite, or a name occurs twice.
    """
    entries = list(entries)
    for name, times in Counter(entry.id for entry in entries).items():
        if times > 1:
            raise ShapeError(f"the name {name!r} occurs {times} times; every entry of a set needs its own")
    for entry in entries:
        entry.au()
        if not np.isfinite(entry.values).all():
            raise ShapeError(f"{entry.id} holds values that are not finite")
        if entry.split not in SPLITS:
            raise ShapeError(f"{entry.id} has the split {entry.split!r}, not one of {', '.join(SPLITS)}")
    sites = [site for entry in entries for site in entry.sites]
    columns: dict[str, Any] = {
        "values": np.concatenate([np.empty(0, np.float32), *(entry.values for entry in entries)]),
        "offsets": np.cumsum([0, *(len(entry.values) for entry in entries)]),
        "shape": np.array([entry.shape for entry in entries]).reshape(-1, 3),
        "lattice": np.array([entry.lattice for entry in entries]).reshape(-1, 3, 3),
        "site_offsets": np.cumsum([0, *(len(entry.sites) for entry in entries)]),
        "site_symbol": [site.symbol for site in sites],
        "site_wyckoff": [site.wyckoff for site in sites],
        "site_position": np.array([site.position for site in sites]).reshape(-1, 3),
    }
    for name in ("space_group", "electrons", *ENTRY_TEXTS):
        columns[name] = [getattr(entry, name) for entry in entries]
    names = {name for entry in entries for name in entry.metadata}
    metadata = {name: [entry.metadata.get(name) for entry in entries] for name in names}
    write_columns(path, columns, metadata, attributes)


def _sites_of(columns: Columns) -> list[tuple[Site, ...]]:
    rows = zip(
        columns["site_symbol"].tolist(),
        columns["site_wyckoff"].tolist(),
        columns["site_position"].tolist(),
        strict=True,
    )
    sites = [Site(symbol, wyckoff, tuple(position)) for symbol, wyckoff, position in rows]
    ends = columns["site_offsets"].tolist()
    return [tuple(sites[start:stop]) for start, stop in pairwise(ends)]
