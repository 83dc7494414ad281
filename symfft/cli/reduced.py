"""`symfft reduce` and `symfft expand`: densities stored on their asymmetric unit."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from symfft.cli import files, options, results, words
from symfft.cli.command import Command, Result
from symfft.errors import SymfftError
from symfft.io import au_file
from symfft.io._compressed import readable
from symfft.io.atomic import replace_file


def _reduce_arguments(command: argparse.ArgumentParser) -> None:
    options.add_file(command)
    options.add_output(command, "file to write: *.npz or *.h5")
    options.add_group(command)
    options.add_tolerance(command, 1e-3, "largest residual that is averaged away")
    command.add_argument("--float32", action="store_true", help="store values with 7 digits instead of 16")
    options.add_augmentation(command)


def _expand_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="AU", help="file that `symfft reduce` wrote, - (stdin)")
    options.add_density_output(command)


def _reduce(
    file: str,
    output: str,
    *,
    reading: files.Reading,
    group: str | None,
    symprec: float,
    tolerance: float,
    float32: bool,
    augmentation: str,
    force: bool,
) -> Result:
    """Store a density on its asymmetric unit."""
    files.require_new(output, force)
    suffix = Path(output).suffix.lower()
    if suffix not in au_file.SUFFIXES:
        raise SymfftError(f"{output}: the name must end in {', '.join(au_file.SUFFIXES)}")
    density, _ = files.load(file, reading)
    found = files.find_group(density, group, symprec)
    record = au_file.reduce_density(
        density,
        found,
        tolerance=tolerance,
        dtype=np.float32 if float32 else np.float64,
        augmentation=augmentation == "keep",
    )
    bytes_before = os.path.getsize(file) if os.path.isfile(file) else None
    with replace_file(output) as target:
        au_file.write_au(target, record, suffix)
    grids = {
        name: {"values": record[f"{name}/data"].size, "operators": len(record[f"{name}/rotations"])}
        for name in au_file.GRIDS
        if f"{name}/data" in record
    }
    points, values = density.blocks * density.values.size, sum(grid["values"] for grid in grids.values())
    return {
        "file": file,
        "output": output,
        "space_group": results.name(found),
        "shape": density.shape,
        "dtype": str(record["values/data"].dtype),
        "points": points,
        "values": values,
        "ratio": points / values,
        "grids": grids,
        "residual": results.largest_residual(density.spin_parts()[0], found),
        "bytes_before": bytes_before,
        "bytes_after": Path(output).stat().st_size,
        "electrons": results.electrons(density),
        "notes": [],
    }


def _expand(file: str, output: str, *, to: str | None, force: bool) -> Result:
    """Bring a reduced density back to the whole grid."""
    files.require_new(output, force)
    with readable(file) as source:
        density = au_file.expand_density(au_file.read_au(source), source)
    notes = files.write(output, density, to)
    return {
        "file": file,
        "output": output,
        "shape": density.shape,
        "formula": files.formula(density),
        "electrons": results.electrons(density),
        "notes": notes,
    }


def _text_of_reduce(result: Result) -> str:
    """Return how much smaller the density has become."""
    lines = [
        f"{result['output']}: {words.group(result['space_group'])}, grid {words.shape(result['shape'])}",
        f"  {result['points']:,} values -> {result['values']:,} ({result['dtype']}), ratio {result['ratio']:.1f}",
        f"  averaged away: residual {result['residual']:.1e}",
        f"  {_bytes(result['bytes_before'], result['bytes_after'])}",
    ]
    lines += [
        f"  {name}: {grid['values']:,} values, {words.count(grid['operators'], 'operator')}"
        for name, grid in result["grids"].items()
        if len(result["grids"]) > 1
    ]
    return "\n".join(lines + words.total(result) + words.notes(result))


def _bytes(before: int | None, after: int) -> str:
    """Return how many bytes there were and are; what came through a pipe was not counted."""
    return f"{after:,} bytes" if before is None else f"{before:,} bytes -> {after:,}, ratio {before / after:.1f}"


def _text_of_expand(result: Result) -> str:
    """Return what was written."""
    return "\n".join([f"{result['output']}: {words.content(result)}", *words.total(result), *words.notes(result)])


REDUCE = Command(_reduce_arguments, _reduce, _text_of_reduce)
EXPAND = Command(_expand_arguments, _expand, _text_of_expand)
