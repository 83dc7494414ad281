"""Verdicts of density files: what each density says, then the steps of other programs for all of them together."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symfft import SpaceGroup, SymfftError, read_density
from symfft.io.atomic import write_text
from symfft_models.data.formula import reduced
from symfft_models.datasets.crystals import Crystal
from symfft_models.index_file import read_index
from symfft_models.verdict import outside
from symfft_models.verdict.from_density import judge_density

VERDICTS = "verdicts.json"
#: What a verdict must hold to be taken from an earlier call.
FIELDS = {"file": str, "modified": int, "ok": bool, "not_possible": dict}
#: Names that density files have in a folder.
PATTERNS = ("*CHGCAR*", "*.cube", "*.cube.gz", "*.xsf")
#: Steps that other programs take: the option, the variable that names the program's Python, and its module.
PROGRAMS = {
    "recheck": ("--engine", outside.ENGINE_PYTHON, "gpaw"),
    "stability": ("--potential", outside.POTENTIAL_PYTHON, "chgnet"),
}


@dataclass(frozen=True)
class Steps:
    """Which other programs are asked, and where they are.

    Attributes
    ----------
    engine, potential : str or None
        "gpaw", "chgnet", or nothing.
    engine_python, potential_python : str or None
        Their interpreters; by default those that the environment names.
    cpu_limit : float
        Seconds of processor time that one DFT calculation may take.
    minutes : float, optional
        No DFT calculation is begun after this time; a later call goes on.
    """

    engine: str | None = None
    potential: str | None = None
    engine_python: str | None = None
    potential_python: str | None = None
    cpu_limit: float = 300.0
    minutes: float | None = None


def judge_files(
    paths: Sequence[Path],
    folder: Path,
    steps: Steps,
    space_group: SpaceGroup | None = None,
    *,
    tell: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Judge files; ``folder/verdicts.json`` holds what is done, so that a call goes on where another one stopped.

    Returns
    -------
    dict
        ``verdicts``, one entry per file, and ``shares``: of how many files what was looked at holds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / VERDICTS
    before = read_index(index, "verdicts", FIELDS)["verdicts"] if index.exists() else []
    remaining = {
        (entry["file"], entry["modified"]): _without_reasons(entry) for entry in before if "error" not in entry
    }
    verdicts: list[dict[str, Any]] = []
    crystals: dict[int, Crystal] = {}
    for path in paths:
        key = (str(path), path.stat().st_mtime_ns if path.exists() else 0)
        entry = remaining.pop(key, None)
        if entry is None:
            entry = {"file": key[0], "modified": key[1]}
            try:
                entry |= judge_density(read_density(path), space_group)
            except (SymfftError, OSError) as error:
                entry |= {"ok": False, "error": str(error)}
            if tell is not None:
                tell(entry)
        verdicts.append(entry)
        sofar = [*verdicts, *remaining.values()]
        write_text(index, json.dumps({"verdicts": sofar, "shares": shares(sofar)}, indent=1))
        if (entry.get("atoms") or {}).get("found"):
            crystal, group = crystal_of_sites(entry, path, space_group)
            if outside.in_reference_setting(crystal, group):
                crystals[len(verdicts) - 1] = crystal
            else:
                why = "the cell is not the conventional one: symfft convert --standardize first"
                entry["not_possible"] |= {"recheck": why, "stability": why}
    _ask_engine(verdicts, crystals, paths, folder, steps)
    _ask_potential(verdicts, crystals, folder, steps)
    _mark_repeated(verdicts, crystals)
    result = {"verdicts": verdicts, "shares": shares(verdicts)}
    write_text(index, json.dumps(result, indent=1))
    return result


def files_in(path: Path) -> list[Path]:
    """Return a file, or the densities in a folder by name."""
    if not path.is_dir():
        return [path]
    found = sorted({file for pattern in PATTERNS for file in path.glob(pattern) if file.is_file()})
    if not found:
        raise SymfftError(f"{path} holds no densities ({', '.join(PATTERNS)})")
    return found


def crystal_of_sites(entry: dict[str, Any], path: Path, space_group: SpaceGroup | None) -> tuple[Crystal, SpaceGroup]:
    """Return the crystal of the atoms that were found, in the cell of the file, and its group there."""
    density = read_density(path)
    group = space_group or density.space_group()
    lengths = np.linalg.norm(density.lattice, axis=1)
    unit = density.lattice / lengths[:, None]
    angles = np.degrees(np.arccos([unit[1] @ unit[2], unit[0] @ unit[2], unit[0] @ unit[1]])).round(6)
    sites = tuple((s, f"{n}", tuple(point)) for s, n, point in entry["atoms"]["sites"])
    counts: dict[str, int] = {}
    for symbol, n, _ in entry["atoms"]["sites"]:
        counts[symbol] = counts.get(symbol, 0) + n
    crystal = Crystal(
        prototype=path.name.split(".")[0],
        formula=tuple(reduced(counts).items()),
        space_group=int(group.number),
        constants=(*lengths.round(6).tolist(), *angles.tolist()),
        sites=tuple((s, f"{w}x", p) for s, w, p in sites),
        source=str(path),
    )
    return crystal, group


def _without_reasons(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a verdict of an earlier run, without why programs of that run were not possible."""
    reasons = {step: why for step, why in entry["not_possible"].items() if step not in PROGRAMS}
    return {**entry, "not_possible": reasons}


