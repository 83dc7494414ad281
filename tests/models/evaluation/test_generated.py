"""Statistics of densities against closed forms and the full cell; comparisons of sets whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic import synthetic_entries
from train_job import TINY

from symfft import asymmetric_unit, expand_from_au, reduce_to_au
from symfft_models.evaluation import generated
from symfft_models.evaluation.generated import (
    RADII,
    SHELLS,
    compare,
    compare_generated,
    describe,
    distances_among,
    half_radius,
    nearest_distances,
)
from symfft_models.model.config import load_config
from symfft_models.model.density_table import grids_of, tabulate
from symfft_models.model.vae import DensityVAE, fit_statistics
from symfft_models.sampling.prior import LatentPrior


def test_statistics_of_a_wave_are_its_closed_forms():
    """rho = c + b (cos x + cos y + cos z) in a cubic cell: mean, extrema, gradient and spectrum by hand."""
    unit, a, c, b = asymmetric_unit(221, (16, 16, 16)), 4.7, 2.0, 0.3
    phase = 2 * np.pi * unit.indices / 16
    found = describe((c + b * np.cos(phase).sum(1))[None], unit, [a])
    assert found["electrons"][0] == pytest.approx(c * a**3)
    assert found["maximum"][0] == pytest.approx(c + 3 * b)
    assert found["minimum"][0] == pytest.approx(c - 3 * b)
    assert found["gradient_norm"][0] == pytest.approx(b * 2 * np.pi / a * np.sqrt(1.5))
    assert found["spectrum"][0, np.searchsorted(SHELLS, 1 / a) - 1] == pytest.approx(1.0)
    assert found["spectrum"].sum() == pytest.approx(1.0)


def test_statistics_of_a_density_are_those_of_its_full_cell():
    entry = next(e for e in synthetic_entries("test", 1, 70) if e.prototype == "fluorite")
    unit, a = entry.au(), entry.lattice[0, 0]
    rho = expand_from_au(entry.values.astype(np.float64), unit)
    found = describe(entry.values[None].astype(np.float64), unit, [a])
    frequency = 2 * np.pi * np.fft.fftfreq(16, a / 16)
    waves = np.fft.fftn(rho)
    square = sum(
        np.abs(np.fft.ifftn(waves * frequency.reshape([-1 if k == axis else 1 for k in range(3)]))) ** 2
        for axis in range(3)
    )
    assert found["gradient_norm"][0] == pytest.approx(np.sqrt(square.mean()), rel=1e-6)
    falling = np.sort(rho.ravel())[::-1]
    share = 100 * np.searchsorted(np.cumsum(falling), falling.sum() / 2) / rho.size
    assert found["half_volume"][0] == pytest.approx(share, abs=100 / rho.size)
    assert found["electrons"][0] == pytest.approx(entry.electrons, rel=1e-6)


@pytest.mark.parametrize("place", [(0, 0, 0), (0.5, 0.5, 0.5)])
def test_profile_of_a_gaussian_is_a_gaussian(place):
    unit, a, width = asymmetric_unit(221, (48, 48, 48)), 6.0, 0.5
    points = np.stack(np.meshgrid(*[np.arange(48) / 48] * 3, indexing="ij"), axis=-1) - np.array(place)
    rho = np.exp(-((a * (points - np.round(points))) ** 2).sum(-1) / (2 * width**2))
    found = describe(reduce_to_au(rho, unit)[None], unit, [a])
    middle = (RADII[:-1] + RADII[1:]) / 2
    known = np.isfinite(found["profile"][0]) & (middle > 0.3)
    np.testing.assert_allclose(found["profile"][0][known], np.exp(-(middle[known] ** 2) / (2 * width**2)), atol=0.03)
    assert found["peak_radius"][0] == pytest.approx(width * np.sqrt(2 * np.log(2)), abs=0.03)


def test_half_radius_goes_between_shells_and_over_empty_ones():
    profile = np.full(len(RADII) - 1, 0.1)
    profile[:3] = np.nan, 0.9, np.nan
    middle = (RADII[:-1] + RADII[1:]) / 2
    assert half_radius(profile) == pytest.approx(middle[1] + (middle[3] - middle[1]) * 0.4 / 0.8)
    assert half_radius(np.ones(len(RADII) - 1)) == RADII[-1]


def test_nearest_is_the_nearest():
    rng = np.random.default_rng(0)
    known, weight = rng.random((5, 30)), np.full(30, 1 / 30)
    distance, best = nearest_distances(known[[3, 1]] + 0.01, known, weight)
    assert best.tolist() == [3, 1]
    np.testing.assert_allclose(distance, 1.0)


def test_distances_among_leave_out_the_density_itself_in_both_origins():
    rng = np.random.default_rng(0)
    shapes, shift, weight = rng.random((4, 30)), rng.permutation(30), np.full(30, 1 / 30)
    found = distances_among(shapes, shift, weight)
    for row, shape in enumerate(shapes):
        others = np.delete(shapes, row, axis=0)
        expected = min(100 * np.abs(images - shape).mean(1).min() for images in (others, others[:, shift]))
        assert found[row] == pytest.approx(expected)


def test_equal_samples_are_told_from_different_ones():
    rng = np.random.default_rng(0)
    same, other = (
        compare(rng.normal(size=200), rng.normal(size=200)),
        compare(rng.normal(1, 1, 200), rng.normal(size=200)),
    )
    assert same["p"] > 0.01 > other["p"]
    assert other["ks"] > 3 * same["ks"]


@pytest.fixture(scope="module")
def fitted():
    train, test = synthetic_entries("train", 6), synthetic_entries("test", 2, 70)
    model = DensityVAE(load_config("demo", [*TINY, "model.codec=true"]), grids_of(train)).eval()
    tables = tabulate(train, model.representation), tabulate(test, model.representation)
    fit_statistics(model, tables[0])
    return model, *tables


def test_a_report_counts_and_compares(fitted):
    model, train, test = fitted
    report = compare_generated(model, train, test, model.config.sample, 6)
    assert set(report) == {"221", "225", "227"}
    for group in report.values():
        assert (group["draws"], group["latent"]) == (6, 10)
        assert group["failures"]["not_finite"] == 0
        assert 0 <= group["too_near"] <= 1
        assert group["nearest"]["generated_to_training"]["smallest"] > 0
        assert set(group["scalars"]) == set(generated.SCALARS)
    assert compare_generated(model, train, test, model.config.sample, 6) == report


def test_copies_of_training_densities_are_found_too_near(fitted, monkeypatch):
    model, train, test = fitted
    monkeypatch.setattr(LatentPrior, "draw", lambda self, *_: generation_draw(self))
    for group in compare_generated(model, train, test, model.config.sample, 2).values():
        assert group["too_near"] == 1.0
        assert group["nearest"]["among_generated"]["largest"] == pytest.approx(0, abs=1e-3)


def generation_draw(prior):
    from symfft_models.sampling.prior import Draw

    return Draw(prior.points[0], prior.prototypes[0], prior.rows[0])


def test_broken_densities_are_counted_not_dropped(fitted, monkeypatch):
    model, train, test = fitted
    original = generated.decode_draws

    def broken(model, index, draws):
        return [broken_one(*made) for made in original(model, index, draws)]

    def broken_one(values, a, electrons):
        calls.append(1)
        if len(calls) % 3 == 0:
            return np.full_like(values, np.nan), a, electrons
        if len(calls) % 3 == 1:
            return np.where(values == values.min(), -values.max(), values), a, electrons
        return np.abs(values), a, electrons

    calls: list[int] = []
    monkeypatch.setattr(generated, "decode_draws", broken)
    report = compare_generated(model, train, test, replace(model.config.sample, temperature=0.0), 6)
    for group in report.values():
        assert group["failures"] == {"not_finite": 2, "negative": 2}
    monkeypatch.setattr(
        generated,
        "decode_draws",
        lambda m, i, draws: [(np.full(m.representation.units[i].size, np.nan), 1.0, 1.0)] * len(draws),
    )
    assert compare_generated(model, train, test, model.config.sample, 3)["221"]["failures"] == {"not_finite": 3}
