"""From worker results to a density set: check each one, bring it to the standard cell and grid, reduce, pack."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft import (
    NotSymmetricError,
    SpaceGroup,
    asymmetric_unit,
    expand_from_au,
    next_compatible_shape,
    reduce_to_au,
)
from symfft.resampling import change_cell, lossless_shape
from symfft_models._array_types import FloatArray
from symfft_models.data.split import split_of
from symfft_models.data.store import DensitySet, Entry, Site, bundled_path, write_set
from symfft_models.datasets.bundled.crystals import Crystal
from symfft_models.datasets.bundled.recipe import Recipe
from symfft_models.datasets.bundled.work_folder import UnreadableResultError, WorkFolder

#: Grid of the cubic cell for the groups with many entries; docs/decisions/0003-data-format.md has the measurements
#: behind it.
GRIDS = {221: (36, 36, 36), 225: (56, 56, 56), 227: (64, 64, 64)}
#: Largest distance (Å) of grid points in all other groups, where every entry has a grid of its own.
SPACING = 0.15
#: Largest accepted difference between a density and its symmetry average, relative to its maximum.
SYMMETRY_TOLERANCE = 1e-5
#: Largest accepted error of the computed number of electrons, relative.
ELECTRON_TOLERANCE = 1e-6
#: Most negative value on the standard grid that is accepted, relative to the maximum.
NEGATIVE_TOLERANCE = 0.02


def grid_of(crystal: Crystal) -> tuple[int, int, int]:
    """Return the grid of the conventional cell that a crystal's density is stored on."""
    if crystal.space_group in GRIDS:
        return GRIDS[crystal.space_group]
    lengths = np.linalg.norm(crystal.lattice, axis=1)
    return next_compatible_shape(crystal.space_group, np.ceil(lengths / SPACING).astype(int).tolist())


class RejectedResultError(ValueError):
    """A computed density does not belong in the set; the message begins with the kind of reason."""


def entry_of(crystal: Crystal, report: dict[str, Any], density: FloatArray | None, recipe: Recipe) -> Entry:
    """Turn one computed density on the grid of its primitive cell into an entry.

    Parameters
    ----------
    crystal : Crystal
        What was computed.
    report : dict
        The worker's report.
    density : (n1, n2, n3) float64, optional
        e/Å³ on the primitive cell's own grid; None where the worker gave none.
    recipe : Recipe
        Settings of the computation.

    Raises
    ------
    RejectedResultError
        If the result is not converged, or its structure, symmetry or number of electrons is not as it should be.
    """
    if density is None or not report["converged"]:
        raise RejectedResultError("unconverged: " + report.get("reason", "no density"))
    number = crystal.space_group
    primitive, symbols, positions = crystal.cell(primitive=True)
    numbers = [sorted(set(symbols)).index(symbol) + 1 for symbol in symbols]
    found = SpaceGroup.from_structure(primitive, positions, numbers).number
    if found != number:
        raise RejectedResultError(f"wrong structure: the sites have space group {found}, expected {number}")

    electrons = recipe.electrons(crystal, primitive=False)
    volume = float(np.linalg.det(crystal.lattice))
    counted = float(density.mean()) * volume
    if abs(counted - electrons) > ELECTRON_TOLERANCE * electrons:
        raise RejectedResultError(f"wrong electrons: {counted:.6f} in the conventional cell, expected {electrons}")

    shape = grid_of(crystal)
    cell = np.rint(np.linalg.inv(crystal.basis)).astype(np.int64)
    values = change_cell(density, primitive, cell, (0, 0, 0), shape)
    unit = asymmetric_unit(number, shape)
    try:
        reduced = reduce_to_au(values, unit, tolerance=SYMMETRY_TOLERANCE)
    except NotSymmetricError as error:
        raise RejectedResultError(f"wrong symmetry: {error}") from error
    residual = float(np.abs(expand_from_au(reduced, unit) - values).max() / np.abs(values).max())
    if values.min() < -NEGATIVE_TOLERANCE * values.max():
        raise RejectedResultError(f"undersampled: the density falls to {values.min():.3g} between its grid points")
    return Entry(
        values=(reduced * (electrons / counted)).astype(np.float32),
        space_group=number,
        shape=shape,
        lattice=crystal.lattice,
        electrons=float(electrons),
        id=crystal.id,
        composition=crystal.composition,
        prototype=crystal.prototype,
        split=split_of(crystal.composition),
        sites=tuple(Site(*site) for site in crystal.sites),
        metadata={
            "converged": True,
            "energy_ev": report["energy_ev"] * volume / float(np.linalg.det(primitive)),
            "bands": report["bands"],
            **settings_of(crystal, recipe),
            "code": report["code"],
            "iterations": report["iterations"],
            "seconds": report["seconds"],
            "native_grid": " ".join(map(str, density.shape)),
            "truncation_psnr_db": truncation_psnr(density, primitive, cell, values),
            "symmetry_residual": residual,
            "minimum": float(values.min()),
            "jitter": crystal.jitter,
            "lattice_source": crystal.source,
        },
    )


