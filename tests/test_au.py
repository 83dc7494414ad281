"""Orbits, bricks, reduction and expansion: naive definitions, Burnside's lemma, and gemmi as an outside oracle."""

from itertools import product

import gemmi
import numpy as np
import pytest
from every import every
from hypothesis import given

import naive
from strategies import SETTINGS, densities, grids
from symfft import (
    NotSymmetricError,
    ShapeError,
    SpaceGroup,
    asymmetric_unit,
    expand_from_au,
    next_compatible_shape,
    reduce_to_au,
    symmetrize,
)


def assert_laws(au):
    labels, n = au.labels, au.size
    assert labels.min() == 0
    assert labels.max() == n - 1
    assert (np.bincount(labels.reshape(-1), minlength=n) == au.multiplicity).all()
    assert au.multiplicity.sum() == np.prod(au.shape)
    assert (au.repetition_count * au.multiplicity == au.space_group.order).all()
    assert (labels[tuple(au.indices.T)] == np.arange(n)).all()
    assert n == naive.burnside(au.space_group, au.shape)


def assert_brick_holds_every_orbit(au):
    assert naive.cell_is_covered(au.labels, au.brick_origin, au.brick_shape)
    assert au.brick_mask.shape == au.brick_shape
    assert au.brick_mask.sum() == au.size
    corner = np.array(au.brick_origin)
    at = (np.argwhere(au.brick_mask) + corner) % au.shape
    assert (at == au.indices).all()


@every("number", range(1, 231))
def test_orbits_of_every_group(number):
    group = SpaceGroup.from_number(number)
    for wanted in ((5, 6, 7), (12, 12, 12)):
        au = asymmetric_unit(group, next_compatible_shape(group, wanted))
        assert_laws(au)
        assert_brick_holds_every_orbit(au)


@given(grids())
def test_orbits_of_every_setting_and_shape(case):
    group, shape = case
    au = asymmetric_unit(group, shape)
    assert_laws(au)
    assert_brick_holds_every_orbit(au)
    if np.prod(shape) * group.order < 20_000:
        members = {frozenset(map(tuple, np.argwhere(au.labels == k).tolist())) for k in range(au.size)}
        assert members == naive.orbits(group, shape)


@pytest.mark.parametrize("number", range(1, 231, 3))
def test_large_grids_with_unequal_axes(number):
    group = SpaceGroup.from_number(number)
    au = asymmetric_unit(group, next_compatible_shape(group, (26, 30, 35)))
    assert_laws(au)
    assert_brick_holds_every_orbit(au)


