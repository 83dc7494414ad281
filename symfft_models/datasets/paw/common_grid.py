"""The set as models of one grid a group take it: densities on the grid that all of their space group share."""

from __future__ import annotations

import numpy as np

from symfft import asymmetric_unit, au_idft, next_compatible_shape
from symfft_models.data.entry import Entry
from symfft_models.data.grids import COMMON_GRIDS
from symfft_models.datasets.paw.entry import Shape
from symfft_models.datasets.paw.store import PawSet


def common_grid(densities: PawSet, space_group: int) -> Shape:
    """Return the grid that the densities of a group share.

    One of :data:`~symfft_models.data.grids.COMMON_GRIDS`; for other groups the smallest that holds every reflection of
    every entry.
    """
    if space_group in COMMON_GRIDS:
        return COMMON_GRIDS[space_group]
    shapes = [entry.shape for entry in densities.select(space_group=space_group)]
    return next_compatible_shape(space_group, np.max(shapes, axis=0).tolist())


def on_common_grid(densities: PawSet, space_group: int, split: str | None = None) -> list[Entry]:
    """Return the densities of a space group, or those of a split, on the asymmetric unit of the group's grid.

    Examples
    --------
    >>> from symfft_models.datasets.paw import load_paw
    >>> from symfft_models.datasets.paw.common_grid import on_common_grid
    >>> {entry.shape for entry in on_common_grid(load_paw(), 221, "test")}
    {(36, 36, 36)}
    """
    chosen = densities.select(space_group=space_group, split=split)
    if not len(chosen):
        return []
    unit = asymmetric_unit(space_group, common_grid(densities, space_group))
    entries = list(chosen)
    values = au_idft(np.stack([entry.factors_at(unit) for entry in entries]), unit, norm="forward")
    return [entry.with_values(density, unit) for entry, density in zip(entries, values, strict=True)]
