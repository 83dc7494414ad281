"""Measure a model on densities it has not seen, beside linear codes with as many floats and the paper's figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from symfft_models.baselines import LinearCode, lowest_stars, mean_density, principal_components, weights
from symfft_models.metrics import density_metrics, summarize
from symfft_models.table import DensityTable
from symfft_models.vae import SwinVAE

Array = NDArray[np.float64]

# Average PSNR in dB, from Cai, "Apply DFT to DFT: Symmetry-preserved Generation of Crystalline Electron Densities":
# densities of Materials Project, another test set than ours.
PAPER_PSNR = {221: 44.31, 225: 45.01, 227: 41.83}
FIGURES = ("psnr", "nmae", "rmse", "electron_error", "negative", "minimum")


def exact_mean(values: Array, weight: Array) -> Array:
    """Shift decoded densities (m, n) in float64 so that their mean over the cell is one to the last bits."""
    return values - (values @ weight - 1.0)[:, None]


@torch.no_grad()
def reconstruct(model: SwinVAE, table: DensityTable, chunk: int = 64) -> list[Array]:
    """Encode and decode the posterior mean of every density; AU values normalised to mean one, float64."""
    densities: list[Array] = []
    for rows in torch.arange(len(table)).split(chunk):
        values, group, condition = table.values_mn[rows], table.group_m[rows], table.condition_mp[rows]
        z = model.encode(values, group, condition).mean
        densities += unpad(model, model.decode(z, group, condition), group)
    return densities


def unpad(model: SwinVAE, values_bn: torch.Tensor, group_b: torch.Tensor) -> list[Array]:
    """Turn decoded values into one float64 vector each, without padding and with an exact mean."""
    units = [model.representation.units[index] for index in group_b.tolist()]
    rows = values_bn.double().cpu().numpy()
    return [
        exact_mean(row[None, : unit.size], unit.multiplicity / np.prod(unit.shape))[0]
        for row, unit in zip(rows, units, strict=True)
    ]


def components_of(model: SwinVAE, train: DensityTable, index: int, count: int) -> LinearCode:
    """Fit PCA on the training densities of one space group.

    It sees what the network sees: with `data.origin_shift` every density in both origins, weighted by 1 / max(rho)²,
    which is what its PSNR asks for.
    """
    unit = model.representation.units[index]
    values = train.of_group(index, unit.size)
    if model.config.data.origin_shift:
        shift = model.representation.shift_gn[index, : unit.size].cpu().numpy()
        values = np.concatenate([values, values[:, shift]])
    return principal_components(values, weights(unit), count, 1.0 / values.max(1) ** 2)


def linear_rivals(model: SwinVAE, train: DensityTable, index: int) -> dict[str, LinearCode]:
    """Fit the rivals of one space group on the training split, as many floats each as the latent has (or fewer)."""
    unit, latent = model.representation.units[index], model.config.model.latent
    return {
        "pca": components_of(model, train, index, latent),
        "stars": lowest_stars(unit, latent),
        "mean_density": mean_density(train.of_group(index, unit.size), weights(unit)),
    }


def start_of_training(model: SwinVAE, index: int) -> LinearCode | None:
    """Return the linear path alone, which the model was before its first step."""
    if model.linear is None:
        return None
    unit = model.representation.units[index]
    mean, basis = model.linear.mean_gn[index, : unit.size], model.linear.basis_gln[index, :, : unit.size]
    return LinearCode(mean.double().numpy(), basis.double().numpy(), weights(unit))


def evaluate(model: SwinVAE, test: DensityTable, train: DensityTable) -> dict[str, Any]:
    """Compare reconstructions of the test densities with the truth, and with every rival's.

    Returns
    -------
    dict
        ``groups``: for each space group n, the paper's figure, and for ``model``, ``linear_path``, ``pca``, ``stars``,
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
        weight = weights(unit)
        truth = exact_mean(test.of_group(index, unit.size), weight)
        rivals = linear_rivals(model, train, index)
        alone = start_of_training(model, index)
        if alone is not None:
            rivals["linear_path"] = alone
        guesses = {"model": np.stack([estimates[row] for row in rows])}
        floats = {"model": model.config.model.latent}
        for name, code in rivals.items():
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


def format_table(report: Mapping[str, Any]) -> str:
    """Lay out the report's figures as text, one line a space group."""
    header = ["group", "", "n", "PSNR", "p5", "NMAE", "PCA", "(floats)", "stars", "linear", "paper"]
    units = ["", "", "", "dB", "dB", "%", "dB", "", "dB", "dB", "dB"]
    lines = [header, units]
    for number, group in report["groups"].items():
        linear, paper = group.get("linear_path"), group["paper_psnr"]
        lines.append(
            [
                number,
                group["symbol"],
                str(group["n"]),
                f"{group['model']['psnr']['mean']:.2f}",
                f"{group['model']['psnr']['p5']:.2f}",
                f"{group['model']['nmae']['mean']:.2f}",
                f"{group['pca']['psnr']['mean']:.2f}",
                f"({group['pca']['floats']})",
                f"{group['stars']['psnr']['mean']:.2f}",
                f"{linear['psnr']['mean']:.2f}" if linear else "-",
                f"{paper:.2f}" if paper else "-",
            ]
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    text = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    latent = report["latent"]
    notes = [
        f"Means over the test split at {latent} latent floats, posterior mean decoded. PCA: fitted per group on the "
        "training split,",
        f"at most {latent} floats (fewer where the training densities span fewer). stars: the lowest |G| coefficients. "
        "linear: the model's",
        "linear path alone, as training began. paper: Cai's averages on Materials Project densities, another test set.",
    ]
    return "\n".join([*text, *notes])
