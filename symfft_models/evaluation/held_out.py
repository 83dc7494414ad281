"""Measure a model on densities it has not seen, beside linear codes with as many floats and the paper's figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from symfft_models._array_types import FloatArray
from symfft_models.datasets.paw import load_paw
from symfft_models.evaluation.baselines import LinearCode, lowest_stars, mean_density, principal_components
from symfft_models.evaluation.metrics import density_metrics, summarize
from symfft_models.model.density_table import DensityTable, tabulate
from symfft_models.model.representation import Representation
from symfft_models.model.stars import cell_weights, exact_mean
from symfft_models.model.vae import DensityVAE, unpad

# Average PSNR in dB, from Cai, "Apply DFT to DFT: Symmetry-preserved Generation of Crystalline Electron Densities":
# densities of Materials Project, another test set than ours.
PAPER_PSNR = {221: 44.31, 225: 45.01, 227: 41.83}
FIGURES = ("psnr", "nmae", "rmse", "electron_error", "negative", "minimum")


@torch.no_grad()
def reconstruct(model: DensityVAE, table: DensityTable, chunk: int = 64) -> list[FloatArray]:
    """Encode and decode the posterior mean of every density; AU values normalised to mean one, float64."""
    densities: list[FloatArray] = []
    for rows in torch.arange(len(table)).split(chunk):
        values, group, condition = table.values_mn[rows], table.group_m[rows], table.condition_mp[rows]
        z = model.encode(values, group, condition).mean
        densities += unpad(model, model.decode(z, group, condition), group)
    return densities


def components_of(model: DensityVAE, train: DensityTable, index: int, count: int) -> list[LinearCode]:
    """Fit PCA on the training densities of one space group as they are, and in both choices of origin.

    Densities weigh 1 / max(rho)², which is what its PSNR asks for. Few floats go further in one origin, and many
    floats need the directions that the other one adds: compare with the better of the two.
    """
    codes = train.once(("components", index), _components_in_both_origins, model, train, index)
    return [code.truncated(count) for code in codes]


def _components_in_both_origins(model: DensityVAE, train: DensityTable, index: int) -> list[LinearCode]:
    unit = model.representation.units[index]
    single, weight = train.of_group(index, unit.size), cell_weights(unit)
    shift = model.representation.shift_gn[index, : unit.size].cpu().numpy()
    squares = single.max(1) ** -2.0
    return [principal_components(single, weight, unit.size, squares, moved) for moved in (None, shift)]


def linear_rivals(model: DensityVAE, train: DensityTable, index: int, truth: FloatArray) -> dict[str, LinearCode]:
    """Fit the rivals of one space group on the training split, as many floats each as the latent has (or fewer).

    Of the two ways to fit PCA it is the one that does better on `truth`, the test split.
    """
    unit, latent = model.representation.units[index], model.config.model.latent
    weight = cell_weights(unit)

    def mean_decibel(code: LinearCode) -> float:
        square = (code.reconstruct(truth) - truth) ** 2 @ weight
        return float(np.mean(np.log(truth.max(1) ** 2 / np.maximum(square, 1e-300))))

    return {
        "pca": max(components_of(model, train, index, latent), key=mean_decibel),
        "stars": lowest_stars(unit, latent),
        "mean_density": mean_density(train.of_group(index, unit.size), weight),
    }


@torch.no_grad()
def codec_alone(model: DensityVAE, index: int, truth: FloatArray) -> FloatArray | None:
    """Code and decode with the codec that the network corrects, which the model was before its first step."""
    if model.codecs is None or model.network is None:
        return None
    codec = model.codecs[index]
    return codec.decode(codec.encode(torch.from_numpy(truth).float())).double().numpy()


def hard_list(model: DensityVAE, train: DensityTable) -> DensityTable | None:
    """Collect the PAW densities of the hard list on the model's grids, each in the origin that the model codes better.

    These are named compounds that are in no other split, each crystal once. As for files that
    `symfft_models.reconstruct` gets, the better of the two origins half a cell diagonal apart is taken, one bit.

    Returns
    -------
    DensityTable or None
        None where nothing of the list is left in the model's space groups.
    """
    listed = train.once("hard list", _hard_densities, model.representation, train)
    return None if listed is None else in_better_origin(model, listed)


def _hard_densities(representation: Representation, train: DensityTable) -> DensityTable | None:
    hard, known = load_paw().select(split="hard").distinct(), {entry.composition for entry in train.entries}
    entries = [
        entry.entry(unit.shape)
        for number, unit in zip(representation.groups, representation.units, strict=True)
        for entry in hard.select(space_group=number)
        if entry.composition not in known
    ]
    return tabulate(entries, representation) if entries else None


@torch.no_grad()
def in_better_origin(model: DensityVAE, table: DensityTable) -> DensityTable:
    """Move the densities that the model codes better half a cell diagonal away."""
    weight_mn = model.representation.weight_gn[table.group_m]
    moved_mn = table.values_mn.gather(1, model.representation.shift_gn[table.group_m])
    moved_mn = torch.where(weight_mn > 0, moved_mn, 0.0)
    error = []
    for values_mn in (table.values_mn, moved_mn):
        estimate = model.decode(
            model.encode(values_mn, table.group_m, table.condition_mp).mean, table.group_m, table.condition_mp
        )
        error.append(((estimate - values_mn).square() * weight_mn).sum(1))
    values_mn = torch.where((error[1] < error[0])[:, None], moved_mn, table.values_mn)
    return DensityTable(table.entries, values_mn, table.group_m, table.condition_mp)


def evaluate(model: DensityVAE, test: DensityTable, train: DensityTable) -> dict[str, Any]:
    """Compare reconstructions of test densities, or of other ones, with the truth, and with every rival's.

    Returns
    -------
    dict
        ``groups``: for each space group n, the paper's figure, and for ``model``, ``codec`` (where a network
        corrects one), ``pca``, ``stars``,
        ``mean_density`` the number of floats and mean, median, p5, p95 of each figure of `density_metrics`;
        ``structures``: one entry a density.
    """
    estimates = reconstruct(model, test)
    groups: dict[str, Any] = {}
    structures: list[dict[str, Any]] = []
    for index, unit in enumerate(model.representation.units):
        number = model.representation.groups[index]
        rows = torch.nonzero(test.group_m == index)[:, 0].tolist()
        if not rows:
            continue
        weight = cell_weights(unit)
        truth = exact_mean(test.of_group(index, unit.size), weight)
        guesses = {"model": np.stack([estimates[row] for row in rows])}
        floats = {"model": model.config.model.latent}
        alone = codec_alone(model, index, truth)
        if alone is not None:
            guesses["codec"], floats["codec"] = exact_mean(alone, weight), floats["model"]
        for name, code in linear_rivals(model, train, index, truth).items():
            guesses[name], floats[name] = exact_mean(code.reconstruct(truth), weight), len(code.basis)
        density = np.exp([float(test.condition_mp[row, 1]) for row in rows])
        figures = {
            name: [
                density_metrics(t * d, g * d, unit.multiplicity) for t, g, d in zip(truth, guess, density, strict=True)
            ]
            for name, guess in guesses.items()
        }
        groups[str(number)] = {
            "symbol": unit.space_group.symbol,
            "n": len(rows),
            "paper_psnr": PAPER_PSNR.get(number),
            **{name: {"floats": floats[name], **summarize(rows_, FIGURES)} for name, rows_ in figures.items()},
        }
        for place, row in enumerate(rows):
            entry = test.entries[row]
            structures.append(
                {
                    "id": entry.id,
                    "space_group": number,
                    "composition": entry.composition,
                    "prototype": entry.prototype,
                    **figures["model"][place],
                    **{f"{name}_psnr": figures[name][place]["psnr"] for name in figures if name != "model"},
                }
            )
    return {"latent": model.config.model.latent, "groups": groups, "structures": structures}


HEADER = ["", "group", "n", "NMAE", "p95", "PSNR", "p5", "PCA", "", "(floats)", "stars", "", "codec", "", "paper"]
UNITS = ["", "", "", "%", "%", "dB", "dB", "%", "dB", "", "%", "dB", "%", "dB", "dB"]


def format_table(report: Mapping[str, Any]) -> str:
    """Lay out the report's figures as text: the test split and the hard list, one line a space group."""
    lines = [HEADER, UNITS]
    for title, groups in (("test", report["groups"]), ("hard", report.get("hard", {}).get("groups", {}))):
        for group in groups.values():
            paper = group["paper_psnr"] if title == "test" else None
            model = group["model"]
            lines.append(
                [
                    title,
                    group["symbol"],
                    str(group["n"]),
                    f"{model['nmae']['mean']:.2f}",
                    f"{model['nmae']['p95']:.2f}",
                    f"{model['psnr']['mean']:.2f}",
                    f"{model['psnr']['p5']:.2f}",
                    *means(group["pca"]),
                    f"({group['pca']['floats']})",
                    *means(group["stars"]),
                    *(means(group["codec"]) if "codec" in group else ("-", "-")),
                    f"{paper:.2f}" if paper else "-",
                ]
            )
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    text = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    latent = report["latent"]
    notes = [
        f"Means of NMAE and PSNR at {latent} latent floats, posterior mean decoded. test: the set's compounds that",
        "were held out from training. hard: the package's densities of a fixed list of compounds, without those of the",
        f"training split. PCA: fitted per group on the training split, at most {latent}",
        "floats (fewer where its densities span fewer). stars: the lowest |G| coefficients. codec: the model without",
        "its network. paper: Cai's averages on Materials Project densities, another test set.",
    ]
    return "\n".join([*text, *notes, *([training_line(report["training"])] if "training" in report else [])])


def means(figures: Mapping[str, Any]) -> tuple[str, str]:
    """Write mean NMAE and mean PSNR of a model or rival."""
    return f"{figures['nmae']['mean']:.2f}", f"{figures['psnr']['mean']:.2f}"


def training_line(training: Mapping[str, Any]) -> str:
    """Say how fast a run trained and when the validation split reached each level of PSNR.

    Examples
    --------
    >>> training_line({"minutes": 5.0, "samples_per_second": 61.2, "seconds_to_db": {"44": 9.31, "60": None}})
    'Training: 5.0 minutes, 61 samples/s; validation split at 44 dB after 9.3 s, at 60 dB never.'
    """
    speed = training.get("samples_per_second")
    reached = [
        f"at {level} dB {'never' if seconds is None else f'after {seconds:.1f} s'}"
        for level, seconds in training.get("seconds_to_db", {}).items()
    ]
    took = f"{training['minutes']:.1f} minutes" + (f", {speed:.0f} samples/s" if speed else "")
    return f"Training: {took}{'; validation split ' + ', '.join(reached) if reached else ''}."
