"""Outside programs about the same maps: gemmi and cctbx compute the same structure factors, and list the same ones."""

import importlib.util
import itertools
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import gemmi
import naive_fourier
import numpy as np
import pytest
from every import every

from symfft import (
    SpaceGroup,
    asymmetric_unit,
    au_dft,
    expand_from_au,
    next_compatible_shape,
    real_basis,
    structure_factors,
)

TRICLINIC_TO_ORTHORHOMBIC = [1, 2, 4, 5, 9, 14, 15, 19, 36, 43, 61, 62, 70]
TETRAGONAL_TO_CUBIC = [76, 88, 91, 122, 139, 141, 142, 146, 148, 152, 155, 161, 167, 169, 178, 186, 191, 194, 197, 198]
CUBIC = [205, 212, 214, 216, 220, 221, 225, 227, 229, 230]
SETTINGS = ["P 1 1 21/b", "I 1 2/a 1", "P c m n", "F d -3 m:1", "I 41/a c d:1", "R -3 c:R", "R 3 2:R", "A 1"]
GROUPS = [*TRICLINIC_TO_ORTHORHOMBIC, *TETRAGONAL_TO_CUBIC, *CUBIC, *SETTINGS]


def case(group, wanted):
    group = SpaceGroup.from_symbol(group) if isinstance(group, str) else SpaceGroup.from_number(group)
    au = asymmetric_unit(group, next_compatible_shape(group, wanted))
    values = np.random.default_rng(au.size).standard_normal(au.size)
    return au, values, au_dft(values, au)


@pytest.mark.parametrize("group", GROUPS)
def test_gemmi_computes_the_same_structure_factors(group):
    au, values, f = case(group, (24, 24, 24))
    grid = gemmi.FloatGrid(expand_from_au(values, au).astype(np.float32))
    grid.spacegroup = gemmi.find_spacegroup_by_name(au.space_group.symbol)
    # gemmi scales by the volume over the number of points, and has the opposite sign in its exponent
    grid.set_unit_cell(gemmi.UnitCell(1, 1, 1, 90, 90, 90))
    theirs = gemmi.transform_map_to_f_phi(grid, half_l=False)
    reference = np.array(theirs)[tuple((au.hkl % au.shape).T)] * np.prod(au.shape)
    assert np.abs(f - reference.conj()).max() < 1e-5 * np.abs(f).max()


@every("entry", gemmi.spacegroup_table())
def test_gemmi_agrees_which_reflections_are_absent_centric_and_equivalent(entry):
    au, _, _ = case(entry.xhm(), (9, 9, 9))
    operations = entry.operations()
    classes = au.fourier.reflections
    hkl = np.stack(np.indices(au.shape), axis=-1).reshape(-1, 3) - (np.array(au.shape) - 1) // 2
    # beyond N/2 the grid makes one class of what a crystal has several of
    images = np.einsum("gji,nj->gni", au.space_group.rotations, hkl)
    hkl = hkl[np.all(2 * np.abs(images) < au.shape, axis=(0, 2))].astype(np.int32)
    label = classes.labels[tuple((hkl % au.shape).T)]
    absent = operations.systematic_absences(hkl)
    np.testing.assert_array_equal(label < 0, absent)
    hkl, label = hkl[~absent], label[~absent]
    centric = operations.centric_flag_array(hkl)
    np.testing.assert_array_equal(classes.centric[label] >= 0, centric)
    star = len(operations.sym_ops) // operations.epsilon_factor_without_centering_array(hkl)
    np.testing.assert_array_equal(classes.multiplicity[label], np.where(centric, star, 2 * star))


def largest_sphere(lattice, shape):
    """Radius of the sphere of reflections that the grid holds once each, with a margin."""
    steps = np.array([v for v in itertools.product((-1, 0, 1), repeat=3) if any(v)])
    return 0.95 * np.linalg.norm(steps * shape @ np.linalg.inv(lattice).T, axis=1).min() / 2


@pytest.fixture(scope="module")
def by_cctbx(tmp_path_factory):
    """Return what cctbx says about a random map of each group, with the crystal's lattice."""
    if importlib.util.find_spec("cctbx") is None:
        pytest.skip("cctbx-base is not installed: the extra dev has it where there is a wheel (Linux on x86-64)")
    folder = tmp_path_factory.mktemp("cctbx")
    questions, lattices = {}, {}
    for n, group in enumerate(GROUPS):
        au, values, _ = case(group, (12, 14, 16))
        lattices[group] = lattice = naive_fourier.lattice_of(au.space_group, au.size)
        lengths = np.linalg.norm(lattice, axis=1)
        cosines = (lattice @ lattice.T / np.outer(lengths, lengths))[[1, 0, 0], [2, 2, 1]]
        questions[f"{n}.triplets"] = np.array(au.space_group.triplets)
        questions[f"{n}.cell"] = np.append(lengths, np.degrees(np.arccos(cosines)))
        questions[f"{n}.rho"] = expand_from_au(values, au)
        questions[f"{n}.d_min"] = 1 / largest_sphere(lattice, au.shape)
    np.savez(folder / "questions.npz", **questions)
    script = Path(__file__).with_name("ask_cctbx.py")
    command = [sys.executable, str(script), str(folder / "questions.npz"), str(folder / "answers.npz")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    with np.load(folder / "answers.npz") as answers:
        found = dict(answers)
    return {
        group: (lattices[group], {name: found[f"{n}.{name}"] for name in Answer._fields})
        for n, group in enumerate(GROUPS)
    }


class Answer(NamedTuple):
    hkl: np.ndarray
    f: np.ndarray
    multiplicity: np.ndarray
    centric: np.ndarray
    angle: np.ndarray
    d: np.ndarray


@pytest.mark.parametrize("group", GROUPS)
def test_cctbx_computes_the_same_structure_factors(group, by_cctbx):
    """All reflections of a sphere by cctbx's own list: values, multiplicities, lengths, phases of centric ones."""
    lattice, theirs = by_cctbx[group][0], Answer(**by_cctbx[group][1])
    au, _, f = case(group, (12, 14, 16))
    ours = structure_factors(f, au, theirs.hkl).conj()  # exp(+2πi h·x) is the custom in crystallography
    tolerance = 1e-13 * np.abs(f).max()
    np.testing.assert_allclose(ours, theirs.f, rtol=0, atol=tolerance)

    label, _, _ = au.fourier.reflections.relation(theirs.hkl)
    assert len(np.unique(label)) == len(label)
    np.testing.assert_array_equal(au.hkl_multiplicity[label], theirs.multiplicity)
    np.testing.assert_array_equal(au.fourier.reflections.centric[label] >= 0, theirs.centric)
    turned = (ours * np.exp(-1j * theirs.angle))[theirs.centric]
    np.testing.assert_allclose(turned.imag, 0, atol=10 * tolerance)

    basis = real_basis(au, lattice=lattice)
    first = np.append(True, np.diff(basis.star) > 0) & (basis.length <= largest_sphere(lattice, au.shape))
    assert first.sum() == len(theirs.hkl) + 1  # F(0) is not in their list
    np.testing.assert_allclose(basis.length[first][1:], np.sort(1 / theirs.d), rtol=1e-8)
