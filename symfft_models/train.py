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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.utils import broadcast, gather_object
from torch import Tensor

from symfft import SymfftError
from symfft.io.atomic import remove_partial_files, write_text
from symfft_models.model.checkpoint import (
    LOG,
    STATE,
    SUMMARY,
    WEIGHTS,
    CheckpointError,
    load_state,
    save_state,
    save_weights,
)
from symfft_models.model.config import CONFIG, Config, TrainConfig, from_json
from symfft_models.model.density_table import DensityTable, grids_of, load_entries, tabulate
from symfft_models.model.loss import LOSSES, LossTerms, peak_error
from symfft_models.model.optimizers import optimizers_of, schedule
from symfft_models.model.vae import DensityVAE, Fit, fit_statistics
from symfft_models.record import Record, seconds_to
from symfft_models.threads import one_core_left


class TrainingDivergedError(SymfftError):
    """The loss or its gradient is no longer a finite number."""


@one_core_left()
def train(config: Config, out: Path, *, resume: bool = False, progress: bool = True) -> dict[str, Any]:
    """Train, leave everything in the folder `out`, and return the summary that is written there too.

    Raises
    ------
    SymfftError
        Where `out` already holds a run and `resume` is false, or processes cannot share the batch evenly.
    TrainingDivergedError
        Where the loss stops being a number; the last good checkpoint stays.
    """
    if any((out / name).exists() for name in (STATE, SUMMARY)) and not resume:
        raise SymfftError(f"{out} already holds a run; continue it with --resume, or choose another folder")
    accelerator, mine = join_processes(config.train)
    task = prepare_task(config)
    if task.model.network is None:
        return save_fitted(config, out, task, accelerator)
    run = Run.begin(config, out, task, accelerator, mine, resume=resume, progress=progress)
    while (done := run.share_done()) < 1.0:
        if run.at.step % config.train.evaluate_every == 0:
            run.evaluate()
        if run.at.step % config.train.checkpoint_every == 0:
            run.checkpoint()
        terms, norm = run.step(done)
        if run.at.step % config.train.log_every == 0:
            run.log(terms, norm, done)
    run.evaluate()
    run.checkpoint()
    return run.finish()


# ---- before the first step ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """What is trained on what: the fitted model, training and validation split, and how long the fit took."""

    model: DensityVAE
    train: DensityTable
    validation: DensityTable
    fit: Fit
    fit_seconds: float


def join_processes(plan: TrainConfig) -> tuple[Accelerator, slice]:
    """Join the other processes of this run; return the rows of a global batch that this one takes, too."""
    parallel = DistributedDataParallelKwargs(broadcast_buffers=False)
    on_cpu = not torch.accelerator.is_available()
    accelerator = Accelerator(cpu=on_cpu, mixed_precision=plan.precision, kwargs_handlers=[parallel])
    if plan.batch % accelerator.num_processes:
        raise SymfftError(f"train.batch {plan.batch} cannot be shared by {accelerator.num_processes} processes evenly")
    each = plan.batch // accelerator.num_processes
    return accelerator, slice(accelerator.process_index * each, (accelerator.process_index + 1) * each)


def prepare_task(config: Config) -> Task:
    """Read the densities and fit what is fitted; the same on every process, because the seed is."""
    started = time.monotonic()
    torch.manual_seed(config.train.seed)
    entries = {split: load_entries(config.data, split) for split in ("train", "val")}
    model = DensityVAE(config, grids_of(entries["train"] + entries["val"]))
    train, validation = (tabulate(entries[split], model.representation) for split in ("train", "val"))
    fit = fit_statistics(model, train)
    return Task(model, train, validation, fit, time.monotonic() - started)


# ---- one step -------------------------------------------------------------------------------------------------------


class Batch(NamedTuple):
    """Rows of the global batch of one step that one process takes, and what is random about them."""

    values_bn: Tensor
    group_b: Tensor
    condition_bp: Tensor
    noise_bl: Tensor
    rows_b: Tensor


