"""Space groups: against gemmi's and spglib's tables, and structures of all 230 types in all kinds of cells."""

from fractions import Fraction

import gemmi
import numpy as np
import pytest
import spglib
from every import every
from hypothesis import assume, given
from hypothesis import strategies as st

from strategies import SETTINGS, groups
from symfft import SpaceGroup, SpaceGroupError, asymmetric_unit
from symfft.crystal.operators import simplest_fraction
from symfft.crystal.standard_setting import standardization


def operator_set(rotations, translations):
    return {
        (tuple(np.ravel(w).tolist()), tuple(Fraction(v).limit_denominator(1000) % 1 for v in t))
        for w, t in zip(np.asarray(rotations).astype(int), np.asarray(translations).tolist())
    }


def invariant_lattice(group, rng):
    """A random lattice (rows) with the metric symmetry of a group, of about 5 Å."""
    metric = np.eye(3) * 25 + rng.uniform(-4, 4, (3, 3))
    metric = metric + metric.T
    metric = np.einsum("gki,kl,glj->ij", group.rotations, metric, group.rotations) / group.order
    return np.linalg.cholesky(metric)


def general_structure(group, rng):
    """Two kinds of atom in general positions of a group: nothing but the group maps them onto themselves."""
    lattice = invariant_lattice(group, rng)
    w, t = group.rotations, group.translations.astype(float)
    positions, numbers = [], []
    for number, x in ((6, rng.uniform(0.07, 0.19, 3)), (8, rng.uniform(0.21, 0.33, 3))):
        positions.append((w @ x + t) % 1)
        numbers += [number] * len(w)
    return lattice, np.concatenate(positions), np.array(numbers)


@every("symbol", SETTINGS)
def test_operators_of_every_setting_are_gemmis(symbol):
    entry = gemmi.find_spacegroup_by_name(symbol)
    group = SpaceGroup.from_symbol(symbol)
    ops = list(entry.operations())
    assert group.order == len(ops)
    assert set(group.triplets) == {gemmi.Op(t).triplet() for t in group.triplets}
    assert {gemmi.Op(t).wrap().triplet() for t in group.triplets} == {op.wrap().triplet() for op in ops}
    assert (group.number, group.symbol) == (entry.number, entry.xhm())
    assert SpaceGroup.from_hall(entry.hall) == group


@every("hall_number", range(1, 531))
def test_hall_symbols_against_spglibs_database(hall_number):
    kind = spglib.get_spacegroup_type(hall_number)
    database = spglib.get_symmetry_from_database(hall_number)
    group = SpaceGroup.from_hall(kind.hall_symbol)
    assert operator_set(group.rotations, group.translations) == operator_set(
        database["rotations"], database["translations"]
    )
    assert group.number == kind.number


@every("number", range(1, 231))
def test_a_number_means_the_reference_setting(number):
    group = SpaceGroup.from_number(number)
    assert group.number == number
    assert ":1" not in group.symbol
    assert ":R" not in group.symbol
    if gemmi.find_spacegroup_by_name(group.symbol).is_centrosymmetric():
        origin = [
            w.tolist() == (-np.eye(3)).tolist() and not t.any() for w, t in zip(group.rotations, group.translations)
        ]
        # two centrosymmetric symbols without an origin choice have no inversion centre at the origin in ITA
        assert any(origin)


