import numpy as np
from crystals import crystal

from symfft import SpaceGroup
from symfft.analysis.common_symmetry import on_common_au


def test_the_group_where_all_have_it():
    group, rho = SpaceGroup.from_number(62), crystal(62).values
    au, (one, two) = on_common_au(group, [rho, 2 * rho])
    assert au.space_group == group
    np.testing.assert_allclose(two, 2 * one)


def test_the_operators_that_all_have():
    group, rho = SpaceGroup.from_number(62), crystal(62).values
    shifted = rho + 0.1 * np.sin(2 * np.pi * np.arange(10) / 10)
    au, (one, two) = on_common_au(group, [rho, shifted])
    assert 1 < au.space_group.order < 8
    np.testing.assert_allclose(two, shifted[tuple(au.indices.T)], atol=1e-3)
    np.testing.assert_allclose(one, rho[tuple(au.indices.T)])


def test_none_where_the_grid_fits_none_or_the_rest_is_no_group():
    rough = np.random.default_rng(0).random((9, 9, 9))
    au, (values,) = on_common_au(SpaceGroup.from_number(227), [rough])
    assert au.space_group.order == 1
    np.testing.assert_array_equal(values, rough.reshape(-1))
