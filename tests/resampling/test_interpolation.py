"""Change of grid, cell and origin: against the definition, against functions known at every point, and for symmetry."""

from __future__ import annotations

from fractions import Fraction

import naive_fourier
import numpy as np
import pytest
from every import every
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_fourier import BRAVAIS, exact, generic_metric, lattice_of, primitive_cell, unimodular

import naive
from strategies import groups
from symfft import (
    NotSymmetricError,
    ShapeError,
    SpaceGroup,
    asymmetric_unit,
    check_symmetry,
    next_compatible_shape,
)
from symfft.crystal.lattice import inverse_of
from symfft.resampling.interpolation import change_cell, lossless_shape, resample_grid

FCC = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
BCC = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2
CUBIC_FROM_FCC = [[-1, 1, 1], [1, -1, 1], [1, 1, -1]]
CUBIC_FROM_BCC = [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
HEXAGONAL_FROM_RHOMBOHEDRAL = [[1, -1, 0], [0, 1, -1], [1, 1, 1]]
IDENTITY = np.eye(3, dtype=int)
CELLS = [
    IDENTITY,
    np.diag([2, 1, 1]),
    np.array(CUBIC_FROM_FCC),
    np.array(CUBIC_FROM_BCC),
    np.array(HEXAGONAL_FROM_RHOMBOHEDRAL),
    np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 1]]),
    exact([["1/2", "1/2", "0"], ["-1/2", "1/2", "0"], ["0", "0", "1"]]),
    exact([["1/2", "0", "0"], ["0", "3/2", "0"], ["0", "1", "1"]]),
]
SMALL_SHAPES = st.tuples(*(st.integers(1, 5),) * 3)


def noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def waves(group: SpaceGroup, reach: int, seed: int):
    """Return a density with the group's symmetry as a function of x (..., 3): random cosines of |h_i| <= reach."""
    rng = np.random.default_rng(seed)
    h, amplitude, phase = rng.integers(-reach, reach + 1, (6, 3)), rng.standard_normal(6), rng.uniform(0, 2 * np.pi, 6)
    moved, shift = h @ group.rotations, h @ group.translations.astype(float).T  # h·(Wx + w)

    def density(x: np.ndarray) -> np.ndarray:
        total = np.full(x.shape[:-1], 2.0)
        for k, s in zip(moved, shift.T, strict=True):
            total += np.cos(2 * np.pi * (x @ k.T + s) + phase) @ amplitude / group.order
        return total

    return density, int(np.abs(moved).max())


def points(shape: tuple[int, int, int]) -> np.ndarray:
    return np.stack(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij"), axis=-1)


# ---- against the definition -----------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(
    st.sampled_from(list(BRAVAIS)),
    unimodular(shears=1),
    st.sampled_from(CELLS),
    SMALL_SHAPES,
    st.one_of(SMALL_SHAPES, st.integers(1, 6).map(lambda n: (n, n, n))),
    st.tuples(*(st.sampled_from([0, Fraction(1, 2), Fraction(1, 3), 0.1234]),) * 3),
    st.integers(0, 1000),
)
def test_every_value_agrees_with_the_fourier_sum(name, u, cell, old, new, origin, seed):
    metric = u @ generic_metric(name, seed) @ u.T
    rho = noise(old, seed)
    result = change_cell(rho, np.linalg.cholesky(metric), cell, origin, new, tolerance=np.inf)
    expected = naive_fourier.interpolated(rho, metric, cell, origin, new)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


@given(groups(), st.sampled_from(CELLS[:6]), st.integers(0, 1000), st.tuples(*(st.floats(-1, 1),) * 3))
def test_band_limited_densities_are_exact_at_every_point(group, cell, seed, origin):
    density, reach = waves(group, 1, seed)
    old = (2 * reach + 1,) * 3
    rho = density(points(old))
    # in a cubic metric the box of |h_i| <= reach lies in the Wigner-Seitz cell of the old grid
    new = lossless_shape(np.eye(3), cell, old)
    x = (points(new) - origin) @ np.array(cell, dtype=float)
    np.testing.assert_allclose(change_cell(rho, np.eye(3), cell, origin, new), density(x), rtol=0, atol=1e-12)


