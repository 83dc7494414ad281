"""Symmetry reports: residuals, grids that break a group, and magnetisations that change sign."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive
from symfft import (
    NotSymmetricError,
    ShapeError,
    SpaceGroup,
    asymmetric_unit,
    check_symmetry,
    next_compatible_shape,
    reduce_to_au,
    symmetrize,
)


def test_residuals_against_the_definition():
    group = SpaceGroup.from_number(62)
    rho = np.random.default_rng(0).random((4, 6, 8))
    report = check_symmetry(rho, group)
    n = np.array(rho.shape)
    grid = np.stack(np.meshgrid(*map(np.arange, rho.shape), indexing="ij"), axis=-1)
    for w, t, operator in zip(group.rotations, group.translations, report.operators):
        moved = (grid @ w.T + np.array([int(v * k) for v, k in zip(t, n)])) % n
        image = rho[tuple(np.moveaxis(moved, -1, 0))]
        even, odd = np.abs(image - rho).max() / rho.max(), np.abs(image + rho).max() / rho.max()
        assert operator.even == pytest.approx(even, abs=1e-15)
        assert operator.residual == pytest.approx(min(even, odd), abs=1e-15)
        assert operator.sign == (1 if even <= odd else -1)
    assert report.fits
    assert not report.is_symmetric(0.1)
    assert report.largest_residual == max(o.even for o in report.operators)
    assert report.largest_signed_residual == max(o.residual for o in report.operators)


def test_operators_that_do_not_fit_the_grid_are_told_apart():
    fcc = 2.7 * (np.ones((3, 3)) - np.eye(3))
    silicon = SpaceGroup.from_structure(fcc, [[0, 0, 0], [0.25, 0.25, 0.25]], [14, 14])
    report = check_symmetry(np.ones((15, 15, 15)), silicon)
    assert not report.fits
    assert sum(o.fits for o in report.operators) == 24
    assert all(o.residual == 0 for o in report.operators if o.fits)
    assert not report.is_symmetric(1.0)
    assert json.loads(json.dumps(report.to_dict()))["fits"] is False


@pytest.mark.parametrize("number", [2, 14, 62, 136, 166, 194, 225, 227])
def test_an_antiferromagnet_is_recognised_and_kept(number):
    """Give the operators of a subgroup of index two the sign +1, the others -1."""
    group = SpaceGroup.from_number(number)
    signs = np.array([round(np.linalg.det(w)) for w in group.rotations])
    moment = symmetrize(np.random.default_rng(0).standard_normal((12, 12, 12)), group, signs=signs)
    assert np.abs(moment).max() > 0.01
    report = check_symmetry(moment, group)
    assert report.signs == tuple(signs)
    assert report.largest_signed_residual < 1e-13
    assert report.largest_residual > 1
    assert not report.is_symmetric(1e-3)
    np.testing.assert_allclose(symmetrize(moment, group, signs=report.signs), moment, rtol=0, atol=1e-14)
    assert np.abs(symmetrize(moment, group)).max() < 1e-14


def test_an_odd_density_is_not_symmetric():
    wave = np.broadcast_to(np.sin(2 * np.pi * np.arange(8) / 8), (8, 8, 8))
    report = check_symmetry(wave, "P -1")
    assert report.largest_residual == pytest.approx(2)
    assert report.to_dict()["largest_residual"] == report.largest_residual
    assert report.largest_signed_residual < 1e-15
    assert not report.is_symmetric(1.0)


@pytest.mark.parametrize("number", [1, 2, 14, 62, 91, 136, 166, 194, 198, 225, 227, 230])
@pytest.mark.parametrize("noise", [0.0, 1e-9, 0.1, 3.0])
def test_every_operator_against_its_image(number, noise):
    """Symmetric but for noise, which few orbits decide on; with one operator broken; without any symmetry."""
    group = SpaceGroup.from_number(number)
    shape = next_compatible_shape(group, (6, 7, 8))
    random = np.random.default_rng(number)
    rho = symmetrize(random.standard_normal(shape), group) + noise * random.standard_normal(shape)
    kept = SpaceGroup.from_operators(group.rotations[:1], group.translations[:1]) if noise == 0.1 else group
    rho = symmetrize(rho, kept)
    report = check_symmetry(rho, group)
    scale = np.abs(rho).max()
    for operator, image in zip(report.operators, naive.images(rho, group), strict=True):
        even, odd = np.abs(image - rho).max() / scale, np.abs(image + rho).max() / scale
        assert operator.even == pytest.approx(even, abs=1e-15)
        assert operator.residual == pytest.approx(min(even, odd), abs=1e-15)
        assert operator.sign == (1 if even <= odd else -1)


@given(st.sampled_from([2, 14, 62, 136, 194, 225, 227]), st.floats(1e-6, 1), st.integers(0, 99))
def test_reduction_and_the_report_agree_on_one_tolerance(number, noise, seed):
    group = SpaceGroup.from_number(number)
    random = np.random.default_rng(seed)
    rho = symmetrize(random.random((12, 12, 12)), group) + noise * random.standard_normal((12, 12, 12))
    au, residual = asymmetric_unit(group, rho.shape), check_symmetry(rho, group).largest_residual
    reduce_to_au(rho, au, tolerance=residual * (1 + 1e-14))
    with pytest.raises(NotSymmetricError):
        reduce_to_au(rho, au, tolerance=residual * (1 - 1e-14))


def test_signs_must_be_a_character():
    group = SpaceGroup.from_number(62)
    rho = np.random.default_rng(0).random((4, 4, 4))
    with pytest.raises(NotSymmetricError, match="one-dimensional representation"):
        symmetrize(rho, group, signs=[1, 1, 1, -1, 1, 1, 1, 1])
    with pytest.raises(NotSymmetricError, match="one-dimensional representation"):
        symmetrize(rho, group, signs=[-1] * 8)
    for signs in ([1, -1], [1, 1, 1], [1] * 7 + [2], [0] * 8, [[1] * 8]):
        with pytest.raises(ShapeError, match="8 values"):
            symmetrize(rho, group, signs=signs)


def test_batches_are_symmetrised_with_signs():
    group = SpaceGroup.from_number(14)
    rho = np.random.default_rng(0).random((2, 4, 4, 4)).astype(np.float32)
    both = symmetrize(rho, group, signs=[1, -1, 1, -1])
    assert both.dtype == np.float32
    np.testing.assert_array_equal(both[1], symmetrize(rho[1], group, signs=[1, -1, 1, -1]))


def test_unusable_densities():
    for rho in (np.ones((2, 4, 4, 4)), np.full((4, 4, 4), np.nan), np.ones((4, 4)), np.ones((4, 4, 4), dtype=complex)):
        with pytest.raises(ShapeError):
            check_symmetry(rho, 2)


def test_an_empty_density_is_symmetric():
    assert check_symmetry(np.zeros((4, 4, 4)), 225).is_symmetric(0.0)
