"""The envelope transform: its definition, round trips for all groups, and the source paper's identity."""

import numpy as np
import pytest
from every import every
from hypothesis import given
from hypothesis import strategies as st

import naive
from strategies import densities
from symfft import (
    ShapeError,
    SpaceGroup,
    asymmetric_unit,
    au_dct,
    au_idct,
    expand_from_au,
    next_compatible_shape,
    reduce_to_au,
    symmetrize,
)


@given(densities(largest=9), st.tuples(*[st.integers(0, 3)] * 3))
def test_the_definition(case, padding):
    group, rho = case
    au = asymmetric_unit(group, rho.shape)
    values = reduce_to_au(rho, au, tolerance=1e-12)
    envelope = tuple(b + p for b, p in zip(au.brick_shape, padding))
    padded = np.zeros(envelope)
    corner = np.array(au.brick_origin)
    for index, value, count in zip(au.indices, values, au.repetition_count):
        padded[tuple((index - corner) % au.shape)] = value / count
    coefficients = au_dct(values, au, shape=envelope)
    assert coefficients.shape == envelope
    scale = np.abs(padded).max()
    np.testing.assert_allclose(coefficients, naive.dct2(padded), rtol=0, atol=1e-13 * scale * np.sqrt(padded.size))
    assert np.linalg.norm(coefficients) == pytest.approx(np.linalg.norm(padded), rel=1e-12)


@every("number", range(1, 231))
def test_round_trips_of_every_group(number):
    group = SpaceGroup.from_number(number)
    shape = next_compatible_shape(group, (13, 14, 15))
    rho = symmetrize(np.random.default_rng(number).standard_normal(shape), group)
    au = asymmetric_unit(group, shape)
    values = reduce_to_au(rho, au, tolerance=1e-12)
    for envelope in (None, tuple(b + 5 for b in au.brick_shape)):
        again = expand_from_au(au_idct(au_dct(values, au, shape=envelope), au), au)
        assert np.abs(again - rho).max() < 1e-12 * np.abs(rho).max()


@given(densities(largest=8))
def test_the_papers_identity(case):
    """The DFT of the cell from the asymmetric unit alone: rho(h) = Σ_j exp(-2πi h·w_j) rho_1(W_jᵀ h)."""
    group, rho = case
    au = asymmetric_unit(group, rho.shape)
    n = np.array(au.shape)
    alone = np.zeros(au.shape)
    alone[tuple(au.indices.T)] = reduce_to_au(rho, au, tolerance=1e-12) / au.repetition_count
    rho_1 = np.fft.fftn(alone)
    h = np.stack(np.meshgrid(*(np.arange(k) for k in au.shape), indexing="ij"), axis=-1)
    total = np.zeros(au.shape, dtype=complex)
    for w, t in zip(group.rotations, group.translations):
        total += np.exp(-2j * np.pi * (h @ t.astype(float))) * rho_1[tuple(np.moveaxis(h @ w % n, -1, 0))]
    full = np.fft.fftn(rho)
    np.testing.assert_allclose(total, full, rtol=0, atol=1e-12 * max(np.abs(full).max(), np.abs(rho).max()))


@pytest.mark.parametrize("number", [1, 14, 62, 166, 194, 225, 227])
def test_single_precision_and_batches(number):
    au = asymmetric_unit(number, next_compatible_shape(number, (8, 8, 8)))
    values = np.random.default_rng(0).random((3, 2, au.size))
    wide = au_dct(values, au)
    narrow = au_dct(values.astype(np.float32), au)
    assert narrow.dtype == np.float32
    assert wide.shape == (3, 2, *au.brick_shape)
    np.testing.assert_allclose(narrow, wide, rtol=0, atol=1e-5)
    np.testing.assert_allclose(wide[1, 1], au_dct(values[1, 1], au), rtol=0, atol=1e-14)
    assert au_idct(narrow, au).dtype == np.float32


def test_wrong_shapes_are_refused():
    au = asymmetric_unit(225, (8, 8, 8))
    for call in (
        lambda: au_dct(np.ones(au.size + 1), au),
        lambda: au_dct(np.ones(au.size), au, shape=(4, 3, 3)),
        lambda: au_dct(np.ones(au.size), au, shape=(8, 8)),
        lambda: au_dct(np.ones(au.size, dtype=complex), au),
        lambda: au_idct(np.ones((5, 3, 2)), au),
        lambda: au_idct(np.ones((5, 3)), au),
    ):
        with pytest.raises(ShapeError):
            call()