# ---- exactness ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 5, 6, 9, 16])
@pytest.mark.parametrize(("lattice", "cell"), [(FCC, CUBIC_FROM_FCC), (BCC, CUBIC_FROM_BCC)], ids=["fcc", "bcc"])
def test_primitive_points_come_back_in_the_cubic_grid(lattice, cell, n):
    rho = noise((n, n, n))
    rounded = np.round(5.64 * lattice, 6)
    cubic = change_cell(rho, rounded, cell, (0, 0, 0), (2 * n, 2 * n, 2 * n))
    i = np.moveaxis(np.indices((n, n, n)), 0, -1)
    at = np.rint(2 * i @ lattice).astype(int) % (2 * n)
    assert np.abs(cubic[tuple(np.moveaxis(at, -1, 0))] - rho).max() <= 16 * np.finfo(float).eps * np.abs(rho).max()
    if lattice is FCC:
        assert not (at.sum(axis=-1) % 2).any()
    else:
        assert (at % 2 == at[..., :1] % 2).all()


@given(st.sampled_from(list(BRAVAIS)), unimodular(shears=2), SMALL_SHAPES, st.integers(0, 1000))
def test_the_same_grid_is_the_identity(name, u, shape, seed):
    rho = noise(shape, seed)
    lattice = np.linalg.cholesky(u @ generic_metric(name, seed) @ u.T)
    np.testing.assert_allclose(resample_grid(rho, lattice, shape), rho, rtol=0, atol=1e-14)


@settings(max_examples=40)
@given(
    st.sampled_from(list(BRAVAIS)), unimodular(shears=2), SMALL_SHAPES, st.sampled_from(CELLS[:6]), st.integers(0, 99)
)
def test_there_and_back_again(name, u, shape, cell, seed):
    rho = noise(shape, seed)
    lattice = np.linalg.cholesky(u @ generic_metric(name, seed) @ u.T)
    t = exact(cell)
    back = inverse_of(t)
    for origin in ((0, 0, 0), (Fraction(1, 2), Fraction(1, 3), 0), (0.123, 0, 0)):
        between = lossless_shape(lattice, cell, shape, origin)
        there = change_cell(rho, lattice, cell, origin, between)
        again = change_cell(there, t.astype(float) @ lattice, back, -exact([origin])[0] @ t, shape)
        np.testing.assert_allclose(again, rho, rtol=0, atol=1e-13)


@settings(max_examples=40)
@given(groups(), SMALL_SHAPES, SMALL_SHAPES, st.integers(0, 99))
def test_the_asymmetric_unit_is_that_of_the_whole_grid(group, old, new, seed):
    """Unique structure factors and their planned transform say the same as all of the new grid."""
    rng = np.random.default_rng(seed)
    rho = rng.standard_normal((2, *next_compatible_shape(group, old)))
    rho = np.stack([naive.symmetrized(block, group) for block in rho])
    w, general = group.rotations, rng.standard_normal((3, 3))
    lattice = np.linalg.cholesky(np.einsum("gki,kl,glj->ij", w, general @ general.T + np.eye(3), w) / group.order)
    au = asymmetric_unit(group, next_compatible_shape(group, new))
    values = change_cell(rho, lattice, IDENTITY, (0, 0, 0), au.shape, points=au)
    whole = change_cell(rho, lattice, IDENTITY, (0, 0, 0), au.shape)
    np.testing.assert_allclose(values, whole[(slice(None), *au.indices.T)], rtol=0, atol=1e-13)


def test_an_asymmetric_unit_of_another_grid_is_refused():
    with pytest.raises(ShapeError, match="no points of the grid"):
        change_cell(np.ones((4, 4, 4)), IDENTITY, IDENTITY, (0, 0, 0), (6, 6, 6), points=asymmetric_unit(1, (8, 8, 8)))


