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

from symfft import ShapeError
from symfft_models.config import Config
from symfft_models.linear import fit_linear
from symfft_models.representation import Representation
from symfft_models.swin import SwinDecoder, SwinEncoder
from symfft_models.table import DensityTable

# Share of the linear path's squared error that the posterior's noise adds at the start.
NOISE_SHARE = 0.01
# Parts of the cross-validation that gives the linear path's held-out codes.
FOLDS = 4


@dataclass(frozen=True)
class Posterior:
    """Diagonal Gaussian over the latent floats, (b, l) each."""

    mean: Tensor
    log_variance: Tensor


class LinearPath(nn.Module):
    """z = B (rho - mean) / scale and rho = mean + B^T (scale z): one code for each space group, padded to one size.

    Training densities are coded by held-out codes (`symfft_models.linear`), one for each fold, so that the network
    learns to correct the errors that the linear code makes on crystals it was not fitted to. `fold_b` says which;
    -1, or none given, is the code fitted to all, the only one that is saved with the weights.
    """

    def __init__(self, representation: Representation, latent: int) -> None:
        super().__init__()
        self.representation = representation
        groups, points = len(representation.groups), representation.points
        self.mean_gn: Tensor
        self.basis_gln: Tensor
        self.scale_gl: Tensor
        self.held_out_mean_gfn: Tensor
        self.held_out_basis_gfln: Tensor
        self.register_buffer("mean_gn", torch.zeros(groups, points))
        self.register_buffer("basis_gln", torch.zeros(groups, latent, points))
        self.register_buffer("scale_gl", torch.ones(groups, latent))
        self.register_buffer("held_out_mean_gfn", torch.zeros(groups, FOLDS, points))
        self.register_buffer("held_out_basis_gfln", torch.zeros(groups, FOLDS, latent, points))

    def codes(self, group_b: Tensor, fold_b: Tensor | None) -> list[tuple[int, Tensor, Tensor, Tensor]]:
        """List group, batch rows, mean and basis of every code that the batch needs."""
        if fold_b is None:
            return [(g, where, self.mean_gn[g], self.basis_gln[g]) for g, where in self.representation.rows(group_b)]
        chosen = []
        for g, rows in self.representation.rows(group_b):
            for fold in torch.unique(fold_b[rows]).tolist():
                where = rows[fold_b[rows] == fold]
                chosen.append((g, where, self.held_out_mean_gfn[g, fold], self.held_out_basis_gfln[g, fold]))
        return chosen

    def encode(self, values_bn: Tensor, group_b: Tensor, fold_b: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the coefficients, (b, l), and the deviation from the mean, (b, n)."""
        deviation_bn = torch.empty_like(values_bn)
        z_bl = values_bn.new_empty((len(values_bn), self.scale_gl.shape[1]))
        for g, where, mean, basis in self.codes(group_b, fold_b):
            deviation_bn[where] = values_bn[where] - mean
            z_bl[where] = (deviation_bn[where] * self.representation.weight_gn[g]) @ basis.T / self.scale_gl[g]
        return z_bl, deviation_bn

    def decode(self, z_bl: Tensor, group_b: Tensor, fold_b: Tensor | None) -> Tensor:
        """Return the density, (b, n)."""
        values_bn = z_bl.new_empty((len(z_bl), self.representation.points))
        for g, where, mean, basis in self.codes(group_b, fold_b):
            values_bn[where] = mean + (z_bl[where] * self.scale_gl[g]) @ basis
        return values_bn


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
        groups, envelope = len(shapes), self.representation.envelope
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
        self.linear = LinearPath(self.representation, model.latent) if model.linear_path else None
        if self.linear is not None:
            for last in (self.to_latent, self.decoder.readout.project):
                nn.init.zeros_(last.weight)
                nn.init.zeros_(last.bias)
        self.input_scale_gijk: Tensor
        self.output_scale_gijk: Tensor
        self.log_variance_gl: Tensor
        self.condition_scale_2p: Tensor
        self.register_buffer("input_scale_gijk", torch.ones(groups, *envelope))
        self.register_buffer("output_scale_gijk", torch.ones(groups, *envelope))
        self.register_buffer("log_variance_gl", torch.zeros(groups, model.latent))
        self.register_buffer("condition_scale_2p", torch.tensor([[0.0, 0.0], [1.0, 1.0]]))

    def embed_condition(self, condition_bp: Tensor, group_b: Tensor) -> Tensor:
        """Return what is known of the crystal beside its density, (b, c)."""
        centre, spread = self.condition_scale_2p
        return self.group_embedding(group_b) + self.condition((condition_bp - centre) / spread)

    def encode(
        self, values_bn: Tensor, group_b: Tensor, condition_bp: Tensor, fold_b: Tensor | None = None
    ) -> Posterior:
        """Return the posterior of the latent floats; `fold_b` chooses held-out linear codes, in training only."""
        with torch.autocast(values_bn.device.type, enabled=False):
            z_bl, deviation_bn = self.linear.encode(values_bn, group_b, fold_b) if self.linear else (0.0, values_bn)
            coefficients = self.representation.dct(deviation_bn, group_b) / self.input_scale_gijk[group_b]
        tokens_btc = self.encoder(coefficients[:, None], self.embed_condition(condition_bp, group_b))
        with torch.autocast(values_bn.device.type, enabled=False):
            mean_bl, log_variance_bl = self.to_latent(tokens_btc.float().flatten(1)).chunk(2, dim=-1)
        log_variance_bl = (self.log_variance_gl[group_b] + log_variance_bl).clamp(-25.0, 10.0)
        # Beside a linear path the network's correction counts in standard deviations of the posterior that training
        # starts from: in units of the prior's, its first steps would undo the linear code.
        spread_bl = torch.exp(0.5 * self.log_variance_gl[group_b])
        return Posterior(z_bl + spread_bl * mean_bl, log_variance_bl)

    def decode(self, z_bl: Tensor, group_b: Tensor, condition_bp: Tensor, fold_b: Tensor | None = None) -> Tensor:
        """Return the normalised density on the AU, (b, n) float32, mean one over the cell."""
        with torch.autocast(z_bl.device.type, enabled=False):
            tokens_btc = self.from_latent(z_bl.float()).reshape(len(z_bl), self.decoder.tokens, self.decoder.width)
        coefficients = self.decoder(tokens_btc, self.embed_condition(condition_bp, group_b))[:, 0]
        with torch.autocast(z_bl.device.type, enabled=False):
            values_bn = self.representation.idct(coefficients * self.output_scale_gijk[group_b], group_b)
            if self.linear is not None:
                values_bn = values_bn + self.linear.decode(z_bl.float(), group_b, fold_b)
            excess = self.representation.mean(values_bn, group_b) - 1.0
            inside = self.representation.weight_gn[group_b] > 0
            return torch.where(inside, values_bn - excess[:, None], 0.0)

    def forward(
        self,
        values_bn: Tensor,
        group_b: Tensor,
        condition_bp: Tensor,
        noise_bl: Tensor,
        fold_b: Tensor | None = None,
    ) -> tuple[Tensor, Posterior]:
        """Encode, draw with the given standard normal noise, decode."""
        posterior = self.encode(values_bn, group_b, condition_bp, fold_b)
        z_bl = posterior.mean + noise_bl * torch.exp(0.5 * posterior.log_variance)
        return self.decode(z_bl, group_b, condition_bp, fold_b), posterior


@dataclass(frozen=True)
class Fit:
    """What `fit_statistics` found beside the model's buffers: fold of every training row, choices per space group."""

    fold_m: Tensor
    choices: dict[str, dict[str, float]]


@torch.no_grad()
def fit_statistics(model: SwinVAE, table: DensityTable) -> Fit:
    """Set the scales, and the linear path where there is one, from training densities.

    With a linear path the network sees coefficients of deviations from the mean in units of their spread, and writes
    in units of the linear path's held-out error. Without one (the paper's model) both are one number a group.
    """
    representation = model.representation
    condition = table.condition_mp
    model.condition_scale_2p.copy_(torch.stack([condition.mean(0), condition.std(0) + 1e-3]))
    choices: dict[str, dict[str, float]] = {}
    fold_m = torch.zeros(len(table), dtype=torch.long)
    for index, unit in enumerate(representation.units):
        number, size = representation.groups[index], unit.size
        values, compound = table.of_group(index, size), table.compounds(index)
        if not len(values):
            raise ShapeError(f"space group {number} has no training density; leave it out of data.space_groups")
        positions = [np.array(site.position) for entry in table.entries_of(index) for site in entry.sites]
        if model.config.data.origin_shift:
            shift = representation.shift_gn[index, :size].numpy()
            values, compound = np.concatenate([values, values[:, shift]]), np.concatenate([compound, compound])
            positions += [position + 0.5 for position in positions]
        if model.linear is None:
            spread = coefficients_of(representation, index, values).square().mean().sqrt()
            model.input_scale_gijk[index], model.output_scale_gijk[index] = spread, spread
            continue
        linear, fit = model.linear, fit_linear(values, unit, model.config.model.latent, compound, positions, FOLDS)
        count = len(fit.code.basis)
        linear.mean_gn[index, :size] = torch.from_numpy(fit.code.mean).float()
        linear.basis_gln[index, :count, :size] = torch.from_numpy(fit.code.basis).float()
        linear.scale_gl[index, :count] = torch.from_numpy(fit.scale).float()
        for fold, code in enumerate(fit.held_out):
            linear.held_out_mean_gfn[index, fold, :size] = torch.from_numpy(code.mean).float()
            linear.held_out_basis_gfln[index, fold, :count, :size] = torch.from_numpy(code.basis).float()
        mine = table.group_m == index
        fold_m[mine] = torch.from_numpy(fit.fold[: int(mine.sum())])
        noise = NOISE_SHARE * np.mean(fit.residual**2 @ fit.code.weight) / count
        model.log_variance_gl[index, :count] = torch.from_numpy(np.log(np.minimum(noise / fit.scale**2, 1.0))).float()
        model.input_scale_gijk[index] = smooth_scale(coefficients_of(representation, index, values - fit.code.mean))
        model.output_scale_gijk[index] = smooth_scale(coefficients_of(representation, index, fit.residual))
        shrinkage, atom_share = fit.chosen
        choices[str(number)] = {
            "shrinkage": shrinkage,
            "atom_share": atom_share,
            "cross_validated_psnr": fit.psnr[fit.chosen],
        }
    return Fit(fold_m, choices)


def coefficients_of(representation: Representation, index: int, values: np.ndarray) -> Tensor:
    """Transform densities of one space group, (m, i, j, k) float32."""
    padded = torch.zeros(len(values), representation.points)
    padded[:, : values.shape[1]] = torch.from_numpy(values).float()
    return representation.dct(padded, torch.full((len(values),), index))


def smooth_scale(coefficients_mijk: Tensor) -> Tensor:
    """Root mean square of each coefficient, never below a tenth of the overall one, (i, j, k)."""
    power = coefficients_mijk.square()
    return (power.mean(0) + 0.01 * power.mean()).sqrt()
