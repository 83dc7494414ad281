"""Normal equations summed by features and shapes, against those of the equations written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symfft_models.scattering import normal
from symfft_models.scattering.equations import equations_of
from symfft_models.scattering.landmarks import neighbour_blocks, terms_by_degree
from symfft_models.scattering.normal import solve
from symfft_models.scattering.radial import RADIAL
from symfft_models.scattering.training import superposed
from symfft_models.scattering.valence import valences


@pytest.fixture(scope="module")
def problem(few_crystals, small):
    crystals = [equations_of(observation, small) for observation in few_crystals]
    half = np.random.default_rng(0).standard_normal((5, RADIAL, RADIAL))
    spread = 1e-3 * (half @ half.transpose(0, 2, 1) + 0.1 * np.eye(RADIAL))
    atoms = superposed(small, valences(few_crystals))
    blocks = neighbour_blocks(*terms_by_degree(few_crystals, small), spread, small)
    return replace(atoms, blocks=blocks), crystals, spread


@pytest.fixture(scope="module")
def written_out(problem):
    """Mean, inverse covariance and evidence of the weights from the coefficients of each of them."""
    basis, crystals, spread = problem
    inverse, right, squares, logs = np.eye(basis.size), np.zeros(basis.size), 0.0, 0.0
    each = basis.expansion(np.eye(basis.size))
    for one in crystals:
        design = np.einsum("pkn,wkn->pw", one.equations, each.coefficients(one.atoms))
        covariance = one.covariance(spread)
        inverse += design.T @ np.linalg.solve(covariance, design)
        right += design.T @ np.linalg.solve(covariance, one.values)
        squares += one.values @ np.linalg.solve(covariance, one.values)
        logs += np.linalg.slogdet(covariance)[1]
    mean = np.linalg.solve(inverse, right)
    return mean, inverse, -0.5 * (squares - right @ mean + logs + np.linalg.slogdet(inverse)[1])


@pytest.mark.parametrize("bounds", [(normal.NUMBERS, normal.TERMS), (0, 0), (10**9, 30), (20_000, 10**9)])
def test_they_are_those_of_the_equations_however_many_crystals_wait(problem, written_out, monkeypatch, bounds):
    basis, crystals, spread = problem
    assert {block.degree for block in basis.blocks} == {0, 1, 2, 3, 4}
    assert not all(block.used.all() for block in basis.blocks)
    monkeypatch.setattr(normal, "NUMBERS", bounds[0])
    monkeypatch.setattr(normal, "TERMS", bounds[1])
    found, (mean, inverse, evidence) = solve(basis, iter(crystals), spread), written_out
    upper = np.linalg.inv(found.factor.solve_upper(np.eye(basis.size)))
    assert upper.T @ upper == pytest.approx(inverse, rel=1e-8, abs=1e-9 * np.abs(inverse).max())
    assert found.mean == pytest.approx(mean, rel=1e-5, abs=1e-6 * np.abs(mean).max())
    assert found.evidence == pytest.approx(evidence, rel=1e-9)


def test_without_crystals_the_weights_are_those_of_the_prior(problem):
    basis, _, spread = problem
    found = solve(basis, [], spread)
    assert np.array_equal(found.mean, np.zeros(basis.size))
    assert np.array_equal(found.factor.solve_upper(np.eye(basis.size)), np.eye(basis.size))
