"""Observations of the densities of a set, whatever it is packed as."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from symfft import DensityFormatError, SymfftError
from symfft_models.data.entry import Entry
from symfft_models.data.store import DensitySet
from symfft_models.datasets.paw import PawSet, load_paw
from symfft_models.datasets.paw.entry import PawEntry
from symfft_models.datasets.prepare import is_finished, stored_entries
from symfft_models.scattering.observation import Observation, observe


def observations(path: Path | None, split: str) -> list[Observation]:
    """Return the observations (some 80 kB each) of one split of a set; without a path, of the PAW set.

    Raises
    ------
    SymfftError
        If the path is neither a packed set of PAW parts, nor one of densities, nor the folder of a prepared collection
        that is finished.
    FileNotFoundError
        If there is nothing.
    """
    return [observe(entry) for entry in entries_of(path, split)]


def entries_of(path: Path | None, split: str) -> Iterator[PawEntry | Entry]:
    """Yield the entries of one split of a set; see :func:`observations`."""
    if path is None:
        yield from load_paw().select(split=split)
    elif path.is_dir():
        if not is_finished(path):
            raise SymfftError(f"{path} is not finished: run the same prepare command again")
        yield from (entry for entry in stored_entries(path) if entry.split == split)
    else:
        yield from _packed(path).select(split=split)


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
