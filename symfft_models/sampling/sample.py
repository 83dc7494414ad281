"""Draw new densities, write them as CHGCAR files, and check what was written by reading it back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from symfft import Density, SpaceGroup, SymfftError, check_symmetry, expand_from_au, read_chgcar, write_chgcar
from symfft.io.atomic import write_text
from symfft_models._array_types import FloatArray
from symfft_models.crystals.composition import valences_of
from symfft_models.data.store import Entry
from symfft_models.model.config import SampleConfig
from symfft_models.model.density_table import DensityTable
from symfft_models.model.stars import cell_weights
from symfft_models.model.vae import DensityVAE, unpad
from symfft_models.sampling.prior import ANYTHING, Draw, Wanted, elements_of, fit_prior

#: Folder of a run's samples, and the file in it that describes them.
SAMPLES, SAMPLES_INDEX = "samples", "samples.json"
# A written file must be symmetric and hold its electrons to this (relative); its format keeps eleven digits.
WRITTEN_TOLERANCE = 1e-9
# A density may fall this much further below zero, as a share of its peak, than the training densities of its structure
# type: valence densities of the PAW method do fall below zero, near nuclei.
NEGATIVE_TOLERANCE = 0.02
#: What must hold of a written file, and what to say where it does not.
CHECKS = {
    "symmetric": "the density is not symmetric",
    "electrons_exact": "the density has another number of electrons than was drawn",
    "atoms_agree": "the atoms have another space group",
    "atoms_have_electrons": "the atoms have another number of electrons than the density",
    "not_negative": "the density falls further below zero than those of its structure type",
}


def lattice_points(space_group: SpaceGroup) -> int:
    """Count the lattice points of the cell: 1 for P, 4 for F."""
    identity = np.eye(3, dtype=int)
    return int((np.asarray(space_group.rotations) == identity).all(axis=(1, 2)).sum())


def decode_draw(model: DensityVAE, index: int, draw: Draw) -> tuple[FloatArray, float, float]:
    """Decode a drawn point: AU values in e/Å³ (float64), cubic lattice constant in Å, number of electrons.

    The electron count is the drawn one rounded to a multiple of the cell's lattice points, since each primitive cell
    holds a whole number; the density integrates to it exactly.
    """
    return decode_draws(model, index, [draw])[0]


@torch.no_grad()
def decode_draws(model: DensityVAE, index: int, draws: Sequence[Draw]) -> list[tuple[FloatArray, float, float]]:
    """Decode drawn points of one space group together, each as :func:`decode_draw` does."""
    if not draws:
        return []
    each = lattice_points(model.representation.units[index].space_group)
    points = np.stack([draw.point for draw in draws])
    a = np.exp(points[:, -2])
    electrons = np.maximum(np.round(np.exp(points[:, -1]) * a**3 / each), 1) * each
    condition = np.stack([points[:, -2], np.log(electrons / a**3)], axis=1)
    group = torch.full((len(draws),), index)
    latent, conditions = (torch.tensor(array, dtype=torch.float32) for array in (points[:, :-2], condition))
    shapes = unpad(model, model.decode(latent, group, conditions), group)
    return [(shape * n / b**3, b, n) for shape, b, n in zip(shapes, a.tolist(), electrons.tolist(), strict=True)]


def labelled(neighbour: Entry, wanted: Wanted = ANYTHING) -> Entry:
    """Return the training crystal that gives its atoms to a draw, with the wanted elements in the place of its own.

    The model generates a density, not atoms. The draw's prototype fixes the Wyckoff positions; the elements (and free
    coordinates, where the prototype has any) are those of the training crystal, or those that are wanted.
    """
    renamed = elements_of(wanted, neighbour.composition)
    sites = tuple(replace(site, symbol=renamed.get(site.symbol, site.symbol)) for site in neighbour.sites)
    return replace(neighbour, sites=sites)


def with_atoms(model: DensityVAE, index: int, values: FloatArray, a: float, atoms: Entry) -> Density:
    """Put a generated density in a cubic cell with the atoms of a crystal."""
    positions, numbers = atoms.atoms()
    unit = model.representation.units[index]
    return Density(expand_from_au(values, unit), a * np.eye(3), positions=positions, numbers=numbers)


def check_written(path: Path, space_group: SpaceGroup, electrons: float) -> dict[str, Any]:
    """Read a written CHGCAR and check its density's symmetry, its electrons, and the group of its atoms."""
    density = read_chgcar(path)
    report = check_symmetry(density.values, space_group)
    found = SpaceGroup.from_structure(density.lattice, density.positions, density.numbers).number
    error = density.electrons / electrons - 1.0
    return {
        "symmetric": report.is_symmetric(WRITTEN_TOLERANCE),
        "symmetry_residual": report.largest_residual,
        "electrons_exact": bool(abs(error) < WRITTEN_TOLERANCE),
        "electron_error": error,
        "atoms_space_group": found,
        "atoms_agree": bool(found == space_group.number),
        "minimum": float(density.values.min() / density.values.max()),
        "negative": float((density.values < 0).mean()),
    }


