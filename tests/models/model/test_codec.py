"""The codec: components as PCA's, predictions as a Gaussian process's, choices on crystals it does not know."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import gamma, kv

from symfft import asymmetric_unit
from symfft_models.evaluation.baselines import principal_components
from symfft_models.model.codec import Choice, Codec, Process, components, fit_codec, matern, predicting, square_distance
from symfft_models.model.stars import cell_weights, star_functions

UNIT = asymmetric_unit(221, (12, 12, 12))
WEIGHT = torch.from_numpy(cell_weights(UNIT))
STARS = torch.from_numpy(star_functions(UNIT, 60))


def curve(count, seed=0, bend=1.0):
    """Densities on a surface of three dimensions: two plane-wave sums, and others that depend on them."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(-1, 1, (count, 3))
    waves = STARS[:9].numpy()
    amplitudes = np.stack(
        [t[:, 0], t[:, 1], 0.3 * t[:, 2]]
        + [0.1 * bend * f for f in (t[:, 0] ** 2, t[:, 0] * t[:, 1], np.sin(2 * t[:, 1]), t[:, 2] * t[:, 0])],
        axis=1,
    )
    return torch.from_numpy(1.0 + 0.1 * amplitudes @ waves[:7])


def decibels(codec, values):
    error = codec.decode(codec.encode(values)) - values
    return float((10 * torch.log10(values.amax(1) ** 2 / (error.square() @ WEIGHT))).mean())


def test_without_prediction_it_is_pca():
    values = curve(40)
    codec = predicting(components(values, WEIGHT, 3, STARS, 1.0), values, None)
    pca = principal_components(values.numpy(), cell_weights(UNIT), 3, values.numpy().max(1) ** -2.0)
    np.testing.assert_allclose(codec.decode(codec.encode(values)), pca.reconstruct(values.numpy()), atol=1e-9)
    share = values.amax(1) ** -2.0
    np.testing.assert_allclose((share / share.sum()) @ codec.encode(values).square(), 1.0, rtol=1e-9)


def test_matern_is_the_one_of_the_bessel_function():
    distance = np.array([0.01, 0.3, 1.0, 2.5])
    for length in (0.5, 2.0):
        x = np.sqrt(5.0) * distance / length
        expected = 2 ** (1 - 2.5) / gamma(2.5) * x**2.5 * kv(2.5, x)
        np.testing.assert_allclose(matern(torch.from_numpy(distance**2), length), expected, rtol=1e-6)


def test_square_distance_is_the_mean_over_floats():
    a, b = torch.randn(4, 6, dtype=torch.float64), torch.randn(5, 6, dtype=torch.float64)
    np.testing.assert_allclose(square_distance(a, b), ((a[:, None] - b) ** 2).mean(-1), atol=1e-12)


def test_prediction_is_the_conditional_mean_of_a_joint_gaussian():
    known, unknown = curve(12), curve(3, seed=1)
    process = Process(1.5, 1e-2)
    codec = predicting(components(known, WEIGHT, 3, STARS, 1.0), known, process)
    z = torch.cat([codec.encode(unknown), codec.encode(known)]).numpy()
    square = ((z[:, None] - z) ** 2).mean(-1)
    x = np.sqrt(5 * square) / 1.5
    covariance = (1 + x + x**2 / 3) * np.exp(-x)
    noise = known.numpy().max(1) ** 2
    observed = covariance[3:, 3:] + 1e-2 * np.diag(noise / noise.mean())
    rest = (known.numpy() - codec.mean_n.numpy()) * cell_weights(UNIT) @ codec.basis_cn[3:].numpy().T
    predicted = covariance[:3, 3:] @ np.linalg.inv(observed) @ rest
    pca = predicting(codec, known, None)
    expected = pca.decode(pca.encode(unknown)).numpy() + predicted @ codec.basis_cn[3:].numpy()
    np.testing.assert_allclose(codec.decode(codec.encode(unknown)), expected, atol=1e-7)


def test_a_curved_set_is_predicted_and_a_flat_one_is_not():
    compound = torch.arange(60)
    bent = fit_codec(curve(60), WEIGHT, 3, compound, STARS)
    test = curve(30, seed=5)
    assert bent.chosen.process is not None
    plain = predicting(bent.codec, curve(60), None)
    assert decibels(bent.codec, test) > decibels(plain, test) + 10
    flat = fit_codec(curve(60, bend=0.0), WEIGHT, 3, compound, STARS)
    assert flat.psnr[flat.chosen] < flat.psnr[Choice(1.0, None)] + 0.1