def _ask_engine(
    verdicts: list[dict[str, Any]], crystals: dict[int, Crystal], paths: Sequence[Path], folder: Path, steps: Steps
) -> None:
    python = _python(verdicts, "recheck", steps.engine, steps.engine_python)
    if python is None:
        return
    outside.gpaw_jobs(list(crystals.values()), folder, volumes=True)
    outside.run_gpaw(python, folder, steps.cpu_limit, steps.minutes)
    for row, crystal in crystals.items():
        _add(verdicts[row], "recheck", outside.recheck(read_density(paths[row]), crystal, folder))


def _ask_potential(verdicts: list[dict[str, Any]], crystals: dict[int, Crystal], folder: Path, steps: Steps) -> None:
    python = _python(verdicts, "stability", steps.potential, steps.potential_python)
    if python is None:
        return
    outside.potential_jobs(list(crystals.values()), folder)
    outside.run_potential(python, folder)
    for row, crystal in crystals.items():
        _add(verdicts[row], "stability", outside.stability(crystal, folder))


def _python(verdicts: list[dict[str, Any]], step: str, asked: str | None, given: str | None) -> str | None:
    """Return the Python that a step runs in; None where that is not possible, which the verdicts then say."""
    option, variable, module = PROGRAMS[step]
    if asked is None:
        _not_possible(verdicts, step, f"{option} {module} was not asked for")
        return None
    try:
        return outside.interpreter(given, variable, module)
    except outside.NotInstalledError as error:
        _not_possible(verdicts, step, str(error))
        return None


def _add(entry: dict[str, Any], step: str, found: dict[str, Any]) -> None:
    """Add what a program found to a verdict."""
    entry["not_possible"] |= found.pop("not_possible")
    if found:
        entry[step] = found


def _not_possible(verdicts: list[dict[str, Any]], step: str, why: str) -> None:
    for entry in verdicts:
        if step not in entry and "not_possible" in entry:
            entry["not_possible"].setdefault(step, why)


def _mark_repeated(verdicts: list[dict[str, Any]], crystals: dict[int, Crystal]) -> None:
    """Say of every crystal whether an earlier file holds the same: formula, group and sites."""
    seen: dict[tuple[Any, ...], str] = {}
    for row, crystal in crystals.items():
        key = (crystal.composition, crystal.space_group, tuple(sorted((s, w) for s, w, _ in crystal.sites)))
        verdicts[row]["same_as"] = seen.get(key)
        seen.setdefault(key, verdicts[row]["file"])


def shares(verdicts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Count verdicts: how many hold, of how many that were looked at.

    Returns
    -------
    dict
        ``ok``; ``atoms_found``; ``new``, not in the set; ``unique``; ``stable``; ``sun``, stable, unique and new;
        ``recheck_within_3_percent``: each (how many, of how many).
    """

    def count(values: Sequence[bool | None]) -> list[int]:
        known = [value for value in values if value is not None]
        return [sum(known), len(known)]

    def new(entry: dict[str, Any]) -> bool | None:
        return entry.get("novelty", {}).get("new")

    def stable(entry: dict[str, Any]) -> bool | None:
        return entry.get("stability", {}).get("stable")

    def unique(entry: dict[str, Any]) -> bool | None:
        return None if "same_as" not in entry else entry["same_as"] is None

    def close(entry: dict[str, Any]) -> bool | None:
        return entry["recheck"]["nmae"] < 3 if "recheck" in entry else None

    both = [
        None if None in (new(e), stable(e), unique(e)) else bool(new(e) and stable(e) and unique(e)) for e in verdicts
    ]
    return {
        "ok": count([bool(e["ok"]) for e in verdicts]),
        "atoms_found": count([bool((e.get("atoms") or {}).get("found")) for e in verdicts]),
        "new": count([new(e) for e in verdicts]),
        "unique": count([unique(e) for e in verdicts]),
        "stable": count([stable(e) for e in verdicts]),
        "sun": count(both),
        "recheck_within_3_percent": count([close(e) for e in verdicts]),
    }
