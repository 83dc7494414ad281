"""Critical points: known fields, all of them by Morse's relation, the same with and without symmetry."""

from __future__ import annotations

import math

import numpy as np
import pytest
from crystals import ATOMS, CRYSTALS, atoms_of, crystal, gaussians, lattice
from scipy.ndimage import maximum_filter, minimum_filter

import naive_series
from symfft import (
    Density,
    ShapeError,
    SpaceGroup,
    SymfftError,
    bader,
    critical_points,
    read_density,
    resample,
    supercell,
)
from symfft.basins.topology import KINDS


def wide(number, factor=3):
    """Return atoms that overlap, so that the Fourier series of their density has no ripples on its grid."""
    frame = crystal(number)
    sigma = 0.22 * np.cbrt(frame.volume / len(frame.numbers))
    return atoms_of(number, factor, {z: (electrons, sigma) for z, (electrons, _) in ATOMS.items()})


def wave(shape=(12, 12, 12), cell=3.0, atoms=((0, 0, 0),)):
    """Return 3 + cos x + cos y + cos z."""
    grid = np.stack(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij"))
    return Density(3 + np.cos(2 * np.pi * grid).sum(axis=0), cell * np.eye(3), atoms, [11] * len(atoms))


def images(group, point):
    """Return the different images of a point in the cell."""
    found = (group.rotations @ np.array(point) + group.translations.astype(float)) % 1.0
    kept = []
    for image in found:
        if not any(np.abs((image - k) - np.rint(image - k)).max() < 1e-6 for k in kept):
            kept.append(image)
    return np.array(kept)


def everywhere(found):
    """Return kind, place and values of all points of a cell, not of one of each orbit."""
    rows = []
    for point in found.points:
        places = images(found.space_group, point.position)
        assert len(places) == point.count
        rows += [(point.kind, place, point.density, *point.curvatures) for place in places]
    return rows


def same(rows, others, tolerance=1e-6):
    """Require that two lists of points hold the same ones, in any order."""
    assert len(rows) == len(others)
    left = list(others)
    for kind, place, *values in rows:
        for i, (other, there, *theirs) in enumerate(left):
            apart = place - there
            if kind == other and np.abs(apart - np.rint(apart)).max() < tolerance:
                np.testing.assert_allclose(values, theirs, rtol=1e-5, atol=1e-7)
                del left[i]
                break
        else:
            raise AssertionError(f"no {kind} at {place} in the other list")


def test_a_sum_of_cosines():
    found = critical_points(wave())
    assert found.counts() == {"maximum": 1, "bond": 3, "ring": 3, "cage": 1}
    assert found.morse_sum == 0
    assert found.space_group.number == 221
    assert found.notes == ()
    curvature = (2 * np.pi / 3) ** 2
    for point, places, level in zip(found.points, ([0] * 3, [0, 0, 0.5], [0, 0.5, 0.5], [0.5] * 3), (6, 4, 2, 0)):
        assert sorted(point.position) == places
        assert point.density == pytest.approx(level, abs=1e-12)
        np.testing.assert_allclose(np.abs(point.curvatures), curvature, rtol=1e-10)
        assert point.laplacian == pytest.approx((3 - level) * curvature, abs=1e-9)
    atom, bond, *_ = found.points
    assert (atom.nuclear, atom.merged, atom.nearest, atom.distance) == (True, 1, 0, 0.0)
    assert bond.ends == (0, 0)
    assert bond.ellipticity == pytest.approx(0, abs=1e-9)
    assert math.isnan(atom.ellipticity)


@pytest.mark.parametrize("number", CRYSTALS)
def test_points_add_up_vanish_in_gradient_and_are_those_without_symmetry(number):
    density = wide(number)
    found, plain = critical_points(density), critical_points(density, space_group="P 1")
    assert found.space_group.number == number
    assert plain.space_group.order == 1
    assert found.morse_sum == plain.morse_sum == 0
    same(everywhere(found), everywhere(plain))

    positions = np.array([point.position for point in found.points])
    series = naive_series.terms(density.values, density.lattice)
    step, inverse = 1e-3, np.linalg.inv(density.lattice)
    values = naive_series.evaluate(*series, positions)
    laplacian = np.zeros(len(positions))
    for axis in np.eye(3) * step @ inverse:
        up, down = (naive_series.evaluate(*series, positions + sign * axis) for sign in (1, -1))
        np.testing.assert_allclose((up - down) / (2 * step), 0, atol=1e-4 * density.values.max())
        laplacian += (up - 2 * values + down) / step**2
    own = np.array([point.laplacian for point in found.points])
    np.testing.assert_allclose(own, laplacian, rtol=1e-3, atol=1e-4 * np.abs(own).max())
    np.testing.assert_allclose([point.density for point in found.points], values, atol=1e-10 * density.values.max())


@pytest.mark.parametrize("seed", range(4))
def test_random_smooth_fields_in_a_triclinic_cell(seed):
    frequency = np.fft.fftfreq(12, 1 / 12)
    squared = sum(g**2 for g in np.meshgrid(*3 * [frequency], indexing="ij"))
    noise = np.random.default_rng(seed).standard_normal((12, 12, 12))
    values = np.fft.ifftn(np.fft.fftn(noise) * np.exp(-squared / 3)).real
    density = Density(values - values.min() + 0.1, lattice(4.0, 4.4, 5.0, 80, 95, 105), np.zeros((0, 3)), [])
    found = critical_points(density)
    assert found.morse_sum == 0
    counts = found.counts()
    # a function on a torus has at least one maximum, three of each saddle point, one minimum
    assert counts["maximum"] >= 1
    assert counts["bond"] >= 3 + counts["maximum"] - 1
    assert counts["ring"] >= 3 + counts["cage"] - 1
    fine = resample(density, (60, 60, 60)).values
    assert counts["maximum"] == (fine == maximum_filter(fine, 3, mode="wrap")).sum()
    assert counts["cage"] == (fine == minimum_filter(fine, 3, mode="wrap")).sum()
    assert all(point.nearest is None for point in found.points)


def test_two_atoms_have_the_bond_point_that_follows_from_their_gaussians():
    cell, electrons, sigma, length = lattice(9.0, 9.0, 12.0), 5.0, 0.6, 2.0
    positions = np.array([[0.5, 0.5, 0.5 - length / 24], [0.5, 0.5, 0.5 + length / 24]])
    values = gaussians(cell, positions, [6, 6], (36, 36, 48), {6: (electrons, sigma)})
    found = critical_points(Density(values, cell, positions, [6, 6]), vacuum=1e-3)
    assert found.counts()["maximum"] == 2
    (bond,) = [p for p in found.points if p.kind == "bond" and p.density > 0.1]
    assert sorted(bond.ends) == [0, 1]
    np.testing.assert_allclose(bond.position, 0.5, atol=1e-9)
    height = 2 * electrons / (2 * np.pi * sigma**2) ** 1.5 * np.exp(-((length / 2) ** 2) / (2 * sigma**2))
    assert bond.density == pytest.approx(height, rel=1e-6)
    across, along = -height / sigma**2, height * ((length / 2) ** 2 / sigma**4 - 1 / sigma**2)
    np.testing.assert_allclose(bond.curvatures, [across, across, along], rtol=1e-5)
    assert bond.laplacian == pytest.approx(2 * across + along, rel=1e-5)


def test_paths_of_steepest_ascent_end_at_the_atoms_of_a_bond():
    found = critical_points(wide(225))
    bonds = [point for point in found.points if point.kind == "bond"]
    density = wide(225)
    kinds = {frozenset(density.numbers[list(bond.ends)].tolist()) for bond in bonds}
    assert frozenset({11, 17}) in kinds
    wider = critical_points(wave(atoms=((0.5, 0.5, 0.5),)))
    assert [point.ends for point in wider.points if point.kind == "bond"] == [(None, None)]
    assert "does not rise towards the nucleus" in wider.notes[0]
    assert not wider.points[0].nuclear


def test_shells_around_a_nucleus_count_as_one_maximum():
    cell, positions = 4.0 * np.eye(3), [[0.02, 0.03, 0.04]]
    broad, narrow = (gaussians(cell, positions, [14], (32, 32, 32), {14: pair}) for pair in ((6.0, 0.8), (0.8, 0.3)))
    density = Density(broad - narrow, cell, positions, [14])
    found = critical_points(density)
    atom = found.points[0]
    assert found.counts()["maximum"] == 1
    assert (atom.nuclear, atom.count) == (True, 1)
    assert atom.merged > 1
    assert math.isnan(atom.density)
    np.testing.assert_allclose(atom.position, positions[0])
    assert found.morse_sum == 0
    assert "Si1 are counted as one maximum" in found.notes[0]


def test_a_coarse_grid_is_refined_until_nothing_is_missing():
    density = resample(wave((12, 12, 12)), (4, 4, 4))
    assert critical_points(density).counts() == {"maximum": 1, "bond": 3, "ring": 3, "cage": 1}
    rough = crystal(225)
    found = critical_points(rough)
    assert (found.morse_sum == 0) != any("not zero" in note for note in found.notes)


def test_a_supercell_has_the_points_of_its_cells_and_a_shifted_cell_the_shifted_ones():
    density = wide(194)
    small, large = critical_points(density), critical_points(supercell(density, (2, 1, 1)))
    rows = [
        (kind, (place + [i, 0, 0]) / [2, 1, 1], *values) for kind, place, *values in everywhere(small) for i in (0, 1)
    ]
    same(rows, everywhere(large))

    shift = (1, 2, 3)
    moved = Density(
        np.roll(density.values, shift, (0, 1, 2)),
        density.lattice,
        density.positions + np.array(shift) / density.shape,
        density.numbers,
    )
    rows = [(kind, place + np.array(shift) / density.shape, *values) for kind, place, *values in everywhere(small)]
    same(rows, everywhere(critical_points(moved)))


def test_maxima_are_those_of_the_basins():
    density = wide(62)
    found, basins = critical_points(density), bader(density)
    assert sum(p.count for p in found.points if p.nuclear) == len(density.numbers)
    assert found.counts()["maximum"] == sum(m.count for m in basins.maxima)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_vacuum_that_is_no_density_is_refused(value):
    with pytest.raises(ShapeError, match="vacuum"):
        critical_points(wave(), vacuum=value)


def test_what_has_no_critical_points_is_refused():
    flat = wave().with_values(np.full((12, 12, 12), 0.3))
    with pytest.raises(SymfftError, match="no isolated critical point: it is constant"):
        critical_points(flat)
    along_x = wave().with_values(2 + np.cos(2 * np.pi * np.arange(12) / 12)[:, None, None] * np.ones((12, 12, 12)))
    with pytest.raises(SymfftError, match="the same along a line or a plane"):
        critical_points(along_x)
    with pytest.raises(SymfftError, match="potential"):
        critical_points(crystal(62, kind="potential"))
    with pytest.raises(SymfftError, match="negative part"):
        critical_points(wave() - 3.0 * wave().with_values(np.ones((12, 12, 12))))
    with pytest.raises(SymfftError, match="vacuum density 10 e/Å³"):
        critical_points(wave(), vacuum=10)


def test_ripples_of_an_empty_cell_ask_for_a_vacuum(monkeypatch):
    cell, positions = 8.0 * np.eye(3), [[0.5, 0.5, 0.5]]
    values = gaussians(cell, positions, [8], (32, 32, 32), {8: (6.0, 0.5)})
    noisy = Density(values + 1e-7 * np.random.default_rng(0).random(values.shape), cell, positions, [8])
    monkeypatch.setattr("symfft.basins._newton.MOST_STARTS", 100)
    with pytest.raises(SymfftError, match=r"give a vacuum density, 0\.001 e/Å³ or more"):
        critical_points(noisy)
    found = critical_points(noisy, vacuum=1e-3)
    assert found.counts() == {"maximum": 1, "bond": 0, "ring": 0, "cage": 0}
    assert any("no points were sought below 0.001" in note for note in found.notes)


# ρ(r) of the diamond type has its critical points at the fixed points of Fd-3m alone: atoms 8a, bonds 16c, rings 16d,
# cages 8b, here of the primitive cell (A. Otero-de-la-Roza and V. Luaña, J. Chem. Theory Comput. 6, 3761, 2010).
@pytest.mark.parametrize("name", ["Si2_sg227_56.CHGCAR.gz", "Si2_sg227_24.cube.gz", "Si2_sg227_left_handed.cube.gz"])
def test_silicon(real_densities, name):
    density = read_density(real_densities / name)
    found = critical_points(density)
    assert found.counts() == {"maximum": 2, "bond": 4, "ring": 4, "cage": 2}
    atom, bond, ring, cage = found.points
    assert atom.nuclear
    assert sorted(bond.ends) == [0, 1]
    apart = density.positions[1] - density.positions[0]
    middle = density.positions[0] + (apart - np.rint(apart)) / 2
    assert any(
        np.allclose((p - middle) - np.rint(p - middle), 0, atol=1e-4) for p in images(found.space_group, bond.position)
    )
    assert bond.laplacian < 0 < ring.laplacian
    assert bond.density == pytest.approx(0.582, abs=0.003)
    assert bond.density > 10 * ring.density > 10 * cage.density


@pytest.mark.parametrize(
    ("name", "vacuum"),
    [
        ("NaCl_sg225_56.CHGCAR.gz", None),
        ("Fe1_sg229_28_spin.CHGCAR.gz", None),
        ("Fe2_sg229_28.CHGCAR.gz", None),
        ("Li1_sg139_32.CHGCAR.gz", None),
        ("Si2_sg227_origin_off_grid.CHGCAR.gz", None),
        ("NO_sg25_32x48x64.CHGCAR.gz", 1e-3),
    ],
)
def test_real_files(real_densities, name, vacuum):
    found = critical_points(read_density(real_densities / name), vacuum=vacuum)
    assert vacuum is not None or found.morse_sum == 0
    for point in found.points:
        assert point.kind == KINDS[sum(c > 0 for c in point.curvatures)] or point.merged > point.count


def test_magnesia_bonds_metal_to_oxygen_alone():
    load_paw = pytest.importorskip("symfft_models.datasets.paw").load_paw
    density = load_paw().find("rock-salt-MgO").density()
    found = critical_points(density)
    assert found.morse_sum == 0
    assert sum(p.count for p in found.points if p.nuclear) == 8
    strongest = max((p for p in found.points if p.kind == "bond"), key=lambda p: p.density)
    assert strongest.count == 24
    assert {density.numbers[i] for i in strongest.ends} == {8, 12}
    assert strongest.laplacian > 0
    assert SpaceGroup.from_number(225).order == found.space_group.order
