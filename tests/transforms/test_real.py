"""The real view: an orthonormal basis, ordered by |h|, the same whatever computes it."""

import itertools

import gemmi
import naive_fourier
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
    au_real_dft,
    au_real_idft,
    expand_from_au,
    next_compatible_shape,
    real_basis,
    reduce_to_au,
)
from symfft.fourier.lengths import metric_of
from symfft.fourier.reflections import centred

SETTINGS = [entry.xhm() for entry in gemmi.spacegroup_table()]


def random_values(au, batch=(2,)):
    return np.random.default_rng(au.size).standard_normal((*batch, au.size))


def check(group, wanted):
    au = asymmetric_unit(group, next_compatible_shape(group, wanted))
    values = random_values(au)
    c = au_real_dft(values, au)
    assert c.shape == values.shape
    assert np.abs(au_real_idft(c, au) - values).max() < 1e-13 * np.abs(values).max()
    np.testing.assert_allclose((c**2).sum(axis=-1), (values**2 * au.multiplicity).sum(axis=-1), rtol=1e-12)
    matches_definition(au, c, values)


def matches_definition(au, c, values, lattice=None):
    """Every entry is the part of the full FFT that `real_basis` says it is."""
    basis = real_basis(au, lattice=lattice)
    full = np.fft.fftn(expand_from_au(values, au), axes=(1, 2, 3), norm="ortho")
    f = full[(slice(None), *(basis.hkl % au.shape).T)] * np.sqrt(basis.multiplicity)
    tolerance = 1e-12 * np.abs(values).max() * np.sqrt(np.prod(au.shape))
    np.testing.assert_allclose(c[:, basis.part == 0], f.real[:, basis.part == 0], rtol=0, atol=tolerance)
    np.testing.assert_allclose(c[:, basis.part == 1], f.imag[:, basis.part == 1], rtol=0, atol=tolerance)
    centric = basis.part == 2
    # F = c exp(iφ), φ the same for all densities and in [0, π)
    np.testing.assert_allclose(np.abs(c[:, centric]), np.abs(f[:, centric]), rtol=0, atol=tolerance)
    phase = np.sum(f[:, centric] * c[:, centric], axis=0)
    assert np.all(phase.imag >= -1e-9 * np.abs(phase))
    assert np.all(phase.real[np.abs(phase.imag) < 1e-9 * np.abs(phase)] > 0)
    np.testing.assert_allclose(
        f[:, centric], c[:, centric] * phase / np.maximum(np.abs(phase), 1e-300), rtol=0, atol=tolerance
    )


@every("number", range(1, 231))
def test_every_group(number):
    check(SpaceGroup.from_number(number), (8, 8, 8))


@every("symbol", SETTINGS[::3])
def test_settings(symbol):
    check(SpaceGroup.from_symbol(symbol), (6, 7, 8))


@given(strategies.grids())
def test_any_setting_on_any_grid(grid):
    check(*grid)


@given(strategies.grids(8))
def test_the_basis_is_orthonormal(grid):
    """c = C M^½ v with CᵀC = 1, M the multiplicities: v are orthogonal coordinates of lengths √multiplicity."""
    au = asymmetric_unit(*grid)
    matrix = au_real_dft(np.diag(1 / np.sqrt(au.multiplicity)), au)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(au.size), rtol=0, atol=1e-12)


def definition_of_lengths(au, metric):
    """Length of the shortest members of each class of the full grid, comparing all in a large box, {h mod N: |h|}."""
    reciprocal = np.linalg.inv(metric)
    lengths = {}
    for h in naive_fourier.shortest_members(metric, au.shape):
        lengths[tuple(np.mod(h, au.shape))] = np.sqrt(np.array(h) @ reciprocal @ np.array(h))
    return lengths


def mean_metric(au):
    w = au.space_group.rotations
    return np.mean([r.T @ np.diag(np.square(au.shape)) @ r for r in w], axis=0)


@given(strategies.grids(8), st.booleans(), st.integers(0, 2**32 - 1))
def test_lengths_are_those_of_the_shortest_alias(grid, given_lattice, seed):
    au = asymmetric_unit(*grid)
    lattice = naive_fourier.lattice_of(au.space_group, seed) if given_lattice else None
    metric = mean_metric(au) if lattice is None else lattice @ lattice.T
    basis = real_basis(au, lattice=lattice)
    expected = definition_of_lengths(au, metric)
    found = [expected[tuple(h)] for h in np.mod(basis.hkl, au.shape).tolist()]
    np.testing.assert_allclose(basis.length, found, rtol=1e-9, atol=1e-12)
    listed = np.sqrt(np.einsum("ni,ij,nj->n", basis.hkl, np.linalg.inv(metric), basis.hkl))
    np.testing.assert_allclose(basis.length, listed, rtol=1e-9, atol=1e-12)


