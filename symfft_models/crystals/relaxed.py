"""Relaxed crystals that draws are learned from: cells, free coordinates and energies by one potential.

``relaxed.csv`` holds crystals in the structure types of :mod:`symfft_models.datasets.paw.candidates`, relaxed with
CHGNet 0.3.0 at fixed space group, elements among them. It is written from a work folder by

``python -m symfft_models.crystals.relaxed FOLDER``
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from symfft.io.atomic import write_text
from symfft_models.datasets.crystals import Crystal, of_sites
from symfft_models.datasets.paw.candidates import (
    ImplausibleError,
    candidates,
    elemental_phases,
    relaxed,
    table,
)
from symfft_models.datasets.paw.pack import split
from symfft_models.datasets.paw.store import load_paw
from symfft_models.datasets.paw.work_files import read_lines

FILE = "relaxed.csv"
POTENTIAL = "CHGNet 0.3.0"
COLUMNS = ("prototype", "space_group", "cell", "sites", "energy_ev")


@dataclass(frozen=True)
class Relaxed:
    """A relaxed crystal with its energy (eV per atom) by :data:`POTENTIAL`."""

    crystal: Crystal
    energy: float

    @property
    def amounts(self) -> dict[str, float]:
        """Share of each element in the atoms."""
        total = sum(n for _, n in self.crystal.formula)
        found: dict[str, float] = {}
        for symbol, n in self.crystal.formula:
            found[symbol] = found.get(symbol, 0.0) + n / total
        return found


@cache
def load_relaxed() -> tuple[Relaxed, ...]:
    """Return the relaxed crystals that come with the package."""
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return tuple(
        Relaxed(
            of_sites(row["prototype"], int(row["space_group"]), row["cell"], row["sites"], "relaxed"),
            float(row["energy_ev"]),
        )
        for row in csv.DictReader(text.splitlines())
    )


@cache
def elemental_energies() -> dict[str, float]:
    """Return the lowest energy (eV per atom) of each element among the relaxed crystals."""
    lowest: dict[str, float] = {}
    for item in load_relaxed():
        if len(item.amounts) == 1:
            (symbol,) = item.amounts
            lowest[symbol] = min(item.energy, lowest.get(symbol, float("inf")))
    return lowest


def formation_energy(amounts: dict[str, float], energy: float) -> float:
    """Return the energy (eV per atom) against the elements' lowest relaxed phases; NaN where one is missing."""
    known = elemental_energies()
    return energy - sum(share * known.get(symbol, float("nan")) for symbol, share in amounts.items())


def may_be_learned(crystal: Crystal) -> bool:
    """Whether a composition is in the training split, by the rule of the PAW set."""
    return split(crystal.composition) == "train"


def training_crystals() -> list[Crystal]:
    """Return the crystals that draws are learned from, of the training split's compositions.

    Those of the PAW set (at their own volume), and the relaxed ones with a negative formation energy.
    """
    named = {row["prototype"] for row in table("prototypes.csv")}
    found: dict[str, Crystal] = {}
    for item in load_relaxed():
        crystal = item.crystal
        stable = len(item.amounts) == 1 or formation_energy(item.amounts, item.energy) < 0
        if stable and may_be_learned(crystal) and crystal.prototype in named:
            found[crystal.id] = crystal
    for entry in load_paw().select(split="train"):
        if entry.prototype in named and abs(entry.metadata["volume_factor"] - 1) < 1e-9:
            crystal = _of_entry(entry)
            found.setdefault(crystal.id, crystal)
    return list(found.values())


def _of_entry(entry: object) -> Crystal:
    """Crystal of an entry of the PAW set."""
    import numpy as np

    from symfft_models.datasets.paw import PawEntry

    assert isinstance(entry, PawEntry)
    lengths = np.linalg.norm(entry.lattice, axis=1)
    unit = entry.lattice / lengths[:, None]
    angles = np.degrees(np.arccos([unit[1] @ unit[2], unit[0] @ unit[2], unit[0] @ unit[1]])).round(6)
    sites = "; ".join(
        f"{site.symbol} {site.wyckoff} " + " ".join(f"{x:.9f}" for x in site.position) for site in entry.sites
    )
    number = entry.space_group
    free = _free_constants(number, [*lengths.tolist(), *angles.tolist()])
    return of_sites(entry.prototype, number, free, sites, "PAW set")


def _free_constants(number: int, constants: Sequence[float]) -> str:
    """Constants (a, b, c, alpha, beta, gamma) that the crystal system leaves free, as text."""
    a, b, c, alpha, beta, gamma = constants
    if number >= 195:
        free = [a]
    elif number >= 75:
        free = [a, c]
    elif number >= 16:
        free = [a, b, c]
    elif number >= 3:
        free = [a, b, c, beta]
    else:
        free = [a, b, c, alpha, beta, gamma]
    return " ".join(f"{value:.6g}" for value in free)


def write_relaxed(folder: Path, path: Path) -> int:
    """Write the table from the relaxations of a work folder; return how many crystals it holds."""
    starting = {crystal.id: crystal for crystal in candidates()}
    symbols = sorted({symbol for crystal in starting.values() for symbol in crystal.species})
    starting |= {crystal.id: crystal for crystal in elemental_phases(symbols)}
    rows = []
    for result in read_lines(folder / "relax" / "results.jsonl"):
        if result.get("id") not in starting:
            continue
        try:
            crystal = relaxed(starting[result["id"]], result)
        except ImplausibleError:
            continue
        sites = "; ".join(
            f"{symbol} {wyckoff} " + " ".join(f"{x:.6g}" for x in point) for symbol, wyckoff, point in crystal.sites
        )
        free = _free_constants(crystal.space_group, crystal.constants)
        rows.append([crystal.prototype, crystal.space_group, free, sites, f"{result['energy_ev_per_atom']:.5f}"])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(sorted(rows))
    write_text(path, text.getvalue())
    return len(rows)


if __name__ == "__main__":
    print(write_relaxed(Path(sys.argv[1]), Path(str(resources.files(__package__).joinpath(FILE)))))
