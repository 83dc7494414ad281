r"""The linear path under the network: an optimal linear code for few densities.

PCA knows only the directions its training densities span. The lowest-\|G\| stars know nothing about crystals. Between
them lies the covariance

.. math:: C = (1 - \alpha)\, S + \alpha\, \sum_k P_k\, \varphi_k \varphi_k^T

with S the sample covariance, :math:`\varphi_k` the symmetric plane-wave sums and :math:`P_k` the power spectrum,
smoothed along \|G\|: shrinkage towards a stationary random field. Its leading eigenvectors are the code;
:math:`\alpha = 1` gives the stars, :math:`\alpha = 0` PCA, and cross-validation over compounds chooses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symfft import AsymmetricUnit
from symfft_models.baselines import LinearCode, star_functions, weights

Array = NDArray[np.float64]
SHRINKAGES = (1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.3, 0.6, 1.0)


@dataclass(frozen=True)
class LinearFit:
    """A linear code, how it was chosen, and what it leaves over on densities it has not seen.

    `scale` (k,) is the standard deviation of each coefficient, `residual` (m, n) the cross-validated error of every
    training density, `psnr` the cross-validated mean PSNR of each shrinkage tried.
    """

    code: LinearCode
    scale: Array
    shrinkage: float
    residual: Array
    psnr: dict[float, float]


def fit_linear(
    values: Array, unit: AsymmetricUnit, count: int, compound: NDArray[np.int64], folds: int = 4
) -> LinearFit:
    """Fit the linear code.

    Parameters
    ----------
    values
        (m, n) densities normalised to mean one.
    unit
        Their asymmetric unit, n points.
    count
        Floats of the code.
    compound
        (m,) number of the compound; one compound is never in two folds.
    folds
        Parts of the cross-validation.
    """
    weight = weights(unit)
    stars = star_functions(unit, 4 * count)
    fold = np.unique(compound, return_inverse=True)[1] % folds
    psnr: dict[float, float] = {}
    best, residual = SHRINKAGES[-1], np.zeros_like(values)
    for shrinkage in SHRINKAGES:
        error = np.zeros_like(values)
        for part in np.unique(fold):
            held = fold == part
            if held.all():
                continue
            code, _ = shrunk_components(values[~held], weight, stars, count, shrinkage)
            error[held] = values[held] - code.reconstruct(values[held])
        mean_square = (error**2) @ weight
        psnr[shrinkage] = float(np.mean(10 * np.log10(values.max(1) ** 2 / np.maximum(mean_square, 1e-300))))
        if psnr[shrinkage] >= max(psnr.values()):
            best, residual = shrinkage, error
    code, scale = shrunk_components(values, weight, stars, count, best)
    return LinearFit(code, scale, best, residual, psnr)


def shrunk_components(
    values: Array, weight: Array, stars: Array, count: int, shrinkage: float
) -> tuple[LinearCode, Array]:
    """Return the leading `count` eigenvectors of the shrunk covariance, and their coefficients' standard deviations.

    Densities weigh 1 / max(rho)², so that the code minimises the mean of MSE / peak², the quantity behind PSNR.
    """
    share = 1.0 / values.max(1) ** 2
    share = share / share.sum()
    mean = share @ values
    root = np.sqrt(weight)
    scaled = np.sqrt(share)[:, None] * (values - mean) * root
    frame = stars * root
    outside = scaled - (scaled @ frame.T) @ frame
    _, sizes, directions = np.linalg.svd(outside, full_matrices=False)
    frame = np.concatenate([frame, directions[sizes > 1e-9]])
    coefficients = scaled @ frame.T
    power = smooth_spectrum((coefficients[:, : len(stars)] ** 2).sum(0))
    rest = (outside**2).sum() / max(values.shape[1] - len(stars), 1)
    prior = np.concatenate([power, np.full(len(frame) - len(stars), rest)])
    covariance = (1 - shrinkage) * coefficients.T @ coefficients + shrinkage * np.diag(prior)
    variance, vectors = np.linalg.eigh(covariance)
    basis = vectors[:, ::-1][:, :count].T @ frame / root
    code = LinearCode(mean, basis, weight)
    spread = np.sqrt(np.mean(code.encode(values) ** 2, axis=0))
    prior_spread = np.sqrt(np.maximum(variance[::-1][:count], 0))
    return code, np.maximum(spread, 0.1 * prior_spread) + 1e-6


def smooth_spectrum(power: Array, half_width: int = 6) -> Array:
    """Average the power of neighbouring stars geometrically."""
    logarithm = np.log(power + 1e-12 * power.max())
    kernel = np.ones(2 * half_width + 1)
    total = np.convolve(logarithm, kernel, mode="same")
    return np.asarray(np.exp(total / np.convolve(np.ones_like(logarithm), kernel, mode="same")))
