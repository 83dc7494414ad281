"""What is computed and in which order: the hard list, the listed crystals, plausible candidates, other volumes of some.

In a work folder (see ``workers/run.py``):

``python -m symfft_models.datasets.paw.queue relaxations FOLDER`` writes ``relax/jobs.jsonl`` for ``workers/relax.py``;
``python -m symfft_models.datasets.paw.queue jobs FOLDER`` writes ``queue/jobs.jsonl`` from what is relaxed so far, and
``candidates.csv``, which says of every candidate what became of it. Both can be run again at any time.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from symfft.io.atomic import replace_file
from symfft_models.datasets.crystals import Crystal, listed_crystals, of_prototype, scaled
from symfft_models.datasets.paw import recipe
from symfft_models.datasets.paw.candidates import (
    ImplausibleError,
    candidates,
    elemental_energies,
    elemental_phases,
    plausible,
    relaxation_job,
    relaxed,
    table,
)
from symfft_models.datasets.paw.pack import setups_of
from symfft_models.datasets.paw.store import PawSet, paw_path
from symfft_models.datasets.paw.work_files import read_lines, write_lines

#: Space groups with a queue of their own, all others together as 0, and how often each has its turn.
PACE = {221: 1.0, 225: 1.3, 227: 0.7, 0: 0.7}
#: How strongly a crystal's cost delays it within its group: 0 would take all structure types equally often.
COST_EXPONENT = 1.6
#: Factors of the lattice constants in copies at other volumes.
VOLUMES = (0.97, 1.03)
#: How much dearer than it is a copy at another volume counts.
COPY_COST = 1.5
#: Crystals of the hard list that cost less (seconds) come first of all; the others are one in so many places.
CHEAP, HARD_PACE = 30.0, 6


def hard_crystals() -> list[Crystal]:
    """Return the crystals of the hard list."""
    crystals = []
    for row in table("hard_test.csv"):
        species = re.findall("[A-Z][a-z]?", row["compound"])
        x = float(row["free_coordinate"].split()[1]) if row["free_coordinate"] else None
        if row["prototype"] == "double-perovskite" and x is not None:
            # the list counts from the smaller octahedron, the structure type from the other
            x = 0.5 - x
        if row["prototype"] == "anti-perovskite":
            species[1:] = species[:0:-1]
        crystals.append(of_prototype(row["prototype"], species, float(row["a_angstrom"]), x, "hard list"))
    return crystals


def schedule(crystals: Iterable[tuple[Crystal, float]]) -> list[Crystal]:
    """Order (crystal, cost) so that what is finished is balanced at any time.

    Groups of :data:`PACE` take turns. Within each a structure type's turn comes the less often the more its crystals
    cost; within a structure type cheap crystals come first.
    """
    prototypes: dict[tuple[int, str], list[tuple[float, Crystal]]] = defaultdict(list)
    for crystal, cost in crystals:
        group = crystal.space_group if crystal.space_group in PACE else 0
        prototypes[group, crystal.prototype].append((cost, crystal))
    keyed: dict[int, list[tuple[float, str, Crystal]]] = defaultdict(list)
    for (group, _), members in prototypes.items():
        spent = 0.0
        for cost, crystal in sorted(members, key=lambda pair: (pair[0], pair[1].id)):
            spent += cost**COST_EXPONENT
            keyed[group].append((spent, crystal.id, crystal))
    turns = [
        (turn / PACE[group], group, crystal)
        for group, members in keyed.items()
        for turn, (_, _, crystal) in enumerate(sorted(members, key=lambda member: member[:2]))
    ]
    return [crystal for _, _, crystal in sorted(turns, key=lambda entry: entry[:2])]


def write_relaxations(folder: Path) -> int:
    """Write the jobs of the relaxation: elemental phases, then the candidates, groups in turn, cheap ones first."""
    valence = {setup.symbol: setup.valence for setup in setups_of(folder / "setups.npz")}
    elements = valence.keys()
    possible = [crystal for crystal in candidates() if crystal.species <= elements]
    turns: Counter[int] = Counter()
    keyed = []
    for crystal in sorted(possible, key=lambda crystal: (recipe.seconds(crystal, valence), crystal.id)):
        group = crystal.space_group if crystal.space_group in PACE else 0
        keyed.append((turns[group] / PACE[group], group, crystal))
        turns[group] += 1
    ordered = [crystal for _, _, crystal in sorted(keyed, key=lambda entry: entry[:2])]
    unique = {crystal.id: crystal for crystal in (*elemental_phases(sorted(elements)), *ordered)}
    write_lines(folder / "relax" / "jobs.jsonl", map(relaxation_job, unique.values()))
    return len(unique)


def write_jobs(folder: Path, packed: Path) -> dict[str, int]:
    """Write the queue, without what a packed set has, and the table of candidates; return how many of each verdict."""
    valence = {setup.symbol: setup.valence for setup in setups_of(folder / "setups.npz")}
    wanted = {crystal.id: crystal for crystal in candidates()}
    starting = {crystal.id: crystal for crystal in elemental_phases(sorted(valence))} | wanted
    listed = {crystal.id: crystal for crystal in (*listed_crystals(), *hard_crystals())}
    listed = {name: crystal for name, crystal in listed.items() if crystal.species <= valence.keys()}
    listed = {name: crystal for name, crystal in listed.items() if crystal.source != "estimate"}
    results, potential = [], {}
    verdicts: list[tuple[Crystal, float | None, float | None, str]] = []
    for result in read_lines(folder / "relax" / "results.jsonl"):
        if result.get("id") not in starting:
            continue
        try:
            results.append((relaxed(starting[result["id"]], result), result["energy_ev_per_atom"]))
            potential[result["id"]] = result["potential"]
        except ImplausibleError as error:
            verdicts.append((starting[result["id"]], None, None, str(error)))
    energies = elemental_energies(results)
    complete = [(crystal, energy) for crystal, energy in results if crystal.species <= energies.keys()]
    crystals: dict[str, tuple[Crystal, dict[str, Any]]] = {name: (crystal, {}) for name, crystal in listed.items()}
    for crystal, formation, above, taken in plausible(complete, energies, listed):
        if crystal.id not in wanted:
            verdicts.append((crystal, formation, above, "reference of its element"))
        else:
            verdicts.append((crystal, formation, above, "taken" if taken else "implausible"))
        if taken and crystal.id in wanted:
            known = {"formation_ev": formation, "above_lowest_ev": above, "potential": potential[crystal.id]}
            name = crystal.id if crystal.id not in listed else f"{crystal.id}-relaxed"
            crystals[name] = (crystal, known)
            crystals |= {f"{name}-a{factor:g}": (scaled(crystal, factor), known) for factor in VOLUMES}
    for entry in PawSet.open(packed) if packed.exists() else ():
        if entry.id in crystals and np.allclose(entry.lattice, crystals[entry.id][0].lattice, rtol=0, atol=1e-9):
            del crystals[entry.id]
    hard = {crystal.id for crystal in hard_crystals()} & crystals.keys()
    jobs = _ordered(crystals, valence, hard)
    write_lines(folder / "queue" / "jobs.jsonl", jobs)
    _write_verdicts(folder / "candidates.csv", verdicts)
    return dict(Counter(verdict.split(":")[0] for *_, verdict in verdicts)) | {"jobs": len(crystals)}


def _ordered(
    crystals: dict[str, tuple[Crystal, dict[str, Any]]], valence: dict[str, int], first: set[str]
) -> list[dict[str, Any]]:
    """Jobs in the order of the queue; of those named in `first` the cheap ones come first of all."""
    costs = {name: recipe.seconds(crystal, valence) for name, (crystal, _) in crystals.items()}
    by_identity = {id(crystal): name for name, (crystal, _) in crystals.items()}
    rest = [
        (crystal, costs[name] * (COPY_COST if crystal.jitter != 1 else 1))
        for name, (crystal, _) in crystals.items()
        if name not in first
    ]
    names = [by_identity[id(crystal)] for crystal in schedule(rest)]
    dear = sorted((name for name in first if costs[name] > CHEAP), key=costs.__getitem__)
    for place, name in enumerate(dear):
        names.insert(HARD_PACE * place, name)
    names[:0] = sorted(first.difference(dear), key=costs.__getitem__)
    return [
        recipe.job(crystals[name][0], float(order), **crystals[name][1]) | {"id": name, "estimate_s": costs[name]}
        for order, name in enumerate(names)
    ]


def _write_verdicts(path: Path, verdicts: list[tuple[Crystal, float | None, float | None, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "space_group", "a", "b", "c", "formation_ev", "above_lowest_ev", "verdict"])
    for crystal, formation, above, verdict in sorted(verdicts, key=lambda row: row[0].id):
        energies = ["" if energy is None else f"{energy:.4f}" for energy in (formation, above)]
        lengths = ["" if formation is None else f"{length:.4f}" for length in crystal.constants[:3]]
        writer.writerow([crystal.id, crystal.space_group, *lengths, *energies, verdict])
    with replace_file(path) as stream:
        stream.write(text.getvalue().encode())


def main(arguments: list[str] | None = None) -> int:
    """Write jobs and print how many."""
    parser = argparse.ArgumentParser(prog="python -m symfft_models.datasets.paw.queue", description=__doc__)
    parser.add_argument("what", choices=("relaxations", "jobs"))
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    written = write_jobs(options.folder, paw_path()) if options.what == "jobs" else write_relaxations(options.folder)
    print(json.dumps(written))
    return 0


if __name__ == "__main__":
    sys.exit(main())
