"""Are generated densities like held-out ones, and are they new? Distributions of both, and nearest neighbours.

Densities are AU values in e/Å³ of cubic cells. Suffixes of arrays: m densities, n AU points, s shells, r radii.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import ks_2samp

from symfft import AsymmetricUnit, SpaceGroup, au_real_dft, real_basis
from symfft_models._array_types import FloatArray
from symfft_models.crystals.composition import CompositionError
from symfft_models.data.entry import Entry
from symfft_models.model.config import SampleConfig
from symfft_models.model.density_table import DensityTable
from symfft_models.model.stars import cell_weights
from symfft_models.model.vae import DensityVAE
from symfft_models.sampling.prior import Draw, LatentPrior, Wanted, active_floats, fit_prior
from symfft_models.sampling.sample import NEGATIVE_TOLERANCE, decode_draws, lowest

#: Edges of the shells of 1/d = \|G\| / 2π, in 1/Å.
SHELLS = np.linspace(0.0, 1.6, 17)
#: Edges of the shells around the highest maximum, in Å.
RADII = np.linspace(0.0, 2.4, 25)

SCALARS = {
    "lattice_constant": "Å",
    "electrons": "per cell",
    "maximum": "e/Å³",
    "minimum": "e/Å³",
    "gradient_norm": "e/Å⁴",
    "half_volume": "% of the cell",
    "peak_radius": "Å",
}


def describe(values_mn: FloatArray, unit: AsymmetricUnit, a_m: FloatArray) -> dict[str, FloatArray]:
    r"""Characterise densities of cubic cells.

    Returns
    -------
    dict
        ``electrons``; ``lattice_constant``; ``maximum``, ``minimum``; ``gradient_norm``
        :math:`\langle |\nabla\rho|^2 \rangle^{1/2}`, exact for the band-limited density; ``half_volume``, the smallest
        share of the cell that holds half of the electrons; ``peak_radius``, where the spherical average around the
        highest maximum has fallen to half (all (m,)); ``spectrum`` (m, s), the shares of
        :math:`\sum_{G \ne 0} |F(G)|^2` in `SHELLS`; ``profile`` (m, r), the spherical average over its peak in `RADII`,
        NaN where the grid has no point.
    """
    weight, a_m = cell_weights(unit), np.asarray(a_m, dtype=np.float64)
    power_mn = au_real_dft(values_mn, unit) ** 2 / np.prod(unit.shape)
    length_n = np.linalg.norm(real_basis(unit).hkl, axis=1)
    inverse_d = length_n / a_m[:, None]
    gradient = ((2 * np.pi * inverse_d) ** 2 * power_mn).sum(1)
    other = length_n > 0
    spectrum = np.stack(
        [np.histogram(d[other], SHELLS, weights=p[other])[0] for d, p in zip(inverse_d, power_mn, strict=True)]
    )
    half = [half_volume(values, weight) for values in values_mn]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        profile = np.stack(list(threads.map(radial_profile, values_mn, repeat(unit), a_m.tolist())))
    return {
        "lattice_constant": a_m,
        "electrons": values_mn @ weight * a_m**3,
        "maximum": values_mn.max(1),
        "minimum": values_mn.min(1),
        "gradient_norm": np.sqrt(gradient),
        "half_volume": 100 * np.array(half),
        "peak_radius": np.array([half_radius(row) for row in profile]),
        "spectrum": spectrum / power_mn[:, other].sum(1, keepdims=True),
        "profile": profile,
    }


def half_volume(values: FloatArray, weight: FloatArray) -> float:
    """Smallest share of the cell that holds half of the electrons."""
    falling = np.argsort(-values)
    held = np.cumsum(np.maximum(values, 0)[falling] * weight[falling])
    return float(np.interp(held[-1] / 2, np.append(0.0, held), np.append(0.0, np.cumsum(weight[falling]))))


def radial_profile(values: FloatArray, unit: AsymmetricUnit, a: float) -> FloatArray:
    """Average a density over spherical shells around its highest point, over its peak; (r,), NaN in empty shells."""
    peak = unit.indices[np.argmax(values)]
    steps, rising = _outwards(unit.shape)
    edges = np.searchsorted(a * rising, RADII)
    places = [(p + x[: edges[-1]]) % n for p, x, n in zip(peak, steps, unit.shape, strict=True)]
    total = np.append(0.0, np.cumsum(values[unit.labels[tuple(places)]]))[edges]
    points = np.diff(edges)
    return np.where(points > 0, np.diff(total) / np.maximum(points, 1), np.nan) / values.max()


@lru_cache(maxsize=8)
def _outwards(shape: tuple[int, int, int]) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the points of a grid (3, N) by their distance to the nearest image of the first one, and that distance.

    In cell edges.
    """
    offsets = np.stack(np.meshgrid(*[np.fft.fftfreq(n) for n in shape], indexing="ij"), axis=-1)
    lengths = np.linalg.norm(offsets, axis=-1).reshape(-1)
    order = np.argsort(lengths, kind="stable")
    return np.array(np.unravel_index(order, shape)), lengths[order]


