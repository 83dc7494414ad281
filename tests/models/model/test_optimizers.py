"""Which weights move how, and the schedule."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_vae import SHAPES, SMALL

from symfft_models.model.config import TrainConfig, load_config
from symfft_models.model.optimizers import matrices_of, optimizers_of, schedule
from symfft_models.model.vae import DensityVAE


def network(*changes: str) -> DensityVAE:
    torch.manual_seed(0)
    return DensityVAE(load_config("demo", [*SMALL, "model.codec=false", *changes]), SHAPES)


def test_rate_warms_up_and_falls_to_its_end():
    plan = TrainConfig(warmup=0.1, final_rate=0.05)
    shares = [schedule(p, plan) for p in np.linspace(0, 1, 101)]
    assert shares[0] == 0
    assert shares[10] == pytest.approx(1.0)
    assert (np.diff(shares[:11]) > 0).all()
    assert (np.diff(shares[10:]) < 0).all()
    assert shares[100] == pytest.approx(0.05)
    constant = TrainConfig(warmup=0.0, final_rate=1.0)
    assert {schedule(p, constant) for p in (0.0, 0.5, 1.0)} == {1.0}


@pytest.mark.parametrize("linear", ["true", "false"])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_every_trained_weight_has_one_optimizer(optimizer, linear):
    model = network(f"model.linear={linear}")
    plan = load_config("demo", [f"train.optimizer={optimizer}", "train.matrix_rate=0.03"]).train
    optimizers = optimizers_of(model, plan)
    groups = [group for one in optimizers for group in one.param_groups]
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    owned = [names[id(parameter)] for group in groups for parameter in group["params"]]
    assert sorted(owned) == sorted(names.values())
    assert [group["largest_rate"] for group in groups] == [1e-3, 0.03][: len(groups)]
    assert [type(one).__name__ for one in optimizers] == ["AdamW", "Muon"][: 2 if optimizer == "muon" else 1]


def test_matrices_are_the_linear_path_and_what_lies_inside_the_transformer():
    model = network("model.depths=[2, 1]", "model.linear=true")
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {names[id(matrix)] for matrix in matrices_of(model)}
    blocks, layers = 2 * (2 + 1), 4
    between, linear = 2, 2 * len(SHAPES)
    assert len(found) == blocks * layers + between + linear
    assert all(dict(model.named_parameters())[name].ndim == 2 for name in found)
    for part in ("to_latent", "from_latent", "embed", "readout", "condition", "magnitude"):
        assert not any(part in name for name in found), part
    assert matrices_of(DensityVAE(load_config("default", ["model.latent=12"]), SHAPES)) == []


def test_muon_moves_all_directions_of_a_matrix_alike():
    """The singular values of the gradient lie between 1 and 30; those of the step are equal within a factor of 2.5."""
    rng = np.random.default_rng(3)
    model = network("model.linear=true", "model.latent=12")
    weight = model.network.linear.decoders[0].weight
    (left, _), (right, _) = (np.linalg.qr(rng.standard_normal((size, 9))) for size in weight.shape)
    before = weight.detach().clone()
    weight.grad = torch.tensor(left * np.geomspace(1, 30, 9) @ right.T, dtype=torch.float32)
    for optimizer in optimizers_of(model, load_config("demo", ["train.matrix_rate=0.5"]).train):
        optimizer.step()
    step = (before - weight).detach().numpy()
    sizes = np.linalg.svd(left.T @ step @ right, compute_uv=False)
    assert sizes.max() / sizes.min() < 2.5
