"""A picture of a density set: slices of some of its densities, and how sizes, peaks and losses are distributed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft_models.data.entry import Entry
from symfft_models.data.store import DensitySet
from symfft_models.datasets.bundled.catalogue import MAIN_GROUPS

COLUMNS, ROWS = 6, 3


def draw_set(densities: DensitySet, path: str | os.PathLike[str]) -> None:
    """Write a PNG with slices of 18 densities and three histograms.

    Raises
    ------
    ImportError
        If matplotlib is missing; the message says how to install it.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('pictures need matplotlib: pip install "symfft[plot]"') from error
    figure = Figure(figsize=(11, 8.4), layout="constrained")
    above, below = np.asarray(figure.subfigures(2, 1, height_ratios=(ROWS, 1.1)))
    for axes, entry in zip(above.subplots(ROWS, COLUMNS).flat, chosen(densities), strict=False):
        plane, extent = slice_through_peak(entry)
        axes.imshow(np.sqrt(np.maximum(plane, 0)).T, origin="lower", extent=extent, cmap="magma")
        axes.set_title(f"{entry.id}\n{entry.space_group}", fontsize=7)
        axes.tick_params(labelsize=6)
    histograms(densities, below.subplots(1, 3))
    FigureCanvasAgg(figure)
    partial = Path(path).with_name(f".{Path(path).name}.part")
    figure.savefig(partial, dpi=90, format="png")
    os.replace(partial, path)


def chosen(densities: DensitySet) -> list[Entry]:
    """Choose the densities to show: half of the main groups, half of others, each of a prototype of its own."""
    first: dict[str, Entry] = {}
    for entry in densities:
        first.setdefault(entry.prototype, entry)
    main = [entry for entry in first.values() if entry.space_group in MAIN_GROUPS]
    other = [entry for entry in first.values() if entry.space_group not in MAIN_GROUPS]
    return [part[i * len(part) // n] for part, n in ((main, 9), (other, 9)) for i in range(min(n, len(part)))]


def slice_through_peak(entry: Entry) -> tuple[NDArray[np.float64], tuple[float, float, float, float]]:
    """Cut a density by the plane of its first and last axis through its largest value; with its size in Å."""
    values = entry.density().values
    layer = int(np.unravel_index(values.argmax(), values.shape)[1])
    a, _, c = np.linalg.norm(entry.lattice, axis=1).tolist()
    return values[:, layer, :], (0.0, a, 0.0, c)


def histograms(densities: DensitySet, axes: Any) -> None:
    """Draw volume of an atom, largest value, and loss of the stored grid, by space group."""
    groups = densities.column("space_group")
    sites = [sum(int(site.wyckoff[:-1]) for site in densities.sites[row]) for row in densities.rows]
    volume = np.abs(np.linalg.det(densities.column("lattice"))) / np.array(sites)
    peak = np.array([entry.values.max() for entry in densities])
    panels = (
        (volume, "volume of an atom / Å³", np.geomspace(volume.min(), volume.max(), 25)),
        (peak, "largest value / (e/Å³)", np.geomspace(peak.min(), peak.max(), 25)),
        (densities.column("truncation_psnr_db"), "loss of the stored grid / dB", np.linspace(50, 151, 25)),
    )
    for axis, (values, label, edges) in zip(axes, panels, strict=True):
        names = [*map(str, MAIN_GROUPS), "others"]
        parts = [values[groups == group] for group in MAIN_GROUPS]
        parts.append(values[np.isin(groups, MAIN_GROUPS, invert=True)])
        axis.hist(parts, bins=edges, stacked=True, label=names)
        axis.set_xlabel(label, fontsize=8)
        axis.tick_params(labelsize=7)
        axis.set_xscale("linear" if "dB" in label else "log")
    axes[0].set_ylabel("densities", fontsize=8)
    axes[-1].legend(fontsize=7)
