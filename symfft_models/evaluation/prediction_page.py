"""The part of a page that is about the density model: predictions with error bars, worst cases, draws with verdicts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from symfft import SymfftError, read_chgcar
from symfft_models.evaluation.page import Draw, number, picture, table, write_page
from symfft_models.evaluation.pictures import Picture, densities_figure, show_slice
from symfft_models.evaluation.predictions import Judged, Row, floats_of, summary
from symfft_models.scattering.measure import density_on_grid, predicted_factors
from symfft_models.scattering.model import DensityModel
from symfft_models.scattering.observation import Observation

#: Worst predictions that are listed and drawn, and predictions that are drawn evenly from the best to the worst.
WORST, EVENLY = 6, 5
PLANES = "DFT and prediction in planes of a + b and c through the origin; NMAE, and the error bar that was stated."
LATENTS = (
    " Latents: NMAE, mean, with so many numbers of the density itself beside the atoms; stars: of as many of its "
    "shortest structure factors alone."
)
#: Smallest number of a cubic space group.
CUBIC = 195


def write_prediction_page(path: Path, judged: Judged, samples: Path | None = None) -> None:
    """Write a page about a density model, and about the draws of a folder."""
    draw = partial(picture, None)
    write_page(path, "Densities from atoms", [*prediction_parts(judged, samples, draw)])


def prediction_parts(judged: Judged, samples: Path | None, draw: Draw) -> list[str]:
    """What a page says of a density model and of the draws of a folder, as HTML."""
    parts = ["<h2>Predictions</h2>", *model_parts(judged.model, judged.found, judged.rows, draw)]
    return parts if samples is None else [*parts, *draw_parts(samples, draw)]


def model_parts(
    model: DensityModel, found: Mapping[str, Sequence[Observation]], rows: Mapping[str, Sequence[Row]], draw: Draw
) -> list[str]:
    """Tables, pictures and worst cases of predictions by split, as HTML."""
    facts = model.facts
    learned = f"{facts.get('compounds', '?')} compounds of {facts.get('elements', '?')} elements"
    return [
        f"<p>The density model predicts densities from atoms alone; it has learned {escape(learned)}. Below are "
        "crystals of compounds that it has not learned and whose elements it has.</p>",
        *(prediction_table(split, part) for split, part in rows.items()),
        "<p class=note>Superposed: the model's own atoms, without what neighbours change. Inside the bar: part of the "
        f"errors that the stated bar exceeds; 90 % are meant.{LATENTS if any(map(floats_of, rows.values())) else ''}"
        "</p>",
        draw(
            "predictions",
            predictions_figure(rows),
            "Each crystal: the error that was found against the one that was stated, and against that of superposed "
            "atoms. Open: the model says that the crystal is outside of what it has learned.",
        ),
        "<h3>From the best prediction to the worst</h3>",
        draw("even-predictions", cases_figure(model, evenly(rows, found)), PLANES),
        "<h3>The worst predictions</h3>",
        *worst_predictions(model, found, rows, draw),
    ]


def prediction_table(split: str, rows: Sequence[Row]) -> str:
    """Figures of one split by space group."""
    header = ["group", "n", "NMAE / %: median", "mean", "p95", "superposed", "times better", "inside the bar"]
    floats = floats_of(rows)
    header += [f"{size} latents (stars)" for size in floats]
    lines = [
        [
            part["group"], part["crystals"], number(part["median"]), number(part["mean"]), number(part["p95"]),
            number(part["superposed_median"]), number(part["better"], 1), f"{100 * part['inside_bar']:.0f} %",
            *(f"{part[f'latents_{size}']:.3f} ({part[f'stars_{size}']:.2f})" for size in floats),
        ]
        for part in summary(rows)
    ]  # fmt: skip
    unseen = sum(not row["seen"] for row in rows)
    note = f"<p class=note>{unseen} more crystals have elements that the model has not learned.</p>" if unseen else ""
    return f"<h3>Predictions: {escape(split)}</h3>" + table(header, lines) + note


def predictions_figure(rows: Mapping[str, Sequence[Row]]) -> Figure:
    """Draw found against stated errors, and errors of predictions against those of superposed atoms."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    panels = figure.subplots(1, 2)
    for colour, (split, every) in zip(("C0", "C3", "C2", "C1"), rows.items(), strict=False):
        part = [row for row in every if row["seen"]]
        for outside in (False, True):
            shown = [row for row in part if row["outside"] is outside]
            y = [row["nmae"] for row in shown]
            style: dict[str, Any] = {"s": 18, "edgecolors": colour, "facecolors": "none" if outside else colour}
            label = None if outside else f"{split}, {len(part)}"
            panels[0].scatter([row["bar"] for row in shown], y, label=label, **style)
            panels[1].scatter([row["superposed"] for row in shown], y, **style)
    for axes, name in zip(panels, ("stated error bar / %", "superposed atoms, NMAE / %"), strict=True):
        axes.set(xscale="log", yscale="log", xlabel=name, ylabel="prediction, NMAE / %")
        low = min(axes.get_xlim()[0], axes.get_ylim()[0])
        high = max(axes.get_xlim()[1], axes.get_ylim()[1])
        axes.plot([low, high], [low, high], color="0.5", lw=0.8, zorder=0)
        axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter("")
    panels[0].legend(fontsize=8)
    return figure


