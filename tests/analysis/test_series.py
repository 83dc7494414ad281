import numpy as np
import pytest
from crystals import CRYSTALS, crystal

import naive_series
from symfft import ShapeError, resample
from symfft.analysis import FourierSeries


@pytest.mark.parametrize("number", CRYSTALS)
def test_values_anywhere_are_the_sum_of_the_series(number):
    density = crystal(number)
    series = FourierSeries(density.values[None], density.lattice)
    points = np.random.default_rng(1).uniform(-2, 2, (40, 3))
    expected = naive_series.evaluate(*naive_series.terms(density.values, density.lattice), points)
    np.testing.assert_allclose(series.at(points)[0], expected, atol=1e-11)


@pytest.mark.parametrize("number", CRYSTALS)
def test_it_is_the_series_that_resample_uses(number):
    density = crystal(number)
    finer = resample(density, tuple(2 * n + 1 for n in density.shape))
    points = np.argwhere(np.random.default_rng(0).random(finer.shape) < 0.02)
    series = FourierSeries(density.values[None], density.lattice)
    np.testing.assert_allclose(series.at(points / finer.shape)[0], finer.values[tuple(points.T)], atol=1e-11)


@pytest.mark.parametrize("number", CRYSTALS)
def test_derivatives_are_those_of_the_sum_of_the_series(number):
    density = crystal(number)
    frequencies, terms = naive_series.terms(density.values, density.lattice)
    inverse = np.linalg.inv(density.lattice)
    points = np.random.default_rng(4).uniform(-1, 1, (7, 3))
    found = FourierSeries(density.values[None], density.lattice).derivatives_at(points)
    wave = frequencies @ inverse.T
    for order, expected in ((0, found.values[0]), (1, found.gradient[0]), (2, found.hessian[0])):
        factor = [np.ones(len(wave)), 2j * np.pi * wave.T, -4 * np.pi**2 * np.einsum("ga,gb->abg", wave, wave)][order]
        phases = np.exp(2j * np.pi * points @ frequencies.T)
        own = np.moveaxis((factor[..., None, :] * phases * terms).sum(axis=-1).real, -1, 0)
        np.testing.assert_allclose(expected, own, atol=1e-10 * max(1.0, np.abs(own).max()))


@pytest.mark.parametrize("number", [2, 166, 227])
@pytest.mark.parametrize("shape", [(4, 5, 3), (9, 12, 16)])
def test_derivatives_on_a_grid_are_those_at_its_points(number, shape):
    density = crystal(number)
    series = FourierSeries(np.stack([density.values, density.values**2]), density.lattice)
    indices = np.argwhere(np.random.default_rng(5).random(shape) < 0.2)
    for one, other in zip(series.derivatives_on(shape, indices), series.derivatives_at(indices / shape), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-10 * np.abs(other).max())


def test_many_points_are_done_in_parts(monkeypatch):
    density = crystal(14)
    series = FourierSeries(density.values[None], density.lattice)
    points = np.random.default_rng(2).random((30, 3))
    whole = series.at(points)
    monkeypatch.setattr("symfft.analysis.series.WORKSPACE", 1)
    np.testing.assert_allclose(series.at(points), whole, atol=1e-13)


@pytest.mark.parametrize("number", [2, 62, 194, 225])
def test_spheres_against_a_radial_quadrature(number):
    density = crystal(number)
    series = FourierSeries(density.values[None], density.lattice)
    centre, radius = np.array([0.13, 0.24, 0.41]), 1.3
    # Gauss points along the radius, a product rule over the angles: converges exponentially for a finite series
    r, wr = np.polynomial.legendre.leggauss(24)
    c, wc = np.polynomial.legendre.leggauss(40)
    phi = 2 * np.pi * np.arange(80) / 80
    rr, cc, pp = np.meshgrid((r + 1) / 2 * radius, c, phi, indexing="ij")
    s = np.sqrt(1 - cc**2)
    cartesian = np.stack([rr * s * np.cos(pp), rr * s * np.sin(pp), rr * cc], axis=-1).reshape(-1, 3)
    weights = (wr[:, None, None] / 2 * radius * rr**2 * wc[None, :, None] * 2 * np.pi / 80).ravel()
    sampled = series.at(centre + cartesian @ np.linalg.inv(density.lattice))[0]
    np.testing.assert_allclose(series.in_spheres([centre], [radius])[0, 0], weights @ sampled, rtol=1e-9)


def test_spheres_of_a_constant_have_their_volume_whatever_the_radius():
    series = FourierSeries(np.full((1, 4, 4, 4), 2.0), 3 * np.eye(3))
    radii = np.array([1e-6, 0.1, 1.0, 5.0])
    found = series.in_spheres(np.zeros((4, 3)), radii)[0]
    np.testing.assert_allclose(found, 2 * 4 / 3 * np.pi * radii**3, rtol=1e-10)


def test_equivalent_spheres_hold_the_same():
    density = crystal(166)
    series = FourierSeries(density.values[None], density.lattice)
    found = series.in_spheres(density.positions, np.full(len(density.numbers), 0.9))[0]
    for number in set(density.numbers.tolist()):
        assert np.ptp(found[density.numbers == number]) < 1e-9


@pytest.mark.parametrize("number", [2, 62, 194, 225])
def test_boxes_add_up(number):
    density = crystal(number)
    series = FourierSeries(density.values[None], density.lattice)
    whole = series.in_box([-0.5, 0.1, 0.0], [0.5, 1.1, 1.0])[0]
    np.testing.assert_allclose(whole, density.electrons, rtol=1e-12)
    left, right = series.in_box([0, 0, 0], [0.37, 1, 0.6])[0], series.in_box([0.37, 0, 0], [1, 1, 0.6])[0]
    np.testing.assert_allclose(left + right, series.in_box([0, 0, 0], [1, 1, 0.6])[0], rtol=1e-12)
    x, w = np.polynomial.legendre.leggauss(24)
    lower, upper = np.array([0.1, 0.2, -0.3]), np.array([0.4, 0.5, 0.2])
    grid = np.stack(np.meshgrid(x, x, x, indexing="ij"), axis=-1).reshape(-1, 3)
    weights = (w[:, None, None] * w[None, :, None] * w).ravel() / 8 * np.prod(upper - lower) * density.volume
    sampled = series.at(lower + (grid + 1) / 2 * (upper - lower))[0]
    np.testing.assert_allclose(series.in_box(lower, upper)[0], weights @ sampled, rtol=1e-9)


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.at([0.0, 0.0, 0.0]),
        lambda s: s.at([[0.0, 0.0, np.nan]]),
        lambda s: s.at([["a", "b", "c"]]),
        lambda s: s.in_spheres([[0, 0, 0]], [0.0]),
        lambda s: s.in_spheres([[0, 0, 0]], [1.0, 2.0]),
        lambda s: s.in_box([0, 0, 0], [1, 0, 1]),
    ],
)
def test_unusable_arguments_are_refused(call):
    series = FourierSeries(np.ones((1, 4, 4, 4)), np.eye(3))
    with pytest.raises(ShapeError):
        call(series)
