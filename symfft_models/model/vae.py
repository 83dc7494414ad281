"""The model: a variational autoencoder of symmetric densities, made of a codec, a network, or both.

Suffixes of tensors: b batch, g space groups, n AU points, l latent floats, p condition floats. All densities here are
normalised: rho / (electrons / volume), mean one over the cell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from symfft import ShapeError
from symfft_models.model.codec import Choice, Codec, fit_codec
from symfft_models.model.config import Config
from symfft_models.model.density_table import DensityTable
from symfft_models.model.network import SCALES, FieldNetwork
from symfft_models.model.representation import Representation
from symfft_models.model.stars import cell_weights, exact_mean, star_functions

# Share of the codec's squared error that the posterior's noise adds.
NOISE_SHARE = 0.01
# Parts of the cross-validation that chooses the codec.
FOLDS = 4


@dataclass(frozen=True)
class Posterior:
    """Diagonal Gaussian over the latent floats, (b, l) each."""

    mean: Tensor
    log_variance: Tensor


class DensityVAE(nn.Module):
    """Variational autoencoder of symmetric densities.

    Parameters
    ----------
    config
        Sizes and parts.
    shapes
        Grid of the cell for each space-group number.

    Attributes
    ----------
    codecs
        One for each space group (`symfft_models.model.codec`), or None.
    network
        What is trained by gradient descent (`symfft_models.model.network`), or None. Beside a codec it sees the
        deviation from the codec's mean and corrects code and density.
    held_out
        For each space group, codecs that were each fitted without a part of the training densities. Training uses
        them, so that the network learns to correct the errors that a codec makes on crystals it does not know. They
        are not saved with the weights.

    Notes
    -----
    The integral over the cell is exact: whatever the decoder gives, its mean is set to one by a constant.
    """

    def __init__(self, config: Config, shapes: Mapping[int, Sequence[int]]) -> None:
        super().__init__()
        model = config.model
        self.config = config
        self.representation = Representation(shapes, model.site_power, model.domain, model.stars)
        weight_gn, units = self.representation.weight_gn, self.representation.units
        codecs = [Codec(weight_gn[g, : unit.size], model.latent) for g, unit in enumerate(units)]
        self.codecs = nn.ModuleList(codecs) if model.codec else None
        self.network = FieldNetwork(model, self.representation, correcting=model.codec) if model.network else None
        self.held_out: list[list[Codec]] = []
        self.log_variance_gl: Tensor
        self.register_buffer("log_variance_gl", torch.zeros(len(units), model.latent))

    def parts(self, group_b: Tensor, fold_b: Tensor | None) -> Iterator[tuple[Tensor, Codec]]:
        """Yield batch rows and the codec that they need."""
        assert self.codecs is not None
        for g, rows in self.representation.rows(group_b):
            if fold_b is None:
                yield rows, self.codecs[g]
                continue
            for fold in torch.unique(fold_b[rows]).tolist():
                yield rows[fold_b[rows] == fold], self.held_out[g][fold]

    def encode(
        self, values_bn: Tensor, group_b: Tensor, condition_bp: Tensor, fold_b: Tensor | None = None
    ) -> Posterior:
        """Return the posterior of the latent floats; `fold_b` chooses held-out codecs, in training only."""
        z_bl = values_bn.new_zeros(len(values_bn), self.config.model.latent)
        log_variance_bl = self.log_variance_gl[group_b]
        deviation_bn = values_bn
        if self.codecs is not None:
            deviation_bn = torch.zeros_like(values_bn)
            with torch.autocast(values_bn.device.type, enabled=False):
                for rows, codec in self.parts(group_b, fold_b):
                    size = len(codec.mean_n)
                    z_bl[rows] = codec.encode(values_bn[rows, :size])
                    deviation_bn[rows, :size] = values_bn[rows, :size] - codec.mean_n
        if self.network is not None:
            # Beside a codec the network's correction counts in standard deviations of the posterior that training
            # starts from: in units of the prior's, its first steps would undo the code.
            spread_bl = 1.0 if self.codecs is None else torch.exp(0.5 * log_variance_bl)
            shift_bl, further_bl = self.network.encode(deviation_bn, group_b, condition_bp)
            z_bl, log_variance_bl = z_bl + spread_bl * shift_bl, log_variance_bl + further_bl
        return Posterior(z_bl, log_variance_bl.clamp(-25.0, 10.0))

    def decode(self, z_bl: Tensor, group_b: Tensor, condition_bp: Tensor, fold_b: Tensor | None = None) -> Tensor:
        """Return the normalised density on the AU, (b, n) float32, mean one over the cell."""
        values_bn = z_bl.new_zeros((len(z_bl), self.representation.points), dtype=torch.float32)
        if self.network is not None:
            values_bn = self.network.decode(z_bl, group_b, condition_bp)
        with torch.autocast(z_bl.device.type, enabled=False):
            if self.codecs is not None:
                coded_bn = torch.zeros_like(values_bn)
                for rows, codec in self.parts(group_b, fold_b):
                    coded_bn[rows, : len(codec.mean_n)] = codec.decode(z_bl[rows].float())
                values_bn = values_bn + coded_bn
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
    choices: dict[str, dict[str, Any]]


@torch.no_grad()
def fit_statistics(model: DensityVAE, table: DensityTable) -> Fit:
    """Fit the codecs, where there are any, and set the network's scales from training densities.

    Beside a codec the network sees deviations from the mean in units of their spread, and writes in units of the
    codec's held-out error. Without one it sees and writes deviations from the mean in units of their spread or, with
    one scale a group (the paper's model), the density itself in units of its own.
    """
    representation, network = model.representation, model.network
    scale_of = SCALES[model.config.model.scale]
    if network is not None:
        condition = table.condition_mp
        network.condition_scale_2p.copy_(torch.stack([condition.mean(0), condition.std(0) + 1e-3]))
    choices: dict[str, dict[str, Any]] = {}
    fold_m = torch.zeros(len(table), dtype=torch.long)
    model.held_out = []
    for index, unit in enumerate(representation.units):
        number = representation.groups[index]
        values, compound = both_origins(model, table, index)
        if not len(values):
            raise ShapeError(f"space group {number} has no training density; leave it out of data.space_groups")
        if model.codecs is None:
            if network is not None:
                fields = fields_of(representation, index, values)
                if model.config.model.scale == "coefficient" or network.linear is not None:
                    network.centre_gijk[index] = fields.mean(0)
                spread = scale_of(fields - network.centre_gijk[index])
                network.input_scale_gijk[index], network.output_scale_gijk[index] = spread, spread
                if network.linear is not None:
                    network.linear.fit(index, values)
            model.log_variance_gl[index] = 2.0 * math.log(model.config.model.posterior)
            continue
        latent = model.config.model.latent
        weight = torch.from_numpy(unit.multiplicity / np.prod(unit.shape))
        stars = torch.from_numpy(star_functions(unit, min(4 * latent, unit.size - 1)))
        fit = fit_codec(torch.from_numpy(values), weight, latent, torch.from_numpy(compound), stars, FOLDS)
        mine = table.group_m == index
        fold_m[mine] = fit.fold_m[: int(mine.sum())]
        scale, residual = fit.codec.scale_l, fit.residual_mn
        noise = NOISE_SHARE * (residual.square() @ weight).mean() / latent
        model.log_variance_gl[index] = (noise / scale**2).clamp(max=1.0).log().float()
        if network is not None:
            deviation = values - fit.codec.mean_n.numpy()
            network.input_scale_gijk[index] = scale_of(fields_of(representation, index, deviation))
            network.output_scale_gijk[index] = scale_of(fields_of(representation, index, residual.numpy()))
            if network.linear is not None:
                network.linear.set_scales(index, deviation, residual.numpy())
        model.codecs[index] = fit.codec.float()
        model.held_out.append([codec.float() for codec in fit.held_out])
        chosen = fit.chosen
        choices[str(number)] = {
            "learned_share": chosen.share,
            "process": asdict(chosen.process) if chosen.process else None,
            "cross_validated_psnr": fit.psnr[chosen],
            "principal_components_alone": fit.psnr[Choice(1.0, None)],
        }
    return Fit(fold_m, choices)


def both_origins(model: DensityVAE, table: DensityTable, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the densities of one space group and the numbers of their compounds, (m, n) and (m,).

    With `data.origin_shift` every density comes twice, in the two choices of origin half a cell diagonal apart.
    """
    size = model.representation.units[index].size
    values, compound = table.of_group(index, size), table.compounds(index)
    if model.config.data.origin_shift:
        shift = model.representation.shift_gn[index, :size].cpu().numpy()
        values, compound = np.concatenate([values, values[:, shift]]), np.concatenate([compound, compound])
    return values, compound


def fields_of(representation: Representation, index: int, values: np.ndarray) -> Tensor:
    """Transform densities of one space group to fields, (m, i, j, k) float32."""
    padded = torch.zeros(len(values), representation.points)
    padded[:, : values.shape[1]] = torch.from_numpy(values).float()
    return representation.to_field(padded, torch.full((len(values),), index))


def unpad(model: DensityVAE, values_bn: Tensor, group_b: Tensor) -> list[NDArray[np.float64]]:
    """Turn decoded values into one float64 vector each, without padding and with an exact mean."""
    units = [model.representation.units[index] for index in group_b.tolist()]
    rows = values_bn.double().cpu().numpy()
    return [exact_mean(row[None, : unit.size], cell_weights(unit))[0] for row, unit in zip(rows, units, strict=True)]
