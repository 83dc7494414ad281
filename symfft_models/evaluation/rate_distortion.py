"""Rate and distortion: PSNR against the number of floats and of bytes, for the model's rivals.

Suffixes of arrays: m structures, n AU points, k numbers of floats.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any

import numpy as np
import torch

from symfft import expand_from_au
from symfft_models._array_types import FloatArray
from symfft_models.evaluation.baselines import LinearCode, lowest_stars
from symfft_models.evaluation.compressors import (
    Compressor,
    bytes_for,
    compression_curve,
    installed_compressors,
    psnr_within,
)
from symfft_models.evaluation.held_out import components_of
from symfft_models.model.density_table import DensityTable
from symfft_models.model.stars import cell_weights, exact_mean
from symfft_models.model.vae import DensityVAE

FLOATS = (8, 16, 32, 64, 96, 128, 192, 256, 384, 512)
#: Latents and coefficients are stored as float32.
BYTES_PER_FLOAT = 4
#: Bytes up to which the compressors' curves are drawn.
LARGEST_BUDGET = 1 << 20
#: Above this a density is at the rounding of the float32 values that it is stored in.
CEILING = 150.0


def truncated_psnr(code: LinearCode, values: FloatArray, floats: Sequence[int]) -> FloatArray:
    r"""PSNR in dB of a linear code cut off after k coefficients, for many k at once, (m, k).

    The basis is orthonormal, so that

    .. math:: \mathrm{MSE}_k = \lVert \delta - P \delta \rVert^2 + \sum_{i \ge k} c_i^2

    with the deviation :math:`\delta` from the mean, its projection P on the whole basis and coefficients c. A code
    with fewer coefficients than asked for stays where it ends.
    """
    deviation = values - code.mean
    coefficients = code.encode(values)
    outside = ((deviation - coefficients @ code.basis) ** 2) @ code.weight
    tails = np.cumsum(coefficients[:, ::-1] ** 2, axis=1)[:, ::-1]
    tails = np.concatenate([tails, np.zeros((len(values), 1))], axis=1) + outside[:, None]
    mean_square = tails[:, np.minimum(floats, len(code.basis))]
    peak = values.max(1, keepdims=True)
    return np.minimum(10 * np.log10(peak**2 / np.maximum(mean_square, 1e-300)), CEILING)


def rate_distortion(
    model: DensityVAE, test: DensityTable, train: DensityTable, floats: Sequence[int] = FLOATS, compressed: int = 8
) -> dict[str, Any]:
    """Compute the curves of the rivals on the test split, one space group after the other.

    Parameters
    ----------
    model
        Whose groups, grids and training data count; it is not evaluated here.
    test, train
        Splits; what is learned is learned on `train`.
    floats
        Numbers of floats.
    compressed
        Densities of each group, evenly chosen, that the compressors work on.

    Returns
    -------
    dict
        For each space group: ``floats``; mean PSNR of ``stars`` and of ``pca``, which stops getting better at
        ``pca_floats``, the number of directions that the training densities span; ``bytes``; and for each installed
        compressor the number ``n`` of densities tried, mean ``psnr`` within each of ``bytes`` (None where one of the
        densities does not fit in), the median of the ``smallest`` size it reaches, and of ``bytes_at_44_db``.
    """
    budgets = [BYTES_PER_FLOAT * count for count in floats]
    budgets += np.geomspace(budgets[-1], LARGEST_BUDGET, 12)[1:].astype(int).tolist()
    curves: dict[str, Any] = {}
    for index, unit in enumerate(model.representation.units):
        rows = torch.nonzero(test.group_m == index)[:, 0]
        if not len(rows):
            continue
        truth = exact_mean(test.of_group(index, unit.size), cell_weights(unit))
        fits = components_of(model, train, index, max(floats))
        pca = np.max([truncated_psnr(code, truth, floats).mean(0) for code in fits], axis=0)
        chosen = truth[np.unique(np.linspace(0, len(truth) - 1, min(compressed, len(truth))).astype(int))]
        curves[str(model.representation.groups[index])] = {
            "floats": list(floats),
            "stars": truncated_psnr(lowest_stars(unit, max(floats)), truth, floats).mean(0).tolist(),
            "pca": pca.tolist(),
            "pca_floats": max(len(code.basis) for code in fits),
            "bytes": budgets,
            **{
                name: compressed_figures([expand_from_au(values, unit) for values in chosen], compressor, budgets)
                for name, compressor in installed_compressors().items()
            },
        }
    return curves


def compressed_figures(cells: Sequence[FloatArray], compressor: Compressor, budgets: Sequence[int]) -> dict[str, Any]:
    """Average what a compressor does on some densities of the full cell; see `rate_distortion`."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        curves = list(threads.map(compression_curve, cells, repeat(compressor)))
    fitting: list[list[Any]] = [[psnr_within(budget, *curve) for curve in curves] for budget in budgets]
    enough: list[Any] = [bytes_for(44.0, *curve) for curve in curves]
    return {
        "n": len(curves),
        "psnr": [None if None in found else float(np.mean(found)) for found in fitting],
        "smallest": float(np.median([sizes[0] for sizes, _ in curves])),
        "bytes_at_44_db": None if None in enough else float(np.median(enough)),
    }