def settings_of(crystal: Crystal, recipe: Recipe) -> dict[str, Any]:
    """Return the settings of a crystal's computation as they are stored with its entry."""
    job = recipe.job(crystal)
    return {
        "xc": job["xc"],
        "setups": " ".join(f"{symbol}:{name}" for symbol, name in job["setups"].items()),
        "cutoff_ev": float(job["cutoff_ev"]),
        "grid_spacing": float(job["grid_spacing"] or np.nan),
        "kpoints": " ".join(map(str, job["kpoints"])),
        "smearing_ev": float(job["smearing_ev"]),
    }


def up_to_date(entry: Entry, crystal: Crystal, recipe: Recipe) -> bool:
    """Whether an entry was computed with the present structure and recipe."""
    settings = settings_of(crystal, recipe)
    return np.allclose(entry.lattice, crystal.lattice, rtol=0, atol=1e-9) and all(
        _same(entry.metadata.get(name), value) for name, value in settings.items()
    )


def _same(stored: Any, wanted: Any) -> bool:
    """Whether a stored setting is the one wanted, as a number but for the digits of a constant of another year."""
    if isinstance(stored, float) and isinstance(wanted, float):
        return bool(np.isclose(stored, wanted, rtol=1e-8, atol=0, equal_nan=True))
    return str(stored) == str(wanted)


def truncation_psnr(density: FloatArray, primitive: FloatArray, cell: NDArray[np.int64], values: FloatArray) -> float:
    """Return the peak signal-to-noise ratio, in dB, of a density on the standard grid against its own grid.

    ``20 log10(max rho / RMSE)``, both interpolated to a grid of the cubic cell that holds every frequency of either;
    at most 150 dB is told apart from no loss.
    """
    native = lossless_shape(primitive, cell, density.shape)
    fine = tuple(max(pair) for pair in zip(native, values.shape, strict=True))
    reference = change_cell(density, primitive, cell, (0, 0, 0), fine)
    error = change_cell(values, cell @ primitive, np.eye(3), (0, 0, 0), fine) - reference
    rmse = float(np.sqrt(np.mean(error**2)))
    return 150.0 if rmse == 0 else min(150.0, 20 * float(np.log10(reference.max() / rmse)))


def bundled_before(path: Path, crystals: Iterable[Crystal], recipe: Recipe) -> tuple[list[Entry], dict[str, str]]:
    """Return what a bundle holds of these crystals that is up to date, and the reasons of those it kept out."""
    if not path.exists():
        return [], {}
    listed = {crystal.id: crystal for crystal in crystals}
    densities = DensitySet.open(path)
    entries = [e for e in densities if e.id in listed and up_to_date(e, listed[e.id], recipe)]
    reasons = json.loads(densities.attributes.get("kept_out_ids", "{}"))
    return entries, {name: reason for name, reason in reasons.items() if name in listed}


def bundle(work: WorkFolder, crystals: Iterable[Crystal], recipe: Recipe, out: Path | None = None) -> dict[str, Any]:
    """Pack all usable results of a work folder, and what is up to date in the bundle that `out` was before.

    Returns what was packed and what was kept out, by reason.
    """
    crystals, out = list(crystals), out or bundled_path()
    kept, rejected = bundled_before(out, crystals, recipe)
    entries = {entry.id: entry for entry in kept}
    for crystal in crystals:
        if crystal.id in entries or not work.result(crystal.id).exists():
            continue
        rejected.pop(crystal.id, None)
        try:
            report, density = work.read(crystal.id)
            entries[crystal.id] = entry_of(crystal, report, density, recipe)
        except (RejectedResultError, UnreadableResultError) as error:
            rejected[crystal.id] = str(error)
    rejected |= {failure["id"]: f"{failure['status']}: {failure['reason']}" for failure in work.failures()}
    rejected = {name: reason[:100] for name, reason in sorted(rejected.items()) if name not in entries}
    packed = sorted(entries.values(), key=lambda entry: (entry.space_group, entry.prototype, entry.id))
    reasons = Counter(reason.split(":")[0] for reason in rejected.values())
    attributes = {
        "title": "Valence electron densities of crystals, plane-wave DFT",
        "license": "CC0-1.0",
        "recipe": json.dumps(asdict(recipe)),
        "computed": len(packed) + len(rejected),
        "kept_out": json.dumps(dict(reasons)),
        "kept_out_ids": json.dumps(rejected),
    }
    write_set(out, packed, attributes)
    return {
        "entries": len(packed),
        "by_space_group": dict(Counter(entry.space_group for entry in packed)),
        "kept_out": dict(reasons),
        "kept_out_ids": rejected,
    }
