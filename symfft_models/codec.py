r"""A code without gradient descent: principal components, of which the first are kept and the next are predicted.

With orthonormal components :math:`b_i` of the training densities of one space group, the code of a density is

.. math:: z_i = \langle \rho - \bar\rho, b_i \rangle / s_i, \qquad i \le k,

and the decoder gives :math:`\rho^* = \bar\rho + \sum_{i \le k} s_i z_i b_i + \sum_{k < i \le k + r} f_i(z) b_i`, where
f is the mean of a Gaussian process (Matérn 5/2) given the training densities. Crystals lie near a curved surface of
far fewer dimensions than k, so that what linear components leave over is largely a function of what they keep.

Cross-validation over compounds of the whole fit chooses length and noise of the process, or r = 0: the components
know every density that they were fitted to, and judged on those the process would always seem to pay.

Suffixes of tensors: m structures, b batch, n AU points, l latent floats, c components (kept and predicted).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

LENGTHS = (1.0, 2.0, 4.0, 8.0)
NOISES = (1e-4, 1e-3, 1e-2)
#: Components predicted for each one kept, at most.
PREDICTED = 2


@dataclass(frozen=True)
class Process:
    """Length of the Gaussian process in root mean square distances of codes, and its noise over its variance."""

    length: float
    noise: float


class Codec(nn.Module):
    """Mean, components and predictions of one space group; buffers only.

    Attributes
    ----------
    weight_n
        multiplicity / N.
    mean_n, basis_cn
        Mean density, and components orthonormal under these weights: first those kept, then those predicted.
    scale_l
        Root mean square of the kept coefficients over the training densities.
    anchors_ml, prediction_mc
        Codes of the training densities, and what each adds to the predicted coefficients; no rows where nothing is
        predicted.
    length
        Of the process.
    """

    def __init__(self, weight_n: Tensor, latent: int) -> None:
        super().__init__()
        points = len(weight_n)
        self.mean_n: Tensor
        self.basis_cn: Tensor
        self.weight_n: Tensor
        self.scale_l: Tensor
        self.anchors_ml: Tensor
        self.prediction_mc: Tensor
        self.length: Tensor
        self.register_buffer("mean_n", torch.ones(points))
        self.register_buffer("basis_cn", torch.zeros(latent, points))
        self.register_buffer("weight_n", weight_n, persistent=False)
        self.register_buffer("scale_l", torch.ones(latent))
        self.register_buffer("anchors_ml", torch.zeros(0, latent))
        self.register_buffer("prediction_mc", torch.zeros(0, 0))
        self.register_buffer("length", torch.ones(()))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        # How many components and anchors there are is known only from what is loaded.
        for name in ("basis_cn", "anchors_ml", "prediction_mc"):
            if prefix + name in state_dict:
                setattr(self, name, getattr(self, name).new_empty(state_dict[prefix + name].shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def encode(self, values_bn: Tensor) -> Tensor:
        """Return the code, (b, l)."""
        kept_ln = self.basis_cn[: len(self.scale_l)]
        return ((values_bn - self.mean_n) * self.weight_n) @ kept_ln.T / self.scale_l

    def decode(self, z_bl: Tensor) -> Tensor:
        """Return the density, (b, n)."""
        kept = len(self.scale_l)
        values_bn = self.mean_n + (z_bl * self.scale_l) @ self.basis_cn[:kept]
        if len(self.anchors_ml):
            correlation_bm = matern(square_distance(z_bl, self.anchors_ml), float(self.length))
            values_bn = values_bn + correlation_bm @ self.prediction_mc @ self.basis_cn[kept:]
        return values_bn


@dataclass(frozen=True)
class CodecFit:
    """A codec in float64, how it was chosen, and what it does on densities it was not fitted to.

    `psnr` is the cross-validated mean PSNR of each choice, None standing for no prediction. `held_out` holds for each
    part of the cross-validation the codec fitted without it, turned so that its code means what that of `codec` does;
    `fold_m` says which of them does not know a training density, and `residual_mn` is the error that it then makes.
    """

    codec: Codec
    psnr: dict[Process | None, float]
    fold_m: Tensor
    held_out: list[Codec]
    residual_mn: Tensor

    @property
    def chosen(self) -> Process | None:
        """The choice with the best cross-validated PSNR."""
        return max(self.psnr, key=lambda process: self.psnr[process])


def fit_codec(
    values_mn: Tensor,
    weight_n: Tensor,
    latent: int,
    compound_m: Tensor,
    further_cn: Tensor,
    folds: int = 4,
    processes: Sequence[Process | None] | None = None,
) -> CodecFit:
    """Fit a codec to the training densities of one space group.

    Parameters
    ----------
    values_mn
        (m, n) float64 densities of mean one.
    weight_n
        multiplicity / N.
    latent
        Floats of the code.
    compound_m
        (m,) number of the compound; one compound is never on both sides of the cross-validation.
    further_cn
        Directions to fill up with where the densities span fewer than `latent`: the lowest-|G| stars.
    folds
        Parts of the cross-validation.
    processes
        Choices that it compares; by default all of `LENGTHS` and `NOISES`, and no prediction.
    """
    if processes is None:
        processes = [None, *(Process(length, noise) for length in LENGTHS for noise in NOISES)]
    numbers = torch.unique(compound_m, return_inverse=True)[1]
    folds = min(folds, int(numbers.max()) + 1)
    fold_m = numbers % folds
    whole = components(values_mn, weight_n, latent, further_cn)

    def without(part: int) -> tuple[Codec, Tensor, Tensor]:
        kept = fold_m != part if folds > 1 else fold_m == part
        codec = turned_towards(components(values_mn[kept], weight_n, latent, further_cn), whole)
        return codec, values_mn[kept], values_mn[fold_m == part]

    parts = [without(part) for part in range(folds)]
    psnr = {}
    for process in processes:
        decibels = []
        for codec, known, unknown in parts:
            codec = predicting(codec, known, process)
            error_bn = codec.decode(codec.encode(unknown)) - unknown
            decibels.append(10 * torch.log10(unknown.amax(1) ** 2 / (error_bn.square() @ weight_n).clamp(min=1e-300)))
        psnr[process] = float(torch.cat(decibels).mean())
    best = max(psnr, key=lambda process: psnr[process])
    held_out, residual_mn = [], torch.empty_like(values_mn)
    for part, (codec, known, unknown) in enumerate(parts):
        codec = predicting(codec, known, best)
        residual_mn[fold_m == part] = unknown - codec.decode(codec.encode(unknown))
        held_out.append(codec)
    return CodecFit(predicting(whole, values_mn, best), psnr, fold_m, held_out, residual_mn)


def components(values_mn: Tensor, weight_n: Tensor, latent: int, further_cn: Tensor) -> Codec:
    """Fit mean and principal components, (1 + `PREDICTED`) · latent at most, and predict nothing yet.

    Densities weigh 1 / max(rho)², so that the mean of MSE / peak² is smallest, the quantity behind PSNR.
    """
    root_n = weight_n.sqrt()
    share_m = values_mn.amax(1) ** -2.0
    share_m = share_m / share_m.sum()
    mean_n = share_m @ values_mn
    scaled_mn = share_m.sqrt()[:, None] * (values_mn - mean_n) * root_n
    _, sizes, directions = torch.linalg.svd(scaled_mn, full_matrices=False)
    directions = directions[sizes > 1e-7 * sizes[0].clamp(min=1e-300)][: (1 + PREDICTED) * latent]
    for further_n in further_cn * root_n:
        if len(directions) >= latent:
            break
        # twice, since the first time leaves rounding of what is taken away
        rest_n = further_n - further_n @ directions.T @ directions
        rest_n = rest_n - rest_n @ directions.T @ directions
        if rest_n.norm() > 1e-6 * further_n.norm():
            directions = torch.cat([directions, rest_n[None] / rest_n.norm()])
    kept = min(latent, len(directions))
    codec = Codec(weight_n, latent).double()
    codec.mean_n = mean_n
    codec.basis_cn = values_mn.new_zeros(latent + len(directions) - kept, values_mn.shape[1])
    codec.basis_cn[:kept] = directions[:kept] / root_n
    codec.basis_cn[latent:] = directions[kept:] / root_n
    return with_scale(codec, values_mn)


def with_scale(codec: Codec, values_mn: Tensor) -> Codec:
    """Set the scale to the root mean square of the coefficients; those that no training density has count as small."""
    share_m = values_mn.amax(1) ** -2.0
    codec.scale_l = torch.ones_like(codec.scale_l)
    scale_l = ((share_m / share_m.sum()) @ codec.encode(values_mn).square()).sqrt()
    codec.scale_l = scale_l.clamp(min=1e-6 * max(float(scale_l.max()), 1e-12))
    return codec


def turned_towards(codec: Codec, target: Codec) -> Codec:
    """Turn the kept components within their span to come closest to another codec's, and take over its scale.

    The orthogonal Procrustes problem; a code then means the same in both.
    """
    latent = len(codec.scale_l)
    kept_ln, wanted_ln = codec.basis_cn[:latent], target.basis_cn[:latent]
    left, _, right = torch.linalg.svd((wanted_ln * codec.weight_n) @ kept_ln.T)
    codec.basis_cn = torch.cat([left @ right @ kept_ln, codec.basis_cn[latent:]])
    codec.scale_l = target.scale_l
    return codec


def predicting(codec: Codec, values_mn: Tensor, process: Process | None) -> Codec:
    """Return the codec with the Gaussian process's mean given these densities, or with none.

    The noise of a density is proportional to max(rho)², as its weight in the components is to the inverse.
    """
    latent = len(codec.scale_l)
    twin = Codec(codec.weight_n, latent).double()
    twin.mean_n, twin.scale_l, twin.basis_cn = codec.mean_n, codec.scale_l, codec.basis_cn[:latent]
    if process is None or len(codec.basis_cn) == latent:
        return twin
    twin.basis_cn = codec.basis_cn
    twin.anchors_ml = codec.encode(values_mn)
    rest_mc = ((values_mn - codec.mean_n) * codec.weight_n) @ codec.basis_cn[latent:].T
    noise_m = values_mn.amax(1) ** 2
    correlation_mm = matern(square_distance(twin.anchors_ml, twin.anchors_ml), process.length)
    correlation_mm = correlation_mm + process.noise * torch.diag(noise_m / noise_m.mean())
    twin.prediction_mc = torch.linalg.solve(correlation_mm, rest_mc)
    twin.length = twin.length.new_tensor(process.length)
    return twin


def square_distance(z_bl: Tensor, anchors_ml: Tensor) -> Tensor:
    """Mean square difference of the floats of two codes, (b, m)."""
    cross_bm = z_bl @ anchors_ml.T
    square_bm = z_bl.square().sum(1)[:, None] + anchors_ml.square().sum(1) - 2 * cross_bm
    return square_bm.clamp(min=0.0) / z_bl.shape[1]


def matern(square_bm: Tensor, length: float) -> Tensor:
    """Matérn 5/2 correlation of squared distances."""
    distance_bm = (5.0 * square_bm + 1e-12).sqrt() / length
    return (1.0 + distance_bm + distance_bm.square() / 3.0) * torch.exp(-distance_bm)
