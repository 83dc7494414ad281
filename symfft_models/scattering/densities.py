"""Observations of a packed set, computed when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from symfft import DensityFormatError, SymfftError
from symfft_models.data.store import DensitySet
from symfft_models.datasets.paw import PawSet, load_paw
from symfft_models.scattering.observation import Observation, observe


class Observations(Sequence[Observation]):
    """Observations of some entries of a set: none is held, so that memory does not grow with their number."""

    def __init__(self, entries: Any) -> None:
        self.entries = entries

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(self.entries[index])
        return observe(self.entries[index])


def open_set(path: Path | None) -> PawSet | DensitySet:
    """Open a packed set of PAW parts, or of densities as ``symfft-vae prepare`` writes it; without a path, the PAW set.

    Raises
    ------
    SymfftError
        If it is neither.
    """
    if path is None:
        return load_paw()
    try:
        return PawSet.open(path)
    except DensityFormatError as first:
        try:
            return DensitySet.open(path)
        except DensityFormatError as second:
            raise SymfftError(f"{path} is no packed set: as PAW parts {first}; as densities {second}") from None


def observations(densities: PawSet | DensitySet, splits: Sequence[str]) -> list[Observation]:
    """Return the observations of some splits of a set."""
    return [found for split in splits for found in Observations(densities.select(split=split))]
