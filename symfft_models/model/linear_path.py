"""The straight way between density and latent floats: one pair of matrices per space group, and nothing that bends.

Every path through a transformer passes LayerNorms, which take the amplitude away that a reconstruction needs. Beside
it this path lets amplitudes through.

Suffixes of tensors: b batch, g space groups, n AU points, l latent floats.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from symfft_models.model.representation import Representation

Array = NDArray[np.floating[Any]]
#: In the place of the root of a weight that is zero, so that no gradient is NaN there.
TINY = 1e-30


class LinearPath(nn.Module):
    r"""Density -> latent floats -> density by one pair of matrices per space group, with nothing that bends.

    .. math:: z = \sqrt{L}\,E_g\,x, \qquad \hat x = D_g\,z / \sqrt{L}, \qquad
              x_n = \sqrt{w_n}\,(\rho_n - \bar\rho_{gn}) / \sigma_g

    for `L` latent floats. The sum of squares of x is the mean square deviation over the full cell in units of
    :math:`\sigma_g^2`, one on average. Training starts from a random orthogonal projection, E with orthonormal rows and
    D its transpose.

    Parameters
    ----------
    representation
        Sizes and weights of the space groups.
    latent
        Number of latent floats.
    correcting
        Start from zero, beside a codec.
    """

    def __init__(self, representation: Representation, latent: int, *, correcting: bool) -> None:
        super().__init__()
        sizes = [unit.size for unit in representation.units]
        self.points, self.root_latent = representation.points, latent**0.5
        self.encoders = nn.ModuleList(nn.Linear(size, latent, bias=False) for size in sizes)
        self.decoders = nn.ModuleList(nn.Linear(latent, size, bias=False) for size in sizes)
        for encoder, decoder in zip(self.encoders, self.decoders, strict=True):
            if correcting:
                nn.init.zeros_(encoder.weight)
            else:
                nn.init.orthogonal_(encoder.weight)
            decoder.weight.data.copy_(encoder.weight.T)
        self.centre_gn: Tensor
        self.input_scale_g: Tensor
        self.output_scale_g: Tensor
        self.root_weight_gn: Tensor
        self.register_buffer("centre_gn", torch.zeros(len(sizes), self.points))
        self.register_buffer("input_scale_g", torch.ones(len(sizes)))
        self.register_buffer("output_scale_g", torch.ones(len(sizes)))
        self.register_buffer("root_weight_gn", representation.weight_gn.sqrt(), persistent=False)

    def fit(self, index: int, values: Array) -> None:
        """Take centre and scales of one space group from its training densities, (m, n)."""
        mean = values.mean(0)
        self.centre_gn[index, : len(mean)] = torch.from_numpy(mean)
        self.set_scales(index, values - mean, values - mean)

    def set_scales(self, index: int, seen: Array, written: Array) -> None:
        """Set the scales of one space group to the spread over the cell of what is seen and written, (m, n) each."""
        for scale_g, values in ((self.input_scale_g, seen), (self.output_scale_g, written)):
            weight_n = self.root_weight_gn[index, : values.shape[1]].square()
            scale_g[index] = (torch.from_numpy(values).float().square() @ weight_n).mean().sqrt()

    def encode(self, values_bn: Tensor, group_b: Tensor) -> Tensor:
        """Return the latent floats of densities, (b, l)."""
        deviation_bn = (values_bn - self.centre_gn[group_b]) * self.root_weight_gn[group_b]
        x_bn = deviation_bn / self.input_scale_g[group_b, None]
        # Each matrix sees each row: no shape depends on the batch, and no process of several lacks a gradient.
        z_gbl = torch.stack([encoder(x_bn[:, : encoder.in_features]) for encoder in self.encoders])
        return self.root_latent * z_gbl[group_b, torch.arange(len(group_b), device=group_b.device)]

    def decode(self, z_bl: Tensor, group_b: Tensor) -> Tensor:
        """Return deviations from the centre on the AU, (b, n), zero in the padding."""
        unit_bl = z_bl / self.root_latent
        written = [decoder(unit_bl) for decoder in self.decoders]
        x_gbn = torch.stack([F.pad(x_bn, (0, self.points - x_bn.shape[1])) for x_bn in written])
        x_bn = x_gbn[group_b, torch.arange(len(group_b), device=group_b.device)]
        root_bn = self.root_weight_gn[group_b]
        return torch.where(root_bn > 0, x_bn * self.output_scale_g[group_b, None] / root_bn.clamp(min=TINY), 0.0)