@given(strategies.grids(8), st.integers(0, 2**32 - 1))
def test_equivalent_reflections_are_equally_long_to_the_last_bit(grid, seed):
    au = asymmetric_unit(*grid)
    lattice = naive_fourier.lattice_of(au.space_group, seed)
    metric = metric_of(au.space_group, au.shape, lattice)
    images = np.einsum("gji,nj->gni", au.space_group.rotations, au.hkl)
    lengths = [metric.lengths(metric.shortest(h)) for h in images]
    assert all(np.array_equal(lengths[0], other) for other in lengths)


@given(strategies.grids(10), st.booleans(), st.floats(0, 1))
def test_the_first_stars_are_a_low_pass(grid, given_lattice, fraction):
    """Leaving out all entries beyond a length is a mask on the full FFT; whole shells keep the symmetry exactly."""
    au = asymmetric_unit(*grid)
    lattice = naive_fourier.lattice_of(au.space_group, 1) if given_lattice else None
    values = random_values(au, ())
    basis = real_basis(au, lattice=lattice)
    cut = basis.length[int(fraction * (au.size - 1))]
    c = au_real_dft(values, au, lattice=lattice)
    c[basis.length > cut] = 0
    metric = mean_metric(au) if lattice is None else lattice @ lattice.T
    mask = np.zeros(au.shape)
    for h, length in definition_of_lengths(au, metric).items():
        mask[h] = length <= cut * (1 + 1e-9) + 1e-12
    masked = np.fft.ifftn(np.fft.fftn(expand_from_au(values, au)) * mask)
    assert np.abs(masked.imag).max() < 1e-12
    filtered = expand_from_au(au_real_idft(c, au, lattice=lattice), au)
    np.testing.assert_allclose(filtered, masked.real, rtol=0, atol=1e-12)


@pytest.mark.parametrize("group", [1, 14, 62, 148, 166, 194, 198, 227, "R 3 2:R"])
def test_each_star_is_a_projection(group):
    """Keeping one star keeps exactly the reflections that the operators and Friedel's law make of its hkl."""
    au = asymmetric_unit(group, next_compatible_shape(group, (6, 6, 6)))
    values = random_values(au, ())
    basis, c = real_basis(au), au_real_dft(values, au)
    full = np.fft.fftn(expand_from_au(values, au))
    for star in np.unique(np.linspace(0, basis.star[-1], 9).astype(int)):
        here = basis.star == star
        members = np.einsum("gji,j->gi", au.space_group.rotations, basis.hkl[here][0])
        members = np.unique(np.mod(np.concatenate([members, -members]), au.shape), axis=0)
        assert set(basis.multiplicity[here]) == {len(members)}
        last = max(map(tuple, centred(members, au.shape).tolist()))
        assert tuple(centred(basis.hkl[here][0], au.shape)) == last
        kept = np.zeros_like(full)
        kept[tuple(members.T)] = full[tuple(members.T)]
        alone = expand_from_au(au_real_idft(np.where(here, c, 0), au), au)
        np.testing.assert_allclose(alone, np.fft.ifftn(kept).real, rtol=0, atol=1e-13)


@pytest.mark.parametrize("group", [1, 2, 14, 62, 148, 166, 194, 198, 225, 227, 230])
def test_the_order_hangs_on_no_choice_of_reflections(group, monkeypatch):
    """Other members of the classes, in another order, give the same vector: as another engine would."""
    au = asymmetric_unit(group, next_compatible_shape(group, (8, 8, 8)))
    values = random_values(au)
    basis, c = real_basis(au), au_real_dft(values, au)

    other = type(au)(au._brick, au.orbits)
    rng = np.random.default_rng(0)
    operators = au.space_group.rotations[rng.integers(au.space_group.order, size=len(au.hkl))]
    hkl = rng.choice([-1, 1], len(au.hkl))[:, None] * np.einsum("nji,nj->ni", operators, au.hkl)
    hkl = centred(hkl, au.shape)[rng.permutation(len(hkl))]
    plan = other.fourier
    plan.hkl = hkl
    monkeypatch.setattr(
        plan, "forward", lambda v, workers: np.fft.fftn(expand_from_au(v, au), axes=(1, 2, 3))[(..., *hkl.T)]
    )
    assert not np.array_equal(au.hkl, other.hkl)
    again = real_basis(other)
    assert all(np.array_equal(a, b) for a, b in zip(basis, again))
    np.testing.assert_allclose(au_real_dft(values, other), c, rtol=0, atol=1e-12)


def test_the_crystals_lattice_changes_the_order_only():
    au = asymmetric_unit(62, (8, 10, 12))
    lattice = np.diag([4.0, 9.0, 5.0])
    values = random_values(au)
    plain, ordered = real_basis(au), real_basis(au, lattice=lattice)
    np.testing.assert_allclose(ordered.length, np.linalg.norm(ordered.hkl / np.diag(lattice), axis=1), rtol=1e-9)
    key = lambda basis: [(*np.mod(h, au.shape), p) for h, p in zip(basis.hkl.tolist(), basis.part.tolist())]  # noqa: E731
    entries = dict(zip(key(plain), au_real_dft(values, au).T))
    c = au_real_dft(values, au, lattice=lattice)
    np.testing.assert_array_equal(c.T, [entries[k] for k in key(ordered)])
    np.testing.assert_allclose(au_real_idft(c, au, lattice=lattice), values, rtol=0, atol=1e-13)


