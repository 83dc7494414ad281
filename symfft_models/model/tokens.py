"""Tokens: a 3-D field in patches, the grids they lie on, coarser and finer grids, and what a token's place means.

Suffixes of tensors: b batch, f channels of the field, i j k the field's axes, x y z the token grid, n cells,
t tokens of a cell, c channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from symfft import ShapeError

Grid = tuple[int, int, int]


def as_grid(sizes: Sequence[int], name: str) -> Grid:
    """Check three positive integers."""
    if len(sizes) != 3 or any(size < 1 for size in sizes):
        raise ShapeError(f"{name} must be three positive integers, got {tuple(sizes)}")
    return sizes[0], sizes[1], sizes[2]


def padded(grid: Grid, step: Grid) -> Grid:
    """Round every axis up to a multiple of `step`."""
    return as_grid([ceil(size / unit) * unit for size, unit in zip(grid, step, strict=True)], "padded grid")


def pad_end(x: Tensor, grid: Grid, target: Grid) -> Tensor:
    """Append zeros on the three axes before the last one, from `grid` to `target`."""
    growth = [new - old for old, new in zip(grid, target, strict=True)]
    if not any(growth):
        return x
    return F.pad(x, (0, 0, 0, growth[2], 0, growth[1], 0, growth[0]))


def partition(x_bxyzc: Tensor, cell: Grid) -> Tensor:
    """Cut a grid into cells: (b, x, y, z, c) -> (b, n, t, c), both n and t in C order."""
    b, *grid, c = x_bxyzc.shape
    counts = [size // unit for size, unit in zip(grid, cell, strict=True)]
    split = x_bxyzc.reshape(b, counts[0], cell[0], counts[1], cell[1], counts[2], cell[2], c)
    return split.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(b, prod(counts), prod(cell), c)


def join(x_bntc: Tensor, cell: Grid, grid: Grid) -> Tensor:
    """Invert `partition`: (b, n, t, c) -> (b, x, y, z, c)."""
    b, _, _, c = x_bntc.shape
    counts = [size // unit for size, unit in zip(grid, cell, strict=True)]
    split = x_bntc.reshape(b, *counts, *cell, c)
    return split.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(b, *grid, c)


class PatchEmbed(nn.Module):
    """Turn patches of a field into tokens: (b, f, i, j, k) -> (b, x, y, z, c); a short last patch is zero-padded."""

    def __init__(self, envelope: Grid, patch: Grid, fields: int, channels: int) -> None:
        super().__init__()
        self.envelope, self.patch, self.full = envelope, patch, padded(envelope, patch)
        self.grid = as_grid([size // unit for size, unit in zip(self.full, patch, strict=True)], "token grid")
        self.project = nn.Linear(fields * prod(patch), channels)

    def forward(self, x_bfijk: Tensor) -> Tensor:
        """Embed, (b, f, i, j, k) -> (b, x, y, z, c)."""
        if tuple(x_bfijk.shape[2:]) != self.envelope:
            raise ShapeError(f"the field has shape {tuple(x_bfijk.shape[2:])}, the envelope is {self.envelope}")
        x = pad_end(x_bfijk.permute(0, 2, 3, 4, 1), self.envelope, self.full)
        tokens_bntf = partition(x, self.patch)
        return self.project(tokens_bntf.flatten(2)).reshape(len(x), *self.grid, -1)


class PatchReadout(nn.Module):
    """Turn tokens back into a field: (b, x, y, z, c) -> (b, f, i, j, k)."""

    def __init__(self, envelope: Grid, patch: Grid, fields: int, channels: int) -> None:
        super().__init__()
        self.envelope, self.patch, self.full, self.fields = envelope, patch, padded(envelope, patch), fields
        self.norm = nn.LayerNorm(channels)
        self.project = nn.Linear(channels, fields * prod(patch))

    def forward(self, x_bxyzc: Tensor) -> Tensor:
        """Read out, (b, x, y, z, c) -> (b, f, i, j, k)."""
        b = len(x_bxyzc)
        patches = self.project(self.norm(x_bxyzc)).reshape(b, -1, prod(self.patch), self.fields)
        field = join(patches, self.patch, self.full).permute(0, 4, 1, 2, 3)
        return field[:, :, : self.envelope[0], : self.envelope[1], : self.envelope[2]]


class PatchMerging(nn.Module):
    """Halve the grid and double the channels: the eight tokens of a 2 x 2 x 2 cell become one."""

    def __init__(self, grid: Grid, channels: int) -> None:
        super().__init__()
        self.grid, self.full = grid, padded(grid, (2, 2, 2))
        self.coarse = as_grid([size // 2 for size in self.full], "coarse grid")
        self.norm = nn.LayerNorm(8 * channels)
        self.project = nn.Linear(8 * channels, 2 * channels, bias=False)

    def forward(self, x_bxyzc: Tensor) -> Tensor:
        """Merge, (b, x, y, z, c) -> (b, ceil(x/2), ceil(y/2), ceil(z/2), 2 c)."""
        cells = partition(pad_end(x_bxyzc, self.grid, self.full), (2, 2, 2)).flatten(2)
        return self.project(self.norm(cells)).reshape(len(x_bxyzc), *self.coarse, -1)


class PatchExpanding(nn.Module):
    """Double the grid and halve the channels: the inverse step of `PatchMerging`, cropped to `grid`."""

    def __init__(self, grid: Grid, channels: int) -> None:
        super().__init__()
        self.grid, self.full = grid, padded(grid, (2, 2, 2))
        self.project = nn.Linear(channels, 4 * channels, bias=False)
        self.norm = nn.LayerNorm(channels // 2)

    def forward(self, x_bxyzc: Tensor) -> Tensor:
        """Expand, (b, x, y, z, c) -> (b, *grid, c / 2)."""
        b, *coarse, c = x_bxyzc.shape
        cells = self.project(x_bxyzc).reshape(b, prod(coarse), 8, c // 2)
        fine = join(cells, (2, 2, 2), self.full)[:, : self.grid[0], : self.grid[1], : self.grid[2]]
        return self.norm(fine)


class FrequencyEmbedding(nn.Module):
    """What a token's place means: a learned vector per index along each axis, and one linear in |k| and |k|^2."""

    def __init__(self, grid: Grid, channels: int, magnitude: bool) -> None:
        super().__init__()
        self.axes = nn.ParameterList(nn.Parameter(0.02 * torch.randn(size, channels)) for size in grid)
        k_xyz = torch.stack(torch.meshgrid(*(torch.arange(size) / size for size in grid), indexing="ij"))
        lengths = k_xyz.square().sum(0).sqrt()
        self.register_buffer("magnitude", torch.stack([lengths, lengths**2], dim=-1), persistent=False)
        self.radial = nn.Linear(2, channels) if magnitude else None

    def forward(self) -> Tensor:
        """Return the embedding of every token, (x, y, z, c)."""
        along_x, along_y, along_z = self.axes
        place_xyzc = along_x[:, None, None] + along_y[None, :, None] + along_z[None, None, :]
        return place_xyzc if self.radial is None else place_xyzc + self.radial(self.magnitude)


def token_grids(envelope: Grid, patch: Grid, stages: int) -> list[Grid]:
    """List the token grids from the finest to the coarsest, one for each stage."""
    grids = [as_grid([ceil(size / unit) for size, unit in zip(envelope, patch, strict=True)], "token grid")]
    for _ in range(stages - 1):
        grids.append(as_grid([ceil(size / 2) for size in grids[-1]], "token grid"))
    return grids


def token_masks(coefficients: Tensor, patch: Grid, stages: int) -> list[Tensor]:
    """Say which tokens hold any coefficient that exists, for each stage; `coefficients` is the envelope's bool mask."""
    masks = []
    cell = patch
    mask = coefficients
    for _ in range(stages):
        grid = as_grid(mask.shape, "mask")
        full = padded(grid, cell)
        filled = pad_end(mask[None, ..., None].to(torch.uint8), grid, full)
        coarse = [size // unit for size, unit in zip(full, cell, strict=True)]
        mask = partition(filled, cell)[0, ..., 0].amax(dim=1).reshape(coarse).bool()
        masks.append(mask)
        cell = (2, 2, 2)
    return masks
