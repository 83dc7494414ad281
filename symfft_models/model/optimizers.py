"""How the weights of a network move: AdamW for all of them, or Muon for its matrices, and one schedule for both."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from symfft_models.model.config import TrainConfig
from symfft_models.model.vae import DensityVAE


def schedule(progress: float, plan: TrainConfig) -> float:
    """Share of the largest learning rate after a share of the run: linear warm-up, then a cosine to `final_rate`.

    Examples
    --------
    >>> schedule(0.5, TrainConfig(warmup=0.0, final_rate=0.0))
    0.5
    """
    if progress < plan.warmup:
        return progress / plan.warmup
    along = (progress - plan.warmup) / (1.0 - plan.warmup) if plan.warmup < 1 else 1.0
    return plan.final_rate + (1.0 - plan.final_rate) * 0.5 * (1.0 + math.cos(math.pi * min(along, 1.0)))


def optimizers_of(model: DensityVAE, plan: TrainConfig) -> list[Any]:
    """Make the optimizers of a model with a network.

    Parameters
    ----------
    model
        What is trained.
    plan
        With ``optimizer="muon"`` Muon (Jordan et al. 2024, `torch.optim.Muon`) trains the matrices of `matrices_of`
        and AdamW the rest; with ``"adamw"`` AdamW trains everything.

    Returns
    -------
    list
        One or two optimizers of torch. Every group of parameters knows its ``largest_rate``.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = matrices_of(model) if plan.optimizer == "muon" else []
    among_matrices = set(matrices)
    rest = [parameter for parameter in trained if parameter not in among_matrices]
    betas = (plan.beta1, plan.beta2)
    optimizers: list[Any] = [
        torch.optim.AdamW(rest, lr=plan.learning_rate, betas=betas, weight_decay=plan.weight_decay)
    ]
    if matrices:
        optimizers.append(
            torch.optim.Muon(matrices, lr=plan.matrix_rate, momentum=plan.momentum, weight_decay=plan.weight_decay)
        )
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["largest_rate"] = group["lr"]
    return optimizers


def matrices_of(model: DensityVAE) -> list[nn.Parameter]:
    """List the matrices of the linear path and those between a transformer's embedding and its heads.

    Embedding, heads and readout are left out, as usual with Muon: the gradient of a first or last layer says more
    about single rows than about the whole matrix, and the heads are so wide that their updates would take most of a
    step.
    """
    network = model.network
    if network is None:
        return []
    encoder, decoder = network.encoder, network.decoder
    parts = [encoder.stages, encoder.mergings, decoder.stages, decoder.expandings]
    if network.linear is not None:
        parts.append(network.linear)
    return [layer.weight for part in parts for layer in part.modules() if isinstance(layer, nn.Linear)]