Case = tuple[Row, str, Observation]


def cases(rows: Mapping[str, Sequence[Row]], found: Mapping[str, Sequence[Observation]]) -> list[Case]:
    """Return row, split and observation of crystals whose elements the model has learned, the best predicted first."""
    every = [(row, split, o) for split in rows for row, o in zip(rows[split], found[split], strict=True) if row["seen"]]
    return sorted(every, key=lambda case: case[0]["nmae"])


def evenly(rows: Mapping[str, Sequence[Row]], found: Mapping[str, Sequence[Observation]]) -> list[Case]:
    """Return some crystals, evenly from the best predicted to the worst."""
    every = cases(rows, found)
    return [every[place] for place in np.unique(np.linspace(0, len(every) - 1, EVENLY).astype(int))] if every else []


def worst_predictions(
    model: DensityModel, found: Mapping[str, Sequence[Observation]], rows: Mapping[str, Sequence[Row]], draw: Draw
) -> list[str]:
    """List and draw the crystals that are predicted worst."""
    every = cases(rows, found)[: -WORST - 1 : -1]
    floats = floats_of([row for row, _, _ in every])[:1]
    lines = [
        [
            row["id"], split, o.crystal.group.symbol, number(row["nmae"]), number(row["bar"]),
            number(row["superposed"]), *(number(row[f"latents_{size}"]) for size in floats),
            "; ".join(model.outside(o.crystal)) or "–",
        ]
        for row, split, o in every
    ]  # fmt: skip
    header = ["crystal", "split", "group", "NMAE / %", "error bar", "superposed", *(f"{n} latents" for n in floats)]
    return [table([*header, "outside"], lines), draw("worst-predictions", cases_figure(model, every), PLANES)]


