"""Losses and metrics on the asymmetric unit against the same quantities on the full cell."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from symfft import ShapeError, asymmetric_unit, expand_from_au
from symfft_models.evaluation.metrics import density_metrics, summarize
from symfft_models.model.loss import (
    LOSSES,
    density_divergence,
    latent_divergence,
    peak_error,
    positive_part,
    structure_factor_error,
)

GROUPS = [(221, 12), (225, 12), (227, 16), (62, 12)]


def densities(group, grid, seed=0):
    """A true and an estimated density on the AU, the estimate partly negative, both of mean one over the cell."""
    unit = asymmetric_unit(group, (grid, grid, grid))
    rng = np.random.default_rng((group, seed))
    truth = rng.gamma(0.7, size=unit.size)
    estimate = truth + 0.3 * rng.standard_normal(unit.size)
    weight = unit.multiplicity / np.prod(unit.shape)
    return unit, weight, truth / (weight @ truth), estimate / (weight @ estimate)


@pytest.mark.parametrize(("group", "grid"), GROUPS)
def test_fourier_term_equals_the_full_cells_structure_factors(group, grid):
    unit, weight, truth, estimate = densities(group, grid)
    difference = np.fft.fftn(expand_from_au(truth - estimate, unit)) / np.prod(unit.shape)
    got = structure_factor_error(*(torch.tensor(a)[None] for a in (truth, estimate, weight)))
    np.testing.assert_allclose(got.item(), (np.abs(difference) ** 2).sum(), rtol=1e-12)


@pytest.mark.parametrize(("group", "grid"), GROUPS)
def test_divergence_equals_the_full_cells(group, grid):
    unit, weight, truth, estimate = densities(group, grid)
    p, q = (expand_from_au(positive_part(torch.tensor(a)).numpy(), unit).ravel() for a in (truth, estimate))
    p, q = p / p.sum(), q / q.sum()
    got = density_divergence(*(torch.tensor(a)[None] for a in (truth, estimate, weight)))
    np.testing.assert_allclose(got.item(), (p * np.log(p / q)).sum(), rtol=1e-11)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), dtype=st.sampled_from([torch.float32, torch.float64]))
def test_divergence_is_never_negative_and_zero_only_for_equal_densities(seed, dtype):
    _, weight, truth, estimate = densities(225, 12, seed)
    rho, guess, w = (torch.tensor(a, dtype=dtype)[None] for a in (truth, estimate, weight))
    assert density_divergence(rho, guess, w).item() > 1e-4
    assert abs(density_divergence(rho, rho, w).item()) < 1e-6


def test_gradients_are_finite_where_a_density_is_far_below_zero():
    estimate = torch.tensor([[-5.0, -1e-3, 0.0, 8.0]], requires_grad=True)
    values, weight = torch.tensor([[0.0, 1e-6, 1.0, 3.0]]), torch.full((1, 4), 0.25)
    (density_divergence(values, estimate, weight) + peak_error(values, estimate, weight)).sum().backward()
    assert torch.isfinite(estimate.grad).all()
    assert estimate.grad[0, 2].abs() > 0


def test_latent_divergence_is_torchs():
    mean, log_variance = torch.randn(3, 7), torch.randn(3, 7)
    posterior = torch.distributions.Normal(mean, torch.exp(0.5 * log_variance))
    expected = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(-1)
    torch.testing.assert_close(latent_divergence(mean, log_variance), expected)


@pytest.mark.parametrize("kind", ["paper", "peak"])
def test_loss_is_the_weighted_sum_of_its_terms(kind):
    _, weight, truth, estimate = densities(227, 16)
    rho, guess, w = (torch.tensor(a)[None] for a in (truth, estimate, weight))
    mean, log_variance = torch.randn(1, 5).double(), torch.randn(1, 5).double()
    terms = LOSSES[kind](rho, guess, w, mean, log_variance, (2.0, 3.0, 5.0))
    middle = {"paper": terms.fourier, "peak": terms.decibel}[kind]
    torch.testing.assert_close(terms.total, 2 * terms.divergence + 3 * middle + 5 * terms.latent)


@pytest.mark.parametrize(("group", "grid"), GROUPS)
def test_metrics_equal_the_full_cells(group, grid):
    unit, _, truth, estimate = densities(group, grid)
    got = density_metrics(truth, estimate, unit.multiplicity)
    rho, guess = expand_from_au(truth, unit), expand_from_au(estimate, unit)
    rmse = np.sqrt(np.mean((rho - guess) ** 2))
    np.testing.assert_allclose(got["psnr"], 20 * np.log10(rho.max() / rmse), rtol=1e-12)
    np.testing.assert_allclose(got["nmae"], 100 * np.abs(rho - guess).sum() / np.abs(rho).sum(), rtol=1e-12)
    np.testing.assert_allclose(got["rmse"], rmse, rtol=1e-12)
    np.testing.assert_allclose(got["negative"], np.mean(guess < 0), rtol=1e-12)
    np.testing.assert_allclose(got["minimum"], guess.min() / rho.max(), rtol=1e-12)
    assert abs(got["electron_error"]) < 1e-12
    np.testing.assert_allclose(density_metrics(truth, 1.01 * estimate, unit.multiplicity)["electron_error"], 0.01)
    tensors = (torch.tensor(a)[None] for a in (truth, estimate, unit.multiplicity / rho.size))
    np.testing.assert_allclose(-peak_error(*tensors).item(), got["psnr"], rtol=1e-6)


def test_metrics_refuse_what_they_cannot_measure():
    with pytest.raises(ShapeError, match=r"\(2,\), estimate \(3,\)"):
        density_metrics([1, 2], [1, 2, 3], [1, 1])
    with pytest.raises(ShapeError, match="positive"):
        density_metrics([0, 0], [1, 2], [1, 1])
    with pytest.raises(ShapeError, match="no structure"):
        summarize([], ["psnr"])


def test_summary_is_over_structures():
    summary = summarize([{"psnr": float(x)} for x in range(101)], ["psnr"])["psnr"]
    assert summary == {"mean": 50.0, "median": 50.0, "p5": 5.0, "p95": 95.0}
