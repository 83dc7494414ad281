"""Shortest frequencies against their definition, lattice isometries against the seven crystal systems."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_fourier import BRAVAIS, shortest_members, unimodular
from numpy.typing import NDArray

from symfft.crystal.lattice import (
    SUBSETS,
    common_lattice,
    integer_form,
    invariant_form,
    lattice_isometries,
    obtuse_superbase,
    reduced_basis,
    wigner_seitz_cell,
)
from symfft.crystal.operators import inverse_of
from symfft.errors import ShapeError

OBLIQUE = 10.0 ** np.arange(1, 6)
METRICS = [np.array(m) for m, _ in BRAVAIS.values()]
#: Lattices in which only isometries make two lengths equal.
NO_ACCIDENTS = [np.array(BRAVAIS[n][0]) for n in ("orthorhombic", "cubic", "cubic face-centred", "cubic body-centred")]
SHAPES = st.one_of(st.integers(1, 6).map(lambda n: (n, n, n)), st.tuples(*(st.integers(1, 6),) * 3))


IDENTITY = np.eye(3, dtype=int).tolist()


def superbase(metric: NDArray[np.int64], lattice: list[list[int]] = IDENTITY) -> NDArray[np.int64]:
    return np.array(obtuse_superbase(metric.tolist(), lattice))


def reduced(metric: NDArray[np.int64]) -> NDArray[np.float64]:
    basis = superbase(metric)[:3]
    return (basis @ metric @ basis.T).astype(float)


@pytest.mark.parametrize("name", BRAVAIS)
def test_isometries_are_the_holohedry_in_any_basis(name: str) -> None:
    metric, order = np.array(BRAVAIS[name][0]), BRAVAIS[name][1]
    rng = np.random.default_rng(3)
    for _ in range(8):
        u = np.array([[1, rng.integers(-3, 4), rng.integers(-3, 4)], [0, 1, rng.integers(-3, 4)], [0, 0, 1]])
        q = reduced(u @ metric @ u.T)
        found = lattice_isometries(q)
        assert len(found) == order
        np.testing.assert_allclose(found @ q @ found.transpose(0, 2, 1), np.broadcast_to(q, found.shape), atol=1e-9)


def test_isometries_survive_the_decimals_of_a_file_but_not_a_real_distortion() -> None:
    lattice = 5.64 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
    noisy = lattice + 5e-7 * np.random.default_rng(0).uniform(-1, 1, (3, 3))
    assert len(lattice_isometries(noisy @ noisy.T)) == 48
    tetragonal = lattice @ np.diag([1, 1, 1.01])
    q = tetragonal @ tetragonal.T
    basis = superbase(np.rint(1e12 * (q + q.T)).astype(object))[:3].astype(float)
    assert len(lattice_isometries(basis @ q @ basis.T)) == 16


@pytest.mark.parametrize("strain", np.linspace(1e-4, 3e-3, 12))
def test_isometries_form_a_group_at_any_distortion(strain: float) -> None:
    # around the tolerance some of the cubic operators pass and others do not
    shape = np.array([[1, 0.3, 0], [0, 1 + strain, 0.7 * strain], [0, 0, 1 - 0.4 * strain]])
    shape[0, 1] *= strain
    found = lattice_isometries(shape @ shape.T)
    known = {w.tobytes() for w in found}
    assert {(w @ v).tobytes() for w in found for v in found} == known
    assert len(found) in (2, 4, 8, 16, 48)


@given(st.sampled_from(METRICS), unimodular())
def test_superbase_is_obtuse_and_generates_the_lattice(metric: NDArray[np.int64], u: NDArray[np.int64]) -> None:
    v = superbase(metric, u.tolist())
    products = v @ metric @ v.T
    assert not v.sum(axis=0).any()
    assert max(products[i, j] for i in range(4) for j in range(i)) <= 0
    assert round(abs(np.linalg.det(v[:3].astype(float)))) == 1


def points_of(cell: NDArray[np.int64], shape: tuple[int, int, int], noise: float, seed: int) -> NDArray[np.int64]:
    factors = 1 + noise * np.random.default_rng(seed).uniform(-1, 1, (3, 3))
    reciprocal = np.linalg.inv(cell * (factors + factors.T) / 2)
    aliases = 1, np.diag(shape).tolist()
    found = wigner_seitz_cell(invariant_form(reciprocal, (1, IDENTITY), [aliases]), aliases)
    box = np.indices(2 * found.reach + 1).reshape(3, -1).T - found.reach
    return box[np.all(np.abs(box @ found.normals.T) <= found.bounds, axis=1)]


@given(st.sampled_from(METRICS), unimodular(shears=2), SHAPES, st.integers(0, 2**32 - 1))
def test_cell_holds_the_shortest_of_every_class(
    metric: NDArray[np.int64], u: NDArray[np.int64], shape: tuple[int, int, int], seed: int
) -> None:
    cell = u @ metric @ u.T
    points = points_of(cell, shape, 1e-7, seed)
    assert len(np.unique(points, axis=0)) == len(points)
    least = {tuple(np.mod(h, shape)): h for h in shortest_members(cell, shape)}
    assert {tuple(h % shape) for h in points} == set(least)
    reciprocal = np.linalg.inv(cell)
    truth = np.array([least[tuple(h % shape)] for h in points])
    lengths, shortest = (np.einsum("ni,ij,nj->n", h, reciprocal, h) for h in (points, truth))
    np.testing.assert_allclose(lengths, shortest, rtol=1e-4, atol=1e-12)


@given(st.sampled_from(NO_ACCIDENTS), unimodular(), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_all_ties_are_found_although_the_lattice_is_rounded(
    metric: NDArray[np.int64], u: NDArray[np.int64], n: int, seed: int
) -> None:
    cell = u @ metric @ u.T
    found = {tuple(h) for h in points_of(cell, (n, n, n), 1e-7, seed).tolist()}
    assert found == set(shortest_members(cell, (n, n, n)))


@given(st.sampled_from(METRICS), unimodular(), SHAPES, st.integers(0, 2**32 - 1))
def test_cell_is_invariant_under_every_isometry_that_fits_the_grid(
    metric: NDArray[np.int64], u: NDArray[np.int64], shape: tuple[int, int, int], seed: int
) -> None:
    cell = u @ metric @ u.T
    points = points_of(cell, shape, 1e-7, seed)
    basis = superbase(cell)[:3]
    inverse = np.rint(np.linalg.inv(basis.astype(float))).astype(int)
    known = {tuple(h) for h in points.tolist()}
    for w in lattice_isometries(reduced(cell)):
        # rows of direct vectors go to (inverse w basis); h is a column, and the grid must be mapped onto itself
        on_h = inverse @ w @ basis.astype(int)
        if not np.any(on_h * np.array(shape)[None, :] % np.array(shape)[:, None]):
            assert {tuple(h) for h in (points @ on_h.T).tolist()} == known


@given(st.lists(st.fractions(-2, 2, max_denominator=3), min_size=9, max_size=9))
def test_common_lattice_is_where_both_frequencies_are_integers(entries: list[Fraction]) -> None:
    t = np.array(entries, dtype=object).reshape(3, 3)
    if t[0] @ np.cross(t[1], t[2]) == 0:
        return
    basis = common_lattice(t)
    h = np.indices((7, 7, 7)).reshape(3, -1).T - 3
    integer = np.all([[(v % 1) == 0 for v in row] for row in h @ t.T], axis=1)
    coordinates = h @ inverse_of(basis)
    inside = np.all([[(v % 1) == 0 for v in row] for row in coordinates], axis=1)
    np.testing.assert_array_equal(inside, integer)


@pytest.mark.parametrize("name", BRAVAIS)
@pytest.mark.parametrize("steps", OBLIQUE)
def test_a_very_oblique_cell_is_reduced_to_its_shortest_vectors(name: str, steps: float) -> None:
    """Also where the squares of the shortest vectors are lost beside those of the cell's own."""
    cell = np.linalg.cholesky(np.array(BRAVAIS[name][0], dtype=float))
    shortest = lengths(reduced_basis(cell @ cell.T) @ cell)
    skewed = np.array([[1, steps, 0], [0, 1, 0], [0, 0, 1]]) @ cell
    found = reduced_basis(skewed @ skewed.T)
    assert round(abs(np.linalg.det(found))) == 1
    np.testing.assert_allclose(lengths(found @ skewed), shortest, rtol=1e-6)


