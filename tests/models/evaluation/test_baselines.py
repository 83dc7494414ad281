"""Linear codes against FFT low-pass filters and PCA of the full cell."""

from __future__ import annotations

import numpy as np
import pytest

from symfft import (
    asymmetric_unit,
    au_real_dft,
    expand_from_au,
    reduce_to_au,
    symmetrize,
)
from symfft_models.evaluation.baselines import lowest_stars, mean_density, principal_components
from symfft_models.model.representation import half_shift
from symfft_models.model.stars import cell_weights, star_functions


def random_density(group, grid):
    rng = np.random.default_rng(group)
    rho = symmetrize(rng.random((grid, grid, grid)), group)
    unit = asymmetric_unit(group, rho.shape)
    values = reduce_to_au(rho, unit)
    return unit, values / (cell_weights(unit) @ values)


@pytest.mark.parametrize(("group", "grid"), [(221, 10), (225, 12), (227, 16), (198, 10), (216, 12), (212, 12)])
def test_stars_are_orthonormal_and_truncation_is_a_low_pass_filter(group, grid):
    unit, values = random_density(group, grid)
    stars = star_functions(unit, 10_000)
    np.testing.assert_allclose(stars * cell_weights(unit) @ stars.T, np.eye(len(stars)), atol=1e-10)
    h = np.fft.fftfreq(grid, 1 / grid)
    length = h[:, None, None] ** 2 + h[None, :, None] ** 2 + h[None, None, :] ** 2
    spectra = np.abs(np.fft.fftn(expand_from_au(stars, unit), axes=(-3, -2, -1)))
    shells = [np.unique(length[s > 1e-6 * s.max()]) for s in spectra]
    assert all(len(shell) == 1 for shell in shells)
    lengths = np.concatenate(shells)
    assert (np.diff(lengths) >= 0).all()
    for radius in (3.0, 8.0, 11.0):
        keep = int((lengths <= radius).sum())
        cell = expand_from_au(values, unit)
        filtered = np.fft.ifftn(np.where(length <= radius, np.fft.fftn(cell), 0)).real
        got = lowest_stars(unit, keep).reconstruct(values[None])[0]
        np.testing.assert_allclose(expand_from_au(got, unit), filtered, atol=1e-11)


def test_stars_are_the_entries_of_the_real_transform_in_any_group():
    unit = asymmetric_unit(62, (8, 10, 12))
    values = np.random.default_rng(0).random((3, unit.size))
    code = lowest_stars(unit, 17)
    scaled = au_real_dft(values, unit) / np.sqrt(8 * 10 * 12)
    np.testing.assert_allclose(code.encode(values), scaled[:, 1:18], atol=1e-12)
    assert len(star_functions(unit, 10_000)) == unit.size - 1


def test_pca_is_that_of_the_full_cell():
    unit = asymmetric_unit(225, (12, 12, 12))
    values = np.random.default_rng(0).random((9, unit.size))
    code = principal_components(values, cell_weights(unit), 4)
    assert code.basis.shape == (4, unit.size)
    cells = expand_from_au(values, unit).reshape(9, -1)
    mean = cells.mean(0)
    _, _, directions = np.linalg.svd(cells - mean, full_matrices=False)
    expected = mean + (cells - mean) @ directions[:4].T @ directions[:4]
    np.testing.assert_allclose(expand_from_au(code.reconstruct(values), unit).reshape(9, -1), expected, atol=1e-10)


def test_pca_reports_fewer_floats_where_the_data_span_fewer():
    unit = asymmetric_unit(221, (8, 8, 8))
    values = np.random.default_rng(0).random((5, unit.size))
    code = principal_components(values, cell_weights(unit), 128)
    assert len(code.basis) == 4
    np.testing.assert_allclose(code.reconstruct(values), values, atol=1e-10)
    assert mean_density(values, cell_weights(unit)).encode(values).shape == (5, 0)


def test_sample_weights_count_a_density_as_if_repeated():
    unit = asymmetric_unit(221, (8, 8, 8))
    values = np.random.default_rng(0).random((4, unit.size))
    weighted = principal_components(values, cell_weights(unit), 2, np.array([3.0, 1.0, 1.0, 1.0]))
    repeated = principal_components(values[[0, 0, 0, 1, 2, 3]], cell_weights(unit), 2)
    np.testing.assert_allclose(weighted.reconstruct(values), repeated.reconstruct(values), atol=1e-9)


@pytest.mark.parametrize("densities", [3, 40])
@pytest.mark.parametrize("group", [221, 225, 227])
def test_moved_densities_count_as_if_given(densities, group):
    unit = asymmetric_unit(group, (8, 8, 8))
    values = np.random.default_rng(5).random((densities, unit.size))
    share, moved = 1 / np.arange(1.0, densities + 1), half_shift(unit)
    code = principal_components(values, cell_weights(unit), unit.size, share, moved)
    given = np.concatenate([values, values[:, moved]])
    expected = principal_components(given, cell_weights(unit), unit.size, np.concatenate([share, share]))
    np.testing.assert_allclose(code.mean, expected.mean, atol=1e-14)
    assert len(code.basis) == len(expected.basis) == min(2 * densities - 1, unit.size)
    np.testing.assert_allclose(code.basis * code.weight @ code.basis.T, np.eye(len(code.basis)), atol=1e-12)
    for count in (1, 2, len(code.basis)):
        found, same = code.truncated(count).reconstruct(given), expected.truncated(count).reconstruct(given)
        np.testing.assert_allclose(found, same, atol=1e-10)
