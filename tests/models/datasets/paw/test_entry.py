"""One entry: the formula on any grid, symmetric, with its electrons, and as models take it."""

from __future__ import annotations

import numpy as np
import pytest

from symfft import SpaceGroup, check_symmetry, resample
from symfft.constants import BOHR
from symfft_models.datasets.paw import load_paw
from symfft_models.datasets.paw.density import shape_function
from symfft_models.datasets.paw.pack import entry_of

from . import made_up


@pytest.fixture(params=[made_up.magnesia, made_up.wurtzite, made_up.iron])
def entry(request):
    return entry_of(*made_up.result(request.param(), spin=request.param is made_up.iron))


def test_the_density_is_the_sum_of_its_parts_at_every_point(entry):
    """A direct sum over atoms of this and the neighbouring cells, in real space."""
    shape = tuple(2 * n for n in entry.shape)
    density = entry.density(shape)
    points = np.array([[0, 0, 0], [1, 2, 3], [5, 0, 7], [4, 4, 4], [0, 9, 1]])
    x = points / shape
    cells = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3, indexing="ij"), -1).reshape(-1, 3)
    expected = np.zeros(len(points))
    symbols = {n: s for s, n in (("Mg", 12), ("O", 8), ("Fe", 26), ("Zn", 30), ("S", 16))}
    for position, number in zip(density.positions, density.numbers):
        symbol = symbols[number]
        r = np.linalg.norm((x[:, None] - position - cells) @ entry.lattice, axis=2)
        soft = (made_up.VALENCE[symbol] - 1.5) * np.exp(-(r**2) / (2 * 0.7**2)) / (2 * np.pi * 0.7**2) ** 1.5
        r_c = entry.r_comp[[site.symbol for site in entry.sites].index(symbol)]
        expected += (soft + 1.5 * shape_function(r / BOHR, r_c) / BOHR**3).sum(1)
    # the sum over reflections ends where the shape function's transform is still 2 % of its beginning
    np.testing.assert_allclose(density.values[tuple(points.T)], expected, atol=0.03 * density.values.max())


def test_it_has_its_electrons_its_symmetry_and_its_atoms(entry):
    density = entry.density()
    assert density.electrons == pytest.approx(entry.electrons, rel=1e-12)
    assert check_symmetry(density.values, entry.space_group).largest_residual < 1e-12
    found = SpaceGroup.from_structure(density.lattice, density.positions, density.numbers)
    assert found.number == entry.space_group
    assert len(density.numbers) == sum(int(site.wyckoff[:-1]) for site in entry.sites)


def test_its_grid_is_the_smallest_that_holds_all_reflections(entry):
    fine = entry.values(tuple(2 * n for n in entry.shape))
    np.testing.assert_allclose(resample(entry.density(), fine.shape).values, fine, atol=1e-12 * fine.max())
    lost = entry.density(tuple(n - 4 for n in entry.shape))
    assert np.abs(resample(lost, fine.shape).values - fine).max() > 1e-6 * fine.max()


def test_the_magnetization_comes_with_the_density_where_there_is_one():
    iron = entry_of(*made_up.result(made_up.iron(), spin=True))
    density = iron.density()
    assert iron.spin_polarised
    np.testing.assert_allclose(density.magnetization, 0.2 * density.values, atol=1e-6)
    assert iron.moments.tolist() == pytest.approx([1.6])
    assert entry_of(*made_up.result(made_up.magnesia())).density().magnetization is None


def test_models_get_the_values_of_an_asymmetric_unit_on_any_grid(entry):
    shape = tuple(2 * n for n in entry.shape)
    for view in (entry.entry(), entry.entry(shape)):
        np.testing.assert_allclose(view.density().values, entry.values(view.shape), atol=1e-6 * view.values.max())
        assert (view.id, view.split, view.electrons, view.sites) == (
            entry.id,
            entry.split,
            entry.electrons,
            entry.sites,
        )


def test_densities_that_ship_are_symmetric_and_have_their_electrons():
    densities = load_paw()
    for entry in densities[:: max(1, len(densities) // 12)]:
        density = entry.density()
        assert check_symmetry(density.values, entry.space_group).largest_residual < 1e-10
        assert density.electrons == pytest.approx(entry.electrons, rel=1e-12)
        valence = sum(int(s.wyckoff[:-1]) * densities.setups[s.symbol].valence for s in entry.sites)
        assert valence == entry.electrons
