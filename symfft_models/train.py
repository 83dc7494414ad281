"""Train a model. Reads from top to bottom; runs on one process or, under `accelerate launch`, on many.

Everything random in step s (which densities, which origin, which noise) is a function of (seed, s) alone and drawn for
the global batch, of which each process takes its rows. So a run continues exactly where a checkpoint left it, and any
number of processes gives the same loss curve at the same global batch.
"""

from __future__ import annotations

import itertools
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.utils import broadcast, gather_object
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from symfft import SymfftError
from symfft.io.atomic import remove_partial_files, write_text
from symfft_models.model.checkpoint import (
    LOG,
    STATE,
    SUMMARY,
    WEIGHTS,
    CheckpointError,
    load_state,
    read_log,
    save_state,
    save_weights,
)
from symfft_models.model.config import CONFIG, Config, TrainConfig, from_json
from symfft_models.model.density_table import DensityTable, grids_of, load_entries, tabulate
from symfft_models.model.loss import LOSSES, LossTerms, peak_error
from symfft_models.model.vae import DensityVAE, Fit, fit_statistics
from symfft_models.progress import progress_bar

#: Levels of the validation split's PSNR in dB; the summary says when each was first reached.
LEVELS = (44, 52)
BAR = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"


class TrainingDivergedError(SymfftError):
    """The loss or its gradient is no longer a finite number."""


