"""Observations of the densities of a set, whatever it is packed as."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from symfft import DensityFormatError, SymfftError
from symfft_models.data.entry import Entry
from symfft_models.data.store import DensitySet
from symfft_models.datasets.paw import PawSet, load_paw
from symfft_models.datasets.paw.entry import PawEntry
from symfft_models.datasets.prepare import PreparedSet, is_finished
from symfft_models.scattering.observation import Observation, observe

#: Bytes of observations that are held; those of further entries are made again whenever they are asked for.
HELD = 150_000_000


class Observations(Sequence[Observation]):
    """The observations of some entries, some 80 kB each; the first ones are held."""

    def __init__(self, entries: Sequence[PawEntry | Entry], most: int = HELD) -> None:
        self.entries, self.most = entries, most
        self.held: dict[int, Observation] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def space_groups(self) -> list[int]:
        """Numbers of the space groups of all entries."""
        if isinstance(self.entries, PawSet | DensitySet):
            return [int(number) for number in self.entries.column("space_group")]
        return [entry.space_group for entry in self.entries]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Taken(self, range(len(self))[index])
        row = range(len(self))[index]
        if row in self.held:
            return self.held[row]
        found = observe(self.entries[row])
        size = found.hkl.nbytes + found.multiplicity.nbytes + found.factors.nbytes
        if self.bytes + size <= self.most:
            self.held[row] = found
            self.bytes += size
        return found


class Taken(Sequence[Observation]):
    """Some of many observations."""

    def __init__(self, whole: Sequence[Observation], rows: Sequence[int]) -> None:
        self.whole, self.rows = whole, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Taken(self.whole, self.rows[index])
        return self.whole[self.rows[index]]


def observations(path: Path | None, split: str) -> Observations:
    """Return the observations of one split of a set; without a path, of the PAW set.

    Raises
    ------
    SymfftError
        If the path is neither a packed set of PAW parts, nor one of densities, nor the folder of a prepared collection
        that is finished.
    FileNotFoundError
        If there is nothing.
    """
    return Observations(_entries(path, split))


def judged_on(path: Path | None, split: str) -> Observations:
    """Return the observations that a model is judged on: of a PAW set's crystal at several volumes one.

    Raises
    ------
    SymfftError, FileNotFoundError
        As :func:`observations`.
    """
    entries = _entries(path, split)
    return Observations(entries.distinct() if isinstance(entries, PawSet) else entries)


def _entries(path: Path | None, split: str) -> Sequence[PawEntry | Entry]:
    if path is None:
        return load_paw().select(split=split)
    if not path.is_dir():
        return _packed(path).select(split=split)
    if not is_finished(path):
        raise SymfftError(f"{path} is not finished: run the same prepare command again")
    return PreparedSet.open(path, split)


def splits_of(path: Path | None) -> Sequence[str]:
    """Return the splits that nothing is learned from: the hard list is one of PAW parts alone."""
    hard = path is None or (path.is_file() and isinstance(_packed(path), PawSet))
    return ("test", "hard") if hard else ("test",)


def _packed(path: Path) -> PawSet | DensitySet:
    try:
        return PawSet.open(path)
    except DensityFormatError as first:
        try:
            return DensitySet.open(path)
        except DensityFormatError as second:
            raise SymfftError(f"{path} is no packed set: as PAW parts {first}; as densities {second}") from None
