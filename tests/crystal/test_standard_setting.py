"""The reference setting found from the operators alone, against spglib on the crystal itself."""

from __future__ import annotations

import numpy as np
import pytest
from every import every
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from symfft import SpaceGroup, SpaceGroupError
from symfft.crystal import standard_setting as settings
from symfft.crystal.operators import translation_lattice
from symfft.crystal.sites import clear_symmetry
from symfft.crystal.spglib_search import search_group
from symfft.crystal.standard_setting import standardization
from symfft.crystal.structure import checked_structure

FCC = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
BCC = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2
HEXAGONAL = np.array([[1, 0, 0], [-0.5, np.sqrt(3) / 2, 0], [0, 0, 1.6]])
#: Group, cell, sites, elements; some with free coordinates.
CRYSTALS = {
    "rock salt": (225, 5.6 * FCC, [[0, 0, 0], [1 / 2] * 3], [11, 17]),
    "diamond, origin 1": (227, 5.4 * FCC, [[0] * 3, [1 / 4] * 3], [14, 14]),
    "diamond, origin 2": (227, 5.4 * FCC, [[1 / 8] * 3, [7 / 8] * 3], [14, 14]),
    "zincblende": (216, 5.4 * FCC, [[0] * 3, [1 / 4] * 3], [30, 16]),
    "bcc": (229, 3.2 * BCC, [[0, 0, 0]], [3]),
    "fcc, cubic cell": (225, 4 * np.eye(3), [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]], [29] * 4),
    "rock salt, doubled cell": (
        225,
        5.6 * FCC * [[2], [1], [1]],
        [[0, 0, 0], [0.5, 0, 0], [0.25, 0.5, 0.5], [0.75, 0.5, 0.5]],
        [11, 11, 17, 17],
    ),
    "wurtzite": (
        186,
        3.2 * HEXAGONAL,
        [[1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0.5], [1 / 3, 2 / 3, 0.381], [2 / 3, 1 / 3, 0.881]],
        [30, 30, 16, 16],
    ),
    "rutile": (
        136,
        np.diag([4.6, 4.6, 2.96]),
        [[0, 0, 0], [0.5] * 3, *[[0.305, 0.305, 0], [0.695, 0.695, 0], [0.195, 0.805, 0.5], [0.805, 0.195, 0.5]]],
        [22, 22, 8, 8, 8, 8],
    ),
    "pyrite": (
        205,
        5.4 * np.eye(3),
        [
            *[[0, 0, 0], [0.5, 0, 0.5], [0, 0.5, 0.5], [0.5, 0.5, 0]],
            *[[0.385] * 3, [0.115, 0.615, 0.885], [0.615, 0.885, 0.115], [0.885, 0.115, 0.615]],
            *[[0.615] * 3, [0.885, 0.385, 0.115], [0.385, 0.115, 0.885], [0.115, 0.885, 0.385]],
        ],
        [26] * 4 + [16] * 8,
    ),
}


def arrays(cell, positions, numbers):
    return np.array(cell, dtype=float), np.array(positions, dtype=float), np.array(numbers, dtype=np.intc)


def general_crystal(number, seed, left_handed=False):
    """Three atoms in general position and their images, in a random basis of the primitive cell of a group."""
    import spglib

    rng = np.random.default_rng(seed)
    group = SpaceGroup.from_number(number)
    w, t = group.rotations, group.translations.astype(float)
    metric = np.einsum("gki,kl,glj->ij", w, np.diag(rng.uniform(40, 90, 3)), w) / len(w)
    points = rng.random((3, 3))
    positions = np.concatenate([w @ x + t for x in points])
    cell = spglib.find_primitive((np.linalg.cholesky(metric), positions, np.repeat([8, 14, 26], len(w))), symprec=1e-4)
    u = np.array([[1, rng.integers(-1, 2), 0], [0, 1, rng.integers(-1, 2)], [0, 0, -1 if left_handed else 1]])
    return u @ cell[0], cell[1] @ np.linalg.inv(u), cell[2]


