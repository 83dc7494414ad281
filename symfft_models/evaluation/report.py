"""One self-contained HTML page about models: no network, pictures and an interactive density inside."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from symfft import SymfftError, expand_from_au, read_chgcar
from symfft_models.evaluation.generated import RADII, SCALARS, SHELLS
from symfft_models.evaluation.held_out import reconstruct, training_line
from symfft_models.evaluation.page import Draw, number, picture, table, write_page
from symfft_models.evaluation.pictures import (
    Picture,
    Reconstruction,
    curves_figure,
    densities_figure,
    generation_figure,
    rates_figure,
    reconstructions_figure,
)
from symfft_models.model.density_table import DensityTable
from symfft_models.model.stars import cell_weights, exact_mean
from symfft_models.model.vae import DensityVAE

#: Reconstructions to draw of each space group, evenly from the best to the worst.
CASES = 3


@dataclass(frozen=True)
class Judged:
    """A model and what was found about it: reports of `evaluate` and, where made, `generation_report` and `sample`."""

    name: str
    model: DensityVAE
    facts: Mapping[str, Any]
    report: Mapping[str, Any]
    generation: Mapping[str, Any] = field(default_factory=dict)
    samples: Mapping[str, Any] = field(default_factory=dict)
    samples_folder: Path | None = None
    log: Path | None = None


def write_report(
    path: Path,
    judged: Sequence[Judged],
    test: DensityTable,
    curves: Mapping[str, Any],
    *,
    predictions: Callable[[Draw], Sequence[str]] | None = None,
    files: Path | None = None,
) -> None:
    """Write the page.

    Parameters
    ----------
    path
        HTML file, written atomically.
    judged
        Models on the same grids and test split; the pictures show the last one.
    test
        The test split.
    curves
        What `symfft_models.evaluation.rate_distortion.rate_distortion` returns.
    predictions
        Gives the part about the density model: see :mod:`symfft_models.evaluation.prediction_page`.
    files
        Folder that gets the pictures as files too.
    """
    shown, draw = judged[-1], partial(picture, files)
    names = ", ".join(one.name for one in judged)
    parts = [
        "<p>Densities of the test split, which the models have not seen: split by composition, posterior mean "
        "decoded. NMAE = Σ|Δρ| / Σ|ρ| over the full cell; PSNR = 20 log₁₀(max ρ / RMSE).</p>",
        "<h2>Reconstruction</h2>",
        *(reconstruction_table(one) for one in judged),
        "<p class=note>PCA: fitted to the group's training densities, never more floats than they span. Stars: the "
        "lowest |G| coefficients of the exact transform. Codec: the model without its network. Paper: Cai's averages "
        "on Materials Project densities, another test set.</p>",
        *training_parts(shown, draw),
        "<h2>Rate and distortion</h2>",
        draw(
            "rates",
            rates_figure(curves, {one.name: one.report for one in judged}),
            "Bars of models: 5th to 95th percentile.",
        ),
        compressors_table(curves, judged),
        f"<h2>Best to worst, {escape(shown.name)}</h2>",
        *reconstruction_pictures(shown, test, draw),
        "<h2>The worst cases</h2>",
        *worst_cases(shown, test, draw),
        *interactive_case(shown, test),
    ]
    if predictions is not None:
        parts += predictions(draw)
    if shown.generation:
        parts += ["<h2>Generated densities</h2>", *generation_parts(shown.generation, draw)]
    if shown.samples:
        parts += ["<h2>Samples as written and read back</h2>", *sample_parts(shown, draw)]
    for one in judged:
        text = json.dumps({"facts": dict(one.facts), "config": json.loads(one.model.config.to_json())}, indent=2)
        parts.append(f"<details><summary>Settings of {escape(one.name)}</summary><pre>{escape(text)}</pre></details>")
    write_page(path, names, parts)


def training_parts(judged: Judged, draw: Draw) -> list[str]:
    """Draw how a run learned, where its log is at hand."""
    if not (judged.log and judged.log.is_file()):
        return []
    line = [f"<p>{escape(training_line(judged.report['training']))}</p>"] if "training" in judged.report else []
    return ["<h2>Training</h2>", *line, draw("curves", curves_figure(judged.log))]


def reconstruction_table(judged: Judged) -> str:
    """Figures of a model by space group beside its rivals, on the test split and on the hard list."""
    header = ["", "group", "", "n", "NMAE / %", "median", "p95", "PSNR / dB", "p5", "electron error", "PCA", "(floats)"]
    rows = []
    for title, report in (("test", judged.report), ("hard", judged.report.get("hard", {"groups": {}}))):
        for name, group in report["groups"].items():
            model, codec = group["model"], group.get("codec")
            wrong = max(abs(row["electron_error"]) for row in report["structures"] if str(row["space_group"]) == name)
            rows.append([
                title, name, group["symbol"], group["n"], number(model["nmae"]["mean"]),
                number(model["nmae"]["median"]), number(model["nmae"]["p95"]), number(model["psnr"]["mean"]),
                number(model["psnr"]["p5"]), f"{wrong:.0e}", both(group["pca"]), group["pca"]["floats"],
                both(group["stars"]), both(codec), number(group["paper_psnr"] if title == "test" else None),
            ])  # fmt: skip
    title = f"<h3>{escape(judged.name)}: {judged.report['latent']} floats</h3>"
    note = (
        "<p class=note>Test: the set's compounds that were held out from training. Hard: PAW densities of a fixed list "
        "of compounds, without those of the training split. Rivals: NMAE, PSNR. Electron error: the largest relative "
        "one.</p>"
    )
    return title + table([*header, "stars", "codec", "paper"], rows) + note


def both(figures: Mapping[str, Any] | None) -> str:
    """Write mean NMAE and mean PSNR of a rival, or a dash in the place of none."""
    return "–" if figures is None else f"{figures['nmae']['mean']:.2f} %, {figures['psnr']['mean']:.1f} dB"


def compressors_table(curves: Mapping[str, Any], judged: Sequence[Judged]) -> str:
    """What general compressors do at the models' bytes."""
    names = [name for name in ("sz3", "zfp") if all(name in group for group in curves.values())]
    if not names:
        return '<p class=note>SZ3 and zfp are not installed: pip install "symfft[compressors]".</p>'
    rows = []
    for key, group in curves.items():
        for one in judged:
            if key not in one.report["groups"]:
                continue
            size = 4 * one.report["latent"]
            row = [key, one.name, size, number(one.report["groups"][key]["model"]["psnr"]["mean"])]
            for name in names:
                psnr = dict(zip(group["bytes"], group[name]["psnr"], strict=True)).get(size)
                row += [number(psnr), number(group[name]["smallest"], 0), number(group[name]["bytes_at_44_db"], 0)]
            rows.append(row)
    header = ["group", "", "bytes", "model / dB"]
    for name in names:
        header += [f"{name} / dB", "its smallest size", "bytes for 44 dB"]
    count = next(iter(curves.values()))[names[0]]["n"]
    return table(header, rows) + (
        f"<p class=note>Mean over up to {count} test densities of the group, full cell in float32, best error bound "
        "that fits; – where some density does not fit at any bound. Sizes are medians.</p>"
    )


