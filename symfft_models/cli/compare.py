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
    add("-o", "--out", type=Path, metavar="HTML", help="page to write: tables, error bars, worst cases")
    add("--samples", type=Path, metavar="DIR", help="folder of symfft-vae sample, whose draws the page shows too")
    add("--split", action="append", dest="splits", metavar="SPLIT", help="repeatable (default: test, and hard if any)")


def run(
    *,
    set: Path | None,
    model: Path | None,
    out: Path | None,
    samples: Path | None,
    splits: Sequence[str] | None,
    quiet: bool,
) -> Result:
    """Compare predictions with a set."""
    from symfft import SymfftError
    from symfft_models.processes import one_thread

    if samples is not None and out is None:
        raise SymfftError("--samples are shown on a page: name it with -o")
    with one_thread():  # the cores are taken: by other processes
        from symfft_models.evaluation.predictions import Judged, processes
        from symfft_models.predict import DensityPredictor
        from symfft_models.scattering.densities import splits_of

        predictor = DensityPredictor.load_shipped() if model is None else DensityPredictor.load(model)
        judged = Judged.of(predictor.model, set, splits or splits_of(set), jobs=processes())
    result: Result = judged.report()
    if out is not None:
        from symfft_models.evaluation.prediction_page import write_prediction_page

        write_prediction_page(out, judged, samples)
        result["html"] = str(out)
    return result


def text(result: Result) -> str:
    """Return a table for each split."""
    return "\n\n".join([*tables_of(result), *([result["html"]] if "html" in result else [])])


def tables_of(result: Result) -> list[str]:
    """Return a table for each split."""
    from symfft_models.evaluation.predictions import table

    return [
        table(name, part["summary"], sum(not row["seen"] for row in part["rows"]))
        for name, part in result["splits"].items()
    ]


COMPARE = Command(arguments, run, text)
