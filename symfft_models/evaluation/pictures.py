"""Pictures: curves of the training, rates and distortions, slices and isosurfaces of densities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from symfft import AsymmetricUnit, expand_from_au
from symfft_models._array_types import FloatArray
from symfft_models.evaluation.isosurface import draw_isosurface
from symfft_models.model.checkpoint import read_log

#: Colours of what models are compared with, the same in every panel.
METHODS = {"stars": "tab:gray", "pca": "tab:orange", "sz3": "tab:green", "zfp": "tab:olive"}


@dataclass(frozen=True)
class Reconstruction:
    """A density and what a model made of it: AU values of one unit, normalised alike."""

    label: str
    unit: AsymmetricUnit
    truth: FloatArray
    estimate: FloatArray


@dataclass(frozen=True)
class Picture:
    """A density on the full cell, to be shown under a label."""

    label: str
    values: FloatArray


def curves_figure(log: Path) -> Figure:
    """Draw NMAE, PSNR and learning rate against the time from a run's JSON log."""
    entries = read_log(log)
    steps = [e for e in entries if "loss" in e]
    checks = [e for e in entries if "val/psnr" in e]
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    nmae, psnr, rate = figure.subplots(1, 3)
    with_nmae = [e for e in checks if "val/nmae" in e]
    nmae.semilogy([e["minutes"] for e in with_nmae], [e["val/nmae"] for e in with_nmae], "o-", ms=3, color="tab:orange")
    nmae.set(xlabel="minutes", ylabel="NMAE / %", title="validation split, averaged weights")
    minutes = [e["minutes"] for e in steps]
    psnr.plot(minutes, [e["train/psnr"] for e in steps], lw=0.6, label="training, with latent noise")
    psnr.plot(
        [e["minutes"] for e in checks],
        [e["val/psnr"] for e in checks],
        "o-",
        ms=3,
        label="validation, averaged weights",
    )
    psnr.set(xlabel="minutes", ylabel="PSNR / dB", title="reconstruction")
    psnr.legend(fontsize=7)
    rate.plot(minutes, [e["rate"] for e in steps], lw=0.8)
    rate.set(xlabel="minutes", ylabel="learning rate", title="schedule")
    return figure


def diagonal_slice(rho: FloatArray) -> FloatArray:
    """Cut the (1-10) plane, spanned by [110] and [001]; it holds every site of the simple cubic structures."""
    index = np.arange(min(rho.shape[:2]))
    return np.asarray(rho[index, index, :])


def show_slice(axes: Any, plane: FloatArray, peak: float, *, error: bool = False) -> Any:
    """Draw one slice: square root of a density, or a signed error in percent of the peak."""
    axes.set_xticks([])
    axes.set_yticks([])
    if error:
        percent = 100 * plane / peak
        limit = max(float(np.abs(percent).max()), 1e-6)
        return axes.imshow(percent.T, origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit, aspect=2**-0.5)
    root = np.sqrt(np.maximum(plane, 0) / peak)
    return axes.imshow(root.T, origin="lower", cmap="magma", vmin=0, vmax=1, aspect=2**-0.5)


def reconstructions_figure(reconstructions: Sequence[Reconstruction], title: str) -> Figure:
    """Draw true density, reconstruction and error as slices, and both as surfaces that hold half of the electrons."""
    height = 2.1 * len(reconstructions) + 0.6
    figure = Figure(figsize=(12.5, height))
    grid = figure.subplots(len(reconstructions), 5, squeeze=False)
    figure.subplots_adjust(0.03, 0.1 / height, 0.99, 1 - 0.6 / height, wspace=0.2, hspace=0.05)
    for line, shown in zip(grid, reconstructions, strict=True):
        truth, estimate = expand_from_au(shown.truth, shown.unit), expand_from_au(shown.estimate, shown.unit)
        peak = float(truth.max())
        show_slice(line[0], diagonal_slice(truth), peak)
        show_slice(line[1], diagonal_slice(estimate), peak)
        image = show_slice(line[2], diagonal_slice(estimate - truth), peak, error=True)
        figure.colorbar(image, ax=line[2], fraction=0.05, pad=0.03).ax.tick_params(labelsize=6)
        draw_isosurface(line[3], truth)
        draw_isosurface(line[4], estimate)
        line[0].set_ylabel(shown.label, fontsize=7)
    for axes, name in zip(
        grid[0], ("true √ρ", "reconstruction √ρ", "error, % of peak", "true", "reconstruction"), strict=True
    ):
        axes.set_title(name, fontsize=9)
    figure.suptitle(title, fontsize=10)
    return figure


