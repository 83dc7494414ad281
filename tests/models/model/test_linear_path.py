"""The linear path: linear, full-cell geometry, groups apart, and amplitudes that LayerNorm would take away."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from synthetic import synthetic_entries
from test_vae import SHAPES, SMALL

from symfft import expand_from_au
from symfft_models.model.config import load_config
from symfft_models.model.density_table import tabulate
from symfft_models.model.linear_path import LinearPath
from symfft_models.model.representation import Representation
from symfft_models.model.vae import DensityVAE, fit_statistics

LATENT = 9


@pytest.fixture(scope="module")
def fitted():
    torch.manual_seed(2)
    representation = Representation(SHAPES)
    table = tabulate(synthetic_entries("train", 6), representation)
    path = LinearPath(representation, LATENT, correcting=False)
    for index, unit in enumerate(representation.units):
        path.fit(index, table.of_group(index, unit.size))
    return path.requires_grad_(False), table, representation


def test_scales_are_those_of_the_full_cell(fitted):
    path, table, representation = fitted
    for index, unit in enumerate(representation.units):
        values = table.of_group(index, unit.size)
        cells = np.stack([expand_from_au(row, unit) for row in values - values.mean(0)])
        expected = np.sqrt((cells**2).mean())
        np.testing.assert_allclose([path.input_scale_g[index], path.output_scale_g[index]], expected, rtol=1e-5)


def test_the_code_doubles_with_the_deviation(fitted):
    path, table, _ = fitted
    centre = path.centre_gn[table.group_m]
    once, twice = (path.encode(centre + k * (table.values_mn - centre), table.group_m) for k in (1.0, 2.0))
    torch.testing.assert_close(twice, 2 * once, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(path.encode(centre, table.group_m), torch.zeros_like(once), rtol=0, atol=1e-5)
    torch.testing.assert_close(
        path.decode(once - 3 * twice, table.group_m),
        path.decode(once, table.group_m) - 3 * path.decode(twice, table.group_m),
        rtol=1e-3,
        atol=1e-4,
    )


def test_it_starts_as_an_orthogonal_projection_in_the_full_cell(fitted):
    path, table, representation = fitted
    deviation = torch.where(
        representation.weight_gn[table.group_m] > 0, table.values_mn - path.centre_gn[table.group_m], 0.0
    )
    once = path.decode(path.encode(table.values_mn, table.group_m), table.group_m)
    again = path.decode(path.encode(path.centre_gn[table.group_m] + once, table.group_m), table.group_m)
    torch.testing.assert_close(again, once, rtol=1e-3, atol=1e-4)
    product = representation.mean(once * (deviation - once), table.group_m)
    size = representation.mean(deviation.square(), table.group_m)
    assert (product.abs() < 1e-5 * size).all()
    assert (representation.mean(once.square(), table.group_m) > 1e-3 * size).any()


def test_with_a_float_for_every_point_nothing_is_lost():
    representation = Representation({221: (8, 8, 8)})
    path = LinearPath(representation, representation.points, correcting=False).requires_grad_(False)
    values, group = torch.rand(4, representation.points), torch.zeros(4, dtype=torch.long)
    torch.testing.assert_close(path.decode(path.encode(values, group), group), values, rtol=1e-4, atol=1e-4)


def test_rows_do_not_depend_on_the_groups_beside_them(fitted):
    path, table, representation = fitted
    code = path.encode(table.values_mn, table.group_m)
    for index in range(len(representation.groups)):
        mine = table.group_m == index
        alone = path.encode(table.values_mn[mine], table.group_m[mine])
        torch.testing.assert_close(alone, code[mine], rtol=1e-5, atol=1e-5)
        written = path.decode(code[mine], table.group_m[mine])
        torch.testing.assert_close(written, path.decode(code, table.group_m)[mine], rtol=1e-5, atol=1e-5)
        assert (written[:, representation.units[index].size :] == 0).all()


def test_gradients_are_finite_in_the_padding(fitted):
    path, table, representation = fitted
    twin = LinearPath(representation, LATENT, correcting=False)
    twin.load_state_dict(path.state_dict())
    twin.decode(twin.encode(table.values_mn, table.group_m), table.group_m).square().sum().backward()
    for name, parameter in twin.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("domain", ["envelope-dct", "real"])
def test_without_a_codec_training_starts_as_the_linear_path(domain):
    """Mean density of the group, the linear path, and a transformer that adds nothing yet."""
    torch.manual_seed(5)
    settings = [*SMALL, "model.codec=false", "model.linear=true", "model.posterior=0.01", f"model.domain={domain}"]
    model = DensityVAE(load_config("demo", settings), SHAPES).requires_grad_(False)
    table = tabulate(synthetic_entries("train", 6), model.representation)
    fit_statistics(model, table)
    path = model.network.linear
    posterior = model.encode(table.values_mn, table.group_m, table.condition_mp)
    torch.testing.assert_close(posterior.mean, path.encode(table.values_mn, table.group_m))
    torch.testing.assert_close(posterior.log_variance.exp().sqrt(), torch.full_like(posterior.mean, 0.01))
    expected = path.centre_gn[table.group_m] + path.decode(posterior.mean, table.group_m)
    decoded = model.decode(posterior.mean, table.group_m, table.condition_mp)
    inside = model.representation.weight_gn[table.group_m] > 0
    excess = model.representation.mean(expected, table.group_m) - 1.0
    torch.testing.assert_close(decoded, torch.where(inside, expected - excess[:, None], 0.0), rtol=1e-3, atol=2e-3)
