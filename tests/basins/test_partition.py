import math

import numpy as np
import pytest
from crystals import CRYSTALS, crystal
from every import every

import naive
import naive_bader
from symfft import (
    ShapeError,
    SpaceGroup,
    SymfftError,
    asymmetric_unit,
    expand_from_au,
    next_compatible_shape,
    reduce_to_au,
)
from symfft.basins import _kernels, partition
from symfft.basins.partition import Basins, invariant_lattice


def sums_by_orbit(rho, group, lattice, **more):
    """Heights, numbers and sums of density and volume of every orbit of basins under a group."""
    au = asymmetric_unit(group, rho.shape)
    values = reduce_to_au(rho, au)
    basins = Basins(values, au, lattice, **more)
    sums = basins.integrate(np.stack([values, np.ones(au.size)]))
    return basins, sums


def exactly_symmetric(rho, group):
    """Equal to the last bit at equivalent points, which sums in different orders are not."""
    au = asymmetric_unit(group, rho.shape)
    return expand_from_au(reduce_to_au(rho, au, tolerance=math.inf), au)


def grouped(heights, sums):
    """Sums over the basins of equal height."""
    return {h: sums[:, heights == h].sum(axis=1) for h in np.unique(heights)}


def random_lattice(group):
    metric = np.einsum("gki,kl,glj->ij", group.rotations, np.diag([9.0, 10.0, 11.0]), group.rotations) / group.order
    return np.linalg.cholesky(metric)


@pytest.mark.parametrize("number", CRYSTALS)
def test_basins_are_those_of_the_plain_method(number):
    group = SpaceGroup.from_number(number)
    rho = exactly_symmetric(crystal(number).values, group)
    lattice = invariant_lattice(group, CRYSTALS[number][0])
    expected, heights = naive_bader.basins(rho, lattice)
    plain = np.array([[(w * rho).sum(), w.sum()] for w in expected]).T
    basins, sums = sums_by_orbit(rho, group, lattice)
    assert basins.maxima.counts.sum() == len(heights)
    found, wanted = grouped(basins.maxima.density, sums), grouped(np.array(heights), plain)
    assert found.keys() == wanted.keys()
    for height in found:
        np.testing.assert_allclose(found[height], wanted[height], rtol=1e-10)


@every("number", range(1, 231))
def test_every_group_divides_as_no_symmetry_does(number):
    group = SpaceGroup.from_number(number)
    shape = next_compatible_shape(group, (6, 6, 6))
    lattice = random_lattice(group)
    rho = naive.symmetrized(1 + np.random.default_rng(number).random(shape), group)
    rho = exactly_symmetric(rho, group)
    basins, sums = sums_by_orbit(rho, group, lattice)
    whole, plain = sums_by_orbit(rho, SpaceGroup.from_number(1), lattice)
    assert basins.maxima.counts.sum() == whole.maxima.counts.sum()
    found, wanted = grouped(basins.maxima.density, sums), grouped(whole.maxima.density, plain)
    for height in wanted:
        np.testing.assert_allclose(found[height], wanted[height], rtol=1e-9)
    np.testing.assert_allclose(sums.sum(axis=1), [rho.sum(), rho.size], rtol=1e-12)


@pytest.mark.parametrize("number", [2, 14, 62, 194, 225])
@pytest.mark.parametrize("levels", [3, 6, 12])
def test_plateaus_keep_the_symmetry(number, levels):
    group = SpaceGroup.from_number(number)
    smooth = crystal(number, shape=tuple(2 * n for n in CRYSTALS[number][1])).laplacian("P 1").values
    rho = 1 + np.round((smooth - smooth.min()) / np.ptp(smooth) * levels) / levels
    rho = np.round(exactly_symmetric(rho, group) * levels) / levels
    lattice = CRYSTALS[number][0]
    basins, sums = sums_by_orbit(rho, group, lattice)
    expected, heights = naive_bader.basins(rho, invariant_lattice(group, lattice))
    plain = np.array([[(w * rho).sum(), w.sum()] for w in expected]).T
    assert basins.maxima.counts.sum() == len(heights)
    found, wanted = grouped(basins.maxima.density, sums), grouped(np.array(heights), plain)
    assert found.keys() == wanted.keys()
    for height in found:
        np.testing.assert_allclose(found[height], wanted[height], rtol=1e-9)


def test_a_maximum_between_two_points_is_one():
    # both points beside a mirror plane that lies between grid points
    x = (np.arange(8) + 0.5) / 8
    rho = 3 + (np.cos(2 * np.pi * x)[:, None, None] + np.cos(2 * np.pi * x)[:, None] + np.cos(2 * np.pi * x))
    group = SpaceGroup.from_number(1)
    basins, sums = sums_by_orbit(rho, group, np.eye(3))
    assert basins.maxima.counts.tolist() == [1]
    np.testing.assert_allclose(np.abs(basins.maxima.positions[0] - 0.9375), 0, atol=1e-12)
    np.testing.assert_allclose(sums[:, 0], [rho.sum(), rho.size])


