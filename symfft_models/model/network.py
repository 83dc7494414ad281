"""The network between densities and latent floats: a Swin Transformer on a 3-D field, a plain transformer on stars.

Suffixes of tensors: b batch, g space groups, n AU points, l latent floats, i j k the field, x y z the token grid,
p condition floats, t tokens, s stars, c channels. All densities here are normalised: rho / (electrons / volume), mean
one over the cell.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from symfft_models.model.config import ModelConfig
from symfft_models.model.linear_path import LinearPath
from symfft_models.model.representation import Representation
from symfft_models.model.swin import SwinDecoder, SwinEncoder
from symfft_models.model.tokens import Grid, padded


class FieldNetwork(nn.Module):
    """Field of the model's domain -> latent floats -> field.

    The space group enters as an embedding, lattice constant and mean density as two numbers, in encoder and decoder
    alike. Tokens of stars have one window, all of them, and are told the |G| of their coefficients, |h| over the
    lattice constant. Beside a codec (`correcting`) or a linear path the transformer starts from zero: it adds nothing
    before its first step.
    """

    def __init__(self, model: ModelConfig, representation: Representation, *, correcting: bool) -> None:
        super().__init__()
        self.representation = representation
        groups, field, width = len(representation.groups), representation.field, model.condition_channels
        flat = model.domain == "stars"
        patch: Grid = (model.patch, 1, 1) if flat else (model.patch,) * 3
        window: Grid = (field[0], 1, 1) if flat else (model.window,) * 3
        present = torch.ones(field, dtype=torch.bool)
        sizes = (model.channels, model.depths, model.heads, width, model.magnitude and not flat)
        self.encoder = SwinEncoder(present, patch, window, 1, *sizes)
        self.decoder = SwinDecoder(present, patch, window, 1, *sizes)
        self.group_embedding = nn.Embedding(groups, width)
        self.condition = perceptron(2, width)
        self.magnitude = perceptron(model.patch, width) if model.magnitude and flat else None
        if self.magnitude is not None:
            lengths_gs = representation.star_lengths()
            rest = padded(field, patch)[0] - field[0]
            lengths_gtp = F.pad(lengths_gs, (0, rest)).reshape(groups, -1, model.patch)
            self.register_buffer("lengths_gtp", lengths_gtp, persistent=False)
        self.to_latent = nn.Linear(self.encoder.tokens * self.encoder.width, 2 * model.latent)
        # Beside a linear path the code counts in its units: a step of the wide head must not drown it.
        self.head_unit = (self.encoder.tokens * self.encoder.width) ** -0.5 if model.linear else 1.0
        self.from_latent = nn.Linear(model.latent, self.decoder.tokens * self.decoder.width)
        self.linear = LinearPath(representation, model.latent, correcting=correcting) if model.linear else None
        if correcting or self.linear is not None:
            for last in (self.to_latent, self.decoder.readout.project):
                nn.init.zeros_(last.weight)
                nn.init.zeros_(last.bias)
        self.centre_gijk: Tensor
        self.input_scale_gijk: Tensor
        self.output_scale_gijk: Tensor
        self.condition_scale_2p: Tensor
        self.register_buffer("centre_gijk", torch.zeros(groups, *field))
        self.register_buffer("input_scale_gijk", torch.ones(groups, *field))
        self.register_buffer("output_scale_gijk", torch.ones(groups, *field))
        self.register_buffer("condition_scale_2p", torch.tensor([[0.0, 0.0], [1.0, 1.0]]))

    def embed_condition(self, condition_bp: Tensor, group_b: Tensor) -> Tensor:
        """Return what is known of the crystal beside its density, for all tokens or each, (b, x, y, z, c)."""
        centre, spread = self.condition_scale_2p
        known_bc = self.group_embedding(group_b) + self.condition((condition_bp - centre) / spread)
        known_bxyzc = known_bc[:, None, None, None]
        if self.magnitude is None:
            return known_bxyzc
        magnitude_btp = self.lengths_gtp[group_b] * torch.exp(-condition_bp[:, 0])[:, None, None]
        return known_bxyzc + self.magnitude(magnitude_btp)[:, :, None, None]

    def encode(self, values_bn: Tensor, group_b: Tensor, condition_bp: Tensor) -> tuple[Tensor, Tensor]:
        """Return two numbers for each latent float, (b, l) each, of order one."""
        with torch.autocast(values_bn.device.type, enabled=False):
            deviation_bijk = self.representation.to_field(values_bn, group_b) - self.centre_gijk[group_b]
            seen_bijk = deviation_bijk / self.input_scale_gijk[group_b]
        tokens_btc = self.encoder(seen_bijk[:, None], self.embed_condition(condition_bp, group_b))
        with torch.autocast(values_bn.device.type, enabled=False):
            mean_bl, log_variance_bl = self.to_latent(self.head_unit * tokens_btc.float().flatten(1)).chunk(2, dim=-1)
            if self.linear is not None:
                mean_bl = mean_bl + self.linear.encode(values_bn, group_b)
        return mean_bl, log_variance_bl

    def decode(self, z_bl: Tensor, group_b: Tensor, condition_bp: Tensor) -> Tensor:
        """Return values on the AU, (b, n) float32."""
        with torch.autocast(z_bl.device.type, enabled=False):
            tokens_btc = self.from_latent(z_bl.float()).reshape(len(z_bl), self.decoder.tokens, self.decoder.width)
        written_bijk = self.decoder(tokens_btc, self.embed_condition(condition_bp, group_b))[:, 0]
        with torch.autocast(z_bl.device.type, enabled=False):
            field_bijk = self.centre_gijk[group_b] + written_bijk * self.output_scale_gijk[group_b]
            values_bn = self.representation.from_field(field_bijk, group_b)
            return values_bn if self.linear is None else values_bn + self.linear.decode(z_bl.float(), group_b)


def perceptron(inputs: int, channels: int) -> nn.Sequential:
    """Make two layers that lift a few numbers to `channels`."""
    return nn.Sequential(nn.Linear(inputs, channels), nn.GELU(), nn.Linear(channels, channels))


def one_scale(field_mijk: Tensor) -> Tensor:
    """Root mean square of all coefficients, (i, j, k)."""
    return field_mijk.square().mean().sqrt().expand(field_mijk.shape[1:])


def smooth_scale(field_mijk: Tensor) -> Tensor:
    """Root mean square of each coefficient, never below a tenth of the overall one, (i, j, k)."""
    power = field_mijk.square()
    return (power.mean(0) + 0.01 * power.mean()).sqrt()


SCALES = {"group": one_scale, "coefficient": smooth_scale}