@settings(max_examples=40)
@given(
    st.sampled_from(list(BRAVAIS)),
    unimodular(shears=1),
    st.sampled_from(CELLS),
    SMALL_SHAPES,
    SMALL_SHAPES,
    st.sampled_from([(0, 0, 0), (Fraction(1, 2), 0, Fraction(1, 3))]),
    st.integers(0, 99),
)
def test_wanted_points_are_those_of_the_whole_grid(name, u, cell, old, new, origin, seed):
    rng = np.random.default_rng(seed)
    rho = rng.standard_normal((2, *old))
    lattice = np.linalg.cholesky(u @ generic_metric(name, seed) @ u.T)
    at = rng.integers(0, new, (5, 3))
    whole = change_cell(rho, lattice, cell, origin, new, tolerance=np.inf)
    some = change_cell(rho, lattice, cell, origin, new, tolerance=np.inf, points=at)
    np.testing.assert_allclose(some, whole[:, *at.T], rtol=0, atol=1e-14)


@given(unimodular(shears=2), st.integers(1, 6), st.tuples(*(st.integers(-7, 7),) * 3), st.integers(0, 99))
def test_points_that_both_grids_share_keep_their_values_to_the_last_bit(u, n, steps, seed):
    rho = noise((n, n, n), seed)
    origin = [Fraction(s, n) for s in steps]
    result = change_cell(rho, np.linalg.cholesky(generic_metric("triclinic", seed)), u, origin, (n, n, n))
    old = (np.moveaxis(np.indices((n, n, n)), 0, -1) - steps) @ u % n
    np.testing.assert_array_equal(result, rho[tuple(np.moveaxis(old, -1, 0))])


@given(st.sampled_from(list(BRAVAIS)), unimodular(shears=2), st.sampled_from(CELLS), SMALL_SHAPES, SMALL_SHAPES)
def test_the_mean_is_conserved(name, u, cell, old, new):
    rho = noise(old) + 3
    lattice = np.linalg.cholesky(u @ generic_metric(name, 1) @ u.T)
    result = change_cell(rho, lattice, cell, (0.2, 0, Fraction(1, 3)), new, tolerance=np.inf)
    assert result.mean() == pytest.approx(rho.mean(), rel=1e-14)


@given(st.sampled_from(list(BRAVAIS)), unimodular(shears=3), st.integers(0, 99))
def test_the_description_of_the_cell_does_not_matter(name, u, seed):
    """The same samples in skewed axes of the same lattice give the same density."""
    lattice = np.linalg.cholesky(generic_metric(name, seed))
    n, m = 4, 6
    rho = noise((n, n, n), seed)
    old = np.moveaxis(np.indices((n, n, n)), 0, -1) @ u % n
    new = np.moveaxis(np.indices((m, m, m)), 0, -1) @ u % m
    straight = resample_grid(rho, lattice, (m, m, m))
    skewed = resample_grid(rho[tuple(np.moveaxis(old, -1, 0))], u @ lattice, (m, m, m))
    np.testing.assert_allclose(skewed, straight[tuple(np.moveaxis(new, -1, 0))], rtol=0, atol=1e-13)


def test_an_extremely_skew_cell_is_the_same_crystal():
    u = np.array([[1, 0, 0], [37, 1, 0], [-5, 23, 1]])
    n, m = 8, 12
    rho = noise((n, n, n))
    old = np.moveaxis(np.indices((n, n, n)), 0, -1) @ u % n
    new = np.moveaxis(np.indices((m, m, m)), 0, -1) @ u % m
    skewed = resample_grid(rho[tuple(np.moveaxis(old, -1, 0))], u @ FCC, (m, m, m))
    straight = resample_grid(rho, FCC, (m, m, m))
    np.testing.assert_allclose(skewed, straight[tuple(np.moveaxis(new, -1, 0))], rtol=0, atol=1e-13)


# ---- symmetry -------------------------------------------------------------------------------------------------------


@every("number", range(1, 231))
def test_all_space_groups_survive_from_the_primitive_to_the_conventional_cell(number):
    group = SpaceGroup.from_number(number)
    cell, primitive = primitive_cell(group)
    # six decimals, as files have them: no two vectors are of exactly equal length any more
    conventional = np.round(lattice_of(group, number), 6)
    lattice = np.round(np.linalg.inv(cell.astype(float)) @ conventional, 6)
    shape = next_compatible_shape(primitive, (4 + number % 2,) * 3)
    rho = naive.symmetrized(noise(shape, number), primitive)

    wanted = next_compatible_shape(group, lossless_shape(lattice, cell, shape))
    result = change_cell(rho, lattice, cell, (0, 0, 0), wanted)
    assert check_symmetry(result, group).is_symmetric(1e-12)
    for wanted in ((3, 3, 3), (7, 6, 7)):
        resampled = resample_grid(rho, lattice, next_compatible_shape(primitive, wanted))
        assert check_symmetry(resampled, primitive).is_symmetric(1e-12)