def test_minima_planes_of_a_separable_density_bound_the_basins():
    # f(x) + g(y) + g(z): f has its minima where cos 2πx = -1/8
    for n, accuracy in ((24, 4e-3), (48, 1e-3)):
        x = np.arange(n) / n
        f = 3 + np.cos(4 * np.pi * x) + 0.5 * np.cos(2 * np.pi * x)
        g = 0.1 * np.cos(2 * np.pi * np.arange(8) / 8)
        rho = f[:, None, None] + g[:, None] + g
        au = asymmetric_unit("P m m m", rho.shape)
        basins = Basins(reduce_to_au(rho, au), au, np.diag([4.0, 3.0, 2.0]))
        share = basins.integrate(np.stack([reduce_to_au(rho, au), np.ones(au.size)])) / rho.size
        m = math.acos(-1 / 8) / (2 * math.pi)
        electrons = (
            3 * 2 * m + 2 * math.sin(4 * math.pi * m) / (4 * math.pi) + math.sin(2 * math.pi * m) / (2 * math.pi)
        )
        np.testing.assert_allclose(basins.maxima.positions, [[0, 0, 0], [0.5, 0, 0]])
        np.testing.assert_allclose(share[1], [2 * m, 1 - 2 * m], atol=accuracy)
        np.testing.assert_allclose(share[0], [electrons, 3 - electrons], atol=accuracy)


def test_the_result_does_not_depend_on_the_origin():
    rho = np.random.default_rng(4).random((6, 8, 10))
    cell = CRYSTALS[14][0]
    group = SpaceGroup.from_number(1)
    basins, sums = sums_by_orbit(rho, group, cell)
    moved, shifted = sums_by_orbit(np.roll(rho, (1, 3, 2), axis=(0, 1, 2)), group, cell)
    np.testing.assert_allclose(moved.maxima.density, basins.maxima.density)
    np.testing.assert_allclose(shifted, sums, rtol=1e-12)
    offset = (moved.maxima.positions - basins.maxima.positions - np.array([1, 3, 2]) / rho.shape + 1e-9) % 1
    np.testing.assert_allclose(offset, 1e-9, atol=1e-9)


def test_weights_sum_to_one_and_give_the_integrals():
    rho = crystal(62).values
    au = asymmetric_unit(62, rho.shape)
    values = reduce_to_au(rho, au)
    basins = Basins(values, au, CRYSTALS[62][0])
    count = len(basins.maxima.counts)
    weights = np.array([basins.weights(np.arange(count) == i) for i in range(count)])
    np.testing.assert_allclose(weights.sum(axis=0), 1.0, rtol=1e-12)
    assert weights.min() >= 0.0
    sums = basins.integrate(values[None])[0]
    np.testing.assert_allclose(weights @ (values * au.multiplicity), sums, rtol=1e-12)
    regions = np.arange(count) % 2
    np.testing.assert_allclose(basins.integrate(values[None], regions)[0, 1], sums[1::2].sum(), rtol=1e-12)


def test_vacuum_belongs_to_no_basin():
    rho = crystal(62).values
    au = asymmetric_unit(62, rho.shape)
    values = reduce_to_au(rho, au)
    basins = Basins(values, au, CRYSTALS[62][0], vacuum=0.5)
    assert (basins.vacuum == (values < 0.5)).all()
    inside = basins.integrate(np.ones((1, au.size))).sum()
    assert inside == (rho >= 0.5).sum()


def test_lists_of_weights_are_used_again(monkeypatch):
    x = 2 * np.pi * np.arange(32) / 32
    rho = 4 + np.cos(2 * x)[:, None, None] + np.cos(2 * x)[:, None] + np.cos(2 * x)
    rho += 0.1 * np.cos(x + 0.3)[:, None, None] * np.cos(x + 0.2)[:, None]
    au = asymmetric_unit(1, rho.shape)
    held = []
    monkeypatch.setattr(partition, "divide", lambda *arguments: held.append(_kernels.divide(*arguments)))
    basins = Basins(rho.reshape(-1), au, CRYSTALS[2][0])
    count = len(basins.maxima.counts)
    weights = np.array([basins.weights(np.arange(count) == i) for i in range(count)])
    basins.integrate(np.ones((1, au.size)))
    positive = weights > 0
    shared = positive[:, positive.sum(axis=0) > 1].sum()
    assert held[-1] < 0.6 * shared


def test_small_grids_and_single_planes():
    for shape in ((1, 1, 2), (1, 6, 6), (2, 2, 2), (5, 1, 1)):
        rho = 1 + np.random.default_rng(0).random(shape)
        _, sums = sums_by_orbit(rho, SpaceGroup.from_number(1), np.diag([3.0, 4.0, 5.0]))
        np.testing.assert_allclose(sums.sum(axis=1), [rho.sum(), rho.size])


def test_what_has_no_basins_is_refused():
    au = asymmetric_unit(1, (4, 4, 4))
    with pytest.raises(SymfftError, match="constant"):
        Basins(np.ones(64), au, np.eye(3))
    with pytest.raises(SymfftError, match="vacuum"):
        Basins(np.arange(64.0), au, np.eye(3), vacuum=100.0)
    with pytest.raises(ShapeError, match="finite"):
        Basins(np.full(64, np.nan), au, np.eye(3))
    with pytest.raises(ShapeError):
        Basins(np.ones(63), au, np.eye(3))
    with pytest.raises(ShapeError, match="does not fit"):
        Basins(np.arange(20.0), asymmetric_unit(221, (7, 7, 7)), np.diag([3.0, 4.0, 5.0]))