def reconstruction_pictures(judged: Judged, test: DensityTable, draw: Draw) -> list[str]:
    """Draw reconstructions of each space group, evenly from the best to the worst."""
    parts = []
    for index, unit in enumerate(judged.model.representation.units):
        name = str(judged.model.representation.groups[index])
        rows = [row for row in judged.report["structures"] if str(row["space_group"]) == name]
        if not rows:
            continue
        rows.sort(key=lambda row: row["nmae"])
        places = np.unique(np.linspace(0, len(rows) - 1, min(CASES, len(rows))).astype(int))
        drawn = drawings(judged.model, test, [rows[place] for place in places])
        title = f"{unit.space_group.symbol}: plane of [110] and [001]; surfaces hold half of the electrons"
        parts.append(draw(f"slices-{name}", reconstructions_figure(drawn, title)))
    return parts


def worst_cases(judged: Judged, test: DensityTable, draw: Draw, count: int = 6) -> list[str]:
    """List and draw the densities that are reconstructed worst."""
    rows = sorted(judged.report["structures"], key=lambda row: -row["nmae"])[:count]
    header = ["density", "group", "prototype", "NMAE / %", "PSNR / dB", "minimum / peak", "PCA / dB", "stars / dB"]
    lines = [
        [
            row["id"], row["space_group"], row["prototype"], number(row["nmae"]), number(row["psnr"]),
            number(row["minimum"], 4), number(row["pca_psnr"]), number(row["stars_psnr"]),
        ]
        for row in rows
    ]  # fmt: skip
    title = "The worst of all groups; surfaces hold half of the electrons"
    return [table(header, lines), draw("worst", reconstructions_figure(drawings(judged.model, test, rows), title))]


def interactive_case(judged: Judged, test: DensityTable) -> list[str]:
    """Show the worst reconstruction beside the true density, and their difference, in the viewer of `symfft view`."""
    if find_spec("k3d") is None:
        return ['<p class=note>The interactive view needs k3d: pip install "symfft[view]".</p>']
    from symfft.view import density_page

    row = max(judged.report["structures"], key=lambda row: row["nmae"])
    ((shown,), entry) = drawings(judged.model, test, [row]), next(e for e in test.entries if e.id == row["id"])
    true = entry.density()
    truth, estimate = (expand_from_au(values, shown.unit) for values in (shown.truth, shown.estimate))
    scale = true.electrons / true.volume / truth.mean()
    page = density_page(
        true.with_values(scale * truth),
        true.with_values(scale * estimate),
        title=row["id"],
        names=("true", judged.name),
    )
    note = f"{row['id']}, the worst of all: true, reconstructed, and their difference. Drag to turn, scroll to zoom."
    return [f"<p class=note>{escape(note)}</p>", page._repr_html_()]


