"""Time every engine of every group, and fail where the rule of `symfft.fourier.plan` takes a slower one.

    python benchmarks/engines.py --json FILE [--groups 16 225] [--shapes 48 96] [--seconds 100]
    python benchmarks/engines.py --json FILE --check

Each of the 230 groups has its ITA reference setting and the nearest compatible grid. All engines that apply take turns
in one process, on one thread, forward and inverse, and the best run of each counts. They are held against NumPy's FFT
of the full grid first. Rows that FILE has are not measured again; a run ends after the given seconds, so that a long
one can be made in pieces. `--check` prints the rows in which another engine takes 15 % less time, forward and inverse
together, than the one that the rule takes, and exits with 1 if there are any beyond those that it knows by name.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft

import symfft
from symfft.fourier.engines.blocks import BlockTransform, plan_blocks
from symfft.fourier.engines.full import FullTransform
from symfft.fourier.engines.planes import plan_planes
from symfft.fourier.engines.planes.transform import PlanesTransform
from symfft.fourier.engines.subgroup import SubgroupTransform
from symfft.fourier.plan import choose_engine, through_subgroup

Row = dict[str, Any]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SECONDS, ROUNDS = 0.12, 5
KINDS = {BlockTransform: "blocks", PlanesTransform: "planes", SubgroupTransform: "subgroup", FullTransform: "full"}
#: Share of the rule's time that another engine may save.
ALLOWED = 0.15
#: Groups at 96³ where planes save 15 % to 22 %: blocks of 25 rows are just too few for a further radix-2 step.
#: At 48³ and 128³ blocks save 1 % to 28 % there, but in P b a 2 (docs/decisions/0006-exact-transform.md).
BORDERLINE = {(number, 96): 0.25 for number in (32, 37, 38, 39, 40, 41, 44, 45, 46, 70)}


def take_turns(calls: dict[str, Any], seconds: float = SECONDS, in_a_row: int = 1) -> dict[str, float]:
    """Return the best time of each call, in ms, of all that so many seconds have room for; some in a row each turn."""
    best = dict.fromkeys(calls, float("inf"))
    start, rounds = time.perf_counter(), 0
    while rounds < ROUNDS or time.perf_counter() - start < seconds:
        slowest = max(best.values()) if rounds else 0.0
        for name, call in calls.items():
            for _ in range(in_a_row * int(min(max(slowest / best[name], 1), 20)) if rounds else 1):
                begin = time.perf_counter()
                call()
                best[name] = min(best[name], 1e3 * (time.perf_counter() - begin))
        rounds += 1
    return {name: round(ms, 4) for name, ms in best.items()}


def measure(number: int, points: int) -> Row:
    """Measure all engines of one group on the grid nearest to points³."""
    group = symfft.SpaceGroup.from_number(number)
    shape = symfft.next_compatible_shape(group, (points,) * 3)
    au = symfft.asymmetric_unit(group, shape)
    candidates = {
        "blocks": plan_blocks(au.orbits),
        "planes": plan_planes(au.orbits),
        "subgroup": through_subgroup(au.orbits),
        "full": FullTransform(au.orbits),
    }
    engines = {name: engine for name, engine in candidates.items() if engine is not None}
    values = np.random.default_rng(number).standard_normal((1, au.size))
    full = scipy.fft.fftn(symfft.expand_from_au(values[0], au))
    forward, inverse = {}, {}
    for name, engine in engines.items():
        f = engine.forward(values)
        assert np.abs(f[0] - full[tuple(engine.hkl.T)]).max() < 1e-13 * np.abs(full).max(), (number, name)
        back = engine.inverse(f)
        assert np.abs(back - values).max() < 1e-12 * np.abs(values).max(), (number, name)
        forward[name] = lambda engine=engine, f=f: engine.forward(values, f)
        inverse[name] = lambda engine=engine, f=f, back=back: engine.inverse(f, back)
    row: Row = {"number": number, "symbol": group.symbol, "points": points, "shape": list(shape)}
    return row | {"forward_ms": take_turns(forward), "inverse_ms": take_turns(inverse)}


def saved(row: Row) -> tuple[str, str, float]:
    """Return the engine that the rule takes, the fastest one, and the share of the first one's time that it saves."""
    total = {name: ms + row["inverse_ms"][name] for name, ms in row["forward_ms"].items()}
    best = min(total, key=lambda name: total[name])
    chosen = KINDS[type(choose_engine(symfft.asymmetric_unit(row["number"], row["shape"]).orbits))]
    return chosen, best, 1 - total[best] / total[chosen]


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True, help="file of results; what it has is kept")
    parser.add_argument(
        "--groups", type=int, nargs="*", default=range(1, 231), help="space-group numbers (default: all)"
    )
    parser.add_argument("--shapes", type=int, nargs="*", default=[48, 96], help="points along each axis")
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="measure for so long, and go on another time"
    )
    parser.add_argument("--check", action="store_true", help="hold the rule against the rows that FILE has")
    options = parser.parse_args()
    rows: list[Row] = json.loads(options.json.read_text()) if options.json.exists() else []
    if options.check:
        lost = [(row, *saved(row)) for row in rows]
        lost = [entry for entry in lost if entry[3] > ALLOWED]
        known = [row for row, _, _, share in lost if share <= BORDERLINE.get((row["number"], row["points"]), ALLOWED)]
        for row, chosen, best, share in lost:
            why = ", which is known" if row in known else ""
            print(row["number"], row["symbol"], row["shape"], chosen, "loses", f"{share:.0%}", "to", best + why)
        print(
            f"{len(rows)} rows, {len(lost)} in which the rule loses more than {ALLOWED:.0%}, {len(known)} of them known"
        )
        return 1 if len(lost) > len(known) else 0
    start, done = time.perf_counter(), {(row["number"], row["points"]) for row in rows}
    for points in options.shapes:
        for number in options.groups:
            if time.perf_counter() - start > options.seconds:
                return 0
            if (number, points) not in done:
                rows.append(measure(number, points))
                fresh = options.json.with_name(options.json.name + ".new")
                fresh.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
                fresh.replace(options.json)
    print("complete")
    return 0


if __name__ == "__main__":
    if any(os.environ.get(name) != "1" for name in THREADS):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | dict.fromkeys(THREADS, "1"))
    sys.exit(main())