def batch_rows(seed: int, step: int, batch: int, count: int) -> np.ndarray:
    """Return the rows of step `step`: an endless sequence of shuffles of all `count` rows, cut into batches."""
    place = np.arange(step * batch, (step + 1) * batch)
    shuffles = {e: np.random.default_rng((seed, e)).permutation(count) for e in np.unique(place // count).tolist()}
    return np.array([shuffles[p // count][p % count] for p in place.tolist()])


def rate_at(progress: float, config: TrainConfig) -> float:
    """Learning rate after a share of the run: linear warm-up, then a cosine down to `final_rate`."""
    if progress < config.warmup:
        return config.learning_rate * progress / config.warmup
    along = (progress - config.warmup) / (1.0 - config.warmup) if config.warmup < 1 else 1.0
    share = config.final_rate + (1.0 - config.final_rate) * 0.5 * (1.0 + math.cos(math.pi * min(along, 1.0)))
    return config.learning_rate * share


@torch.no_grad()
def mean_psnr(model: DensityVAE, table: DensityTable, accelerator: Accelerator, chunk: int = 64) -> float:
    """Mean PSNR of the posterior mean's reconstruction; each density counted once by whichever process has it."""
    mine = torch.arange(accelerator.process_index, len(table), accelerator.num_processes)
    found: list[tuple[int, float]] = []
    for rows in mine.split(chunk):
        values, group, condition = table.values_mn[rows], table.group_m[rows], table.condition_mp[rows]
        estimate = model.decode(model.encode(values, group, condition).mean, group, condition)
        decibel = peak_error(values, estimate, model.representation.weight_gn[group])
        found += zip(rows.tolist(), (-decibel).tolist(), strict=True)
    every = dict(gather_object(found))
    return sum(every[row] for row in sorted(every)) / len(every)


class Batch(NamedTuple):
    """Rows of the global batch of one step that one process takes, and what is random about them."""

    values_bn: Tensor
    group_b: Tensor
    condition_bp: Tensor
    noise_bl: Tensor
    rows_b: Tensor


def batch_at(step: int, config: Config, data: DensityTable, shift_gn: Tensor, mine: slice) -> Batch:
    """Draw the global batch of a step and take this process's part: some rows with the other choice of origin."""
    plan, device = config.train, data.values_mn.device
    rows = batch_rows(plan.seed, step, plan.batch, len(data))
    generator = torch.Generator().manual_seed(plan.seed * 1_000_003 + step)
    noise_bl = torch.randn(plan.batch, config.model.latent, generator=generator)[mine].to(device)
    moved_b = (torch.rand(plan.batch, generator=generator) < 0.5)[mine].to(device) & config.data.origin_shift
    rows_b = torch.from_numpy(rows)[mine].to(device)
    values_bn, group_b = data.values_mn[rows_b], data.group_m[rows_b]
    values_bn = torch.where(moved_b[:, None], values_bn.gather(1, shift_gn[group_b]), values_bn)
    return Batch(values_bn, group_b, data.condition_mp[rows_b], noise_bl, rows_b)


@dataclass
class Position:
    """How far a run is: steps, minutes, and the best PSNR on the validation split in dB."""

    step: int = 0
    minutes: float = 0.0
    best: float = -math.inf


@dataclass
class Spent:
    """Seconds that a run took for its fit, its batches, and its steps with their batches."""

    fitting: float
    loading: float = 0.0
    stepping: float = 0.0

    @property
    def loading_share(self) -> float:
        """Part of the steps' time that went into batches."""
        return self.loading / self.stepping if self.stepping else 0.0


@dataclass
class Learner:
    """A model in training: the network over all processes, the average of its weights, the optimizer."""

    config: Config
    network: Any
    model: DensityVAE
    averaged: DensityVAE
    optimizer: Any

    @classmethod
    def of(cls, config: Config, model: DensityVAE, averaged: DensityVAE, accelerator: Accelerator) -> Learner:
        """Prepare a fitted model, and another one of its kind for the averages, on this process's device."""
        plan = config.train
        averaged.requires_grad_(False).eval().to(accelerator.device)
        averaged.load_state_dict(model.state_dict())
        optimizer: Any = torch.optim.AdamW(
            [p for p in model.parameters() if p.requires_grad],
            lr=plan.learning_rate,
            betas=(plan.beta1, plan.beta2),
            weight_decay=plan.weight_decay,
        )
        if plan.compile and model.network is not None:
            model.network.encoder.compile()
            model.network.decoder.compile()
        network, optimizer = accelerator.prepare(model, optimizer)
        model = accelerator.unwrap_model(network)
        for codec in itertools.chain.from_iterable(model.held_out):
            codec.to(accelerator.device)
        return cls(config, network, model, averaged, optimizer)

    def descend(
        self, batch: Batch, fold_b: Tensor | None, done: float, accelerator: Accelerator
    ) -> tuple[LossTerms, float]:
        """Take one step down the gradient, unless it is not finite; return the loss and the gradient's norm."""
        loss, plan = self.config.loss, self.config.train
        for settings in self.optimizer.param_groups:
            settings["lr"] = rate_at(done, plan)
        warmth = min(1.0, done / loss.latent_warmup) if loss.latent_warmup else 1.0
        factors = (loss.divergence, loss.reconstruction, warmth * loss.latent)
        estimate_bn, posterior = self.network(
            batch.values_bn, batch.group_b, batch.condition_bp, batch.noise_bl, fold_b
        )
        weight_bn = self.model.representation.weight_gn[batch.group_b]
        terms = LOSSES[loss.kind](
            batch.values_bn, estimate_bn, weight_bn, posterior.mean, posterior.log_variance, factors
        )
        accelerator.backward(terms.total.mean())
        norm = float(accelerator.clip_grad_norm_(self.model.parameters(), plan.clip))
        if math.isfinite(norm):
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
        return terms, norm

    @torch.no_grad()
    def average(self, steps: int) -> None:
        """Move the averaged weights towards those that so many steps have led to."""
        decay = min(self.config.train.ema, steps / (steps + 10))
        torch._foreach_lerp_(list(self.averaged.parameters()), list(self.model.parameters()), 1.0 - decay)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint needs to go on from here."""
        states = {"model": self.model, "averaged": self.averaged, "optimizer": self.optimizer}
        return {name: one.state_dict() for name, one in states.items()}


class Record:
    """What the main process writes while a run goes on: settings, log, TensorBoard, a bar."""

    def __init__(self, out: Path, config: Config, step: int, progress: bool) -> None:
        out.mkdir(parents=True, exist_ok=True)
        remove_partial_files(out)
        write_text(out / CONFIG, config.to_json())
        keep_log_until(out / LOG, step)
        self.log = out / LOG
        self.board = SummaryWriter(str(out / "tensorboard"), purge_step=step)
        self.bar = progress_bar(total=100, unit="%", desc="training", disable=not progress, bar_format=BAR)

    def add(self, entry: dict[str, float]) -> None:
        """Add figures of a step to log and board."""
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        for name in entry.keys() - {"step"}:
            self.board.add_scalar(name, entry[name], int(entry["step"]))

    def say(self, text: str, spent: Spent) -> None:
        """Write beside the bar how the run stands, and the share of its time that loading takes."""
        self.bar.set_postfix_str(f"{text}, loading {100 * spent.loading_share:.1f} %", refresh=False)

    def move(self, done: float) -> None:
        """Move the bar to a share of the run."""
        self.bar.n = round(100 * min(1.0, done), 1)
        self.bar.update(0)

    def close(self) -> None:
        """Finish bar and board."""
        self.bar.n = 100
        self.bar.close()
        self.board.close()


def train(config: Config, out: Path, *, resume: bool = False, progress: bool = True) -> dict[str, Any]:
    """Train, leave everything in the folder `out`, and return the summary that is written there too.

    Raises
    ------
    SymfftError
        Where `out` already holds a run and `resume` is false, or processes cannot share the batch evenly.
    TrainingDivergedError
        Where the loss stops being a number; the last good checkpoint stays.
    """
    plan = config.train
    if any((out / name).exists() for name in (STATE, SUMMARY)) and not resume:
        raise SymfftError(f"{out} already holds a run; continue it with --resume, or choose another folder")
    accelerator, mine = join_processes(plan)

    # Data and model; the same on every process, because the seed is.
    started = time.monotonic()
    torch.manual_seed(plan.seed)
    entries = {split: load_entries(config.data, split) for split in ("train", "val")}
    shapes = grids_of(entries["train"] + entries["val"])
    model = DensityVAE(config, shapes)
    tables = {split: tabulate(entries[split], model.representation) for split in entries}
    fit = fit_statistics(model, tables["train"])
    if model.network is None:
        return save_fitted(config, out, model, fit, tables, accelerator, started)
    spent = Spent(fitting=time.monotonic() - started)

    # The averaged model, the optimizer, and where an earlier run stopped.
    data, validation = (tables[split].to(accelerator.device) for split in ("train", "val"))
    fold_m = fit.fold_m.to(accelerator.device) if config.model.codec else None
    learner = Learner.of(config, model, DensityVAE(config, shapes), accelerator)
    at = restored(out, config, learner) if resume and (out / STATE).exists() else Position()
    record = Record(out, config, at.step, progress) if accelerator.is_main_process else None
    started = time.monotonic() - 60 * at.minutes
    steps = math.ceil(plan.epochs * len(data) / plan.batch)

    while True:
        at.minutes = agreed_minutes(started, plan, accelerator)
        done = max(at.step / steps, at.minutes / plan.max_minutes if plan.max_minutes else 0.0)
        finished = done >= 1.0
        if finished or at.step % plan.evaluate_every == 0:
            psnr = mean_psnr(learner.averaged, validation, accelerator)
            if record:
                record.add({"step": at.step, "minutes": at.minutes, "val/psnr": psnr})
                if psnr > at.best:
                    save_weights(out / WEIGHTS, learner.averaged, {"step": at.step, "val_psnr": psnr})
            at.best = max(at.best, psnr)
        if record and (finished or at.step % plan.checkpoint_every == 0):
            save_state(out / STATE, {**learner.state(), **asdict(at), "config": config.to_json()})
        if finished:
            break

        began = time.monotonic()
        batch = batch_at(at.step, config, data, learner.model.representation.shift_gn, mine)
        fold_b = None if fold_m is None else fold_m[batch.rows_b]
        spent.loading += time.monotonic() - began
        terms, norm = learner.descend(batch, fold_b, done, accelerator)
        if not math.isfinite(norm):
            raise diverged(at.step, rate_at(done, plan), out)
        at.step += 1
        learner.average(at.step)
        spent.stepping += time.monotonic() - began

        if at.step % plan.log_every == 0:
            figures = means_of(terms, accelerator)
            if record:
                minutes, rate = (time.monotonic() - started) / 60, rate_at(done, plan)
                record.add({"step": at.step, "minutes": minutes, "rate": rate, "gradient_norm": norm, **figures})
                record.say(f"step {at.step}, train {figures['train/psnr']:.1f} dB, best val {at.best:.1f} dB", spent)
        if record:
            record.move(done)

    accelerator.wait_for_everyone()
    seconds = time.monotonic() - started
    summary = {
        "steps": at.step,
        "epochs": at.step * plan.batch / len(data),
        "minutes": seconds / 60,
        "fit_seconds": spent.fitting,
        "samples_per_second": at.step * plan.batch / seconds,
        "loading_share": spent.loading_share,
        "parameters": sum(p.numel() for p in learner.model.parameters()),
        "trained_parameters": sum(p.numel() for p in learner.model.parameters() if p.requires_grad),
        "train_structures": len(data),
        "processes": accelerator.num_processes,
        "best_val_psnr": at.best,
        "codec": fit.choices,
    }
    if record:
        record.close()
        summary["seconds_to_db"] = seconds_to(out / LOG, spent.fitting)
        write_text(out / SUMMARY, json.dumps(summary, indent=2))
    return summary


def join_processes(plan: TrainConfig) -> tuple[Accelerator, slice]:
    """Join the other processes of this run; return the rows of a global batch that this one takes, too."""
    parallel = DistributedDataParallelKwargs(broadcast_buffers=False)
    on_cpu = not torch.accelerator.is_available()
    accelerator = Accelerator(cpu=on_cpu, mixed_precision=plan.precision, kwargs_handlers=[parallel])
    if plan.batch % accelerator.num_processes:
        raise SymfftError(f"train.batch {plan.batch} cannot be shared by {accelerator.num_processes} processes evenly")
    each = plan.batch // accelerator.num_processes
    return accelerator, slice(accelerator.process_index * each, (accelerator.process_index + 1) * each)


def agreed_minutes(started: float, plan: TrainConfig, accelerator: Accelerator) -> float:
    """Minutes since the start; where they end the run, those of the main process, on all processes."""
    minutes = (time.monotonic() - started) / 60
    if not plan.max_minutes:
        return minutes
    return float(broadcast(torch.tensor([minutes], device=accelerator.device)))


def means_of(terms: LossTerms, accelerator: Accelerator) -> dict[str, float]:
    """Means of the loss and its terms over the global batch, under the names that they have in the log."""
    columns = torch.stack([terms.total, terms.divergence, terms.fourier, terms.latent, -terms.decibel], dim=-1)
    means = accelerator.reduce(columns.mean(0).detach(), "mean").tolist()
    return dict(zip(("loss", "divergence", "fourier", "latent", "train/psnr"), means, strict=True))


def diverged(step: int, rate: float, out: Path) -> TrainingDivergedError:
    """Return the error of a step whose loss or gradient is NaN or infinite."""
    return TrainingDivergedError(
        f"step {step}: loss or gradient is not a finite number (learning rate {rate:.2g}). The last good "
        f"checkpoint is {out / STATE}; start again with a lower train.learning_rate or train.clip"
    )


def restored(out: Path, config: Config, learner: Learner) -> Position:
    """Load the state of an earlier run into a learner, and say how far that run was."""
    state = load_state(out / STATE)
    try:
        if from_json(state["config"]) != config:
            raise SymfftError(f"{out} was trained with other settings than those given; resume with its config.json")
        learner.model.load_state_dict(state["model"])
        learner.averaged.load_state_dict(state["averaged"])
        learner.optimizer.load_state_dict(state["optimizer"])
        return Position(int(state["step"]), float(state["minutes"]), float(state["best"]))
    except SymfftError:
        raise
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{out / STATE} comes from another version of the model; train anew: {error}") from None


def save_fitted(
    config: Config,
    out: Path,
    model: DensityVAE,
    fit: Fit,
    tables: dict[str, DensityTable],
    accelerator: Accelerator,
    started: float,
) -> dict[str, Any]:
    """Leave in `out` what `train` leaves there, of a model without a network: it is fitted, there are no steps."""
    psnr = mean_psnr(model, tables["val"], accelerator)
    summary = {
        "steps": 0,
        "minutes": (time.monotonic() - started) / 60,
        "parameters": 0,
        "trained_parameters": 0,
        "train_structures": len(tables["train"]),
        "processes": accelerator.num_processes,
        "best_val_psnr": psnr,
        "codec": fit.choices,
    }
    if accelerator.is_main_process:
        out.mkdir(parents=True, exist_ok=True)
        remove_partial_files(out)
        write_text(out / CONFIG, config.to_json())
        save_weights(out / WEIGHTS, model, {"step": 0, "val_psnr": psnr})
        write_text(out / LOG, json.dumps({"step": 0, "minutes": summary["minutes"], "val/psnr": psnr}) + "\n")
        summary["seconds_to_db"] = seconds_to(out / LOG)
        write_text(out / SUMMARY, json.dumps(summary, indent=2))
    return summary


def seconds_to(log: Path, before: float = 0.0) -> dict[str, float | None]:
    """Say after how many seconds the validation PSNR was first found at each of `LEVELS`, None where it never was.

    `before` is what passed before the log's clock started.
    """
    found = [(before + 60 * entry["minutes"], entry["val/psnr"]) for entry in read_log(log) if "val/psnr" in entry]
    return {str(level): next((seconds for seconds, psnr in found if psnr >= level), None) for level in LEVELS}


def keep_log_until(path: Path, step: int) -> None:
    """Drop what an interrupted run logged after its last checkpoint, so that no step is logged twice."""
    if path.exists():
        # The evaluation at `step` itself is about to be repeated; the training step that led there is not.
        kept = [
            entry for entry in read_log(path) if entry["step"] < step or (entry["step"] == step and "loss" in entry)
        ]
        write_text(path, "".join(json.dumps(entry) + "\n" for entry in kept))
