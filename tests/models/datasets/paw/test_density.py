"""The shape function and its transform, against quadrature and laws; compensation charges against a direct sum."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from symfft.constants import BOHR
from symfft_models.datasets.paw.density import R_COMP, compensation, r_comp, shape_function, shape_transform


@pytest.mark.parametrize("r_c", [0.9, 1.3, 2.6])
def test_the_shape_function_holds_one_electron_and_ends_smoothly(r_c):
    charge, _ = quad(lambda r: 4 * np.pi * r**2 * float(shape_function(r, r_c)), 0, r_c)
    assert charge == pytest.approx(1, abs=1e-10)
    end = r_c * (1 - np.array([1e-3, 2e-3]))
    value = shape_function(end, r_c)
    # no value, slope and curvature: the third power of the distance
    assert value[0] / float(shape_function(0.0, r_c)) < 1e-7
    assert value[1] / value[0] == pytest.approx(8, rel=0.01)
    assert float(shape_function(r_c * 1.001, r_c)) == 0


@pytest.mark.parametrize("b", [0.0, 1e-4, 0.7, 1.5, np.pi / 2, 2.0, np.pi, 4.0, 1.5 * np.pi, 5.0, 2 * np.pi, 9.0, 21.3])
def test_its_transform_is_that_of_quadrature(b):
    exact, _ = quad(
        lambda r: 4 * np.pi * r**2 * float(shape_function(r, 1.0)) * np.sinc(b * r / np.pi), 0, 1, epsabs=1e-12
    )
    assert float(shape_transform(b)) == pytest.approx(exact, abs=1e-10)


def test_the_transform_is_smooth_where_its_denominators_vanish():
    b = np.concatenate([x + np.linspace(-1e-6, 1e-6, 9) for x in (np.pi / 2, np.pi, 1.5 * np.pi, 2 * np.pi)])
    assert np.isfinite(shape_transform(b)).all()
    assert np.abs(np.diff(shape_transform(b).reshape(4, -1), axis=1)).max() < 1e-6


def test_compensation_is_the_sum_over_atoms_in_any_cell():
    rng = np.random.default_rng(3)
    lattice = 4 * np.eye(3) + rng.normal(size=(3, 3)) / 3
    positions, charges = rng.random((4, 3)), np.array([2.0, -0.4, 2.0, 0.7])
    radii = np.array([1.3, 1.7, 1.3, 1.3])
    hkl = rng.integers(-6, 7, (40, 3))
    G = hkl @ (2 * np.pi * np.linalg.inv(lattice).T)
    expected = np.zeros(40, dtype=complex)
    for x, Q, r_c in zip(positions @ lattice, charges, radii):
        expected += Q * shape_transform(np.linalg.norm(G, axis=1) * r_c * BOHR) * np.exp(-1j * G @ x)
    found = compensation(hkl, lattice, positions, charges, radii)
    np.testing.assert_allclose(found, expected / abs(np.linalg.det(lattice)), atol=1e-14)
    assert compensation(np.zeros((1, 3), int), lattice, positions, charges, radii)[0] == pytest.approx(
        charges.sum() / abs(np.linalg.det(lattice))
    )


def test_radii_are_fitted_ones_or_a_share_of_the_setups_cut_off():
    assert r_comp("Cl", 9.9) == R_COMP["Cl"]
    assert r_comp("Mg", 2.0) == pytest.approx(1.7)
