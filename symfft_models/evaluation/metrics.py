"""How far a density is from the true one: figures of the full cell, computed on the AU with multiplicity weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from symfft import ShapeError


def density_metrics(truth: ArrayLike, estimate: ArrayLike, multiplicity: ArrayLike) -> dict[str, float]:
    r"""Compare an estimated density with the true one, both on the AU.

    With weights :math:`w_m = \text{multiplicity}_m / N` every sum below is the mean over the :math:`N` points of the
    full cell:

    .. math:: \mathrm{PSNR} = 20 \log_{10} \frac{\max\rho}{\sqrt{\sum_m w_m (\rho_m - \rho^*_m)^2}}, \qquad
              \mathrm{NMAE} = 100\,\% \cdot \frac{\sum_m w_m |\rho_m - \rho^*_m|}{\sum_m w_m |\rho_m|}

    Parameters
    ----------
    truth, estimate
        (n,) densities in the same unit, usually e/Å³.
    multiplicity
        (n,) size of every orbit.

    Returns
    -------
    dict
        ``psnr`` (dB), ``nmae`` (%), ``rmse`` (unit of the input), ``electron_error`` (relative error of the integral),
        ``negative`` (share of the cell where the estimate is below zero), ``minimum`` (its smallest value / max rho).

    Raises
    ------
    ShapeError
        Where the arrays differ in shape, or the true density is nowhere positive.

    Examples
    --------
    >>> round(float(density_metrics([0.0, 2.0], [0.2, 2.0], [1, 3])["psnr"]), 2)
    26.02
    """
    rho = np.asarray(truth, dtype=np.float64)
    guess = np.asarray(estimate, dtype=np.float64)
    weight = np.asarray(multiplicity, dtype=np.float64)
    if rho.ndim != 1 or rho.shape != guess.shape or rho.shape != weight.shape:
        raise ShapeError(
            f"truth {rho.shape}, estimate {guess.shape} and multiplicity {weight.shape} must be vectors of one length"
        )
    peak = float(rho.max())
    if not peak > 0:
        raise ShapeError(f"the true density has maximum {peak}; PSNR needs a positive one")
    weight = weight / weight.sum()
    error = guess - rho
    mean_square = float(weight @ error**2)
    integral = float(weight @ rho)
    return {
        "psnr": 10.0 * np.log10(peak**2 / mean_square) if mean_square else float("inf"),
        "nmae": 100.0 * float(weight @ np.abs(error)) / float(weight @ np.abs(rho)),
        "rmse": mean_square**0.5,
        "electron_error": (float(weight @ guess) - integral) / integral,
        "negative": float(weight @ (guess < 0)),
        "minimum": float(guess.min()) / peak,
    }


def summarize(rows: Iterable[Mapping[str, float]], names: Iterable[str]) -> dict[str, dict[str, float]]:
    """Give mean, median, 5th and 95th percentile of each named figure over structures.

    Examples
    --------
    >>> summarize([{"psnr": 40.0}, {"psnr": 50.0}], ["psnr"])["psnr"]["mean"]
    45.0
    """
    table = list(rows)
    if not table:
        raise ShapeError("there is no structure to summarize")
    summary = {}
    for name in names:
        column = np.array([row[name] for row in table])
        p5, median, p95 = np.percentile(column, [5, 50, 95])
        summary[name] = {"mean": float(column.mean()), "median": float(median), "p5": float(p5), "p95": float(p95)}
    return summary
