"""Table, data and picture of the exact transform's timings."""

from __future__ import annotations

import csv
import statistics
from pathlib import Path
from typing import Any

Row = dict[str, Any]

SYSTEMS = [
    (2, "triclinic"),
    (15, "monoclinic"),
    (74, "orthorhombic"),
    (142, "tetragonal"),
    (167, "trigonal"),
    (194, "hexagonal"),
    (230, "cubic"),
]

#: Groups that issue and design name, with the least ratio asked of both directions at 96³ and the one aimed at.
AIMS = {
    225: (45, 70),
    227: (35, 65),
    229: (30, 45),
    216: (27, 40),
    221: (16, 25),
    205: (12, 15),
    139: (14, 20),
    166: (14, 20),
    194: (9, 18),
    191: (9, 18),
    62: (5, 6),
    99: (4.2, 5.4),
    16: (3.1, 3.6),
    18: (3.1, 3.6),
    152: (4, 5),
    15: (3.8, 6),
    14: (2.5, 4),
    2: (1.4, 1.9),
    1: (1.0, 1.2),
}


def crystal_system(number: int) -> str:
    """Return the name of a group's crystal system."""
    return next(name for last, name in SYSTEMS if number <= last)


def write(results: dict[str, list[Row]], folder: Path) -> None:
    """Write fourier.md, fourier.csv and fourier.png."""
    rows = sorted(results["rows"], key=lambda r: (r["dtype"] != "float64", r["points"], r["number"]))
    columns = list(dict.fromkeys(key for row in rows for key in row))
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "fourier.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    (folder / "fourier.md").write_text(text(rows, results["growth"]), encoding="utf-8")
    picture([row for row in rows if row["dtype"] == "float64"], folder / "fourier.png")


def text(rows: list[Row], growth: list[Row]) -> str:
    """Return the page."""
    double = [row for row in rows if row["dtype"] == "float64"]
    parts = [
        "# The exact transform beside a full FFT",
        "`python benchmarks/fourier.py --json FILE`, then with `--memory`, `--growth` and `--report`. Single thread, "
        "one run, best of many; ratios are time of the fastest real FFT of the full grid (scipy, ducc0, pyFFTW with "
        "measured plans) over time of `au_dft` or `au_idft`. All columns: [fourier.csv](fourier.csv).",
        "![speed-up against the order of the group](fourier.png)",
        "## Summary",
        summary(rows),
    ]
    for dtype in ("float64", "float32"):
        aims = aimed([row for row in rows if row["dtype"] == dtype])
        if aims:
            parts += [f"## Named groups, 96³, {dtype}", aims]
    memory = [row for row in rows if "forward_memory" in row]
    if memory:
        parts += ["## Memory", memory_table(memory)]
    if growth:
        parts += ["## Growth of the cost per point", growth_table(growth)]
    parts += ["## All groups, float64", all_groups(double)]
    return "\n\n".join(parts) + "\n"


def table(head: list[str], body: list[list[Any]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in line) + " |" for line in body])


def summary(rows: list[Row]) -> str:
    """Return medians and extremes of each grid and dtype."""
    body = []
    for dtype, points in dict.fromkeys((row["dtype"], row["points"]) for row in rows):
        these = [row for row in rows if (row["dtype"], row["points"]) == (dtype, points)]
        cells: list[Any] = [f"{points}³", dtype, len(these)]
        for key in ("forward_ratio", "inverse_ratio"):
            ratios = [row[key] for row in these]
            cells += [f"{statistics.median(ratios):.1f}", f"{min(ratios):.2f}", sum(r < 1 for r in ratios)]
        plans = [row["plan_ms"] for row in these]
        errors = [max(row["forward_error"], row["inverse_error"]) for row in these]
        body.append([*cells, f"{statistics.median(plans):.0f}", f"{max(plans):.0f}", f"{max(errors):.0e}"])
    head = ["grid", "dtype", "groups", "median, forward", "least", "below 1", "median, inverse", "least", "below 1"]
    return table([*head, "plan, ms, median", "most", "largest error"], body)


