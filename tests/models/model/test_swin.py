"""The Swin blocks against plain definitions: who sees whom, and what comes out."""

from __future__ import annotations

from itertools import product
from math import prod

import pytest
import torch

from symfft import ShapeError
from symfft_models.model.swin import SwinDecoder, SwinEncoder, WindowAttention
from symfft_models.model.tokens import PatchExpanding, join, padded, partition, token_masks

CASES = [
    ((4, 4, 4), (2, 2, 2), False),
    ((4, 4, 4), (2, 2, 2), True),
    ((5, 3, 7), (4, 4, 4), True),
    ((5, 3, 7), (2, 3, 4), True),
    ((1, 6, 2), (3, 3, 3), True),
    ((3, 3, 3), (5, 5, 5), True),
]


def naive_attention(block: WindowAttention, x: torch.Tensor, valid: torch.Tensor, shifted: bool) -> torch.Tensor:
    """Attend by the definition: a window along an axis is [k w + s, (k + 1) w + s), and nothing wraps around."""
    grid, c = x.shape[:3], x.shape[3]
    window = [min(w, g) for w, g in zip(block.window, grid, strict=True)]
    shift = [w // 2 if shifted and w < g else 0 for w, g in zip(window, grid, strict=True)]
    q, k, v = block.to_qkv(x).split(c, dim=-1)
    out = torch.zeros_like(x)
    points = list(product(*map(range, grid)))
    cell = {p: tuple((i - s) // w for i, s, w in zip(p, shift, window, strict=True)) for p in points}
    span = [2 * w - 1 for w in window]
    e = c // block.heads
    for p in points:
        seen = [r for r in points if cell[r] == cell[p] and (valid[r] or r == p)]
        heads = []
        for h in range(block.heads):
            part = slice(h * e, (h + 1) * e)
            scores = []
            for r in seen:
                d = [a - b + w - 1 for a, b, w in zip(p, r, window, strict=True)]
                bias = block.bias[(d[0] * span[1] + d[1]) * span[2] + d[2], h]
                scores.append(q[p][part] @ k[r][part] / e**0.5 + bias)
            share = torch.softmax(torch.stack(scores), dim=0)
            heads.append(sum(w * v[r][part] for w, r in zip(share, seen, strict=True)))
        out[p] = block.to_out(torch.cat(heads))
    return out


@pytest.mark.parametrize(("grid", "window", "shifted"), CASES)
def test_window_attention_is_its_definition(grid, window, shifted):
    torch.manual_seed(0)
    valid = torch.rand(grid) < 0.8
    valid[0, 0, 0] = True
    block = WindowAttention(valid, channels=6, heads=2, window=window, shifted=shifted).double()
    block.bias.data.normal_()
    x = torch.randn(2, *grid, 6, dtype=torch.float64)
    with torch.no_grad():
        expected = torch.stack([naive_attention(block, item, valid, shifted) for item in x])
        torch.testing.assert_close(block(x), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("cell", [(1, 1, 1), (2, 3, 1), (4, 3, 5)])
def test_partition_is_undone_by_join(cell):
    grid = tuple(2 * size for size in cell)
    x = torch.arange(2 * prod(grid) * 3).reshape(2, *grid, 3)
    parts = partition(x, cell)
    assert parts.shape == (2, 8, prod(cell), 3)
    assert torch.equal(parts[0, 0, :, 0].reshape(cell), x[0, : cell[0], : cell[1], : cell[2], 0])
    assert torch.equal(join(parts, cell, grid), x)


def build(envelope, mask=None, depths=(2, 1)):
    torch.manual_seed(1)
    mask = torch.ones(envelope, dtype=torch.bool) if mask is None else mask
    sizes = {"patch": (3, 3, 3), "window": (2, 2, 2), "fields": 1, "channels": 8, "depths": depths, "heads": (2, 4)}
    return SwinEncoder(mask, condition_channels=5, **sizes), SwinDecoder(mask, condition_channels=5, **sizes)


@pytest.mark.parametrize("envelope", [(9, 9, 9), (13, 7, 7), (5, 11, 4), (1, 2, 3)])
def test_any_envelope_goes_through_and_every_weight_gets_a_gradient(envelope):
    encoder, decoder = build(envelope)
    tokens = encoder(torch.randn(2, 1, *envelope), torch.randn(2, 1, 1, 1, 5))
    field = decoder(tokens, torch.randn(2, 1, 1, 1, 5))
    assert field.shape == (2, 1, *envelope)
    field.square().sum().backward()
    for name, parameter in [*encoder.named_parameters(), *decoder.named_parameters()]:
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_padding_and_missing_coefficients_are_not_seen():
    envelope = (9, 6, 10)
    mask = torch.zeros(envelope, dtype=torch.bool)
    mask[:6, :, :7] = True
    encoder, _ = build(envelope, mask)
    x = torch.randn(1, 1, *envelope)
    changed = x.clone()
    changed[:, :, 6:] += 5.0
    changed[:, :, :, :, 9:] -= 5.0
    condition = torch.randn(1, 1, 1, 1, 5)
    torch.testing.assert_close(encoder(x, condition), encoder(changed, condition))
    seen = x.clone()
    seen[:, :, 0, 0, 0] += 5.0
    assert not torch.allclose(encoder(x, condition), encoder(seen, condition), atol=1e-4)


def test_a_token_exists_where_any_of_its_coefficients_does():
    mask = torch.zeros((7, 7, 7), dtype=torch.bool)
    mask[6, 0, 3] = True
    fine, coarse = token_masks(mask, (3, 3, 3), 2)
    assert fine.nonzero().tolist() == [[2, 0, 1]]
    assert coarse.nonzero().tolist() == [[1, 0, 0]]


def test_the_batch_rows_do_not_mix():
    encoder, decoder = build((9, 9, 9))
    x, condition = torch.randn(3, 1, 9, 9, 9), torch.randn(3, 1, 1, 1, 5)
    together = decoder(encoder(x, condition), condition)
    alone = decoder(encoder(x[1:2], condition[1:2]), condition[1:2])
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-5)


def test_expanding_reaches_the_grid_that_merging_left():
    expand = PatchExpanding((5, 3, 4), 8)
    assert padded((5, 3, 4), (2, 2, 2)) == (6, 4, 4)
    assert expand(torch.randn(1, 3, 2, 2, 8)).shape == (1, 5, 3, 4, 4)


def test_errors_name_what_is_wrong():
    encoder, decoder = build((9, 9, 9))
    with pytest.raises(ShapeError, match=r"\(9, 9, 8\), the envelope is \(9, 9, 9\)"):
        encoder(torch.zeros(1, 1, 9, 9, 8), torch.zeros(1, 1, 1, 1, 5))
    with pytest.raises(ShapeError, match="expected 8 tokens of 16 channels"):
        decoder(torch.zeros(1, 7, 16), torch.zeros(1, 1, 1, 1, 5))
    with pytest.raises(ShapeError, match="10 channels cannot be divided among 4 heads"):
        WindowAttention(torch.ones(2, 2, 2, dtype=torch.bool), 10, 4, (2, 2, 2), shifted=False)
    with pytest.raises(ShapeError, match="equally long"):
        build((9, 9, 9), depths=(2,))
    block = WindowAttention(torch.ones(2, 2, 2, dtype=torch.bool), 4, 2, (2, 2, 2), shifted=False)
    with pytest.raises(ShapeError, match=r"grid \(2, 2, 3\), this block was made for \(2, 2, 2\)"):
        block(torch.zeros(1, 2, 2, 3, 4))
