"""`symfft symmetrize`: the average over a space group."""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from symfft._array_types import FloatArray
from symfft.analysis.spins import is_character, is_negligible, trusted_signs
from symfft.cli import files, options, results, words
from symfft.cli.command import Command, Result
from symfft.crystal.space_group import SpaceGroup
from symfft.density import Density
from symfft.errors import IncompatibleGridError, NotSymmetricError
from symfft.grid.shape import grid_operators
from symfft.resampling.reciprocal import ReciprocalAverage


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_file(command)
    options.add_density_output(command)
    options.add_group(command)
    options.add_tolerance(command, 1e-2, "largest residual taken for noise; inf forces it on a density of any kind")
    options.add_augmentation(command)
    command.add_argument(
        "--reciprocal",
        action="store_true",
        help="average through the structure factors: for grids that do not fit the group, and origins between points",
    )
    command.add_argument("--drop-magnetization", action="store_true", help="write the total density alone")


def run(
    file: str,
    output: str,
    *,
    reading: files.Reading,
    group: str | None,
    symprec: float,
    tolerance: float,
    augmentation: str,
    reciprocal: bool,
    drop_magnetization: bool,
    to: str | None,
    force: bool,
) -> Result:
    """Average a density over its group; its magnetization with the signs that it has."""
    files.require_new(output, force)
    density, _ = files.load(file, reading)
    found = files.find_group(density, group, symprec)
    if drop_magnetization:
        density = density.total()
    total, spin = density.spin_parts()
    if not reciprocal:
        _require_grid(found, density)
    average = ReciprocalAverage(density, found)
    new_total, new_spin, magnetization = average(total), None, None
    before = _share(new_total - total, total) if reciprocal else results.largest_residual(total, found)
    if before > tolerance:
        raise NotSymmetricError(
            f"{file}: the density breaks {found.symbol} by {before:.1e} of its largest value, which is not noise "
            f"(tolerance {tolerance:g}): check the group, or force the average with --tolerance inf"
        )
    if spin is not None:
        try:
            new_spin, signs, residual = _spin_average(average, spin, total, tolerance)
        except NotSymmetricError as error:
            raise NotSymmetricError(f"{file}: {error}; or leave it out with --drop-magnetization") from None
        magnetization = {"sign_changing_operators": sum(s < 0 for s in signs), "residual_before": residual}
    new = density.with_spin_parts(new_total, new_spin)
    notes = []
    if density.augmentation is not None:
        fate = "kept as they were" if augmentation == "keep" else "left out"
        notes.append(f"PAW augmentation occupancies are not values on the grid and were not symmetrized: {fate}")
    if augmentation == "drop":
        new = replace(new, augmentation=None, site_moments=None)
    notes += files.write(output, new, to)
    return {
        "file": file,
        "output": output,
        "space_group": results.name(found),
        "reciprocal": reciprocal,
        "residual_before": before,
        "largest_change": _share(new_total - total, total),
        "electrons": results.electrons(new),
        "magnetization": magnetization,
        "notes": notes,
    }


def _require_grid(group: SpaceGroup, density: Density) -> None:
    try:
        grid_operators(group, density.shape)
    except IncompatibleGridError as error:
        message = str(error).replace("symmetrize_reciprocal averages", "--reciprocal averages")
        raise IncompatibleGridError(message) from None


def _spin_average(
    average: ReciprocalAverage, spin: FloatArray, total: FloatArray, tolerance: float
) -> tuple[FloatArray, tuple[int, ...], float]:
    """Average a magnetization with the signs that it has; return these too, and how far it was from its average."""
    if average.fits or spin.ndim == 4:
        signs, residual = trusted_signs(spin, total, average.group, tolerance)
        return average(spin, signs), signs, residual
    signs = (1,) * average.group.order if is_negligible(spin, total) else average.signs(spin)
    new = average(spin, signs) if is_character(average.group, signs) else spin
    residual = _share(new - spin, spin)
    if new is spin or (residual > tolerance and not is_negligible(spin, total)):
        raise NotSymmetricError(
            f"the operators neither keep nor reverse the magnetization within {tolerance:g} (residual {residual:.1e}): "
            f"the magnetic order has less symmetry than {average.group.symbol}; choose its group"
        )
    return new, signs, residual


def _share(difference: FloatArray, of: FloatArray) -> float:
    return float(np.abs(difference).max() / (np.abs(of).max() or 1.0))


def text(result: Result) -> str:
    """Return what was averaged."""
    lines = [
        f"{result['output']}: averaged over {words.group(result['space_group'])}"
        + (", through the structure factors" if result["reciprocal"] else ""),
        f"  residual before {result['residual_before']:.1e}, "
        f"largest change {result['largest_change']:.1e} of the largest value",
    ]
    if result["magnetization"] is not None:
        changing = words.count(result["magnetization"]["sign_changing_operators"], "operator")
        lines.append(
            f"  magnetization: {changing} of {result['space_group']['order']} change its sign, "
            f"residual before {result['magnetization']['residual_before']:.1e}"
        )
    return "\n".join(lines + words.total(result) + words.notes(result))


SYMMETRIZE = Command(arguments, run, text)
