"""Frozen cores as reference: published charges, electrons that are counted otherwise, the command."""

from __future__ import annotations

import json

import numpy as np
import pytest

import symfft
from symfft import Density, SymfftError, frozen_cores, next_compatible_shape, write_density
from symfft.basins.cores import LAST, core_radii, load_cores
from symfft.cli import main
from symfft.constants import BOHR

load_paw = pytest.importorskip("symfft_models.datasets.paw").load_paw


def valence_of(name, finer=1):
    entry = load_paw().find(name)
    return entry.density(next_compatible_shape(entry.space_group, [finer * n for n in entry.shape]))


# S. Posysaev, O. Miroshnichenko, M. Alatalo, D. Le, T. S. Rahman, Comput. Mater. Sci. 161, 403 (2019), supplementary
# table: charges of the metal in PBE calculations (VASP) of AFLOW.
@pytest.mark.parametrize(
    ("name", "metal", "valence", "published"),
    [
        ("rock-salt-MgO", 12, 10, 1.6821),
        ("rock-salt-CaO", 20, 10, 1.4828),
        ("anti-fluorite-Li2O", 3, 1, 0.8372),
        ("anti-fluorite-Na2O", 11, 7, 0.7891),
        ("anti-fluorite-K2O", 19, 9, 0.7262),
        ("Cu2O-Cu2O", 29, 11, 0.5111),
        ("ReO3-ReO3", 75, 13, 2.8774),
    ],
)
def test_charges_are_the_published_ones(name, metal, valence, published):
    density = valence_of(name, 2)
    found = symfft.bader(density, reference=density + frozen_cores(density))
    charges = valence - found.electrons[density.numbers == metal]
    assert charges == pytest.approx(published, abs=0.045)
    assert found.electrons.sum() + sum(m.count * m.electrons for m in found.non_nuclear) == pytest.approx(found.total)


def test_atoms_have_maxima_that_the_valence_density_lacks():
    density = valence_of("rock-salt-NaF")
    alone = symfft.bader(density)
    found = symfft.bader(density, reference=density + frozen_cores(density))
    assert found.electrons[density.numbers == 11].min() > 6
    assert len({m.nearest for m in found.maxima if m.nuclear}) == 2
    assert alone.total == pytest.approx(found.total)


def test_a_core_holds_its_electrons():
    for symbol, electrons in (("O", 2), ("Al", 10), ("Ti", 10)):
        held, logarithm = load_cores()[symbol]
        radius = np.geomspace(1e-5, LAST, 4000)
        density = np.exp(np.interp(np.log(radius), np.log(core_radii()), logarithm))
        total = np.trapezoid(4 * np.pi * radius**2 * density, radius)
        assert held == electrons
        assert total == pytest.approx(electrons, rel=0.01)


def test_cores_lie_at_the_atoms_in_every_cell():
    lattice = np.array([[4.0, 0.3, 0.0], [0.0, 5.0, 0.2], [0.5, 0.0, 4.5]])
    position = np.array([0.93, 0.11, 0.52])
    shape = (40, 50, 44)
    density = Density(np.full(shape, 3 / np.linalg.det(lattice)), lattice, positions=position[None], numbers=[13])
    values = frozen_cores(density).values
    assert np.unravel_index(values.argmax(), shape) == tuple(np.rint(position * shape).astype(int) % shape)
    place = np.array([37, 8, 25])
    steps = place / shape - position
    radius = np.linalg.norm((steps - np.rint(steps)) @ lattice) / BOHR
    expected = np.exp(np.interp(np.log(radius), np.log(core_radii()), load_cores()["Al"][1])) / BOHR**3
    assert values[tuple(place)] == pytest.approx(expected, rel=1e-12)


def test_electrons_that_are_counted_otherwise_are_refused():
    density = valence_of("rock-salt-MgO")
    with pytest.raises(SymfftError, match="counted otherwise"):
        frozen_cores(density.with_values(density.values * 0.5))
    uranium = Density(density.values, density.lattice, density.positions, [92] * 8)
    with pytest.raises(SymfftError, match="frozen core is known of U"):
        frozen_cores(uranium)
    with pytest.raises(SymfftError, match="no atoms"):
        frozen_cores(Density(density.values, density.lattice, positions=np.zeros((0, 3)), numbers=[]))


def test_the_command_adds_cores(tmp_path, capsys):
    path = tmp_path / "CHGCAR"
    write_density(path, valence_of("rock-salt-MgO"))
    assert main(["bader", str(path), "--cores", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 10 - found["atoms"][0]["electrons"] == pytest.approx(1.6821, abs=0.045)
