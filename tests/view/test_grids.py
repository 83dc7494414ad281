"""Grids of a page: quantities, first levels and ranges."""

import base64
import zlib

import numpy as np
import pytest
from crystals import crystal

from symfft import Density
from symfft.view.grids import grids_of


def values_of(grid):
    data = zlib.decompress(base64.b64decode(grid["data"]))
    return np.frombuffer(data, "<f4").reshape(grid["shape"])


def test_values_travel_in_single_precision():
    density = crystal(14)
    (grid,), notes = grids_of(density, None, ("", ""))
    np.testing.assert_array_equal(values_of(grid), density.values.astype(np.float32))
    assert notes == []


def test_the_first_level_holds_half_of_the_electrons():
    density = crystal(62)
    (grid,), _ = grids_of(density, None, ("", ""))
    ordered = np.sort(density.values, axis=None)
    above = ordered[ordered > grid["level"]].sum() / ordered.sum()
    assert above == pytest.approx(0.5, abs=2 * ordered[-1] / ordered.sum())


def test_every_quantity_can_be_chosen():
    density = crystal(14)
    collinear = density.with_values(density.values, 0.5 * density.values)
    vector = density.with_values(density.values, np.stack([density.values] * 3))
    assert [g["name"] for g in grids_of(collinear, None, ("", ""))[0]] == ["electron density", "magnetization"]
    length = grids_of(vector, None, ("", ""))[0][1]
    assert length["name"] == "length of the magnetization"
    np.testing.assert_allclose(values_of(length), np.sqrt(3) * np.abs(density.values), rtol=1e-6)
    by_spin = Density(density.values, density.lattice, [], [], spin_down=-density.values, kind="potential")
    assert [g["name"] for g in grids_of(by_spin, None, ("", ""))[0]] == ["potential, spin up", "potential, spin down"]


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0])
def test_a_constant_has_a_usable_range(value):
    density = Density(np.full((4, 4, 4), value), np.eye(3), [], [])
    (grid,), _ = grids_of(density, None, ("", ""))
    assert np.isfinite([grid["low"], grid["high"], grid["level"], grid["scale"]]).all()
    assert grid["scale"] > grid["floor"]


def test_small_negative_values_do_not_make_a_density_one_of_both_signs():
    values = np.linspace(-0.01, 1.0, 64).reshape(4, 4, 4)
    (grid,), _ = grids_of(Density(values, np.eye(3), [], []), None, ("", ""))
    assert not grid["signed"]
    (grid,), _ = grids_of(Density(values - 0.5, np.eye(3), [], []), None, ("", ""))
    assert grid["signed"]
