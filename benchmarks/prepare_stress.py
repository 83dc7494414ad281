"""Prepare ten thousand files in a run that is killed twice: memory, and whether anything is lost or counted twice.

    python benchmarks/prepare_stress.py [--files 10000] [--points 24] [--jobs 2] [--kills 2] [--folder FOLDER]

The files are those of `prepare.py` (Gaussians in seven structure types, every file of another crystal) on a small
grid, and among every hundred one that is cut off, one that is no density, and a copy of another. The command runs as a
user would start it; every time a part of the files is done it is killed with all its processes (SIGKILL) and started
again. Printed: the largest memory of all processes together (resident, MB) in each tenth of the run, the files of each
start, and what the set holds in the end, which must be every good file once, every bad one with its reason.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from prepare import STRUCTURES, made

from symfft import write_chgcar
from symfft_models.datasets.prepare import stored_entries
from symfft_models.datasets.prepare.ledger import Ledger
from symfft_models.datasets.prepare.preparation import LEDGER, SHARDS

#: Of every hundred files, those with these last two digits are bad, each in its way.
CUT, NO_DENSITY, COPY = 17, 42, 71


def write_files(folder: Path, files: int, points: int) -> Counter[str]:
    """Write the files and return how many of them must end in which way."""
    wanted: Counter[str] = Counter()
    names = list(STRUCTURES)
    before = folder
    for number in range(files):
        path = folder / f"{number // 1000:03d}" / f"{number:06d}.CHGCAR"
        path.parent.mkdir(parents=True, exist_ok=True)
        digits = number % 100
        if digits == NO_DENSITY:
            path.write_text("no density\n" * 50)
        elif digits == COPY:
            shutil.copy(before, path)
        else:
            write_chgcar(path, made(STRUCTURES[names[number % len(names)]], (points,) * 3, number))
        if digits == CUT:
            os.truncate(path, path.stat().st_size * 2 // 3)
        before = path
        wanted[{CUT: "truncated", NO_DENSITY: "unreadable", COPY: "duplicate"}.get(digits, "stored")] += 1
    return wanted


def resident(group: int) -> int:
    """Return the resident memory (bytes) of all processes of a process group."""
    total = 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                if int(words[2]) == group:
                    total += int(words[21]) * os.sysconf("SC_PAGE_SIZE")
            except (OSError, IndexError):
                continue
    return total


def done(out: Path, batch: int) -> int:
    """Return at least how many files are done, from the shards: the ledger is locked while the run goes on."""
    return batch * sum(1 for path in (out / SHARDS).glob("*.h5"))


def run(command: list[str], out: Path, batch: int, stop_at: float, memory: dict[int, int], files: int) -> int:
    """Run a command until it ends or has done so many files, then kill it; return its exit code."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None:
        time.sleep(0.2)
        finished = done(out, batch)
        tenth = min(9, 10 * finished // files)
        memory[tenth] = max(memory.get(tenth, 0), resident(process.pid))
        if finished >= stop_at:
            os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def stress(files: int, points: int, jobs: int, kills: int, folder: Path) -> dict[str, object]:
    """Write the files, prepare them in a run that is killed, and return what was measured."""
    wanted = write_files(folder / "files", files, points)
    out, batch = folder / "set", max(1, files // 40)
    command = [sys.executable, "-m", "symfft_models.cli", "prepare", str(folder / "files"), "-o", str(out)]
    command += ["--jobs", str(jobs), "--batch", str(batch), "--grid", str(points), "--quiet"]
    memory: dict[int, int] = {}
    starts = []
    for kill in range(kills + 1):
        at = files * (kill + 1) / (kills + 1) if kill < kills else float("inf")
        before, began = done(out, batch), time.perf_counter()
        code = run(command, out, batch, at, memory, files)
        starts.append(
            {"files": done(out, batch) - before, "exit": code, "seconds": round(time.perf_counter() - began, 1)}
        )
    with Ledger(out / LEDGER) as ledger:
        refused = Counter(row["reason"] for row in ledger.refusals())
    found = refused + Counter(stored=sum(1 for _ in stored_entries(out)))
    return {
        "files": files,
        "starts": starts,
        "resident MB by tenth of the run": {10 * tenth: round(most / 1e6) for tenth, most in sorted(memory.items())},
        "wanted": dict(sorted(wanted.items())),
        "found": dict(sorted(found.items())),
        "shards": len(list((out / SHARDS).iterdir())),
        "nothing lost, nothing twice": found == wanted,
    }


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--points", type=int, default=24)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="keep the files here (default: a temporary folder)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        report = stress(options.files, options.points, options.jobs, options.kills, folder)
    for name, value in report.items():
        print(f"{name}: {value}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if report["nothing lost, nothing twice"] else 1


if __name__ == "__main__":
    sys.exit(main())