def aimed(rows: list[Row]) -> str:
    """Return the table of the named groups."""
    at = {row["number"]: row for row in rows if row["points"] == 96}
    body = []
    for number, (least, aim) in AIMS.items():
        if number in at:
            row = at[number]
            first = [row[key] for key in ("symbol", "shape", "engine", "n", "forward_ms")]
            ratios = f"{row['forward_ratio']}×", f"{row['inverse_ratio']}×"
            body.append([*first, ratios[0], row["inverse_ms"], ratios[1], f"{least}×", f"{aim}×", row["plan_ms"]])
    head = ["group", "grid", "engine", "n", "forward, ms", "ratio", "inverse, ms", "ratio", "at least", "aim"]
    return table([*head, "plan, ms"], body) if body else ""


def memory_table(rows: list[Row]) -> str:
    """Return the largest shares of the full grid by engine."""
    body = []
    for engine, points in dict.fromkeys((row["engine"], row["points"]) for row in rows):
        these = [row for row in rows if (row["engine"], row["points"]) == (engine, points)]
        body.append([engine, f"{points}³", len(these)])
        for key in ("forward_memory", "inverse_memory", "plan_memory"):
            shares = [r[key] for r in these]
            body[-1] += [f"{statistics.median(shares):.2f}", f"{max(shares):.2f}", sum(s > 0.5 for s in shares)]
    head = ["engine", "grid", "rows"]
    for what in ("forward", "inverse", "plan"):
        head += [f"{what}, median", "most", "above half"]
    note = "Shares of the full grid; forward, inverse: peak of a fresh plan's first call beyond input, output, plan."
    return f"{note}\n\n{table(head, body)}"


def growth_table(rows: list[Row]) -> str:
    """Return growth of the cost per point, ours and the rival's."""
    body = [
        [r["symbol"], r["engine"], r["dtype"], "³ to ".join(map(str, r["points"])) + "³"]
        + [r[k] for k in ("forward_ms", "full_forward_ms", "inverse_ms", "full_inverse_ms")]
        for r in rows
    ]
    return table(["group", "engine", "dtype", "grids", "forward", "full FFT", "inverse", "full FFT"], body)


def all_groups(rows: list[Row]) -> str:
    """Return one line for each group, the ratios of all grids side by side."""
    grids = list(dict.fromkeys(row["points"] for row in rows))
    of = {(row["number"], row["points"]): row for row in rows}
    body = []
    for number in sorted({row["number"] for row in rows}):
        some = next(of[number, g] for g in grids if (number, g) in of)
        engines = " ".join(dict.fromkeys(of[number, g]["engine"] for g in grids if (number, g) in of))
        body.append([number, some["symbol"], some["order"], engines])
        for g in grids:
            row = of.get((number, g))
            body[-1] += [f"{row['forward_ratio']}", f"{row['inverse_ratio']}"] if row else ["", ""]
    head = ["", "group", "order", "engine"] + [f"{g}³ {way}" for g in grids for way in ("→", "←")]
    return table(head, body)


def picture(rows: list[Row], path: Path) -> None:
    """Draw the ratio against the order of the group."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    points = 96 if any(row["points"] == 96 for row in rows) else rows[0]["points"]
    rows = [row for row in rows if row["points"] == points]
    # groups of one order side by side, in the order of their numbers
    rank = {row["number"]: 0.0 for row in rows}
    for order in {row["order"] for row in rows}:
        same = [row["number"] for row in rows if row["order"] == order]
        rank |= dict(zip(same, np.linspace(-0.13, 0.13, len(same) + 2)[1:-1], strict=True))
    figure, axes = plt.subplots(1, 2, figsize=(11, 5), sharey=True, layout="constrained")
    for axis, key, title in zip(axes, ("forward_ratio", "inverse_ratio"), ("au_dft", "au_idft"), strict=True):
        for colour, (_, system) in enumerate(SYSTEMS):
            here = [row for row in rows if crystal_system(row["number"]) == system]
            x = [row["order"] * 2 ** rank[row["number"]] for row in here]
            axis.plot(x, [row[key] for row in here], "o", ms=4, color=f"C{colour}", label=system, alpha=0.8)
        orders = np.array([1, 192])
        axis.plot(orders, orders, "--", color="0.6", lw=1, label="order of the group")
        axis.axhline(1, color="0.3", lw=1)
        axis.set_xscale("log", base=2)
        axis.set_yscale("log", base=2)
        for side in (axis.xaxis, axis.yaxis):
            side.set_major_formatter("{x:g}")
        axis.set_title(f"{title}, {points}³, float64")
        axis.set_xlabel("order of the group, centring included")
    axes[0].set_ylabel("time of the fastest full real FFT / time")
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=120)
