"""What a network reads and writes: every domain against its definition, and networks that work on each."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from synthetic import synthetic_entries
from test_vae import SHAPES, SMALL, random_batch

from symfft import ShapeError, au_real_dft, expand_from_au
from symfft_models.model.checkpoint import load_model, save_weights
from symfft_models.model.config import load_config
from symfft_models.model.density_table import tabulate
from symfft_models.model.representation import DOMAINS, Representation
from symfft_models.model.vae import DensityVAE, fit_statistics
from symfft_models.setting import ConfigError

STARS = [*SMALL, "model.domain=stars", "model.stars=40", "model.depths=[2]", "model.heads=[2]"]
REAL = [*SMALL, "model.domain=real"]
ALL = 10_000


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("domain", DOMAINS)
def test_the_way_back_inverts_the_way_there(domain, power):
    representation = Representation(SHAPES, power, domain, ALL)
    values, group = random_batch(representation)
    field = representation.to_field(values, group)
    assert field.shape == (7, *representation.field)
    torch.testing.assert_close(representation.from_field(field, group), values, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("domain", DOMAINS)
def test_gradients_through_both_ways_are_those_of_the_matrices(domain):
    """<J v, u> = <v, Jᵀ u>, the right side by backpropagation, for the linear maps there and back."""
    representation = Representation(SHAPES, 0.5, domain, 30)
    values, group = random_batch(representation)
    torch.manual_seed(1)
    field = torch.randn(7, *representation.field)
    for way, one, other in (
        (representation.to_field, values, field),
        (representation.from_field, field, torch.randn_like(values)),
    ):
        moved = one.clone().requires_grad_()
        (way(moved, group) * other).sum().backward()
        direction = torch.randn_like(one)
        forward = (way(direction, group).double() * other).sum()
        torch.testing.assert_close((moved.grad.double() * direction).sum(), forward, rtol=1e-4, atol=1e-4)


def test_real_space_holds_the_values_at_their_places():
    representation = Representation(SHAPES, 1.0, "real")
    values, group = random_batch(representation)
    field = representation.to_field(values, group)
    for row, index in enumerate(group.tolist()):
        unit = representation.units[index]
        expected = values[row, : unit.size].numpy() / unit.repetition_count
        np.testing.assert_allclose(field[row].flatten()[unit.points_in(representation.field)], expected, rtol=1e-6)
        np.testing.assert_allclose(field[row].sum(), expected.sum(), rtol=1e-5)


def test_stars_are_the_exact_transforms_and_carry_the_mean_square_of_the_cell():
    representation = Representation(SHAPES, 1.0, "stars", ALL)
    assert representation.field == (representation.points, 1, 1)
    values, group = random_batch(representation)
    field = representation.to_field(values, group)[:, :, 0, 0]
    for row, index in enumerate(group.tolist()):
        unit = representation.units[index]
        part = values[row, : unit.size].double().numpy()
        expected = au_real_dft(part, unit) / 16**1.5
        np.testing.assert_allclose(field[row, : unit.size], expected, atol=1e-5)
        assert (field[row, unit.size :] == 0).all()
        np.testing.assert_allclose(field[row].square().sum(), (expand_from_au(part, unit) ** 2).mean(), rtol=1e-4)


def test_fewer_stars_are_the_low_pass():
    """What is left out is orthogonal to what is kept, so that errors of the field are errors of the density."""
    few, every = (Representation(SHAPES, 1.0, "stars", count) for count in (20, ALL))
    values, group = random_batch(few)
    kept = few.from_field(few.to_field(values, group), group)
    torch.testing.assert_close(few.to_field(values, group), every.to_field(values, group)[:, :20])
    torch.testing.assert_close(few.from_field(few.to_field(kept, group), group), kept, rtol=1e-4, atol=1e-4)
    assert few.mean(kept * (values - kept), group).abs().max() < 1e-5


def test_lengths_of_stars_ascend_and_start_as_the_groups_reflections_do():
    representation = Representation(SHAPES, 1.0, "stars", 6)
    expected = {221: [0, 1, 2, 3, 4, 5], 225: [0, 3, 4, 8, 11, 12], 227: [0, 3, 8, 11, 12, 16]}
    for row, number in enumerate(representation.groups):
        np.testing.assert_allclose(representation.star_lengths()[row] ** 2, expected[number], rtol=1e-6)


@pytest.mark.parametrize("scale", ["group", "coefficient"])
@pytest.mark.parametrize("codec", ["true", "false"])
@pytest.mark.parametrize("settings", [SMALL, REAL, STARS], ids=["dct", "real", "stars"])
def test_networks_on_every_domain_learn_with_all_their_weights(settings, codec, scale, tmp_path):
    torch.manual_seed(0)
    settings = [*settings, f"model.codec={codec}", f"model.scale={scale}"]
    model = DensityVAE(load_config("demo", settings), SHAPES)
    table = tabulate(synthetic_entries("train", 4), model.representation)
    fit_statistics(model, table)
    arguments = table.values_mn, table.group_m, table.condition_mp
    for layer in (model.network.to_latent, model.network.decoder.readout.project):  # which start from zero
        torch.nn.init.normal_(layer.weight, std=0.02)
    estimate, posterior = model(*arguments, torch.randn(len(table), 12))
    torch.testing.assert_close(
        model.representation.mean(estimate, table.group_m), torch.ones(len(table)), atol=1e-5, rtol=0
    )
    ((estimate - table.values_mn).square().sum() + posterior.mean.sum() + posterior.log_variance.sum()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
    save_weights(tmp_path / "w.safetensors", model.eval(), {})
    again, _ = load_model(tmp_path / "w.safetensors")
    with torch.no_grad():
        assert torch.equal(again.encode(*arguments).mean, model.encode(*arguments).mean)


@pytest.mark.parametrize("settings", [SMALL, REAL, STARS], ids=["dct", "real", "stars"])
def test_a_scale_for_each_coefficient_standardizes_the_field(settings):
    """A network that writes zero gives the mean density, and strong coefficients are seen at order one."""
    alone = ["model.codec=false", "model.linear=false", "data.origin_shift=false"]
    model = DensityVAE(load_config("demo", [*settings, *alone]), SHAPES)
    table = tabulate(synthetic_entries("train", 6), model.representation)
    fit_statistics(model, table)
    network = model.network
    for parameter in network.decoder.readout.project.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        written = network.decode(torch.randn(3, 12), torch.arange(3), torch.zeros(3, 2))
        for index in range(3):
            rows = table.group_m == index
            field = model.representation.to_field(table.values_mn[rows], table.group_m[rows])
            expected = model.representation.from_field(field.mean(0, keepdim=True), torch.tensor([index]))[0]
            torch.testing.assert_close(written[index], expected, rtol=1e-4, atol=1e-4)
            seen = (field - network.centre_gijk[index]) / network.input_scale_gijk[index]
            assert 0.2 < seen.square().mean(0).max() <= 1
            strong = field.std(0) > field.std(0).max() / 2
            assert seen.square().mean(0)[strong].min() > 0.5


def test_tokens_of_stars_know_their_length_in_the_crystal_at_hand():
    torch.manual_seed(0)
    model = DensityVAE(load_config("demo", [*STARS, "model.codec=false"]), SHAPES)
    without = DensityVAE(load_config("demo", [*STARS, "model.codec=false", "model.magnitude=false"]), SHAPES)
    group, condition = torch.tensor([0, 1]), torch.log(torch.tensor([[4.0, 1.0], [5.0, 1.0]]))
    with torch.no_grad():
        assert without.network.embed_condition(condition, group).shape == (2, 1, 1, 1, 6)
        told = model.network.embed_condition(condition, group)
        assert told.shape == (2, 14, 1, 1, 6)
        lengths = model.network.lengths_gtp
        assert lengths.shape == (3, 14, 3)
        assert lengths[0].flatten()[40:].abs().max() == 0
        expected = model.network.magnitude(lengths[1] / 5.0)
        plain = model.network.group_embedding(group[1:]) + model.network.condition(condition[1:])
        torch.testing.assert_close(told[1, :, 0, 0], expected + plain)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["model.domain=waves"], "one of envelope-dct, real, stars"),
        (["model.scale=none"], "one of group, coefficient"),
        (["model.stars=0"], "model.stars must be above 0"),
        (["model.domain=stars"], r"\[2, 2\] has several stages.*set one"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        load_config("demo", changes)


def test_odd_grids_are_refused_in_every_domain():
    for domain in DOMAINS:
        with pytest.raises(ShapeError, match="odd axis"):
            Representation({221: (15, 15, 15)}, 1.0, domain)
