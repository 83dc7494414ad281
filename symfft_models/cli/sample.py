"""`symfft-vae sample`: new crystals with their densities, as CHGCAR files, each with a verdict."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from symfft.cli import exit_codes
from symfft.cli.command import Command, Result
from symfft_models.cli import options


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_quiet(command)
    add = command.add_argument
    add("-o", "--out", type=options.folder, default=Path("samples"), help="folder for the files (default: samples)")
    add(
        "--group",
        type=options.space_group,
        action="append",
        default=[],
        help="space group, repeatable (default: 221, 225 and 227; any where a composition or prototype is given)",
    )
    add("-n", "--count", type=options.positive, default=3, help="files per space group (default: %(default)s)")
    add("--composition", help="elements of the crystals, like NaBr or Cu3Al")
    add("--prototype", help="structure type of the crystals, like perovskite")
    add("--lattice-constant", type=options.positive_number, metavar="Å", help="a of the conventional cell")
    add("--electrons", type=options.positive_number, help="valence electrons in the conventional cell")
    add(
        "--temperature",
        type=options.number_from_zero,
        default=1.0,
        help="0: the likeliest elements; 1: as in the training crystals (default: %(default)g)",
    )
    add("--seed", type=options.not_negative, default=0, help="of the draws (default: %(default)s)")
    add("--force", action="store_true", help="replace samples that are in the folder")


def run(
    *,
    out: Path,
    group: Sequence[int],
    count: int,
    composition: str | None,
    prototype: str | None,
    lattice_constant: float | None,
    electrons: float | None,
    temperature: float,
    seed: int,
    force: bool,
    quiet: bool,
    tell: Callable[[str], None],
) -> Result:
    """Draw crystals and predict their densities."""
    from symfft_models.crystals.generator import Wanted
    from symfft_models.sampling.draws import Settings, write_draws

    def told(entry: dict[str, Any]) -> None:
        if not quiet:
            tell(line(entry))

    wanted = Wanted(
        composition=composition, prototype=prototype, lattice_constant=lattice_constant, electrons=electrons
    )
    settings = Settings(count, temperature, seed)
    report = write_draws(out, settings, list(dict.fromkeys(group)), wanted, force=force, tell=told)
    return {"folder": str(out), **report}


def line(entry: dict[str, Any]) -> str:
    """Format one draw on one line."""
    verdict = entry["verdict"]
    words = ["ok" if entry["ok"] else "FAILED: " + "; ".join(verdict["reasons"])]
    if (verdict.get("atoms") or {}).get("found"):
        words.append(f"atoms {verdict['atoms']['found']} of {verdict['electrons']:.0f} e")
    novelty = verdict.get("novelty") or {}
    if novelty.get("new") is not None:
        words.append("new" if novelty["new"] else f"in the set as {novelty['in_set']}")
    if novelty.get("nearest") and novelty["new"]:
        words.append(f"nearest {novelty['nearest']}")
    if "prediction" in entry:
        words.append(f"error bar {entry['prediction']['error_bar']:.1f} %")
    return f"{entry['file']:44s} a {entry['constants'][0]:.3f} Å, " + ", ".join(words)


def text(result: Result) -> str:
    """Count: every draw had its line when it was done."""
    missing = {
        f"not possible: {step}: {why}"
        for entry in result["samples"]
        for step, why in entry["verdict"]["not_possible"].items()
    }
    return "\n".join(
        [f"{result['folder']}: {len(result['samples'])} drawn, {result['failures']} failed", *sorted(missing)]
    )


def code(result: Result) -> int:
    """Say no where a file does not hold what it should."""
    return exit_codes.NEGATIVE if result["failures"] else exit_codes.DONE


SAMPLE = Command(arguments, run, text, tells=True, code=code)
