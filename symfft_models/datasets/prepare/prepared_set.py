"""A prepared collection as a sequence of its entries, which are read when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from symfft_models.data.entry import Entry
from symfft_models.data.store import DensitySet
from symfft_models.datasets.prepare.preparation import stored_rows


class PreparedSet(Sequence[Entry]):
    """Entries of a collection; one shard is in memory at a time, so they are best asked for in order.

    Parameters
    ----------
    places : sequence of (path, int)
        Shard of each entry, and its row there.
    """

    def __init__(self, places: Sequence[tuple[Path, int]]) -> None:
        self.places = places
        self.last: DensitySet | None = None

    @classmethod
    def open(cls, out: str | os.PathLike[str], split: str) -> Self:
        """Find the entries of one split of a collection.

        Raises
        ------
        FileNotFoundError
            If the folder is not one of a collection.
        """
        places = []
        for shard, row in stored_rows(out):
            if shard.columns["split"][row] == split:
                assert shard.path is not None
                places.append((shard.path, row))
        return cls(places)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(self.places[index])
        path, row = self.places[index]
        if self.last is None or self.last.path != path:
            self.last = DensitySet.open(path)
        return self.last[row]
