"""The trainer: any number of processes, killed and continued, diverged, out of time."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from safetensors.torch import load_file
from train_job import SPLITS, tiny_train

import symfft_models.record as recording
import symfft_models.train as training
from symfft import SymfftError
from symfft_models.evaluation.metrics import density_metrics
from symfft_models.model.checkpoint import CheckpointError, load_model, load_state, save_state
from symfft_models.model.representation import Representation
from symfft_models.record import seconds_to
from symfft_models.train import LOG, STATE, SUMMARY, WEIGHTS, TrainingDivergedError, batch_rows

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def launch(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}", "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, timeout=120)


def curve(out: Path, name: str = "loss") -> dict[int, float]:
    entries = [json.loads(line) for line in (out / LOG).read_text().splitlines()]
    return {entry["step"]: entry[name] for entry in entries if name in entry}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    out = tmp_path_factory.mktemp("uninterrupted") / "run"
    tiny_train(out)
    return out


def test_every_epoch_has_every_row_exactly_once():
    rows = np.concatenate([batch_rows(3, step, 8, 18) for step in range(9)])
    for epoch in rows.reshape(4, 18):
        assert sorted(epoch) == list(range(18))
    assert not np.array_equal(rows[:18], rows[18:36])
    assert not np.array_equal(batch_rows(4, 0, 8, 18), batch_rows(3, 0, 8, 18))
    assert sorted(batch_rows(0, 0, 40, 20)) == sorted([*range(20), *range(20)])


def test_training_improves_and_leaves_a_complete_run(uninterrupted):
    losses, psnr = curve(uninterrupted), curve(uninterrupted, "val/psnr")
    assert list(losses) == list(range(1, 15))
    assert list(psnr) == [0, 4, 8, 12, 14]
    assert np.mean([losses[s] for s in (12, 13, 14)]) < np.mean([losses[s] for s in (1, 2, 3)])
    summary = json.loads((uninterrupted / "training.json").read_text())
    assert summary["steps"] == 14
    assert summary["train_structures"] == len(SPLITS["train"])
    assert summary["best_val_psnr"] == pytest.approx(max(psnr.values()))
    assert any((uninterrupted / "tensorboard").iterdir())
    assert list(uninterrupted.glob(".*")) == []


def test_saved_weights_reach_the_logged_validation_figure(uninterrupted):
    """The figure that chose the weights, recomputed with the metrics of the full evaluation."""
    model, facts = load_model(uninterrupted / WEIGHTS)
    table = training.tabulate(SPLITS["val"], model.representation)
    with torch.no_grad():
        z = model.encode(table.values_mn, table.group_m, table.condition_mp).mean
        decoded = model.decode(z, table.group_m, table.condition_mp)
    figures = []
    for index, unit in enumerate(model.representation.units):
        for row in torch.nonzero(table.group_m == index)[:, 0].tolist():
            pair = table.values_mn[row, : unit.size], decoded[row, : unit.size]
            figures.append(density_metrics(*(p.numpy() for p in pair), unit.multiplicity))
    assert len(figures) == len(SPLITS["val"])
    for name in ("psnr", "nmae"):
        assert np.mean([found[name] for found in figures]) == pytest.approx(facts[f"val_{name}"], rel=1e-4)
    assert facts["val_psnr"] == pytest.approx(max(curve(uninterrupted, "val/psnr").values()))


def test_killed_at_any_moment_and_continued_equals_uninterrupted(uninterrupted, tmp_path):
    """Killed at random lines and random times until a process gets through: bit-equal to the run that never was."""
    out = tmp_path / "run"
    job = launch(str(HERE / "train_job.py"), str(out), "--harass", "11")
    assert job.returncode == 0, job.stderr[-3000:]
    step, attempts = map(int, job.stdout.split())
    assert step == 6
    assert attempts > 5
    assert list(out.glob(".*")) == []
    one, two = load_state(uninterrupted / STATE), load_state(out / STATE)
    for part in ("model", "averaged"):
        assert all(torch.equal(one[part][name], two[part][name]) for name in one[part])
    for name, tensor in load_file(uninterrupted / WEIGHTS).items():
        assert torch.equal(tensor, load_file(out / WEIGHTS)[name])
    assert curve(out) == curve(uninterrupted)
    assert curve(out, "val/psnr") == curve(uninterrupted, "val/psnr")


def test_two_processes_give_the_loss_curve_of_one(uninterrupted, tmp_path):
    """Two real gloo ranks at the same global batch; losses agree to the rounding of float32 sums."""
    out = tmp_path / "run"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ranks = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--master-addr=127.0.0.1", f"--master-port={port}"]
    job = launch(*ranks, str(HERE / "train_job.py"), str(out))
    assert job.returncode == 0, job.stderr[-3000:]
    assert json.loads((out / "training.json").read_text())["processes"] == 2
    one, two = curve(uninterrupted), curve(out)
    assert list(one) == list(two)
    np.testing.assert_allclose(list(two.values()), list(one.values()), atol=0.02)
    one, two = curve(uninterrupted, "val/psnr"), curve(out, "val/psnr")
    np.testing.assert_allclose(list(two.values()), list(one.values()), atol=0.02)


def test_every_validation_density_is_counted_once_by_any_number_of_ranks():
    job = launch(str(HERE / "ranks_job.py"), "7", "2", "3")
    assert job.returncode == 0, job.stderr[-3000:]
    *several, one = map(json.loads, job.stdout.splitlines())
    assert one["rows"] == list(range(7))
    assert len(several) == 2
    for found in several:
        assert found["rows"] != one["rows"]
        assert sorted(found["rows"]) == one["rows"]
        assert [found["psnr"], found["nmae"]] == pytest.approx([one["psnr"], one["nmae"]], abs=1e-4)


def test_loading_is_measured_and_small(uninterrupted):
    """On the CPU too, and with a model so small that nothing else takes time either."""
    share = json.loads((uninterrupted / "training.json").read_text())["loading_share"]
    assert 0 < share < 0.5


def test_time_to_quality_is_in_the_summary(uninterrupted, tmp_path, monkeypatch):
    written = json.loads((uninterrupted / SUMMARY).read_text())
    assert written["fit_seconds"] > 0
    assert written["samples_per_second"] == pytest.approx(8 * written["steps"] / (60 * written["minutes"]))
    levels = (int(min(curve(uninterrupted, "val/psnr").values())), 200)
    assert written["seconds_to_db"] == {"44": None, "60": None}
    monkeypatch.setattr(recording, "LEVELS", levels)
    assert seconds_to(uninterrupted / LOG, written["fit_seconds"]) == {
        str(levels[0]): pytest.approx(written["fit_seconds"], abs=0.5),
        "200": None,
    }
    fitted = tiny_train(tmp_path / "fitted", "model.codec=true", "model.network=false")
    assert fitted["seconds_to_db"] == {str(levels[0]): pytest.approx(60 * fitted["minutes"]), "200": None}
    assert json.loads((tmp_path / "fitted" / SUMMARY).read_text()) == fitted


def test_bfloat16_body_learns_as_float32_does(uninterrupted, tmp_path, monkeypatch):
    seen = set()
    original = Representation.to_field

    def watched(self, values, group):
        coefficients = original(self, values, group)
        seen.add((values.dtype, coefficients.dtype))
        return coefficients

    monkeypatch.setattr(Representation, "to_field", watched)
    AcceleratorState._reset_state()  # a process otherwise keeps the precision of its first training
    try:
        summary = tiny_train(tmp_path / "run", "train.precision=bf16")
    finally:
        AcceleratorState._reset_state()
    assert seen == {(torch.float32, torch.float32)}
    one, two = curve(uninterrupted), curve(tmp_path / "run")
    assert one != two
    np.testing.assert_allclose(list(two.values()), list(one.values()), atol=0.3)
    assert summary["best_val_psnr"] == pytest.approx(max(curve(uninterrupted, "val/psnr").values()), abs=0.3)
    assert all(tensor.dtype == torch.float32 for tensor in load_state(tmp_path / "run" / STATE)["model"].values())


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # dynamo looks at its own inputs
def test_compiled_body_is_the_same_body(uninterrupted, tmp_path, monkeypatch):
    """With a compiler that changes nothing: the networks go through it, names of the weights stay."""
    calls = []

    def compiler(graph, inputs):
        calls.append(graph)
        return graph.forward

    original = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: original(self, backend=compiler))
    tiny_train(tmp_path / "run", "train.compile=true")
    assert len(calls) >= 2
    assert load_file(tmp_path / "run" / WEIGHTS).keys() == load_file(uninterrupted / WEIGHTS).keys()
    np.testing.assert_allclose(list(curve(tmp_path / "run").values()), list(curve(uninterrupted).values()), atol=1e-3)


def test_a_run_is_not_overwritten(uninterrupted):
    with pytest.raises(SymfftError, match="already holds a run"):
        tiny_train(uninterrupted)
    with pytest.raises(SymfftError, match="other settings"):
        tiny_train(uninterrupted, "train.batch=4", resume=True)


def test_a_checkpoint_of_another_model_is_refused(uninterrupted, tmp_path):
    state = load_state(uninterrupted / STATE)
    del state["model"]["network.centre_gijk"]
    save_state(tmp_path / STATE, state)
    with pytest.raises(CheckpointError, match=r"another version of the model; train anew: .*\n.*centre_gijk"):
        tiny_train(tmp_path, resume=True)
    assert load_state(tmp_path / STATE)["step"] == state["step"]


def test_divergence_stops_and_keeps_the_last_good_checkpoint(tmp_path):
    original = training.LOSSES["peak"]
    calls = []

    def break_at_sixth(*arguments):
        terms = original(*arguments)
        calls.append(1)
        return training_terms(terms) if len(calls) == 6 else terms

    def training_terms(terms):
        return type(terms)(terms.total * float("nan"), terms.divergence, terms.fourier, terms.latent, terms.decibel)

    training.LOSSES["peak"] = break_at_sixth
    try:
        with pytest.raises(TrainingDivergedError, match=r"step 5: .*last good checkpoint .*state\.pt"):
            tiny_train(tmp_path / "run")
    finally:
        training.LOSSES["peak"] = original
    state = load_state(tmp_path / "run" / STATE)
    assert state["step"] == 3
    assert all(torch.isfinite(tensor).all() for tensor in state["model"].values())


def test_time_budget_ends_the_run_with_its_schedule_complete(tmp_path, monkeypatch):
    out = tmp_path / "run"
    ticks = itertools.count()  # a clock that goes on by 10 ms each time it is read
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: next(ticks) / 100))
    summary = tiny_train(out, "train.max_minutes=0.04", "train.epochs=100000", "train.final_rate=0.01")
    assert 0.04 <= summary["minutes"] < 0.2
    rates = list(curve(out, "rate").values())
    assert max(rates) > 4e-3
    assert rates[-1] < 0.05 * max(rates)


def test_linear_path_and_muon_learn_faster(tmp_path):
    """Each alone and both, in as many steps, against AdamW on a transformer alone."""
    reached = {}
    for linear in ("false", "true"):
        for optimizer in ("adamw", "muon"):
            out = tmp_path / f"{linear}-{optimizer}"
            summary = tiny_train(out, f"model.linear={linear}", f"train.optimizer={optimizer}", "train.epochs=20")
            reached[linear, optimizer] = summary["best_val_psnr"]
    assert reached["true", "adamw"] > reached["false", "adamw"] + 1
    assert reached["true", "muon"] > reached["true", "adamw"] + 1
    assert reached["true", "muon"] > reached["false", "muon"] + 1


def test_paper_preset_trains(tmp_path):
    summary = tiny_train(tmp_path / "run", "loss.kind=paper", "loss.divergence=1.0", "train.epochs=30")
    losses = list(curve(tmp_path / "run").values())
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    assert summary["best_val_psnr"] > curve(tmp_path / "run", "val/psnr")[0] + 1


def test_batch_must_divide_among_processes(tmp_path, monkeypatch):
    class Three(training.Accelerator):
        num_processes = 3

    monkeypatch.setattr(training, "Accelerator", Three)
    with pytest.raises(SymfftError, match="cannot be shared by 3 processes"):
        tiny_train(tmp_path / "run")
