"""Time the plan of the asymmetric unit for all 230 groups, and symmetrisation beside gemmi's.

    python benchmarks/plan.py [--points 96] [--groups 1 2 225] [--json FILE] [--markdown FILE]

For each group, on the nearest compatible grid: the first plan of the group in a process (it searches the brick), a plan
when the brick is known, and `symmetrize` of a float32 density with the plan that is kept, against gemmi's
`FloatGrid.symmetrize_avg`, which does the same work in C++ and has no plan to keep. Both results are compared before
anything is timed. One thread; compilation outside the timer; the best of several runs, the two rivals taking turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import gemmi
import numpy as np

import symfft
from symfft.au import _planned

REPEATS = 5


def milliseconds(call: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


def anew(call: Callable[[], object]) -> Callable[[], object]:
    """Return a call that first forgets all plans."""

    def run() -> object:
        _planned.cache_clear()
        return call()

    return run


def measure(number: int, points: int) -> dict[str, float | int | str]:
    """Measure one group."""
    group = symfft.SpaceGroup.from_number(number)
    shape = symfft.next_compatible_shape(group, (points,) * 3)
    first = milliseconds(anew(lambda: symfft.asymmetric_unit(group, shape)))
    rho = np.random.default_rng(0).random(shape, dtype=np.float32)
    grid = gemmi.FloatGrid(rho)
    grid.spacegroup = gemmi.find_spacegroup_by_name(group.symbol)

    grid.symmetrize_avg()
    np.testing.assert_allclose(symfft.symmetrize(rho, group), np.array(grid, copy=False), atol=1e-5)
    au = symfft.asymmetric_unit(group, shape)

    plan, ours, gemmis = [], [], []
    for _ in range(REPEATS):
        plan.append(milliseconds(anew(lambda: symfft.asymmetric_unit(group, shape))))
        ours.append(milliseconds(lambda: symfft.symmetrize(rho, group)))
        gemmis.append(milliseconds(grid.symmetrize_avg))
    return {
        "number": number,
        "symbol": group.symbol,
        "order": group.order,
        "shape": "x".join(map(str, shape)),
        "size": au.size,
        "brick": "x".join(map(str, au.brick_shape)),
        "first_plan_ms": round(first, 2),
        "plan_ms": round(min(plan), 2),
        "symmetrize_ms": round(min(ours), 2),
        "gemmi_symmetrize_ms": round(min(gemmis), 2),
        "ratio": round(min(gemmis) / min(ours), 1),
    }


def table(rows: list[dict[str, float | int | str]]) -> str:
    """Return the rows as a Markdown table."""
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(row[key]) for key in head) + " |" for row in rows])


def summary(rows: list[dict[str, float | int | str]]) -> dict[str, float]:
    """Return medians and extremes over the groups."""
    plan = [float(row["plan_ms"]) for row in rows]
    first = [float(row["first_plan_ms"]) for row in rows]
    ratio = [float(row["ratio"]) for row in rows]
    return {
        "groups": len(rows),
        "plan_ms_median": statistics.median(plan),
        "plan_ms_largest": max(plan),
        "first_plan_ms_median": statistics.median(first),
        "first_plan_ms_largest": max(first),
        "symmetrize_ratio_median": statistics.median(ratio),
        "symmetrize_ratio_smallest": min(ratio),
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=96, help="points along each axis (default 96)")
    parser.add_argument("--groups", type=int, nargs="*", default=range(2, 231), help="space-group numbers")
    parser.add_argument("--json", type=Path, help="write rows and summary to this file")
    parser.add_argument("--markdown", type=Path, help="write the table to this file")
    options = parser.parse_args()

    symfft.symmetrize(np.ones((30, 30, 30), dtype=np.float32), 2)
    symfft.symmetrize(np.ones((8, 8, 8), dtype=np.float32), 2)
    rows = [measure(number, options.points) for number in options.groups]
    text = f"{table(rows)}\n\n" + "\n".join(f"- {key}: {value:.4g}" for key, value in summary(rows).items())
    print(text)
    if options.json:
        options.json.write_text(json.dumps({"rows": rows, "summary": summary(rows)}, indent=1) + "\n")
    if options.markdown:
        options.markdown.write_text(f"# Plans of the asymmetric unit\n\n`python benchmarks/plan.py`\n\n{text}\n")


if __name__ == "__main__":
    main()
