"""Train a tiny model on synthetic densities: ``python train_job.py OUT [--harass SEED]``.

``--harass`` starts the training in process after process and kills each, the first when the trainer asks for the batch
of step 7, the others at a random moment, until one gets through. It prints the step of the first one's checkpoint and
how many trainings it took.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path
from unittest.mock import patch

import torch
from synthetic import synthetic_entries

import symfft_models.train as training
from symfft_models.model.checkpoint import load_state
from symfft_models.model.config import load_config

TINY = [
    "model.codec=false",
    "model.latent=10",
    "model.channels=8",
    "model.depths=[1, 1]",
    "model.heads=[2, 2]",
    "model.patch=3",
    "model.window=2",
    "model.condition_channels=6",
    "train.max_minutes=0",
    "train.batch=8",
    "train.epochs=6",
    "train.log_every=1",
    "train.evaluate_every=4",
    "train.checkpoint_every=3",
    "train.learning_rate=5e-3",
]
SPLITS = {"train": synthetic_entries("train", 3), "val": synthetic_entries("val", 1, 50)}


def tiny_train(out: Path, *overrides: str, **options):
    """Train on the synthetic densities instead of a stored set."""
    torch.set_num_threads(1)
    with patch.object(training, "load_entries", lambda _, split: SPLITS[split]):
        return training.train(load_config("demo", [*TINY, *overrides]), out, progress=False, **options)


def die_at(step: int) -> None:
    """Kill this process, as a power cut would, when the trainer asks for the batch of a step."""
    original = training.batch_rows

    def batch_rows(seed: int, asked: int, *rest: int):
        if asked == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(seed, asked, *rest)

    training.batch_rows = batch_rows


def die_after_lines(count: int) -> None:
    """Kill this process after that many lines of the trainer and of what writes its files: a death at any line."""
    left = [count]

    def trace(frame, event, _):
        if Path(frame.f_code.co_filename).name not in ("train.py", "checkpoint.py", "atomic.py"):
            return None
        left[0] -= event == "line"
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


def harass(out: Path, seed: int) -> None:
    """Kill one training after the other, at a line of the program or at a moment of the clock in turn."""
    rng, attempts = random.Random(seed), 0
    tiny_train(out.with_name("warm"), "train.epochs=0.1")
    while True:
        lines, seconds = rng.randrange(1, 70 * attempts + 2), rng.uniform(0.0, 0.09 * attempts)
        child = os.fork()
        if child == 0:
            if attempts == 0:
                die_at(7)
            elif attempts % 2:
                die_after_lines(lines)
            tiny_train(out, resume=True)
            os._exit(0)
        if attempts and not attempts % 2:
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if attempts == 0:
            print(load_state(out / training.STATE)["step"])
        attempts += 1
        if status != -signal.SIGKILL:
            print(attempts if status == 0 else f"a training failed with exit code {status}")
            return


if __name__ == "__main__":
    folder, *words = sys.argv[1:]
    if words:
        harass(Path(folder), int(words[1]))
    else:
        tiny_train(Path(folder))
