"""The Swin network between densities and latent floats, on the DCT of the asymmetric unit.

Suffixes of tensors: b batch, g space groups, n AU points, l latent floats, i j k the envelope, p condition floats,
t tokens, c channels. All densities here are normalised: rho / (electrons / volume), mean one over the cell.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symfft_models.config import ModelConfig
from symfft_models.representation import Representation
from symfft_models.swin import SwinDecoder, SwinEncoder


class SwinNetwork(nn.Module):
    """AU-DCT coefficients -> latent floats -> AU-DCT coefficients.

    The space group enters as an embedding, lattice constant and mean density as two numbers, in encoder and decoder
    alike. A `correcting` network starts from zero: beside a codec it adds nothing before its first step.
    """

    def __init__(self, model: ModelConfig, representation: Representation, *, correcting: bool) -> None:
        super().__init__()
        self.representation = representation
        groups, envelope = len(representation.groups), representation.envelope
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
        if correcting:
            for last in (self.to_latent, self.decoder.readout.project):
                nn.init.zeros_(last.weight)
                nn.init.zeros_(last.bias)
        self.input_scale_gijk: Tensor
        self.output_scale_gijk: Tensor
        self.condition_scale_2p: Tensor
        self.register_buffer("input_scale_gijk", torch.ones(groups, *envelope))
        self.register_buffer("output_scale_gijk", torch.ones(groups, *envelope))
        self.register_buffer("condition_scale_2p", torch.tensor([[0.0, 0.0], [1.0, 1.0]]))

    def embed_condition(self, condition_bp: Tensor, group_b: Tensor) -> Tensor:
        """Return what is known of the crystal beside its density, (b, c)."""
        centre, spread = self.condition_scale_2p
        return self.group_embedding(group_b) + self.condition((condition_bp - centre) / spread)

    def encode(self, values_bn: Tensor, group_b: Tensor, condition_bp: Tensor) -> tuple[Tensor, Tensor]:
        """Return two numbers for each latent float, (b, l) each, of order one."""
        with torch.autocast(values_bn.device.type, enabled=False):
            coefficients = self.representation.dct(values_bn, group_b) / self.input_scale_gijk[group_b]
        tokens_btc = self.encoder(coefficients[:, None], self.embed_condition(condition_bp, group_b))
        with torch.autocast(values_bn.device.type, enabled=False):
            mean_bl, log_variance_bl = self.to_latent(tokens_btc.float().flatten(1)).chunk(2, dim=-1)
        return mean_bl, log_variance_bl

    def decode(self, z_bl: Tensor, group_b: Tensor, condition_bp: Tensor) -> Tensor:
        """Return values on the AU, (b, n) float32."""
        with torch.autocast(z_bl.device.type, enabled=False):
            tokens_btc = self.from_latent(z_bl.float()).reshape(len(z_bl), self.decoder.tokens, self.decoder.width)
        coefficients = self.decoder(tokens_btc, self.embed_condition(condition_bp, group_b))[:, 0]
        with torch.autocast(z_bl.device.type, enabled=False):
            return self.representation.idct(coefficients * self.output_scale_gijk[group_b], group_b)


def smooth_scale(coefficients_mijk: Tensor) -> Tensor:
    """Root mean square of each coefficient, never below a tenth of the overall one, (i, j, k)."""
    power = coefficients_mijk.square()
    return (power.mean(0) + 0.01 * power.mean()).sqrt()
