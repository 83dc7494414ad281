"""The Swin-VAE: AU-DCT coefficients -> latent floats -> AU-DCT coefficients, with a linear path beside the network.

Suffixes of tensors: b batch, g space groups, n AU points, l latent floats, i j k the envelope, p condition floats,
t tokens, c channels. All densities here are normalised: rho / (electrons / volume), mean one over the cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from symfft_models.config import Config
from symfft_models.linear import fit_linear
from symfft_models.representation import Representation
from symfft_models.swin import SwinDecoder, SwinEncoder
from symfft_models.table import DensityTable

# Share of the linear path's squared error that the posterior's noise adds at the start.
NOISE_SHARE = 0.01

Rows = list[tuple[int, Tensor]]  # which rows of a batch belong to which space group


@dataclass(frozen=True)
class Posterior:
    """Diagonal Gaussian over the latent floats, (b, l) each."""

    mean: Tensor
    log_variance: Tensor


class LinearPath(nn.Module):
    """z = E (rho - mean) and rho = mean + D z, one pair of matrices for each space group, padded to one size."""

    def __init__(self, groups: int, points: int, latent: int, trainable: bool) -> None:
        super().__init__()
        self.encoder_gln = nn.Parameter(torch.zeros(groups, latent, points), requires_grad=trainable)
        self.decoder_gln = nn.Parameter(torch.zeros(groups, latent, points), requires_grad=trainable)

    def encode(self, deviation_bn: Tensor, rows: Rows) -> Tensor:
        """Return (b, l)."""
        z_bl = deviation_bn.new_zeros((len(deviation_bn), self.encoder_gln.shape[1]))
        for index, where in rows:
            z_bl[where] = deviation_bn[where] @ self.encoder_gln[index].T
        return z_bl

    def decode(self, z_bl: Tensor, rows: Rows) -> Tensor:
        """Return the deviation from the mean, (b, n)."""
        deviation_bn = z_bl.new_zeros((len(z_bl), self.decoder_gln.shape[2]))
        for index, where in rows:
            deviation_bn[where] = z_bl[where] @ self.decoder_gln[index]
        return deviation_bn


class SwinVAE(nn.Module):
    """Variational autoencoder of symmetric densities.

    Parameters
    ----------
    config
        Sizes and parts.
    shapes
        Grid of the cell for each space-group number.

    Notes
    -----
    The integral over the cell is exact: whatever the decoder gives, its mean is set to one by a constant. The space
    group enters as an embedding, lattice constant and mean density as two numbers, in encoder and decoder alike.
    """

    def __init__(self, config: Config, shapes: Mapping[int, Sequence[int]]) -> None:
        super().__init__()
        model = config.model
        self.config = config
        self.representation = Representation(shapes, model.site_power)
        groups, points, envelope = len(shapes), self.representation.points, self.representation.envelope
        patch, window = (model.patch,) * 3, (model.window,) * 3
        coefficients = torch.ones(envelope, dtype=torch.bool)
        sizes = (model.channels, model.depths, model.heads, model.condition_channels)
        self.encoder = SwinEncoder(coefficients, patch, window, 1, *sizes)
        self.decoder = SwinDecoder(coefficients, patch, window, 1, *sizes)
        self.group_embedding = nn.Embedding(groups, model.condition_channels)
        self.condition = nn.Sequential(
            nn.Linear(2, model.condition_channels),
            nn.GELU(),
            nn.Linear(model.condition_channels, model.condition_channels),
        )
        self.to_latent = nn.Linear(self.encoder.tokens * self.encoder.width, 2 * model.latent)
        self.from_latent = nn.Linear(model.latent, self.decoder.tokens * self.decoder.width)
        self.linear = LinearPath(groups, points, model.latent, model.train_linear) if model.linear_path else None
        if self.linear is not None:
            for last in (self.to_latent, self.decoder.readout.project):
                nn.init.zeros_(last.weight)
                nn.init.zeros_(last.bias)
        self.mean_gn: Tensor
        self.input_scale_gijk: Tensor
        self.output_scale_gijk: Tensor
        self.log_variance_gl: Tensor
        self.condition_scale_2p: Tensor
        self.register_buffer("mean_gn", torch.zeros(groups, points))
        self.register_buffer("input_scale_gijk", torch.ones(groups, *envelope))
        self.register_buffer("output_scale_gijk", torch.ones(groups, *envelope))
        self.register_buffer("log_variance_gl", torch.zeros(groups, model.latent))
        self.register_buffer("condition_scale_2p", torch.tensor([[0.0, 0.0], [1.0, 1.0]]))

    def embed_condition(self, condition_bp: Tensor, group_b: Tensor) -> Tensor:
        """Return what is known of the crystal beside its density, (b, c)."""
        centre, spread = self.condition_scale_2p
        return self.group_embedding(group_b) + self.condition((condition_bp - centre) / spread)

    def encode(self, values_bn: Tensor, group_b: Tensor, condition_bp: Tensor) -> Posterior:
        """Return the posterior of the latent floats."""
        deviation_bn = values_bn - self.mean_gn[group_b]
        with torch.autocast(values_bn.device.type, enabled=False):
            coefficients = self.representation.dct(deviation_bn, group_b) / self.input_scale_gijk[group_b]
        tokens_btc = self.encoder(coefficients[:, None], self.embed_condition(condition_bp, group_b))
        mean_bl, log_variance_bl = self.to_latent(tokens_btc.flatten(1)).float().chunk(2, dim=-1)
        log_variance_bl = (self.log_variance_gl[group_b] + log_variance_bl).clamp(-25.0, 10.0)
        if self.linear is not None:
            # The network's correction counts in standard deviations of the posterior that training starts from: in
            # units of the prior's, its first steps would undo the linear code.
            spread_bl = torch.exp(0.5 * self.log_variance_gl[group_b])
            with torch.autocast(values_bn.device.type, enabled=False):
                mean_bl = self.linear.encode(deviation_bn, self.representation.rows(group_b)) + spread_bl * mean_bl
        return Posterior(mean_bl, log_variance_bl)

    def decode(self, z_bl: Tensor, group_b: Tensor, condition_bp: Tensor) -> Tensor:
        """Return the normalised density on the AU, (b, n) float32, mean one over the cell."""
        tokens_btc = self.from_latent(z_bl).reshape(len(z_bl), self.decoder.tokens, self.decoder.width)
        coefficients = self.decoder(tokens_btc, self.embed_condition(condition_bp, group_b))[:, 0]
        with torch.autocast(z_bl.device.type, enabled=False):
            scaled = coefficients.float() * self.output_scale_gijk[group_b]
            values_bn = self.mean_gn[group_b] + self.representation.idct(scaled, group_b)
            if self.linear is not None:
                values_bn = values_bn + self.linear.decode(z_bl.float(), self.representation.rows(group_b))
            excess = self.representation.mean(values_bn, group_b) - 1.0
            inside = self.representation.weight_gn[group_b] > 0
            return torch.where(inside, values_bn - excess[:, None], 0.0)

    def forward(
        self, values_bn: Tensor, group_b: Tensor, condition_bp: Tensor, noise_bl: Tensor
    ) -> tuple[Tensor, Posterior]:
        """Encode, draw with the given standard normal noise, decode."""
        posterior = self.encode(values_bn, group_b, condition_bp)
        z_bl = posterior.mean + noise_bl * torch.exp(0.5 * posterior.log_variance)
        return self.decode(z_bl, group_b, condition_bp), posterior


@torch.no_grad()
def fit_statistics(model: SwinVAE, table: DensityTable) -> dict[str, dict[str, float]]:
    """Set the scales, and the linear path where there is one, from training densities; say how the path was chosen.

    With a linear path the network sees coefficients of deviations from the mean in units of their spread, and writes
    in units of the linear path's cross-validated error. Without one (the paper's model) both are one number a group.
    """
    representation = model.representation
    condition = table.condition_mp
    model.condition_scale_2p.copy_(torch.stack([condition.mean(0), condition.std(0) + 1e-3]))
    choices = {}
    for index, unit in enumerate(representation.units):
        values = table.of_group(index, unit.size)
        if not len(values):
            raise ValueError(f"space group {representation.groups[index]} has no training density")
        shift = representation.shift_gn[index, : unit.size].numpy()
        compound = table.compounds(index)
        positions = [np.array(site.position) for entry in table.entries_of(index) for site in entry.sites]
        if model.config.data.origin_shift:
            values, compound = np.concatenate([values, values[:, shift]]), np.concatenate([compound, compound])
            positions += [position + 0.5 for position in positions]
        if model.linear is None:
            spread = coefficients_of(representation, index, values).square().mean().sqrt()
            model.input_scale_gijk[index], model.output_scale_gijk[index] = spread, spread
            continue
        fit = fit_linear(values, unit, model.config.model.latent, compound, positions)
        shrinkage, atom_share = fit.chosen
        choices[str(representation.groups[index])] = {
            "shrinkage": shrinkage,
            "atom_share": atom_share,
            "cross_validated_psnr": fit.psnr[fit.chosen],
        }
        count = len(fit.code.basis)
        mean = torch.from_numpy(fit.code.mean).float()
        model.mean_gn[index, : unit.size] = mean
        basis, scale = fit.code.basis, fit.scale[:, None]
        model.linear.encoder_gln[index, :count, : unit.size] = torch.from_numpy(basis * fit.code.weight / scale).float()
        model.linear.decoder_gln[index, :count, : unit.size] = torch.from_numpy(basis * scale).float()
        noise = NOISE_SHARE * np.mean(fit.residual**2 @ fit.code.weight) / count
        model.log_variance_gl[index, :count] = torch.from_numpy(np.log(np.minimum(noise / fit.scale**2, 1.0))).float()
        deviation = coefficients_of(representation, index, values - fit.code.mean)
        residual = coefficients_of(representation, index, fit.residual)
        model.input_scale_gijk[index] = smooth_scale(deviation)
        model.output_scale_gijk[index] = smooth_scale(residual)
    return choices


def coefficients_of(representation: Representation, index: int, values: np.ndarray) -> Tensor:
    """Transform densities of one space group, (m, i, j, k) float32."""
    padded = torch.zeros(len(values), representation.points)
    padded[:, : values.shape[1]] = torch.from_numpy(values).float()
    return representation.dct(padded, torch.full((len(values),), index))


def smooth_scale(coefficients_mijk: Tensor) -> Tensor:
    """Root mean square of each coefficient, never below a tenth of the overall one, (i, j, k)."""
    power = coefficients_mijk.square()
    return (power.mean(0) + 0.01 * power.mean()).sqrt()
