import json

import numpy as np
import pytest

from symfft_models.atoms.radial import (
    FILE,
    LONGEST,
    fit_radial_atoms,
    free_atom,
    load_radial_atoms,
    terms,
    write_radial_atoms,
)
from symfft_models.datasets.paw import load_paw


def test_every_free_atom_holds_its_valence_electrons():
    for setup in load_paw().setups.values():
        assert free_atom(setup, np.array([0.0]))[0] == pytest.approx(setup.valence, abs=1e-9)


def test_terms_leave_the_electrons_alone_and_end_inside_the_table():
    assert not terms(np.array([0.0])).any()
    assert terms(np.array([6 * LONGEST])).max() < 1e-9


def test_form_factors_of_the_package_begin_at_the_valence():
    atoms = load_radial_atoms()
    assert np.allclose(atoms.form_factors(np.array([0.0]))[:, 0], list(atoms.valence.values()), atol=1e-9)
    assert set(atoms.fitted) <= set(atoms.symbols)


def test_the_fit_gives_back_what_it_was_made_of(tmp_path):
    """Densities that are superpositions of known atoms: the fit finds them and misses nothing."""
    from symfft_models.atoms import radial

    paw = load_paw()
    known = load_radial_atoms()
    entries = [paw.find(name) for name in ("rock-salt-LiH", "CsCl-LiBe", "fcc-Li") if name in paw.column("id")]
    entries += [entry for entry in paw.select(split="train")[:4] if entry not in entries]

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
            form = known.form_factors(d.lengths)
            values[inside] = sum(form[known.symbols.index(s)] * g for s, g in d.geometry.items())
            return values / abs(np.linalg.det(self.entry.lattice))

    found = fit_radial_atoms([Superposed(entry) for entry in entries], paw.setups)
    assert found.spread.max() < 0.1 * fit_radial_atoms(entries, paw.setups).spread.max()
    path = tmp_path / FILE
    write_radial_atoms(path, found, "test")
    assert set(json.loads(path.read_text())["coefficients"]) == set(found.fitted)


def test_an_element_that_the_set_lacks_stays_a_free_atom():
    atoms = load_radial_atoms()
    for symbol in set(atoms.symbols) - set(atoms.fitted):
        assert not atoms.coefficients[atoms.symbols.index(symbol)].any()