def cases_figure(model: DensityModel, cases: Sequence[Case]) -> Figure:
    """Draw true density, its prediction, and the errors of the prediction and of superposed atoms, as slices."""
    height = 2.1 * len(cases) + 0.6
    figure = Figure(figsize=(11, height))
    grid = figure.subplots(len(cases), 4, squeeze=False)
    figure.subplots_adjust(0.03, 0.1 / height, 0.97, 1 - 0.6 / height, wspace=0.25, hspace=0.08)
    for line, (row, _, observation) in zip(grid, cases, strict=True):
        crystal = observation.crystal
        truth, guess, atoms = (
            _diagonal(density_on_grid(observation, factors))
            for factors in (
                observation.factors,
                predicted_factors(observation, model.coefficients(crystal)),
                predicted_factors(observation, model.superposed(crystal)),
            )
        )
        aspect = np.linalg.norm(crystal.lattice[2]) / np.linalg.norm(crystal.lattice[0] + crystal.lattice[1])
        aspect *= truth.shape[0] / truth.shape[1]
        peak = float(truth.max())
        limit = 100 * max(float(np.abs(guess - truth).max()), float(np.abs(atoms - truth).max())) / peak
        show_slice(line[0], truth, peak)
        show_slice(line[1], guess, peak)
        for axes, estimate in zip(line[2:], (guess, atoms), strict=True):
            image = show_slice(axes, estimate - truth, peak, error=True)
            image.set_clim(-limit, limit)
            figure.colorbar(image, ax=axes, fraction=0.05, pad=0.03).ax.tick_params(labelsize=6)
        for axes in line:
            axes.set_aspect(aspect)
        line[0].set_ylabel(f"{row['id']}\n{row['nmae']:.2g} %, bar {row['bar']:.2g} %", fontsize=7)
    titles = ("DFT √ρ", "predicted √ρ", "error, % of peak", "error of superposed atoms")
    for axes, name in zip(grid[0], titles, strict=True):
        axes.set_title(name, fontsize=9)
    return figure


def _diagonal(values: Any) -> Any:
    """Values at (x, x, z) of a grid, periodic: as many as the longer of the first two axes has."""
    count = max(values.shape[:2])
    first, second = (np.arange(count) * size // count for size in values.shape[:2])
    return values[first, second, :]


def draw_parts(folder: Path, draw: Draw) -> list[str]:
    """Draws of `symfft-vae sample` with their verdicts, as HTML.

    Raises
    ------
    SymfftError
        If the folder has no draws.
    """
    path = folder / "samples.json"
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        entries = report["samples"]
        lines = [_draw_line(entry) for entry in entries]
    except FileNotFoundError:
        raise SymfftError(f"{path}: no draws there; make some with symfft-vae sample -o {folder}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SymfftError(f"{path}: not an index of symfft-vae sample ({error})") from None
    good = sum(bool(entry["ok"]) for entry in entries)
    header = ["file", "group", "verdict", "atoms found", "electrons", "novelty", "error bar / %", "not checked"]
    parts = [
        "<h2>Draws and their verdicts</h2>",
        f"<p>{good} of {len(entries)} are ok: everything that could be checked from the density alone holds.</p>",
        table(header, lines),
    ]
    figure = draws_figure(entries, folder)
    caption = "Drawn √ρ in the plane of [110] and [001], and surfaces that hold half of the electrons: cubic draws."
    return [*parts, draw("draws", figure, caption)] if figure else parts


def _draw_line(entry: Mapping[str, Any]) -> list[Any]:
    verdict = entry["verdict"]
    atoms, new = verdict.get("atoms") or {}, verdict.get("novelty") or {}
    novelty = "–" if new.get("new") is None else "new" if new["new"] else f"in the set as {new['in_set']}"
    if new.get("new") and new.get("nearest"):
        novelty += f", nearest {new['nearest']}"
    said = "ok" if entry["ok"] else "; ".join(verdict["reasons"]) or "not ok"
    missing = "; ".join(f"{step}: {why}" for step, why in verdict.get("not_possible", {}).items()) or "–"
    bar = number(entry["prediction"]["error_bar"], 1) if "prediction" in entry else "–"
    electrons = number(verdict.get("electrons"), 1)
    return [entry["file"], entry["space_group"], said, atoms.get("found") or "–", electrons, novelty, bar, missing]


def draws_figure(entries: Sequence[Mapping[str, Any]], folder: Path) -> Figure | None:
    """Draw the densities of cubic draws as they come back from their files; None where none does."""
    pictures: dict[str, list[Picture]] = {}
    for entry in entries:
        try:
            values = read_chgcar(folder / entry["file"]).values
        except (SymfftError, OSError):
            continue
        if entry["space_group"] >= CUBIC and len(set(values.shape)) == 1:
            label = f"{entry['crystal']}\n{'ok' if entry['ok'] else 'not ok'}"
            pictures.setdefault(str(entry["space_group"]), []).append(Picture(label, values))
    return densities_figure(pictures, "drawn densities") if pictures else None