def half_radius(profile: FloatArray) -> float:
    """Radius in Å where a profile first falls below one half, between the centres of its shells."""
    known = np.flatnonzero(np.isfinite(profile))
    radius = np.concatenate([[0.0], (RADII[:-1] + RADII[1:])[known] / 2])
    height = np.concatenate([[1.0], profile[known]])
    below = np.flatnonzero(height < 0.5)
    if not len(below):
        return float(RADII[-1])
    after = int(below[0])
    share = (height[after - 1] - 0.5) / (height[after - 1] - height[after])
    return float(radius[after - 1] + share * (radius[after] - radius[after - 1]))


def normalizer_images(values_mn: FloatArray, shift_n: NDArray[np.int64]) -> FloatArray:
    """Densities in both choices of origin, (2 m, n)."""
    return np.concatenate([values_mn, values_mn[:, shift_n]])


def nearest_distances(
    shapes_mn: FloatArray, known_kn: FloatArray, weight: FloatArray
) -> tuple[FloatArray, NDArray[np.int64]]:
    """NMAE in % between normalised densities and the nearest of others, and which that is; (m,) each."""
    distance = distances(shapes_mn, known_kn, weight)
    best = distance.argmin(1)
    return distance[np.arange(len(shapes_mn)), best], best


def distances(shapes_mn: FloatArray, known_kn: FloatArray, weight: FloatArray) -> FloatArray:
    """NMAE in % between normalised densities and others, (m, k)."""
    return np.asarray(100 * cdist(shapes_mn * weight, known_kn * weight, "cityblock"))


def distances_among(shapes_mn: FloatArray, shift_n: NDArray[np.int64], weight: FloatArray) -> FloatArray:
    """NMAE in % between each normalised density and the nearest of the others in either choice of origin, (m,)."""
    count = len(shapes_mn)
    distance = distances(shapes_mn, normalizer_images(shapes_mn, shift_n), weight)
    own = np.arange(count)
    distance[own, own] = distance[own, own + count] = np.inf
    return np.asarray(distance.min(1))


def compare(generated: FloatArray, reference: FloatArray) -> dict[str, float]:
    """Medians, central 90 %, and the Kolmogorov-Smirnov distance of two samples with its p-value."""
    test = ks_2samp(generated, reference)
    low, middle, high = np.percentile(generated, [5, 50, 95])
    low_, middle_, high_ = np.percentile(reference, [5, 50, 95])
    return {
        "generated_p5": float(low), "generated_median": float(middle), "generated_p95": float(high),
        "held_out_p5": float(low_), "held_out_median": float(middle_), "held_out_p95": float(high_),
        "ks": float(test.statistic), "p": float(test.pvalue),
    }  # fmt: skip


