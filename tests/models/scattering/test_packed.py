"""Packed matrices, against NumPy's whole ones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import LinAlgError

from symfft_models.scattering.packed import PackedMatrix


def filled(matrix, cuts):
    """Return a packed matrix to which the blocks of a matrix between some cuts are added, in two halves."""
    packed = PackedMatrix(len(matrix))
    spans = list(pairwise([0, *cuts, len(matrix)]))
    for part in (0.25 * matrix, 0.75 * matrix):
        for above, (top, bottom) in enumerate(spans):
            for left, right in spans[above:]:
                packed.add(top, left, part[top:bottom, left:right])
    return packed


@given(st.data())
def test_solutions_draws_and_determinants_are_those_of_the_whole_matrix(data):
    size = data.draw(st.integers(1, 24))
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=4)))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    root = random.standard_normal((size, size + 3))
    packed = filled(root @ root.T, cuts)
    packed.add_diagonal(1.0)
    whole, factor = root @ root.T + np.eye(size), packed.factored()
    right = random.standard_normal((size, 3))
    np.testing.assert_allclose(factor.solve(right), np.linalg.solve(whole, right), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(factor.solve(right[:, 0]), np.linalg.solve(whole, right[:, 0]), rtol=1e-8, atol=1e-10)
    upper = np.linalg.cholesky(whole).T
    np.testing.assert_allclose(factor.solve_upper(right), np.linalg.solve(upper, right), rtol=1e-8, atol=1e-10)
    assert factor.log_determinant == pytest.approx(np.linalg.slogdet(whole)[1], rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("size", [200, 301])
def test_it_takes_half_the_memory(size):
    packed = PackedMatrix(size)
    assert packed.rows.size == size * (size + 1) // 2
    packed.add_diagonal(1.0)
    rows = packed.rows
    assert np.shares_memory(packed.factored().packed, rows)


@pytest.mark.parametrize(("row", "column", "shape"), [(1, 0, (1, 1)), (0, 1, (2, 2)), (2, 2, (1, 2)), (0, 4, (2, 3))])
def test_blocks_below_the_diagonal_or_outside_are_refused(row, column, shape):
    with pytest.raises(ValueError, match="a block of"):
        PackedMatrix(6).add(row, column, np.ones(shape))


def test_a_matrix_that_is_not_positive_definite_is_an_error():
    packed = PackedMatrix(2)
    packed.add(0, 0, np.array([[1.0, 2.0], [2.0, 1.0]]))
    with pytest.raises(LinAlgError, match="minor 2"):
        packed.factored()
