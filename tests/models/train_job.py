"""Train a tiny model on synthetic densities: ``python train_job.py OUT [--die-at STEP]``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch
from synthetic import synthetic_entries

import symfft_models.train as training
from symfft_models.config import load_config

TINY = [
    "model.linear_path=false",
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
    training.load_entries = lambda _, split: SPLITS[split]
    torch.set_num_threads(1)
    return training.train(load_config("demo", [*TINY, *overrides]), out, progress=False, **options)


def die_at(step: int) -> None:
    """Kill this process, as a power cut would, when the trainer asks for the batch of a step."""
    original = training.batch_rows

    def batch_rows(seed: int, asked: int, *rest: int):
        if asked == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(seed, asked, *rest)

    training.batch_rows = batch_rows


if __name__ == "__main__":
    folder, *words = sys.argv[1:]
    if words:
        die_at(int(words[1]))
    tiny_train(Path(folder))
