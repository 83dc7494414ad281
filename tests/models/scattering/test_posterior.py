"""Latents: orthogonal, standard normal, the best first; the electrons stay, and enough of them give all."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from symfft import ShapeError
from symfft_models.datasets.paw import load_paw
from symfft_models.predict import DensityPredictor
from symfft_models.scattering.measure import nmae, predicted_factors
from symfft_models.scattering.observation import observe
from symfft_models.scattering.posterior import PIVOTS, Latents, leading
from symfft_models.scattering.synthesis import structure_factors

MOST = 256


@pytest.fixture(scope="module")
def model():
    return DensityPredictor.load_shipped().model


@pytest.fixture(scope="module", params=["rock-salt-MgO", "diamond-Si"])
def case(request, model):
    observation = observe(load_paw().find(request.param))
    crystal, hkl, multiplicity = observation.crystal, observation.hkl, observation.multiplicity
    return observation, Latents.of(model, crystal, model.coefficients(crystal), hkl, multiplicity, MOST)


def test_no_latents_are_the_prediction(case, model):
    observation, latents = case
    expected = predicted_factors(observation, model.coefficients(observation.crystal))
    inside = observation.length <= model.longest
    np.testing.assert_allclose(latents.decode(np.zeros(0))[inside], expected[inside], atol=1e-9 * observation.electrons)


def test_as_many_as_there_are_structure_factors_give_all_of_them(case):
    observation, latents = case
    assert latents.basis.shape[1] == len(observation.hkl) - 1  # real ones, but for F(0)
    found = latents.decode(latents.encode(observation.factors))
    np.testing.assert_allclose(found, observation.factors, atol=1e-9 * observation.electrons)


def test_every_draw_has_the_electrons(case):
    observation, latents = case
    for z in np.random.default_rng(0).standard_normal((3, latents.basis.shape[1])):
        assert abs(latents.decode(z)[0] - observation.electrons) < 1e-9 * observation.electrons


def test_more_latents_never_do_worse_in_the_square(case):
    observation, latents = case
    z = latents.encode(observation.factors)
    weight = observation.multiplicity
    squares = [(weight * np.abs(latents.decode(z[:n]) - observation.factors) ** 2).sum() for n in range(0, 129, 8)]
    assert all(later <= earlier * (1 + 1e-9) for earlier, later in pairwise(squares))
    few, many = (nmae(observation, latents.decode(z[:n])) for n in (0, 64))
    assert many < 0.2 * few


def test_latents_of_the_models_own_draws_are_standard_normal(case, model):
    """Densities drawn from the distribution of coefficients, constrained to their electrons."""
    observation, latents = case
    found = model.coefficients(observation.crystal)
    random = np.random.default_rng(1)
    halves = np.linalg.cholesky(found.spread + 1e-12 * np.eye(found.spread.shape[-1]))[found.terms.degree]
    count = 400
    independent = np.einsum("knm,skm->skn", halves, random.standard_normal((count, *found.mean.shape)))
    mixed = random.standard_normal((count, len(found.draws))) / np.sqrt(len(found.draws))
    changes = independent + np.einsum("sd,dkn->skn", mixed, found.draws)
    factors = structure_factors(observation.crystal, found.terms, changes, observation.hkl)
    charge = factors[:, 0]
    along = (factors[:, :1].conj() * factors).mean(axis=0) / (np.abs(charge) ** 2).mean()
    factors = factors - charge[:, None] * along  # what is left where the electrons are known
    z = np.array([latents.encode(latents.mean + change)[:6] for change in factors])
    np.testing.assert_allclose(z.std(axis=0), 1, atol=0.15)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.2)


def test_other_reflections_are_refused(case):
    observation, latents = case
    with pytest.raises(ShapeError, match="give one for each"):
        latents.encode(observation.factors[1:])


@pytest.mark.parametrize("rows", [40, 400])
def test_leading_eigenvectors(rows):
    """Of a covariance whose variances fall by orders of magnitude: some parts that all share, and one of each alone."""
    random = np.random.default_rng(rows)
    root = random.standard_normal((rows, 60)) * np.exp(-np.arange(60) / 4) * np.exp(-np.arange(rows) / 80)[:, None]
    smooth = 1e-6 * np.exp(-np.arange(rows) / 20)
    covariance = root @ root.T + np.diag(smooth)
    squares = np.linalg.eigvalsh(covariance)
    found, basis = leading(covariance.copy(), smooth, 30)
    np.testing.assert_allclose(found, squares[:-31:-1], rtol=1e-2)
    np.testing.assert_allclose(basis.T @ basis, np.eye(30), atol=1e-7)
    told = np.einsum("ni,nm,mi->i", basis, covariance, basis)
    np.testing.assert_allclose(told[:15], squares[:-16:-1], rtol=1e-7)
    assert told.sum() > (1 - 1e-7) * squares[-30:].sum()


def test_crystals_of_many_reflections_have_the_leading_eigenvectors(model):
    """The first latents of a spinel, of which only some rows of the covariance are looked at, are the exact ones."""
    observation = observe(load_paw().find("spinel-MgTi2O4"))
    crystal, hkl, multiplicity = observation.crystal, observation.hkl, observation.multiplicity
    found = model.coefficients(crystal)
    few = Latents.of(model, crystal, found, hkl, multiplicity, MOST)
    every = Latents.of(model, crystal, found, hkl, multiplicity, len(hkl))
    assert len(hkl) > PIVOTS * MOST
    np.testing.assert_allclose(few.basis[:, :128], every.basis[:, :128], atol=1e-7 * np.abs(every.basis).max())
    errors = [
        float(nmae(observation, latents.decode(latents.encode(observation.factors)[:MOST]))) for latents in (few, every)
    ]
    assert abs(errors[0] - errors[1]) < 1e-4