def nearest(values: FloatArray, train: DensityTable, model: DensityVAE, index: int) -> tuple[str, float]:
    """Return id of, and NMAE in % to, the closest training density of the group, in either choice of origin."""
    unit = model.representation.units[index]
    weight = cell_weights(unit)
    shape = values / (values @ weight)
    known = train.of_group(index, unit.size)
    both = np.concatenate([known, known[:, model.representation.shift_gn[index, : unit.size].numpy()]])
    distance = 100.0 * (np.abs(both - shape) @ weight)
    best = int(np.argmin(distance))
    rows = torch.nonzero(train.group_m == index)[:, 0].tolist()
    return train.entries[rows[best % len(known)]].id, float(distance[best])


def lowest(entries: Iterable[Entry]) -> float:
    """Return the lowest value of densities as a share of each one's peak; 0 where none falls below zero."""
    return min([0.0, *(float(entry.values.min() / entry.values.max()) for entry in entries)])


def write_samples(
    model: DensityVAE,
    train: DensityTable,
    config: SampleConfig,
    out: Path,
    space_groups: Sequence[int] = (),
    wanted: Wanted = ANYTHING,
    *,
    force: bool = False,
) -> dict[str, Any]:
    """Write `config.per_group` generated CHGCARs of every space group, or of the given ones, into `out`.

    What is returned is written beside them as ``samples.json``.

    Returns
    -------
    dict
        ``samples``, one entry a file: how it was drawn, what reading it back gave (`check_written`), the nearest
        training density, ``ok``, and where that is false ``error``, the reasons; ``failures``, how many of them do not
        hold: not symmetric, another electron count than asked or than that of the atoms in the file, atoms of another
        space group, values further below zero than training densities of the structure type have, or not readable.

    Raises
    ------
    CompositionError
        Where what is wanted cannot be had; nothing is written then.
    SymfftError
        Where `out` holds samples already, unless `force`.
    """
    groups = list(space_groups) or list(model.representation.groups)
    if not force and (out / SAMPLES_INDEX).exists():
        raise SymfftError(f"{out} holds samples already; choose another folder, or --force")
    drawn: list[tuple[str, int, Draw]] = []
    for number in groups:
        index = model.representation.row(number)
        prior, rng = fit_prior(model, train, index), np.random.default_rng((config.seed, number))
        for count in range(config.per_group):
            draw = prior.draw(rng, config.temperature, wanted)
            drawn.append((f"{number}-{file_name(draw.prototype)}-{count}.CHGCAR", index, draw))
    existing = [name for name, _, _ in drawn if (out / name).exists()]
    if existing and not force:
        raise SymfftError(f"{out / existing[0]} exists already; choose another folder, or --force")
    valences = valences_of(train.entries)
    out.mkdir(parents=True, exist_ok=True)
    results: list[dict[str, Any]] = []
    for name, index, draw in drawn:
        unit = model.representation.units[index]
        values, a, electrons = decode_draw(model, index, draw)
        neighbour = train.entries[draw.neighbour]
        atoms = labelled(neighbour, wanted)
        known = neighbour.electrons if atoms.sites == neighbour.sites else electrons_of(atoms, valences)
        entry: dict[str, Any] = {
            "file": name,
            "space_group": unit.space_group.number,
            "prototype": draw.prototype,
            "lattice_constant": a,
            "electrons": electrons,
            "atoms_from": neighbour.id,
            "atoms_renamed": atoms.sites != neighbour.sites,
            "atoms_electrons": known,
        }
        entry["nearest_training"], entry["nearest_nmae"] = nearest(values, train, model, index)
        try:
            write_chgcar(out / name, with_atoms(model, index, values, a, atoms))
            entry |= check_written(out / name, unit.space_group, electrons)
            entry["atoms_have_electrons"] = known is not None and abs(known - electrons) < WRITTEN_TOLERANCE * electrons
            alike = [known for known in train.entries_of(index) if known.prototype == draw.prototype]
            entry["not_negative"] = entry["minimum"] >= lowest(alike) - NEGATIVE_TOLERANCE
            wrong = [text for check, text in CHECKS.items() if not entry[check]]
        except SymfftError as error:
            wrong = [str(error)]
        entry |= {"ok": not wrong} | ({"error": "; ".join(wrong)} if wrong else {})
        results.append(entry)
    report = {"samples": results, "failures": sum(not entry["ok"] for entry in results)}
    write_text(out / SAMPLES_INDEX, json.dumps(report, indent=2))
    return report


def electrons_of(crystal: Entry, valences: Mapping[str, int]) -> float | None:
    """Sum the valence electrons of the atoms in the conventional cell; None where those of an element are unknown."""
    counts = crystal.element_counts()
    if not counts.keys() <= valences.keys():
        return None
    return float(sum(valences[symbol] * count for symbol, count in counts.items()))


def file_name(text: str) -> str:
    """Return a text as a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9.+-]", "_", text)
