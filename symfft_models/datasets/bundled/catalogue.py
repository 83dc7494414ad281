"""The data card of the bundled densities."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from importlib import resources
from typing import Any

import numpy as np

from symfft import SpaceGroup
from symfft_models.data.store import SPLITS, DensitySet

#: Space groups with many entries and one grid.
MAIN_GROUPS = (221, 225, 227)
#: Primitive cells in a conventional one, by centring letter.
CELLS = {"P": 1, "A": 2, "C": 2, "I": 2, "R": 3, "F": 4}


def card(densities: DensitySet) -> str:
    """Return the data card in Markdown: what the set holds, how it was made, its licence and its limits."""
    groups, prototypes = densities.column("space_group"), densities.column("prototype")
    composition, jitter = densities.column("composition"), densities.column("jitter")
    literature = densities.column("lattice_source") == "literature"
    a = densities.column("lattice")[:, 0, 0]
    rows = []
    pairs = sorted(set(zip(groups.tolist(), prototypes.tolist(), strict=True)))
    for group, prototype in (pair for pair in pairs if pair[0] in MAIN_GROUPS):
        here = (groups == group) & (prototypes == prototype)
        rows.append(
            (
                *(group, prototype, here.sum(), len(set(composition[here]))),
                *((here & literature).sum(), (here & (jitter != 1)).sum(), f"{a[here].min():.2f}–{a[here].max():.2f}"),
            )
        )
    template = resources.files(__package__).joinpath("card.md").read_text(encoding="utf-8")
    return template.format(
        entries=len(densities),
        compounds=len(set(composition.tolist())),
        license=densities.attributes["license"],
        codes=", ".join(sorted(set(densities.column("code").tolist()))),
        recipe=_recipe(json.loads(densities.attributes["recipe"])),
        prototypes=_table("group|prototype|entries|compounds|published a|jittered|a (Å)", rows),
        groups=_table(
            "group|grid|train|val|test|electrons per cell|loss of the grid, dB: median, p5, worst",
            _groups(densities, MAIN_GROUPS),
        ),
        others=_table("crystal system|group|crystals", _others(densities)),
        n_others=int(np.isin(groups, MAIN_GROUPS, invert=True).sum()),
        n_other_groups=len(set(groups.tolist()) - set(MAIN_GROUPS)),
        elements=_elements(composition.tolist()),
        computed=densities.attributes["computed"],
        kept_out="; ".join(f"{reason}: {n}" for reason, n in json.loads(densities.attributes["kept_out"]).items())
        or "none",
        few_bands=_with_fewer_empty_bands(densities),
        negative=int((densities.column("minimum") < 0).sum()),
        lowest=float((densities.column("minimum")).min()),
        residual=float(densities.column("symmetry_residual").max()),
    )


def _groups(densities: DensitySet, groups: Iterable[int]) -> list[tuple[Any, ...]]:
    rows = []
    for group in groups:
        part = densities.select(space_group=group)
        psnr, electrons = part.column("truncation_psnr_db"), part.column("electrons")
        counted = Counter(part.column("split").tolist())
        rows.append(
            (
                group,
                "×".join(str(n) for n in part[0].shape),
                *(counted[split] for split in SPLITS),
                f"{electrons.min():.0f}–{electrons.max():.0f}",
                f"{np.median(psnr):.0f}, {np.percentile(psnr, 5):.0f}, {psnr.min():.0f}",
            )
        )
    return rows


def _others(densities: DensitySet) -> list[tuple[str, str, str]]:
    rows = []
    for group in densities.space_groups:
        if group not in MAIN_GROUPS:
            names = ", ".join(densities.select(space_group=group).column("id").tolist())
            rows.append((crystal_system(group), f"{SpaceGroup.from_number(group).symbol} ({group})", names))
    return rows


def crystal_system(space_group: int) -> str:
    """Return the crystal system of a space group number.

    Examples
    --------
    >>> crystal_system(194), crystal_system(152), crystal_system(225)
    ('hexagonal', 'trigonal', 'cubic')
    """
    last = (2, 15, 74, 142, 167, 194, 230)
    names = ("triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic")
    return names[bisect_left(last, space_group)]


def _with_fewer_empty_bands(densities: DensitySet) -> int:
    """Count entries with fewer empty bands than the recipe has now."""
    centring = {group: SpaceGroup.from_number(group).symbol[0] for group in densities.space_groups}
    cells = np.array([CELLS[centring[group]] for group in densities.column("space_group").tolist()])
    occupied = densities.column("electrons") // (2 * cells)
    wanted = json.loads(densities.attributes["recipe"])["empty_bands"]
    return int((densities.column("bands") - occupied < wanted).sum())


def _elements(compositions: list[str]) -> str:
    found: dict[str, set[str]] = defaultdict(set)
    for composition in compositions:
        for symbol in re.findall("[A-Z][a-z]?", composition):
            found[symbol].add(composition)
    return f"{len(found)} elements: " + ", ".join(f"{symbol} {len(found[symbol])}" for symbol in sorted(found))


def _recipe(recipe: dict[str, Any]) -> str:
    return "; ".join(
        f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}" for name, value in recipe.items()
    )


def _table(head: str, rows: list[tuple[Any, ...]]) -> str:
    names = head.split("|")
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