def drawings(model: DensityVAE, test: DensityTable, rows: Sequence[Mapping[str, Any]]) -> list[Reconstruction]:
    """Reconstruct some test densities, given by their lines of the report, for a picture."""
    place = {entry.id: row for row, entry in enumerate(test.entries)}
    chosen = [place[row["id"]] for row in rows]
    found = []
    for line, row, estimate in zip(rows, chosen, reconstruct(model, test.rows(chosen)), strict=True):
        unit = model.representation.units[int(test.group_m[row])]
        truth = test.values_mn[row, : unit.size].double().numpy()
        truth = exact_mean(truth[None], cell_weights(unit))[0]
        found.append(
            Reconstruction(f"{line['id']}\n{line['nmae']:.2g} %, {line['psnr']:.1f} dB", unit, truth, estimate)
        )
    return found


def generation_parts(groups: Mapping[str, Any], draw: Draw) -> list[str]:
    """Tables and pictures of `symfft_models.evaluation.generated.generation_report`."""
    complete = {name: group for name, group in groups.items() if "scalars" in group}
    rows = [
        [
            name, group["draws"], group["failures"]["not_finite"], group["failures"].get("negative", "–"),
            *(number(group["nearest"][kind]["median"]) for kind in ("generated_to_training", "test_to_training")),
            number(group["nearest"]["generated_to_training"]["smallest"]),
            f"{100 * group['too_near']:.0f} %", f"{group['active_units']} of {group['latent']}",
        ]
        for name, group in complete.items()
    ]  # fmt: skip
    header = ["group", "drawn", "not finite", "negative", "nearest training, NMAE / %", "same of test densities"]
    lines = []
    for name, group in complete.items():
        for scalar, unit in SCALARS.items():
            found = group["scalars"][scalar]
            kinds = [number(found[f"{kind}_{p}"], 3) for kind in ("generated", "held_out") for p in _P]
            lines.append(
                [name, f"{scalar.replace('_', ' ')} ({unit})", *kinds, number(found["ks"]), f"{found['p']:.1g}"]
            )
    asked = []
    for name, group in complete.items():
        found = group["conditional"]
        medians = [number(found[kind]["median"]) if found[kind] else "–" for kind in ("wanted", "anything")]
        asked.append([name, found["answered"], found["asked"], *medians])
    parts = [
        table([*header, "smallest", "too near", "active units"], rows),
        table(["group", "answered", "of test crystals", "NMAE / % when asked for", "when not"], asked),
        "<p class=note>Asked for composition and lattice constant of a test crystal: error of what is generated "
        "against its density, and of a draw that nothing was asked of.</p>",
        "<p class=note>Too near: nearer to a training density than 95 % of the test densities are. Negative: below "
        "−2 % of the peak.</p>",
        table(["group", "", *(f"generated {p}" for p in _P), *(f"held out {p}" for p in _P), "KS", "p"], lines),
    ]
    if complete:
        parts.append(draw("generation", generation_figure(complete, SHELLS, RADII), "Median and central 80 %."))
    return parts


_P = ("p5", "median", "p95")


def sample_parts(judged: Judged, draw: Draw) -> list[str]:
    """Table and pictures of written samples."""
    header = ["file", "electrons", "a / Å", "symmetric", "electrons", "group of atoms", "nearest training", "NMAE / %"]
    ok = {True: "yes", False: "NO", None: "–"}
    rows = [
        [
            entry["file"], number(entry["electrons"], 0), number(entry["lattice_constant"], 3),
            ok[entry.get("symmetric")], ok[entry.get("electrons_exact")], ok[entry.get("atoms_agree")],
            entry["nearest_training"], number(entry["nearest_nmae"], 1),
        ]
        for entry in judged.samples["samples"]
    ]  # fmt: skip
    parts = [f"<p>{judged.samples['failures']} failures of {len(rows)}.</p>", table(header, rows)]
    figure = samples_figure(judged.samples["samples"], judged.samples_folder or Path())
    return [*parts, draw("samples", figure)] if figure else parts


def samples_figure(samples: Sequence[Mapping[str, Any]], folder: Path) -> Figure | None:
    """Draw generated densities as they come back from their files; None where none does."""
    pictures: dict[str, list[Picture]] = {}
    for entry in samples:
        try:
            rho = read_chgcar(folder / entry["file"]).values
        except (SymfftError, OSError):
            continue
        size = f"{entry['electrons']:.0f} e, a = {entry['lattice_constant']:.2f} Å"
        label = f"{entry['space_group']} {entry['prototype']}\n{size}"
        pictures.setdefault(str(entry["space_group"]), []).append(Picture(label, rho))
    if not pictures:
        return None
    return densities_figure(
        pictures, "generated √ρ in the plane of [110] and [001], and surfaces that hold half of the electrons"
    )