def kinds_of(numbers):
    return np.unique(numbers, return_inverse=True)[1].astype(np.int64)


def operators(group):
    """The operators of a group, translations to two decimals."""
    translations = np.round(group.numerators / group.denominator, 2) % 1
    return {(w.tobytes(), *t) for w, t in zip(group.rotations, translations.tolist(), strict=True)}


def spglibs(crystal, symprec):
    import spglib

    found = spglib.get_symmetry(crystal, symprec=symprec)
    translations = np.round(found["translations"], 2) % 1
    return {(w.astype(np.int64).tobytes(), *t) for w, t in zip(found["rotations"], translations.tolist(), strict=True)}


def is_right(found, crystal, number):
    """P and p bring the sites to where the operators of the reference setting repeat them."""
    lattice, positions, numbers = crystal
    assert found.number == number
    group = SpaceGroup.from_number(number)
    p, shift = found.transformation.astype(float), found.origin_shift.astype(float)
    np.testing.assert_allclose(found.std_lattice.T @ p, np.transpose(lattice), atol=1e-9)
    assert np.linalg.det(found.std_lattice) > 0
    np.testing.assert_allclose(found.cell.astype(float) @ lattice, found.std_lattice, atol=1e-12)
    back = np.linalg.inv(p)
    for w, t in zip(group.rotations, group.translations.astype(float)):
        images = ((positions @ p.T + shift) @ w.T + t - shift) @ back.T
        apart = images[:, None] - positions[None]
        distance = np.linalg.norm((apart - np.rint(apart)) @ lattice, axis=2)
        assert distance.min(axis=1).max() < 1e-3
        assert (numbers[distance.argmin(axis=1)] == numbers).all()


@pytest.mark.parametrize("name", CRYSTALS)
def test_common_structures_need_no_search_and_get_the_group_that_spglib_finds(name):
    number, *crystal = CRYSTALS[name]
    crystal = arrays(*crystal)
    assert clear_symmetry(crystal[0], crystal[1], kinds_of(crystal[2]), 1e-3) is not None
    found = standardization(*crystal)
    is_right(found, crystal, number)
    assert operators(found.space_group) == spglibs(crystal, 1e-3)


@pytest.mark.parametrize("number", [*range(75, 231, 6), 76, 78, 144, 145, 227, 230])
@pytest.mark.parametrize("left_handed", [False, True])
def test_any_basis_of_any_group_leads_to_the_reference_setting(number, left_handed):
    crystal = general_crystal(number, number, left_handed)
    assert (np.linalg.det(crystal[0]) < 0) == left_handed
    is_right(standardization(*crystal, symprec=1e-4), crystal, number)


@pytest.mark.parametrize("number", [2, 14, 62, 64])
def test_axes_that_lengths_decide_on_are_left_to_spglib(number):
    crystal = general_crystal(number, number)
    found = standardization(*crystal, symprec=1e-4)
    searched = search_group(checked_structure(*crystal, 1e-4), 1e-4)
    assert (found.transformation == searched.transformation).all()
    is_right(found, crystal, number)


def test_what_came_before_does_not_matter():
    crystals = [arrays(*c[1:]) for c in CRYSTALS.values()]
    crystals += [(1.3 * lattice, positions, numbers + 1) for lattice, positions, numbers in crystals]

    def found(order):
        for cache in (settings._setting, settings._axes, settings._turned):
            cache.cache_clear()
        answers = {i: standardization(*crystals[i]) for i in order}
        return [(answers[i].transformation.tolist(), answers[i].origin_shift.tolist()) for i in range(len(crystals))]

    assert found(range(len(crystals))) == found(reversed(range(len(crystals))))


def test_a_crystal_in_the_reference_setting_stays_as_it_is():
    found = standardization(*arrays(*CRYSTALS["pyrite"][1:]))
    assert (found.transformation == np.eye(3, dtype=int)).all()
    assert not found.origin_shift.any()


