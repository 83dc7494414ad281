"""Targets: the equation of state, and formation energies beside measured ones."""

from __future__ import annotations

import numpy as np
import pytest

from symfft_models.datasets.paw.pack import GPA
from symfft_models.properties.targets import FAR, energy, equation_of_state, pressure, samples_of


@pytest.fixture(scope="module")
def samples():
    return samples_of()


@pytest.mark.parametrize("volumes", [(60.0, 66.0), (70.0, 75.0, 83.0), (55.0, 60.0, 62.0, 70.0)])
@pytest.mark.parametrize("modulus", [3.0, 75.0, 440.0])
@pytest.mark.parametrize("share", [0.0, -0.1])
def test_the_equation_of_state_gives_its_parameters_back(volumes, modulus, share):
    pulay = share * modulus
    volumes = np.array(volumes)
    energies = np.array([energy(volume, 68.0, modulus) for volume in volumes])
    found = equation_of_state(volumes, pressure(volumes, 68.0, modulus) + pulay * 68.0 / volumes, energies - 7)
    assert found.modulus == pytest.approx(modulus, rel=1e-5)
    assert found.volume == pytest.approx(68.0, rel=1e-6)
    assert found.pulay == pytest.approx(pulay, abs=1e-3)


def test_modulus_and_pressure_are_slopes():
    step = 1e-4
    slope = (pressure(68.0 + step, 68.0, 90.0) - pressure(68.0 - step, 68.0, 90.0)) / (2 * step)
    assert -68.0 * slope == pytest.approx(90.0, rel=1e-6)
    slope = (energy(64.0 + step, 68.0, 90.0) - energy(64.0 - step, 68.0, 90.0)) / (2 * step)
    assert -GPA * slope == pytest.approx(float(pressure(64.0, 68.0, 90.0)), rel=1e-6)


def test_a_pressure_that_rises_with_the_volume_has_no_modulus():
    assert equation_of_state(np.array([60.0, 66.0]), np.array([1.0, 2.0]), np.array([0.0, 0.1])) is None


# Measured enthalpies of formation at 298 K, kJ per mole of formula units: CRC Handbook of Chemistry and Physics,
# 97th edition, section 5. PBE gives oxides and halides some 0.1 to 0.4 eV per atom less.
@pytest.mark.parametrize(
    ("name", "enthalpy", "atoms"),
    [
        ("rock-salt-MgO", -601.6, 2),
        ("rock-salt-CaO", -634.9, 2),
        ("rock-salt-LiF", -616.0, 2),
        ("rock-salt-NaF", -576.6, 2),
        ("rock-salt-LiCl", -408.6, 2),
        ("fluorite-CaF2", -1228.0, 3),
        ("anti-fluorite-Li2O", -597.9, 3),
    ],
)
def test_formation_energies_are_near_measured_enthalpies(samples, name, enthalpy, atoms):
    found = next(sample for sample in samples[0] if sample.id == name)
    measured = enthalpy / 96.485 / atoms
    assert measured - 0.05 < found.formation_ev < measured + 0.45


# Measured at room temperature, GPa, to a few per cent. PBE, two volumes and unrelaxed coordinates leave some 10 %.
@pytest.mark.parametrize(
    ("name", "measured"),
    [
        ("rock-salt-LiF", 67),
        ("zincblende-SiC", 225),
        ("zincblende-AlP", 86),
        ("zincblende-BP", 173),
        ("zincblende-ZnS-relaxed", 77),
        ("rock-salt-NbC", 300),
        ("rock-salt-TaC-relaxed", 332),
    ],
)
def test_bulk_moduli_are_near_measured_ones(samples, name, measured):
    found = next(sample for sample in samples[0] if sample.id == name)
    assert found.bulk_modulus_gpa == pytest.approx(measured, rel=0.13)


def test_every_compound_comes_once_and_none_far_from_equilibrium(samples):
    found, left_out = samples
    keys = [(sample.composition, sample.prototype) for sample in found]
    assert len(set(keys)) == len(keys)
    assert all(abs(sample.pressure_gpa) <= FAR for sample in found)
    assert not {sample.id for sample in found} & set(left_out.far)
    without = {sample.id for sample in found if np.isnan(sample.formation_ev)}
    assert without == set(left_out.without_reference)
