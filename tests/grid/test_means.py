"""Means over orbits against loops over orbits; arrays and tensors alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from symfft import SpaceGroup
from symfft.grid.brick import orbits_in_brick
from symfft.grid.means import means_of

GRIDS = {1: (3, 4, 5), 14: (4, 6, 4), 62: (4, 6, 8), 166: (6, 6, 12), 194: (6, 6, 8), 227: (8, 8, 8)}


@pytest.mark.parametrize("number", GRIDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_means_spread_and_largest_value_are_those_of_the_orbits(number, dtype):
    shape = GRIDS[number]
    orbits = orbits_in_brick(SpaceGroup.from_number(number), shape)[1]
    batch = np.random.default_rng(number).standard_normal((2, np.prod(shape))).astype(dtype)
    found, tensors = means_of(batch, orbits), means_of(torch.from_numpy(batch.copy()), orbits)
    labels = orbits.labels.reshape(-1)
    members = [batch[:, labels == orbit].astype(np.float64) for orbit in range(orbits.size)]
    wanted = np.stack([part.mean(axis=1) for part in members], axis=1)
    spread = [max(np.ptp(part[row]) for part in members) for row in (0, 1)]
    tolerance = 4 * np.finfo(dtype).eps
    for result in (found, tensors):
        np.testing.assert_allclose(np.asarray(result.values), wanted, rtol=0, atol=tolerance)
        np.testing.assert_allclose(result.spread, spread, rtol=tolerance)
        np.testing.assert_allclose(result.largest, np.abs(batch).max(axis=1), rtol=tolerance)
    assert found.values.dtype == dtype
    assert tensors.values.dtype == (torch.float32 if dtype is np.float32 else torch.float64)


def test_equal_values_stay_bit_for_bit():
    shape = GRIDS[227]
    orbits = orbits_in_brick(SpaceGroup.from_number(227), shape)[1]
    values = np.random.default_rng(0).standard_normal(orbits.size) * 10.0 ** np.arange(orbits.size)
    batch = values[orbits.labels.reshape(-1)][None]
    for given in (batch, torch.from_numpy(batch)):
        found = means_of(given, orbits)
        np.testing.assert_array_equal(np.asarray(found.values)[0], values)
        assert found.spread == [0.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_told(bad):
    shape = GRIDS[14]
    orbits = orbits_in_brick(SpaceGroup.from_number(14), shape)[1]
    batch = np.ones((1, np.prod(shape)))
    batch[0, 5] = bad
    for given in (batch, torch.from_numpy(batch)):
        found = means_of(given, orbits)
        assert not np.isfinite([*found.spread, *found.largest]).all()