@given(st.integers(0, 10**6), st.sampled_from([1, 30, 1000]), st.permutations(range(3)))
def test_a_long_cell_has_one_long_vector(seed: int, long: int, order: list[int]) -> None:
    """Each height is that of the vector within its angle to the others: at least half of the volume's share."""
    rng = np.random.default_rng(seed)
    cell = (np.eye(3) + rng.uniform(-0.5, 0.5, (3, 3))) * [[1], [1], [long]]
    basis = reduced_basis(cell[order] @ cell[order].T) @ cell[order]
    size = np.linalg.norm(basis, axis=1)
    assert (np.diff(size) >= -1e-9 * size[-1]).all()
    assert abs(np.linalg.det(basis)) >= 0.3 * size.prod()


def lengths(basis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the three shortest lengths of the Voronoi vectors of a reduced basis."""
    return np.sort(np.linalg.norm(SUBSETS @ basis, axis=1))[:3]


@pytest.mark.parametrize("metric", [np.zeros((3, 3)), np.ones((3, 3)), np.diag([1, 1, -1]), np.diag([1, -1, -1])])
def test_a_metric_without_a_shortest_vector_is_refused(metric: NDArray[np.float64]) -> None:
    with pytest.raises(ShapeError, match="no volume"):
        obtuse_superbase(metric.astype(int).tolist(), IDENTITY)


@pytest.mark.parametrize("metric", [np.zeros((3, 3)), np.diag([1, 1, -1])])
def test_a_metric_without_volume_has_no_integers(metric: NDArray[np.float64]) -> None:
    with pytest.raises(ShapeError, match="no volume"):
        integer_form(metric)