@pytest.mark.parametrize("displacement", [3e-4, 1e-3, 1.1e-3, 1.3e-3, 3e-3])
def test_near_the_tolerance_distance_from_symmetric_places_decides(displacement):
    """One of six sites is moved along z, and the origin fitted to all: it ends up five sixths of that off its place."""
    lattice, positions, numbers = arrays(*CRYSTALS["rutile"][1:])
    positions[2, 2] += displacement / lattice[2, 2]
    assert clear_symmetry(lattice, positions, kinds_of(numbers), 1e-3) is None
    found = standardization(lattice, positions, numbers)
    assert (found.number == 136) == (5 / 6 * displacement < 1e-3)


@pytest.mark.parametrize("change", [5e-4, 3e-3])
def test_a_lattice_near_the_tolerance_is_compared_in_length(change):
    lattice, positions, numbers = arrays(*CRYSTALS["rutile"][1:])
    lattice = lattice * [1 + change / 4.6, 1, 1]
    assert clear_symmetry(lattice, positions, kinds_of(numbers), 1e-3) is None
    assert (standardization(lattice, positions, numbers).number == 136) == (change < 2e-3)


@pytest.mark.parametrize("displacement", [2e-5, 3e-2])
def test_far_from_the_tolerance_nothing_is_left_to_decide(displacement):
    crystal = arrays(*CRYSTALS["rutile"][1:])
    crystal[1][2, 2] += displacement / crystal[0][2, 2]
    _, found = clear_symmetry(crystal[0], crystal[1], kinds_of(crystal[2]), 1e-3)
    assert len(found.rotations) == len(spglibs(crystal, 1e-3))
    assert operators(standardization(*crystal).space_group) == spglibs(crystal, 1e-3)


def test_sites_on_top_of_each_other_are_left_to_spglib():
    lattice, positions, numbers = arrays(*CRYSTALS["rutile"][1:])
    positions[3] = positions[2] + 1e-4
    assert clear_symmetry(lattice, positions, kinds_of(numbers), 1e-3) is None


# ---- any origin, any cell -------------------------------------------------------------------------------------------


