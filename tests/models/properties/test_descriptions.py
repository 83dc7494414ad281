"""Descriptions do not depend on how a crystal is written down; the kernel of atoms is its double sum."""

from __future__ import annotations

import numpy as np
import pytest

from symfft_models.datasets.paw import load_paw
from symfft_models.properties.descriptions import (
    ELEMENTS,
    QUANTILES,
    AtomsOf,
    composition_numbers,
    density_numbers,
    vector_kernels,
)
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.kernel import element_kernel
from symfft_models.scattering.structure import crystal_of


@pytest.fixture(scope="module")
def entries():
    densities = load_paw()
    return [densities.find(name) for name in ("rock-salt-MgO", "fluorite-CaF2", "perovskite-SrTiO3")]


def test_the_kernel_is_a_mean_over_pairs_of_atoms(entries):
    crystals = [crystal_of(entry) for entry in entries]
    atoms = AtomsOf.of(crystals)
    kernel = atoms.kernel(atoms, 3.0)
    alike = element_kernel(*ELEMENTS)
    for i in range(3):
        for j in range(3):
            total = sum(
                atoms.share[a]
                * atoms.share[b]
                * alike[atoms.number[a] - 1, atoms.number[b] - 1]
                * np.exp(-((atoms.around[a] - atoms.around[b]) ** 2).sum() / 18.0)
                for a in np.flatnonzero(atoms.owner == i)
                for b in np.flatnonzero(atoms.owner == j)
            )
            assert kernel[i, j] == pytest.approx(total, rel=1e-10)
    assert np.linalg.eigvalsh(kernel).min() > 0


def test_descriptions_do_not_depend_on_cell_and_origin(entries):
    crystal = crystal_of(entries[1])
    positions, orbits = crystal.atoms()
    numbers = crystal.numbers[orbits]
    doubled = np.diag([1.0, 1.0, 2.0]) @ crystal.lattice
    shift = np.array([0.1, 0.27, 0.31])
    twice = np.concatenate([(positions + shift + [0, 0, n]) / [1, 1, 2] for n in (0, 1)])
    other = Crystal.of_atoms(doubled, twice, np.tile(numbers, 2))
    first, second = AtomsOf.of([crystal]), AtomsOf.of([other])
    own = first.kernel(first, 3.0)[0, 0]
    assert first.kernel(second, 3.0)[0, 0] == pytest.approx(own, rel=1e-8)
    np.testing.assert_allclose(composition_numbers(other), composition_numbers(crystal), atol=1e-8)


def test_density_numbers_begin_with_the_mean_density(entries):
    for entry in entries:
        numbers = density_numbers(entry)
        assert np.exp(numbers[0]) == pytest.approx(entry.electrons / abs(np.linalg.det(entry.lattice)), rel=1e-6)
        quantiles = numbers[1 : 1 + len(QUANTILES)]
        assert (np.diff(quantiles) > 0).all()
        values = entry.values() / entry.values().mean()
        assert np.exp(quantiles[4]) == pytest.approx(np.median(values), rel=1e-3)


def test_vectors_of_different_groups_are_not_alike():
    vectors = np.random.default_rng(0).normal(size=(5, 3))
    for kernel in vector_kernels(vectors, np.array([1, 1, 2, 2, 2])):
        assert (kernel[:2, 2:] == 0).all()
        np.testing.assert_allclose(np.diag(kernel), 1)