@every("symbol", SETTINGS)
def test_the_brick_is_no_larger_than_gemmis(symbol):
    entry = gemmi.find_spacegroup_by_name(symbol)
    au = asymmetric_unit(symbol, next_compatible_shape(symbol, (24, 24, 24)))
    theirs = gemmi.find_asu_brick(entry)
    ends = [n * s // 24 + 1 if closed else -(-n * s // 24) for n, s, closed in zip(au.shape, theirs.size, theirs.incl)]
    box = [min(e, n) for e, n in zip(ends, au.shape)]
    assert naive.cell_is_covered(au.labels, (0, 0, 0), box)
    assert np.prod(au.brick_shape) <= np.prod(box)
    assert_brick_holds_every_orbit(au)


@pytest.mark.parametrize("case", [(225, 8), (227, 8), (212, 8), (48, 6), (168, 6), (88, 8), (62, 4), (2, 5), (19, 4)])
def test_no_smaller_box_exists(case):
    """Every box, from every corner: none with fewer points holds a member of every orbit."""
    number, n = case
    au = asymmetric_unit(number, (n, n, n))
    volume = np.prod(au.brick_shape)
    for box in product(range(1, n + 1), repeat=3):
        if au.size <= np.prod(box) < volume:
            for corner in product(range(n), repeat=3):
                assert not naive.cell_is_covered(au.labels, corner, box)


@pytest.mark.parametrize("number", [1, 3, 48, 70, 100, 147, 164, 194, 212, 225, 227])
@pytest.mark.parametrize("n", [36, 50, 60])
def test_bricks_of_large_grids_cannot_lose_a_face(number, n):
    au = asymmetric_unit(number, next_compatible_shape(number, (n, n, n)))
    for axis in range(3):
        for side in (0, 1):
            corner, box = list(au.brick_origin), list(au.brick_shape)
            box[axis] -= 1
            corner[axis] += side
            assert box[axis] == 0 or not naive.cell_is_covered(au.labels, corner, box)


def test_reference_counts():
    fcc, bcc = np.ones((3, 3)) - np.eye(3), np.ones((3, 3)) - 2 * np.eye(3)
    rock_salt = SpaceGroup.from_structure(2.8 * fcc, [[0, 0, 0], [0.5, 0.5, 0.5]], [11, 17])
    silicon = SpaceGroup.from_structure(2.7 * fcc, [[0, 0, 0], [0.25, 0.25, 0.25]], [14, 14])
    iron = SpaceGroup.from_structure(2.8 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [26, 26])
    small_iron = SpaceGroup.from_structure(1.4 * bcc, [[0, 0, 0]], [26])
    assert asymmetric_unit(rock_salt, (56, 56, 56)).size == 4285
    assert asymmetric_unit(silicon, (56, 56, 56)).size == 4082
    assert asymmetric_unit(iron, (28, 28, 28)).size == 344
    assert asymmetric_unit(small_iron, (28, 28, 28)).size == 624


@given(densities())
def test_reduction_and_expansion(case):
    group, rho = case
    au = asymmetric_unit(group, rho.shape)
    values = reduce_to_au(rho, au, tolerance=1e-12)
    again = expand_from_au(values, au)
    scale = np.abs(rho).max()
    np.testing.assert_allclose(again, rho, rtol=0, atol=1e-14 * scale)
    np.testing.assert_array_equal(reduce_to_au(again, au, tolerance=0.0), values)
    assert (au.multiplicity * values).sum() == pytest.approx(rho.sum(), abs=1e-11 * scale * np.sqrt(rho.size))
    assert (au.multiplicity * values**2).sum() == pytest.approx((rho**2).sum(), rel=1e-12)


# gemmi does nothing for group type 1, also where the setting is centred (B 1)
@pytest.mark.parametrize("symbol", [s for s in SETTINGS[::5] if SpaceGroup.from_symbol(s).number > 1])
def test_symmetrize_against_gemmi(symbol):
    shape = next_compatible_shape(symbol, (8, 9, 10))
    rho = np.random.default_rng(0).random(shape).astype(np.float32)
    grid = gemmi.FloatGrid(rho)
    grid.spacegroup = gemmi.find_spacegroup_by_name(symbol)
    grid.symmetrize_avg()
    np.testing.assert_allclose(symmetrize(rho, symbol), np.array(grid, copy=True), rtol=0, atol=3e-6)


@given(densities(largest=8))
def test_symmetrize_is_the_mean_over_images_and_conserves_electrons(case):
    group, symmetric = case
    rho = symmetric + np.random.default_rng(1).standard_normal(symmetric.shape) * np.abs(symmetric).max()
    projected = symmetrize(rho, group)
    scale = np.abs(rho).max()
    np.testing.assert_allclose(projected, naive.symmetrized(rho, group), rtol=0, atol=1e-14 * scale)
    np.testing.assert_allclose(symmetrize(projected, group), projected, rtol=0, atol=1e-14 * scale)
    assert projected.sum() == pytest.approx(rho.sum(), abs=1e-12 * scale * rho.size)


def test_batches_and_dtypes():
    au = asymmetric_unit(194, (6, 6, 4))
    rho = np.stack(
        [[symmetrize(np.random.default_rng(i + 3 * j).random(au.shape), 194) for i in range(3)] for j in (0, 1)]
    )
    values = reduce_to_au(rho, au)
    assert values.shape == (2, 3, au.size)
    np.testing.assert_array_equal(values[1, 2], reduce_to_au(rho[1, 2], au))
    assert expand_from_au(values, au).shape == rho.shape
    assert reduce_to_au(rho.astype(np.float32), au).dtype == np.float32
    assert expand_from_au(values.astype(np.float32), au).dtype == np.float32
    assert reduce_to_au(np.ones(au.shape, dtype=int), au).dtype == np.float64
    assert reduce_to_au(np.empty((0, *au.shape)), au).shape == (0, au.size)
    transposed = np.moveaxis(np.ascontiguousarray(np.moveaxis(rho, -3, -1)), -1, -3)
    assert not transposed.flags.c_contiguous
    np.testing.assert_array_equal(reduce_to_au(transposed, au), values)


def test_a_broken_symmetry_is_an_error_that_names_the_operator():
    au = asymmetric_unit("P 21/c", (8, 8, 8))
    rho = symmetrize(np.random.default_rng(0).random(au.shape), "P 21/c")
    rho[1, 2, 3] += 0.1
    with pytest.raises(NotSymmetricError) as error:
        reduce_to_au(rho, au)
    assert any(triplet in str(error.value) for triplet in au.space_group.triplets[1:])
    assert 'tolerance=float("inf")' in str(error.value)
    forced = reduce_to_au(rho, au, tolerance=float("inf"))
    assert (au.multiplicity * forced).sum() == pytest.approx(rho.sum())
    with pytest.raises(NotSymmetricError, match="density 1 of the batch"):
        reduce_to_au(np.stack([np.ones(au.shape), rho]), au)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("tolerance", [1e-3, float("inf")])
def test_values_that_are_not_finite_are_refused(bad, tolerance):
    au = asymmetric_unit(2, (4, 4, 4))
    rho = np.ones(au.shape)
    rho[1, 2, 3] = bad
    with pytest.raises(ShapeError, match="NaN or infinite"):
        reduce_to_au(rho, au, tolerance=tolerance)


def test_wrong_arrays_are_refused():
    au = asymmetric_unit(2, (4, 4, 4))
    for call in (
        lambda: reduce_to_au(np.ones((4, 4, 5)), au),
        lambda: reduce_to_au(np.ones((4, 4)), au),
        lambda: reduce_to_au(np.ones((4, 4, 4), dtype=complex), au),
        lambda: reduce_to_au(np.ones((4, 4, 4)), au, tolerance=float("nan")),
        lambda: expand_from_au(np.ones(au.size + 1), au),
        lambda: expand_from_au(np.array(["a"] * au.size), au),
        lambda: symmetrize(np.ones((4, 4)), 2),
    ):
        with pytest.raises(ShapeError):
            call()


def test_plans_are_kept_and_read_only():
    au = asymmetric_unit(225, (8, 8, 8))
    assert asymmetric_unit("F m -3 m", [8, 8, 8]) is au
    for array in (au.labels, au.multiplicity, au.indices, au.repetition_count, au.brick_mask):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_groups_with_an_origin_off_the_standard_ones():
    """An inversion centre at 1/14, a supercell, and a primitive cell in odd axes."""
    moved = SpaceGroup.from_operators([np.eye(3), -np.eye(3)], [[0, 0, 0], [1 / 7, 1 / 7, 1 / 7]])
    large = SpaceGroup.from_operators([np.eye(3)] * 5, [[k / 5, 0, 0] for k in range(5)])
    for group, wanted in ((moved, (7, 14, 21)), (moved, (35, 28, 42)), (large, (10, 3, 4)), (large, (30, 31, 32))):
        au = asymmetric_unit(group, next_compatible_shape(group, wanted))
        assert_laws(au)
        assert_brick_holds_every_orbit(au)