def test_it_never_does_worse_than_its_own_choice_without_prediction():
    noise = 1.0 + 0.05 * torch.from_numpy(np.random.default_rng(0).standard_normal((40, 30))) @ STARS[:30]
    fit = fit_codec(noise, WEIGHT, 8, torch.arange(40), STARS)
    assert fit.psnr[fit.chosen] == max(fit.psnr.values())
    assert fit.psnr[fit.chosen] >= fit.psnr[Choice(1.0, None)]


def test_few_densities_are_filled_up_with_stars():
    values = curve(3)
    codec = components(values, WEIGHT, 20, STARS, 1.0)
    gram = (codec.basis_cn * WEIGHT) @ codec.basis_cn.T
    np.testing.assert_allclose(gram, np.eye(20), atol=1e-9)
    unknown = curve(8, seed=2)
    assert decibels(codec, unknown) > decibels(components(values, WEIGHT, 2, STARS, 1.0), unknown) + 20


def test_cross_validation_keeps_a_compound_on_one_side():
    """With every density present twice under one compound number, copies must not leak into the held-out error."""
    values, compound = curve(16), torch.arange(16)
    choices = [Choice(1.0, None), Choice(1.0, Process(2.0, 1e-2))]
    twice = torch.cat([values, values])
    single = fit_codec(values, WEIGHT, 3, compound, STARS, choices=choices)
    doubled = fit_codec(twice, WEIGHT, 3, compound.repeat(2), STARS, choices=choices)
    assert doubled.psnr[Choice(1.0, None)] == pytest.approx(single.psnr[Choice(1.0, None)], abs=1e-6)
    apart = torch.cat([torch.arange(0, 32, 2), torch.arange(1, 32, 2)])
    leaking = fit_codec(twice, WEIGHT, 3, apart, STARS, choices=choices)
    assert leaking.psnr[choices[1]] > single.psnr[choices[1]] + 3


def test_held_out_error_is_that_of_a_codec_fitted_without_the_density():
    values, compound = curve(24), torch.arange(24)
    choices = [Choice(1.0, Process(2.0, 1e-3))]
    fit = fit_codec(values, WEIGHT, 3, compound, STARS, choices=choices)
    held = compound % 4 == 1
    without = fit_codec(values[~held], WEIGHT, 3, compound[~held], STARS, choices=choices).codec
    plain, expected = predicting(fit.held_out[1], values[~held], None), predicting(without, values[~held], None)
    error = values[held] - expected.decode(expected.encode(values[held]))
    np.testing.assert_allclose(values[held] - plain.decode(plain.encode(values[held])), error, atol=1e-9)
    np.testing.assert_allclose(
        fit.residual_mn[held], values[held] - fit.held_out[1].decode(fit.held_out[1].encode(values[held])), atol=1e-12
    )
    np.testing.assert_array_equal(fit.fold_m[held], 1)


def test_a_held_out_code_means_what_the_code_means():
    values = curve(60)
    fit = fit_codec(values, WEIGHT, 3, torch.arange(60), STARS, choices=[Choice(1.0, Process(4.0, 1e-3))])
    for codec in fit.held_out:
        assert (codec.encode(values) - fit.codec.encode(values)).abs().max() < 0.3


def test_sizes_come_with_the_weights():
    values = curve(20)
    codec = fit_codec(
        values, WEIGHT, 3, torch.arange(20), STARS, choices=[Choice(1.0, Process(2.0, 1e-2))]
    ).codec.float()
    loaded = Codec(WEIGHT.float(), 3)
    loaded.load_state_dict(codec.state_dict())
    assert loaded.anchors_ml.shape == (20, 3)
    z = codec.encode(values.float())
    torch.testing.assert_close(loaded.decode(z), codec.decode(z))
    with pytest.raises(RuntimeError, match="scale_l"):
        Codec(WEIGHT.float(), 4).load_state_dict(codec.state_dict())


def test_stars_pay_where_more_floats_than_knowledge():
    """Densities of a few learned directions and smooth noise: stars beat the last principal components."""
    rng = np.random.default_rng(0)
    fall = torch.from_numpy(0.02 * np.exp(-0.15 * np.arange(60)))

    def made(count):
        smooth = torch.from_numpy(rng.standard_normal((count, 60))) * fall @ STARS
        return curve(count, seed=int(rng.integers(100))) + smooth

    fit = fit_codec(made(40), WEIGHT, 30, torch.arange(40), STARS)
    assert fit.chosen.share < 1
    unknown = made(30)
    assert decibels(fit.codec, unknown) > decibels(components(made(40), WEIGHT, 30, STARS, 1.0), unknown)
    gram = (fit.codec.basis_cn * WEIGHT) @ fit.codec.basis_cn.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-8)