@pytest.mark.parametrize("number", [43, 70, 88, 122, 141, 196, 203, 216, 225, 227, 229])
def test_padding_the_index_box_breaks_the_symmetry_of_primitive_grids(number):
    """What naive zero-padding does to the densities of the test before: why classes are shared as they are."""
    group = SpaceGroup.from_number(number)
    _, primitive = primitive_cell(group)
    shape = next_compatible_shape(primitive, (4, 4, 4))
    rho = naive.symmetrized(noise(shape, number), primitive)
    finer = tuple(2 * n for n in shape)
    padded = np.zeros(finer, dtype=complex)
    box = np.ix_(*(np.fft.fftfreq(n, 1 / n).astype(int) for n in shape))
    padded[box] = np.fft.fftn(rho)
    broken = check_symmetry(np.fft.ifftn(padded).real, primitive).largest_residual
    assert broken > 1e-2


# ---- periodicity ----------------------------------------------------------------------------------------------------


def test_a_supercell_reduces_only_where_the_density_repeats():
    rho = noise((4, 4, 4))
    double = np.tile(rho, (2, 1, 1))
    half = exact([["1/2", "0", "0"], ["0", "1", "0"], ["0", "0", "1"]])
    np.testing.assert_allclose(change_cell(double, np.diag([2, 1, 1]), half, (0, 0, 0), (4, 4, 4)), rho, atol=1e-14)
    double[0, 0, 0] += 0.1
    with pytest.raises(NotSymmetricError, match=r"does not repeat with the cell \[1/2, 0, 0; 0, 1, 0; 0, 0, 1\]"):
        change_cell(double, np.diag([2, 1, 1]), half, (0, 0, 0), (4, 4, 4))
    loose = change_cell(double, np.diag([2, 1, 1]), half, (0, 0, 0), (4, 4, 4), tolerance=0.1)
    np.testing.assert_allclose(loose[0, 0, 0], rho[0, 0, 0] + 0.05, atol=1e-14)


def test_a_grid_that_lacks_the_translation_still_reduces_a_band_limited_density():
    x = points((5, 4, 4))
    rho = 1 + np.cos(2 * np.pi * (2 * x[..., 0] + x[..., 1]))  # repeats at a/2, which is not a node of five
    half = exact([["1/2", "0", "0"], ["0", "1", "0"], ["0", "0", "1"]])
    y = points((4, 4, 4))
    expected = 1 + np.cos(2 * np.pi * (y[..., 0] + y[..., 1]))
    np.testing.assert_allclose(change_cell(rho, np.diag([2, 1, 1]), half, (0, 0, 0), (4, 4, 4)), expected, atol=1e-14)


def test_each_grid_of_a_batch_must_repeat_but_noise_need_not():
    rho = np.tile(noise((4, 4, 4)), (2, 1, 1))
    half = exact([["1/2", "0", "0"], ["0", "1", "0"], ["0", "0", "1"]])
    odd = 0.05 * np.concatenate([np.ones((4, 4, 4)), -np.ones((4, 4, 4))])
    with pytest.raises(NotSymmetricError, match="grid 1 of the batch"):
        change_cell(np.stack([rho, odd]), np.eye(3), half, (0, 0, 0), (4, 4, 4))
    change_cell(np.stack([rho, 1e-6 * odd]), np.eye(3), half, (0, 0, 0), (4, 4, 4))


# ---- arguments ------------------------------------------------------------------------------------------------------


def test_batches_and_single_precision():
    rho = noise((2, 3, 4, 5, 6))
    new = resample_grid(rho, np.diag([3, 4, 5.0]), (6, 5, 8))
    assert new.shape == (2, 3, 6, 5, 8)
    np.testing.assert_allclose(new[1, 2], resample_grid(rho[1, 2], np.diag([3, 4, 5.0]), (6, 5, 8)), atol=1e-15)
    single = resample_grid(rho.astype(np.float32), np.diag([3, 4, 5.0]), (6, 5, 8))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, new, atol=2e-6)
    assert resample_grid(np.ones((2, 2, 2), dtype=int), np.eye(3), (3, 3, 3)).dtype == np.float64