def densities_figure(rows: Mapping[str, Sequence[Picture]], title: str, columns: int = 6) -> Figure:
    """Draw densities as a slice above an isosurface each, one double row a key."""
    columns = min(max(len(pictures) for pictures in rows.values()), columns)
    height = 4.3 * len(rows) + 0.4
    figure = Figure(figsize=(2.3 * columns + 0.5, height))
    grid = figure.subplots(2 * len(rows), columns, squeeze=False)
    figure.subplots_adjust(0.02, 0.1 / height, 0.98, 1 - 0.9 / height, wspace=0.05, hspace=0.25)
    for axes in grid.flat:
        axes.set_axis_off()
    for place, pictures in enumerate(rows.values()):
        for above, below, shown in zip(grid[2 * place], grid[2 * place + 1], pictures, strict=False):
            above.set_axis_on()
            show_slice(above, diagonal_slice(shown.values), float(shown.values.max()))
            above.set_title(shown.label, fontsize=8)
            draw_isosurface(below, shown.values)
    figure.suptitle(title, fontsize=10)
    return figure


def rates_figure(curves: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw PSNR against floats and against bytes for every space group; models are points.

    Parameters
    ----------
    curves
        What `symfft_models.evaluation.rate_distortion.rate_distortion` returns.
    models
        Reports of `symfft_models.evaluation.held_out.evaluate` by name.
    """
    figure = Figure(figsize=(4.2 * len(curves), 6.6), layout="constrained")
    grid = figure.subplots(2, len(curves), squeeze=False)
    colours = model_colours(list(models))
    for (number, group), above, below in zip(curves.items(), *grid, strict=True):
        floats = np.array(group["floats"])
        for name, label in (("stars", "lowest |G| stars"), ("pca", "PCA of the group")):
            above.plot(floats, group[name], "-", color=METHODS[name], lw=1, label=label)
            below.plot(4 * floats, group[name], "-", color=METHODS[name], lw=1, label=label)
        for name, label in (("sz3", "SZ3, full cell"), ("zfp", "zfp, full cell")):
            if name in group:
                pairs = [(b, p) for b, p in zip(group["bytes"], group[name]["psnr"], strict=True) if p is not None]
                below.plot(*np.array(pairs).reshape(-1, 2).T, "--", color=METHODS[name], lw=1, label=label)
        for name, report in models.items():
            if number not in report["groups"]:
                continue
            psnr = report["groups"][number]["model"]["psnr"]
            spread = [[psnr["mean"] - psnr["p5"]], [psnr["p95"] - psnr["mean"]]]
            style = {"fmt": "o", "ms": 5, "capsize": 3, "color": colours[name], "label": name}
            above.errorbar(report["latent"], psnr["mean"], spread, **style)
            below.errorbar(4 * report["latent"], psnr["mean"], spread, **style)
        above.set(xscale="log", xlabel="floats", ylabel="mean PSNR / dB", title=f"space group {number}")
        below.set(xscale="log", xlabel="bytes (float32)", ylabel="mean PSNR / dB")
        for axes in (above, below):
            axes.grid(alpha=0.3, which="both", lw=0.4)
            axes.legend(fontsize=7)
    return figure


def model_colours(names: Sequence[str]) -> dict[str, str]:
    """Return one colour for each model, none of them a colour of the methods beside them."""
    palette = ("tab:blue", "tab:red", "tab:purple", "tab:pink", "tab:cyan", "navy", "darkred", "indigo")
    return {name: palette[i % len(palette)] for i, name in enumerate(names)}


def generation_figure(groups: Mapping[str, Any], shells: FloatArray, radii: FloatArray) -> Figure:
    """Draw spectra and radial profiles of generated densities over those of held-out ones: median and central 80 %."""
    figure = Figure(figsize=(4.2 * len(groups), 5.6), layout="constrained")
    grid = figure.subplots(2, len(groups), squeeze=False)
    panels = (
        ("spectrum", shells, "1/d / (1/Å)", "share of Σ|F|²"),
        ("profile", radii, "distance from peak / Å", "ρ / peak"),
    )
    for column, (number, group) in enumerate(groups.items()):
        for line, (name, edges, xlabel, ylabel) in zip(grid, panels, strict=True):
            axes, middle = line[column], (edges[:-1] + edges[1:]) / 2
            for kind, colour in (("held_out", "0.4"), ("generated", "tab:blue")):
                low, median, high = np.array(group[name][kind], dtype=np.float64)
                axes.fill_between(middle, low, high, color=colour, alpha=0.25, lw=0)
                axes.plot(middle, median, color=colour, lw=1.2, label=kind.replace("_", "-"))
            axes.set(xlabel=xlabel, ylabel=ylabel, title=f"space group {number}")
            axes.legend(fontsize=7)
        grid[0][column].set(yscale="log", ylim=(1e-7, 2))
    return figure
