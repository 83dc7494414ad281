"""What density sets hold: counts for a program, tables for a reader, single entries as CHGCAR files."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from symfft.io import write_chgcar
from symfft.io.hdf5 import open_checked
from symfft_models.data.store import DensitySet
from symfft_models.datasets.crystals import implausible, listed_name
from symfft_models.datasets.paw.store import FORMAT as PARTS_FORMAT
from symfft_models.datasets.paw.store import SPLITS, PawSet, paw_path

AnySet = DensitySet | PawSet


def open_set(path: Path) -> AnySet:
    """Open a file of densities, or of densities as their parts.

    Raises
    ------
    DensityFormatError
        If it is neither.
    FileNotFoundError
        If there is none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no density set at {path}")
    with open_checked(path) as file:
        form = file.attrs.get("format")
    return PawSet.open(path) if form == PARTS_FORMAT else DensitySet.open(path)


def chosen_set(path: Path | None) -> AnySet:
    """Open a file of a set, or the one that comes with the package."""
    return open_set(path or paw_path())


def info(densities: AnySet) -> dict[str, Any]:
    """Count a set's entries, and measure its file.

    Returns
    -------
    dict
        ``set`` (name of the file), ``entries``, ``compounds``, ``by_space_group``, ``by_prototype``, ``by_split`` (by
        space group, then split), ``implausible`` (entries with a lattice constant that is not the compound's, and why),
        ``kept_out`` (results left out, by reason) and, for a set read from a file, ``bytes`` and ``load_seconds``. Keys
        are text, ready for JSON.
    """
    groups, splits = densities.column("space_group"), densities.column("split")
    by_split = {}
    for group in densities.space_groups:
        counted = Counter(splits[groups == group].tolist())
        by_split[str(group)] = {split: counted[split] for split in SPLITS if split in counted or split != "hard"}
    remarks = implausible()
    figures = {
        "set": densities.path.name if densities.path else "",
        "entries": len(densities),
        "compounds": len(set(densities.column("composition").tolist())),
        "by_space_group": {str(k): v for k, v in sorted(Counter(groups.tolist()).items())},
        "by_prototype": dict(sorted(Counter(densities.column("prototype").tolist()).items())),
        "by_split": by_split,
        "implausible": {
            name: remarks[listed_name(name)]
            for name in sorted(densities.column("id").tolist())
            if listed_name(name) in remarks
        },
        "kept_out": json.loads(densities.attributes.get("kept_out", "{}")),
    }
    if densities.path is not None:
        started = time.perf_counter()
        type(densities).open(densities.path)
        figures |= {"bytes": densities.path.stat().st_size, "load_seconds": round(time.perf_counter() - started, 4)}
    return figures


def info_text(figures: dict[str, Any]) -> str:
    """Return the counts of a set as a table for the terminal."""
    kept_out = ", ".join(f"{reason} {n}" for reason, n in figures["kept_out"].items()) or "none"
    size = f", {figures['bytes'] / 1e6:.1f} MB, opened in {figures['load_seconds']:.2f} s" if "bytes" in figures else ""
    splits = [split for split in SPLITS if any(split in counts for counts in figures["by_split"].values())]
    rows = [["group", "entries", *splits]]
    for group, counts in figures["by_split"].items():
        rows.append([group, str(sum(counts.values())), *(str(counts.get(split, 0)) for split in splits)])
    totals = [sum(counts.get(split, 0) for counts in figures["by_split"].values()) for split in splits]
    rows.append(["all", str(figures["entries"]), *map(str, totals)])
    widths = np.max([[len(cell) for cell in row] for row in rows], axis=0).tolist()
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    prototypes = ", ".join(f"{name} {n}" for name, n in figures["by_prototype"].items())
    head = f"{figures['set']}: {figures['entries']} densities of {figures['compounds']} compounds{size}"
    wrong = "; ".join(f"{name}: {why}" for name, why in figures["implausible"].items()) or "none"
    return "\n".join(
        [head, *lines, f"structure types: {prototypes}", f"implausible cells: {wrong}", f"kept out: {kept_out}"]
    )


def export(densities: AnySet, identifiers: list[str], out: Path) -> list[dict[str, str]]:
    """Write entries as CHGCARs of their conventional cells: one to a file, several into a folder as ``ID.CHGCAR``.

    Returns ``id`` and ``file`` of each.

    Raises
    ------
    KeyError
        If no entry has a name; the message lists near ones.
    """
    entries = [densities.find(identifier) for identifier in identifiers]
    if len(entries) > 1:
        out.mkdir(parents=True, exist_ok=True)
    written = []
    for entry in entries:
        path = out / f"{entry.id}.CHGCAR" if len(entries) > 1 else out
        write_chgcar(path, entry.density())
        written.append({"id": entry.id, "file": str(path)})
    return written
