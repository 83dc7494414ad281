"""`symfft-vae predict`: densities of structures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from symfft.cli import exit_codes
from symfft.cli.command import Command, Result
from symfft.cli.options import symprec as displacement
from symfft_models.cli import options

#: Format by the word that asks for it, with the end of the file's name.
ENDS = {"chgcar": ".CHGCAR", "cube": ".cube", "xsf": ".xsf", "ccp4": ".ccp4"}


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_quiet(command)
    add = command.add_argument
    add("files", type=Path, nargs="+", metavar="STRUCTURE", help="CIF, POSCAR, extended XYZ, or a density's own atoms")
    add("-o", "--out", type=options.folder, required=True, help="folder for the densities")
    add("--as", choices=ENDS, default="chgcar", dest="form", help="format of the densities (default: %(default)s)")
    add("--shape", type=options.positive, nargs=3, metavar="N", help="grid (default: a point for each 0.135 Å)")
    add("--model", type=Path, metavar="FILE", help="density model (default: the one that comes with the package)")
    add("--properties", action="store_true", help="also formation energy, bulk modulus, and gap or metal")
    add("--symprec", type=displacement, default=1e-3, help="largest displacement in Å (default: 0.001)")
    add("--force", action="store_true", help="replace files that exist")


def run(
    *,
    files: Sequence[Path],
    out: Path,
    form: str,
    shape: Sequence[int] | None,
    model: Path | None,
    properties: bool,
    symprec: float,
    force: bool,
    quiet: bool,
    tell: Callable[[str], None],
) -> Result:
    """Predict the densities of structures."""
    from symfft import SymfftError, write_density
    from symfft_models.predict import DensityPredictor
    from symfft_models.properties.model import load_properties
    from symfft_models.scattering.files import read_structure

    grid = None if shape is None else (shape[0], shape[1], shape[2])
    predictor = DensityPredictor.load_shipped() if model is None else DensityPredictor.load(model)
    known = load_properties() if properties else None
    targets = [out / f"{_stem(path)}{ENDS[form]}" for path in files]
    for target in targets:
        if targets.count(target) > 1:
            raise SymfftError(f"several structures would be written to {target}: give them names of their own")
        if target.exists() and not force:
            raise SymfftError(f"{target} exists: give --force to replace it")
    out.mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, Any]] = []
    for path, target in zip(files, targets, strict=True):
        try:
            found = predictor.predict(read_structure(path, symprec), grid, symprec=symprec)
            write_density(target, found.density)
        except (SymfftError, OSError, MemoryError) as error:
            entries.append({"structure": str(path), "error": str(error) or type(error).__name__})
            print(f"symfft-vae: error: {entries[-1]['error']}", file=sys.stderr, flush=True)
            continue
        entries.append(
            {
                "structure": str(path),
                "file": str(target),
                "space_group": found.crystal.group.symbol,
                "shape": list(found.density.shape),
                "electrons": found.density.electrons,
                "lowest": float(found.density.values.min()),
                "error_bar": found.error_bar,
                "outside": found.outside,
            }
        )
        if known is not None:
            entries[-1]["properties"] = known.predict(found.crystal)
        if not quiet:
            tell(format_line(entries[-1]))
    failures = sum("error" in entry for entry in entries)
    return {"predictions": entries, "failures": failures, "outside": sum(bool(e.get("outside")) for e in entries)}


def _stem(path: Path) -> str:
    for end in (".gz", ".cif", ".vasp", ".poscar", ".xyz", ".extxyz", *(end.lower() for end in ENDS.values())):
        if path.name.lower().endswith(end):
            path = path.with_name(path.name[: -len(end)] or path.name)
    return path.name


def format_line(entry: dict[str, Any]) -> str:
    """Format one prediction."""
    shape = "×".join(map(str, entry["shape"]))
    line = f"{entry['file']}: {entry['space_group']}, {entry['electrons']:g} e on {shape}, error below "
    line += f"{entry['error_bar']:.1f} % for nine of ten"
    if "properties" in entry:
        line += f"\n  {properties_line(entry['properties'])}"
    return "".join([line, *(f"\n  outside of what was learned: {reason}" for reason in entry["outside"])])


def properties_line(found: dict[str, Any]) -> str:
    """Format the properties of one crystal."""
    words = [f"formation energy {found['formation_ev']:.2f} ± {found['formation_bar']:.2f} eV per atom"]
    if "bulk_modulus_gpa" in found:
        low, high = found["bulk_modulus_range"]
        words.append(f"bulk modulus {found['bulk_modulus_gpa']:.0f} GPa ({low:.0f} to {high:.0f})")
    words.append(f"a metal with probability {found['metal_probability']:.2f}")
    if found["metal_probability"] < 0.5:
        words.append(f"gap {found['gap_ev']:.1f} ± {found['gap_bar']:.1f} eV (PBE)")
    if found["unknown_elements"]:
        words.append(f"nothing is learned of {', '.join(found['unknown_elements'])}")
    return ", ".join(words)


def text(result: Result) -> str:
    """Print nothing: every structure had its line when it was done."""
    return ""


def code(result: Result) -> int:
    """Fail where a structure could not be read; say no where the model has not learned one's like."""
    if result["failures"]:
        return exit_codes.FAILED
    return exit_codes.NEGATIVE if result["outside"] else exit_codes.DONE


PREDICT = Command(arguments, run, text, tells=True, code=code)