def any_crystal(number, rng, cell="primitive", noise=0.0):
    """Atoms in general positions of a group, in a random cell with a random origin, orientation and order.

    Returns
    -------
    tuple
        Lattice, positions, numbers, and T and o: ``x_reference = x T + o``.
    """
    group = SpaceGroup.from_number(number)
    metric = np.eye(3) * 25 + rng.uniform(-4, 4, (3, 3))
    metric = np.einsum("gki,kl,glj->ij", group.rotations, metric + metric.T, group.rotations) / group.order
    centring = group.numerators[(group.rotations == np.eye(3)).all(axis=(1, 2))]
    basis = np.array(translation_lattice(centring, group.denominator)) / group.denominator
    turn = np.eye(3, dtype=int)
    for _ in range(4):
        i, j = rng.permutation(3)[:2]
        shear = np.eye(3, dtype=int)
        shear[i, j] = rng.integers(-1, 2)
        turn = turn @ shear
    turn[0] *= rng.choice([-1, 1])
    large = np.diag(rng.integers(1, 3, 3)) if cell == "supercell" else np.eye(3)
    t, origin = large @ turn @ (np.eye(3) if cell == "conventional" else basis), rng.random(3)
    w, translations = group.rotations, group.numerators / group.denominator
    sites = [w @ rng.uniform(low, low + 0.12, 3) + translations for low in (0.07, 0.21)]
    steps = np.indices((2 * int(np.abs(t).sum(axis=0).max()) + 3,) * 3).reshape(3, -1).T
    found = []
    for kind in sites:
        x = ((kind % 1 - origin)[:, None] + steps - steps.max() // 2).reshape(-1, 3) @ np.linalg.inv(t)
        found.append(x[((np.round(x, 9) >= 0) & (np.round(x, 9) < 1)).all(axis=1)])
    positions, numbers = np.concatenate(found), np.repeat([6, 8], [len(x) for x in found])
    rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    lattice = t @ np.linalg.cholesky(metric) @ (rotation * np.linalg.det(rotation))
    order = rng.permutation(len(positions))
    moved = rng.uniform(-1, 1, positions.shape) * noise / np.sqrt(3)
    return lattice, positions[order] + moved @ np.linalg.inv(lattice), numbers[order], t, origin


def furthest_image(group, lattice, positions, numbers):
    """The largest distance, in Å, of the image of an atom from the next atom of its kind."""
    translations, furthest = group.numerators / group.denominator, 0.0
    for kind in np.unique(numbers):
        same = positions[numbers == kind]
        images = group.rotations[:192] @ same[0] + translations[:192]
        apart = images[:, None] - same
        distance = np.linalg.norm((apart - np.rint(apart)) @ lattice, axis=2).min(axis=1)
        furthest = max(furthest, float(distance.max()))
    return furthest


@every("number", range(1, 231))
def test_any_origin_and_any_cell_of_every_group(number):
    for index, cell in enumerate(("primitive", "conventional", "supercell")):
        if cell == "supercell" and number % 4:
            continue
        rng = np.random.default_rng([number, index])
        lattice, positions, numbers, t, _ = any_crystal(number, rng, cell)
        found = standardization(lattice, positions, numbers, symprec=1e-5)
        assert found.number == number
        assert furthest_image(found.space_group, lattice, positions, numbers) < 1e-9
        whole = SpaceGroup.from_number(number).order * abs(np.linalg.det(t))
        if cell != "supercell":
            assert found.space_group.order == round(whole)
        assert np.linalg.det(found.std_lattice) > 0


@pytest.mark.parametrize("number", range(2, 231, 5))
@pytest.mark.parametrize("noise", [1e-4, 5e-4, 9e-4])
def test_sites_up_to_the_tolerance_from_their_places(number, noise):
    """Of random displacements the mean, which is not a distortion, is taken out by the fit of the origin."""
    lattice, positions, numbers, _, _ = any_crystal(number, np.random.default_rng(number), noise=noise)
    found = standardization(lattice, positions, numbers, symprec=1e-3)
    assert found.number == number
    assert furthest_image(found.space_group, lattice, positions, numbers) < 4 * noise


@pytest.mark.parametrize("number", [3, 14, 31, 62, 82, 122, 146, 167, 186, 205, 216, 225, 227, 230])
def test_the_order_of_atoms_makes_no_difference(number):
    lattice, positions, numbers, _, _ = any_crystal(number, np.random.default_rng(number))
    found = standardization(lattice, positions, numbers)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(numbers))
        again = standardization(lattice, positions[order], numbers[order])
        assert again.space_group.number == found.space_group.number
        assert (again.transformation == found.transformation).all()
        apart = (again.origin_shift - found.origin_shift).astype(float)
        assert np.abs(apart - np.rint(apart)).max() < 1e-9


def test_rock_salt_a_little_off_its_origin():
    lattice, positions, numbers = arrays(*CRYSTALS["rock salt"][1:])
    for shift in (0.005, 0.0051234567, 1 / 30):
        found = standardization(lattice, positions + shift, numbers)
        assert found.number == 225
        assert furthest_image(found.space_group, lattice, positions + shift, numbers) < 1e-10


def test_supercells_of_two_thousand_atoms():
    primitive = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    steps = np.indices((10, 10, 10)).reshape(3, -1).T
    positions = ((primitive[:, None] + steps) / 10).reshape(-1, 3)
    found = standardization(56 * FCC, positions + [0.0123, 0.2, 0.71], np.repeat([11, 17], 1000))
    assert found.space_group.order == 48 * 1000
    assert found.number == 225
    assert (found.std_lattice.round(9) == 5.6 * np.eye(3)).all()


