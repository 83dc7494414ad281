"""How well each description tells each property of compounds that were not learned from: five folds by composition."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft_models._array_types import FloatArray, IntArray
from symfft_models.datasets.paw import PawSet, load_paw
from symfft_models.properties.descriptions import (
    atom_kernels,
    composition_numbers,
    density_numbers,
    entries_by_id,
    latent_numbers,
    vector_kernels,
)
from symfft_models.properties.learner import GaussianProcess
from symfft_models.properties.targets import Sample, samples_of

FOLDS = 5
#: Space groups that tables have a row for; all others together are 0, and all of them None.
GROUPS: tuple[int | None, ...] = (221, 225, 227, 0, None)
#: Groups that the shipped codec knows.
CODEC_GROUPS = (221, 225, 227)
DESCRIPTIONS = ("density", "latents", "composition", "atoms")
#: Resamplings of the compositions that error bars come from, and their seed.
RESAMPLES, SEED = 400, 0
#: Standard deviations that hold nine of ten.
NINE_OF_TEN = 1.645
#: Fewest crystals of a row.
FEWEST = 10
#: Shares of the other folds that the learning curve learns from.
CURVE = (0.25, 0.5, 1.0)


def fold_of(composition: str) -> int:
    """Return the fold of a composition, 0 to 4.

    Examples
    --------
    >>> fold_of("MgO") == fold_of("MgO"), 0 <= fold_of("ClNa") < FOLDS
    (True, True)
    """
    return int.from_bytes(hashlib.sha256(f"fold:{composition}".encode()).digest()[:8], "big") % FOLDS


def values_of(samples: Sequence[Sample], name: str) -> FloatArray:
    """Return what is learned of samples (n,); NaN where it is not known.

    Parameters
    ----------
    samples : sequence of Sample
        Crystals.
    name : str
        "formation" (eV per atom), "bulk_modulus" (logarithm to base ten of GPa), "metal" (1, or -1 with a gap), "gap"
        (eV, of crystals with one).
    """
    if name == "formation":
        return np.array([sample.formation_ev for sample in samples])
    if name == "bulk_modulus":
        return np.log10([sample.bulk_modulus_gpa for sample in samples])
    gaps = np.array([sample.gap_ev for sample in samples])
    return np.where(gaps > 0, -1.0, 1.0) if name == "metal" else np.where(gaps > 0, gaps, np.nan)


PROPERTIES = ("formation", "bulk_modulus", "metal", "gap")


def out_of_fold(
    kernels: Sequence[FloatArray], values: FloatArray, folds: IntArray, share: float = 1.0
) -> tuple[FloatArray, FloatArray]:
    """Return what the other folds say of each known value, and its standard deviation: (n,) each.

    Only a share of the other folds is learned from, chosen at random with a fixed seed.
    """
    expected, spread = np.full(len(values), np.nan), np.full(len(values), np.nan)
    rng = np.random.default_rng(SEED)
    for fold in range(FOLDS):
        known = np.flatnonzero(np.isfinite(values) & (folds != fold))
        known = np.sort(rng.permutation(known)[: round(share * len(known))])
        asked = np.flatnonzero(np.isfinite(values) & (folds == fold))
        if len(known) < FEWEST or not len(asked):
            continue
        fit, best = GaussianProcess.fit_best([kernel[np.ix_(known, known)] for kernel in kernels], values[known])
        kernel = kernels[best]
        expected[asked], spread[asked] = fit.predict(kernel[np.ix_(asked, known)], kernel[asked, asked])
    return expected, spread


def figures(name: str, values: FloatArray, expected: FloatArray) -> dict[str, float]:
    """Return the figures of a property: ``r2`` and ``error``, or for metals ``right`` and ``balanced`` (%).

    ``error`` is the mean absolute one in eV per atom or eV, and in % of the bulk modulus.
    """
    if name == "metal":
        right = np.sign(expected) == values
        sides = [100 * float(right[values == side].mean()) for side in (-1.0, 1.0) if (values == side).any()]
        return {"right": 100 * float(right.mean()), "balanced": float(np.mean(sides))}
    missed = expected - values
    r2 = 1 - float((missed**2).sum() / max(((values - values.mean()) ** 2).sum(), 1e-12))
    error = 100 * float(np.abs(10.0**missed - 1).mean()) if name == "bulk_modulus" else float(np.abs(missed).mean())
    return {"r2": r2, "error": error}


def with_error_bars(
    name: str, values: FloatArray, expected: FloatArray, compositions: Sequence[str]
) -> dict[str, list[float]]:
    """Return each figure with its standard error: compositions are drawn again and again, with replacement."""
    members: dict[str, list[int]] = defaultdict(list)
    for row, composition in enumerate(compositions):
        members[composition].append(row)
    parts, rng = list(members.values()), np.random.default_rng(SEED)
    drawn = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([parts[i] for i in rng.integers(len(parts), size=len(parts))])
        drawn.append(figures(name, values[rows], expected[rows]))
    whole = figures(name, values, expected)
    return {key: [value, float(np.std([one[key] for one in drawn]))] for key, value in whole.items()}


def described(densities: PawSet, samples: Sequence[Sample], description: str) -> tuple[IntArray, Sequence[FloatArray]]:
    """Return the samples (rows) that a description exists for, and its kernels between them."""
    rows = np.arange(len(samples))
    if description == "atoms":
        return rows, atom_kernels(samples)
    if description == "composition":
        return rows, vector_kernels(np.array([composition_numbers(sample.crystal) for sample in samples]))
    if description == "density":
        entries = entries_by_id(densities, samples)
        return rows, vector_kernels(np.array([density_numbers(entry) for entry in entries]))
    groups = np.array([sample.space_group for sample in samples])
    rows = np.flatnonzero(np.isin(groups, CODEC_GROUPS))
    entries = entries_by_id(densities, [samples[row] for row in rows.tolist()])
    return rows, vector_kernels(latent_numbers(entries), groups[rows])


def evaluate_properties(
    densities: PawSet | None = None,
    *,
    curve: bool = False,
    tell: Callable[[str], None] = lambda word: None,
) -> dict[str, Any]:
    """Judge every description by five folds over the compounds of a set.

    Parameters
    ----------
    densities : PawSet, optional
        By default the one that comes with the package.
    curve : bool
        Also learn from a quarter and from half of the other folds.
    tell : callable
        Called with a word on what is done next.

    Returns
    -------
    dict
        ``compounds``, ``crystals``, and how many have each property; what was ``left_out``; ``table``: a row for each
        property, description and group with ``crystals``, each figure and its standard error, and ``inside``, the
        share (%) inside the stated bar of nine in ten; ``curve``; ``not_possible``, by description.
    """
    densities = load_paw() if densities is None else densities
    samples, left_out = samples_of(densities)
    folds = np.array([fold_of(sample.composition) for sample in samples])
    groups = np.array([sample.space_group for sample in samples])
    table: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    not_possible: dict[str, str] = {}
    for description in DESCRIPTIONS:
        tell(description)
        try:
            rows, kernels = described(densities, samples, description)
        except ImportError as error:
            not_possible[description] = f"needs {error.name}"
            continue
        for name in PROPERTIES:
            values = values_of(samples, name)[rows]
            expected, spread = out_of_fold(kernels, values, folds[rows])
            for group in GROUPS:
                here = np.isfinite(values) & np.isfinite(expected) & _within(groups[rows], group)
                if here.sum() < FEWEST:
                    continue
                named = [samples[place].composition for place in rows[here].tolist()]
                inside = np.abs(expected - values)[here] < NINE_OF_TEN * spread[here]
                row: dict[str, Any] = {
                    "property": name,
                    "description": description,
                    "group": group,
                    "crystals": int(here.sum()),
                }
                row |= with_error_bars(name, values[here], expected[here], named)
                table.append(row if name == "metal" else row | {"inside": 100 * float(inside.mean())})
            if curve and description == "atoms" and name == "formation":
                steps = learning_curve(kernels, values, folds[rows], groups[rows])
    return {
        "set": densities.path.name,
        "compounds": len({sample.composition for sample in samples}),
        "crystals": len(samples),
        "known": {name: int(np.isfinite(values_of(samples, name)).sum()) for name in PROPERTIES},
        "left_out": {
            "elements": left_out.elements,
            "far": list(left_out.far),
            "without_reference": list(left_out.without_reference),
        },
        "table": table,
        "curve": steps,
        "not_possible": not_possible,
    }


def learning_curve(
    kernels: Sequence[FloatArray], values: FloatArray, folds: IntArray, groups: IntArray
) -> list[dict[str, Any]]:
    """Return R² and mean error by group of regressions that learn from shares of the other folds."""
    steps = []
    for share in CURVE:
        expected, _ = out_of_fold(kernels, values, folds, share)
        for group in GROUPS:
            here = np.isfinite(values) & np.isfinite(expected) & _within(groups, group)
            if here.sum() >= FEWEST:
                known = round(share * np.isfinite(values).sum() * (FOLDS - 1) / FOLDS)
                steps.append({"share": share, "learned": known, "group": group})
                steps[-1] |= figures("formation", values[here], expected[here])
    return steps


def _within(groups: IntArray, group: int | None) -> NDArray[np.bool_]:
    if group is None:
        return np.ones(len(groups), dtype=bool)
    return np.asarray(~np.isin(groups, CODEC_GROUPS) if group == 0 else groups == group)
