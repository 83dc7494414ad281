"""`symfft-vae properties`: how well properties of crystals can be told, and the model of them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from symfft.cli.command import Command, Result
from symfft_models.cli import options


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_quiet(command)
    add = command.add_argument
    add("set", type=Path, nargs="?", metavar="SET", help="packed set of PAW parts (default: that of the package)")
    add("--curve", action="store_true", help="also formation energies learned from fewer compounds")
    add("-o", "--out", type=Path, metavar="FILE", help="learn from training and validation split, and write the model")
    add("--force", action="store_true", help="replace a file that exists")


def run(
    *, set: Path | None, curve: bool, out: Path | None, force: bool, quiet: bool, tell: Callable[[str], None]
) -> Result:
    """Evaluate descriptions of crystals, or learn the model of properties."""
    from symfft import SymfftError
    from symfft_models.datasets.paw import PawSet, load_paw
    from symfft_models.properties.evaluation import evaluate_properties
    from symfft_models.properties.model import learn_properties, save_properties

    densities = load_paw() if set is None else PawSet.open(set)
    if out is None:
        return evaluate_properties(densities, curve=curve, tell=lambda word: None if quiet else tell(f"{word} …"))
    if out.exists() and not force:
        raise SymfftError(f"{out} exists: give --force to replace it")
    model = learn_properties(densities)
    save_properties(out, model)
    return {"file": str(out), **model.facts}


def text(result: Result) -> str:
    """Return one table for each property."""
    from symfft_models.properties.page import HEADINGS, group_name

    if "table" not in result:
        learned = ", ".join(f"{HEADINGS[name][0].lower()} {n}" for name, n in result["learned"].items())
        return f"{result['file']}: learned from {learned} crystals"
    lines = [
        f"{result['crystals']} crystals of {result['compounds']} compounds, five folds by composition; "
        "± is a standard error"
    ]
    for name, (title, *figures) in HEADINGS.items():
        rows = [row for row in result["table"] if row["property"] == name]
        heads = f"{figures[0][1]:>22s}{figures[1][1]:>26s}{'inside 90 % bar':>17s}"
        lines += ["", f"{title:26s}{'group':>8s}{'crystals':>10s}{heads}"]
        lines += [_line(row, [key for key, _ in figures]) for row in rows]
    left = result["left_out"]
    lines += ["", f"left out: {left['elements']} elements; far from equilibrium: {', '.join(left['far']) or 'none'};"]
    lines.append(f"no formation energy, for want of a reference: {', '.join(left['without_reference']) or 'none'}")
    lines += [f"not possible: {name}: {why}" for name, why in result["not_possible"].items()]
    if result["curve"]:
        lines += ["", f"{'formation energy, atoms':26s}{'group':>8s}{'learned':>10s}{'R²':>17s}{'error':>22s}"]
        lines += [
            f"{'':26s}{group_name(step['group']):>8s}{step['learned']:10d}{step['r2']:17.3f}{step['error']:22.3f}"
            for step in result["curve"]
        ]
    return "\n".join(lines)


def _line(row: dict[str, Any], names: list[str]) -> str:
    from symfft_models.properties.page import figure, group_name

    inside = f"{row['inside']:15.0f} %" if "inside" in row else ""
    first, second = (figure(row[name]) for name in names)
    return (
        f"{row['description']:26s}{group_name(row['group']):>8s}{row['crystals']:10d}{first:>22s}{second:>26s}{inside}"
    )


PROPERTIES = Command(arguments, run, text, tells=True)
