"""What pays in the density model: one thing changed at a time, NMAE on unseen compounds of known elements.

    OPENBLAS_NUM_THREADS=1 python benchmarks/density_model_study.py run --work work/study  # half a minute each
    python benchmarks/density_model_study.py table --work work/study  # Markdown on stdout

Settings are chosen on the validation split alone; the test split and the hard list are shown.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from symfft.io.atomic import write_text
from symfft_models.scattering.calibration import seen
from symfft_models.scattering.densities import judged_on, observations
from symfft_models.scattering.kernel import KernelSettings
from symfft_models.scattering.measure import nmae, predicted_factors
from symfft_models.scattering.model import DensityModel
from symfft_models.scattering.observation import Observation
from symfft_models.scattering.settings import TrainingSettings
from symfft_models.scattering.training import train

SPLITS = ("val", "test", "hard")
#: What is taken away, or changed: settings of the training and of its kernel. Those of 5,000 weights are changes of a
#: model that learns in a fraction of the time.
SMALLER: dict[str, Any] = {"spherical": 600, "aspherical": 600, "weights": 5000}
ABLATIONS: dict[str, dict[str, Any]] = {
    "the model": {},
    "16,000 weights": {"weights": 16_000},
    "16,000, one for each of 450 landmarks a degree and 8 shapes": {
        "spherical": 450,
        "aspherical": 450,
        "shapes": 8,
    },
    "5,000 weights": {},
    "5,000, one for each of 120 landmarks a degree and 8 shapes": {
        "spherical": 120,
        "aspherical": 120,
        "shapes": 8,
    },
    "5,000, pairs alone: no many-body term": {"many": 0.0, "many_aspherical": 0.0},
    "5,000, many bodies alone: no pair term": {"pair": 0.0},
    "5,000, one landmark for each aspherical degree": {"aspherical": 1},
    "5,000, neighbours without their elements": {"channels": 1},
    "5,000, every element by itself": {"own_share": 1.0, "atom_own_share": 1.0},
    "5,000, no independent rest of the coefficients": {"unexplained": 0.001},
    "5,000, four radial shapes": {"shapes": 4},
}
CHOICES: dict[str, dict[str, Any]] = {
    "5,000, half the independent rest": {"unexplained": 0.01},
    "5,000, environment_range 0.6": {"environment_range": 0.6},
    "5,000, environment_range 1.6": {"environment_range": 1.6},
    "5,000, element_range 2.5": {"element_range": 2.5},
    "5,000, neighbour_range 1.5, 12 channels": {"neighbour_range": 1.5, "channels": 12},
    "5,000, noise 0.003": {"noise": 0.003},
    "5,000, noise 0.012": {"noise": 0.012},
    "5,000, 10 knots": {"knots": 10},
}


def variant(name: str) -> dict[str, Any]:
    """Return the settings of a variant that differ from those of the model."""
    return (SMALLER if name.startswith("5,000") else {}) | (ABLATIONS | CHOICES)[name]


def settings_of(changes: Mapping[str, Any]) -> TrainingSettings:
    """Return the settings with some changed."""
    names = KernelSettings.__dataclass_fields__
    inner = {name: value for name, value in changes.items() if name in names}
    outer = {name: value for name, value in changes.items() if name not in names}
    return replace(TrainingSettings(**outer), kernel=KernelSettings(**inner))


def errors(model: DensityModel, found: Sequence[Observation], *, alone: bool = False) -> list[float]:
    """Return the NMAE (%) of predictions, or of superposed atoms alone, of crystals of known elements."""
    predict = model.superposed if alone else model.coefficients
    return [float(nmae(o, predicted_factors(o, predict(o.crystal)))) for o in found if seen(model, o)]


def run(path: Path, names: Sequence[str]) -> None:
    """Train the variants that a file of results lacks, and add their errors to it."""
    splits = {split: judged_on(None, split) for split in SPLITS} | {"train": observations(None, "train")}
    for name in names:
        done = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if name in done:
            continue
        started = time.process_time()
        model = train(splits["train"], settings_of(variant(name)))
        seconds = time.process_time() - started
        done = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if name == "the model":
            done["superposed atoms alone"] = {split: errors(model, splits[split], alone=True) for split in SPLITS}
        done[name] = {split: errors(model, splits[split]) for split in SPLITS} | {"cpu_seconds": seconds}
        write_text(path, json.dumps(done, indent=1))
        print(name, {split: f"{np.median(done[name][split]):.3f}" for split in SPLITS}, f"{seconds:.0f} s", flush=True)


def table(done: Mapping[str, Any]) -> str:
    """Format median, mean and 95 % of each variant."""
    lines = ["| variant | validation | test | hard list | CPU s |", "|---|---|---|---|---|"]
    for name in ("superposed atoms alone", *ABLATIONS, *CHOICES):
        if name not in done:
            continue
        cells = [
            f"{np.median(row):.2f} / {np.mean(row):.2f} / {np.percentile(row, 95):.2f}"
            for row in (done[name][split] for split in SPLITS)
        ]
        seconds = f"{done[name]['cpu_seconds']:.0f}" if "cpu_seconds" in done[name] else "–"
        lines.append(f"| {name} | {' | '.join(cells)} | {seconds} |")
    counts = ", ".join(f"{len(done['the model'][split])} {split}" for split in SPLITS)
    return "\n".join(lines) + f"\n\nNMAE in %, median / mean / 95 %, of {counts} crystals."


def main() -> None:
    """Run the study, or print what it found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("run", "table"))
    parser.add_argument("--work", type=Path, required=True, help="folder for results")
    parser.add_argument("--only", nargs="*", help="names of variants (default: all)")
    options = parser.parse_args()
    path = options.work / "density-model.json"
    options.work.mkdir(parents=True, exist_ok=True)
    if options.part == "run":
        run(path, options.only or [*ABLATIONS, *CHOICES])
    else:
        print(table(json.loads(path.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