def compare_generated(
    model: DensityVAE, train: DensityTable, test: DensityTable, config: SampleConfig, draws: int
) -> dict[str, Any]:
    """Draw densities of every space group and compare them with the test split.

    Returns
    -------
    dict
        For each space group: ``draws``; ``scalars``, `compare` for each of `SCALARS`; ``nearest``, NMAE (%) of
        generated densities to the nearest training density, of test densities to the nearest training density, and of
        generated ones among each other; ``too_near``, the share of generated densities nearer to the training set than
        95 % of the test set; ``conditional``, `conditional_error`; ``active_units`` of the latent floats; ``failures``
        by reason; ``spectrum`` and ``profile``: 10th, 50th and 90th percentile of both kinds along `SHELLS` and
        `RADII`.
    """
    groups: dict[str, Any] = {}
    for index, unit in enumerate(model.representation.units):
        number = model.representation.groups[index]
        entries = test.entries_of(index)
        if not entries or not (train.group_m == index).any():
            continue
        prior = fit_prior(model, train, index)
        rng = np.random.default_rng((config.seed, number, draws))
        made = decode_draws(model, index, [prior.draw(rng, config.temperature) for _ in range(draws)])
        finite = [(values, a) for values, a, _ in made if np.isfinite(values).all() and np.isfinite(a)]
        failures = {"not_finite": draws - len(finite)}
        if not finite:
            groups[str(number)] = {"draws": draws, "failures": failures}
            continue
        values = np.stack([v for v, _ in finite])
        generated = describe(values, unit, np.array([a for _, a in finite]))
        truth = np.stack([entry.values for entry in entries]).astype(np.float64)
        a_m = np.array([entry.lattice[0, 0] for entry in entries])
        held_out = test.once(("description", index), describe, truth, unit, a_m)
        weight, shift = cell_weights(unit), model.representation.shift_gn[index, : unit.size].numpy()
        shapes, held_shapes = (rho / (rho @ weight)[:, None] for rho in (values, truth))
        known = normalizer_images(train.of_group(index, unit.size), shift)
        to_train = nearest_distances(shapes, known, weight)[0]
        held_to_train, _ = test.once(("distance", train, index), nearest_distances, held_shapes, known, weight)
        asked = conditional_error(model, index, prior, entries, truth / (truth @ weight)[:, None], config, rng)
        floor = lowest(train.entries_of(index)) - NEGATIVE_TOLERANCE
        negative = generated["minimum"] < floor * generated["maximum"]
        groups[str(number)] = {
            "symbol": SpaceGroup.from_number(number).symbol,
            "draws": draws,
            "temperature": config.temperature,
            "test": len(entries),
            "scalars": {name: compare(generated[name], held_out[name]) for name in SCALARS},
            "nearest": {
                "generated_to_training": spread(to_train),
                "test_to_training": spread(held_to_train),
                "among_generated": spread(distances_among(shapes, shift, weight)) if len(shapes) > 1 else None,
            },
            "conditional": asked,
            "too_near": float((to_train < np.percentile(held_to_train, 5)).mean()),
            "active_units": active_floats(prior.points),
            "latent": model.config.model.latent,
            "failures": failures | {"negative": int(negative.sum())},
            "spectrum": {"generated": bands(generated["spectrum"]), "held_out": bands(held_out["spectrum"])},
            "profile": {"generated": bands(generated["profile"]), "held_out": bands(held_out["profile"])},
        }
    return groups


def conditional_error(
    model: DensityVAE,
    index: int,
    prior: LatentPrior,
    entries: Sequence[Entry],
    truth_mn: FloatArray,
    config: SampleConfig,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Ask for composition and lattice constant of every test crystal, and compare what is generated with its density.

    Returns
    -------
    dict
        ``asked`` and ``answered``, how many test crystals; NMAE (%) of the answers to the test density in the nearer
        choice of origin (``wanted``), and of as many draws that nothing was asked of (``anything``).
    """
    unit = model.representation.units[index]
    weight, shift = cell_weights(unit), model.representation.shift_gn[index, : unit.size].numpy()
    answered: list[FloatArray] = []
    drawn: dict[str, list[Draw]] = {"wanted": [], "anything": []}
    for entry, truth in zip(entries, truth_mn, strict=True):
        a = float(abs(np.linalg.det(entry.lattice)) ** (1 / 3))
        try:
            drawn["wanted"].append(prior.draw(rng, config.temperature, Wanted(a, composition=entry.composition)))
        except CompositionError:
            continue
        drawn["anything"].append(prior.draw(rng, config.temperature))
        answered.append(truth)

    def error(values: FloatArray, truth: FloatArray) -> float:
        shape = values / (values @ weight)
        return float(min(np.abs(image - truth) @ weight for image in (shape, shape[shift]))) * 100

    found: dict[str, Any] = {}
    for name, draws in drawn.items():
        made = decode_draws(model, index, draws)
        rows = [error(values, truth) for (values, _, _), truth in zip(made, answered, strict=True)]
        found[name] = spread(np.array(rows)) if rows else None
    return {"asked": len(entries), "answered": len(answered), **found}


def spread(distances: FloatArray) -> dict[str, float]:
    """Smallest, median and largest of some distances."""
    return {
        "smallest": float(distances.min()),
        "median": float(np.median(distances)),
        "largest": float(distances.max()),
    }


def bands(curves: FloatArray) -> list[list[float | None]]:
    """10th, 50th and 90th percentile over densities along a curve; None where no density has a value."""
    known = np.isfinite(curves).any(0)
    rows = np.full((3, curves.shape[1]), np.nan)
    rows[:, known] = np.nanpercentile(curves[:, known], [10, 50, 90], axis=0)
    return [[float(x) if np.isfinite(x) else None for x in row] for row in rows]
