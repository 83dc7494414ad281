"""`symfft sf`: structure factors in electrons, as a table or to an MTZ or CIF file."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from symfft.cli import files, options, results, words
from symfft.cli.command import Command, Result
from symfft.errors import SymfftError
from symfft.io.reflections import write_structure_factors


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_file(command)
    options.add_group(command)
    command.add_argument(
        "--hkl", action="append", type=_indices, default=[], metavar="H,K,L", help="a reflection to print; any number"
    )
    command.add_argument("--dmin", type=options.positive, metavar="Å", help="smallest d of the reflections to write")
    command.add_argument(
        "-o", "--output", metavar="OUT", help="file to write with the unique reflections: *.mtz, *.cif"
    )
    command.add_argument("--force", action="store_true", help="overwrite an output that exists")


def run(
    file: str,
    *,
    reading: files.Reading,
    group: str | None,
    symprec: float,
    hkl: list[tuple[int, ...]],
    dmin: float | None,
    output: str | None,
    force: bool,
) -> Result:
    """Return structure factors, and write the unique ones where asked."""
    if not hkl and output is None:
        raise SymfftError("name reflections with --hkl, or a file to write with -o")
    if (output is None) != (dmin is None):
        raise SymfftError("a file of reflections needs both -o and --dmin")
    if output is not None:
        files.require_new(output, force)
    density, _ = files.load(file, reading)
    if density.kind != "charge":
        raise SymfftError(f"{file}: structure factors in electrons need a charge density, this is {density.kind}")
    result: dict[str, Any] = {"file": file, "reflections": [], "output": output, "space_group": None, "written": None}
    if hkl:
        for index, value in zip(hkl, density.structure_factors(np.array(hkl)).tolist(), strict=True):
            phase = float(np.degrees(np.angle(value)))
            result["reflections"].append({"hkl": index, "amplitude": abs(value), "phase": phase})
    if output is not None and dmin is not None:
        found = files.find_group(density, group, symprec)
        written = write_structure_factors(output, density, dmin, found)
        result |= {"space_group": results.name(found), "written": written}
    return result


def text(result: Result) -> str:
    """Return the table and what was written."""
    lines = [
        "  ({:d} {:d} {:d})".format(*entry["hkl"]) + f"  {entry['amplitude']:12.6f} e  {entry['phase']:8.3f}°"
        for entry in result["reflections"]
    ]
    if result["output"] is not None:
        written = words.count(result["written"], "unique reflection")
        lines.append(f"{result['output']}: {written}, {words.group(result['space_group'])}")
    return "\n".join(lines)


def _indices(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if len(parts) != 3 or not all(part.lstrip("-").isdigit() and len(part) < 7 for part in parts):
        raise argparse.ArgumentTypeError(f"{text} is not three integers h,k,l")
    return tuple(int(part) for part in parts)


SF = Command(arguments, run, text)
