"""Time what a second thread gives: batches of transforms, and one large transform.

    python benchmarks/threads.py [--workers 2]

Each line is the time of one worker over that of several, the best runs of both taking turns. Results are asserted to be
equal to the last bit first. BLAS is kept to one thread.
"""

from __future__ import annotations

import argparse
import os
import sys

import numpy as np
from engines import THREADS, take_turns

import symfft

#: Batch, points along each axis, whether results go into a given array, groups.
CASES = ((8, 96, False, (2, 62, 225)), (32, 96, True, (2, 62, 166, 225)), (1, 128, True, (1, 2, 14, 62)))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    workers = parser.parse_args().workers
    print(
        "| batch | grid | results | group | 1 worker, ms |",
        f"{workers} workers, ms | ratio |\n|---|---|---|---|---|---|---|",
    )
    for batch, points, given, groups in CASES:
        for number in groups:
            au = symfft.asymmetric_unit(number, (points,) * 3)
            values = np.random.default_rng(number).standard_normal((batch, au.size))
            f = symfft.au_dft(values, au)
            assert np.array_equal(symfft.au_dft(values, au, workers=workers), f)
            out = f if given else None
            calls = {
                "one": lambda values=values, au=au, out=out: symfft.au_dft(values, au, out=out),
                "more": lambda values=values, au=au, out=out: symfft.au_dft(values, au, workers=workers, out=out),
            }
            best = take_turns(calls)
            symbol, ratio = au.space_group.symbol, best["one"] / best["more"]
            where = "given" if given else "new"
            print(
                f"| {batch} | {points}³ | {where} | {symbol} | {best['one']} | {best['more']} | {ratio:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    if any(os.environ.get(name) != "1" for name in THREADS):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | dict.fromkeys(THREADS, "1"))
    main()