@every("number", range(1, 231))
def test_structures_of_every_group(number):
    rng = np.random.default_rng(number)
    group = SpaceGroup.from_number(number)
    lattice, positions, numbers = general_structure(group, rng)

    found = SpaceGroup.from_structure(lattice, positions, numbers, symprec=1e-4)
    assert (found.number, found.order) == (number, group.order)
    assert_maps_onto_itself(found, lattice, positions, numbers)

    moved = SpaceGroup.from_structure(lattice, positions + np.array([0.25, 0.5, 0.125]), numbers, symprec=1e-4)
    assert_maps_onto_itself(moved, lattice, positions + np.array([0.25, 0.5, 0.125]), numbers)

    primitive = spglib.find_primitive((lattice, positions, numbers), symprec=1e-4)
    small = SpaceGroup.from_structure(*primitive, symprec=1e-4)
    centrings = np.sum((group.rotations == np.eye(3)).all(axis=(1, 2)))
    assert (small.number, small.order) == (number, group.order // centrings)
    assert_maps_onto_itself(small, *primitive)

    super_lattice = lattice * np.array([[1], [2], [1]])
    super_positions = np.concatenate([(positions + [0, k, 0]) / [1, 2, 1] for k in (0, 1)])
    large = SpaceGroup.from_structure(super_lattice, super_positions, np.tile(numbers, 2), symprec=1e-4)
    expected = spglib.get_symmetry((super_lattice, super_positions, np.tile(numbers, 2)), symprec=1e-4)
    assert large.order == len(expected["rotations"])
    assert_maps_onto_itself(large, super_lattice, super_positions, np.tile(numbers, 2))


def assert_maps_onto_itself(group, lattice, positions, numbers):
    """Take one atom of each kind, in general position: every operator takes it to an atom of its own."""
    for number in np.unique(numbers):
        same = np.asarray(positions)[numbers == number]
        images = group.rotations @ same[0] + group.translations.astype(float)
        difference = images[:, None, :] - same[None, :, :]
        difference -= np.rint(difference)
        distance = np.linalg.norm(difference @ lattice, axis=-1)
        assert distance.min(axis=1).max() < 1e-3
        assert len(np.unique(distance.argmin(axis=1))) == group.order


@pytest.mark.parametrize("number", [1, 5, 12, 43, 70, 88, 122, 146, 148, 166, 167, 194, 203, 216, 225, 227, 230])
def test_standardization_leads_to_the_reference_setting(number):
    rng = np.random.default_rng(number)
    group = SpaceGroup.from_number(number)
    primitive = spglib.find_primitive(general_structure(group, rng), symprec=1e-4)
    s = standardization(*primitive, symprec=1e-4)
    p, shift = s.transformation.astype(float), s.origin_shift.astype(float)
    assert s.number == number
    np.testing.assert_allclose(s.std_lattice.T @ p, np.asarray(primitive[0]).T, atol=1e-9)
    standard = primitive[1] @ p.T + shift
    cell = np.concatenate([(standard @ w.T + t) for w, t in zip(group.rotations, group.translations.astype(float))])
    difference = cell[:, None] - standard[None]
    centred = [t for w, t in zip(group.rotations, group.translations.astype(float)) if (w == np.eye(3)).all()]
    distance = np.min(
        [np.linalg.norm(((difference + c) - np.rint(difference + c)) @ s.std_lattice, axis=-1) for c in centred], axis=0
    )
    assert distance.min(axis=1).max() < 1e-3


@given(groups(), st.randoms(use_true_random=False))
def test_operators_in_any_order_make_the_same_list(group, random):
    order = list(range(group.order))
    random.shuffle(order)
    again = SpaceGroup(group.rotations[order], group.numerators[order], group.denominator)
    assert again == group
    assert hash(again) == hash(group)
    np.testing.assert_array_equal(again.rotations, group.rotations)
    np.testing.assert_array_equal(again.numerators, group.numerators)
    assert again.triplets[0] == "x,y,z"


@given(groups(), st.data())
def test_a_list_with_one_operator_missing_or_changed_is_no_group(group, data):
    assume(group.order > 1)
    left_out = data.draw(st.integers(0, group.order - 1))
    rest = np.delete(np.arange(group.order), left_out)
    half = 2 * len(rest) <= group.order  # the identity alone is a group
    if left_out == 0 or not half:
        with pytest.raises(SpaceGroupError, match="identity" if left_out == 0 else "closed"):
            SpaceGroup(group.rotations[rest], group.numerators[rest], group.denominator)
    numerators = 2 * group.numerators
    numerators[left_out] += np.array([1, 0, 0])
    try:
        other = SpaceGroup(group.rotations, numerators, 2 * group.denominator)
    except SpaceGroupError:
        return
    known = {(w.tobytes(), tuple(t)) for w, t in zip(other.rotations, other.translations, strict=True)}
    for w, t in zip(other.rotations, other.translations, strict=True):
        for v, s in zip(other.rotations, other.translations, strict=True):
            assert ((w @ v).tobytes(), tuple((w @ s + t) % 1)) in known


def test_translations_of_a_supercell_are_a_group_or_refused():
    steps = np.indices((4, 3, 5)).reshape(3, -1).T * [15, 20, 12]
    rotations = np.broadcast_to(np.eye(3, dtype=int), (len(steps), 3, 3))
    assert SpaceGroup(rotations, steps, 60).order == 60
    steps[-1, 0] += 1
    with pytest.raises(SpaceGroupError, match="closed"):
        SpaceGroup(rotations, steps, 60)


@every("symbol", SETTINGS[::7])
def test_operators_given_as_floats_come_back_exact(symbol):
    group = SpaceGroup.from_symbol(symbol)
    noisy = group.translations.astype(float) + 1e-7
    again = SpaceGroup.from_operators(group.rotations, noisy)
    assert again == group
    assert hash(again) == hash(group)
    assert (again.number, again.symbol) == (group.number, group.symbol)


@every("symbol", SETTINGS[::9])
def test_operators_about_any_origin_come_back_exact(symbol):
    group = SpaceGroup.from_symbol(symbol)
    origin = np.random.default_rng(len(symbol)).random(3)
    translations = group.numerators / group.denominator + origin - group.rotations @ origin
    again = SpaceGroup.from_operators(group.rotations, translations)
    assert (again.order, again.number) == (group.order, group.number)
    for w, t in zip(group.rotations, translations):
        same = again.numerators[(again.rotations == w).all(axis=(1, 2))] / again.denominator - t
        assert np.abs(same - np.rint(same)).max(axis=1).min() < 1.1e-5


def test_a_shifted_group_in_no_table_still_knows_its_type():
    group = SpaceGroup.from_number(225)
    shift = np.array([Fraction(1, 7)] * 3)
    moved = np.array([t + shift - w @ shift for w, t in zip(group.rotations, group.translations)])
    assert SpaceGroup.from_operators(group.rotations, moved).number == 225


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SpaceGroup.from_number(0), "1 to 230"),
        (lambda: SpaceGroup.from_number(231), "1 to 230"),
        (lambda: SpaceGroup.from_number(True), "1 to 230"),
        (lambda: SpaceGroup.from_number("225"), "1 to 230"),
        (lambda: SpaceGroup.from_symbol("F m -3 q"), "unknown"),
        (lambda: SpaceGroup.from_hall("-F 4 2 9"), "Hall symbol"),
        (
            lambda: SpaceGroup.from_operators([np.eye(3), [[0, -1, 0], [1, 0, 0], [0, 0, 1]]], np.zeros((2, 3))),
            "closed",
        ),
        (lambda: SpaceGroup.from_operators([-np.eye(3)], np.zeros((1, 3))), "identity"),
        (lambda: SpaceGroup.from_operators([np.eye(3), np.eye(3)], np.zeros((2, 3))), "twice"),
        (lambda: SpaceGroup.from_operators([np.eye(3) * 0.5], np.zeros((1, 3))), "integer"),
        (lambda: SpaceGroup.from_operators([np.eye(3)], [[np.nan, 0, 0]]), "not a number"),
        (lambda: SpaceGroup.from_operators([np.eye(3)], [[0, 0]]), "not a list of vectors"),
        (lambda: SpaceGroup(np.zeros((0, 3, 3)), np.zeros((0, 3)), 1), "not a list of operators"),
        (lambda: SpaceGroup.from_structure(np.zeros((3, 3)), [[0, 0, 0]], [1]), "singular"),
        (lambda: SpaceGroup.from_structure(np.eye(3), [[0, 0, np.nan]], [1]), "not finite"),
        (lambda: SpaceGroup.from_structure(np.eye(3), [[0, 0, 0], [0, 0, 0]], [1, 1]), "spglib"),
        (lambda: SpaceGroup.from_structure(np.eye(3), [[0, 0, 0]], [1, 2]), "as many positions"),
    ],
)
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(SpaceGroupError, match=message):
        call()


