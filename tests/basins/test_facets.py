import numpy as np
import pytest
from crystals import CRYSTALS, lattice

import naive_bader
from symfft import ShapeError
from symfft.basins.facets import voronoi_facets

CELLS = {number: cell for number, (cell, _, _) in CRYSTALS.items()} | {
    "needle": lattice(3.0, 3.1, 60.0, 88, 91, 95),
    "oblique": lattice(4, 5, 6, 50, 60, 55),
    "skewed cubic": np.array([[1, 0, 0], [3, 1, 0], [-2, 5, 1]]) @ np.eye(3),
}


@pytest.mark.parametrize("name", CELLS)
def test_facets_enclose_the_cell_of_a_point(name):
    shape = (8, 9, 10)
    found = voronoi_facets(CELLS[name], shape)
    step = CELLS[name] / np.array(shape)[:, None]
    volume = abs(np.linalg.det(step))
    vectors = found.steps @ step
    # the divergence theorem, for x and for r rᵀ
    assert (found.conductance * (vectors**2).sum(axis=1)).sum() / 6 == pytest.approx(volume, rel=1e-9)
    tensor = np.einsum("f,fi,fj->ij", found.conductance, vectors, vectors) / 2
    np.testing.assert_allclose(tensor, volume * np.eye(3), atol=1e-9 * volume)
    assert sorted(map(tuple, found.steps)) == sorted(map(tuple, -found.steps))


@pytest.mark.parametrize("name", list(CRYSTALS))
def test_facets_are_those_of_a_plain_search(name):
    found = voronoi_facets(CELLS[name], (6, 6, 6))
    expected = dict(naive_bader.facets(CELLS[name], (6, 6, 6)))
    assert set(map(tuple, found.steps.tolist())) == set(expected)
    for step, conductance in zip(found.steps.tolist(), found.conductance):
        assert conductance == pytest.approx(expected[tuple(step)], rel=1e-9)


def test_a_flat_lattice_is_refused():
    with pytest.raises((ShapeError, ValueError)):
        voronoi_facets([[1, 0, 0], [0, 1, 0], [1, 1, 0]], (4, 4, 4))
