"""Linear codes against FFT low-pass filters and PCA of the full cell."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import synthetic_entries

from symfft import (
    SpaceGroup,
    asymmetric_unit,
    au_real_dft,
    check_symmetry,
    expand_from_au,
    reduce_to_au,
    symmetrize,
)
from symfft_models import linear
from symfft_models.baselines import lowest_stars, mean_density, principal_components, star_functions, weights
from symfft_models.linear import (
    WIDTHS,
    atom_functions,
    distinct_orbits,
    falling_spectrum,
    fit_linear,
    orthonormal_rows,
    shrunk_components,
)
from symfft_models.metrics import density_metrics


def random_density(group, grid):
    rng = np.random.default_rng(group)
    rho = symmetrize(rng.random((grid, grid, grid)), group)
    unit = asymmetric_unit(group, rho.shape)
    values = reduce_to_au(rho, unit)
    return unit, values / (weights(unit) @ values)


@pytest.mark.parametrize(("group", "grid"), [(221, 10), (225, 12), (227, 16), (198, 10), (216, 12), (212, 12)])
def test_stars_are_orthonormal_and_truncation_is_a_low_pass_filter(group, grid):
    unit, values = random_density(group, grid)
    stars = star_functions(unit, 10_000)
    np.testing.assert_allclose(stars * weights(unit) @ stars.T, np.eye(len(stars)), atol=1e-10)
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
    code = principal_components(values, weights(unit), 4)
    assert code.basis.shape == (4, unit.size)
    cells = expand_from_au(values, unit).reshape(9, -1)
    mean = cells.mean(0)
    _, _, directions = np.linalg.svd(cells - mean, full_matrices=False)
    expected = mean + (cells - mean) @ directions[:4].T @ directions[:4]
    np.testing.assert_allclose(expand_from_au(code.reconstruct(values), unit).reshape(9, -1), expected, atol=1e-10)


def test_pca_reports_fewer_floats_where_the_data_span_fewer():
    unit = asymmetric_unit(221, (8, 8, 8))
    values = np.random.default_rng(0).random((5, unit.size))
    code = principal_components(values, weights(unit), 128)
    assert len(code.basis) == 4
    np.testing.assert_allclose(code.reconstruct(values), values, atol=1e-10)
    assert mean_density(values, weights(unit)).encode(values).shape == (5, 0)


def test_sample_weights_count_a_density_as_if_repeated():
    unit = asymmetric_unit(221, (8, 8, 8))
    values = np.random.default_rng(0).random((4, unit.size))
    weighted = principal_components(values, weights(unit), 2, np.array([3.0, 1.0, 1.0, 1.0]))
    repeated = principal_components(values[[0, 0, 0, 1, 2, 3]], weights(unit), 2)
    np.testing.assert_allclose(weighted.reconstruct(values), repeated.reconstruct(values), atol=1e-9)


def table(prototypes=("CsCl", "perovskite"), each=10):
    entries = [e for e in synthetic_entries("train", each) if e.prototype in prototypes]
    unit = asymmetric_unit(entries[0].space_group, entries[0].shape)
    values = np.stack([e.values for e in entries]).astype(np.float64)
    positions = [site.position for entry in entries for site in entry.sites]
    return unit, values / (values @ weights(unit))[:, None], np.arange(len(entries)), positions


def test_positions_of_one_orbit_count_once():
    group = SpaceGroup.from_number(221)
    found = distinct_orbits(group, [(0, 0, 0), (1, 0, -1), (0.5, 0.5, 0), (0, 0.5, 0.5), (0.2, 0, 0), (0, 0, 0.802)])
    assert [len(orbit) for orbit in found] == [1, 3, 6]
    assert len(distinct_orbits(group, [(0.2, 0, 0), (0.23, 0, 0)])) == 2
    assert sorted(map(tuple, found[1])) == [(0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0)]


def test_atoms_are_symmetric_gaussians_on_every_image():
    unit = asymmetric_unit(227, (16, 16, 16))
    got = expand_from_au(atom_functions(unit, [(1 / 8, 1 / 8, 1 / 8)])[4], unit)
    points = np.stack(np.meshgrid(*[np.arange(16) / 16] * 3, indexing="ij"), axis=-1)
    basis = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    expected = np.zeros((16, 16, 16))
    for origin in ((1 / 8,) * 3, (7 / 8,) * 3):
        for centring in basis:
            offset = points - np.array(origin) - np.array(centring)
            expected += np.exp(-((offset - np.round(offset)) ** 2).sum(-1) / (2 * WIDTHS[4] ** 2))
    np.testing.assert_allclose(got, expected, atol=1e-12)
    assert check_symmetry(got, 227).is_symmetric(1e-12)


def test_spectrum_falls_and_keeps_one_that_falls_already():
    falling = np.exp(-np.arange(20.0))
    np.testing.assert_allclose(falling_spectrum(falling), falling, rtol=1e-4)
    rng = np.random.default_rng(0)
    assert (np.diff(falling_spectrum(rng.random(50))) < 0).all()


def test_shrinkage_runs_from_pca_to_stars():
    unit, values, _, positions = table()
    root = np.sqrt(weights(unit))
    data, peak, count = (values - 1) * root, values.max(1), 6
    stars, atoms = star_functions(unit, 60) * root, orthonormal_rows(atom_functions(unit, positions) * root)
    mean, basis = shrunk_components(data, peak, stars, atoms, count, 1e-12, 0.5)
    pca = principal_components(values, weights(unit), count, 1 / peak**2)
    got = mean + (data - mean) @ basis.T @ basis
    np.testing.assert_allclose(got, (pca.reconstruct(values) - 1) * root, atol=1e-6)
    _, basis = shrunk_components(data, peak, stars, atoms, count, 1.0, 0.0)
    np.testing.assert_allclose(np.linalg.svd(basis @ stars[:count].T)[1], 1.0, atol=1e-9)
    _, basis = shrunk_components(data, peak, stars, atoms, len(atoms), 1.0, 1.0)
    np.testing.assert_allclose(np.linalg.svd(basis @ atoms.T)[1], 1.0, atol=1e-9)


def test_linear_path_beats_pca_and_stars_where_densities_are_few():
    unit, values, compound, positions = table(each=14)
    train, test = np.r_[0:4, 14:18], np.r_[4:14, 18:28]
    fit = fit_linear(values[train], unit, 24, compound[train], positions)

    def psnr(code):
        pairs = zip(values[test], code.reconstruct(values[test]), strict=True)
        return np.mean([density_metrics(t, g, unit.multiplicity)["psnr"] for t, g in pairs])

    assert len(fit.code.basis) == 24
    np.testing.assert_allclose(fit.code.basis * weights(unit) @ fit.code.basis.T, np.eye(24), atol=1e-9)
    assert psnr(fit.code) > psnr(principal_components(values[train], weights(unit), 24, 1 / values[train].max(1) ** 2))
    assert psnr(fit.code) > psnr(lowest_stars(unit, 24))
    assert fit.psnr[fit.chosen] == max(fit.psnr.values())


def test_cross_validation_keeps_a_compound_in_one_fold():
    """With every density present twice under one compound number, copies must not leak into the held-out error."""
    unit, values, compound, positions = table(each=6)
    doubled = fit_linear(np.concatenate([values, values]), unit, 8, np.concatenate([compound, compound]), positions)
    single = fit_linear(values, unit, 8, compound, positions)
    assert doubled.chosen == single.chosen
    np.testing.assert_allclose(doubled.residual[: len(values)], single.residual, atol=1e-6)


def test_held_out_error_is_that_of_a_code_fitted_without_the_density(monkeypatch):
    monkeypatch.setattr(linear, "SHRINKAGES", (0.1,))
    monkeypatch.setattr(linear, "ATOM_SHARES", (0.9,))
    unit, values, compound, positions = table(each=6)
    held = compound % 4 == 1
    fit = fit_linear(values, unit, 8, compound, positions)
    without = fit_linear(values[~held], unit, 8, compound[~held], positions)
    error = values[held] - without.code.reconstruct(values[held])
    assert np.abs(error).max() > 1e-3
    np.testing.assert_allclose(fit.residual[held], error, atol=1e-6)
