"""Everything that is measured of a trained model, and the files about it: metrics, table and HTML page."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symfft.io.atomic import write_text
from symfft_models.evaluation.held_out import evaluate, format_table, hard_list
from symfft_models.evaluation.rate_distortion import rate_distortion
from symfft_models.model.checkpoint import LOG, SUMMARY, read_json
from symfft_models.sampling.prior import active_units
from symfft_models.sampling.sample import SAMPLES, SAMPLES_INDEX
from symfft_models.weights import TrainedModel

if TYPE_CHECKING:
    from symfft_models.evaluation.page import Draw

METRICS, TABLE, REPORT = "metrics.json", "table.txt", "report.html"


def judge(trained: TrainedModel, draws: int) -> dict[str, Any]:
    """Evaluate a model on the test split and the hard list; with `draws` densities per group also what it generates.

    ``hard`` is of the hard list what the rest is of the test split; ``training`` is the summary that training left in
    the run's folder, where there is one.
    """
    report = evaluate(trained.model, trained.tables["test"], trained.tables["train"])
    hard = hard_list(trained.model, trained.tables["train"])
    if hard is not None:
        report["hard"] = evaluate(trained.model, hard, trained.tables["train"])
    if trained.folder and (trained.folder / SUMMARY).is_file():
        report["training"] = read_json(trained.folder / SUMMARY)
    report["active_units"] = active_units(trained.model, trained.tables["train"])
    if draws:
        from symfft_models.evaluation.generated import compare_generated  # half a second: scipy.stats

        settings = trained.model.config.sample
        report["generation"] = compare_generated(
            trained.model, trained.tables["train"], trained.tables["test"], settings, draws
        )
    return report


def judge_into_folder(trained: TrainedModel, draws: int) -> dict[str, Any]:
    """Evaluate a model, with the rivals' curves, and write ``metrics.json`` and ``table.txt`` beside its weights."""
    report = judge(trained, draws)
    report["rate_distortion"] = rate_distortion(trained.model, trained.tables["test"], trained.tables["train"])
    assert trained.folder is not None
    write_text(trained.folder / METRICS, json.dumps(report, indent=2))
    write_text(trained.folder / TABLE, format_table(report) + "\n")
    return report


def write_page(
    path: Path,
    models: Sequence[TrainedModel],
    reports: Sequence[dict[str, Any]],
    curves: dict[str, Any],
    samples: dict[str, Any],
    predictions: Callable[[Draw], Sequence[str]] | None = None,
) -> None:
    """Write the HTML page of one or several models on the same densities; `samples` are those of the last.

    A run's own page has its pictures as files beside it.
    """
    from symfft_models.evaluation.report import Judged, write_report

    judged = []
    for trained, report in zip(models, reports, strict=True):
        last = trained is models[-1]
        judged.append(
            Judged(
                trained.name,
                trained.model,
                trained.facts,
                report,
                report.get("generation", {}),
                samples if last else {},
                trained.folder / SAMPLES if trained.folder else None,
                trained.folder / LOG if trained.folder else None,
            )
        )
    files = path.parent if path.name == REPORT else None
    write_report(path, judged, models[-1].tables["test"], curves, predictions=predictions, files=files)


def samples_of(trained: TrainedModel) -> dict[str, Any]:
    """Return what an earlier call wrote about samples in the run's folder, if anything."""
    path = trained.folder / SAMPLES / SAMPLES_INDEX if trained.folder else None
    return read_json(path) if path and path.is_file() else {}
