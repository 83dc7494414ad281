"""One matrix gives what the plan gives, and is orthogonal with the multiplicities as weights."""

import numpy as np
from engine_checks import agrees_with_the_plan
from hypothesis import given

import strategies
from symfft import asymmetric_unit
from symfft.transforms.torch_engines.matrix import MatrixTransform, matrix_of


@given(strategies.grids(8))
def test_any_setting(grid):
    agrees_with_the_plan(asymmetric_unit(*grid), MatrixTransform)


def test_orthogonal():
    au = asymmetric_unit(198, (6, 6, 6))
    matrix = matrix_of(au)
    np.testing.assert_allclose(matrix.T @ matrix, np.diag(au.multiplicity.astype(float)), rtol=0, atol=1e-13)
