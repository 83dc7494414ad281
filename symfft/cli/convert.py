"""`symfft convert`: other formats, grids and cells."""

from __future__ import annotations

import argparse

from symfft.cli import files, options, results, words
from symfft.cli.command import Command, Result
from symfft.grid.shape import next_compatible_shape


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_file(command, metavar="IN")
    options.add_density_output(command, positional=True)
    command.add_argument(
        "--shape",
        type=_shape_or_fit,
        metavar="N",
        help="grid to resample to: 48, 48x48x64, or fit (the next that fits the group)",
    )
    command.add_argument(
        "--standardize", dest="to_standard", action="store_true", help="go to the group's conventional cell (ITA)"
    )
    options.add_symprec(command)


def run(
    file: str,
    output: str,
    *,
    reading: files.Reading,
    shape: tuple[int, ...] | str | None,
    to_standard: bool,
    symprec: float,
    to: str | None,
    force: bool,
) -> Result:
    """Convert between formats; between grids and cells where asked."""
    files.require_new(output, force)
    old, _ = files.load(file, reading)
    new, notes = old, []
    if to_standard or shape is not None:
        from symfft.resampling.densities import resample, standardize

        if to_standard:
            new = standardize(old, shape=None if isinstance(shape, str) else shape, symprec=symprec)
        elif isinstance(shape, str):
            fitting = next_compatible_shape(files.find_group(old, None, symprec), old.shape)
            new = resample(old, fitting)
        elif shape is not None:
            new = resample(old, shape)
    if to_standard and old.augmentation is not None:
        notes.append("PAW augmentation occupancies belong to the old cell: left out")
    if new is not old and old.kind == "charge" and new.values.min() < min(old.values.min(), 0.0):
        lowest = f"{new.values.min():.2e} e/Å³ (before: {old.values.min():.2e})"
        notes.append(f"interpolation made negative values down to {lowest}")
    notes += files.write(output, new, to)
    return {
        "file": file,
        "output": output,
        "shape_before": old.shape,
        "shape": new.shape,
        "formula": files.formula(new),
        "electrons_before": results.electrons(old),
        "electrons": results.electrons(new),
        "min": float(new.values.min()),
        "max": float(new.values.max()),
        "notes": notes,
    }


def text(result: Result) -> str:
    """Return what was written, and from which grid."""
    changed = result["shape"] != result["shape_before"]
    was = f" (was {words.shape(result['shape_before'])})" if changed else ""
    return "\n".join([f"{result['output']}: {words.content(result)}{was}", *words.total(result), *words.notes(result)])


def _shape_or_fit(text: str) -> tuple[int, ...] | str:
    return text if text == "fit" else options.shape(text)


CONVERT = Command(arguments, run, text)
