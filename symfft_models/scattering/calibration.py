"""How good a model is on compounds that it has not seen, and what error bar that justifies."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symfft_models.scattering.measure import expected_error, nmae, predicted_factors
from symfft_models.scattering.model import DensityModel
from symfft_models.scattering.observation import Observation
from symfft_models.scattering.training import TrainingSettings, train, valences

#: Fewest crystals that an error bar is calibrated on.
FEWEST = 5
#: Part of the errors that the stated one is to exceed.
COVERED = 0.9
#: Part of crystals of unseen compounds, of known elements, that are called unlike those learned.
UNLIKE = 0.03


def seen(model: DensityModel, observation: Observation) -> bool:
    """Whether a model has learned all elements of a crystal."""
    return bool(np.isin(observation.crystal.numbers, model.elements).all())


def calibrated(model: DensityModel, unseen: Sequence[Observation]) -> DensityModel:
    """Return a model whose error bar nine of ten crystals of compounds that it has not learned stay below.

    The bar is the expected error times a quantile of (error / expected error), with the correction of conformal
    prediction for their number; crystals of elements that the model has not learned do not count.
    """
    rows = []
    for observation in unseen:
        if seen(model, observation):
            found = model.coefficients(observation.crystal)
            error = float(nmae(observation, predicted_factors(observation, found)))
            alike = float(model.familiarity(observation.crystal).min())
            rows.append((error, expected_error(observation.crystal, found), alike))
    if len(rows) < FEWEST:
        return model
    errors, expected, alike_all = np.array(rows).T
    level = min(1.0, COVERED * (1 + 1 / len(rows)))
    facts: dict[str, Any] = dict(model.facts) | {
        "calibrated_on": len(rows),
        "val_nmae_median": float(np.median(errors)),
        "val_nmae_p95": float(np.percentile(errors, 95)),
    }
    return replace(
        model,
        bar=float(np.quantile(errors / expected, level)),
        familiar=float(np.quantile(alike_all, UNLIKE)),
        facts=facts,
    )


def learning_curve(
    learned: Sequence[Observation],
    unseen: Sequence[Observation],
    settings: TrainingSettings,
    parts: Sequence[float] = (0.25, 0.5, 1.0),
) -> list[dict[str, float]]:
    """Return the errors on unseen compounds of models that learned from more and more of the others.

    Only crystals whose elements the smallest of the models has seen are counted, so that all points are of the same.
    """
    by_compound: dict[str, list[Observation]] = defaultdict(list)
    for observation in learned:
        by_compound[observation.composition].append(observation)
    names = sorted(by_compound, key=lambda name: hashlib.sha256(f"curve:{name}".encode()).digest())
    curve, counted, valence = [], list(unseen), valences(learned)
    for part in parts:
        chosen = names[: max(2, round(part * len(names)))]
        model = train([o for name in chosen for o in by_compound[name]], settings, valence)
        if part == parts[0]:
            counted = [o for o in unseen if seen(model, o)]
        errors = [float(nmae(o, predicted_factors(o, model.coefficients(o.crystal)))) for o in counted]
        curve.append(
            {
                "compounds": float(len(chosen)),
                "crystals": float(len(errors)),
                "nmae_median": float(np.median(errors)) if errors else float("nan"),
                "nmae_mean": float(np.mean(errors)) if errors else float("nan"),
            }
        )
    return curve
