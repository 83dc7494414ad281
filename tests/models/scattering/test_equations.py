"""What structure factors say of coefficients: as much as all of them, in fewer equations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symfft_models.scattering import equations as module
from symfft_models.scattering.equations import FAINT, Stored, equations_of, some_reflections
from symfft_models.scattering.radial import RADIAL
from symfft_models.scattering.synthesis import structure_factors


def test_equations_say_what_the_structure_factors_say_but_for_what_is_faint(few_crystals, small):
    for observation in sorted(few_crystals, key=lambda o: len(o.hkl))[:8]:
        found = equations_of(observation, replace(small, reflections=10**6))
        terms = found.atoms.terms
        weight = np.sqrt(observation.multiplicity / observation.electrons) / small.noise
        units = np.eye(len(terms) * RADIAL).reshape(-1, len(terms), RADIAL)
        design = weight * structure_factors(observation.crystal, terms, units, observation.hkl)
        values = weight * observation.factors
        few = found.equations.reshape(len(found.values), -1)
        assert len(few) <= min(2 * len(observation.hkl), len(units))
        lost = (design @ design.conj().T).real - few.T @ few
        assert np.abs(np.linalg.eigvalsh(lost)).max() <= 1.001 * FAINT**2
        aside = (design @ values.conj()).real - few.T @ found.values
        assert np.linalg.norm(aside) <= FAINT * np.linalg.norm(values)


def test_the_covariance_is_the_sum_over_terms(few_crystals, small):
    random = np.random.default_rng(1)
    half = random.standard_normal((5, RADIAL, RADIAL))
    spread = half @ half.transpose(0, 2, 1)
    for observation in few_crystals[::4]:
        found = equations_of(observation, small)
        expected = np.eye(len(found.values))
        for term, degree in enumerate(found.atoms.terms.degree):
            expected += found.equations[:, term] @ spread[degree] @ found.equations[:, term].T
        assert found.covariance(spread) == pytest.approx(expected, rel=1e-9, abs=1e-9 * np.abs(expected).max())


def test_a_crystal_of_many_terms_takes_no_more_than_the_largest(few_crystals, small, monkeypatch):
    many = replace(small, reflections=10**6)
    observation = max(few_crystals, key=lambda o: len(o.hkl))
    terms = len(equations_of(observation, many).atoms.terms)
    monkeypatch.setattr(module, "LARGEST", 2 * RADIAL * terms * 10)
    seen = []
    monkeypatch.setattr(module, "scattering", lambda *a, real=module.scattering: seen.append(len(a[2])) or real(*a))
    equations_of(observation, many)
    assert seen == [10]


@pytest.mark.parametrize(("count", "most"), [(5, 9), (9, 9), (100, 10), (1000, 33)])
def test_chosen_reflections_stand_for_all(count, most):
    rows, times = some_reflections(count, most)
    assert len(rows) <= most
    assert times.sum() == pytest.approx(count)
    assert np.array_equal(rows, np.unique(rows))
    assert (rows[0], rows[-1]) == (0, count - 1)


@pytest.mark.parametrize("memory", [0, 200_000, 10**9])
def test_stored_equations_are_the_same_however_many_are_held(few_crystals, small, memory):
    rows = np.array([1, 4, 9, 16])
    stored = Stored(few_crystals, rows, replace(small, memory=memory))
    for _ in range(2):
        for row, found in zip(rows, stored, strict=True):
            expected = equations_of(few_crystals[row], small)
            assert np.array_equal(found.equations, expected.equations)
            assert np.array_equal(found.values, expected.values)
    assert sum(found.nbytes for found in stored.held.values()) == stored.bytes <= memory
    assert memory < 10**9 or len(stored.held) == len(rows)
