"""Constants against relations between them, and against scipy's of whatever year."""

import pytest
from scipy import constants

from symfft.constants import BOHR, COULOMB, HARTREE


def test_they_give_the_energy_of_the_hydrogen_atom():
    assert pytest.approx(13.605693123, rel=1e-9) == COULOMB / (2 * BOHR)


def test_they_are_those_of_scipy():
    assert pytest.approx(constants.physical_constants["Bohr radius"][0], rel=2e-9) == BOHR * 1e-10
    assert pytest.approx(constants.physical_constants["Hartree energy in eV"][0], rel=1e-11) == HARTREE
    vacuum = constants.e / (4 * constants.pi * constants.epsilon_0)
    assert pytest.approx(vacuum, rel=2e-9) == COULOMB * 1e-10
