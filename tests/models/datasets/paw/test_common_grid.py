"""The set on common grids: the same densities as on full grids, one grid for a group."""

from __future__ import annotations

import numpy as np
import pytest

from symfft import asymmetric_unit, check_symmetry, next_compatible_shape, reduce_to_au
from symfft_models.data.grids import COMMON_GRIDS
from symfft_models.datasets.paw import load_paw
from symfft_models.datasets.paw.common_grid import common_grid, on_common_grid


@pytest.mark.parametrize("group", load_paw().space_groups)
def test_values_are_those_of_the_full_grid(group):
    """By the exact transform of the asymmetric unit, and by an FFT of the whole cell, also where a grid cuts off."""
    first = load_paw().select(space_group=group)[0]
    coarse = next_compatible_shape(group, [max(4, n // 2) for n in first.shape])
    for shape in {first.shape, coarse, COMMON_GRIDS.get(group, first.shape)}:
        assert check_symmetry(first.values(shape), group).is_symmetric(1e-6)
        reduced = reduce_to_au(first.values(shape), asymmetric_unit(group, shape))
        np.testing.assert_allclose(first.entry(shape).values, reduced, rtol=0, atol=1e-7 * np.abs(reduced).max())


@pytest.mark.parametrize("group", [194, 225, 229])
def test_a_group_has_one_grid_that_holds_its_densities(group):
    densities = load_paw()
    shape = common_grid(densities, group)
    assert {entry.shape for entry in on_common_grid(densities, group)} == {shape}
    assert len(on_common_grid(densities, group, "train")) == len(densities.select(group, "train"))
    if group in COMMON_GRIDS:
        assert shape == COMMON_GRIDS[group]
    else:
        assert all(n >= m for entry in densities.select(space_group=group) for n, m in zip(shape, entry.shape))


def test_a_group_without_densities_is_no_density():
    assert on_common_grid(load_paw(), 230) == []
