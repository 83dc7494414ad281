r"""A code without gradient descent: components that are kept, and others that are predicted from them.

The code keeps the first principal components of the training densities of one space group, and fills up with the
lowest-\|G\| stars: what the last of k principal components learn is the training densities themselves, while what
crystals that nobody has seen need then is mostly smooth. With all of them, :math:`b_i`, orthonormal, the code is

.. math:: z_i = \langle \rho - \bar\rho, b_i \rangle / s_i, \qquad i \le k,

and the decoder gives :math:`\rho^* = \bar\rho + \sum_{i \le k} s_i z_i b_i + \sum_{k < i \le k + r} f_i(z) b_i`, where
:math:`b_{k+1}, b_{k+2}, \ldots` are the remaining principal components and f is the mean of a Gaussian process (Matérn
5/2) given the training densities: crystals lie near a curved surface of far fewer dimensions than k, so that what few
components leave over is largely a function of what they keep.

Cross-validation over compounds of the whole fit chooses how many components are learned, and length and noise of the
process or r = 0: the components know every density that they were fitted to, and judged on those more of everything
would always seem to pay.

Suffixes of tensors: m structures, b batch, n AU points, l latent floats, c components (kept and predicted).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

#: Shares of the code that principal components may have.
SHARES = (1.0, 0.75, 0.5, 0.35)
LENGTHS = (4.0, 8.0)
NOISES = (1e-4, 1e-3)
#: Components predicted, at most; and never more than are kept.
PREDICTED = 64


@dataclass(frozen=True)
class Process:
    """Length of the Gaussian process in root mean square distances of codes, and its noise over its variance."""

    length: float
    noise: float


@dataclass(frozen=True)
class Choice:
    """Share of the code that is learned, the rest being stars; and the process, or None for no prediction."""

    share: float
    process: Process | None


CHOICES = [
    Choice(share, process)
    for share in SHARES
    for process in [None, *(Process(length, noise) for length in LENGTHS for noise in NOISES)]
]


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
        self._converted: dict[str, tuple[Tensor, int, Tensor]] = {}

    def _precise(self, name: str) -> Tensor:
        """Return a buffer in float64, converted once for as long as it does not change."""
        value: Tensor = getattr(self, name)
        known = self._converted.get(name)
        if known is None or known[0] is not value or known[1] != value._version:
            known = self._converted[name] = value, value._version, precise(value)
        return known[2]

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        # How many components and anchors there are is known only from what is loaded.
        for name in ("basis_cn", "anchors_ml", "prediction_mc"):
            if prefix + name in state_dict:
                setattr(self, name, getattr(self, name).new_empty(state_dict[prefix + name].shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def encode(self, values_bn: Tensor) -> Tensor:
        """Return the code, (b, l)."""
        mean_n, basis_cn, weight_n, scale_l = map(self._precise, ("mean_n", "basis_cn", "weight_n", "scale_l"))
        coefficient_bl = ((precise(values_bn) - mean_n) * weight_n) @ basis_cn[: len(scale_l)].T
        return (coefficient_bl / scale_l).to(values_bn.dtype)

    def decode(self, z_bl: Tensor) -> Tensor:
        """Return the density, (b, n)."""
        mean_n, basis_cn, scale_l = map(self._precise, ("mean_n", "basis_cn", "scale_l"))
        kept, precise_bl = len(scale_l), precise(z_bl)
        values_bn = mean_n + (precise_bl * scale_l) @ basis_cn[:kept]
        if len(self.anchors_ml):
            correlation_bm = matern(square_distance(precise_bl, self._precise("anchors_ml")), float(self.length))
            values_bn = values_bn + correlation_bm @ self._precise("prediction_mc") @ basis_cn[kept:]
        return values_bn.to(z_bl.dtype)


def precise(values: Tensor) -> Tensor:
    """Return float64 where the device has it: at 256 floats sums in float32 cost 3 to 6 dB."""
    return values if values.device.type == "mps" else values.double()


@dataclass(frozen=True)
class CodecFit:
    """A codec in float64, how it was chosen, and what it does on densities it was not fitted to.

    `psnr` is the cross-validated mean PSNR of each choice. `held_out` holds for each part of the cross-validation the
    codec fitted without it, turned so that its code means what that of `codec` does; `fold_m` says which of them does
    not know a training density, and `residual_mn` is the error that it then makes.
    """

    codec: Codec
    psnr: dict[Choice, float]
    fold_m: Tensor
    held_out: list[Codec]
    residual_mn: Tensor

    @property
    def chosen(self) -> Choice:
        """The choice with the best cross-validated PSNR."""
        return max(self.psnr, key=lambda choice: self.psnr[choice])


def fit_codec(
    values_mn: Tensor,
    weight_n: Tensor,
    latent: int,
    compound_m: Tensor,
    star_cn: Tensor,
    folds: int = 4,
    choices: Sequence[Choice] = CHOICES,
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
    star_cn
        Star functions in order of |G|, more than `latent` where the grid has so many.
    folds
        Parts of the cross-validation.
    choices
        What it compares.
    """
    numbers = torch.unique(compound_m, return_inverse=True)[1]
    folds = min(folds, int(numbers.max()) + 1)
    fold_m = numbers % folds
    psnr: dict[Choice, float] = {}
    for share in sorted({choice.share for choice in choices}, reverse=True):
        parts = held_out_components(values_mn, weight_n, latent, star_cn, share, fold_m)
        for choice in choices:
            if choice.share == share:
                decibels = [
                    decibel(predicting(codec, known, choice.process), unknown) for codec, known, unknown in parts
                ]
                psnr[choice] = float(torch.cat(decibels).mean())
    best = max(psnr, key=lambda choice: psnr[choice])
    whole = components(values_mn, weight_n, latent, star_cn, best.share)
    held_out, residual_mn = [], torch.empty_like(values_mn)
    for part, (codec, known, unknown) in enumerate(
        held_out_components(values_mn, weight_n, latent, star_cn, best.share, fold_m)
    ):
        codec = predicting(turned_towards(codec, whole), known, best.process)
        residual_mn[fold_m == part] = unknown - codec.decode(codec.encode(unknown))
        held_out.append(codec)
    return CodecFit(predicting(whole, values_mn, best.process), psnr, fold_m, held_out, residual_mn)


