"""`symfft-vae evaluate`: trained models on the test split, and a page about them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from symfft import SymfftError
from symfft.cli.command import Command, Result
from symfft_models.cli import options

if TYPE_CHECKING:
    from symfft_models.evaluation.predictions import Judged

#: Densities generated in each space group for a comparison with the test split.
DRAWS = 48


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_quiet(command)
    command.add_argument("runs", type=Path, nargs="*", metavar="RUN", help="run folders, or files of weights")
    command.add_argument(
        "--shipped", action="store_true", help="all weights that come with the package (without a RUN)"
    )
    command.add_argument("-o", "--out", type=Path, metavar="HTML", help="page to write (default: RUN/report.html)")
    command.add_argument(
        "--samples", type=Path, metavar="DIR", help="folder of symfft-vae sample, whose draws the page shows too"
    )
    command.add_argument("--no-html", action="store_true", help="no page beside the weights")
    command.add_argument(
        "--draws",
        type=options.not_negative,
        help=f"densities to generate per group (default: {DRAWS}; none for --shipped without a page, which shows them)",
    )


def run(
    *,
    runs: Sequence[Path],
    shipped: bool,
    out: Path | None,
    samples: Path | None,
    no_html: bool,
    draws: int | None,
    quiet: bool,
) -> Result:
    """Measure trained models on the test split, and write a page about them."""
    if runs and shipped:
        raise SymfftError("name runs, or say --shipped, not both")
    if samples is not None and (runs or out is None):
        raise SymfftError("--samples are shown on a page of the shipped weights: name it with -o, and no run")
    if draws is None:
        draws = DRAWS if runs or out is not None else 0
    if runs:
        return _judge(runs, out, samples, no_html, draws, None)
    from symfft_models.processes import one_thread

    with one_thread():  # the cores are taken: predictions are judged by other processes, codecs by this one
        from symfft_models.evaluation.predictions import judging_shipped

        with judging_shipped() as judged:
            return _judge(runs, out, samples, no_html, draws, judged)


def _judge(
    runs: Sequence[Path],
    out: Path | None,
    samples: Path | None,
    no_html: bool,
    draws: int,
    predictions: Callable[[], Judged] | None,
) -> Result:
    from symfft_models.evaluation.judging import REPORT, judge, judge_into_folder, samples_of, write_page
    from symfft_models.weights import open_shipped, open_trained

    models = [open_trained(path) for path in runs] or open_shipped()
    last = models[-1]
    page = out
    if page is None and runs and not no_html:
        assert last.folder is not None
        page = last.folder / REPORT
    if len(runs) == 1:
        result = judge_into_folder(last, draws)
        reports = [result]
    else:
        reports = [judge(trained, draws) for trained in models]
        result = {"models": dict(zip([trained.name for trained in models], reports, strict=True))}
    judged = predictions and predictions()
    if judged is not None:
        result = result | {"density_model": judged.report()}
    if page is not None:
        from symfft_models.evaluation.prediction_page import prediction_parts
        from symfft_models.evaluation.rate_distortion import rate_distortion

        if "rate_distortion" not in result:  # seconds, for pictures that only a page has
            result["rate_distortion"] = rate_distortion(last.model, last.tables["test"], last.tables["train"])
        parts = None if judged is None else partial(prediction_parts, judged, samples)
        write_page(page, models, reports, result["rate_distortion"], samples_of(last), parts)
        result = result | {"html": str(page)}
    return result


def text(result: Result) -> str:
    """Format the table of each model."""
    from symfft_models.evaluation.held_out import format_table

    tables = {name: format_table(report) for name, report in result.get("models", {}).items()}
    lines = "\n\n".join(f"{name}\n{table}" for name, table in tables.items()) or format_table(result)
    if "density_model" in result:
        from symfft_models.cli.compare import tables_of

        lines += "\n\ndensity model\n" + "\n\n".join(tables_of(result["density_model"]))
    return f"{lines}\n{result['html']}" if "html" in result else lines


EVALUATE = Command(arguments, run, text)
