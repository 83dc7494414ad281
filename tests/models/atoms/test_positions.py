import gemmi
import numpy as np
import pytest

from symfft import SpaceGroup
from symfft_models.atoms.positions import cosets, directions, distances, onto_special, orbit, points_without_freedom


@pytest.mark.parametrize("number", [1, 14, 62, 139, 166, 194, 205, 225, 227, 230])
def test_orbit_and_cosets_agree_with_gemmi(number):
    group = SpaceGroup.from_number(number)
    operations = list(gemmi.find_spacegroup_by_ops(gemmi.GroupOps([gemmi.Op(t) for t in group.triplets])).operations())
    for point in (np.zeros(3), np.array([0.25, 0.25, 0.25]), np.array([0.11, 0.23, 0.37])):
        theirs = np.array([operation.apply_to_xyz(point.tolist()) for operation in operations])
        expected = np.unique((theirs % 1).round(6) % 1, axis=0)
        rotations, translations = cosets(group, point)
        for ours in (orbit(group, point), rotations @ point + translations):
            assert np.allclose(np.unique((ours % 1).round(6) % 1, axis=0), expected)


def test_points_without_freedom_of_known_groups():
    """Positions a, b, c and d of Fm-3m; a to d, of Fd-3m; none of P1."""
    found = points_without_freedom(SpaceGroup.from_number(225))
    assert sorted(len(orbit(SpaceGroup.from_number(225), p)) for p in found) == [4, 4, 8, 24]
    found = points_without_freedom(SpaceGroup.from_number(227))
    assert sorted(len(orbit(SpaceGroup.from_number(227), p)) for p in found) == [8, 8, 16, 16]
    assert points_without_freedom(SpaceGroup.from_number(1)) == []


def test_a_point_near_a_special_position_moves_onto_it():
    group = SpaceGroup.from_number(225)
    point = onto_special(group, np.array([0.26, 0.24, 0.245]), 6 * np.eye(3), 0.5)
    assert np.allclose(point, 0.25)
    line = onto_special(group, np.array([0.24, 0.01, -0.01]), 8 * np.eye(3), 0.5)
    assert line.round(6).tolist() == [0.24, 0.0, 0.0]
    assert np.allclose(np.abs(directions(group, line)), [[1, 0, 0]])


def test_a_general_point_stays_and_is_free():
    group, point = SpaceGroup.from_number(221), np.array([0.11, 0.23, 0.37])
    assert np.allclose(onto_special(group, point, 9 * np.eye(3), 0.3), point)
    assert len(directions(group, point)) == 3


def test_distances_go_round_the_cell():
    assert distances(np.array([[0.9, 0, 0]]), np.array([0.1, 0, 0]), 10 * np.eye(3))[0] == pytest.approx(2)
