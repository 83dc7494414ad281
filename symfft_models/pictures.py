"""Pictures of a run: curves of the training, slices of true, reconstructed and generated densities."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from symfft import AsymmetricUnit, expand_from_au, read_chgcar
from symfft_models.checkpoint import write_atomically
from symfft_models.evaluate import reconstruct
from symfft_models.table import DensityTable
from symfft_models.vae import SwinVAE

Array = NDArray[np.float64]


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG atomically, without a display."""
    FigureCanvasAgg(figure)
    write_atomically(path, lambda target: figure.savefig(target, dpi=110, format="png"))


def plot_curves(log: Path, path: Path) -> None:
    """Draw loss, PSNR and learning rate against the step from a run's JSON log."""
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    steps = [e for e in entries if "loss" in e]
    checks = [e for e in entries if "val/psnr" in e]
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    loss, psnr, rate = figure.subplots(1, 3)
    loss.plot([e["step"] for e in steps], [e["loss"] for e in steps], lw=0.8)
    loss.set(xlabel="step", ylabel="loss", title="training loss")
    psnr.plot([e["step"] for e in steps], [e["train/psnr"] for e in steps], lw=0.6, label="training, with latent noise")
    psnr.plot(
        [e["step"] for e in checks], [e["val/psnr"] for e in checks], "o-", ms=3, label="validation, averaged weights"
    )
    psnr.set(xlabel="step", ylabel="PSNR / dB", title="reconstruction")
    psnr.legend(fontsize=7)
    rate.plot([e["step"] for e in steps], [e["rate"] for e in steps], lw=0.8)
    rate.set(xlabel="step", ylabel="learning rate", title="schedule")
    save_figure(figure, path)


def diagonal_slice(values: Array, unit: AsymmetricUnit) -> Array:
    """Cut the (1-10) plane, spanned by [110] and [001]; it holds every site of the simple cubic structures."""
    rho = expand_from_au(values, unit)
    index = np.arange(min(unit.shape[:2]))
    return np.asarray(rho[index, index, :])


def show_slice(axes: Any, plane: Array, peak: float, *, error: bool = False) -> Any:
    """Draw one slice: square root of a density, or a signed error in percent of the peak."""
    axes.set_xticks([])
    axes.set_yticks([])
    if error:
        percent = 100 * plane / peak
        limit = max(float(np.abs(percent).max()), 1e-6)
        return axes.imshow(percent.T, origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit, aspect=2**-0.5)
    root = np.sqrt(np.maximum(plane, 0) / peak)
    return axes.imshow(root.T, origin="lower", cmap="magma", vmin=0, vmax=1, aspect=2**-0.5)


def plot_reconstructions(model: SwinVAE, test: DensityTable, index: int, path: Path, count: int = 4) -> None:
    """Draw true density, reconstruction and error of a few test densities of one space group."""
    unit = model.representation.units[index]
    rows = np.flatnonzero(test.group_m.numpy() == index)
    rows = rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]
    estimates = reconstruct(model, test)
    figure = Figure(figsize=(9, 2.1 * len(rows) + 0.5), layout="constrained")
    grid = figure.subplots(len(rows), 3, squeeze=False)
    for line, row in zip(grid, rows.tolist(), strict=True):
        truth = test.values_mn[row, : unit.size].double().numpy()
        peak = float(truth.max())
        show_slice(line[0], diagonal_slice(truth, unit), peak)
        show_slice(line[1], diagonal_slice(estimates[row], unit), peak)
        image = show_slice(line[2], diagonal_slice(estimates[row] - truth, unit), peak, error=True)
        figure.colorbar(image, ax=line[2], label="% of peak")
        line[0].set_ylabel(test.entries[row].id, fontsize=7)
    for axes, title in zip(grid[0], ("true √ρ", "reconstruction √ρ", "error"), strict=True):
        axes.set_title(title, fontsize=9)
    figure.suptitle(f"{unit.space_group.symbol}: plane of [110] and [001], test split", fontsize=10)
    save_figure(figure, path)


def plot_samples(folder: Path, samples: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw generated densities, read back from their files, one row a space group."""
    written = [entry for entry in samples if (folder / entry["file"]).is_file()]
    groups = sorted({entry["space_group"] for entry in written})
    by_group = {number: [entry for entry in written if entry["space_group"] == number] for number in groups}
    columns = min(max(len(entries) for entries in by_group.values()), 6)
    figure = Figure(figsize=(2.6 * columns + 0.5, 2.3 * len(groups) + 0.4), layout="constrained")
    grid = figure.subplots(len(groups), columns, squeeze=False)
    for line, number in zip(grid, groups, strict=True):
        for axes in line:
            axes.set_axis_off()
        for axes, entry in zip(line, by_group[number], strict=False):
            rho = read_chgcar(folder / entry["file"]).values
            diagonal = np.arange(rho.shape[0])
            axes.set_axis_on()
            show_slice(axes, rho[diagonal, diagonal, :], float(rho.max()))
            axes.set_title(
                f"{number} {entry['prototype']}\n{entry['electrons']:.0f} e, a = {entry['lattice_constant']:.2f} Å",
                fontsize=8,
            )
    figure.suptitle("generated √ρ: plane of [110] and [001]", fontsize=10)
    save_figure(figure, path)