def held_out_components(
    values_mn: Tensor, weight_n: Tensor, latent: int, star_cn: Tensor, share: float, fold_m: Tensor
) -> list[tuple[Codec, Tensor, Tensor]]:
    """For each part of the cross-validation, components of the other parts, these parts' densities, and its own."""
    folds = int(fold_m.max()) + 1
    parts = []
    for part in range(folds):
        known = values_mn[fold_m != part] if folds > 1 else values_mn
        parts.append((components(known, weight_n, latent, star_cn, share), known, values_mn[fold_m == part]))
    return parts


def decibel(codec: Codec, values_mn: Tensor) -> Tensor:
    """PSNR of each density, (m,)."""
    error_mn = codec.decode(codec.encode(values_mn)) - values_mn
    return 10 * torch.log10(values_mn.amax(1) ** 2 / (error_mn.square() @ codec.weight_n).clamp(min=1e-300))


def components(values_mn: Tensor, weight_n: Tensor, latent: int, star_cn: Tensor, share: float) -> Codec:
    """Fit mean and components, those kept and some to predict, and predict nothing yet.

    Densities weigh 1 / max(rho)², so that the mean of MSE / peak² is smallest, the quantity behind PSNR.
    """
    root_n = weight_n.sqrt()
    share_m = values_mn.amax(1) ** -2.0
    share_m = share_m / share_m.sum()
    mean_n = share_m @ values_mn
    scaled_mn = share_m.sqrt()[:, None] * (values_mn - mean_n) * root_n
    _, sizes, principal = torch.linalg.svd(scaled_mn, full_matrices=False)
    principal = principal[sizes > 1e-7 * sizes[0].clamp(min=1e-300)]
    learned = max(round(share * latent), 1)
    kept = extended(principal[:learned], star_cn * root_n, latent)
    rest = principal[learned : learned + min(latent, PREDICTED)]
    _, sizes, rest = torch.linalg.svd(rest - rest @ kept.T @ kept, full_matrices=False)
    codec = Codec(weight_n, latent).double()
    codec.mean_n = mean_n
    codec.basis_cn = torch.cat([kept, kept.new_zeros(latent - len(kept), len(mean_n)), rest[sizes > 1e-6]]) / root_n
    return with_scale(codec, values_mn)


def extended(rows: Tensor, further: Iterable[Tensor], count: int) -> Tensor:
    """Append what is new in further vectors to orthonormal rows, one after the other, until there are `count`."""
    for vector in further:
        if len(rows) >= count:
            break
        # twice, since the first time leaves rounding of what is taken away
        rest = vector - vector @ rows.T @ rows
        rest = rest - rest @ rows.T @ rows
        if rest.norm() > 1e-6 * vector.norm():
            rows = torch.cat([rows, rest[None] / rest.norm()])
    return rows


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
