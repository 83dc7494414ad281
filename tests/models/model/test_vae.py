"""The model on synthetic densities: exact representation, exact integral, the codec it starts from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from synthetic import synthetic_entries, synthetic_entry

from symfft import ShapeError, asymmetric_unit, expand_from_au
from symfft_models.model.codec import fit_codec
from symfft_models.model.config import load_config
from symfft_models.model.density_table import grids_of, tabulate
from symfft_models.model.representation import Representation, half_shift
from symfft_models.model.stars import cell_weights, star_functions
from symfft_models.model.vae import DensityVAE, fit_statistics

SHAPES = {221: (16, 16, 16), 225: (16, 16, 16), 227: (16, 16, 16)}
SMALL = [
    "model.codec=true",
    "model.latent=12",
    "model.channels=12",
    "model.depths=[1, 1]",
    "model.heads=[2, 2]",
    "model.patch=3",
    "model.window=2",
    "model.condition_channels=6",
]


def random_batch(representation, count=7):
    torch.manual_seed(0)
    group = torch.arange(count) % len(representation.groups)
    values = torch.rand(count, representation.points) * (representation.weight_gn[group] > 0)
    return values, group


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_envelope_transform_of_a_mixed_batch_is_inverted(power):
    representation = Representation(SHAPES, power)
    values, group = random_batch(representation)
    coefficients = representation.to_field(values, group)
    assert coefficients.shape == (7, *representation.field)
    torch.testing.assert_close(representation.from_field(coefficients, group), values, rtol=1e-4, atol=1e-4)


def test_half_power_makes_the_transform_an_isometry_of_the_full_cell():
    representation = Representation(SHAPES, 0.5)
    values, group = random_batch(representation)
    norm = representation.to_field(values, group).square().sum((1, 2, 3))
    for row, index in enumerate(group.tolist()):
        unit = representation.units[index]
        cell = expand_from_au(values[row, : unit.size].numpy(), unit)
        np.testing.assert_allclose(norm[row] * unit.space_group.order, (cell**2).sum(), rtol=1e-4)


def test_weights_average_over_the_full_cell():
    representation = Representation(SHAPES)
    values, group = random_batch(representation)
    for row, index in enumerate(group.tolist()):
        unit = representation.units[index]
        cell = expand_from_au(values[row, : unit.size].numpy(), unit)
        np.testing.assert_allclose(representation.mean(values, group)[row], cell.mean(), rtol=1e-5)


@pytest.mark.parametrize("group", [221, 225, 227])
def test_origin_shift_is_a_roll_by_half_the_cell(group):
    unit = asymmetric_unit(group, (16, 16, 16))
    values = np.random.default_rng(0).random(unit.size)
    cell = expand_from_au(values, unit)
    moved = expand_from_au(values[half_shift(unit)], unit)
    assert np.array_equal(moved, np.roll(cell, (8, 8, 8), axis=(0, 1, 2)))


def test_unknown_groups_and_odd_grids_are_refused():
    with pytest.raises(ShapeError, match="odd axis"):
        Representation({221: (15, 15, 15)})
    with pytest.raises(ShapeError, match="space group 62 is not in this model"):
        Representation(SHAPES).row(62)
    with pytest.raises(ShapeError, match="at least one"):
        Representation({})


@pytest.fixture(scope="module")
def fitted():
    torch.manual_seed(0)
    model = DensityVAE(load_config("demo", SMALL), SHAPES)
    table = tabulate(synthetic_entries("train", 8), model.representation)
    fit_statistics(model, table)
    return model, table


def test_table_is_normalised_and_conditions_are_the_crystals(fitted):
    model, table = fitted
    means = model.representation.mean(table.values_mn, table.group_m)
    torch.testing.assert_close(means, torch.ones(len(table)), rtol=1e-5, atol=1e-5)
    for entry, condition in zip(table.entries, table.condition_mp, strict=True):
        a = entry.lattice[0, 0]
        np.testing.assert_allclose(condition, [np.log(a), np.log(entry.electrons / a**3)], rtol=1e-5)


def test_table_refuses_what_does_not_fit(fitted):
    model, _ = fitted
    with pytest.raises(ShapeError, match="values; the AU of"):
        tabulate([synthetic_entry("CsCl", 0, grid=12)], model.representation)
    with pytest.raises(ShapeError, match="resample the set to one grid"):
        grids_of([synthetic_entry("CsCl", 0, grid=12), synthetic_entry("CsCl", 1)])
    with pytest.raises(ShapeError, match="no density"):
        tabulate([], model.representation)


def test_training_starts_as_the_codec(fitted):
    model, table = fitted
    with torch.no_grad():
        posterior = model.encode(table.values_mn, table.group_m, table.condition_mp)
        decoded = model.decode(posterior.mean, table.group_m, table.condition_mp)
    for index, unit in enumerate(model.representation.units):
        chosen = table.group_m == index
        values, shift = table.of_group(index, unit.size), half_shift(unit)
        both, compound = np.concatenate([values, values[:, shift]]), np.tile(table.compounds(index), 2)
        stars = torch.from_numpy(star_functions(unit, 48))
        fit = fit_codec(*map(torch.from_numpy, (both, cell_weights(unit))), 12, torch.from_numpy(compound), stars)
        expected = fit.codec.decode(fit.codec.encode(torch.from_numpy(values)))
        np.testing.assert_allclose(decoded[chosen, : unit.size], expected, atol=2e-4)
        assert posterior.mean[chosen].abs().max() < 20


def test_held_out_codecs_code_what_they_were_not_fitted_to(fitted):
    model, table = fitted
    fold = fit_statistics(model, table).fold_m
    with torch.no_grad():
        known = model.encode(table.values_mn, table.group_m, table.condition_mp).mean
        unknown = model.encode(table.values_mn, table.group_m, table.condition_mp, fold).mean
        rows = torch.arange(0, len(table), 5)
        alone = model.encode(table.values_mn[rows], table.group_m[rows], table.condition_mp[rows], fold[rows]).mean
    torch.testing.assert_close(alone, unknown[rows], rtol=1e-2, atol=1e-3)
    assert (known - unknown).abs().max() > 1e-3


def test_a_codec_alone_has_nothing_to_train():
    model = DensityVAE(load_config("default", ["model.latent=12"]), SHAPES)
    table = tabulate(synthetic_entries("train", 8), model.representation)
    fit_statistics(model, table)
    assert not list(model.parameters())
    values = model.decode(torch.randn(3, 12), torch.tensor([0, 1, 2]), torch.randn(3, 2))
    torch.testing.assert_close(model.representation.mean(values, torch.arange(3)), torch.ones(3), rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize("preset", ["demo", "paper"])
def test_any_latent_decodes_to_a_density_of_exact_mean_and_zero_padding(preset):
    torch.manual_seed(3)
    model = DensityVAE(load_config(preset, SMALL), SHAPES)
    fit_statistics(model, tabulate(synthetic_entries("train", 3), model.representation))
    torch.nn.init.normal_(model.network.decoder.readout.project.weight, std=0.1)
    group = torch.tensor([0, 1, 2, 1])
    values = model.decode(torch.randn(4, 12), group, torch.randn(4, 2))
    assert values.dtype == torch.float32
    torch.testing.assert_close(model.representation.mean(values, group), torch.ones(4), rtol=3e-6, atol=3e-6)
    assert (values[model.representation.weight_gn[group] == 0] == 0).all()
    assert values.std() > 0.1


@pytest.mark.parametrize("overrides", [[], ["model.codec=false"]])
def test_every_trained_weight_gets_a_gradient(overrides):
    torch.manual_seed(4)
    model = DensityVAE(load_config("demo", [*SMALL, *overrides]), SHAPES)
    table = tabulate(synthetic_entries("train", 3), model.representation)
    fit_statistics(model, table)
    for layer in (model.network.to_latent, model.network.decoder.readout.project):
        torch.nn.init.normal_(layer.weight, std=0.02)
    noise = torch.randn(len(table), 12)
    estimate, posterior = model(table.values_mn, table.group_m, table.condition_mp, noise)
    ((estimate - table.values_mn).square().sum() + posterior.mean.sum() + posterior.log_variance.sum()).backward()
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    for name, parameter in trained.items():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_noise_is_scaled_by_the_posterior(fitted):
    model, table = fitted
    with torch.no_grad():
        arguments = (table.values_mn[:4], table.group_m[:4], table.condition_mp[:4])
        noise = torch.randn(4, 12)
        estimate, posterior = model(*arguments, noise)
        z = posterior.mean + noise * posterior.log_variance.exp().sqrt()
        torch.testing.assert_close(estimate, model.decode(z, *arguments[1:]))
