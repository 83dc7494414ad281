"""`symfft-vae sample`: new densities as CHGCAR files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from symfft.cli import exit_codes
from symfft.cli.command import Command, Result
from symfft_models.cli import options


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_quiet(command)
    add = command.add_argument
    add("run", type=Path, nargs="?", help=options.RUN)
    add("-o", "--out", type=options.folder, help="folder for the files (default: RUN/samples, or samples)")
    add("--group", type=options.space_group, action="append", default=[], help="space group, repeatable (default: all)")
    add("-n", "--count", type=options.positive, help="files per space group")
    add("--composition", help="elements to generate, like NaBr or Cu3Al")
    add("--lattice-constant", type=options.positive_number, metavar="Å", help="of the cubic cell")
    add("--electrons", type=options.positive_number, help="valence electrons in the cubic cell")
    add(
        "--temperature",
        type=options.number_from_zero,
        help="0: training densities; 1: all that lies between them (default: the run's)",
    )
    add("--seed", type=options.not_negative, help="of the draws (default: the run's)")
    add("--force", action="store_true", help="replace samples that are in the folder")


def run(
    *,
    run: Path | None,
    out: Path | None,
    group: Sequence[int],
    count: int | None,
    composition: str | None,
    lattice_constant: float | None,
    electrons: float | None,
    temperature: float | None,
    seed: int | None,
    force: bool,
    quiet: bool,
) -> Result:
    """Generate densities with a trained model."""
    from symfft_models.sampling.prior import Wanted
    from symfft_models.sampling.sample import SAMPLES, write_samples
    from symfft_models.weights import open_trained

    trained = open_trained(run)
    settings = {"per_group": count, "temperature": temperature, "seed": seed}
    given: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
    config = replace(trained.model.config.sample, **given)
    wanted = Wanted(lattice_constant, electrons, composition)
    folder = out or (trained.folder or Path()) / SAMPLES
    report = write_samples(
        trained.model, trained.tables["train"], config, folder, list(dict.fromkeys(group)), wanted, force=force
    )
    return {"folder": str(folder), **report}


def text(result: Result) -> str:
    """Format one line per file."""
    lines = [
        f"{entry['file']:40s} {entry['electrons']:6.0f} e  {'ok' if entry['ok'] else 'FAILED: ' + entry['error']}  "
        f"nearest {entry['nearest_training']} at {entry['nearest_nmae']:.1f} %"
        for entry in result["samples"]
    ]
    return "\n".join([*lines, f"{result['failures']} failures"])


def code(result: Result) -> int:
    """Say no where a file does not hold what it should."""
    return exit_codes.NEGATIVE if result["failures"] else exit_codes.DONE


SAMPLE = Command(arguments, run, text, code=code)
