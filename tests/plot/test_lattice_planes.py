"""Lattice planes: bases, spacings, bonds, and which planes are chosen."""

from itertools import product

import numpy as np
import pytest
from crystals import crystal
from hypothesis import given
from hypothesis import strategies as st

from symfft import Density, ShapeError
from symfft.plot.lattice_planes import (
    LatticePlane,
    basis_of,
    bonds_of,
    lattice_plane,
    planes_with_bonds,
    spacing_of,
)

LATTICE = np.array([[4.0, 0.0, 0.0], [-1.5, 4.5, 0.0], [0.8, -0.7, 5.0]])
indices = st.tuples(*[st.integers(-6, 6)] * 3).filter(any)


@given(indices)
def test_a_basis_spans_all_lattice_vectors_of_the_plane(hkl):
    plane = lattice_plane(hkl, 0.0)
    basis = basis_of(plane, LATTICE)
    np.testing.assert_array_equal(basis @ plane.hkl, 0)
    # area of the cell = volume / spacing: no smaller cell, and none left out
    area = np.linalg.norm(np.cross(*(basis @ LATTICE)))
    assert area * spacing_of(plane, LATTICE) == pytest.approx(np.linalg.det(LATTICE))


def test_spacings_are_those_of_the_textbook():
    a = 5.6
    for hkl in ((1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0)):
        assert spacing_of(lattice_plane(hkl, 0), a * np.eye(3)) == pytest.approx(a / np.linalg.norm(hkl))


def test_a_common_factor_is_taken_into_the_position():
    assert lattice_plane((0, 0, -4), 1.0) == LatticePlane((0, 0, -1), 0.25)
    assert lattice_plane((2, 2, 0), 1.0).name == "(110) at 0.5"
    assert lattice_plane((1, -1, 0), 0.0).name == "(11\u03050) at 0"


@pytest.mark.parametrize(("hkl", "at"), [((0, 0, 0), 0), ((1, 0.5, 0), 0), ((1, 0), 0), ((1, 0, 0), np.nan)])
def test_what_is_no_plane_is_refused(hkl, at):
    with pytest.raises(ShapeError):
        lattice_plane(hkl, at)


def rock_salt(a=5.6):
    faces = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    return Density(np.ones((4, 4, 4)), a * np.eye(3), np.concatenate([faces, (faces + 0.5) % 1]), [11] * 4 + [17] * 4)


def diamond(a=5.43):
    lattice = a / 2 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0.0]])
    return Density(np.ones((4, 4, 4)), lattice, [[0, 0, 0], [0.25, 0.25, 0.25]], [14, 14])


@pytest.mark.parametrize(("make", "number", "length"), [(rock_salt, 6, 2.8), (diamond, 4, 5.43 * np.sqrt(3) / 4)])
def test_bonds_go_to_all_nearest_neighbours(make, number, length):
    density = make()
    starts, vectors = bonds_of(density)
    np.testing.assert_array_equal(np.bincount(starts), number)
    np.testing.assert_allclose(np.linalg.norm(vectors @ density.lattice, axis=1), length)


def test_a_single_atom_is_bound_to_its_images():
    starts, vectors = bonds_of(Density(np.ones((2, 2, 2)), 3 * np.eye(3), [[0.3, 0.3, 0.3]], [29]))
    assert len(starts) == 6
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1)


def test_planes_with_most_bonds_are_those_that_textbooks_draw():
    assert sorted(map(abs, planes_with_bonds(rock_salt())[0].hkl)) == [0, 0, 1]
    # zigzag chains of diamond: {110} of the cubic cell
    plane = planes_with_bonds(diamond())[0]
    cubic = np.linalg.inv(diamond().lattice) @ plane.hkl * 5.43
    assert sorted(np.abs(np.rint(cubic)).tolist()) in ([0, 2, 2], [0, 1, 1])


@pytest.mark.parametrize("number", [2, 14, 62, 166, 225])
def test_chosen_planes_hold_bonds_and_differ(number):
    density = crystal(number)
    first, second = planes_with_bonds(density)
    assert first.hkl != second.hkl or first.at != second.at
    spacing = spacing_of(first, density.lattice)
    heights = (density.positions @ first.hkl - first.at + 0.5) % 1 - 0.5
    assert (np.abs(heights) * spacing < 0.02).any()


def test_without_atoms_planes_go_through_the_largest_value():
    values = np.zeros((8, 8, 8))
    values[2, 3, 4] = 1
    first, second = planes_with_bonds(Density(values, np.eye(3), [], []))
    assert (first, second) == (LatticePlane((0, 0, 1), 0.5), LatticePlane((1, 0, 0), 0.25))


def test_no_shorter_basis_exists():
    for hkl in ((1, 1, 0), (2, -1, 1), (1, 2, -2)):
        plane = lattice_plane(hkl, 0)
        lengths = np.linalg.norm(basis_of(plane, LATTICE) @ LATTICE, axis=1)
        inside = [v for v in product(range(-3, 4), repeat=3) if any(v) and np.dot(v, hkl) == 0]
        assert lengths[0] == pytest.approx(min(np.linalg.norm(np.array(v) @ LATTICE) for v in inside))
