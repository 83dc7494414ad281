"""Compute the listed crystals, one worker process each: resumable, cheap crystals first, every failure recorded.

``python -m symfft_models.datasets.bundled.compute run --work DIR`` goes on until the list is done, the time is up or it
is told to stop; killed at any moment, it continues where it was. The work folder holds ``jobs/ID.json``,
``results/ID.npz`` and, for crystals that ended without a density, ``failures/ID.json`` with the reason. GPAW runs in
the Python that it is installed in (``--python``, by default the distribution's).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symfft_models.datasets.bundled.catalogue import MAIN_GROUPS
from symfft_models.datasets.bundled.crystals import Crystal, listed_crystals
from symfft_models.datasets.bundled.recipe import Recipe
from symfft_models.datasets.bundled.work_folder import WorkFolder
from symfft_models.progress import progress_bar

WORKER = Path(__file__).with_name("gpaw_worker.py")
#: How strongly a crystal's cost delays it: 0 would take all prototypes equally often, 1 equally long.
COST_EXPONENT = 1.2
#: How much dearer than it is a crystal counts that adds less: a jittered copy, an estimated lattice constant.
JITTERED, ESTIMATED = 1.5, 1.2
#: Crystals that take longer than this (seconds, estimated) come when all others of their group are done.
LONG = 120.0
#: How many turns of a main space group all other groups together wait for one of theirs.
OTHER_PACE = 3


def schedule(crystals: Iterable[Crystal], recipe: Recipe) -> list[Crystal]:
    """Order crystals so that what is finished is balanced at any time.

    The main space groups and the rest take turns. Within each a prototype's turn comes the less often the more its
    crystals cost; within a prototype cheap crystals come first, jittered copies and estimated lattice constants later
    than their cost would have it. Very long computations come last.
    """
    prototypes: dict[str, list[Crystal]] = defaultdict(list)
    cost: dict[str, float] = {}
    for crystal in crystals:
        prototypes[crystal.prototype].append(crystal)
        weight = (JITTERED if crystal.jitter != 1 else 1) * (ESTIMATED if crystal.source != "literature" else 1)
        cost[crystal.id] = recipe.seconds(crystal) * weight
    keyed: dict[int, list[tuple[float, Crystal]]] = defaultdict(list)
    for members in prototypes.values():
        spent = 0.0
        for crystal in sorted(members, key=lambda c: cost[c.id]):
            spent += cost[crystal.id] ** COST_EXPONENT
            keyed[crystal.space_group if crystal.space_group in MAIN_GROUPS else 0].append((spent, crystal))
    turns = [
        (turn if group else OTHER_PACE * turn, group, crystal)
        for group, members in keyed.items()
        for turn, (_, crystal) in enumerate(
            sorted(members, key=lambda pair: (recipe.seconds(pair[1]) > LONG, pair[0], pair[1].id))
        )
    ]
    return [crystal for _, _, crystal in sorted(turns, key=lambda entry: entry[:2])]


@dataclass
class _Running:
    crystal: Crystal
    process: subprocess.Popen[bytes]
    started: float


def compute_crystals(
    work: WorkFolder,
    crystals: Iterable[Crystal],
    recipe: Recipe,
    *,
    known: Collection[str] = (),
    jobs: int = 1,
    python: str = "/usr/bin/python3",
    timeout: float = 300.0,
    minutes: float | None = None,
) -> None:
    """Compute every crystal that is not known and has neither a result nor a failure yet.

    Parameters
    ----------
    work : WorkFolder
        Where jobs, results and failures are kept.
    crystals : iterable of Crystal
        In the order in which they are to be computed.
    recipe : Recipe
        Settings of the computation.
    known : collection of str
        Names of crystals that need no computation.
    jobs : int
        Worker processes at a time, one thread each.
    python : str
        Interpreter that GPAW is installed in.
    timeout : float
        Seconds after which a worker is ended and its crystal recorded as failed.
    minutes : float, optional
        Start no further worker after this time.
    """
    crystals = list(crystals)
    pending = [
        c for c in crystals if c.id not in known and not work.result(c.id).exists() and not work.failure(c.id).exists()
    ]
    deadline = time.monotonic() + 60 * minutes if minutes is not None else float("inf")
    # another run may have been at work in the same folder since
    queue = (c for c in pending if not work.result(c.id).exists())
    running: list[_Running] = []
    signal.signal(signal.SIGTERM, _stop)
    outcomes: Counter[str] = Counter()
    done = len(crystals) - len(pending)
    with progress_bar(total=len(crystals), initial=done, unit="crystal", smoothing=0.02) as progress:
        try:
            while True:
                while len(running) < jobs and time.monotonic() < deadline:
                    crystal = next(queue, None)
                    if crystal is None:
                        break
                    running.append(_Running(crystal, _start(work, crystal, recipe, python), time.monotonic()))
                if not running:
                    break
                time.sleep(0.2)
                for entry in list(running):
                    outcome = _finish(work, entry, timeout)
                    if outcome is not None:
                        running.remove(entry)
                        outcomes[outcome] += 1
                        progress.update()
                        progress.set_postfix(outcomes, refresh=False)
        except KeyboardInterrupt:
            progress.write("stopped; the next run continues here")
        finally:
            for entry in running:
                entry.process.kill()
                entry.process.wait()


def _stop(signum: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _start(work: WorkFolder, crystal: Crystal, recipe: Recipe, python: str) -> subprocess.Popen[bytes]:
    job = work.path("jobs", crystal.id, ".json")
    job.write_text(json.dumps(recipe.job(crystal)), encoding="utf-8")
    # GPAW's Python is another one than ours: nothing that points ours to its packages may reach it.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    with open(work.path("jobs", crystal.id, ".err"), "wb") as errors:
        return subprocess.Popen(
            [python, str(WORKER), str(job), str(work.result(crystal.id))],
            env=environment | {"OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
        )


def _finish(work: WorkFolder, entry: _Running, timeout: float) -> str | None:
    """Return how a worker ended, recording what failed, or None while it runs."""
    name = entry.crystal.id
    code = entry.process.poll()
    if code is None:
        if time.monotonic() - entry.started < timeout:
            return None
        entry.process.kill()
        entry.process.wait()
        work.record_failure(name, "timeout", f"not finished after {timeout:g} s")
        return "timeout"
    if code == 0 and work.result(name).exists():
        return "computed"
    lines = work.path("jobs", name, ".err").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    work.record_failure(name, "crashed", f"exit status {code}: {lines[-1] if lines else 'no message'}")
    return "crashed"


def status(work: WorkFolder, crystals: Iterable[Crystal], known: Collection[str] = ()) -> dict[str, Any]:
    """Count computed, known and failed crystals by space group."""
    failed = {entry["id"]: entry["status"] for entry in work.failures()}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for crystal in crystals:
        default = failed.get(crystal.id, "bundled" if crystal.id in known else "waiting")
        done = "computed" if work.result(crystal.id).exists() else default
        counts[str(crystal.space_group)][done] += 1
    return {group: dict(counter) for group, counter in sorted(counts.items())}


def main(arguments: list[str] | None = None) -> int:
    """Command: ``run``, ``status``, ``bundle``, ``card``."""
    parser = argparse.ArgumentParser(prog="python -m symfft_models.datasets.bundled.compute", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in {
        "run": "compute what is not computed yet",
        "status": "count results and failures",
        "bundle": "pack the results into one set",
        "card": "print the data card of the bundled set",
    }.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--work", type=Path, default=Path("work/dft"), help="work folder (default: %(default)s)")
        command.add_argument(
            "--copies", type=int, default=3, help="jittered copies of a crystal (default: %(default)s)"
        )
        if name == "run":
            command.add_argument("--jobs", type=int, default=1, help="worker processes (default: %(default)s)")
            command.add_argument("--python", default="/usr/bin/python3", help="interpreter with GPAW")
            command.add_argument("--timeout", type=float, default=300, help="seconds a crystal may take")
            command.add_argument("--minutes", type=float, help="start nothing new after this time")
        if name == "card":
            command.add_argument("--picture", type=Path, help="draw the picture of the card into this file, too")
        if name == "bundle":
            command.add_argument("--out", type=Path, default=None, help="file to write (default: the bundled set)")
    options = parser.parse_args(arguments)
    if options.command == "card":
        from symfft_models.data.store import load_bundled
        from symfft_models.datasets.bundled.catalogue import card

        densities = load_bundled()
        if options.picture:
            from symfft_models.datasets.bundled.picture import draw_set

            draw_set(densities, options.picture)
        print(card(densities), end="")
        return 0
    work, recipe = WorkFolder(options.work), Recipe()
    crystals = schedule(listed_crystals(options.copies), recipe)
    from symfft_models.data.store import bundled_path
    from symfft_models.datasets.bundled.bundle import bundle, bundled_before

    entries, kept_out = bundled_before(bundled_path(), crystals, recipe)
    # a crystal that took too long may find a faster machine, or a longer --timeout
    known = {entry.id for entry in entries}
    known |= {name for name, reason in kept_out.items() if not reason.startswith("timeout")}
    if options.command == "run":
        compute_crystals(
            work,
            crystals,
            recipe,
            known=known,
            jobs=options.jobs,
            python=options.python,
            timeout=options.timeout,
            minutes=options.minutes,
        )
        return 0
    if options.command == "status":
        print(json.dumps(status(work, crystals, known), indent=2))
        return 0
    print(json.dumps(bundle(work, crystals, recipe, options.out), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
