"""The exact transform against NumPy's FFT of the full cell: every group, every setting, every way to call it."""

import gemmi
import numpy as np
import pytest
from every import every
from hypothesis import given
from hypothesis import strategies as st

import strategies
from symfft import (
    ShapeError,
    SpaceGroup,
    asymmetric_unit,
    au_dft,
    au_idft,
    expand_from_au,
    next_compatible_shape,
    structure_factors,
)

SETTINGS = [entry.xhm() for entry in gemmi.spacegroup_table()]
#: Beside (8, 8, 8), on which every setting is, the reference settings among them.
WANTED = [(12, 12, 12), (7, 9, 10)]


def case(group, wanted, dtype=np.float64):
    au = asymmetric_unit(group, next_compatible_shape(group, wanted))
    values = np.random.default_rng(au.size).standard_normal((2, au.size)).astype(dtype)
    return au, values, np.fft.fftn(expand_from_au(values.astype(np.float64), au), axes=(1, 2, 3))


def check(group, wanted):
    au, values, full = case(group, wanted)
    expected = full[(slice(None), *au.hkl.T)]
    f = au_dft(values, au)
    assert np.abs(f - expected).max() < 1e-13 * np.abs(full).max()
    assert np.abs(au_idft(f, au) - values).max() < 1e-13 * np.abs(values).max()
    grid = np.moveaxis(np.indices(au.shape), 0, -1)
    assert np.abs(structure_factors(f, au, grid) - full).max() < 1e-13 * np.abs(full).max()
    assert au.hkl_multiplicity.sum() == (np.abs(full[0]) > 1e-11 * np.abs(full).max()).sum()
    centric = au.fourier.reflections.centric >= 0
    assert 2 * len(au.hkl) - centric.sum() == au.size


@pytest.mark.parametrize("wanted", WANTED, ids=str)
@every("number", range(1, 231))
def test_every_group_equals_the_full_transform(number, wanted):
    check(SpaceGroup.from_number(number), wanted)


@every("symbol", SETTINGS)
def test_every_setting_equals_the_full_transform(symbol):
    check(SpaceGroup.from_symbol(symbol), (8, 8, 8))


@given(strategies.grids())
def test_any_setting_on_any_grid(grid):
    check(*grid)


@pytest.mark.parametrize("number", [1, 2, 14, 19, 62, 141, 148, 152, 167, 180, 194, 198, 205, 216, 220, 225, 227, 230])
def test_float32_in_float32_out(number):
    au, values, full = case(SpaceGroup.from_number(number), (16, 16, 16), np.float32)
    f = au_dft(values, au)
    back = au_idft(f, au)
    assert (f.dtype, back.dtype) == (np.complex64, np.float32)
    assert np.abs(f - full[(slice(None), *au.hkl.T)]).max() < 2e-6 * np.abs(full).max()
    assert np.abs(back - values).max() < 5e-6 * np.abs(values).max()


@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
def test_norms_are_those_of_numpy(norm):
    au, values, _ = case(SpaceGroup.from_number(62), (8, 10, 12))
    full = np.fft.fftn(expand_from_au(values, au), axes=(1, 2, 3), norm=norm)
    f = au_dft(values, au, norm=norm)
    np.testing.assert_allclose(f, full[(slice(None), *au.hkl.T)], rtol=0, atol=1e-13 * np.abs(full).max())
    np.testing.assert_allclose(au_idft(f, au, norm=norm), values, rtol=0, atol=1e-13)


@given(strategies.grids(10), st.integers(0, 2**32 - 1))
def test_the_inverse_projects_what_no_symmetric_density_has(grid, seed):
    """For any coefficients: v_k = 1/(N m_k) Σ_h mult_h Re(conj T_hk F_h), T the matrix of the transform."""
    au = asymmetric_unit(*grid)
    rng = np.random.default_rng(seed)
    g = rng.standard_normal(len(au.hkl)) + 1j * rng.standard_normal(len(au.hkl))
    matrix = au_dft(np.eye(au.size), au).T
    points = np.prod(au.shape)
    expected = (matrix.conj().T @ (au.hkl_multiplicity * g)).real / (points * au.multiplicity)
    np.testing.assert_allclose(au_idft(g, au), expected, rtol=0, atol=1e-12)


