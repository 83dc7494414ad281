"""The crystal of a page: atoms on faces, colours, and where one looks from."""

import numpy as np
import pytest

from symfft import Density
from symfft.palette import colour_of
from symfft.view.scene import atoms_to_draw, camera_of, composition, nearest_distance


def crystal_of(positions, numbers, lattice=4.0):
    return Density(np.ones((2, 2, 2)), lattice * np.eye(3), positions, numbers)


@pytest.mark.parametrize(
    ("position", "count"),
    [
        ([0, 0, 0], 8),
        ([0.5, 0, 0], 4),
        ([0.5, 0.5, 0], 2),
        ([0.5, 0.5, 0.5], 1),
        ([-1, 2, 1 - 1e-9], 8),
        ([1.25, 0, 0], 4),
    ],
)
def test_atoms_on_faces_are_drawn_wherever_they_lie(position, count):
    positions, numbers = atoms_to_draw(crystal_of([position], [11]))
    assert len(positions) == count == len(numbers)
    apart = positions - np.array(position)
    np.testing.assert_allclose(apart, np.rint(apart), atol=1e-6)


def test_every_element_has_a_colour_of_its_own():
    colours = [colour_of(number) for number in [*range(1, 119), -1, -2]]
    assert len(set(colours)) > 110
    assert all(0 <= colour <= 0xFFFFFF for colour in colours)


def test_neighbours_are_found_across_the_cell():
    assert nearest_distance(crystal_of([[0.05, 0, 0], [0.55, 0, 0]], [1, 2], 5.0)) == pytest.approx(2.5)
    assert nearest_distance(crystal_of([[0.05, 0, 0], [0.45, 0, 0], [0.95, 0, 0]], [1, 2, 3], 30.0)) == pytest.approx(
        3.0
    )
    assert nearest_distance(crystal_of([], [])) == 4.0


@pytest.mark.parametrize("lattice", [np.diag([3.0, 4.0, 50.0]), np.array([[0, 3, 3], [3, 0, 3], [3, 3, 0.0]])])
def test_all_of_the_cell_is_seen(lattice):
    camera = np.array(camera_of(lattice)).reshape(3, 3)
    place, target, up = camera
    corners = np.indices((2, 2, 2)).reshape(3, -1).T @ lattice
    view = (target - place) / np.linalg.norm(target - place)
    to = corners - place
    angle = np.degrees(np.arccos((to @ view) / np.linalg.norm(to, axis=1)))
    assert angle.max() < 11
    assert up @ lattice[2] > 0


def test_composition_names_unknown_elements():
    assert composition(np.array([12, 8, 8, -1])) == "Mg O2 unknown 1"
    assert composition(np.array([], dtype=int)) == "density"
