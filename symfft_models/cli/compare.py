"""`symfft-vae compare`: predicted densities against computed ones."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from symfft.cli.command import Command, Result
from symfft_models.cli import options


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_quiet(command)
    add = command.add_argument
    add(
        "set",
        type=Path,
        nargs="?",
        metavar="SET",
        help="packed set, or folder of a prepared one (default: the PAW set of the package)",
    )
    add("--model", type=Path, metavar="FILE", help="density model (default: the one that comes with the package)")
    add("--split", action="append", dest="splits", metavar="SPLIT", help="repeatable (default: test, and hard if any)")


def run(*, set: Path | None, model: Path | None, splits: Sequence[str] | None, quiet: bool) -> Result:
    """Compare predictions with a set."""
    from symfft_models.evaluation.predictions import judge_prediction, summary
    from symfft_models.predict import DensityPredictor
    from symfft_models.scattering.densities import observations, splits_of

    predictor = DensityPredictor.load_shipped() if model is None else DensityPredictor.load(model)
    result: Result = {"facts": dict(predictor.model.facts), "splits": {}}
    for split in splits or splits_of(set):
        rows = [judge_prediction(predictor.model, found) for found in observations(set, split)]
        result["splits"][split] = {"summary": summary(rows), "rows": rows}
    return result


def text(result: Result) -> str:
    """Return a table for each split."""
    from symfft_models.evaluation.predictions import table

    return "\n\n".join(
        table(name, part["summary"], sum(not row["seen"] for row in part["rows"]))
        for name, part in result["splits"].items()
    )


COMPARE = Command(arguments, run, text)
