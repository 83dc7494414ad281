"""The data card of the PAW densities: ``python -m symfft_models.datasets.paw.card`` prints it."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, defaultdict
from importlib import resources
from typing import Any

import numpy as np

from symfft import SpaceGroup
from symfft_models.datasets.paw import provenance
from symfft_models.datasets.paw.density import R_COMP
from symfft_models.datasets.paw.store import SPLITS, PawSet, load_paw

#: Elements with a d shell in their valence, and anions, whose compounds are counted.
D_METALS = frozenset(
    """Sc Ti V Cr Mn Fe Co Ni Cu Zn Y Zr Nb Mo Ru Rh Pd Ag Cd Hf Ta W Re Os Ir Pt Au Hg""".split()  # noqa: SIM905
)
ANIONS = {"O": "oxides", "F": "fluorides", "N": "nitrides", "S": "sulphides", "Cl": "chlorides"}


def card(densities: PawSet) -> str:
    """Return the data card in Markdown: what the set holds, how it was made, its licence and its limits."""
    compositions = densities.column("composition").tolist()
    groups, polarised = densities.column("space_group"), densities.column("spin_polarised")
    template = resources.files(__package__).joinpath("card.md").read_text(encoding="utf-8")
    recipe = json.loads(densities.attributes["recipe"])
    volumes: dict[tuple[str, str], int] = Counter(
        zip(compositions, densities.column("prototype").tolist(), strict=True)
    )
    return template.format(
        entries=len(densities),
        compounds=len(set(compositions)),
        groups=len(set(groups.tolist())),
        license=densities.attributes["license"],
        splits=_table(["group", "entries", *SPLITS, "reflections", "electrons per cell"], _groups(densities)),
        prototypes=_table(["group", "structure type", "entries", "compounds"], _prototypes(densities)),
        classes=_classes(compositions),
        spin=int(polarised.sum()),
        polarised_computed=int(densities.column("spin_computed").sum()),
        metals=int((densities.column("gap_ev") == 0).sum()),
        volumes=len({composition for (composition, _), n in volumes.items() if n > 1}),
        code=", ".join(sorted(set(densities.column("code").tolist()))),
        recipe="; ".join(f"{name} = {value}" for name, value in recipe.items()),
        max_iterations=recipe["max_iterations"],
        time=_time(densities),
        fitted=", ".join(R_COMP),
        negative=_negative(densities),
        stars=_table(["group", "1 %", "0.1 %"], _stars(densities)),
        computed=densities.attributes["computed"],
        kept_out="; ".join(f"{reason}: {n}" for reason, n in json.loads(densities.attributes["kept_out"]).items())
        or "none",
        standings=_table(["constants", "crystals", *provenance.STANDINGS], provenance.counts(densities)),
        references=_table(
            [
                "key",
                "kind",
                "crystals",
                "entries",
                "median %",
                "95 % within %",
                "confirms within %",
                "citation",
                "licence",
            ],
            provenance.by_reference(densities),
        ),
        differing=_table(
            ["crystal", "listed, Å", "nearest value, Å", "given by", "listed is off by %", "entries"],
            provenance.differing(densities),
        ),
        differing_estimates=provenance.differing_estimates(),
        remarks=_table(["crystal", "listed, Å", "remark"], provenance.remarks()),
        residual=float(densities.column("symmetry_residual").max()),
    )


def _groups(densities: PawSet) -> list[list[Any]]:
    rows = []
    reflections = np.diff(densities.file.columns["reflection_offsets"])[densities.rows]
    for group in densities.space_groups:
        here = densities.column("space_group") == group
        counted = Counter(densities.column("split")[here].tolist())
        electrons = densities.column("electrons")[here]
        name = f"{SpaceGroup.from_number(group).symbol} ({group})"
        splits = [counted[split] for split in SPLITS]
        rows.append([name, int(here.sum()), *splits, _range(reflections[here]), _range(electrons.astype(int))])
    return rows


def _prototypes(densities: PawSet) -> list[list[Any]]:
    found: dict[tuple[int, str], list[str]] = defaultdict(list)
    for group, prototype, composition in zip(
        *(densities.column(name).tolist() for name in ("space_group", "prototype", "composition")), strict=True
    ):
        found[group, prototype].append(composition)
    return [[*key, len(members), len(set(members))] for key, members in sorted(found.items())]


def _classes(compositions: list[str]) -> str:
    compounds = {composition: set(re.findall("[A-Z][a-z]?", composition)) for composition in compositions}
    counts = [f"{sum(symbol in elements for elements in compounds.values())} {name}" for symbol, name in ANIONS.items()]
    d_metals = sum(bool(D_METALS & elements) for elements in compounds.values())
    either = sum(bool((D_METALS | ANIONS.keys()) & elements) for elements in compounds.values())
    symbols = Counter(symbol for elements in compounds.values() for symbol in elements)
    return (
        f"By compound: {', '.join(counts)}, {d_metals} with a d metal; {100 * either / len(compounds):.0f} % are one "
        f"of these. {len(symbols)} elements: "
        + ", ".join(f"{symbol} {n}" for symbol, n in sorted(symbols.items()))
        + "."
    )


def _time(densities: PawSet) -> str:
    seconds, iterations = densities.column("cpu_seconds"), densities.column("iterations")
    return (
        f"{seconds.sum() / 3600:.2f} hours of one core in all: median {np.median(seconds):.0f} s, 95 % below "
        f"{np.percentile(seconds, 95):.0f} s, longest {seconds.max():.0f} s; {np.median(iterations):.0f} iterations in "
        f"the median, {iterations.max()} at most."
    )


def _negative(densities: PawSet) -> str:
    lowest = densities.column("lowest")
    worst = int(lowest.argmin())
    return f"{int((lowest < 0).sum())} of them, {densities.column('id')[worst]} lowest with {lowest[worst]:.2f} e/Å³"


def _stars(densities: PawSet) -> list[list[Any]]:
    rows = []
    for group in densities.space_groups:
        here = densities.column("space_group") == group
        columns = (densities.column(name)[here] for name in ("stars_1_percent", "stars_0.1_percent"))
        rows.append([group, *(f"{np.median(column):.0f}, {column.max()}" for column in columns)])
    return rows


def _range(values: Any) -> str:
    return f"{values.min()}–{values.max()}"


def _table(head: list[str], rows: list[list[Any]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


if __name__ == "__main__":
    sys.stdout.write(card(load_paw()))
