"""What the tests of the models share."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
import torch
from filelock import FileLock

sys.path.insert(0, str(Path(__file__).parent))

from synthetic import synthetic_entries
from train_job import TINY

from symfft_models.cli import main
from symfft_models.data.store import write_set
from symfft_models.model.config import load_config
from symfft_models.model.density_table import tabulate
from symfft_models.model.vae import DensityVAE, fit_statistics


@pytest.fixture(autouse=True)
def _one_thread():
    """Small tensors gain nothing from more threads, and one thread makes sums reproducible."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


OVERRIDES = [*TINY, "model.codec=true", "train.epochs=2"]


@pytest.fixture(scope="session")
def stored(tmp_path_factory):
    """A file of a small synthetic set."""
    path = tmp_path_factory.mktemp("set") / "densities.h5"
    parts = [synthetic_entries("train", 4), synthetic_entries("val", 1, 50), synthetic_entries("test", 2, 70)]
    write_set(path, [entry for part in parts for entry in part], {"title": "synthetic"})
    return path


@pytest.fixture(scope="session")
def demo(stored, tmp_path_factory):
    """The folder of a finished demo on it: whichever process needs it first makes it, and each has a copy."""
    own = tmp_path_factory.getbasetemp()
    made = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "made-once" / "run"
    made.parent.mkdir(exist_ok=True)
    with FileLock(made.with_suffix(".lock")):
        if not made.exists():
            out = tmp_path_factory.mktemp("demo") / "run"
            words = [word for change in [*OVERRIDES, f"data.path={stored}"] for word in ("--set", change)]
            assert main(["demo", "--out", str(out), "--quiet", *words]) == 0
            out.rename(made)
    return shutil.copytree(made, tmp_path_factory.mktemp("copy") / "run")


@pytest.fixture(scope="session")
def fitted():
    """A small fitted model with its training and test densities."""
    torch.manual_seed(0)
    shapes = dict.fromkeys((221, 225, 227), (16, 16, 16))
    model = DensityVAE(load_config("demo", OVERRIDES), shapes).eval()
    train = tabulate(synthetic_entries("train", 6), model.representation)
    fit_statistics(model, train)
    return model, train, tabulate(synthetic_entries("test", 2, 70), model.representation)
