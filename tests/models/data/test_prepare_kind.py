"""What files of one kind of structure share: the same as going through `standardize`, file by file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symfft import Density, asymmetric_unit, reduce_to_au, standardize, symmetrize, write_chgcar
from symfft_models.data.prepare import Options, prepare_file, standardise
from symfft_models.data.prepare.kind import kind_of, plan_of

FCC = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
BCC = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2
STRUCTURES = {
    "rock salt": (FCC, [[0, 0, 0], [1 / 2, 1 / 2, 1 / 2]], [11, 17]),
    "diamond, origin 2": (FCC, [[1 / 8] * 3, [7 / 8] * 3], [14, 14]),
    "diamond, origin 1": (FCC, [[0] * 3, [1 / 4] * 3], [14, 14]),
    "zincblende": (FCC, [[0] * 3, [1 / 4] * 3], [30, 16]),
    "Heusler, shifted": (FCC, [[1 / 4] * 3, [0] * 3, [1 / 2] * 3, [3 / 4] * 3], [13, 29, 29, 25]),
    "perovskite": (
        np.eye(3),
        [[0] * 3, [1 / 2] * 3, [1 / 2, 1 / 2, 0], [1 / 2, 0, 1 / 2], [0, 1 / 2, 1 / 2]],
        [38, 22, 8, 8, 8],
    ),
    "fcc, cubic cell": (np.eye(3), [[0, 0, 0], [0, 1 / 2, 1 / 2], [1 / 2, 0, 1 / 2], [1 / 2, 1 / 2, 0]], [29] * 4),
    "bcc": (BCC, [[0, 0, 0]], [3]),
}
GROUPS = dict(zip(STRUCTURES, (225, 227, 227, 216, 225, 221, 225, 229)))


def noise(name, a, points, seed=0):
    """A positive density of every frequency that the grid has, with the group's symmetry and 8 electrons an atom."""
    cell, positions, numbers = STRUCTURES[name]
    values = np.random.default_rng(seed).uniform(0.5, 1.5, (points,) * 3)
    density = Density(values, a * cell, np.array(positions), np.array(numbers))
    values = symmetrize(values, density.space_group())
    return density.with_values(values * 8 * len(numbers) / density.with_values(values).electrons)


def located(density):
    """Atoms as a set of coordinates in 1/24, with a number for each element as it first appears."""
    first = list(dict.fromkeys(density.numbers.tolist()))
    points = np.rint(24 * density.positions).astype(int) % 24
    return {(first.index(number), *point) for number, point in zip(density.numbers.tolist(), points.tolist())}


@pytest.mark.parametrize("goal", [16, 24, 40])
@pytest.mark.parametrize("name", STRUCTURES)
def test_a_plan_gives_what_standardize_and_reduce_give(name, goal):
    density = noise(name, 5.3, 24)
    plan = plan_of(kind_of(density, 1e-3), density.shape, (goal,) * 3, 1e-3)
    standard = standardize(density, None, (goal,) * 3)
    unit = asymmetric_unit(GROUPS[name], (goal,) * 3)
    assert plan.target == unit
    expected = reduce_to_au(standard.values, unit)
    np.testing.assert_allclose(plan.standard_values(density.values), expected, atol=1e-13 * expected.max())
    np.testing.assert_allclose(plan.standard_lattice(density), standard.lattice, atol=1e-13)
    assert located(plan.standard) == located(standard)


def test_a_kind_knows_neither_elements_nor_size_nor_orientation():
    one = noise("Heusler, shifted", 5.3, 4)
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    other = replace(one, lattice=1.2 * one.lattice @ turn, numbers=np.array([31, 45, 45, 27]), species=())
    assert kind_of(one, 1e-3) == kind_of(other, 1e-3)
    assert kind_of(one, 1e-3) != kind_of(replace(one, numbers=np.array([31, 45, 27, 45]), species=()), 1e-3)
    rounded = replace(one, positions=np.round(one.positions, 6), lattice=np.round(one.lattice, 6))
    assert kind_of(rounded, 1e-3) == kind_of(one, 1e-3)


def test_what_is_no_simple_fraction_is_no_kind():
    density = noise("rock salt", 5.3, 4)
    free = np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.50001]])
    assert kind_of(replace(density, positions=free), 1e-3) is None
    assert kind_of(replace(density, lattice=density.lattice * [1, 1, 1.00001]), 1e-3) is None
    assert kind_of(density, 1e-1) is None
    assert kind_of(density, 1e-5) is None
    hexagonal = Density(np.ones((4, 4, 4)), np.diag([3.0, 3.0, 6.0]), [[0, 0, 0]], [3])
    assert plan_of(kind_of(hexagonal, 1e-3), (4, 4, 4), (8, 8, 8), 1e-3) is None  # not cubic
    breaking = replace(density, values=np.ones((4, 4, 6)))
    assert plan_of(kind_of(breaking, 1e-3), (4, 4, 6), (8, 8, 8), 1e-3) is None


@pytest.mark.parametrize("mode", ["grid", "spacing"])
@pytest.mark.parametrize(
    "name", ["rock salt", "diamond, origin 1", "Heusler, shifted", "perovskite", "fcc, cubic cell"]
)
def test_a_file_gives_the_same_entry_with_and_without_a_plan(name, mode, tmp_path, monkeypatch):
    path = str(tmp_path / "CHGCAR")
    write_chgcar(path, noise(name, 5.3, 24))
    options = Options(mode=mode, grid=((0, 32),))
    planned = prepare_file(path, options)
    assert planned.entry is not None, planned.detail
    monkeypatch.setattr(standardise, "kind_of", lambda density, symprec: None)
    plain = prepare_file(path, options)
    for name in ("space_group", "shape", "composition", "prototype", "split", "id"):
        assert getattr(planned.entry, name) == getattr(plain.entry, name)
    assert planned.entry.electrons == pytest.approx(plain.entry.electrons, rel=1e-12)
    np.testing.assert_allclose(planned.entry.lattice, plain.entry.lattice, atol=1e-10)
    np.testing.assert_allclose(planned.entry.values, plain.entry.values, rtol=1e-6)
    assert [(s.symbol, s.wyckoff) for s in planned.entry.sites] == [(s.symbol, s.wyckoff) for s in plain.entry.sites]
    # which atom of an orbit is named may differ; the atoms may not
    assert located(planned.entry.density()) == located(plain.entry.density())
    assert planned.fingerprint == pytest.approx(plain.fingerprint, rel=1e-6)


def test_a_second_file_of_a_kind_needs_no_search_and_no_standardisation(tmp_path, monkeypatch):
    options = Options(grid=((0, 32),))
    for number, (a, elements) in enumerate(((5.3, [11, 17]), (6.1, [19, 35]))):
        density = replace(noise("rock salt", a, 24, seed=number), numbers=np.array(elements), species=())
        write_chgcar(tmp_path / f"CHGCAR-{number}", density)
    first = prepare_file(str(tmp_path / "CHGCAR-0"), options)

    def never(*arguments, **options):
        raise AssertionError("worked out again")

    monkeypatch.setattr(standardise, "standardize", never)
    monkeypatch.setattr(Density, "space_group", never)
    second = prepare_file(str(tmp_path / "CHGCAR-1"), options)
    assert (first.entry.composition, second.entry.composition) == ("ClNa", "BrK")
    assert second.entry.lattice[0, 0] == pytest.approx(6.1)
    assert {site.symbol for site in second.entry.sites} == {"K", "Br"}
