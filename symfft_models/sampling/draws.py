"""Drawn crystals with their densities and verdicts, as CHGCARs and one index beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from symfft import SpaceGroup, SymfftError, read_chgcar, write_chgcar
from symfft.io.atomic import write_text
from symfft_models.atoms.ranking import shipped_predictor
from symfft_models.crystals.composition import CompositionError
from symfft_models.crystals.generator import DrawnCrystal, Wanted, electrons_of, has_its_space_group, load_crystal_model
from symfft_models.index_file import read_index
from symfft_models.verdict.from_density import judge_density

INDEX = "samples.json"
#: What a sample must hold to be taken from an earlier call.
FIELDS: dict[str, type | tuple[type, ...]] = {
    "space_group_asked": (int, type(None)),
    "number": int,
    "crystal": str,
    "ok": bool,
}
#: Space groups that are drawn where none is asked for.
GROUPS = (221, 225, 227)
#: How often a draw is repeated whose sites have another space group than they should.
AGAIN = 20
#: Longest distance (Å) of neighbouring grid points of a written density.
SPACING = 0.2


@dataclass(frozen=True)
class Settings:
    """How many crystals per space group, the temperature of the draws, and the seed."""

    per_group: int = 3
    temperature: float = 1.0
    seed: int = 0


def write_draws(
    out: Path,
    settings: Settings,
    groups: Sequence[int] = (),
    wanted: Wanted | None = None,
    *,
    force: bool = False,
    tell: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Draw crystals, write their predicted densities, and judge each file as it was read back.

    A call that was interrupted goes on where it stopped: what the index in `out` lists is not drawn again.

    Parameters
    ----------
    out : Path
        Folder of the CHGCARs and of ``samples.json``.
    settings : Settings
        How many, and how.
    groups : sequence of int
        Space groups; by default 221, 225 and 227, or any where a composition or a structure type is wanted.
    wanted : Wanted, optional
        What every crystal is to be.
    force : bool
        Replace what is in the folder.
    tell : callable, optional
        Called with every draw.

    Returns
    -------
    dict
        ``samples``, one entry per file, and ``failures``, how many are not ok. ``samples.json`` holds the same.

    Raises
    ------
    CompositionError
        If what is wanted cannot be had.
    SymfftError
        If the folder holds samples of another request, or a file that the index does not list, unless `force`.
    """
    wanted = wanted or Wanted()
    free = wanted.composition is None and wanted.prototype is None
    numbers: list[int | None] = list(groups) or (list(GROUPS) if free else [None])
    request = {"wanted": str(wanted), "groups": numbers, "temperature": settings.temperature, "seed": settings.seed}
    done: list[dict[str, Any]] = []
    if (out / INDEX).exists() and not force:
        before = read_index(out / INDEX, "samples", FIELDS)
        if before.get("request") != request:
            raise SymfftError(f"{out} holds samples of another request; choose another folder, or --force")
        done = before["samples"]
    known = {(entry["space_group_asked"], entry["number"]): entry for entry in done}
    names = {entry["crystal"] for entry in done}
    samples: list[dict[str, Any]] = []
    for number in numbers:
        for count in range(settings.per_group):
            if (number, count) in known:
                samples.append(known[number, count])
                continue
            asked = replace(wanted, space_group=number if number is not None else wanted.space_group)
            try:
                drawn = _draw(asked, settings, count, names)
            except CompositionError:
                # a composition may be had once and not a second time; the first failure is the answer
                if not samples:
                    raise
                break
            names.add(drawn.crystal.id)
            out.mkdir(parents=True, exist_ok=True)
            entry = {"space_group_asked": number, "number": count} | _written(out, drawn, force)
            samples.append(entry)
            report = _report(request, samples)
            write_text(out / INDEX, json.dumps(report, indent=1))
            if tell is not None:
                tell(entry)
    return _report(request, samples)


def _report(request: dict[str, Any], samples: list[dict[str, Any]]) -> dict[str, Any]:
    return {"request": request, "samples": samples, "failures": sum(not entry["ok"] for entry in samples)}


def _draw(wanted: Wanted, settings: Settings, count: int, names: set[str]) -> DrawnCrystal:
    rng = np.random.default_rng((settings.seed, wanted.space_group or 0, count))
    refused: set[str] = set()
    for _ in range(AGAIN):
        model = load_crystal_model()
        drawn = model.draw(rng, wanted, temperature=settings.temperature, drawn=names | refused)
        if has_its_space_group(drawn.crystal):
            return drawn
        refused.add(drawn.crystal.id)
    raise CompositionError(f"{wanted} cannot be had: what is drawn has a higher space group than its structure type")


def _written(out: Path, drawn: DrawnCrystal, force: bool) -> dict[str, Any]:
    """Predict and write the density of a crystal, read it back and judge it."""
    crystal = drawn.crystal
    path = out / f"{crystal.space_group}-{crystal.id}.CHGCAR"
    if path.exists() and not force:
        raise SymfftError(f"{path} exists already; choose another folder, or --force")
    group = SpaceGroup.from_number(crystal.space_group)
    entry: dict[str, Any] = {
        "file": path.name,
        "crystal": crystal.id,
        "space_group": crystal.space_group,
        "prototype": crystal.prototype,
        "composition": crystal.composition,
        "constants": list(crystal.constants),
        "sites": [[symbol, wyckoff, list(point)] for symbol, wyckoff, point in crystal.sites],
        "formula": [list(pair) for pair in crystal.formula],
        "substituted_from": drawn.parent,
        "expected": {
            "formation_ev": drawn.formation_ev,
            "formation_error_ev": drawn.formation_error,
            "above_phases_ev": drawn.above_phases_ev,
            "length_error_percent": 100 * drawn.length_error,
        },
    }
    try:
        prediction = shipped_predictor().predict(crystal, _shape(crystal.lattice, group))
        write_chgcar(path, prediction.density)
        density = read_chgcar(path)
        verdict = judge_density(density, group)
        wanted = electrons_of(crystal)
        if abs(density.electrons - wanted) > 1e-3:
            verdict["reasons"].append(f"the crystal has {wanted:g} electrons, the density {density.electrons:.4f}")
        entry["prediction"] = {"error_bar": prediction.error_bar, "outside": prediction.outside}
    except SymfftError as error:
        verdict = {"ok": False, "reasons": [str(error)], "not_possible": {}}
    return entry | {"verdict": verdict, "ok": not verdict["reasons"]}


def _shape(lattice: Any, group: SpaceGroup) -> tuple[int, int, int]:
    from symfft import next_compatible_shape

    return next_compatible_shape(group, np.ceil(np.linalg.norm(lattice, axis=1) / SPACING).astype(int).tolist())
