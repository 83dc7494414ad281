"""The set that ships: complete, symmetric, with its electrons, split without leakage, as its data card says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from symfft import SpaceGroup, check_symmetry
from symfft_models.data.split import split_of
from symfft_models.data.store import DensitySet, bundled_path, load_bundled
from symfft_models.datasets.bundled.catalogue import MAIN_GROUPS, card
from symfft_models.datasets.bundled.crystals import listed_crystals
from symfft_models.datasets.bundled.recipe import VALENCE

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def densities() -> DensitySet:
    return load_bundled()


def test_enough_of_each_group_in_a_few_megabytes(densities):
    assert len(densities) >= 150
    assert all(len(densities.select(space_group=group)) >= 45 for group in (221, 225, 227))
    assert {221, 225, 227} < set(densities.space_groups)
    assert bundled_path().stat().st_size < 12e6
    assert len(set(densities.column("prototype").tolist())) >= 18


def test_other_groups_of_all_crystal_systems_are_there(densities):
    others = [group for group in densities.space_groups if group not in MAIN_GROUPS]
    assert len(others) >= 15
    assert sum(len(densities.select(space_group=group)) for group in others) >= 40
    for low, high in ((1, 2), (3, 15), (16, 74), (75, 142), (143, 167), (168, 194), (195, 230)):
        assert any(low <= group <= high for group in others)


def test_every_entry_fits_its_asymmetric_unit_and_has_its_electrons(densities):
    for entry in densities:
        unit = entry.au()
        assert entry.values.shape == (unit.size,)
        assert np.isfinite(entry.values).all()
        volume = float(np.linalg.det(entry.lattice))
        counted = float(entry.values.astype(np.float64) @ unit.multiplicity) / np.prod(entry.shape) * volume
        assert counted == pytest.approx(entry.electrons, rel=1e-6)
        atoms = Counter({s.symbol: 0 for s in entry.sites})
        for site in entry.sites:
            atoms[site.symbol] += int(site.wyckoff[:-1])
        assert sum(VALENCE[symbol] * n for symbol, n in atoms.items()) == entry.electrons
        assert entry.metadata["converged"] is True


def test_compositions_are_those_of_the_sites(densities):
    for entry in densities:
        stated = {s: int(n or 1) for s, n in re.findall("([A-Z][a-z]?)([0-9]*)", entry.composition)}
        atoms: Counter[str] = Counter()
        for site in entry.sites:
            atoms[site.symbol] += int(site.wyckoff[:-1])
        ratio = sum(atoms.values()) // sum(stated.values())
        assert atoms == {symbol: n * ratio for symbol, n in stated.items()}
        assert np.gcd.reduce(list(stated.values())) == 1
        assert list(stated) == sorted(stated)


def test_no_leakage_between_the_sides_of_the_split(densities):
    sides: dict[str, set[str]] = {}
    for composition, split in zip(densities.column("composition"), densities.column("split"), strict=True):
        sides.setdefault(str(composition), set()).add(str(split))
        assert split == split_of(str(composition))
    assert all(len(side) == 1 for side in sides.values())
    for group in MAIN_GROUPS:
        counted = Counter(densities.select(space_group=group).column("split").tolist())
        assert 0.7 < counted["train"] / counted.total() < 0.9
        assert counted["val"] >= 2
        assert counted["test"] >= 2


def test_no_two_densities_are_the_same(densities):
    """A density under two names could sit on both sides of the split."""
    for group in MAIN_GROUPS:
        part = densities.select(space_group=group)
        rows = np.stack([entry.values.astype(np.float64) / entry.values.mean() for entry in part])
        names = part.column("composition")
        squares = (rows**2).sum(axis=1)
        distance = squares[:, None] + squares[None] - 2 * rows @ rows.T
        alike = np.argwhere(np.triu(distance < 1e-6 * squares[:, None], 1))
        assert all(names[i] == names[j] for i, j in alike), [(part[int(i)].id, part[int(j)].id) for i, j in alike]


def test_structures_expand_to_their_space_group_and_densities_peak_as_they_should(densities):
    seen = {entry.prototype: entry for entry in densities}
    for entry in seen.values():
        density = entry.density()
        assert (
            SpaceGroup.from_structure(density.lattice, density.positions, density.numbers).number == entry.space_group
        )
        assert check_symmetry(density.values, entry.space_group).largest_residual < 1e-12
        assert density.electrons == pytest.approx(entry.electrons, rel=1e-12)


def test_losses_of_the_common_grid_are_small(densities):
    psnr = densities.column("truncation_psnr_db")
    assert np.median(psnr) > 100
    assert np.percentile(psnr, 5) > 65
    assert psnr.min() > 55
    assert densities.column("symmetry_residual").max() < 1e-6


def test_entries_are_of_the_list_that_is_in_the_project(densities):
    listed = {crystal.id: crystal for crystal in listed_crystals(copies=3)}
    for entry in densities:
        crystal = listed[entry.id]
        assert entry.composition == crystal.composition
        assert entry.prototype == crystal.prototype
        np.testing.assert_allclose(entry.lattice, crystal.lattice, atol=1e-9)
        assert [(s.symbol, s.wyckoff) for s in entry.sites] == [(s, w) for s, w, _ in crystal.sites]


def test_the_data_card_is_that_of_the_set(densities):
    assert (ROOT / "docs" / "data.md").read_text(encoding="utf-8") == card(densities)


def test_the_set_loads_without_torch():
    script = """
import sys
from symfft_models.data.store import load_bundled
print(len(load_bundled()), "torch" in sys.modules)
"""
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert int(out[0]) >= 150
    assert out[1] == "False"