def test_simplest_fraction():
    assert simplest_fraction(-0.66667, 1e-4) == Fraction(-2, 3)
    assert simplest_fraction(Fraction(5, 11), 0.0) == Fraction(5, 11)
    with pytest.raises(SpaceGroupError, match="denominator"):
        simplest_fraction(np.pi, 1e-15)


def right_and_left_handed(number):
    """The group of one crystal's coordinates in a right-handed cell, and in its mirror image."""
    group = SpaceGroup.from_number(number)
    lattice = np.diag([5.0, 5.0, 5.0 if number > 194 else 7.0])
    if 143 <= number <= 194:
        lattice[1] = [-2.5, 5 * np.sqrt(3) / 2, 0]
    sites = np.array([[0.11, 0.27, 0.39], [0.37, 0.05, 0.22]])
    positions = np.concatenate([group.rotations @ site + group.translations.astype(float) for site in sites])
    numbers = np.repeat([6, 7], group.order)
    return [SpaceGroup.from_structure(cell, positions, numbers) for cell in (lattice, lattice * [1, 1, -1])]


@pytest.mark.parametrize(
    ("number", "mirrored"), [(76, 78), (91, 95), (92, 96), (144, 145), (152, 154), (169, 170), (178, 179), (212, 213)]
)
def test_enantiomorphs_with_the_same_operators_are_told_apart(number, mirrored):
    """The screw axes of a left-handed cell turn the other way; nothing cached of one group serves the other."""
    right, left = right_and_left_handed(number)
    assert (right.number, left.number) == (number, mirrored)
    np.testing.assert_array_equal(right.rotations, left.rotations)
    np.testing.assert_array_equal(right.numerators, left.numerators)
    assert right == SpaceGroup.from_number(number) != left
    units = [asymmetric_unit(group, (12, 12, 12)) for group in (left, right, number)]
    assert [unit.space_group.number for unit in units] == [mirrored, number, number]
    assert units[1] is units[2]