def batch_rows(seed: int, step: int, batch: int, count: int) -> np.ndarray:
    """Return the rows of step `step`: an endless sequence of shuffles of all `count` rows, cut into batches."""
    place = np.arange(step * batch, (step + 1) * batch)
    shuffles = {e: np.random.default_rng((seed, e)).permutation(count) for e in np.unique(place // count).tolist()}
    return np.array([shuffles[p // count][p % count] for p in place.tolist()])


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
class Learner:
    """A model in training: the network over all processes, the average of its weights, the optimizers."""

    config: Config
    network: Any
    model: DensityVAE
    averaged: DensityVAE
    optimizers: list[Any]

    @classmethod
    def of(cls, config: Config, model: DensityVAE, averaged: DensityVAE, accelerator: Accelerator) -> Self:
        """Prepare a fitted model, and another one of its kind for the averages, on this process's device."""
        averaged.requires_grad_(False).eval().to(accelerator.device)
        averaged.load_state_dict(model.state_dict())
        optimizers = optimizers_of(model, config.train)
        if config.train.compile and model.network is not None:
            model.network.encoder.compile()
            model.network.decoder.compile()
        network, *optimizers = accelerator.prepare(model, *optimizers)
        model = accelerator.unwrap_model(network)
        for codec in itertools.chain.from_iterable(model.held_out):
            codec.to(accelerator.device)
        return cls(config, network, model, averaged, optimizers)

    def descend(
        self, batch: Batch, fold_b: Tensor | None, done: float, accelerator: Accelerator
    ) -> tuple[LossTerms, float]:
        """Take one step down the gradient, unless it is not finite; return the loss and the gradient's norm."""
        loss, plan = self.config.loss, self.config.train
        for group in itertools.chain.from_iterable(optimizer.param_groups for optimizer in self.optimizers):
            group["lr"] = group["largest_rate"] * schedule(done, plan)
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
            for optimizer in self.optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
        return terms, norm

    @torch.no_grad()
    def average(self, steps: int) -> None:
        """Move the averaged weights towards those that so many steps have led to."""
        decay = min(self.config.train.ema, steps / (steps + 10))
        torch._foreach_lerp_(list(self.averaged.parameters()), list(self.model.parameters()), 1.0 - decay)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint needs to go on from here."""
        return {
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)


# ---- the run --------------------------------------------------------------------------------------------------------


@dataclass
class Position:
    """How far a run is: steps, minutes, and PSNR (dB) and NMAE (%) of the validation split where PSNR was best."""

    step: int = 0
    minutes: float = 0.0
    best: float = -math.inf
    nmae: float = math.inf


@dataclass
class Run:
    """A training under way; the main process has the record."""

    config: Config
    out: Path
    task: Task
    accelerator: Accelerator
    mine: slice
    learner: Learner
    at: Position
    record: Record | None
    fold_m: Tensor | None
    data: DensityTable = field(init=False)
    validation: DensityTable = field(init=False)
    started: float = field(init=False)
    loading: float = 0.0
    stepping: float = 0.0

    def __post_init__(self) -> None:
        device = self.accelerator.device
        self.data, self.validation = self.task.train.to(device), self.task.validation.to(device)
        self.started = time.monotonic() - 60 * self.at.minutes

    @classmethod
    def begin(
        cls,
        config: Config,
        out: Path,
        task: Task,
        accelerator: Accelerator,
        mine: slice,
        *,
        resume: bool,
        progress: bool,
    ) -> Self:
        """Start, or go on from the checkpoint in `out` where there is one."""
        units = task.model.representation.units
        twin = DensityVAE(config, dict(zip(task.model.representation.groups, (u.shape for u in units), strict=True)))
        learner = Learner.of(config, task.model, twin, accelerator)
        at = restored(out, config, learner) if resume and (out / STATE).exists() else Position()
        record = Record(out, config, at.step, progress) if accelerator.is_main_process else None
        fold_m = task.fit.fold_m.to(accelerator.device) if config.model.codec else None
        return cls(config, out, task, accelerator, mine, learner, at, record, fold_m)

    def share_done(self) -> float:
        """Share of the run that is over, by steps or by the clock, the same on all processes."""
        plan, at = self.config.train, self.at
        at.minutes = (time.monotonic() - self.started) / 60
        if plan.max_minutes:
            at.minutes = float(broadcast(torch.tensor([at.minutes], device=self.accelerator.device)))
        steps = math.ceil(plan.epochs * len(self.data) / plan.batch)
        return max(at.step / steps, at.minutes / plan.max_minutes if plan.max_minutes else 0.0)

    def evaluate(self) -> None:
        """Measure the averaged weights on the validation split, and keep them where they are the best so far."""
        at = self.at
        psnr, nmae = validation_figures(self.learner.averaged, self.validation, self.accelerator)
        if self.record:
            self.record.add_evaluation({"step": at.step, "minutes": at.minutes, "val/psnr": psnr, "val/nmae": nmae})
            if psnr > at.best:
                facts = {"step": at.step, "val_psnr": psnr, "val_nmae": nmae}
                save_weights(self.out / WEIGHTS, self.learner.averaged, facts)
        if psnr > at.best:
            at.best, at.nmae = psnr, nmae

    def checkpoint(self) -> None:
        """Save all that is needed to go on from here."""
        if self.record:
            state = {**self.learner.state(), **asdict(self.at), "config": self.config.to_json()}
            save_state(self.out / STATE, state)

    def step(self, done: float) -> tuple[LossTerms, float]:
        """Learn from one batch; return the loss and the gradient's norm."""
        began = time.monotonic()
        shift_gn = self.learner.model.representation.shift_gn
        batch = batch_at(self.at.step, self.config, self.data, shift_gn, self.mine)
        fold_b = None if self.fold_m is None else self.fold_m[batch.rows_b]
        self.loading += time.monotonic() - began
        terms, norm = self.learner.descend(batch, fold_b, done, self.accelerator)
        if not math.isfinite(norm):
            raise diverged(self.at.step, self.config.train, done, self.out)
        self.at.step += 1
        self.learner.average(self.at.step)
        self.stepping += time.monotonic() - began
        if self.record:
            self.record.move(done)
        return terms, norm

    def log(self, terms: LossTerms, norm: float, done: float) -> None:
        """Write down how the last step went."""
        figures = means_of(terms, self.accelerator)
        if self.record:
            minutes, share = (time.monotonic() - self.started) / 60, schedule(done, self.config.train)
            rate = self.config.train.learning_rate * share
            self.record.add({"step": self.at.step, "minutes": minutes, "rate": rate, "gradient_norm": norm, **figures})
            loading = f"loading {100 * self.loading_share:.1f} %"
            self.record.say(f"step {self.at.step}, train {figures['train/psnr']:.1f} dB, {loading}")

    @property
    def loading_share(self) -> float:
        """Part of the steps' time that went into batches."""
        return self.loading / self.stepping if self.stepping else 0.0

    def finish(self) -> dict[str, Any]:
        """Write the summary and return it."""
        self.accelerator.wait_for_everyone()
        seconds, seen = time.monotonic() - self.started, self.at.step * self.config.train.batch
        model = self.learner.model
        summary: dict[str, Any] = {
            "steps": self.at.step,
            "epochs": seen / len(self.data),
            "minutes": seconds / 60,
            "fit_seconds": self.task.fit_seconds,
            "samples_per_second": seen / seconds,
            "loading_share": self.loading_share,
            "parameters": sum(p.numel() for p in model.parameters()),
            "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
            "train_structures": len(self.data),
            "processes": self.accelerator.num_processes,
            "best_val_psnr": self.at.best,
            "best_val_nmae": self.at.nmae,
            "codec": self.task.fit.choices,
        }
        if self.record:
            self.record.close()
            summary["seconds_to_db"] = seconds_to(self.out / LOG, self.task.fit_seconds)
            write_text(self.out / SUMMARY, json.dumps(summary, indent=2))
        return summary


@torch.no_grad()
def validation_figures(
    model: DensityVAE, table: DensityTable, accelerator: Accelerator, chunk: int = 64
) -> tuple[float, float]:
    """Mean PSNR (dB) and NMAE (%) of the posterior mean's reconstruction.

    Each density is counted once by whichever process has it.
    """
    mine = torch.arange(accelerator.process_index, len(table), accelerator.num_processes)
    found: list[tuple[int, tuple[float, float]]] = []
    for rows in mine.split(chunk):
        values, group, condition = table.values_mn[rows], table.group_m[rows], table.condition_mp[rows]
        estimate = model.decode(model.encode(values, group, condition).mean, group, condition)
        weight = model.representation.weight_gn[group]
        psnr = -peak_error(values, estimate, weight)
        nmae = 100 * ((estimate - values).abs() * weight).sum(-1) / (values.abs() * weight).sum(-1)
        found += zip(rows.tolist(), zip(psnr.tolist(), nmae.tolist(), strict=True), strict=True)
    every = dict(gather_object(found))
    figures = np.array([every[row] for row in sorted(every)])
    return float(figures[:, 0].mean()), float(figures[:, 1].mean())


def means_of(terms: LossTerms, accelerator: Accelerator) -> dict[str, float]:
    """Means of the loss and its terms over the global batch, under the names that they have in the log."""
    columns = torch.stack([terms.total, terms.divergence, terms.fourier, terms.latent, -terms.decibel], dim=-1)
    means = accelerator.reduce(columns.mean(0).detach(), "mean").tolist()
    return dict(zip(("loss", "divergence", "fourier", "latent", "train/psnr"), means, strict=True))


def diverged(step: int, plan: TrainConfig, done: float, out: Path) -> TrainingDivergedError:
    """Return the error of a step whose loss or gradient is NaN or infinite."""
    rate = plan.learning_rate * schedule(done, plan)
    matrices = " or train.matrix_rate" if plan.optimizer == "muon" else ""
    return TrainingDivergedError(
        f"step {step}: loss or gradient is not a finite number (learning rate {rate:.2g}). The last good "
        f"checkpoint is {out / STATE}; start again with a lower train.learning_rate{matrices} or train.clip"
    )


def restored(out: Path, config: Config, learner: Learner) -> Position:
    """Load the state of an earlier run into a learner, and say how far that run was."""
    state = load_state(out / STATE)
    try:
        if from_json(state["config"]) != config:
            raise SymfftError(f"{out} was trained with other settings than those given; resume with its config.json")
        learner.restore(state)
        best, nmae = float(state["best"]), float(state["nmae"])
        return Position(int(state["step"]), float(state["minutes"]), best, nmae)
    except SymfftError:
        raise
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{out / STATE} comes from another version of the model; train anew: {error}") from None


def save_fitted(config: Config, out: Path, task: Task, accelerator: Accelerator) -> dict[str, Any]:
    """Leave in `out` what `train` leaves there, of a model without a network: it is fitted, there are no steps."""
    began = time.monotonic()
    psnr, nmae = validation_figures(task.model, task.validation, accelerator)
    summary: dict[str, Any] = {
        "steps": 0,
        "minutes": (task.fit_seconds + time.monotonic() - began) / 60,
        "parameters": 0,
        "trained_parameters": 0,
        "train_structures": len(task.train),
        "processes": accelerator.num_processes,
        "best_val_psnr": psnr,
        "best_val_nmae": nmae,
        "codec": task.fit.choices,
    }
    if accelerator.is_main_process:
        out.mkdir(parents=True, exist_ok=True)
        remove_partial_files(out)
        write_text(out / CONFIG, config.to_json())
        save_weights(out / WEIGHTS, task.model, {"step": 0, "val_psnr": psnr, "val_nmae": nmae})
        entry = {"step": 0, "minutes": summary["minutes"], "val/psnr": psnr, "val/nmae": nmae}
        write_text(out / LOG, json.dumps(entry) + "\n")
        summary["seconds_to_db"] = seconds_to(out / LOG)
        write_text(out / SUMMARY, json.dumps(summary, indent=2))
    return summary
