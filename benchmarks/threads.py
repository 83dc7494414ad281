"""Time what more threads give: batches of transforms, and large ones beside the fastest FFT of as many threads.

    python benchmarks/threads.py [--workers 2]

First what the machine gives at most: threads that compute in their caches, that copy memory, and that fill memory which
the system hands out anew. Then transforms, each
line the time of one worker over that of several, the best of calls that take turns, ten in a row each. Results are
asserted to be equal to the last bit first. BLAS is kept to one thread. Last what processes gain that share nothing and
transform batches of their own at the same time, over one of them alone: the bound of the machine.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import scipy.fft
from engines import THREADS, take_turns
from fourier import rivals

import symfft

#: Batch, points along each axis, whether results go into a given array, groups.
CASES = ((8, 96, False, (2, 62, 225)), (32, 96, True, (2, 62, 166, 225)), (1, 128, True, (1, 2, 14, 62)))
MEGABYTE = 2**20
#: Long enough for some runs of all threads that nothing else disturbs, neighbours on the host neither.
SECONDS = 4.0
#: Calls in a row, which find in the caches what they left there and not what another kind of call did.
IN_A_ROW = 10
#: Times that processes are started, one and several by turns.
ROUNDS = 3


def shared(pool: ThreadPoolExecutor, workers: int, run: Callable[[int, int], object]) -> Callable[[], object]:
    """Return a call that has each worker run its part."""
    return lambda: list(pool.map(lambda part: run(part, workers), range(workers)))


def limits(workers: int) -> None:
    """Print what threads that have nothing to do with each other give."""
    small, powers = np.full(MEGABYTE // 32, 0.5), [np.empty(MEGABYTE // 32) for _ in range(workers)]
    large, copy = np.ones(32 * MEGABYTE), np.empty(32 * MEGABYTE)

    def compute(part: int, parts: int) -> None:
        for _ in range(256 // parts):
            np.exp(small, out=powers[part])

    def move(part: int, parts: int) -> None:
        n = len(large) // parts
        np.copyto(copy[part * n : (part + 1) * n], large[part * n : (part + 1) * n])

    def fill(part: int, parts: int) -> None:
        np.full(len(large) // parts, 1.0)

    print(f"| what | 1 thread, ms | {workers} threads, ms | ratio |\n|---|---|---|---|")
    with ThreadPoolExecutor(workers) as pool:
        for name, run in (("computing", compute), ("copying memory", move), ("filling new memory", fill)):
            best = take_turns({"one": shared(pool, 1, run), "more": shared(pool, workers, run)}, SECONDS)
            print(f"| {name} | {best['one']} | {best['more']} | {best['one'] / best['more']:.2f} |", flush=True)


def transforms(workers: int) -> None:
    """Print what threads give to transforms."""
    print(
        f"\n| batch | grid | results | group | 1 worker, ms | {workers} workers, ms | ratio |",
        f"fastest FFT of {workers} threads, ms | over ours |\n|---|---|---|---|---|---|---|---|---|",
    )
    for batch, points, given, groups in CASES:
        for number in groups:
            au = symfft.asymmetric_unit(number, (points,) * 3)
            values = np.random.default_rng(number).standard_normal((batch, au.size))
            f = symfft.au_dft(values, au)
            assert np.array_equal(symfft.au_dft(values, au, workers=workers), f)
            out = f if given else None
            calls: dict[str, Callable[[], Any]] = {
                "one": lambda values=values, au=au, out=out: symfft.au_dft(values, au, out=out),
                "more": lambda values=values, au=au, out=out: symfft.au_dft(values, au, workers=workers, out=out),
            }
            if batch == 1:
                rho = symfft.expand_from_au(values[0], au)
                calls |= rivals(rho, scipy.fft.rfftn(rho), workers)[0]
            best = take_turns(calls, SECONDS, IN_A_ROW)
            symbol, ratio = au.space_group.symbol, best["one"] / best["more"]
            where = "given" if given else "new"
            beside = min((ms for name, ms in best.items() if name not in ("one", "more")), default=None)
            print(
                f"| {batch} | {points}³ | {where} | {symbol} | {best['one']} | {best['more']} | {ratio:.2f} |",
                "  |  |" if beside is None else f"{beside} | {beside / best['more']:.2f} |",
                flush=True,
            )


def rate(number: int, batch: int, points: int, barrier: Any, rates: Any) -> None:
    """Put into a queue how many transforms of a batch a process does in a second, of arrays of its own."""
    au = symfft.asymmetric_unit(number, (points,) * 3)
    values = np.random.default_rng(number).standard_normal((batch, au.size))
    out = symfft.au_dft(values, au)
    barrier.wait()
    start, done = time.perf_counter(), 0
    while (took := time.perf_counter() - start) < SECONDS:
        symfft.au_dft(values, au, out=out)
        done += 1
    rates.put(done / took)


def processes(workers: int) -> None:
    """Print what processes that share nothing gain: no thread gains more where memory is what they wait for."""
    print(
        f"\n| batch | grid | group | {workers} processes, each with a part of the batch, over one |\n|---|---|---|---|",
        flush=True,
    )
    context = multiprocessing.get_context("spawn")
    for batch, points, given, groups in CASES:
        for number in groups if given and batch > 1 else ():
            best = [0.0, 0.0]
            for _ in range(ROUNDS):
                for row, count in enumerate((1, workers)):
                    barrier, rates = context.Barrier(count), context.Queue()
                    job = (number, batch // workers, points, barrier, rates)
                    started = [context.Process(target=rate, args=job) for _ in range(count)]
                    for process in started:
                        process.start()
                    best[row] = max(best[row], sum(rates.get() for _ in started))
                    for process in started:
                        process.join()
            symbol = symfft.SpaceGroup.from_number(number).symbol
            print(f"| {batch} | {points}³ | {symbol} | {best[1] / best[0]:.2f} |", flush=True)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    workers = parser.parse_args().workers
    limits(workers)
    transforms(workers)
    processes(workers)


if __name__ == "__main__":
    if any(os.environ.get(name) != "1" for name in THREADS):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | dict.fromkeys(THREADS, "1"))
    main()
