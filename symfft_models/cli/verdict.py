"""`symfft-vae verdict`: what densities are worth as materials."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from symfft.cli import exit_codes
from symfft.cli.command import Command, Result
from symfft_models.cli import options

#: Shares of the table and what they count.
SHARES = {
    "ok": "electrons and atoms hold",
    "atoms_found": "atoms found",
    "new": "new against the set",
    "unique": "not the same as an earlier file",
    "stable": "stable by the potential (within 0.1 eV per atom of competing phases)",
    "sun": "stable, unique and new",
    "recheck_within_3_percent": "density within 3 % of DFT",
}


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_quiet(command)
    add = command.add_argument
    add("files", type=Path, nargs="+", metavar="FILE|DIR", help="densities, or folders of them")
    add("-o", "--out", type=options.folder, help="folder for results and jobs (default: verdict beside the first)")
    add("--group", help="space group of all files instead of their structures': number, symbol, or hall:SYMBOL")
    add("--engine", choices=("gpaw",), help="compute each crystal with DFT again")
    add("--engine-python", metavar="PYTHON", help="Python that GPAW is installed in (default: $SYMFFT_GPAW_PYTHON)")
    add("--minutes", type=options.positive_number, help="begin no DFT calculation after this time; call again to go on")
    add("--cpu-limit", type=options.positive_number, default=300.0, help="seconds one may take (default: %(default)g)")
    add("--potential", choices=("chgnet",), help="relax each crystal, and compare with competing phases")
    add(
        "--potential-python",
        metavar="PYTHON",
        help="Python that chgnet is installed in (default: $SYMFFT_CHGNET_PYTHON)",
    )


def run(
    *,
    files: Sequence[Path],
    out: Path | None,
    group: str | None,
    engine: str | None,
    engine_python: str | None,
    minutes: float | None,
    cpu_limit: float,
    potential: str | None,
    potential_python: str | None,
    quiet: bool,
    tell: Callable[[str], None],
) -> Result:
    """Judge densities."""
    from symfft_models.cli.atoms import named_group
    from symfft_models.verdict.files import Steps, files_in, judge_files

    paths = [path for given in files for path in files_in(given)]
    folder = out or (files[0] if files[0].is_dir() else files[0].parent) / "verdict"
    steps = Steps(engine, potential, engine_python, potential_python, cpu_limit, minutes)

    def told(entry: dict[str, Any]) -> None:
        if "error" in entry:
            print(f"symfft-vae: error: {line(entry)}", file=sys.stderr, flush=True)
        elif not quiet:
            tell(f"{entry['file']}: judged by its density")

    report = judge_files(paths, folder, steps, named_group(group), tell=told)
    return {"folder": str(folder), **report, "failures": sum(not entry["ok"] for entry in report["verdicts"])}


def line(entry: dict[str, Any]) -> str:
    """Format the verdict of a file on one line."""
    if "error" in entry:
        return f"{entry['file']}: {entry['error']}"
    words = ["ok" if entry["ok"] else "not ok: " + "; ".join(entry["reasons"])]
    if entry["atoms"]["found"]:
        words.append(f"{entry['atoms']['found']} of {entry['electrons']:.0f} e")
    if "prediction" in entry:
        words.append(f"{entry['prediction']['nmae']:.2f} % from the prediction for its atoms")
    if entry.get("novelty", {}).get("new") is not None:
        known = entry["novelty"]["in_set"]
        words.append("new" if known is None else f"in the set as {known}")
    if "recheck" in entry:
        words.append(f"{entry['recheck']['nmae']:.2f} % from DFT")
        if "pressure_gpa" in entry["recheck"]:
            words.append(f"{entry['recheck']['pressure_gpa']:.0f} GPa")
    if "stability" in entry:
        words.append(f"{entry['stability'].get('above_phases_ev', float('nan')):.3f} eV above competing phases")
    return f"{entry['file']}: " + ", ".join(words)


def text(result: Result) -> str:
    """Return a line per file, the table of shares, and what was not possible."""
    lines = [line(entry) for entry in result["verdicts"] if "error" not in entry]
    if not lines:
        return ""
    lines += [f"{count:5d} of {of:<5d} {SHARES[name]}" for name, (count, of) in result["shares"].items() if of]
    missing: dict[tuple[str, str], int] = {}
    for entry in result["verdicts"]:
        for step in entry.get("not_possible", {}).items():
            missing[step] = missing.get(step, 0) + 1
    lines += [f"not possible for {count}: {step}: {why}" for (step, why), count in missing.items()]
    return "\n".join(lines)


def code(result: Result) -> int:
    """Say no where a density is not what it should be."""
    if any("error" in entry for entry in result["verdicts"]):
        return exit_codes.FAILED
    return exit_codes.DONE if all(entry["ok"] for entry in result["verdicts"]) else exit_codes.NEGATIVE


VERDICT = Command(arguments, run, text, tells=True, code=code)