@pytest.mark.parametrize(
    "symprec", [-1, 0, -0.0, 1e-300, np.nan, np.inf, -np.inf, 1e300, 10**400, 2.0, "x", None, True]
)
def test_a_tolerance_that_is_no_distance_is_refused(symprec):
    crystal = arrays(*CRYSTALS["rutile"][1:])
    with pytest.raises(SpaceGroupError, match="symprec"):
        standardization(*crystal, symprec=symprec)


@pytest.mark.parametrize("symprec", [1e-8, 1e-5, 0.01, 0.1, 0.5])
def test_small_and_large_tolerances_serve(symprec):
    assert standardization(*arrays(*CRYSTALS["rutile"][1:]), symprec=symprec).number == 136


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: (c[0], c[1] + 1e20, c[2]), "fractional"),
        (lambda c: (c[0], np.full_like(c[1], np.nan), c[2]), "not finite"),
        (lambda c: (np.full((3, 3), np.inf), c[1], c[2]), "not finite"),
        (lambda c: (c[0] * 0, c[1], c[2]), "singular"),
        (lambda c: (c[0] * 1e-200, c[1], c[2]), "singular"),
        (lambda c: (c[0] * 1e200, c[1], c[2]), "not in Å"),
        (lambda c: (c[0][[0, 0, 1]], c[1], c[2]), "singular"),
        (lambda c: (c[0], c[1][:-1], c[2]), "as many positions"),
        (lambda c: (c[0], [["x"] * 3], [1]), "not made of numbers"),
        (lambda c: (c[0] + 0.1j, c[1], c[2]), "complex"),
        (lambda c: (c[0], c[1] * 1j, c[2]), "complex"),
        (lambda c: (c[0], c[1], [{}] * len(c[2])), "atomic number"),
        (lambda c: (c[0], c[1], [np.nan] * len(c[2])), "atomic number"),
        (lambda c: (c[0][:2], c[1], c[2]), "lattice"),
    ],
)
def test_unusable_structures_are_named(change, message):
    with pytest.raises(SpaceGroupError, match=message):
        standardization(*change(arrays(*CRYSTALS["rutile"][1:])))


def test_any_labels_serve_as_kinds():
    lattice, positions, _ = arrays(*CRYSTALS["rutile"][1:])
    for labels in (["Ti"] * 2 + ["O"] * 4, [2**40] * 2 + [-3] * 4, [119] * 2 + [0] * 4):
        assert standardization(lattice, positions, labels).number == 136


@settings_of_hypothesis(max_examples=20)
@given(st.integers(1, 230), st.integers(0, 2**32 - 1))
def test_axes_in_any_order_belong_to_the_same_crystal(number, seed):
    lattice, positions, numbers, _, _ = any_crystal(number, np.random.default_rng(seed))
    found = standardization(lattice, positions, numbers, symprec=1e-4)
    for order in ([1, 2, 0], [1, 0, 2], [0, 2, 1]):
        again = standardization(lattice[order], positions[:, order], numbers, symprec=1e-4)
        assert (again.number, again.space_group.order) == (found.number, found.space_group.order)


@pytest.mark.parametrize("steps", [10, 100, 300, 1e3, 1e4, 1e5])
@pytest.mark.parametrize("name", ["cubic", "monoclinic"])
def test_an_oblique_cell_has_its_group_or_is_refused_for_what_it_is(name, steps):
    cell = {"cubic": 4 * np.eye(3), "monoclinic": np.array([[5, 0, 0], [0, 6, 0], [1, 0, 7.0]])}[name]
    wanted = SpaceGroup.from_structure(cell, [[0, 0, 0]], [84]).number
    skewed = np.array([[1, steps, 0], [0, 1, 0], [0, 0, 1]]) @ cell
    if steps < 1e3:
        assert SpaceGroup.from_structure(skewed, [[0, 0, 0]], [84]).number == wanted
        return
    with pytest.raises(SpaceGroupError, match=r"too oblique: .* up to \d+ times .*: give the reduced cell"):
        SpaceGroup.from_structure(skewed, [[0, 0, 0]], [84])
