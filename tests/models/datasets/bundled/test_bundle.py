"""From a computed density to an entry: against an analytic density, and against everything that must be kept out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symfft import asymmetric_unit, expand_from_au
from symfft_models.data.split import split_of
from symfft_models.datasets.bundled.bundle import GRIDS, RejectedResultError, entry_of, grid_of, up_to_date
from symfft_models.datasets.bundled.crystals import listed_crystals
from symfft_models.datasets.bundled.recipe import VALENCE, Recipe

RECIPE = Recipe()
CRYSTALS = {crystal.id: crystal for crystal in listed_crystals()}
REPORT = {"converged": True, "energy_ev": -10.0, "code": "none", "bands": 8, "iterations": 1, "seconds": 0.1}


def gaussians(crystal, points, *, width):
    """Superpose Gaussians with the valence electrons of each atom; points (..., 3) in units of the cell."""
    cell, symbols, positions = crystal.cell(primitive=False)
    steps = np.indices((5, 5, 5)).reshape(3, -1).T - 2
    total = np.zeros(points.shape[:-1])
    for symbol, position in zip(symbols, positions, strict=True):
        for step in steps:
            squared = (((points - position - step) @ cell) ** 2).sum(axis=-1)
            total += VALENCE[symbol] * np.exp(-squared / (2 * width**2))
    return total / (2 * np.pi * width**2) ** 1.5


def on_primitive_grid(crystal, n, **settings):
    fractional = np.stack(np.meshgrid(*[np.arange(n) / n] * 3, indexing="ij"), axis=-1)
    return gaussians(crystal, fractional @ crystal.basis, **settings)


@pytest.mark.parametrize(
    "name",
    [
        *("CsCl-CsCl", "perovskite-SrTiO3", "rock-salt-NaCl", "diamond-Si", "zintl-B32-LiAl"),
        *("bct-In", "A7-Sb", "A8-Te", "hcp-Mg", "alpha-Ga-Ga", "strained-diamond-Si", "strained-zincblende-GaAs"),
    ],
)
def test_an_analytic_density_comes_out_point_by_point(name):
    crystal = CRYSTALS[name]
    density = on_primitive_grid(crystal, 24, width=0.55)
    made = entry_of(crystal, REPORT, density, RECIPE)
    unit = made.au()
    assert made.shape == grid_of(crystal)
    exact = gaussians(crystal, unit.indices / np.array(unit.shape), width=0.55)
    np.testing.assert_allclose(made.values, exact, atol=2e-6 * exact.max())
    assert made.electrons == RECIPE.electrons(crystal, primitive=False)
    assert made.density().electrons == pytest.approx(made.electrons, rel=1e-13)
    assert made.composition == crystal.composition
    assert made.split == split_of(crystal.composition)
    assert made.metadata["truncation_psnr_db"] > 130
    assert made.metadata["symmetry_residual"] < 1e-10


def test_energy_is_that_of_the_stored_cell():
    for name, cells in (("rock-salt-NaCl", 4), ("CsCl-CsCl", 1)):
        crystal = CRYSTALS[name]
        made = entry_of(crystal, REPORT, on_primitive_grid(crystal, 16, width=0.6), RECIPE)
        assert made.metadata["energy_ev"] == pytest.approx(cells * REPORT["energy_ev"])


def test_loss_of_the_grid_is_measured():
    """Frequencies beyond the grid of the group cost what their amplitude says."""
    crystal = CRYSTALS["CsCl-CsCl"]
    n, cut = 48, GRIDS[221][0] // 2
    x = np.arange(n) / n
    waves = [np.cos(2 * np.pi * 20 * axis) for axis in np.meshgrid(x, x, x, indexing="ij")]
    electrons = RECIPE.electrons(crystal, primitive=True)
    density = electrons / np.linalg.det(crystal.lattice) * (1 + 1e-3 * sum(waves))
    assert cut < 20
    made = entry_of(crystal, REPORT, density, RECIPE)
    rmse, peak = 1e-3 * np.sqrt(3 / 2), 1 + 3e-3
    assert made.metadata["truncation_psnr_db"] == pytest.approx(20 * np.log10(peak / rmse), abs=1e-6)
    np.testing.assert_allclose(made.values, electrons / np.linalg.det(crystal.lattice), rtol=1e-6)


def rejected(crystal, density, reason, report=REPORT):
    with pytest.raises(RejectedResultError, match=reason):
        entry_of(crystal, report, density, RECIPE)


def test_results_that_do_not_belong_are_kept_out():
    crystal = CRYSTALS["rock-salt-NaCl"]
    density = on_primitive_grid(crystal, 16, width=0.6)
    rejected(crystal, None, "^unconverged: no density", REPORT | {"converged": False})
    rejected(crystal, density, "^unconverged: stuck", REPORT | {"converged": False, "reason": "stuck"})
    rejected(crystal, density * 1.001, "^wrong electrons: 32.032000 in the conventional cell, expected 32")
    tilted = density.copy()
    tilted[1, 2, 3] += 1e-3
    tilted[0, 0, 0] -= 1e-3
    rejected(crystal, tilted, "^wrong symmetry: ")
    shifted = np.roll(density, 1, axis=0)
    rejected(crystal, shifted, "^wrong symmetry: ")


def test_a_structure_of_higher_symmetry_is_kept_out():
    zintl = CRYSTALS["zintl-B32-LiAl"]
    silicon = replace(zintl, sites=tuple(("Si", wyckoff, point) for _, wyckoff, point in zintl.sites))
    rejected(silicon, on_primitive_grid(silicon, 12, width=0.7), "^wrong structure: the sites have space group 229")


def test_a_density_that_its_own_grid_does_not_resolve_is_kept_out():
    crystal = CRYSTALS["CsCl-CsCl"]
    density = on_primitive_grid(crystal, 14, width=0.12)
    assert density.min() >= 0
    density *= RECIPE.electrons(crystal, primitive=True) / (density.mean() * np.linalg.det(crystal.lattice))
    rejected(crystal, density, "^undersampled: the density falls to -")


def test_negative_values_are_kept_and_stated():
    crystal = CRYSTALS["CsCl-CsCl"]
    density = on_primitive_grid(crystal, 24, width=0.6)
    density -= density.min() + 0.01 * density.max()
    density *= RECIPE.electrons(crystal, primitive=True) / (density.mean() * np.linalg.det(crystal.lattice))
    made = entry_of(crystal, REPORT, density, RECIPE)
    full = expand_from_au(made.values, asymmetric_unit(221, made.shape))
    assert made.metadata["minimum"] == pytest.approx(float(full.min()), abs=1e-6)
    assert -0.015 * full.max() < made.metadata["minimum"] < -0.005 * full.max()


def test_an_entry_of_another_recipe_or_structure_is_out_of_date():
    crystal = CRYSTALS["CsCl-CsCl"]
    made = entry_of(crystal, REPORT, on_primitive_grid(crystal, 16, width=0.6), RECIPE)
    assert up_to_date(made, crystal, RECIPE)
    assert not up_to_date(made, crystal, Recipe(cutoff_ev=700))
    assert not up_to_date(made, crystal, Recipe(kpoint_length=30))
    assert not up_to_date(made, replace(crystal, constants=(4.2, 4.2, 4.2, 90, 90, 90)), RECIPE)
    coarse = replace(made, metadata=made.metadata | {"grid_spacing": 0.2})
    assert not up_to_date(coarse, crystal, RECIPE)


def test_digits_of_constants_make_no_entry_out_of_date():
    """The spacing of the grid follows from Bohr and Hartree, of whatever year."""
    crystal = next(c for c in CRYSTALS.values() if RECIPE.grid_spacing(c))
    made = entry_of(crystal, REPORT, on_primitive_grid(crystal, 16, width=0.6), RECIPE)
    spacing = made.metadata["grid_spacing"]
    for factor, same in ((1 + 7e-10, True), (1 + 1e-4, False)):
        stored = replace(made, metadata=made.metadata | {"grid_spacing": spacing * factor})
        assert up_to_date(stored, crystal, RECIPE) == same
