"""`symfft-vae demo`: train, evaluate, generate, check, draw; predict, and draw crystals."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from symfft.cli import exit_codes
from symfft.cli.command import Command, Result
from symfft_models.cli import options
from symfft_models.cli.evaluate import DRAWS
from symfft_models.cli.sample import code

#: Folder of drawn crystals, in that of the run.
CRYSTALS = "crystals"


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_quiet(command)
    command.add_argument("--preset", default="demo", help=argparse.SUPPRESS)
    command.add_argument(
        "--out", type=options.folder, default=Path("runs/demo"), help="run folder (default: runs/demo)"
    )
    options.add_settings(command)


def run(*, preset: str, out: Path, changes: Sequence[str], quiet: bool, tell: Callable[[str], None]) -> Result:
    """Train, evaluate, generate, check and draw; continue where an earlier call was interrupted."""
    from symfft_models.evaluation.held_out import format_table
    from symfft_models.evaluation.judging import REPORT, judge_into_folder, write_page
    from symfft_models.model.checkpoint import STATE, SUMMARY, read_json
    from symfft_models.model.config import chosen_config
    from symfft_models.sampling.sample import SAMPLES, write_samples
    from symfft_models.train import train
    from symfft_models.weights import open_trained

    def say(line: str) -> None:
        if not quiet:
            tell(line)

    started = time.monotonic()
    shipped = _shipped(say)
    config = chosen_config(preset, changes, out if (out / STATE).exists() else None)
    with _drawing(out / CRYSTALS) as drawn:
        if (out / SUMMARY).exists():
            say(f"{out} holds a finished training; going on from there")
        else:
            train(config, out, resume=True, progress=not quiet)
        trained = open_trained(out)
        report = judge_into_folder(trained, DRAWS)
        say("\n" + format_table(report) + "\n")
        settings = trained.model.config.sample
        samples = write_samples(trained.model, trained.tables["train"], settings, out / SAMPLES, force=True)
        predictions = _predictions(say, out / CRYSTALS if drawn() else None)
    write_page(out / REPORT, [trained], [report], report["rate_distortion"], samples, predictions)
    good = len(samples["samples"]) - samples["failures"]
    say(f"{good} of {len(samples['samples'])} generated CHGCARs hold what they say on reading back ({out / SAMPLES})")
    minutes = (time.monotonic() - started) / 60
    say(f"{minutes:.1f} minutes in all; everything is in {out}, with {REPORT} to look at")
    training = read_json(out / SUMMARY)
    facts = {"run": str(out), "minutes": minutes, "shipped": shipped, "training": training, "test": report["groups"]}
    return facts | samples


def _shipped(say: Callable[[str], None]) -> dict[str, Any]:
    """Measure the weights that come with the package, where there are any."""
    from symfft_models.evaluation.held_out import format_table
    from symfft_models.evaluation.judging import judge
    from symfft_models.weights import open_shipped, shipped_index

    if shipped_index()["default"] is None:
        return {}
    reports = {trained.name: judge(trained, 0) for trained in open_shipped()}
    for name, report in reports.items():
        say(f"\nshipped weights {name}\n{format_table(report)}")
    say("\nand now from scratch")
    return {name: report["groups"] for name, report in reports.items()}


@contextmanager
def _drawing(folder: Path) -> Iterator[Callable[[], bool]]:
    """Draw a crystal of each space group in a process of its own, on the core that training leaves.

    What is yielded waits for it, and says whether there are draws.
    """
    command = [sys.executable, "-m", "symfft_models.cli", "sample", "-n", "1", "-o", str(folder), "--quiet"]
    one_core = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    none = subprocess.DEVNULL
    with subprocess.Popen(command, env=os.environ | one_core, stdout=none, stderr=none) as process:
        try:
            yield lambda: process.wait() in (exit_codes.DONE, exit_codes.NEGATIVE)
        finally:
            process.terminate()


def _predictions(say: Callable[[str], None], crystals: Path | None) -> Callable[[Any], Sequence[str]] | None:
    """Compare predictions of the density model that comes with the package with the hard list, where there is one."""
    from symfft_models.evaluation.prediction_page import prediction_parts
    from symfft_models.evaluation.predictions import Judged, summary, table
    from symfft_models.predict import DensityPredictor
    from symfft_models.weights import DENSITY_MODEL, shipped_index

    if DENSITY_MODEL not in shipped_index():
        return None
    judged = Judged.of(DensityPredictor.load_shipped().model, None, ["hard"], floats=())
    rows = judged.rows["hard"]
    say("predicted from atoms alone\n" + table("hard", summary(rows), sum(not row["seen"] for row in rows)) + "\n")
    return partial(prediction_parts, judged, crystals)


def text(result: Result) -> str:
    """Print nothing: every part has told its own."""
    return ""


DEMO = Command(arguments, run, text, tells=True, code=code)
