"""`symfft-vae atoms`: the atoms of a crystal from its density alone."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symfft import SymfftError
from symfft.cli import exit_codes
from symfft.cli.command import Command, Result
from symfft_models.cli import options

if TYPE_CHECKING:
    from symfft import SpaceGroup


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_quiet(command)
    add = command.add_argument
    add("files", type=Path, nargs="*", metavar="FILE", help="CHGCARs, or any other format symfft reads")
    add("--group", help="space group instead of the structure's: number, symbol, or hall:SYMBOL")
    add("--answers", type=options.positive, default=3, help="how many to list (default: %(default)s)")
    add(
        "--evaluate",
        action="append",
        default=[],
        choices=("train", "val", "test", "hard"),
        metavar="SPLIT",
        help="find the atoms of the PAW densities of a split (train, val, test, hard; repeatable), and count",
    )


def run(
    *,
    files: Sequence[Path],
    group: str | None,
    answers: int,
    evaluate: Sequence[str],
    quiet: bool,
    tell: Callable[[str], None],
) -> Result:
    """Find atoms in densities."""
    from symfft import read_density
    from symfft_models.atoms import find_atoms
    from symfft_models.atoms.evaluation import evaluate_splits

    if bool(files) == bool(evaluate):
        raise SymfftError("name files, or splits of the PAW densities by --evaluate, not both")

    def told(entry: dict[str, Any]) -> None:
        if not quiet:
            tell(evaluated_line(entry))

    if evaluate:
        return {"evaluation": evaluate_splits(evaluate, tell=told)}
    found = []
    for path in files:
        findings = find_atoms(read_density(path), named_group(group), answers=answers)
        found.append(
            {
                "file": str(path),
                "electrons": findings.electrons,
                "space_group": findings.space_group.symbol,
                "reason": findings.reason,
                "answers": [
                    {
                        "misfit": answer.misfit,
                        "nmae": answer.nmae,
                        "sites": [[s.symbol, s.multiplicity, list(s.position)] for s in answer.sites],
                    }
                    for answer in findings.answers
                ],
            }
        )
    return {"files": found}


def named_group(name: str | None) -> SpaceGroup | None:
    """Return a space group by number, symbol or Hall symbol."""
    from symfft import SpaceGroup

    if name is None:
        return None
    if name.startswith("hall:"):
        return SpaceGroup.from_hall(name.removeprefix("hall:"))
    return SpaceGroup.from_number(int(name)) if name.isdecimal() else SpaceGroup.from_symbol(name)


def evaluated_line(entry: dict[str, Any]) -> str:
    """Format one density of a split."""
    rank = "not found" if entry["rank"] is None else f"answer {entry['rank'] + 1}"
    return f"{entry['split']:5s} {entry['space_group']:4d} {entry['id']:36s} {rank:10s} {entry['first']}"


def text(result: Result) -> str:
    """Format the answers, or the table of an evaluation."""
    if "evaluation" in result:
        lines = [f"{'split':6s}{'group':>6s}{'densities':>11s}{'first':>8s}{'in three':>10s}"]
        lines += [
            f"{row['split']:6s}{row['space_group']!s:>6s}{row['densities']:11d}{row['first']:7.1f}%{row['three']:9.1f}%"
            for row in result["evaluation"]["table"]
        ]
        return "\n".join(lines)
    lines = []
    for entry in result["files"]:
        lines.append(f"{entry['file']}: {entry['electrons']:.3f} electrons, {entry['space_group']}")
        if not entry["answers"]:
            lines.append(f"  nothing fits: {entry['reason']}")
        for rank, answer in enumerate(entry["answers"], start=1):
            away = "" if answer["nmae"] is None else f", {answer['nmae']:.2f} % from the prediction"
            lines.append(f"  {rank}. misfit {answer['misfit']:.2f}{away}")
            lines += [
                f"     {symbol:3s}{count:4d} " + "".join(f"{x:10.5f}" for x in point)
                for symbol, count, point in answer["sites"]
            ]
    return "\n".join(lines)


def code(result: Result) -> int:
    """Say no where nothing fits."""
    return exit_codes.DONE if all(entry["answers"] for entry in result.get("files", [])) else exit_codes.NEGATIVE


ATOMS = Command(arguments, run, text, tells=True, code=code)
