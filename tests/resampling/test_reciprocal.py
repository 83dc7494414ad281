"""Averages through structure factors: against sums of plane waves, for any origin and grid; magnetizations; errors."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from crystals import crystal, odd_magnetization
from hypothesis import given
from hypothesis import strategies as st
from naive_fourier import lattice_of

from strategies import SETTINGS
from symfft import (
    Density,
    NotSymmetricError,
    SpaceGroup,
    SpaceGroupError,
    check_symmetry,
    next_compatible_shape,
    read_density,
    standardize,
    symmetrize,
    symmetrize_reciprocal,
)


def moved(group, origin):
    """The group about another origin, given as fractions."""
    o = np.array(origin, dtype=object)
    translations = [t + o - w @ o for w, t in zip(group.rotations, group.translations, strict=True)]
    return SpaceGroup.from_operators(group.rotations, translations)


def shortest(shape, lattice):
    """All frequencies that are shorter than each of their aliases, by trying them, as {class: h}."""
    reciprocal = np.linalg.inv(lattice)
    aliases = (np.indices((7, 7, 7)).reshape(3, -1).T - 3) * shape
    found = {}
    for index in np.ndindex(*shape):
        h = np.array(index) + aliases
        length = (h @ reciprocal.T) ** 2 @ np.ones(3)
        order = np.argsort(length)
        if length[order[1]] > length[order[0]] * (1 + 1e-9) + 1e-12:
            found[index] = h[order[0]]
    return found


def dense(rho, lattice, group):
    """The average by its definition: every frequency, every operator, one after the other."""
    shape = np.array(rho.shape)
    coefficients = np.fft.fftn(rho) / rho.size
    known = {tuple(h.tolist()): index for index, h in shortest(rho.shape, lattice).items()}
    inverses = np.rint(np.linalg.inv(group.rotations)).astype(int)
    result = np.zeros(rho.shape, dtype=complex)
    for h, index in known.items():
        images = [tuple((np.array(h) @ w).tolist()) for w in inverses]
        if all(k in known for k in images):
            phases = [
                np.exp(2j * np.pi * float(sum(a * b for a, b in zip(k, t)))) for k, t in zip(images, group.translations)
            ]
            result[index] = np.mean([coefficients[known[k]] * p for k, p in zip(images, phases)])
    values = np.fft.ifftn(result) * rho.size
    assert np.abs(values.imag).max() < 1e-12
    assert (shape == values.shape).all()
    return values.real


@given(
    st.sampled_from(SETTINGS),
    st.tuples(*(st.integers(2, 6),) * 3),
    st.lists(st.fractions(0, 1, max_denominator=1000), min_size=3, max_size=3),
    st.booleans(),
    st.integers(0, 1000),
)
def test_every_setting_on_any_grid_with_any_origin(symbol, shape, origin, carried, seed):
    group = moved(SpaceGroup.from_symbol(symbol), origin)
    if carried:  # at least by its matrices
        shape = next_compatible_shape(SpaceGroup(*point_group(group)), shape)
    lattice = lattice_of(group, seed)
    rho = np.random.default_rng(seed).standard_normal(shape)
    density = Density(rho, lattice, [], [])
    averaged = symmetrize_reciprocal(density, group)
    if all(o.fits for o in check_symmetry(rho, group).operators):
        np.testing.assert_allclose(averaged.values, symmetrize(rho, group), atol=1e-12)
    else:
        np.testing.assert_allclose(averaged.values, dense(rho, lattice, group), atol=1e-11)
    np.testing.assert_allclose(symmetrize_reciprocal(averaged, group).values, averaged.values, atol=1e-11)
    assert averaged.values.mean() == pytest.approx(rho.mean(), abs=1e-12)


def point_group(group):
    kinds = np.unique(group.rotations, axis=0)
    return kinds, np.zeros((len(kinds), 3), dtype=int), 1


@pytest.mark.parametrize("number", [2, 14, 62, 139, 166, 194, 216, 225, 227, 230])
def test_a_symmetric_density_stays_as_it_is(number):
    """Given by a finite Fourier series about an origin between the grid points, in its primitive or any other cell."""
    group = SpaceGroup.from_number(number)
    origin = (Fraction(123, 1000), Fraction(7, 19), Fraction(31, 97))
    lattice = lattice_of(group, number)
    shape = next_compatible_shape(SpaceGroup(*point_group(group)), (9, 9, 9))
    rng = np.random.default_rng(number)
    about_zero = symmetrize(rng.standard_normal(next_compatible_shape(group, (12, 12, 12))), group)
    coefficients = np.fft.fftn(about_zero) / about_zero.size
    reach = min(np.min(shape) // 4, 3)
    grid = np.indices(shape).reshape(3, -1).T / shape - np.array(origin, dtype=float)
    values = np.zeros(len(grid), dtype=complex)
    longest = (np.linalg.norm(np.linalg.inv(lattice), axis=0) * reach).min()
    for h in np.indices((2 * reach + 1,) * 3).reshape(3, -1).T - reach:
        if np.linalg.norm(np.linalg.inv(lattice) @ h) <= longest + 1e-9:
            values += coefficients[tuple(h)] * np.exp(2j * np.pi * grid @ h)
    rho = values.real.reshape(shape)
    assert np.abs(values.imag).max() < 1e-12
    averaged = symmetrize_reciprocal(Density(rho, lattice, [], []), moved(group, origin))
    np.testing.assert_allclose(averaged.values, rho, atol=1e-12)


def test_a_density_that_fits_is_averaged_over_its_orbits():
    density = crystal(225, seed=3)
    noisy = density.with_values(density.values + 1e-3 * np.random.default_rng(0).standard_normal(density.shape))
    averaged = symmetrize_reciprocal(noisy, 225)
    np.testing.assert_array_equal(averaged.values, symmetrize(noisy.values, 225))
    assert averaged.electrons == pytest.approx(noisy.electrons, rel=1e-12)


def test_a_magnetization_keeps_its_signs():
    field, signs = odd_magnetization(62)
    group = moved(SpaceGroup.from_number(62), (Fraction(1, 37), 0, Fraction(1, 41)))
    axes = [np.fft.fftfreq(n, 1 / n) for n in field.shape]
    kept = np.ones(field.shape)
    for axis, h in enumerate(axes):
        kept = kept * np.expand_dims(2 * np.abs(h) < field.shape[axis], [i for i in range(3) if i != axis])
    h = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    phase = np.exp(-2j * np.pi * h @ np.array([1 / 37, 0, 1 / 41])) * kept
    shifted, values = (np.fft.ifftn(np.fft.fftn(v) * phase).real for v in (field, crystal(62).values))
    density = replace(crystal(62), values=values, magnetization=shifted)
    averaged = symmetrize_reciprocal(density, group)
    np.testing.assert_allclose(averaged.magnetization, shifted, atol=1e-12)
    np.testing.assert_allclose(averaged.values, values, atol=1e-12)
    noise = np.random.default_rng(0).standard_normal(field.shape)
    with pytest.raises(NotSymmetricError, match="magnetic order"):
        symmetrize_reciprocal(replace(density, magnetization=noise), group)
    with pytest.raises(NotSymmetricError, match="non-collinear"):
        symmetrize_reciprocal(replace(density, magnetization=np.stack([shifted] * 3)), group)
    assert len(signs) == group.order


def test_an_antiferromagnet_whose_translations_reverse_it():
    x = (np.arange(9) + 0.3) / 9
    rho = np.broadcast_to(2 + np.cos(4 * np.pi * x), (9, 9, 9))
    moment = np.broadcast_to(np.cos(2 * np.pi * x), (9, 9, 9))
    group = SpaceGroup.from_operators(
        [np.eye(3), np.eye(3), -np.eye(3), -np.eye(3)],
        [[0, 0, 0], [0, 0, Fraction(1, 2)], [0, 0, Fraction(-1, 15)], [0, 0, Fraction(13, 30)]],
    )
    noise = 1e-3 * np.random.default_rng(0).standard_normal((9, 9, 9))
    averaged = symmetrize_reciprocal(Density(rho, 4 * np.eye(3), [], [], magnetization=moment + noise), group)
    np.testing.assert_allclose(averaged.values, rho, atol=1e-12)
    assert 1e-6 < np.abs(averaged.magnetization - moment).max() < 0.5 * np.abs(noise).max()


def test_a_group_of_another_cell_is_refused():
    with pytest.raises(SpaceGroupError, match="in the cell of the density"):
        symmetrize_reciprocal(Density(np.ones((5, 5, 5)), np.diag([4.0, 5.0, 6.0]), [], []), 225)


def test_the_origin_of_a_real_density_lies_off_its_grid(real_densities):
    density = read_density(real_densities / "Si2_sg227_origin_off_grid.CHGCAR.gz")
    group = density.space_group()
    assert not check_symmetry(density.values, group).fits
    averaged = symmetrize_reciprocal(density, group)
    change = np.abs(averaged.values - density.values).max() / np.abs(density.values).max()
    assert change < 1e-4
    standard = standardize(averaged)
    assert check_symmetry(standard.values, standard.space_group()).is_symmetric(1e-9)
