"""What the commands do with models: load them with the densities they are judged on, judge, sample, draw, report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symfft_models.checkpoint import load_model, write_text
from symfft_models.config import SampleConfig
from symfft_models.evaluate import evaluate, format_table
from symfft_models.generation import generation_report
from symfft_models.prior import ANYTHING, Wanted, active_units
from symfft_models.rate_distortion import rate_distortion
from symfft_models.sample import sample
from symfft_models.shipped import shipped_index, shipped_weights
from symfft_models.table import DensityTable, load_entries, tabulate
from symfft_models.train import LOG, SUMMARY, WEIGHTS
from symfft_models.vae import DensityVAE

METRICS, TABLE, REPORT, SAMPLES = "metrics.json", "table.txt", "report.html", "samples"


@dataclass(frozen=True)
class Run:
    """A trained model, the splits it is judged on, and its folder where it has one."""

    name: str
    model: DensityVAE
    facts: dict[str, Any]
    tables: dict[str, DensityTable]
    folder: Path | None


def weights_of(path: Path | None) -> tuple[Path, str]:
    """Return file and name of the weights of a run folder, of a file, or without either of the default shipped ones."""
    if path is None:
        return shipped_weights(), str(shipped_index()["default"])
    return (path / WEIGHTS if path.is_dir() or not path.exists() else path), path.name


def open_run(path: Path | None) -> Run:
    """Load a run folder or a file of weights; without a path, the default weights that come with the package."""
    weights, name = weights_of(path)
    return load_run(weights, name, None if path is None else weights.parent)


def open_shipped() -> list[Run]:
    """Load all weights that come with the package; those of one kind share their densities."""
    shipped_weights()
    runs: list[Run] = []
    for name in shipped_index()["models"]:
        runs.append(load_run(shipped_weights(name), name, None, runs))
    return runs


def load_run(weights: Path, name: str, folder: Path | None, others: Sequence[Run] = ()) -> Run:
    """Load weights and the splits, or take the splits of another run on the same densities and grids."""
    model, facts = load_model(weights)
    units = model.representation.units
    for other in others:
        if other.model.config.data == model.config.data and other.model.representation.units == units:
            return Run(name, model, facts, other.tables, folder)
    tables = {
        split: tabulate(load_entries(model.config.data, split), model.representation) for split in ("train", "test")
    }
    return Run(name, model, facts, tables, folder)


def judge(run: Run, draws: int) -> dict[str, Any]:
    """Evaluate a run on the test split; with `draws` densities a group also what it generates.

    ``training`` is the summary that training left in the run's folder, where there is one.
    """
    report = evaluate(run.model, run.tables["test"], run.tables["train"])
    if run.folder and (run.folder / SUMMARY).is_file():
        report["training"] = json.loads((run.folder / SUMMARY).read_text(encoding="utf-8"))
    report["active_units"] = active_units(run.model, run.tables["train"])
    if draws:
        settings = run.model.config.sample
        report["generation"] = generation_report(run.model, run.tables["train"], run.tables["test"], settings, draws)
    return report


def judge_into_folder(run: Run, draws: int) -> dict[str, Any]:
    """Evaluate a run, with the rivals' curves, and write ``metrics.json`` and ``table.txt`` beside its weights."""
    report = judge(run, draws)
    report["rate_distortion"] = rate_distortion(run.model, run.tables["test"], run.tables["train"])
    assert run.folder is not None
    write_text(run.folder / METRICS, json.dumps(report, indent=2))
    write_text(run.folder / TABLE, format_table(report) + "\n")
    return report


def report_into(
    path: Path, runs: Sequence[Run], reports: Sequence[dict[str, Any]], curves: dict[str, Any], samples: dict[str, Any]
) -> None:
    """Write the HTML page of one or several runs on the same densities; `samples` are those of the last.

    A run's own page has its pictures as files beside it.
    """
    from symfft_models.report import Judged, write_report

    judged = []
    for run, report in zip(runs, reports, strict=True):
        last = run is runs[-1]
        judged.append(
            Judged(
                run.name,
                run.model,
                run.facts,
                report,
                report.get("generation", {}),
                samples if last else {},
                run.folder / SAMPLES if run.folder else None,
                run.folder / LOG if run.folder else None,
            )
        )
    write_report(path, judged, runs[-1].tables["test"], curves, files=path.parent if path.name == REPORT else None)


def samples_of(run: Run) -> dict[str, Any]:
    """Return what an earlier call wrote about samples in the run's folder, if anything."""
    path = run.folder / SAMPLES / "samples.json" if run.folder else None
    return json.loads(path.read_text(encoding="utf-8")) if path and path.is_file() else {}


def sample_into(
    out: Path, run: Run, settings: SampleConfig, space_groups: Sequence[int] = (), wanted: Wanted = ANYTHING
) -> dict[str, Any]:
    """Generate, and write ``samples.json`` beside the files."""
    report = sample(run.model, run.tables["train"], settings, out, space_groups, wanted)
    write_text(out / "samples.json", json.dumps(report, indent=2))
    return report
