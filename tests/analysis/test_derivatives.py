import numpy as np
import pytest
from crystals import CRYSTALS, crystal
from every import every

import naive
import naive_series
from symfft import ShapeError, SpaceGroup, asymmetric_unit, expand_from_au, next_compatible_shape, reduce_to_au
from symfft.analysis import au_gradient, au_gradient_norm, au_laplacian, au_reduced_gradient
from symfft.analysis.derivatives import directions_of, stabilizer


def reference(rho, lattice):
    """Gradient (3, Nx, Ny, Nz) and Laplacian on the full cell, from the series term by term."""
    frequencies, coefficients = naive_series.terms(rho, lattice)
    cartesian = frequencies @ np.linalg.inv(lattice).T
    points = np.indices(rho.shape).reshape(3, -1).T / rho.shape
    gradient = [
        naive_series.evaluate(frequencies, 2j * np.pi * g * coefficients, points).reshape(rho.shape)
        for g in cartesian.T
    ]
    squared = (cartesian**2).sum(axis=1)
    laplacian = naive_series.evaluate(frequencies, -4 * np.pi**2 * squared * coefficients, points)
    return np.array(gradient), laplacian.reshape(rho.shape)


@pytest.mark.parametrize("number", CRYSTALS)
def test_derivatives_are_those_of_the_series_on_the_whole_cell(number):
    density = crystal(number)
    au = asymmetric_unit(number, density.shape)
    values = reduce_to_au(density.values, au)
    gradient, laplacian = reference(density.values, density.lattice)
    at = tuple(au.indices.T)
    scale = np.abs(gradient).max()
    np.testing.assert_allclose(au_gradient(values, au, density.lattice), gradient[:, *at], atol=1e-12 * scale)
    norm = np.linalg.norm(gradient, axis=0)
    np.testing.assert_allclose(
        expand_from_au(au_gradient_norm(values, au, density.lattice), au), norm, atol=1e-12 * scale
    )
    np.testing.assert_allclose(
        expand_from_au(au_laplacian(values, au, density.lattice), au), laplacian, atol=1e-12 * np.abs(laplacian).max()
    )
    expected = norm / (2 * (3 * np.pi**2) ** (1 / 3) * density.values ** (4 / 3))
    np.testing.assert_allclose(
        expand_from_au(au_reduced_gradient(values, au, density.lattice), au), expected, atol=1e-12 * expected.max()
    )


@every("number", range(1, 231))
def test_gradients_in_every_group_are_those_of_the_group_without_symmetry(number):
    group = SpaceGroup.from_number(number)
    shape = next_compatible_shape(group, (5, 5, 6))
    lattice = np.linalg.cholesky(
        np.einsum("gki,kl,glj->ij", group.rotations, np.diag([9.0, 10.0, 11.0]), group.rotations) / group.order
    )
    rho = naive.symmetrized(np.random.default_rng(number).standard_normal(shape), group)
    au, whole = asymmetric_unit(group, shape), asymmetric_unit(1, shape)
    values = reduce_to_au(rho, au, tolerance=1e-9)
    expected = au_gradient(rho.reshape(-1), whole, lattice).reshape(3, *shape)
    found = au_gradient(values, au, lattice)
    np.testing.assert_allclose(found, expected[:, *au.indices.T], atol=1e-11 * np.abs(expected).max())


def test_batches_and_single_precision():
    au = asymmetric_unit(198, (6, 6, 6))
    values = np.random.default_rng(0).random((2, 3, au.size)).astype(np.float32)
    together = au_gradient(values, au, 4.6 * np.eye(3))
    assert together.shape == (2, 3, 3, au.size)
    np.testing.assert_allclose(together[1, 2], au_gradient(values[1, 2], au, 4.6 * np.eye(3)), atol=1e-12)


def test_directions_span_space_and_stabilizers_leave_them_alone():
    for number in range(1, 231):
        group = SpaceGroup.from_number(number)
        chosen = directions_of(group)
        images = np.concatenate([group.rotations @ d for d in chosen])
        assert np.linalg.matrix_rank(images) == 3
        for d in chosen:
            assert ((stabilizer(group, d).rotations @ d) == d).all()


def test_the_work_in_a_cubic_group_is_that_of_one_direction():
    assert len(directions_of(SpaceGroup.from_number(225))) == 1
    assert stabilizer(SpaceGroup.from_number(225), directions_of(SpaceGroup.from_number(225))[0]).order == 192 // 6


def test_reduced_gradient_is_infinite_where_there_are_no_electrons():
    au = asymmetric_unit(1, (4, 4, 4))
    values = np.ones(au.size)
    values[3] = -0.1
    assert np.isinf(au_reduced_gradient(values, au, np.eye(3))).sum() == 1


@pytest.mark.parametrize("bad", [np.ones(5), np.full(36, np.nan)])
def test_unusable_values_are_refused(bad):
    with pytest.raises(ShapeError):
        au_laplacian(bad, asymmetric_unit("P -1", (4, 4, 4)), np.eye(3))
