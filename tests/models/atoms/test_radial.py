import json

import numpy as np
import pytest

from symfft_models.atoms.radial import (
    FILE,
    LONGEST,
    fit_radial_atoms,
    free_atoms,
    load_radial_atoms,
    terms,
    write_radial_atoms,
)
from symfft_models.datasets.paw import load_paw

#: Crystals that the fit is tried on.
NAMES = ("rock-salt-LiCl", "rock-salt-LiBr", "rock-salt-NaBr", "rock-salt-NaH", "rock-salt-KH", "rock-salt-LiI")


def test_every_free_atom_holds_its_valence_electrons():
    for setup in load_paw().setups.values():
        assert free_atoms([setup], np.array([0.0]))[0, 0] == pytest.approx(setup.valence, abs=1e-9)


def test_terms_leave_the_electrons_alone_and_end_inside_the_table():
    assert not terms(np.array([0.0])).any()
    assert terms(np.array([6 * LONGEST])).max() < 1e-9


def test_form_factors_of_the_package_begin_at_the_valence():
    atoms = load_radial_atoms()
    assert np.allclose(atoms.form_factors(np.array([0.0]))[:, 0], list(atoms.valence.values()), atol=1e-9)
    assert set(atoms.fitted) <= set(atoms.symbols)


def test_superposed_free_atoms_are_fitted_without_a_change(tmp_path):
    """Where nothing is missed nothing is added; where the crystals differ from free atoms, something is."""
    from symfft_models.atoms import radial

    paw = load_paw()
    entries = [paw.find(name) for name in NAMES]
    setups = {symbol: paw.setups[symbol] for symbol in ("H", "Li", "Na", "K", "Cl", "Br", "I")}

    class Superposed:
        def __init__(self, entry):
            self.entry = entry

        def __getattr__(self, name):
            return getattr(self.entry, name)

        def structure_factors(self):
            d = radial._Reflections.of(self.entry)
            lengths = np.linalg.norm(self.entry.hkl @ (2 * np.pi * np.linalg.inv(self.entry.lattice).T), axis=1)
            inside = (lengths > 1e-6) & (lengths < LONGEST)
            values = np.zeros(len(lengths), dtype=complex)
            values[inside] = sum(free_atoms([setups[s]], d.lengths)[0] * g for s, g in d.geometry.items())
            return values / abs(np.linalg.det(self.entry.lattice))

    found = fit_radial_atoms([Superposed(entry) for entry in entries], setups)
    real = fit_radial_atoms(entries, setups)
    assert np.abs(found.coefficients).max() < 1e-4 * np.abs(real.coefficients).max()
    assert found.spread.max() < 1e-3 * real.spread.max()
    path = tmp_path / FILE
    write_radial_atoms(path, found, "test")
    assert set(json.loads(path.read_text())["coefficients"]) == set(found.fitted)


def test_an_element_that_the_set_lacks_stays_a_free_atom():
    atoms = load_radial_atoms()
    for symbol in set(atoms.symbols) - set(atoms.fitted):
        assert not atoms.coefficients[atoms.symbols.index(symbol)].any()
