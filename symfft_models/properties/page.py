"""The page of documentation about properties: ``python -m symfft_models.properties.page`` prints it."""

from __future__ import annotations

import sys
from importlib import resources
from typing import Any

from symfft_models.properties.evaluation import evaluate_properties

#: Names of groups, properties' headings and figures.
NAMES = {0: "other", None: "all"}
HEADINGS = {
    "formation": ("Formation energy", ("r2", "R²"), ("error", "mean error, eV per atom")),
    "bulk_modulus": ("Bulk modulus", ("r2", "R² of the logarithm"), ("error", "mean error, %")),
    "metal": ("Gap or metal", ("right", "right, %"), ("balanced", "mean of both kinds, %")),
    "gap": ("Gap of crystals with one", ("r2", "R²"), ("error", "mean error, eV")),
}


def group_name(group: int | None) -> str:
    """Return the name of a row of the tables."""
    return NAMES.get(group, str(group))


def figure(pair: list[float]) -> str:
    """Format a figure with its standard error."""
    digits = 1 if abs(pair[0]) >= 10 else 2 if pair[1] >= 0.03 else 3
    return f"{pair[0]:.{digits}f} ± {pair[1]:.{digits}f}"


def page(result: dict[str, Any]) -> str:
    """Return the page in Markdown for what :func:`evaluate_properties` found."""
    template = resources.files(__package__).joinpath("page.md").read_text(encoding="utf-8")
    left = result["left_out"]
    return template.format(
        crystals=result["crystals"],
        compounds=result["compounds"],
        tables="\n\n".join(_table(result, name) for name in HEADINGS),
        curve=_curve(result),
        elements=left["elements"],
        far=", ".join(left["far"]) or "none",
        unknown=", ".join(left["without_reference"]) or "none",
        **{f"n_{name}": n for name, n in result["known"].items()},
    )


def _table(result: dict[str, Any], name: str) -> str:
    title, *figures = HEADINGS[name]
    rows = [row for row in result["table"] if row["property"] == name]
    if not rows:
        return f"{title}: too few crystals ({result['known'][name]}) of this set have it."
    inside = any("inside" in row for row in rows)
    heads = [title, "group", "crystals", *(words for _, words in figures), *["inside 90 % bar"] * inside]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in rows:
        cells = [row["description"], group_name(row["group"]), str(row["crystals"])]
        cells += [figure(row[key]) for key, _ in figures]
        if inside:
            cells.append(f"{row['inside']:.0f} %")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _curve(result: dict[str, Any]) -> str:
    lines = ["| learned from | group | R² | mean error, eV per atom |", "|---|---|---|---|"]
    lines += [
        f"| {step['learned']} | {group_name(step['group'])} | {step['r2']:.3f} | {step['error']:.3f} |"
        for step in result["curve"]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(page(evaluate_properties(curve=True)))
