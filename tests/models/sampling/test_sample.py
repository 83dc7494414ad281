"""Generated files: what is decoded, what is written, and what is said about it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import gemmi
import numpy as np
import pytest

from symfft import SpaceGroup, check_symmetry, read_chgcar
from symfft_models.datasets.paw import load_paw
from symfft_models.evaluation.metrics import density_metrics
from symfft_models.model.config import SampleConfig
from symfft_models.sampling import sample
from symfft_models.sampling.prior import Draw, Wanted, fit_prior
from symfft_models.sampling.sample import (
    decode_draw,
    labelled,
    lattice_points,
    lowest,
    nearest,
    with_atoms,
    write_samples,
)
from symfft_models.weights import open_trained, shipped_weights


def test_a_training_point_generates_its_own_density(fitted):
    """Decoding a posterior mean gives back the density, the cell and the electrons it came from."""
    model, train, _ = fitted
    for index in range(3):
        prior = fit_prior(model, train, index)
        entry = train.entries[prior.rows[0]]
        values, a, electrons = decode_draw(model, index, Draw(prior.points[0], entry.prototype, prior.rows[0]))
        assert a == pytest.approx(entry.lattice[0, 0], rel=1e-5)
        each = lattice_points(SpaceGroup.from_number(entry.space_group))
        assert electrons % each == 0
        assert abs(electrons - entry.electrons) <= each / 2
        density = with_atoms(model, index, values, a, labelled(entry))
        assert density.electrons == pytest.approx(electrons, rel=1e-12)
        unit = model.representation.units[index]
        psnr = density_metrics(entry.values, values * entry.electrons / electrons, unit.multiplicity)["psnr"]
        assert psnr > 40
        name, distance = nearest(values, train, model, index)
        assert name == entry.id
        weight = unit.multiplicity / 16**3
        shapes = values / (values @ weight), entry.values / (entry.values @ weight)
        assert distance == pytest.approx(100 * np.abs(shapes[0] - shapes[1]) @ weight, rel=1e-4, abs=1e-5)


def test_lattice_points_are_the_centring():
    assert [lattice_points(SpaceGroup.from_number(n)) for n in (221, 225, 227, 229, 166)] == [1, 4, 4, 2, 3]


def test_written_samples_are_symmetric_and_hold_their_electrons(demo):
    report = json.loads((demo / "samples" / "samples.json").read_text())
    assert len(report["samples"]) == 9
    assert report["failures"] == 0
    for entry in report["samples"]:
        density = read_chgcar(demo / "samples" / entry["file"])
        assert check_symmetry(density.values, entry["space_group"]).is_symmetric(1e-9)
        assert density.electrons == pytest.approx(entry["electrons"], rel=1e-9)
        assert density.lattice == pytest.approx(entry["lattice_constant"] * np.eye(3), abs=1e-6)
        found = SpaceGroup.from_structure(density.lattice, density.positions, density.numbers)
        assert found.number == entry["space_group"]
        assert np.isfinite(entry["nearest_nmae"])


def test_a_density_may_fall_below_zero_as_far_as_its_kind_does(tmp_path, fitted, monkeypatch):
    """Valence densities of the PAW method fall below zero near nuclei; what falls further is reported."""
    model, train, _ = fitted
    original = sample.decode_draw

    def sunken(share, model, index, draw):
        values, a, electrons = original(model, index, draw)
        values = np.where(values == values.min(), -share * values.max(), values)
        unit = model.representation.units[index]
        return values * electrons / (values @ unit.multiplicity * a**3 / np.prod(unit.shape)), a, electrons

    def lowered(entry):
        rho = entry.values
        return replace(entry, values=np.where(rho == rho.min(), -0.3 * rho.max(), rho))

    deep = replace(train, entries=tuple(map(lowered, train.entries)))
    assert lowest(deep.entries) == pytest.approx(-0.3)
    assert lowest([]) == 0
    for share, known, holds in ((0.3, deep, True), (0.35, deep, False), (0.3, train, False), (0.01, train, True)):
        monkeypatch.setattr(sample, "decode_draw", partial(sunken, share))
        report = write_samples(model, known, SampleConfig(per_group=1), tmp_path / "out", [225], force=True)
        assert [entry["not_negative"] for entry in report["samples"]] == [holds]


def real_model():
    """The smallest shipped model and what it learned from."""
    trained = open_trained(shipped_weights("latent-64"))
    return trained.model, trained.tables["train"]


def test_atoms_in_the_files_have_the_electrons_of_the_density(tmp_path):
    """On DFT densities, whose elements have the valences of one recipe."""
    model, train = real_model()
    setups = load_paw().setups
    report = write_samples(model, train, SampleConfig(per_group=8), tmp_path)
    assert len(report["samples"]) == 24
    for entry in report["samples"]:
        density = read_chgcar(tmp_path / entry["file"])
        valence = sum(setups[gemmi.Element(z).name].valence for z in density.numbers.tolist())
        assert density.electrons == pytest.approx(valence, rel=1e-9)
        assert entry["atoms_have_electrons"]
        assert entry["atoms_electrons"] == valence
        assert not entry["atoms_renamed"]


def test_a_wanted_composition_comes_with_its_electrons(tmp_path):
    model, train = real_model()
    setups = load_paw().setups
    report = write_samples(model, train, SampleConfig(per_group=3), tmp_path / "a", [225], Wanted(composition="NaBr"))
    own = {entry.id for entry in train.entries if entry.composition == "BrNa"}
    for entry in report["samples"]:
        density = read_chgcar(tmp_path / "a" / entry["file"])
        assert sorted(set(density.numbers.tolist())) == [11, 35]
        assert density.electrons == pytest.approx(4 * sum(setups[s].valence for s in ("Na", "Br")), rel=1e-9)
        assert entry["atoms_renamed"] == (entry["atoms_from"] not in own)
