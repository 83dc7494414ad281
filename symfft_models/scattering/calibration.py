"""How good a model is on compounds that it has not seen, and what error bar that justifies."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symfft_models._array_types import FloatArray
from symfft_models.scattering.densities import Taken
from symfft_models.scattering.measure import expected_error, nmae, predicted_factors
from symfft_models.scattering.model import Coefficients, DensityModel
from symfft_models.scattering.observation import Observation
from symfft_models.scattering.settings import TrainingSettings
from symfft_models.scattering.training import train
from symfft_models.scattering.valence import valences

#: Fewest crystals that an error bar is calibrated on.
FEWEST = 5
#: Fewest crystals that tell how errors grow with the expected one.
ENOUGH = 30
#: Part of the errors that the stated one is to exceed.
COVERED = 0.9
#: Part of crystals of unseen compounds, of known elements, that are called unlike those learned.
UNLIKE = 0.03


def seen(model: DensityModel, observation: Observation) -> bool:
    """Whether a model has learned all elements of a crystal."""
    return bool(np.isin(observation.crystal.numbers, model.elements).all())


def calibrated(model: DensityModel, unseen: Sequence[Observation]) -> DensityModel:
    """Return a model whose error bar nine of ten crystals of compounds that it has not learned stay below.

    The bar is what :meth:`DensityModel.error_bar` makes of the expected error, with the factor that is a quantile of
    the errors beside it, with the correction of conformal prediction for their number; crystals of elements that the
    model has not learned do not count.
    """
    rows = []
    for observation in unseen:
        if seen(model, observation):
            found = model.coefficients(observation.crystal)
            error = _error(observation, found)
            alike = float(model.familiarity(observation.crystal).min())
            rows.append((error, expected_error(observation.crystal, found), alike))
    if len(rows) < FEWEST:
        return model
    errors, expected, alike_all = np.array(rows).T
    level = min(1.0, COVERED * (1 + 1 / len(rows)))
    model = replace(model, bar=1.0, power=growth(errors, expected), usual=float(np.exp(np.log(expected).mean())))
    stated = [model.error_bar(float(one)) for one in expected]
    facts: dict[str, Any] = dict(model.facts) | {
        "calibrated_on": len(rows),
        "val_nmae_median": float(np.median(errors)),
        "val_nmae_p95": float(np.percentile(errors, 95)),
    }
    return replace(
        model,
        bar=float(np.quantile(errors / stated, level)),
        familiar=float(np.quantile(alike_all, UNLIKE)),
        facts=facts,
    )


def growth(errors: FloatArray, expected: FloatArray) -> float:
    """Return the power of the expected error that errors grow with, between 0 and 1; of few crystals, 1.

    It is the slope of their logarithms, by least squares. Below 1 the spread of the expected errors is partly chance:
    those that are expected smallest are larger, the largest smaller than what is expected.
    """
    if len(errors) < ENOUGH:
        return 1.0
    x, y = np.log(expected), np.log(np.maximum(errors, 1e-300))
    slope = ((x - x.mean()) * (y - y.mean())).sum() / max(((x - x.mean()) ** 2).sum(), 1e-300)
    return float(np.clip(slope, 0.0, 1.0))


def learning_curve(
    learned: Sequence[Observation],
    unseen: Sequence[Observation],
    settings: TrainingSettings,
    parts: Sequence[float] = (0.25, 0.5),
    whole: DensityModel | None = None,
) -> list[dict[str, float]]:
    """Return the errors on unseen compounds of models that learned from more and more of the others, and from all.

    Only crystals whose elements the smallest of the models has seen are counted, so that all points are of the same.

    Parameters
    ----------
    learned, unseen : sequence of Observation
        What is learned from, and what the errors are of.
    settings : TrainingSettings
        Settings.
    parts : sequence of float
        Parts of the compounds, ascending.
    whole : DensityModel, optional
        The model that learned from all of them, where there is one.
    """
    by_compound: dict[str, list[int]] = defaultdict(list)
    for row, observation in enumerate(learned):
        by_compound[observation.composition].append(row)
    names = sorted(by_compound, key=lambda name: hashlib.sha256(f"curve:{name}".encode()).digest())
    valence = valences(learned)
    curve: list[dict[str, float]] = []
    counted = list(range(len(unseen)))
    for part in (*parts, 1.0):
        chosen = names[: max(2, round(part * len(names)))]
        rows = sorted(row for name in chosen for row in by_compound[name])
        model = whole if part == 1.0 and whole is not None else train(Taken(learned, rows), settings, valence)
        if not curve:
            counted = [row for row in counted if seen(model, unseen[row])]
        errors = [_error(o, model.coefficients(o.crystal)) for o in Taken(unseen, counted)]
        curve.append(
            {
                "compounds": float(len(chosen)),
                "crystals": float(len(errors)),
                "nmae_median": float(np.median(errors)) if errors else float("nan"),
                "nmae_mean": float(np.mean(errors)) if errors else float("nan"),
            }
        )
    return curve


def _error(observation: Observation, found: Coefficients) -> float:
    """Return the NMAE (%) of a prediction."""
    return float(nmae(observation, predicted_factors(observation, found)))
