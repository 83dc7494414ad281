"""Sums of a few terms against dense matrices, and views of structure factors."""

import numpy as np
import torch

from symfft import asymmetric_unit, au_dft, au_real_dft
from symfft.transforms.packing import layout_of
from symfft.transforms.torch_engines.terms import Terms, View, filling, reading, structure_factors


def test_terms_are_a_sparse_matrix():
    rng = np.random.default_rng(0)
    index, weights = rng.integers(7, size=(3, 5)), rng.standard_normal((3, 5)) * (rng.random((3, 5)) < 0.5)
    dense = np.zeros((7, 5))
    np.add.at(dense, (index, np.arange(5)), weights)
    x = rng.standard_normal((2, 7))
    np.testing.assert_allclose(Terms(index, weights)(torch.tensor(x)).numpy(), x @ dense, rtol=0, atol=1e-14)


def test_terms_of_weight_zero_are_left_out():
    terms = Terms(np.array([[3, 1], [2, 0]]), np.array([[0.0, 1], [1, 0]]))
    x = torch.tensor([[0.5, 1.5, 2.5, torch.nan]])
    assert terms(x).tolist() == [[2.5, 1.5]]
    assert terms.moved == 4


def test_views_are_read_and_filled():
    au = asymmetric_unit(198, (6, 6, 6))
    values = np.random.default_rng(0).standard_normal((2, au.size))
    f, real = au_dft(values, au), au_real_dft(values, au)
    parts = torch.tensor(f.view(float).reshape(2, -1))
    layout = View(*layout_of(au, None)[1:])
    count = len(au.hkl)
    index, coefficients = 2 * np.arange(count) + np.array([[0], [1]]), np.array([[1], [1j]]) * np.ones(count)
    np.testing.assert_allclose(reading(layout, index, coefficients)(parts).numpy(), real, rtol=0, atol=1e-13)
    labels, part = np.repeat(np.arange(count), 2)[None], np.tile([1, -1j], count)[None]
    filled = filling(layout, au.fourier.reflections, labels, part)(torch.tensor(real))
    np.testing.assert_allclose(filled.numpy(), parts.numpy(), rtol=0, atol=1e-12)
    assert structure_factors(au.fourier.reflections).which[:4].tolist() == [0, 0, 1, 1]
