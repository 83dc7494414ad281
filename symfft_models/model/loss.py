"""Losses on AU values. With the weights multiplicity / N each equals its value on the full cell, exactly.

Suffixes of tensors: b batch, n AU points, l latent floats.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

# Below this share of the mean density a point counts as empty in the divergence. Band-limited DFT densities dip below
# zero by about as much.
FLOOR = 1e-4


def positive_part(values_bn: Tensor) -> Tensor:
    """Make a density positive for the divergence alone: a softplus whose bend is as wide as `FLOOR`.

    Values above a few `FLOOR` pass unchanged, and negative ones keep a gradient. Nothing else in the model bends the
    density: what is evaluated and written is the decoder's own.
    """
    return FLOOR * F.softplus(values_bn / FLOOR) + 1e-3 * FLOOR


def density_divergence(values_bn: Tensor, estimate_bn: Tensor, weight_bn: Tensor) -> Tensor:
    r"""Kullback–Leibler divergence of densities, :math:`\sum_r p(r) \ln (p(r)/p^*(r))` over the full cell, (b,).

    p and p* are rho and rho* made positive (`positive_part`) and normalised to one over the cell, so it is never
    negative and zero only where both agree.
    """
    p = positive_part(values_bn) * weight_bn
    q = positive_part(estimate_bn) * weight_bn
    p_sum, q_sum = p.sum(-1, keepdim=True), q.sum(-1, keepdim=True)
    ratio = torch.log(positive_part(values_bn) / positive_part(estimate_bn)) - torch.log(p_sum / q_sum)
    return ((p / p_sum) * ratio).sum(-1)


def structure_factor_error(values_bn: Tensor, estimate_bn: Tensor, weight_bn: Tensor) -> Tensor:
    r"""Squared error of the Fourier coefficients, :math:`\sum_G |\rho(G) - \rho^*(G)|^2`, (b,).

    With :math:`\rho(G) = \frac1N \sum_r \rho(r) e^{-2\pi i G \cdot r}` Parseval makes it the mean squared error over
    the cell, which the AU gives without any transform.
    """
    return ((values_bn - estimate_bn).square() * weight_bn).sum(-1)


def latent_divergence(mean_bl: Tensor, log_variance_bl: Tensor) -> Tensor:
    """Kullback–Leibler divergence of N(mean, variance) from N(0, 1), summed over the latent floats, in nats, (b,)."""
    return 0.5 * (mean_bl.square() + log_variance_bl.exp() - 1.0 - log_variance_bl).sum(-1)


def peak_error(values_bn: Tensor, estimate_bn: Tensor, weight_bn: Tensor) -> Tensor:
    """Mean squared error over the squared peak, in dB: the negative of the PSNR, (b,)."""
    peak = values_bn.amax(-1)
    return 10.0 * torch.log10(structure_factor_error(values_bn, estimate_bn, weight_bn) / peak.square() + 1e-12)


@dataclass(frozen=True)
class LossTerms:
    """Per-structure terms of the loss, each (b,), and their weighted sum."""

    total: Tensor
    divergence: Tensor
    fourier: Tensor
    latent: Tensor
    decibel: Tensor


def paper_loss(
    values_bn: Tensor,
    estimate_bn: Tensor,
    weight_bn: Tensor,
    mean_bl: Tensor,
    log_variance_bl: Tensor,
    factors: tuple[float, float, float],
) -> LossTerms:
    """Sum the paper's three terms: densities' divergence, Fourier coefficients' error, latent divergence."""
    divergence = density_divergence(values_bn, estimate_bn, weight_bn)
    fourier = structure_factor_error(values_bn, estimate_bn, weight_bn)
    latent = latent_divergence(mean_bl, log_variance_bl)
    total = factors[0] * divergence + factors[1] * fourier + factors[2] * latent
    decibel = peak_error(values_bn, estimate_bn, weight_bn).detach()
    return LossTerms(total, divergence, fourier, latent, decibel)


def peak_loss(
    values_bn: Tensor,
    estimate_bn: Tensor,
    weight_bn: Tensor,
    mean_bl: Tensor,
    log_variance_bl: Tensor,
    factors: tuple[float, float, float],
) -> LossTerms:
    """Sum divergence, negative PSNR in dB (in the place of the Fourier term) and latent divergence."""
    divergence = density_divergence(values_bn, estimate_bn, weight_bn)
    decibel = peak_error(values_bn, estimate_bn, weight_bn)
    latent = latent_divergence(mean_bl, log_variance_bl)
    total = factors[0] * divergence + factors[1] * decibel + factors[2] * latent
    fourier = structure_factor_error(values_bn, estimate_bn, weight_bn).detach()
    return LossTerms(total, divergence, fourier, latent, decibel)


LOSSES = {"paper": paper_loss, "peak": peak_loss}
