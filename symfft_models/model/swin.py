"""3-D Swin Transformer (Liu et al. 2021) on token grids of any size, which neither wrap around nor need be full.

The tokens here are patches of a frequency grid: index 0 is special and the far end meets nothing, so a shifted window
must not join the two ends, and padding must not be seen. Both are one boolean table per block, made once for its grid.

Suffixes of tensors: b batch, f channels of the field, i j k the field's axes, x y z the token grid, n windows,
t tokens of a window, h heads, e channels of a head, c channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from symfft import ShapeError
from symfft_models.model.tokens import (
    FrequencyEmbedding,
    Grid,
    PatchEmbed,
    PatchExpanding,
    PatchMerging,
    PatchReadout,
    as_grid,
    join,
    pad_end,
    padded,
    partition,
    token_grids,
    token_masks,
)


def shift_regions(grid: Grid, window: Grid, shift: Grid) -> Tensor:
    """Number the parts of a cyclically shifted grid that are contiguous in space, shape `grid`.

    After a roll by -shift the last window of an axis holds the grid's end and, behind it, its beginning.
    """
    regions = torch.zeros(grid, dtype=torch.long)
    for axis, (size, unit, step) in enumerate(zip(grid, window, shift, strict=True)):
        if not step:
            continue
        position = torch.arange(size)
        part = (position >= size - unit).long() + (position >= size - step).long()
        view = [1, 1, 1]
        view[axis] = size
        regions = 3 * regions + part.reshape(view)
    return regions


def attention_table(valid: Tensor, window: Grid, shift: Grid) -> Tensor:
    """Say which token may look at which, (n, t, t) bool, windows of the padded and shifted grid.

    A token sees the valid tokens of its window that are its neighbours in space, and always itself, so that no row is
    empty.
    """
    grid = as_grid(valid.shape, "token grid")
    full = padded(grid, window)
    occupied = torch.zeros(full, dtype=torch.bool)
    occupied[: grid[0], : grid[1], : grid[2]] = valid
    occupied = torch.roll(occupied, [-s for s in shift], dims=(0, 1, 2))
    regions = shift_regions(full, window, shift)
    region_nt = partition(regions[None, ..., None], window)[0, ..., 0]
    occupied_nt = partition(occupied[None, ..., None], window)[0, ..., 0]
    same_region = region_nt[:, :, None] == region_nt[:, None, :]
    itself = torch.eye(prod(window), dtype=torch.bool)
    return (same_region & occupied_nt[:, None, :]) | itself


def relative_index(window: Grid) -> Tensor:
    """Number the offsets between the tokens of a window, (t, t), values below prod(2 w - 1)."""
    position = torch.cartesian_prod(*(torch.arange(unit) for unit in window)).reshape(-1, 3)
    span = torch.tensor([2 * unit - 1 for unit in window])
    offset = position[:, None, :] - position[None, :, :] + span // 2
    return (offset[..., 0] * span[1] + offset[..., 1]) * span[2] + offset[..., 2]


class WindowAttention(nn.Module):
    """Multi-head attention inside (shifted) windows with a learned bias for every relative position.

    Parameters
    ----------
    valid
        (x, y, z) bool: tokens that exist; the others are never looked at.
    channels, heads
        Width and its division; `channels` must be a multiple of `heads`.
    window
        Tokens along each axis; an axis shorter than this is one window.
    shifted
        Whether windows start half a window earlier, on the axes that have more than one.
    """

    def __init__(self, valid: Tensor, channels: int, heads: int, window: Sequence[int], shifted: bool) -> None:
        super().__init__()
        if channels % heads:
            raise ShapeError(f"{channels} channels cannot be divided among {heads} heads; take a multiple of {heads}")
        self.grid = as_grid(valid.shape, "token grid")
        self.window = as_grid([min(w, g) for w, g in zip(as_grid(window, "window"), self.grid, strict=True)], "window")
        steps = [w // 2 if shifted and w < g else 0 for w, g in zip(self.window, self.grid, strict=True)]
        self.shift: Grid = (steps[0], steps[1], steps[2])
        self.full = padded(self.grid, self.window)
        self.heads = heads
        self.to_qkv = nn.Linear(channels, 3 * channels)
        self.to_out = nn.Linear(channels, channels)
        self.bias = nn.Parameter(torch.zeros(prod(2 * unit - 1 for unit in self.window), heads))
        nn.init.trunc_normal_(self.bias, std=0.02)
        self.register_buffer("offsets", relative_index(self.window), persistent=False)
        allowed = attention_table(valid, self.window, self.shift)
        self.register_buffer("closed", ~allowed[:, None], persistent=False)

    def forward(self, x_bxyzc: Tensor) -> Tensor:
        """Attend within windows, (b, x, y, z, c) -> same shape."""
        b, *grid, c = x_bxyzc.shape
        if tuple(grid) != self.grid:
            raise ShapeError(f"tokens lie on grid {tuple(grid)}, this block was made for {self.grid}")
        x = torch.roll(pad_end(x_bxyzc, self.grid, self.full), [-s for s in self.shift], dims=(1, 2, 3))
        x_bntc = partition(x, self.window)
        n, t = x_bntc.shape[1:3]
        q, k, v = self.to_qkv(x_bntc).reshape(b, n, t, 3, self.heads, c // self.heads).permute(3, 0, 1, 4, 2, 5)
        # Windows and heads share one axis: the mask then broadcasts over the batch instead of being copied along it.
        merged = (b, n * self.heads, t, c // self.heads)
        bias_htt = self.bias[self.offsets].permute(2, 0, 1)
        mask_nhtt = torch.where(self.closed, float("-inf"), bias_htt)
        y = F.scaled_dot_product_attention(
            q.reshape(merged),
            k.reshape(merged),
            v.reshape(merged),
            attn_mask=mask_nhtt.reshape(1, -1, t, t).to(q.dtype),
        )
        y_bntc = y.reshape(b, n, self.heads, t, c // self.heads).transpose(2, 3).reshape(b, n, t, c)
        y = torch.roll(join(self.to_out(y_bntc), self.window, self.full), self.shift, dims=(1, 2, 3))
        return y[:, : self.grid[0], : self.grid[1], : self.grid[2]]


class SwinBlock(nn.Module):
    """Pre-norm residual block: window attention, then a two-layer perceptron."""

    def __init__(self, valid: Tensor, channels: int, heads: int, window: Sequence[int], shifted: bool) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(channels)
        self.attention = WindowAttention(valid, channels, heads, window, shifted)
        self.norm_mlp = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels))

    def forward(self, x_bxyzc: Tensor) -> Tensor:
        """Apply the block, (b, x, y, z, c) -> same shape."""
        x_bxyzc = x_bxyzc + self.attention(self.norm_attention(x_bxyzc))
        return x_bxyzc + self.mlp(self.norm_mlp(x_bxyzc))


class SwinStage(nn.Module):
    """Blocks on one grid, plain and shifted windows in turn."""

    def __init__(self, valid: Tensor, channels: int, heads: int, depth: int, window: Sequence[int]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            SwinBlock(valid, channels, heads, window, shifted=bool(index % 2)) for index in range(depth)
        )

    def forward(self, x_bxyzc: Tensor) -> Tensor:
        """Apply all blocks, (b, x, y, z, c) -> same shape."""
        for block in self.blocks:
            x_bxyzc = block(x_bxyzc)
        return x_bxyzc


class SwinEncoder(nn.Module):
    """Field -> tokens of the coarsest grid.

    Parameters
    ----------
    coefficients
        (i, j, k) bool: entries of the envelope that carry information.
    patch, window
        Coefficients per token and tokens per window, along each axis.
    fields
        Channels of the field.
    channels, depths, heads
        Width of the first stage (doubled at every further one), blocks and heads of each stage.
    condition_channels
        Length of the vectors that say what the crystal is.
    magnitude
        Whether the tokens' embedding knows the length of their place vectors.
    """

    def __init__(
        self,
        coefficients: Tensor,
        patch: Grid,
        window: Grid,
        fields: int,
        channels: int,
        depths: Sequence[int],
        heads: Sequence[int],
        condition_channels: int,
        magnitude: bool = True,
    ) -> None:
        super().__init__()
        check_stages(depths, heads)
        envelope = as_grid(coefficients.shape, "envelope")
        grids = token_grids(envelope, patch, len(depths))
        masks = token_masks(coefficients, patch, len(depths))
        self.embed = PatchEmbed(envelope, patch, fields, channels)
        self.place = FrequencyEmbedding(grids[0], channels, magnitude)
        self.condition = nn.Linear(condition_channels, channels)
        widths = [channels * 2**stage for stage in range(len(depths))]
        self.stages = nn.ModuleList(
            SwinStage(masks[s], widths[s], heads[s], depths[s], window) for s in range(len(depths))
        )
        self.mergings = nn.ModuleList(PatchMerging(grids[s], widths[s]) for s in range(len(depths) - 1))
        for stage, mask in enumerate(masks):
            self.register_buffer(f"valid_{stage}", mask[..., None], persistent=False)
        self.norm = nn.LayerNorm(widths[-1])
        self.tokens, self.width = prod(grids[-1]), widths[-1]

    def forward(self, x_bfijk: Tensor, condition_bxyzc: Tensor) -> Tensor:
        """Return tokens, (b, t, c); those without any coefficient are zero.

        The condition may differ from token to token of the finest grid, or have length 1 along any of its axes.
        """
        x = self.embed(x_bfijk) + self.place() + self.condition(condition_bxyzc)
        for index, stage in enumerate(self.stages):
            x = stage(x) * getattr(self, f"valid_{index}")
            if index < len(self.mergings):
                x = self.mergings[index](x)
        return (self.norm(x) * getattr(self, f"valid_{len(self.stages) - 1}")).flatten(1, 3)


class SwinDecoder(nn.Module):
    """Tokens of the coarsest grid -> field: the mirror image of `SwinEncoder`, same parameters."""

    def __init__(
        self,
        coefficients: Tensor,
        patch: Grid,
        window: Grid,
        fields: int,
        channels: int,
        depths: Sequence[int],
        heads: Sequence[int],
        condition_channels: int,
        magnitude: bool = True,
    ) -> None:
        super().__init__()
        check_stages(depths, heads)
        envelope = as_grid(coefficients.shape, "envelope")
        grids = token_grids(envelope, patch, len(depths))
        masks = token_masks(coefficients, patch, len(depths))
        widths = [channels * 2**stage for stage in range(len(depths))]
        self.grid, self.tokens, self.width = grids[-1], prod(grids[-1]), widths[-1]
        self.place = FrequencyEmbedding(grids[-1], widths[-1], magnitude)
        self.condition = nn.Linear(condition_channels, widths[-1])
        order = range(len(depths) - 1, -1, -1)
        self.stages = nn.ModuleList(SwinStage(masks[s], widths[s], heads[s], depths[s], window) for s in order)
        self.expandings = nn.ModuleList(PatchExpanding(grids[s - 1], widths[s]) for s in order if s)
        self.readout = PatchReadout(envelope, patch, fields, channels)

    def forward(self, x_btc: Tensor, condition_bxyzc: Tensor) -> Tensor:
        """Return the field, (b, f, i, j, k); the condition as in `SwinEncoder`, but of the coarsest grid."""
        if x_btc.shape[1:] != (self.tokens, self.width):
            raise ShapeError(f"expected {self.tokens} tokens of {self.width} channels, got {tuple(x_btc.shape[1:])}")
        x = x_btc.reshape(len(x_btc), *self.grid, self.width)
        x = x + self.place() + self.condition(condition_bxyzc)
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index < len(self.expandings):
                x = self.expandings[index](x)
        # bfloat16 has three digits: enough inside, too few for what is written.
        with torch.autocast(x.device.type, enabled=False):
            return self.readout(x.float())


def check_stages(depths: Sequence[int], heads: Sequence[int]) -> None:
    """Refuse stages without blocks, and lists of different length."""
    if len(depths) != len(heads) or not depths or min(depths) < 1 or min(heads) < 1:
        raise ShapeError(
            f"depths {list(depths)} and heads {list(heads)} must be equally long lists of positive integers"
        )
