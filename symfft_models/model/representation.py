"""Densities of several space groups as one batch: padded AU vectors, exact weights, and the fields a network works on.

A field is what the AU values become in a domain:

======================  ========================================================================================
"envelope-dct"          DCT of rho / R_m**site_power in the envelope of all bricks
"real"                  rho / R_m**site_power itself, zero where the envelope holds no AU point
"stars"                 the exact transform's orthonormal real vector, ordered by length, its first entries
======================  ========================================================================================

Suffixes of tensors: b batch, g space groups of the model, n AU points of the largest AU, i j k the field, s stars.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from symfft import AsymmetricUnit, ShapeError, asymmetric_unit, au_dct, au_idct, au_real_dft, au_real_idft, real_basis
from symfft_models.model.tokens import Grid


class Representation(nn.Module):
    """Tables that belong to the space groups and grids of a model; no parameters.

    Parameters
    ----------
    shapes
        Grid of the cell for each space-group number.
    site_power
        The envelope holds rho / R_m**site_power. 1 is the paper's choice; 1/2 makes the orthonormal DCT an isometry of
        the full cell's L2 norm; 0 leaves the density as it is.
    domain
        What a field is.
    stars
        Entries of a field of stars; never more than the largest AU has points.

    Attributes
    ----------
    field
        Shape of a field; (entries, 1, 1) for stars.
    weight_gn
        multiplicity / (number of grid points); sums to one, zero in the padding. A sum with these weights is the mean
        over the full cell.
    shift_gn
        Where each AU point goes under the origin shift (1/2, 1/2, 1/2), which is in the Euclidean normaliser of Pm-3m,
        Fm-3m and Fd-3m: ``values[:, shift]`` is the same crystal with the other choice of origin.
    """

    def __init__(
        self,
        shapes: Mapping[int, Sequence[int]],
        site_power: float = 1.0,
        domain: str = "envelope-dct",
        stars: int = 512,
    ) -> None:
        super().__init__()
        if not shapes:
            raise ShapeError("a model needs at least one space group, got none")
        self.groups = tuple(sorted(shapes))
        self.units: list[AsymmetricUnit] = [asymmetric_unit(number, tuple(shapes[number])) for number in self.groups]
        self.points = max(unit.size for unit in self.units)
        self.domain = DOMAINS[domain]
        bricks = np.array([unit.brick_shape for unit in self.units])
        envelope = (int(bricks[:, 0].max()), int(bricks[:, 1].max()), int(bricks[:, 2].max()))
        self.field: Grid = (min(stars, self.points), 1, 1) if domain == "stars" else envelope
        weight = np.zeros((len(self.groups), self.points))
        site_factor = np.ones((len(self.groups), self.points))
        shift = np.zeros((len(self.groups), self.points), dtype=np.int64)
        for row, unit in enumerate(self.units):
            weight[row, : unit.size] = unit.multiplicity / np.prod(unit.shape)
            site_factor[row, : unit.size] = unit.repetition_count ** self.domain.power(site_power)
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

    def to_field(self, values_bn: Tensor, group_b: Tensor) -> Tensor:
        """Transform AU values to the field of the model's domain, (b, i, j, k)."""
        scaled_bn = values_bn * self.site_factor_gn[group_b]
        field_bijk = values_bn.new_zeros((len(values_bn), *self.field))
        for index, where in self.rows(group_b):
            unit = self.units[index]
            field_bijk[where] = self.domain.analyse(scaled_bn[where, : unit.size], unit, self.field)
        return field_bijk

    def from_field(self, field_bijk: Tensor, group_b: Tensor) -> Tensor:
        """Invert `to_field`, (b, n): exactly, or without the stars that were left out."""
        values_bn = field_bijk.new_zeros((len(field_bijk), self.points))
        for index, where in self.rows(group_b):
            unit = self.units[index]
            values_bn[where, : unit.size] = self.domain.synthesise(field_bijk[where], unit)
        return values_bn / self.site_factor_gn[group_b]

    def star_lengths(self) -> Tensor:
        r"""Return \|h\| of every entry of a field of stars in reciprocal lattice vectors of the cubic cell, (g, s)."""
        lengths_gs = torch.zeros(len(self.groups), self.field[0])
        for row, unit in enumerate(self.units):
            found = np.linalg.norm(real_basis(unit).hkl[: self.field[0]], axis=1)
            lengths_gs[row, : len(found)] = torch.from_numpy(found)
        return lengths_gs


def to_cosines(values_bn: Tensor, unit: AsymmetricUnit, shape: Grid) -> Tensor:
    """Transform to the DCT of rho / R_m in the envelope, (b, i, j, k)."""
    return au_dct(values_bn, unit, shape=shape)


def to_places(values_bn: Tensor, unit: AsymmetricUnit, shape: Grid) -> Tensor:
    """Put AU values where they are in the envelope, (b, i, j, k); zero elsewhere."""
    flat = values_bn.new_zeros((len(values_bn), prod(shape)))
    flat[:, torch.tensor(unit.points_in(shape), device=flat.device)] = values_bn
    return flat.reshape(-1, *shape)


def from_places(field_bijk: Tensor, unit: AsymmetricUnit) -> Tensor:
    """Take AU values from their places in the envelope, (b, n)."""
    shape = (field_bijk.shape[1], field_bijk.shape[2], field_bijk.shape[3])
    return field_bijk.flatten(1)[:, torch.tensor(unit.points_in(shape), device=field_bijk.device)]


def to_stars(values_bn: Tensor, unit: AsymmetricUnit, shape: Grid) -> Tensor:
    r"""Transform to the first entries of `symfft.au_real_dft`, (b, s, 1, 1), zero behind the last there is.

    In units in which :math:`\sum_s c_s^2` over all entries is the mean square over the cell.
    """
    kept = au_real_dft(values_bn, unit)[:, : shape[0]] / prod(unit.shape) ** 0.5
    return F.pad(kept, (0, shape[0] - kept.shape[1]))[:, :, None, None]


def from_stars(field_bijk: Tensor, unit: AsymmetricUnit) -> Tensor:
    """Transform stars back to AU values, (b, n); those that the field does not hold are zero."""
    kept = field_bijk[:, : unit.size, 0, 0] * prod(unit.shape) ** 0.5
    return au_real_idft(F.pad(kept, (0, unit.size - kept.shape[1])), unit)


class Domain(NamedTuple):
    """The way to a field, the way back, and for a `site_power` the power of R_m that values get on the way there."""

    analyse: Callable[[Tensor, AsymmetricUnit, Grid], Tensor]
    synthesise: Callable[[Tensor, AsymmetricUnit], Tensor]
    power: Callable[[float], float]


DOMAINS = {
    "envelope-dct": Domain(to_cosines, au_idct, lambda site_power: 1.0 - site_power),
    "real": Domain(to_places, from_places, lambda site_power: -site_power),
    "stars": Domain(to_stars, from_stars, lambda site_power: 0.0),
}


def half_shift(unit: AsymmetricUnit) -> np.ndarray:
    """Map every AU point to the AU point of the orbit half a cell diagonal away, (n,)."""
    shape = np.array(unit.shape)
    if (shape % 2).any():
        raise ShapeError(f"shape {unit.shape} has an odd axis, so (1/2, 1/2, 1/2) is not a grid vector; use even axes")
    moved = (unit.indices + shape // 2) % shape
    return np.asarray(unit.labels[tuple(moved.T)], dtype=np.int64)
