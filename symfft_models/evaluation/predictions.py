"""How good predicted densities are: beside superposed atoms, and with a few latent numbers of the density itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from symfft_models._array_types import ComplexArray
from symfft_models.predict import DensityPredictor
from symfft_models.processes import begun
from symfft_models.scattering.calibration import seen
from symfft_models.scattering.densities import Observations, judged_on, splits_of
from symfft_models.scattering.measure import expected_error, nmae
from symfft_models.scattering.model import DensityModel
from symfft_models.scattering.observation import Observation, observe
from symfft_models.scattering.posterior import CANDIDATES, Latents
from symfft_models.scattering.synthesis import structure_factors

#: Latent numbers of a reconstruction.
FLOATS = (64, 128, 256)
#: Most processes that judge predictions.
MOST_PROCESSES = 8

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Judged:
    """A density model, the crystals that it is judged on by split, and a row of figures for each of them."""

    model: DensityModel
    found: Mapping[str, Sequence[Observation]]
    rows: Mapping[str, Sequence[Row]]

    @staticmethod
    def of(
        model: DensityModel, path: Path | None, splits: Sequence[str], floats: Sequence[int] = FLOATS, jobs: int = 1
    ) -> Judged:
        """Judge a model on splits of a set, by default of the PAW set, in some processes; a crystal at one volume.

        Without `floats` no reconstructions are made.
        """
        with Judged.begun(model, path, splits, floats, jobs) as judged:
            return judged()

    @staticmethod
    @contextmanager
    def begun(
        model: DensityModel, path: Path | None, splits: Sequence[str], floats: Sequence[int], jobs: int
    ) -> Iterator[Callable[[], Judged]]:
        """Begin to judge a model in other processes; yield what waits for the result."""
        found = {split: judged_on(path, split) for split in splits}
        groups = {split: found[split].space_groups for split in splits}
        places = [(split, row) for split in splits for row in range(len(found[split]))]
        places.sort(key=lambda place: groups[place[0]][place[1]])  # neighbours have plans of transforms in common
        with begun(_Judge(model, path, floats), places, jobs) as results:

            def judged() -> Judged:
                rows = dict(zip(places, results(), strict=True))
                return Judged(model, found, {s: [rows[s, row] for row in range(len(found[s]))] for s in splits})

            yield judged

    def report(self) -> dict[str, Any]:
        """Return where the model comes from, and of each split the figures and the rows."""
        splits = {split: {"summary": summary(rows), "rows": rows} for split, rows in self.rows.items()}
        return {"facts": dict(self.model.facts), "splits": splits}


@dataclass(frozen=True, eq=False)
class _Judge:
    """What judges a model on the entries of a set, by split and row; it opens the set where it is called."""

    model: DensityModel
    path: Path | None
    floats: Sequence[int] = FLOATS
    found: dict[str, Observations] = field(default_factory=dict)

    def __call__(self, place: tuple[str, int]) -> Row:
        split, row = place
        if split not in self.found:
            self.found[split] = judged_on(self.path, split)
        return judge_prediction(self.model, observe(self.found[split].entries[row]), self.floats)


@contextmanager
def judging_shipped() -> Iterator[Callable[[], Judged] | None]:
    """Begin to judge the density model that comes with the package, if any, on the test split and the hard list."""
    if not DensityPredictor.is_shipped():
        yield None
        return
    model = DensityPredictor.load_shipped().model
    with Judged.begun(model, None, splits_of(None), FLOATS, processes()) as judged:
        yield judged


def processes() -> int:
    """Return how many processes judge predictions: one for each core, but not many, since each imports the library."""
    return min(os.cpu_count() or 1, MOST_PROCESSES)


def judge_prediction(model: DensityModel, observation: Observation, floats: Sequence[int] = FLOATS) -> Row:
    """Return the errors (NMAE in %) of a prediction, of superposed atoms, and of reconstructions of some sizes."""
    crystal = observation.crystal
    found, alone = model.coefficients(crystal), model.superposed(crystal)
    both = np.stack([found.mean, alone.mean])
    predicted, superposed = structure_factors(crystal, found.terms, both, observation.hkl, model.longest)
    guesses = {"nmae": predicted, "superposed": superposed}
    if floats:
        near = slice(CANDIDATES)
        latents = Latents.of(model, crystal, found, observation.hkl[near], observation.multiplicity[near], max(floats))
        numbers = latents.encode(observation.factors[near])
        for size in floats:
            guesses[f"latents_{size}"] = predicted.copy()
            guesses[f"latents_{size}"][near] = latents.decode(numbers[:size])
            guesses[f"stars_{size}"] = stars(observation, size)
    errors = dict(zip(guesses, nmae(observation, np.stack([*guesses.values()])).tolist(), strict=True))
    return {
        "id": observation.id,
        "group": crystal.group.number,
        "seen": seen(model, observation),
        "bar": model.error_bar(expected_error(crystal, found)),
        "outside": bool(model.outside(crystal)),
        **errors,
    }


def stars(observation: Observation, size: int) -> ComplexArray:
    """Return the structure factors of the shortest reflections alone: as many as have `size` real components."""
    count = np.where(np.abs(observation.factors.imag) > 1e-6 * np.abs(observation.factors).max(), 2, 1)
    count[0] = 0
    return np.where(np.cumsum(count) <= size, observation.factors, 0)


def floats_of(rows: Sequence[Row]) -> list[int]:
    """Return the numbers of floats that all rows have reconstructions of."""
    return [size for size in FLOATS if all(f"latents_{size}" in row for row in rows)]


def summary(rows: Sequence[Row]) -> list[Row]:
    """Return the figures of all rows and of each space group: of crystals whose elements the model has learned."""
    result = []
    groups = {row["group"] for row in rows}
    for name in ("all", *sorted(groups, key=lambda g: -sum(row["group"] == g for row in rows))):
        part = [row for row in rows if row["seen"] and name in ("all", row["group"])]
        if not part:
            continue
        errors = np.array([row["nmae"] for row in part])
        ratio = np.array([row["superposed"] / row["nmae"] for row in part])
        figures: Row = {
            "group": name,
            "crystals": len(part),
            "median": float(np.median(errors)),
            "mean": float(errors.mean()),
            "p95": float(np.percentile(errors, 95)),
            "superposed_median": float(np.median([row["superposed"] for row in part])),
            "better": float(np.median(ratio)),
            "inside_bar": float(np.mean([row["nmae"] <= row["bar"] for row in part])),
        }
        for size in floats_of(part):
            for kind in ("latents", "stars"):
                figures[f"{kind}_{size}"] = float(np.mean([row[f"{kind}_{size}"] for row in part]))
        result.append(figures)
    return result


def table(name: str, figures: Sequence[Row], unseen: int) -> str:
    """Format the figures of a split as a table in Markdown."""
    head = "| crystals of | n | NMAE % median / mean / 95 % | superposed atoms | times better | inside the 90 % bar |"
    floats = floats_of(figures)
    head += "".join(f" {size} floats: latents / stars |" for size in floats)
    lines = [f"{name} ({unseen} more crystals have elements that the model has not learned)", head]
    lines.append("|" + "---|" * (6 + len(floats)))
    for row in figures:
        line = f"| {row['group']} | {row['crystals']} | {row['median']:.2f} / {row['mean']:.2f} / {row['p95']:.2f} "
        line += f"| {row['superposed_median']:.2f} | {row['better']:.2f} | {100 * row['inside_bar']:.0f} % |"
        line += "".join(f" {row[f'latents_{size}']:.3f} / {row[f'stars_{size}']:.2f} |" for size in floats)
        lines.append(line)
    return "\n".join(lines)
