"""Landmarks and the weights of their features: those that vary most."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symfft_models.scattering import landmarks as chosen
from symfft_models.scattering.kernel import Kernel
from symfft_models.scattering.landmarks import neighbour_blocks, radial_shapes, terms_by_degree
from symfft_models.scattering.radial import RADIAL, radial_functions


@pytest.fixture(scope="module")
def terms(few_crystals, small):
    return terms_by_degree(few_crystals, small)


@pytest.fixture(scope="module")
def spread():
    half = np.random.default_rng(0).standard_normal((5, RADIAL, RADIAL)) * 0.5 ** np.arange(RADIAL)
    return half @ half.transpose(0, 2, 1)


@pytest.mark.parametrize("most", [10**6, 10, 3])
def test_terms_of_very_many_crystals_are_thinned_evenly(few_crystals, small, terms, monkeypatch, most):
    every, count = terms
    assert [len(one.number) for one in every] == count.tolist()
    monkeypatch.setattr(chosen, "CANDIDATES", most)
    thinned, again = terms_by_degree(few_crystals, small)
    assert again.tolist() == count.tolist()
    for some, whole in zip(thinned, every, strict=True):
        step = next(2**power for power in range(20) if len(whole.number) <= 2 * most * 2**power)
        for name in ("number", "along", "around"):
            assert np.array_equal(getattr(some, name), getattr(whole, name)[::step])


@pytest.mark.parametrize("degree", range(5))
def test_features_of_all_terms_as_landmarks_are_the_kernel(terms, small, degree):
    some = terms[0][degree].rounded()
    kernel = Kernel.of(small.kernel, degree, some)
    features, squares = chosen.landmarks(kernel, some, len(some.number))
    found, exact = features(some), kernel(some, some)
    assert np.abs(found @ found.T - exact).max() <= 2 * chosen.EXPLAINED * exact.diagonal().max()
    np.testing.assert_allclose((found**2).sum(axis=0), squares, rtol=1e-3, atol=1e-6 * squares.max())


@pytest.mark.parametrize("degree", range(5))
def test_each_landmark_is_the_term_that_is_described_worst(terms, small, degree):
    some = terms[0][degree].rounded()
    kernel = Kernel.of(small.kernel, degree, some)
    for most in range(1, 5):
        known = chosen.landmarks(kernel, some, most)[0]
        rest = kernel.diagonal(some) - (known(some) ** 2).sum(axis=1)
        longer = chosen.landmarks(kernel, some, most + 1)[0]
        if len(longer) == len(known):
            assert rest.max() <= 2 * chosen.EXPLAINED * kernel.diagonal(some).max()
        else:
            left = kernel.diagonal(longer.landmarks) - (known(longer.landmarks) ** 2).sum(axis=1)
            assert left[-1] == pytest.approx(rest.max(), rel=1e-3)


def test_weights_are_those_of_the_largest_variance(terms, small, spread, monkeypatch):
    monkeypatch.setattr(chosen, "NEGLIGIBLE", -1.0)
    every = neighbour_blocks(*terms, spread, replace(small, weights=10**6, shapes=RADIAL))
    assert all(block.used.all() and block.shapes.shape == (RADIAL, RADIAL) for block in every)
    variances = []
    for block, some in zip(every, terms[0], strict=True):
        squares = (block.features(some) ** 2).sum(axis=0)
        lengths = radial_shapes(spread[block.degree], block.degree, RADIAL)[1]
        variances.append(lengths[:, None] ** 2 * squares)
    for weights in (1, 50, 120):
        blocks = {block.degree: block for block in neighbour_blocks(*terms, spread, replace(small, weights=weights))}
        assert sum(block.size for block in blocks.values()) == weights
        kept = []
        for degree, block in blocks.items():
            kept.append(variances[degree][: len(block.used)][block.used])
        total = np.concatenate(kept).sum()
        best = np.sort(np.concatenate([v[: small.shapes].ravel() for v in variances]))[-weights:].sum()
        assert total == pytest.approx(best, rel=1e-3)


def test_weights_of_negligible_variance_are_left_out(terms, small, spread, monkeypatch):
    some = neighbour_blocks(*terms, spread, replace(small, weights=10**6))
    monkeypatch.setattr(chosen, "NEGLIGIBLE", -1.0)
    every = neighbour_blocks(*terms, spread, replace(small, weights=10**6))
    left_out = total = 0.0
    for block, whole in zip(some, every, strict=True):
        used = np.zeros_like(whole.used)
        used[: len(block.used)] = block.used
        squares = (whole.features(terms[0][whole.degree]) ** 2).sum(axis=0)
        variance = radial_shapes(spread[whole.degree], whole.degree, len(used))[1][:, None] ** 2 * squares
        left_out += variance[~used].sum()
        total += variance.sum()
    assert 0 < left_out < 1.01e-5 * total


@pytest.mark.parametrize("degree", range(5))
def test_shapes_make_up_the_covariance_and_their_lengths_are_those_of_the_scattering_factor(spread, degree):
    shapes, lengths = radial_shapes(spread[degree], degree, RADIAL)
    np.testing.assert_allclose(shapes @ shapes.T, spread[degree], rtol=1e-9, atol=1e-11)
    q, step = np.linspace(0.02, 4.0, 200, retstep=True)
    factors = radial_functions(q, np.array([degree]))[0] @ shapes
    squares = np.einsum("qr,qs,q->rs", factors, factors, q) * step
    np.testing.assert_allclose(squares, np.diag(lengths**2), atol=1e-10 * squares.max())
