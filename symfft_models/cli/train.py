"""`symfft-vae train`: a model from densities."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from symfft.cli.command import Command, Result
from symfft_models.cli import options


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_quiet(command)
    command.add_argument(
        "--preset", default="default", help="default, demo, paper, or a TOML file (default: %(default)s)"
    )
    command.add_argument("--out", type=options.folder, required=True, help="run folder")
    command.add_argument("--resume", action="store_true", help="continue the run in --out")
    options.add_settings(command)


def run(*, preset: str, out: Path, resume: bool, changes: Sequence[str], quiet: bool) -> Result:
    """Train a model into a run folder."""
    from symfft_models.model.config import chosen_config
    from symfft_models.train import train

    return train(chosen_config(preset, changes, out if resume else None), out, resume=resume, progress=not quiet)


def text(result: Result) -> str:
    """Show the summary."""
    return json.dumps(result, indent=2)


TRAIN = Command(arguments, run, text)
