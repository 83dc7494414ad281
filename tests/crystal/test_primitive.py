import numpy as np
import pytest

from symfft import SpaceGroup
from symfft.crystal import spglib_search
from symfft.crystal.primitive import Sites, primitive_crystal

ROCK_SALT = 5.6 / 2 * (np.ones((3, 3)) - np.eye(3)), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), [11, 17]
SILICON = 5.43 / 2 * (np.ones((3, 3)) - np.eye(3)), np.array([[0, 0, 0], [0.25, 0.25, 0.25]]), [14, 14]
COPPER = 2.5 * np.eye(3), np.zeros((1, 3)), [29]
OBLIQUE = np.array([[4, 0, 0], [0.3, 5, 0], [0.2, 0.7, 6]]), np.array([[0.1, 0.2, 0.3], [0.5, 0.7, 0.8]]), [11, 17]


def repeated(crystal, rows, rng=None):
    """A crystal in the cell with basis vectors rows @ lattice, its sites in any order."""
    lattice, positions, numbers = crystal
    rows = np.array(rows)
    count = abs(round(np.linalg.det(rows)))
    reach = int(np.abs(rows).sum())
    steps = np.indices((reach * 2 + 1,) * 3).reshape(3, -1).T - reach if reach < 40 else _along(rows)
    inner = steps @ np.linalg.inv(rows)
    steps = steps[((inner > -1e-9) & (inner < 1 - 1e-9)).all(axis=1)]
    assert len(steps) == count
    sites = ((positions[:, None] + steps) @ np.linalg.inv(rows)).reshape(-1, 3)
    kinds = np.repeat(numbers, count)
    order = np.arange(len(kinds)) if rng is None else rng.permutation(len(kinds))
    return rows @ lattice, sites[order], kinds[order]


def _along(rows):
    return np.indices(tuple(np.diag(rows))).reshape(3, -1).T


@pytest.mark.parametrize("count", [3, 200])
def test_the_nearest_site_is_that_of_all_distances(count):
    rng = np.random.default_rng(count)
    lattice = np.array([[3, 0, 0], [17, 4, 0], [-9, 21, 5]], dtype=float)  # far from reduced
    positions = rng.random((count, 3))
    points = positions[rng.integers(0, count, 50)] + 1e-3 * rng.standard_normal((50, 3)) @ np.linalg.inv(lattice)
    found, apart, distance = Sites(lattice, positions).nearest(points + rng.integers(-3, 4, (50, 3)))
    steps = np.indices((41,) * 3).reshape(3, -1).T - 20
    for point, which, left, far in zip(points, found, apart, distance, strict=True):
        all_distances = np.linalg.norm((point - positions[which] + steps) @ lattice, axis=1)
        assert far == pytest.approx(all_distances.min(), abs=1e-12)
        assert np.linalg.norm(left @ lattice) == pytest.approx(far, abs=1e-12)
        assert far < 0.02


@pytest.mark.parametrize("rows", [np.eye(3), [[2, 1, 0], [0, 3, 1], [1, 0, 2]], np.diag([7, 1, 1]), np.diag([4, 4, 4])])
@pytest.mark.parametrize("crystal", [ROCK_SALT, SILICON, COPPER, OBLIQUE])
def test_a_supercell_has_the_primitive_cell_that_it_was_made_of(crystal, rows):
    rng = np.random.default_rng(1)
    lattice, positions, kinds = repeated(crystal, np.array(rows, dtype=int), rng)
    found, copies = primitive_crystal(lattice, positions + rng.random(3), kinds, 1e-4, 1e-2)
    assert len(found.kinds) == len(crystal[2])
    assert abs(np.linalg.det(found.lattice)) == pytest.approx(abs(np.linalg.det(crystal[0])))
    inner = found.lattice @ np.linalg.inv(crystal[0])
    assert np.abs(inner - np.rint(inner)).max() < 1e-9  # a basis of the same lattice
    assert (np.unique(copies, return_counts=True)[1] * len(crystal[2]) == len(kinds)).all()
    assert all(len(set(kinds[copies == label])) == 1 for label in copies)


def test_a_foreign_atom_leaves_no_translation():
    lattice, positions, kinds = repeated(ROCK_SALT, np.diag([5, 5, 5]))
    kinds = kinds.copy()
    kinds[77] = 19
    found, copies = primitive_crystal(lattice, positions, kinds, 1e-4, 1e-2)
    assert len(found.kinds) == len(kinds) == len(np.unique(copies))


@pytest.mark.parametrize("moved", [5e-4, 5e-3])
def test_a_distance_between_the_tolerances_leaves_it_open(moved):
    lattice, positions, kinds = repeated(COPPER, np.diag([5, 4, 4]))
    positions = positions.copy()
    positions[3] += [moved / 12.5, 0, 0]
    assert primitive_crystal(lattice, positions, kinds, 1e-4, 1e-2) is None


def test_two_sites_on_one_place_are_not_searched():
    lattice, positions, kinds = repeated(COPPER, np.diag([5, 4, 4]))
    positions = positions.copy()
    positions[3] = positions[4] + 1e-5
    assert primitive_crystal(lattice, positions, kinds, 1e-4, 1e-2) is None


@pytest.mark.parametrize("noise", [0, 3e-4], ids=["exact", "within the tolerance"])
@pytest.mark.parametrize(
    ("crystal", "rows", "number", "order"),
    [
        (SILICON, np.diag([1, 1, 1000]), 227, 12 * 1000),
        (ROCK_SALT, np.diag([1000, 1, 1]), 225, 12 * 1000),
        (COPPER, np.diag([1, 2000, 1]), 221, 16 * 2000),
        (OBLIQUE, np.diag([1000, 1, 1]), 1, 1000),
        (COPPER, np.diag([40, 50, 1]), 221, 8 * 2000),
    ],
)
def test_two_thousand_atoms_on_a_line_or_in_a_plane(crystal, rows, number, order, noise, monkeypatch):
    """spglib, which takes the cube of their number, sees a primitive cell at most."""
    searched = spglib_search._dataset

    def small(cell, *others):
        assert len(cell[2]) <= 96  # of the crystal itself, or of a general one with all operators of a point group
        return searched(cell, *others)

    monkeypatch.setattr(spglib_search, "_dataset", small)
    rng = np.random.default_rng(2)
    lattice, positions, kinds = repeated(crystal, rows, rng)
    moved = positions + noise * (rng.random(positions.shape) - 0.5) @ np.linalg.inv(lattice)
    group = SpaceGroup.from_structure(lattice, moved, kinds)
    assert (group.number, group.order) == (number, order)
