"""`symfft symmetrize`: the average over a space group."""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from symfft.analysis.spins import trusted_signs
from symfft.au import symmetrize as project
from symfft.cli import files, options, results, words
from symfft.cli.command import Command, Result
from symfft.errors import NotSymmetricError
from symfft.grid.shape import grid_operators


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_file(command)
    options.add_output(command, "density to write, format by name")
    options.add_group(command)
    options.add_tolerance(command, 1e-2, "largest residual taken for noise; inf forces it on a density of any kind")
    options.add_augmentation(command)
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
    drop_magnetization: bool,
    force: bool,
) -> Result:
    """Average a density over its group; its magnetization with the signs that it has."""
    files.require_new(output, force)
    density, _ = files.load(file, reading)
    found = files.find_group(density, group, symprec)
    if drop_magnetization:
        density = density.total()
    total, spin = density.spin_parts()
    grid_operators(found, density.shape)
    before = results.largest_residual(total, found)
    if before > tolerance:
        raise NotSymmetricError(
            f"{file}: the density breaks {found.symbol} by {before:.1e} of its largest value, which is no noise "
            f"(tolerance {tolerance:g}): check the group, or force the average with --tolerance inf"
        )
    new_total, new_spin, magnetization = project(total, found), None, None
    if spin is not None:
        try:
            signs, residual = trusted_signs(spin, total, found, tolerance)
        except NotSymmetricError as error:
            raise NotSymmetricError(f"{file}: {error}; or leave it out with --drop-magnetization") from None
        new_spin = project(spin, found, signs=signs)
        magnetization = {"sign_changing_operators": sum(s < 0 for s in signs), "residual_before": residual}
    new = density.with_spin_parts(new_total, new_spin)
    notes = []
    if density.augmentation is not None:
        fate = "kept as they were" if augmentation == "keep" else "left out"
        notes.append(f"PAW augmentation occupancies are no values on the grid and were not symmetrized: {fate}")
    if augmentation == "drop":
        new = replace(new, augmentation=None, site_moments=None)
    notes += files.write(output, new)
    return {
        "file": file,
        "output": output,
        "space_group": results.name(found),
        "residual_before": before,
        "largest_change": float(np.abs(new_total - total).max() / (np.abs(total).max() or 1.0)),
        "electrons": results.electrons(new),
        "magnetization": magnetization,
        "notes": notes,
    }


def text(result: Result) -> str:
    """Return what was averaged."""
    lines = [
        f"{result['output']}: averaged over {words.group(result['space_group'])}",
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
