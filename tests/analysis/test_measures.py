import numpy as np
import pytest
from crystals import crystal, odd_magnetization

import naive_series
from symfft import Density, ShapeError, SymfftError


def test_profiles_and_points():
    density = crystal(2)
    line = density.profile([0, 0, 0], [1, 1, 1], points=7)
    expected = naive_series.evaluate(
        *naive_series.terms(density.values, density.lattice), np.linspace(0, 1, 7)[:, None] * np.ones(3)
    )
    np.testing.assert_allclose(line.values, expected, atol=1e-11)
    assert line.distance[-1] == pytest.approx(np.linalg.norm(density.lattice.sum(axis=0)))
    assert line.magnetization is None
    for start, points in (([0, 0], 5), ([0, 0, float("nan")], 5), ([0, 0, 0], 1), ([0, 0, 0], 2.5), ("abc", 5)):
        with pytest.raises(ShapeError):
            density.profile(start, [1, 1, 1], points)


def test_averages_take_several_windows():
    density = crystal(62, magnetization=odd_magnetization(62)[0])
    twice = density.average("c", window=(1.5, 2.5))
    one = density.average("c", window=1.5)
    assert twice.values.shape == (10,)
    assert np.ptp(twice.values) < np.ptp(one.values) < np.ptp(density.average("c").values)
    np.testing.assert_allclose(twice.magnetization.mean(), density.magnetization.mean(), atol=1e-12)
    assert twice.distance[1] == pytest.approx(7.3 / 10)


def test_integrals_around_atoms():
    density = crystal(225)
    both = density.integrate_atoms({"Na": 0.8, "Cl": 1.2})
    np.testing.assert_allclose(both.values[:4], density.integrate_spheres(density.positions[:4], 0.8).values)
    assert np.ptp(both.values[4:]) < 1e-9
    np.testing.assert_allclose(both.volume[4:], 4 / 3 * np.pi * 1.2**3)
    with pytest.raises(SymfftError, match="Cl"):
        density.integrate_atoms({"Na": 0.8})
    with pytest.raises(ShapeError):
        density.integrate_atoms(-1.0)
    box = density.integrate_box([0, 0, 0], [1, 1, 1])
    assert box.values[0] == pytest.approx(density.electrons)
    assert box.volume[0] == pytest.approx(density.volume)


HKL = np.array([[0, 0, 0], [1, 0, 0], [-1, 0, 0], [1, 2, 1], [0, 1, -1]])


def test_structure_factors_by_their_definition():
    values, lattice = np.random.default_rng(0).random((5, 6, 7)), np.diag([4.0, 5.0, 6.0]) + 0.3 * np.eye(3, k=1)
    density = Density(values, lattice, [], [], magnetization=-values)
    x = np.stack(np.meshgrid(*(np.arange(n) / n for n in density.shape), indexing="ij"), axis=-1)
    of_spin = density.with_values(density.magnetization).structure_factors(HKL)
    for hkl, found, spin in zip(HKL, density.structure_factors(HKL), of_spin, strict=True):
        wave = np.exp(2j * np.pi * (x @ hkl))
        assert found == pytest.approx((values * wave).sum() * density.volume / values.size)
        assert spin == pytest.approx(-found)
    assert density.structure_factors([[0, 0, 0]])[0].real == pytest.approx(density.electrons)


@pytest.mark.parametrize("hkl", [[[3, 0, 0]], [[0, -3, 0]], [[0.5, 0, 0]], [1, 0, 0], [[True, False, False]]])
def test_structure_factors_that_a_grid_does_not_have(hkl):
    with pytest.raises(ShapeError, match=r"does not resolve|must be \(n, 3\) integers"):
        Density(np.ones((5, 6, 7)), np.eye(3), [], []).structure_factors(hkl)


def test_structure_factors_need_a_charge_density():
    with pytest.raises(SymfftError, match="potential"):
        crystal(62, kind="potential").structure_factors(HKL)
