"""Errors on asymmetric units and unique reflections: those of the whole cell and of all reflections."""

from __future__ import annotations

import numpy as np
import pytest

from symfft_models.data.store import Entry
from symfft_models.datasets.paw import load_paw
from symfft_models.datasets.paw.reflections import expand_reflections
from symfft_models.predict import DensityPredictor
from symfft_models.scattering.geometry import scattering
from symfft_models.scattering.measure import density_on_grid, expected_error, nmae, predicted_factors
from symfft_models.scattering.observation import observe
from symfft_models.scattering.radial import radial_functions

NAMES = ("rock-salt-MgO", "diamond-Si", "wurtzite-BeO")


@pytest.fixture(scope="module")
def model():
    return DensityPredictor.load_shipped().model


@pytest.fixture(scope="module", params=NAMES)
def observation(request):
    return observe(load_paw().find(request.param))


def on_the_cell(observation, factors, shape):
    grid = expand_reflections(observation.crystal.group, observation.hkl, factors, shape)
    return np.fft.ifftn(grid).real * np.prod(shape) / observation.crystal.volume


def test_density_is_that_of_all_reflections(observation):
    values = density_on_grid(observation, observation.factors)
    np.testing.assert_allclose(
        values, on_the_cell(observation, observation.factors, values.shape), atol=1e-12 * values.max()
    )
    assert values.mean() * observation.crystal.volume == pytest.approx(observation.electrons)


def test_errors_are_those_of_the_whole_cell(observation, model):
    guesses = np.stack([predicted_factors(observation, model.coefficients(observation.crystal)), observation.factors])
    truth = density_on_grid(observation, observation.factors)
    guess = on_the_cell(observation, guesses[0], truth.shape)
    expected = 100 * np.abs(guess - truth).sum() / np.abs(truth).sum()
    found = nmae(observation, guesses)
    assert found[0] == pytest.approx(expected)
    assert found[1] < 1e-12
    assert float(nmae(observation, guesses[0])) == pytest.approx(expected)


def test_reflections_that_others_stand_for_are_found(observation, model):
    """An entry on an asymmetric unit lists other reflections of the classes than one of PAW parts does."""
    entry = load_paw().find(observation.id).entry()
    assert isinstance(entry, Entry)
    other = observe(entry)
    truth = density_on_grid(other, other.factors)
    np.testing.assert_allclose(truth, on_the_cell(other, other.factors, truth.shape), atol=1e-12 * truth.max())


def test_expected_error_is_the_sum_over_all_reflections(observation, model):
    crystal = observation.crystal
    found = model.coefficients(crystal)
    reach = np.floor(np.linalg.norm(crystal.lattice, axis=1)).astype(int)
    hkl = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in reach], indexing="ij"), -1).reshape(-1, 3)
    length = np.linalg.norm(hkl @ np.linalg.inv(crystal.lattice).T, axis=1)
    near = (length > 0) & (length < 1)
    factors = scattering(crystal, found.terms, hkl[near])
    design = factors[:, :, None] * radial_functions(length[near], found.terms.degree)
    independent = np.einsum("khn,knm,khm->", design, found.spread[found.terms.degree], design.conj()).real
    shared = (np.abs(np.einsum("khn,skn->sh", design, found.draws)) ** 2).sum() / len(found.draws)
    expected = 100 * np.sqrt(independent + shared) / model.electrons(crystal)
    assert expected_error(crystal, found) == pytest.approx(expected, rel=1e-6)
