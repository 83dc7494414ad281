"""Tables of the data card: what the lattice constants of the listed crystals are traced to, and which are off."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from symfft_models.datasets.crystals import Crystal, listed_crystals, listed_name
from symfft_models.datasets.lattice_sources import Source, cell_volume, published, references, sources
from symfft_models.datasets.paw.queue import hard_crystals
from symfft_models.datasets.paw.store import PawSet

#: What a crystal's constants are, in the words of the card, by `Crystal.source`.
KINDS = {
    "input": "put in by hand",
    "hard list": "put in by hand",
    "estimate": "estimated from radii",
    "hypothetical": "strained crystals",
}
#: Columns of the table of counts.
STANDINGS = ("confirmed", "differs", "potential agrees", "potential differs", "no value")


class Cell(NamedTuple):
    """A cell that is compared: name of the crystal, space group, and volume (Å³)."""

    name: str
    space_group: int
    volume: float


def crystals() -> dict[str, Crystal]:
    """Return the listed crystals by name; the hard list's constants go before the others."""
    return {crystal.id: crystal for crystal in (*listed_crystals(), *hard_crystals())}


def cell_of(crystal: Crystal) -> Cell:
    """Return a listed crystal's cell."""
    return Cell(crystal.id, crystal.space_group, cell_volume(crystal.constants))


def packed_cells(densities: PawSet) -> list[Cell]:
    """Return the cells of the entries that were not relaxed, each at the listed volume."""
    columns = [densities.column(name) for name in ("id", "lattice_source", "space_group", "volume_factor")]
    volumes = np.abs(np.linalg.det(densities.column("lattice")))
    return [
        Cell(listed_name(name), int(group), float(volume / factor))
        for name, source, group, factor, volume in zip(*columns, volumes, strict=True)
        if source != "relaxed"
    ]


def deviation(source: Source, cell: Cell) -> float:
    """Return how far the constants of a cell are off, relative."""
    return source.deviation(cell.space_group, cell.volume)


def nearest(cell: Cell) -> Source | None:
    """Return the published value nearest to a cell's, in units of the tolerance; a potential's where there is none."""
    values = published(cell.name) or sources().get(cell.name, ())
    return min(values, key=lambda source: abs(deviation(source, cell)) / source.reference.tolerance, default=None)


def standing(cell: Cell) -> str:
    """Return how a cell stands beside published values or, without one, beside a potential's: of :data:`STANDINGS`."""
    found = nearest(cell)
    if found is None:
        return "no value"
    agrees = found.confirms(cell.space_group, cell.volume)
    if found.reference.kind == "potential":
        return "potential agrees" if agrees else "potential differs"
    return "confirmed" if agrees else "differs"


def counts(densities: PawSet) -> list[list[Any]]:
    """Return how many constants stand how, by what they are, and for the entries of a set."""
    groups: dict[str, list[Cell]] = defaultdict(list)
    for crystal in crystals().values():
        groups[KINDS[crystal.source]].append(cell_of(crystal))
    groups["entries of this set"] = packed_cells(densities)
    rows = []
    for name, cells in groups.items():
        found = Counter(map(standing, cells))
        rows.append([name, len(cells), *(found[word] for word in STANDINGS)])
    return rows


def by_reference(densities: PawSet) -> list[list[Any]]:
    """Return for each reference: how many crystals and entries it has, and how far those put in by hand are off."""
    known = crystals()
    by_hand = [cell_of(crystal) for crystal in known.values() if KINDS[crystal.source] == "put in by hand"]
    rows = []
    for reference in references().values():
        has = {name for name, values in sources().items() if any(v.reference == reference for v in values)}
        off = [
            100 * deviation(source, cell)
            for cell in by_hand
            for source in sources().get(cell.name, ())
            if source.reference == reference
        ]
        rows.append(
            [
                reference.key,
                reference.kind,
                len(has),
                sum(cell.name in has for cell in packed_cells(densities)),
                f"{np.median(off):+.2f}",
                f"{np.percentile(np.abs(off), 95):.2f}",
                f"{100 * reference.tolerance:g}",
                f"[{reference.citation}]({reference.url})",
                reference.licence,
            ]
        )
    return rows


def differing(densities: PawSet) -> list[list[Any]]:
    """Return the crystals put in by hand that no value confirms: constants, nearest value, deviation, entries."""
    known, packed = crystals(), Counter(cell.name for cell in packed_cells(densities))
    rows = []
    for crystal, cell, source in _unconfirmed(known.values()):
        if KINDS[crystal.source] == "put in by hand":
            rows.append(
                [
                    crystal.id,
                    _words(crystal.constants[: 1 if crystal.space_group >= 195 else 3]),
                    _words(source.cell[:3]),
                    source.label,
                    f"{100 * deviation(source, cell):+.1f}",
                    packed[crystal.id],
                ]
            )
    return sorted(rows, key=lambda row: -abs(float(row[4])))


def differing_estimates() -> str:
    """Return the estimates that no value confirms, with the reference and the deviation."""
    found = [
        (abs(deviation(source, cell)), f"{crystal.id} ({source.reference.key}, {100 * deviation(source, cell):+.0f} %)")
        for crystal, cell, source in _unconfirmed(crystals().values())
        if crystal.source == "estimate"
    ]
    return ", ".join(text for _, text in sorted(found, reverse=True))


def remarks() -> list[list[str]]:
    """Return the crystals with a cell that is not the compound's, and why."""
    return [
        [crystal.id, _words(crystal.constants[:1]), crystal.remark] for crystal in listed_crystals() if crystal.remark
    ]


def _unconfirmed(listed: Iterable[Crystal]) -> list[tuple[Crystal, Cell, Source]]:
    rows = []
    for crystal in listed:
        cell = cell_of(crystal)
        source = nearest(cell)
        if source is not None and not source.confirms(cell.space_group, cell.volume):
            rows.append((crystal, cell, source))
    return rows


def _words(constants: Iterable[float]) -> str:
    return " ".join(f"{value:.3f}" for value in constants)
