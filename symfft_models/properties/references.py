"""Energies of the elements, from which formation energies count, computed by the recipe of the PAW set.

``references.csv`` holds the lowest energy per atom of each element: among those of the PAW set, and among results of
further runs: other structures of metals; molecules in a box for gases and sulphur. Copies at other volumes do not
count: where the k-points change with the volume, energies of metals move by some 0.02 eV.

``python -m symfft_models.properties.references FOLDER...`` writes it from the work folders of those runs (see
``datasets/paw/workers/run.py``) and the packed set.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path

from symfft.io.atomic import write_text
from symfft_models.datasets.paw import PawSet, load_paw
from symfft_models.datasets.paw.work_files import read_result

FILE = "references.csv"


@cache
def load_references() -> dict[str, float]:
    """Return the energy (eV per atom) of each element that has a reference.

    Examples
    --------
    >>> "O" in load_references(), "Mn" in load_references()
    (True, False)
    """
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return {row["element"]: float(row["energy_ev_per_atom"]) for row in csv.DictReader(text.splitlines())}


def lowest_energies(densities: PawSet, folders: Sequence[Path]) -> dict[str, tuple[float, str]]:
    """Return the lowest energy (eV per atom) of each element and the name of the structure that has it."""
    found: dict[str, list[tuple[float, str]]] = {}
    for entry in densities:
        symbols = {site.symbol for site in entry.sites}
        if len(symbols) == 1 and entry.metadata["volume_factor"] == 1:
            atoms = sum(entry.element_counts().values())
            found.setdefault(symbols.pop(), []).append((entry.metadata["energy_ev"] / atoms, entry.id))
    for folder in folders:
        for path in sorted((folder / "results").glob("*.npz")):
            job, report, _ = read_result(path)
            if len(set(job["symbols"])) == 1 and job.get("crystal", {}).get("volume_factor", 1) == 1:
                energy = report["energy_ev"] / len(job["symbols"])
                found.setdefault(job["symbols"][0], []).append((energy, job["id"]))
    return {symbol: min(phases) for symbol, phases in sorted(found.items())}


def write_references(folders: Sequence[Path], path: Path) -> int:
    """Write the table; return how many elements it has."""
    rows = lowest_energies(load_paw(), folders)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["element", "structure", "energy_ev_per_atom"])
    writer.writerows([symbol, name, f"{energy:.5f}"] for symbol, (energy, name) in rows.items())
    write_text(path, text.getvalue())
    return len(rows)


if __name__ == "__main__":
    table = Path(str(resources.files(__package__).joinpath(FILE)))
    print(write_references([Path(word) for word in sys.argv[1:]], table))
