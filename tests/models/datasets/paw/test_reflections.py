"""Unique reflections: of random symmetric densities of all kinds of groups, there and back."""

from __future__ import annotations

import numpy as np
import pytest

from symfft import SpaceGroup, asymmetric_unit, expand_from_au
from symfft_models.datasets.paw.reflections import (
    RANK,
    expand_reflections,
    image_ranks,
    operators,
    reach,
    reduce_reflections,
)
from symfft_models.scattering.observation import multiplicities

GROUPS = [
    1,
    2,
    4,
    9,
    14,
    15,
    36,
    62,
    70,
    92,
    96,
    122,
    141,
    144,
    152,
    160,
    166,
    178,
    186,
    194,
    205,
    214,
    220,
    225,
    227,
    230,
]


def ball(number, shape):
    """Structure factors of a random symmetric density, and all (h, k, l) of a ball that the group keeps."""
    unit = asymmetric_unit(number, shape)
    density = expand_from_au(np.random.default_rng(number).random(unit.size), unit)
    group = SpaceGroup.from_number(number)
    # any metric that the group keeps: averaged over its rotations
    metric = np.mean([r.T @ np.diag([1.0, 1.2, 0.8]) @ r for r in group.rotations], axis=0)
    dual = np.linalg.inv(metric)
    n = shape[0] // 2
    hkl = np.stack(np.meshgrid(*[np.arange(1 - n, n)] * 3, indexing="ij"), -1).reshape(-1, 3)
    length = np.einsum("ni,ij,nj->n", hkl, dual, hkl)
    # the largest ball inside the box
    limit = (n - 0.5) ** 2 / np.diag(metric).max()
    hkl = hkl[length <= limit]
    F = np.fft.fftn(density) / density.size
    return group, hkl, F[tuple((hkl % shape).T)]


@pytest.mark.parametrize("number", GROUPS)
def test_one_of_each_class_gives_all_others_back(number):
    shape = (12, 12, 12)
    group, hkl, F = ball(number, shape)
    half = hkl @ [10000, 100, 1] >= 0
    unique, (reduced,), residual = reduce_reflections(group, hkl[half], F[half][None])
    assert residual < 1e-14
    assert len({tuple(h) for h in unique.tolist()}) == len(unique)
    grid = expand_reflections(group, unique, reduced, shape)
    expected = np.zeros(shape, dtype=complex)
    expected[tuple((hkl % shape).T)] = F
    np.testing.assert_allclose(grid, expected, atol=1e-14)


def test_as_many_as_symfft_counts():
    unit = asymmetric_unit(225, (16, 16, 16))
    _, hkl, F = ball(225, (16, 16, 16))
    unique, _, _ = reduce_reflections(SpaceGroup.from_number(225), hkl, F[None])
    inside = (unit.hkl**2).sum(1) <= 7.5**2
    assert len(unique) == inside.sum()


def test_what_is_not_symmetric_is_measured():
    group, hkl, F = ball(225, (12, 12, 12))
    first = np.flatnonzero((hkl == [2, 2, 0]).all(1))[0]
    other = np.flatnonzero((hkl == [-2, -2, 0]).all(1))[0]
    F[[first, other]] += 0.1 * np.abs(F).max()
    *_, residual = reduce_reflections(group, hkl, F[None])
    assert 0.05 < residual < 0.11


def test_a_part_of_a_ball_is_refused():
    group, hkl, F = ball(225, (12, 12, 12))
    keep = ~(np.abs(hkl) == [3, 1, 1]).all(1)
    with pytest.raises(ValueError, match="not a whole ball"):
        reduce_reflections(group, hkl[keep], F[keep][None])


@pytest.mark.parametrize("number", GROUPS)
def test_images_of_reflections(number):
    """Their ranks, largest indices and numbers are those of all images, one by one."""
    group = SpaceGroup.from_number(number)
    rotations, _ = operators(group)
    some = np.random.default_rng(number).integers(-40, 40, (60, 3))
    hkl = np.concatenate([some, some * [1, 0, 1], some[:, [0, 0, 2]], np.zeros((1, 3), dtype=int)])
    images = np.stack([hkl @ rotation for rotation in rotations], axis=1)
    assert (image_ranks(rotations, hkl) == images @ RANK).all()
    assert reach(group, hkl) == np.abs(images).max(axis=(0, 1)).tolist()
    distinct = [len({tuple(h) for h in np.concatenate([each, -each]).tolist()}) for each in images]
    assert multiplicities(group, hkl).tolist() == distinct
