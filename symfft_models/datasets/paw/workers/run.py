"""Work through a queue of crystals with GPAW: resumable after any kill, every failure recorded with its reason.

``OMP_NUM_THREADS=1 python3 run.py FOLDER`` in the Python that GPAW is installed in. ``FOLDER/queue/*.jsonl`` holds one
job a line; files may be added or replaced while it runs. Of the jobs without a result the one with the smallest
``order`` comes next. Each runs in a process of its own, forked from this one, and leaves ``results/ID.npz`` or
``failures/ID.json``.
A file ``FOLDER/stop`` ends the run when the jobs at work are done.
"""

import argparse
import fcntl
import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from ground_state import compute

MEMORY = 6 * 2**30


def write_atomically(path, write):
    """Let `write` fill a file that appears complete or not at all."""
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as stream:
        write(stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)


def record_failure(folder, job, status, reason, limit):
    """Say why a job has no result."""
    record = {"id": job["id"], "status": status, "reason": reason, "limit_s": limit}
    write_atomically(folder / "failures" / f"{job['id']}.json", lambda f: f.write(json.dumps(record).encode()))


class Queue:
    """Jobs of all queue files; where several have a name, the last file by name holds."""

    def __init__(self, folder):
        self.folder, self.stamp, self.jobs = folder, None, {}

    def refresh(self):
        """Read the files again where any changed."""
        paths = sorted((self.folder / "queue").glob("*.jsonl"))
        stamp = [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in paths]
        if stamp != self.stamp:
            lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
            self.stamp, self.jobs = stamp, {job["id"]: job for job in map(json.loads, lines)}

    def pending(self, limit):
        """Jobs without a result, failure or too short a time limit, by their order."""
        self.refresh()
        done = {p.name[:-4] for p in (self.folder / "results").glob("*.npz")}
        for path in (self.folder / "failures").glob("*.json"):
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["status"] != "timeout" or record["limit_s"] >= limit:
                done.add(record["id"])
        return sorted((job for name, job in self.jobs.items() if name not in done), key=lambda job: job["order"])


def work(folder, job, limit):
    """Compute one job (in the forked process) and return its exit status."""
    resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit) + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        report, arrays = compute(job)
    except Exception:
        record_failure(folder, job, "crashed", traceback.format_exc()[-600:], limit)
        return 1
    if not report["converged"]:
        record_failure(folder, job, "unconverged", report["reason"], limit)
        return 1
    texts = {"report": np.array(json.dumps(report)), "job": np.array(json.dumps(job))}
    write_atomically(folder / "results" / f"{job['id']}.npz", lambda f: np.savez_compressed(f, **texts, **arrays))
    return 0


def main():
    """Run until the queue is empty, the time is up, or a stop file appears."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--cpu-limit", type=float, default=300, help="seconds of processor time a crystal may take")
    parser.add_argument("--minutes", type=float, help="start nothing new after this time")
    parser.add_argument("--wait", action="store_true", help="wait for more jobs where the queue is empty")
    options = parser.parse_args()
    folder = options.folder
    for name in ("queue", "results", "failures"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    lock = open(folder / "run.lock", "w")  # noqa: SIM115
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"another run is at work in {folder}")
    (folder / "run.pid").write_text(f"{os.getpid()}\n")
    for partial in folder.glob("*/*.partial"):
        partial.unlink()
    queue, running = Queue(folder), {}
    limit = options.cpu_limit
    end = time.monotonic() + 60 * options.minutes if options.minutes else float("inf")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while True:
            stop = (folder / "stop").exists() or time.monotonic() > end
            at_work = {job["id"] for job, _ in running.values()}
            waiting = [job for job in queue.pending(limit) if job["id"] not in at_work] if not stop else []
            while waiting and len(running) < options.jobs:
                job = waiting.pop(0)
                child = os.fork()
                if child == 0:
                    signal.signal(signal.SIGTERM, signal.SIG_DFL)
                    os._exit(work(folder, job, limit))
                running[child] = (job, time.monotonic())
            if not running:
                if stop or not options.wait:
                    break
                time.sleep(5)
                continue
            child, status = os.wait()
            job, started = running.pop(child)
            failure = folder / "failures" / f"{job['id']}.json"
            result = folder / "results" / f"{job['id']}.npz"
            if os.WIFSIGNALED(status):
                number = os.WTERMSIG(status)
                slow = number in (signal.SIGXCPU, signal.SIGKILL)
                text = f"ended by signal {number} with a limit of {limit:g} s"
                record_failure(folder, job, "timeout" if slow else "crashed", text, limit)
            elif os.WEXITSTATUS(status) == 0 and result.exists():
                failure.unlink(missing_ok=True)
            elif not failure.exists():
                record_failure(folder, job, "crashed", f"exit status {status}", limit)
            outcome = "ok" if result.exists() else json.loads(failure.read_text())["status"]
            stamp = time.strftime("%H:%M:%S")
            seconds = time.monotonic() - started
            print(f"{stamp} {job['id']} {outcome} {seconds:.1f} s, {len(waiting)} waiting", flush=True)
    finally:
        for child in running:
            os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    main()
