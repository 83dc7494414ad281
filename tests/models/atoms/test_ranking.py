"""The prediction decides between sets of atoms that superpose to a density; the cell has a say."""

from pathlib import Path

import numpy as np
import pytest

from symfft import next_compatible_shape, read_density
from symfft_models.atoms import find_atoms, superposing_atoms
from symfft_models.atoms.evaluation import is_right
from symfft_models.datasets.paw import load_paw
from symfft_models.scattering.elements import covalent_radii

REAL = Path(__file__).parents[4] / "shared" / "densities"


def density_of(name):
    entry = load_paw().find(name)
    least = np.ceil(12.5 * np.linalg.norm(entry.lattice, axis=1) / np.pi).astype(int).tolist()
    return entry, entry.density(next_compatible_shape(entry.space_group, least))


@pytest.mark.parametrize("name", ["L1_2-Pt3Ti", "perovskite-KNbO3"])
def test_neighbours_in_the_periodic_table_are_told_apart(name):
    entry, density = density_of(name)
    found = find_atoms(density)
    assert is_right(found.answers[0], entry)
    known = [answer.misfit * answer.nmae for answer in found.answers if answer.nmae is not None]
    assert known[0] == min(known)
    assert found.answers[0].nmae < 3


def test_caesium_in_a_perovskite_of_many_electrons_is_found():
    """Pairs of two orbits with too many electrons explain more than the right ones until the third orbit is there."""
    entry, density = density_of("perovskite-CsSnI3")
    assert is_right(superposing_atoms(density).answers[0], entry)


def test_answers_have_no_atoms_closer_than_atoms_come():
    _, density = density_of("perovskite-CsSnI3")
    found = superposing_atoms(density, answers=30)
    radius = covalent_radii()
    import gemmi

    for rank in range(len(found.answers)):
        positions, symbols = found.atoms(rank)
        own = np.array([radius[gemmi.Element(symbol).atomic_number - 1] for symbol in symbols])
        steps = positions[:, None] - positions
        away = np.linalg.norm((steps - np.rint(steps)) @ found.lattice, axis=-1) + 9 * np.eye(len(own))
        assert (away > 0.6 * (own[:, None] + own) - 1e-6).all()


@pytest.mark.skipif(not REAL.exists(), reason="files of VASP")
def test_sodium_with_one_electron_of_vasp_is_no_answer():
    """Its density is LiCl's, in a cell a third larger than LiCl's."""
    found = find_atoms(read_density(REAL / "NaCl_sg225_56.CHGCAR.gz"))
    assert not found.answers
    assert "LiCl" in found.reason.replace("ClLi", "LiCl")
    assert "valence electrons" in found.reason
