"""Densities of several space groups as one batch: padded AU vectors, exact weights, and the DCT of the envelope.

Suffixes of tensors: b batch, g space groups of the model, n AU points of the largest AU, i j k the envelope.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from symfft import AsymmetricUnit, ShapeError, asymmetric_unit, au_dct, au_idct

Grid = tuple[int, int, int]


class Representation(nn.Module):
    """Tables that belong to the space groups and grids of a model; no parameters.

    Parameters
    ----------
    shapes
        Grid of the cell for each space-group number.
    site_power
        The envelope holds rho / R_m**site_power. 1 is the paper's choice; 1/2 makes the orthonormal DCT an isometry of
        the full cell's L2 norm; 0 leaves the density as it is.

    Attributes
    ----------
    weight_gn
        multiplicity / (number of grid points); sums to one, zero in the padding. A sum with these weights is the mean
        over the full cell.
    shift_gn
        Where each AU point goes under the origin shift (1/2, 1/2, 1/2), which is in the Euclidean normaliser of Pm-3m,
        Fm-3m and Fd-3m: ``values[:, shift]`` is the same crystal with the other choice of origin.
    """

    def __init__(self, shapes: Mapping[int, Sequence[int]], site_power: float = 1.0) -> None:
        super().__init__()
        if not shapes:
            raise ShapeError("a model needs at least one space group, got none")
        self.groups = tuple(sorted(shapes))
        self.units: list[AsymmetricUnit] = [asymmetric_unit(number, tuple(shapes[number])) for number in self.groups]
        self.points = max(unit.size for unit in self.units)
        bricks = np.array([unit.brick_shape for unit in self.units])
        self.envelope: Grid = (int(bricks[:, 0].max()), int(bricks[:, 1].max()), int(bricks[:, 2].max()))
        weight = np.zeros((len(self.groups), self.points))
        site_factor = np.ones((len(self.groups), self.points))
        shift = np.zeros((len(self.groups), self.points), dtype=np.int64)
        for row, unit in enumerate(self.units):
            weight[row, : unit.size] = unit.multiplicity / np.prod(unit.shape)
            site_factor[row, : unit.size] = unit.repetition_count ** (1.0 - site_power)
            shift[row, : unit.size] = half_shift(unit)
        self.weight_gn: Tensor
        self.site_factor_gn: Tensor
        self.shift_gn: Tensor
        self.register_buffer("weight_gn", torch.tensor(weight, dtype=torch.float32), persistent=False)
        self.register_buffer("site_factor_gn", torch.tensor(site_factor, dtype=torch.float32), persistent=False)
        self.register_buffer("shift_gn", torch.tensor(shift), persistent=False)

    def row(self, space_group: int) -> int:
        """Return the index of a space group in this model."""
        if space_group not in self.groups:
            raise ShapeError(f"space group {space_group} is not in this model, which knows {list(self.groups)}")
        return self.groups.index(space_group)

    def rows(self, group_b: Tensor) -> list[tuple[int, Tensor]]:
        """List, for every group present, its index and the batch rows that belong to it."""
        present = [(index, torch.nonzero(group_b == index)[:, 0]) for index in range(len(self.groups))]
        return [(index, where) for index, where in present if len(where)]

    def mean(self, values_bn: Tensor, group_b: Tensor) -> Tensor:
        """Average over the full cell, (b,)."""
        return (values_bn * self.weight_gn[group_b]).sum(-1)

    def dct(self, values_bn: Tensor, group_b: Tensor) -> Tensor:
        """Transform AU values to coefficients of the common envelope, (b, i, j, k)."""
        scaled = values_bn * self.site_factor_gn[group_b]
        coefficients = values_bn.new_zeros((len(values_bn), *self.envelope))
        for index, where in self.rows(group_b):
            unit = self.units[index]
            coefficients[where] = au_dct(scaled[where, : unit.size], unit, shape=self.envelope)
        return coefficients

    def idct(self, coefficients_bijk: Tensor, group_b: Tensor) -> Tensor:
        """Invert `dct`, (b, n)."""
        values = coefficients_bijk.new_zeros((len(coefficients_bijk), self.points))
        for index, where in self.rows(group_b):
            unit = self.units[index]
            values[where, : unit.size] = au_idct(coefficients_bijk[where], unit)
        return values / self.site_factor_gn[group_b]


def half_shift(unit: AsymmetricUnit) -> np.ndarray:
    """Map every AU point to the AU point of the orbit half a cell diagonal away, (n,)."""
    shape = np.array(unit.shape)
    if (shape % 2).any():
        raise ShapeError(f"shape {unit.shape} has an odd axis, so (1/2, 1/2, 1/2) is not a grid vector; use even axes")
    moved = (unit.indices + shape // 2) % shape
    return np.asarray(unit.labels[tuple(moved.T)], dtype=np.int64)
