"""Tokens: cells of a grid and back, masks and patches against loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from symfft import ShapeError
from symfft_models.model.tokens import (
    PatchEmbed,
    PatchReadout,
    as_grid,
    join,
    padded,
    partition,
    token_grids,
    token_masks,
)

CELLS = [(1, 1, 1), (2, 2, 2), (3, 1, 2), (4, 3, 2)]


@pytest.mark.parametrize("cell", CELLS)
def test_cells_are_blocks_of_the_grid_in_c_order(cell):
    grid = tuple(2 * n for n in cell)
    x = torch.randn(2, *grid, 3)
    cells = partition(x, cell)
    for number, corner in enumerate(np.ndindex(2, 2, 2)):
        block = x[(slice(None), *(slice(c * n, (c + 1) * n) for c, n in zip(corner, cell, strict=True)))]
        assert torch.equal(cells[:, number], block.reshape(2, -1, 3))
    assert torch.equal(join(cells, cell, grid), x)


@pytest.mark.parametrize("envelope", [(1, 1, 1), (5, 4, 7), (8, 8, 8)])
def test_token_grids_are_those_that_the_masks_have(envelope):
    patch, stages = (2, 3, 2), 3
    mask = torch.rand(envelope) < 0.2
    mask[0, 0, 0] = True
    masks = token_masks(mask, patch, stages)
    assert [tuple(m.shape) for m in masks] == token_grids(envelope, patch, stages)
    step = np.array(patch)
    for found in masks:
        for token in np.ndindex(*found.shape):
            low = np.array(token) * step
            assert bool(found[token]) == bool(
                mask[tuple(slice(a, b) for a, b in zip(low, low + step, strict=True))].any()
            )
        step = step * 2


@pytest.mark.parametrize("envelope", [(4, 6, 4), (5, 4, 7)])
def test_a_patch_is_embedded_by_itself(envelope):
    torch.manual_seed(0)
    patch, fields, channels = (2, 3, 2), 2, 5
    embed = PatchEmbed(envelope, patch, fields, channels)
    x = torch.randn(1, fields, *envelope)
    tokens = embed(x)
    assert tokens.shape == (1, *embed.grid, channels)
    whole = torch.zeros(1, fields, *padded(envelope, patch))
    whole[(..., *(slice(n) for n in envelope))] = x
    for token in np.ndindex(*embed.grid):
        part = whole[(0, slice(None), *(slice(t * p, (t + 1) * p) for t, p in zip(token, patch, strict=True)))]
        values = part.permute(1, 2, 3, 0).reshape(-1)
        torch.testing.assert_close(tokens[(0, *token)], embed.project(values))
    assert PatchReadout(envelope, patch, fields, channels)(tokens).shape == x.shape


@pytest.mark.parametrize("sizes", [(1, 2), (1, 2, 3, 4), (0, 1, 1), (1, -1, 1)])
def test_grids_are_three_positive_integers(sizes):
    with pytest.raises(ShapeError, match="patch must be three positive integers"):
        as_grid(sizes, "patch")
