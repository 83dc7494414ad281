"""What pays in the model: one thing changed at a time, on the test split.

    python benchmarks/model_study.py codec --work work/study        # minutes
    python benchmarks/model_study.py network --work work/study      # some minutes a variant, resumable
    python benchmarks/model_study.py repair --work work/study       # what makes a network learn; as long, resumable
    python benchmarks/model_study.py table --work work/study        # Markdown on stdout

Codecs are compared for all space groups and several lengths of the code. Networks are compared on one space group and
for a fixed number of epochs, so that a loaded machine changes nothing but the time they take.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from symfft import AsymmetricUnit
from symfft.io.atomic import write_text
from symfft_models.evaluation.baselines import lowest_stars, principal_components
from symfft_models.evaluation.held_out import evaluate
from symfft_models.model.codec import CHOICES, Choice, fit_codec
from symfft_models.model.config import DataConfig, load_config
from symfft_models.model.density_table import grids_of, load_entries, tabulate
from symfft_models.model.representation import Representation
from symfft_models.model.stars import cell_weights, star_functions
from symfft_models.train import SUMMARY, train
from symfft_models.weights import open_trained

FLOATS = (32, 64, 128, 256)
GROUP = 225
EPOCHS = 60
REPAIR_EPOCHS = 30
#: What the demo preset has and the first study had not.
PLAIN = ["model.linear=false", "model.posterior=1.0", "model.patch=5", "train.optimizer=adamw"]
NETWORK = [*PLAIN, "model.codec=false", "model.scale=group", "loss.kind=peak", "loss.divergence=0.0"]
EACH, FAST, LONG = "model.scale=coefficient", "train.learning_rate=3e-3", f"train.epochs={4 * EPOCHS}"
REAL = [*NETWORK, "model.domain=real"]
TOKENS = ["model.domain=stars", "model.patch=16", "model.depths=[4]", "model.heads=[3]"]
STARS = [*NETWORK, *TOKENS]
#: What is compared with what, and the settings that differ from the demo preset's.
VARIANTS: dict[str, list[str]] = {
    "codec alone": [*PLAIN, "model.codec=true", "model.network=false"],
    "codec and Swin": [*PLAIN, "model.codec=true"],
    "codec and stars": [*PLAIN, "model.codec=true", *TOKENS],
    "Swin": NETWORK,
    "Swin, paper's loss": [*PLAIN, "model.codec=false", "model.scale=group", "loss.kind=paper", "loss.divergence=1.0"],
    "Swin, log-MSE and divergence": [
        *PLAIN,
        "model.codec=false",
        "model.scale=group",
        "loss.kind=peak",
        "loss.divergence=1.0",
    ],
    "Swin, ρ / √R": [*NETWORK, "model.site_power=0.5"],
    "Swin, ρ": [*NETWORK, "model.site_power=0.0"],
    "Swin, one origin": [*NETWORK, "data.origin_shift=false"],
    "Swin, no average of weights": [*NETWORK, "train.ema=0.0"],
    "Swin, KL × 100": [*NETWORK, "loss.latent=0.01"],
    "Swin, no KL": [*NETWORK, "loss.latent=0.0"],
    "Swin, twice as deep": [*NETWORK, "model.depths=[4, 4]"],
    "Swin, twice as wide": [*NETWORK, "model.channels=96", "model.heads=[6, 12]"],
    "transformer over all tokens": [*NETWORK, "model.depths=[4]", "model.heads=[3]", "model.window=16"],
    "Swin, 64 floats": [*NETWORK, "model.latent=64"],
    "Swin, 256 floats": [*NETWORK, "model.latent=256"],
    "Swin, all three groups": [*NETWORK, "data.space_groups=[221, 225, 227]"],
    "Swin, 3 × the rate": [*NETWORK, FAST],
    "Swin, no |k|": [*NETWORK, "model.magnitude=false"],
    "Swin, scale of each coefficient": [*NETWORK, EACH],
    "Swin, scale of each coefficient, 3 × the rate": [*NETWORK, EACH, FAST],
    "real space": REAL,
    "real space, scale of each point": [*REAL, EACH],
    "real space, scale of each point, 3 × the rate": [*REAL, EACH, FAST],
    "real space, scale of each point, 3 × the rate, 4 × the epochs": [*REAL, EACH, FAST, LONG],
    "stars": STARS,
    "stars, scale of each": [*STARS, EACH],
    "stars, scale of each, no |G|": [*STARS, EACH, "model.magnitude=false"],
    "stars, scale of each, 3 × the rate": [*STARS, EACH, FAST],
    "stars, scale of each, 3 × the rate, 4 × the epochs": [*STARS, EACH, FAST, LONG],
}
#: Variants with three seeds.
SEEDED = ("Swin", "Swin, scale of each coefficient", "stars, scale of each")
#: The demo's network, and one thing changed at a time. Without a rate AdamW's weights stay at their start, where the
#: transformer adds nothing.
REPAIR: dict[str, list[str]] = {
    "demo": [],
    "no linear path": ["model.linear=false"],
    "AdamW in place of Muon": ["train.optimizer=adamw"],
    "AdamW in place of Muon, 3 × the rate": ["train.optimizer=adamw", FAST],
    "posterior from the prior's width": ["model.posterior=1.0"],
    "no transformer: the linear path alone": ["train.learning_rate=1e-12"],
    "one scale a group": ["model.scale=group"],
    "patches of 5": ["model.patch=5"],
    "none of the three": ["model.linear=false", "train.optimizer=adamw", "model.posterior=1.0"],
}

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """Densities of one space group that codes are fitted to (m, n), with their compounds (m,), and judged on."""

    unit: AsymmetricUnit
    known: Array
    compound: NDArray[np.int64]
    shift: NDArray[np.int64]
    truth: Array

    def both_origins(self) -> Group:
        """Return the same with every known density in its two origins."""
        doubled = np.concatenate([self.known, self.known[:, self.shift]])
        return replace(self, known=doubled, compound=np.tile(self.compound, 2))


def components(group: Group, floats: int) -> Array:
    """Reconstruct the truth from principal components."""
    code = principal_components(group.known, cell_weights(group.unit), floats, group.known.max(1) ** -2.0)
    return code.reconstruct(group.truth)


def coded(group: Group, floats: int, choices: Sequence[Choice]) -> Array:
    """Reconstruct the truth with the best of some codecs."""
    stars = star_functions(group.unit, min(4 * floats, group.unit.size - 1))
    known, weight, compound, stars = map(
        torch.from_numpy, (group.known, cell_weights(group.unit), group.compound, stars)
    )
    codec = fit_codec(known, weight, floats, compound, stars, choices=choices).codec
    return codec.decode(codec.encode(torch.from_numpy(group.truth))).numpy()


#: Kinds of code: what each makes of a group's test densities with some floats.
CODES: dict[str, Callable[[Group, int], Array]] = {
    "lowest stars": lambda group, floats: lowest_stars(group.unit, floats).reconstruct(group.truth),
    "PCA": components,
    "PCA, both origins": lambda group, floats: components(group.both_origins(), floats),
    "codec": lambda group, floats: coded(group, floats, CHOICES),
    "codec, no stars": lambda group, floats: coded(group, floats, [c for c in CHOICES if c.share == 1]),
    "codec, no prediction": lambda group, floats: coded(group, floats, [c for c in CHOICES if not c.process]),
    "codec, both origins": lambda group, floats: coded(group.both_origins(), floats, CHOICES),
}


def decibels(group: Group, guess: Array) -> list[float]:
    """Mean and 5th percentile of PSNR."""
    square = (guess - group.truth) ** 2 @ cell_weights(group.unit)
    psnr = 10 * np.log10(group.truth.max(1) ** 2 / np.maximum(square, 1e-300))
    return [float(psnr.mean()), float(np.percentile(psnr, 5))]


def run_codecs(path: str) -> dict[str, Any]:
    """Mean and 5th percentile of PSNR for each kind of code, space group and number of floats."""
    data = DataConfig(path=path)
    entries = {split: load_entries(data, split) for split in ("train", "test")}
    representation = Representation(grids_of(entries["train"] + entries["test"]))
    train, test = (tabulate(entries[split], representation) for split in ("train", "test"))
    found: dict[str, Any] = {}
    for index, unit in enumerate(representation.units):
        known, truth = train.of_group(index, unit.size), test.of_group(index, unit.size)
        shift = representation.shift_gn[index, : unit.size].numpy()
        group = Group(unit, known, train.compounds(index), shift, truth)
        rows = {name: [decibels(group, code(group, floats)) for floats in FLOATS] for name, code in CODES.items()}
        print(representation.groups[index], {name: np.round(row, 1).tolist() for name, row in rows.items()}, flush=True)
        found[str(representation.groups[index])] = {"train": len(known), "test": len(truth), "psnr": rows}
    return {"floats": list(FLOATS), "groups": found}


def run_network(work: Path, path: str, name: str, seed: int, *further: str) -> dict[str, Any]:
    """Train one variant, with `further` settings, and measure it on the test split."""
    plain = re.sub(r"\W+", "-", name)
    folder = work / "runs" / f"{plain}-{seed}"
    base = [f"data.path={path}", f"data.space_groups=[{GROUP}]", f"train.epochs={EPOCHS}", "train.max_minutes=0"]
    config = load_config("demo", [*base, *(VARIANTS | REPAIR)[name], f"train.seed={seed}", *further])
    started = time.process_time()
    train(config, folder, resume=True, progress=False)
    run = open_trained(folder)
    group = evaluate(run.model, run.tables["test"], run.tables["train"])["groups"][str(GROUP)]
    summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    return {
        "name": name,
        "seed": seed,
        "psnr": group["model"]["psnr"]["mean"],
        "p5": group["model"]["psnr"]["p5"],
        "nmae": [group["model"]["nmae"][name] for name in ("mean", "p95")],
        "steps": summary["steps"],
        "trained_parameters": summary["trained_parameters"],
        "cpu_seconds": time.process_time() - started,
        "train": summary["train_structures"],
    }


def codec_table(codecs: dict[str, Any]) -> str:
    """Lay out the study of codes as Markdown."""
    lines = ["## Codes", ""]
    for number, group in codecs["groups"].items():
        lines += [
            f"Space group {number}, {group['train']} training and {group['test']} test densities: mean PSNR in dB",
            "",
            f"| floats | {' | '.join(map(str, codecs['floats']))} |",
            "|---|" + "---|" * len(codecs["floats"]),
            *(f"| {name} | {' | '.join(f'{mean:.1f}' for mean, _ in row)} |" for name, row in group["psnr"].items()),
            "",
        ]
    return "\n".join(lines)


def network_table(networks: list[dict[str, Any]]) -> str:
    """Lay out a study of networks as Markdown."""
    lines = [
        f"Space group {GROUP} (learned from all three where the line says so), 128 floats where the line does not say "
        "otherwise. Test split; CPU seconds on one core, evaluation included.",
        "",
        "| variant | seeds | NMAE %, mean | p95 | PSNR dB, mean | p5 | trained numbers | steps | CPU s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row["name"] for row in networks):
        rows = [row for row in networks if row["name"] == name]
        means = [row["psnr"] for row in rows]
        spread = f" ± {np.std(means):.1f}" if len(rows) > 1 else ""
        nmae, p95 = np.mean([row["nmae"] for row in rows], axis=0)
        shown = name.replace("|", "\\|")
        lines.append(
            f"| {shown} | {len(rows)} | {nmae:.2f} | {p95:.2f} | {np.mean(means):.1f}{spread} | "
            f"{np.mean([row['p5'] for row in rows]):.1f} | {rows[0]['trained_parameters']:,} | {rows[0]['steps']:,} | "
            f"{np.mean([row['cpu_seconds'] for row in rows]):.0f} |"
        )
    return "\n".join(lines)


def run_missing(
    found: Path, variants: Mapping[str, Any], seeded: Collection[str], run: Callable[[str, int], dict[str, Any]]
) -> None:
    """Run the variants that a file of results lacks, those of `seeded` with three seeds, and add them to it."""
    done = json.loads(found.read_text(encoding="utf-8")) if found.exists() else []
    for seed in range(3):
        for name in variants:
            if (seed and name not in seeded) or any((r["name"], r["seed"]) == (name, seed) for r in done):
                continue
            done.append(run(name, seed))
            print(done[-1], flush=True)
            write_text(found, json.dumps(done, indent=2))


def main() -> None:
    """Run one part of the study, or print what it found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("codec", "network", "repair", "table"))
    parser.add_argument("--work", type=Path, required=True, help="folder for results")
    parser.add_argument("--file", default="", help="file of a set (default: the package's)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    codecs, networks, repair = (options.work / f"{name}.json" for name in ("codec", "network", "repair"))
    options.work.mkdir(parents=True, exist_ok=True)
    if options.part == "codec":
        write_text(codecs, json.dumps(run_codecs(options.file), indent=2))
    elif options.part == "network":
        run_missing(networks, VARIANTS, SEEDED, partial(run_network, options.work, options.file))
    elif options.part == "repair":
        short = f"train.epochs={REPAIR_EPOCHS}"
        run_missing(
            repair, REPAIR, ("demo",), lambda name, seed: run_network(options.work, options.file, name, seed, short)
        )
    else:
        if codecs.exists():
            print(codec_table(json.loads(codecs.read_text(encoding="utf-8"))))
        for path, title in ((networks, "Networks"), (repair, "What makes a network learn")):
            if path.exists():
                print(f"## {title}\n\n{network_table(json.loads(path.read_text(encoding='utf-8')))}\n")


if __name__ == "__main__":
    main()
