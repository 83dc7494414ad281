"""`symfft diff`, `supercell`, `isosurface`: new files from a density."""

from __future__ import annotations

import argparse

import numpy as np

from symfft.cli import files, options, results, words
from symfft.cli.command import Command, Result
from symfft.errors import SymfftError
from symfft.io.atomic import write_text

#: Ends of the names of files of meshes.
MESHES = (".ply", ".obj")


def diff_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of diff."""
    options.add_file(command, metavar="A")
    command.add_argument("other", nargs="+", metavar="B", help="densities to subtract, on the same grid")
    options.add_density_output(command, required=False)
    command.add_argument("--total", action="store_true", help="leave magnetizations out")


def diff(
    file: str, other: list[str], output: str | None, *, reading: files.Reading, total: bool, to: str | None, force: bool
) -> Result:
    """Subtract densities from a density; write the difference where asked."""
    if output is not None:
        files.require_new(output, force)
    first, _ = files.load(file, reading)
    new = first.total() if total else first
    for name in other:
        one, _ = files.load(name, reading)
        new = new - (one.total() if total else one)
    voxel = new.volume / new.values.size
    notes = [] if output is None else files.write(output, new, to)
    if output is not None and first.augmentation is not None:
        notes.append("PAW augmentation occupancies are not subtracted: left out")
    return {
        "file": file,
        "output": output,
        "formula": files.formula(new),
        "shape": new.shape,
        "kind": new.kind,
        "electrons": results.electrons(new),
        "min": float(new.values.min()),
        "max": float(new.values.max()),
        "moved": float(np.abs(new.values).sum() * voxel / 2),
        "notes": notes,
    }


def diff_text(result: Result) -> str:
    """Return the range of the difference."""
    unit = words.UNITS[result["kind"]]
    moved = " electrons" if result["kind"] == "charge" else f"{unit} Å³"
    lines = [
        f"{result['output'] or result['file']}: {words.content(result)}",
        f"  values {result['min']:.5g} to {result['max']:.5g}{unit}",
        f"  half the integral of |A - B|: {result['moved']:.6g}{moved}",
    ]
    return "\n".join(lines + words.total(result) + words.notes(result))


def supercell_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of supercell."""
    options.add_file(command)
    command.add_argument(
        "repeat", nargs="*", type=int, metavar="N", help="1, 3 or 9 integers: 2, or 2 2 1, or rows of T"
    )
    command.add_argument("--primitive", action="store_true", help="go to a primitive cell instead")
    options.add_density_output(command)


def run_supercell(
    file: str,
    repeat: list[int],
    output: str,
    *,
    reading: files.Reading,
    primitive: bool,
    to: str | None,
    force: bool,
) -> Result:
    """Bring a density to a supercell, or to a primitive cell."""
    from symfft.resampling import cells

    if primitive == bool(repeat):
        raise SymfftError("give how often to repeat the cell, such as 2 2 1, or --primitive")
    if len(repeat) not in (0, 1, 3, 9):
        raise SymfftError(f"{len(repeat)} integers are not a cell: give 1, 3 or 9")
    files.require_new(output, force)
    old, _ = files.load(file, reading)
    if primitive:
        new = cells.primitive(old)
    else:
        new = cells.supercell(old, repeat[0] if len(repeat) == 1 else np.reshape(repeat, (-1, 3)).squeeze())
    notes = files.write(output, new, to)
    if old.augmentation is not None and new is not old:
        notes.append("PAW augmentation occupancies belong to the old cell: left out")
    return {
        "file": file,
        "output": output,
        "formula": files.formula(new),
        "shape": new.shape,
        "lattice": new.lattice.tolist(),
        "atoms": len(new.numbers),
        "electrons": results.electrons(new),
        "notes": notes,
    }


def written(result: Result) -> str:
    """Return what was written."""
    return "\n".join([f"{result['output']}: {words.content(result)}", *words.total(result), *words.notes(result)])


def isosurface_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of isosurface."""
    options.add_file(command)
    command.add_argument("level", type=float, metavar="LEVEL", help="value on the surface, in the units of the file")
    options.add_output(command, "mesh to write: *.ply or *.obj")
    command.add_argument("--magnetization", action="store_true", help="surface of the magnetization")


def isosurface(
    file: str, level: float, output: str, *, reading: files.Reading, magnetization: bool, force: bool
) -> Result:
    """Write the surface where a density crosses a level."""
    files.require_new(output, force)
    if not output.lower().endswith(MESHES):
        raise SymfftError(f"{output}: meshes are written as *.ply or *.obj")
    density, _ = files.load(file, reading)
    if magnetization:
        if density.magnetization is None or density.magnetization.ndim == 4:
            raise SymfftError(f"{file} holds no collinear magnetization")
        density = density.with_values(density.magnetization)
    mesh = density.isosurface(level)
    text = mesh.to_ply() if output.lower().endswith(".ply") else mesh.to_obj()
    write_text(output, text)
    return {
        "file": file,
        "output": output,
        "level": level,
        "vertices": len(mesh.vertices),
        "triangles": len(mesh.faces),
        "area": mesh.area,
        "notes": [],
    }


def isosurface_text(result: Result) -> str:
    """Return the size of the mesh."""
    return f"{result['output']}: {result['triangles']} triangles, {result['area']:.6g} Å² in the cell"


DIFF = Command(diff_arguments, diff, diff_text)
SUPERCELL = Command(supercell_arguments, run_supercell, written)
ISOSURFACE = Command(isosurface_arguments, isosurface, isosurface_text)