def test_the_input_is_left_alone():
    rho = noise((4, 4, 4))
    before = rho.copy()
    rho.flags.writeable = False
    resample_grid(rho, FCC, (6, 6, 6))
    np.testing.assert_array_equal(rho, before)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rho", np.ones((4, 4)), "cannot be resampled"),
        ("rho", np.ones((4, 4, 0)), "cannot be resampled"),
        ("rho", np.ones((4, 4, 4), dtype=complex), "type complex128"),
        ("rho", np.full((4, 4, 4), np.nan), "64 of 64 values"),
        ("rho", np.array([[["a"]]]), "cannot be resampled"),
        ("lattice", np.ones((3, 3)), "lie in a plane"),
        ("lattice", np.full((3, 3), np.inf), "not usable"),
        ("lattice", np.eye(2), "not usable"),
        ("cell", np.zeros((3, 3), dtype=int), "singular"),
        ("cell", np.sqrt(2) * np.eye(3), "not rational"),
        ("cell", np.full((3, 3), np.nan), "not usable"),
        ("cell", [[1, 0], [0, 1]], "not usable"),
        ("cell", [["x", 0, 0], [0, 1, 0], [0, 0, 1]], "not usable"),
        ("cell", [[Fraction(1, 97), Fraction(2, 91), 0], [0, Fraction(5, 89), 0], [1, 0, 1]], "smaller numbers"),
        ("origin", (0, 0), "not usable"),
        ("origin", (0, np.nan, 0), "not usable"),
        ("origin", (0, 1j, 0), "not usable"),
        ("shape", (4, 4), "three positive integers"),
        ("shape", (4, 4, 0), "three positive integers"),
        ("shape", (4, 4, 2.5), "three positive integers"),
    ],
)
def test_unusable_arguments_are_named(name, value, message):
    arguments = {
        "rho": np.ones((4, 4, 4)),
        "lattice": np.eye(3),
        "cell": IDENTITY,
        "origin": (0, 0, 0),
        "shape": (4, 4, 4),
    }
    with pytest.raises(ShapeError, match=message):
        change_cell(**{**arguments, name: value})


# ---- the smallest grid that loses nothing ---------------------------------------------------------------------------


@given(st.sampled_from(list(BRAVAIS)), unimodular(shears=1), st.sampled_from(CELLS), SMALL_SHAPES, st.integers(0, 99))
def test_a_lossless_grid_keeps_every_shortest_frequency(name, u, cell, shape, seed):
    metric = u @ generic_metric(name, seed) @ u.T
    t = exact(cell)
    new = lossless_shape(np.linalg.cholesky(metric), cell, shape)
    kept = naive_fourier.shortest_members(t.astype(float) @ metric @ t.astype(float).T, new)
    for h in naive_fourier.shortest_members(metric, shape):
        moved = t @ np.array(h)
        assert any(v.denominator > 1 for v in moved) or tuple(moved) in kept


@pytest.mark.parametrize("name", BRAVAIS)
def test_the_same_cell_needs_no_finer_grid(name):
    for shape in ((12, 12, 12), (8, 9, 10)):
        new = lossless_shape(np.linalg.cholesky(np.array(BRAVAIS[name][0], dtype=float)), IDENTITY, shape)
        assert np.prod(new) <= np.prod(shape)


def test_lossless_shapes_of_common_cells():
    assert lossless_shape(FCC, CUBIC_FROM_FCC, (28, 28, 28)) == (56, 56, 56)
    assert lossless_shape(BCC, CUBIC_FROM_BCC, (28, 28, 28)) == (56, 56, 56)
    hexagonal = lossless_shape(
        np.linalg.cholesky([[5.0, 1, 1], [1, 5, 1], [1, 1, 5]]), HEXAGONAL_FROM_RHOMBOHEDRAL, (12,) * 3
    )
    assert hexagonal[0] == hexagonal[1]
    assert np.prod(hexagonal) <= 36**3