@given(strategies.grids(10), st.integers(0, 2**32 - 1))
def test_parseval(grid, seed):
    au = asymmetric_unit(*grid)
    values = np.random.default_rng(seed).standard_normal(au.size)
    cell = (au.multiplicity * values**2).sum()
    reciprocal = (au.hkl_multiplicity * np.abs(au_dft(values, au)) ** 2).sum() / np.prod(au.shape)
    assert reciprocal == pytest.approx(cell, rel=1e-12)


@pytest.mark.parametrize("number", [1, 14, 225])
@pytest.mark.parametrize("workers", [1, 2, 7, -1])
def test_batches_and_threads_change_nothing(number, workers):
    au = asymmetric_unit(number, (8, 8, 8))
    values = np.random.default_rng(0).standard_normal((2, 3, au.size))
    one_by_one = np.array([[au_dft(v, au) for v in row] for row in values])
    together = au_dft(values, au, workers=workers)
    assert together.shape == (2, 3, len(au.hkl))
    np.testing.assert_allclose(together, one_by_one, rtol=0, atol=1e-12)
    np.testing.assert_allclose(au_idft(together, au, workers=workers), values, rtol=0, atol=1e-13)
    assert au_dft(values[:0], au, workers=workers).shape == (0, 3, len(au.hkl))


def test_the_input_is_left_alone():
    au = asymmetric_unit(62, (8, 8, 8))
    values = np.random.default_rng(0).standard_normal(au.size)
    before = values.copy()
    f = au_dft(values, au)
    kept = f.copy()
    au_idft(f, au)
    assert np.array_equal(values, before)
    assert np.array_equal(f, kept)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda au: au_dft(np.zeros(3), au), "au.size"),
        (lambda au: au_idft(np.zeros(3), au), "one coefficient for each of au.hkl"),
        (lambda au: au_dft(np.zeros(au.size), au, norm="sideways"), "'backward', 'ortho' or 'forward'"),
        (lambda au: au_dft(np.zeros(au.size), au, workers=0), "positive number of threads"),
        (lambda au: au_dft(np.zeros(au.size, complex), au), "not real"),
        (lambda au: structure_factors(np.zeros(len(au.hkl)), au, [[0.5, 0, 0]]), "integers"),
    ],
)
def test_what_cannot_be_used_is_named(call, message):
    with pytest.raises(ShapeError, match=message):
        call(asymmetric_unit(221, (8, 8, 8)))


@pytest.mark.parametrize("number", [1, 14, 62, 194, 198, 225])
@pytest.mark.parametrize("workers", [None, 2])
@pytest.mark.parametrize("norm", ["backward", "ortho"])
def test_results_go_where_they_are_told(number, workers, norm):
    au = asymmetric_unit(number, (12, 12, 12))
    values = np.random.default_rng(number).standard_normal((3, au.size))
    f = np.full((3, len(au.hkl)), np.nan + 0j)
    assert au_dft(values, au, norm=norm, workers=workers, out=f) is f
    np.testing.assert_array_equal(f, au_dft(values, au, norm=norm))
    back = np.full(values.shape, np.nan)
    assert au_idft(f, au, norm=norm, workers=workers, out=back) is back
    np.testing.assert_allclose(back, values, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    "out",
    [
        np.empty(13, dtype=complex),
        np.empty(14, dtype=np.complex64),
        np.empty((14, 2), dtype=complex)[:, 0],
        np.empty(14 * 16 + 1, dtype=np.uint8)[1:].view(complex),
        [0j] * 14,
    ],
)
def test_an_unusable_place_is_an_error(out):
    au = asymmetric_unit(225, (8, 8, 8))
    with pytest.raises(ShapeError, match="C-contiguous"):
        au_dft(np.zeros(au.size), au, out=out)
