"""A split of the data set in memory: normalised AU densities of several space groups as padded tensors.

Suffixes of tensors: m structures, b batch, n AU points, p condition floats.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from symfft import ShapeError
from symfft_models.data.store import DensitySet, Entry
from symfft_models.datasets.paw import load_paw
from symfft_models.datasets.paw.common_grid import on_common_grid
from symfft_models.model.config import DataConfig
from symfft_models.model.representation import Representation

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class DensityTable:
    """Structures of one split.

    Attributes
    ----------
    entries
        The stored densities, e/Å³.
    values_mn
        (m, n) float32: rho / (electrons / volume), so that its mean over the cell is one; zero in the padding.
    group_m
        (m,) index of the space group in the model.
    condition_mp
        (m, 2) float32: ln(lattice constant / Å), ln(electrons / volume · Å³).
    """

    entries: tuple[Entry, ...]
    values_mn: Tensor
    group_m: Tensor
    condition_mp: Tensor
    _found: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, name: Hashable, compute: Callable[..., T], *arguments: Any) -> T:
        """Return what `compute` gives, computed when this name is first asked for: several models share a table."""
        if name not in self._found:
            self._found[name] = compute(*arguments)
        found: T = self._found[name]
        return found

    def __len__(self) -> int:
        return len(self.entries)

    def to(self, device: torch.device) -> DensityTable:
        """Move the tensors to a device."""
        moved = (tensor.to(device) for tensor in (self.values_mn, self.group_m, self.condition_mp))
        return DensityTable(self.entries, *moved)

    def rows(self, chosen: Sequence[int]) -> DensityTable:
        """Return some structures."""
        kept = list(chosen)
        entries = tuple(self.entries[row] for row in kept)
        return DensityTable(entries, self.values_mn[kept], self.group_m[kept], self.condition_mp[kept])

    def of_group(self, index: int, points: int) -> NDArray[np.float64]:
        """Return the normalised densities of one space group, (structures, points) float64."""
        return self.values_mn[self.group_m == index, :points].double().numpy()

    def entries_of(self, index: int) -> list[Entry]:
        """Return the entries of one space group, in the order of `of_group`."""
        return [entry for entry, group in zip(self.entries, self.group_m.tolist(), strict=True) if group == index]

    def compounds(self, index: int) -> NDArray[np.int64]:
        """Number the compounds of one space group, (structures,): equal compositions have equal numbers."""
        names = np.array([entry.composition for entry in self.entries_of(index)])
        return np.unique(names, return_inverse=True)[1].astype(np.int64)


def load_entries(config: DataConfig, split: str) -> list[Entry]:
    """Read one split (``train``, ``val`` or ``test``) of the chosen groups: of a file, or of the package's set.

    Of the test split of the package's set each crystal is read once, however many volumes of it there are.
    """
    if config.path:
        stored = DensitySet.open(config.path)
        return [entry for group in config.space_groups for entry in stored.select(space_group=group, split=split)]
    densities = load_paw()
    entries = [entry for group in config.space_groups for entry in on_common_grid(densities, group, split)]
    if split != "test":
        return entries
    once = set(densities.select(split=split).distinct().column("id").tolist())
    return [entry for entry in entries if entry.id in once]


def grids_of(entries: Sequence[Entry]) -> dict[int, tuple[int, int, int]]:
    """Return the grid of each space group; all densities of a group must share one."""
    grids: dict[int, tuple[int, int, int]] = {}
    for entry in entries:
        shape = grids.setdefault(entry.space_group, entry.shape)
        if entry.shape != shape:
            raise ShapeError(
                f"{entry.id} has grid {entry.shape}, others of space group {entry.space_group} have {shape}; "
                "resample the set to one grid"
            )
    return grids


def tabulate(entries: Iterable[Entry], representation: Representation) -> DensityTable:
    """Collect stored densities of the model's space groups.

    Raises
    ------
    ShapeError
        Where there is no density, or one does not have its group's number of AU points or no electrons.
    """
    rows, groups, conditions, kept = [], [], [], []
    for entry in entries:
        index = representation.row(entry.space_group)
        unit = representation.units[index]
        rho = np.asarray(entry.values, dtype=np.float64)
        if rho.shape != (unit.size,):
            raise ShapeError(f"{entry.id} has {rho.shape} values; the AU of {unit.shape} has {unit.size} points")
        volume = abs(float(np.linalg.det(entry.lattice)))
        mean = float(rho @ unit.multiplicity) / float(np.prod(unit.shape))
        if not mean > 0:
            raise ShapeError(f"{entry.id} holds {mean * volume:.3g} electrons; a density to learn from needs some")
        row = np.zeros(representation.points, dtype=np.float32)
        row[: unit.size] = rho / mean
        rows.append(row)
        groups.append(index)
        conditions.append((np.log(volume) / 3, np.log(mean)))
        kept.append(entry)
    if not kept:
        raise ShapeError("no density of the model's space groups is in this split")
    return DensityTable(
        tuple(kept),
        torch.from_numpy(np.stack(rows)),
        torch.tensor(groups),
        torch.tensor(conditions, dtype=torch.float32),
    )