def test_a_lattice_from_a_file_with_six_decimals_still_has_equal_lengths():
    a = 3.2
    lattice = np.round([[a, 0, 0], [-a / 2, a * np.sqrt(3) / 2, 0], [0, 0, 5.21]], 6)
    au = asymmetric_unit(194, (8, 8, 8))
    ideal = np.array([[a, 0, 0], [-a / 2, a * np.sqrt(3) / 2, 0], [0, 0, 5.21]])
    np.testing.assert_array_equal(real_basis(au, lattice=lattice).hkl, real_basis(au, lattice=ideal).hkl)


@pytest.mark.parametrize(("shape", "lattice"), [((199, 197, 211), None), ((6, 500, 7), np.diag([3.1, 400.3, 3.4]))])
def test_large_primes_do_not_overflow(shape, lattice):
    metric = metric_of(SpaceGroup.from_number(1), shape, lattice)
    cell = np.diag(shape) if lattice is None else lattice
    hkl = np.array([(n // 2, -(m // 2), 3) for n, m in itertools.product(shape[:1], range(shape[1]))])
    expected = np.linalg.norm(hkl @ np.linalg.inv(cell).T, axis=1)
    np.testing.assert_allclose(metric.lengths(hkl), expected, rtol=1e-9)


def test_symmetry_of_a_sheared_primitive_cell():
    """The same crystal in a skew cell: the lengths are those of the cubic cell's reflections."""
    au = asymmetric_unit(*_skew_fcc())
    basis = real_basis(au)
    cubic = real_basis(asymmetric_unit(225, (12, 12, 12)))
    n = len(basis.length)
    np.testing.assert_allclose(basis.length[: n // 2] / basis.length[1], cubic.length[: n // 2] / cubic.length[1])


def _skew_fcc():
    t = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    w = SpaceGroup.from_number(225).rotations
    primitive = np.unique(np.rint(t.T @ w @ np.linalg.inv(t.T)).astype(int), axis=0)
    return SpaceGroup.from_operators(primitive, np.zeros((len(primitive), 3), dtype=int)), (6, 6, 6)


@pytest.mark.parametrize("number", [1, 14, 62, 166, 194, 198, 227])
def test_float32_and_batches(number):
    au = asymmetric_unit(number, (12, 12, 12))
    values = random_values(au, (2, 3))
    c = au_real_dft(values, au)
    single = au_real_dft(values.astype(np.float32), au, workers=2)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, c, rtol=0, atol=2e-6 * np.abs(c).max())
    back = au_real_idft(single, au, workers=2)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, values, rtol=0, atol=5e-6 * np.abs(values).max())
    assert au_real_dft(values[:0], au).shape == (0, 3, au.size)


def test_the_electron_count_is_the_first_entry():
    au = asymmetric_unit(225, (8, 8, 8))
    rho = 3 + 0 * random_values(au, ())
    c = au_real_dft(rho, au)
    assert c[0] == pytest.approx(3 * np.sqrt(512))
    np.testing.assert_allclose(c[1:], 0, atol=1e-13)
    assert reduce_to_au(expand_from_au(au_real_idft(c, au), au), au)[0] == pytest.approx(3)
    assert au_dft(rho, au)[0].real == pytest.approx(c[0] * np.sqrt(512))


@pytest.mark.parametrize(
    ("lattice", "message"),
    [
        (np.diag([4.0, 4.0, 5.0]), "does not fit F m -3 m: operator .* changes its lengths"),
        (np.ones((3, 3)), "does not span a cell"),
        (np.full((3, 3), np.nan), "does not span a cell"),
        (np.eye(2), "is not a lattice"),
        ("fcc", "is not a lattice"),
        ([[1, 2], [3]], "is not a lattice"),
    ],
)
@pytest.mark.parametrize(
    "call", [au_real_dft, au_real_idft, lambda values, au, lattice: real_basis(au, lattice=lattice)]
)
def test_what_is_no_lattice_of_the_group_is_named(call, lattice, message):
    au = asymmetric_unit(225, (8, 8, 8))
    with pytest.raises(ShapeError, match=message):
        call(np.zeros(au.size), au, lattice=lattice)


@pytest.mark.parametrize("call", [au_real_dft, au_real_idft])
def test_a_wrong_number_of_values_is_named(call):
    with pytest.raises(ShapeError, match=r"au\.size"):
        call(np.zeros(3), asymmetric_unit(225, (8, 8, 8)))
