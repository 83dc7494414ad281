import numpy as np
import pytest

from symfft_models.crystals.phases import lowest_mixture
from symfft_models.crystals.relaxed import Relaxed, elemental_energies, formation_energy, load_relaxed
from symfft_models.datasets.crystals import of_prototype


def phase(prototype, species, energy):
    return Relaxed(of_prototype(prototype, species, 5.0, None, "test"), energy)


def test_the_lowest_mixture_is_that_of_pymatgen():
    diagram = pytest.importorskip("pymatgen.analysis.phase_diagram")
    from pymatgen.core import Composition

    phases = [item for item in load_relaxed() if item.amounts.keys() <= {"Mg", "O", "Al"}]
    entries = [diagram.PDEntry(Composition(item.crystal.composition), 0) for item in phases]
    entries = [
        diagram.PDEntry(e.composition, item.energy * e.composition.num_atoms)
        for e, item in zip(entries, phases, strict=True)
    ]
    hull = diagram.PhaseDiagram(entries)
    for formula in ("MgAl2O4", "MgO", "Mg3Al", "AlO"):
        composition = Composition(formula).fractional_composition
        shares = {str(element): share for element, share in composition.items()}
        assert lowest_mixture(shares)[0] == pytest.approx(hull.get_hull_energy_per_atom(composition), abs=1e-6)


def test_a_mixture_of_made_up_phases():
    phases = [phase("fcc", ["Na"], -1.0), phase("fcc", ["Cl"], -2.0), phase("rock-salt", ["Na", "Cl"], -4.0)]
    energy, names = lowest_mixture({"Na": 0.75, "Cl": 0.25}, phases)
    assert energy == pytest.approx(0.5 * -4.0 + 0.5 * -1.0)
    assert set(names) == {"rock-salt-NaCl", "fcc-Na"}
    assert np.isnan(lowest_mixture({"Na": 0.5, "K": 0.5}, phases)[0])


def test_elements_have_no_formation_energy():
    for symbol, energy in elemental_energies().items():
        assert formation_energy({symbol: 1.0}, energy) == 0
