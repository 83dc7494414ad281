"""`symfft check`: every operator of a space group, one by one."""

from __future__ import annotations

import argparse

import numpy as np

from symfft._array_types import FloatArray
from symfft.analysis.spins import NEGLIGIBLE, is_character, is_negligible
from symfft.cli import files, options, results, words
from symfft.cli.command import Command, Result
from symfft.grid.symmetry_check import check_symmetry
from symfft.resampling.reciprocal import ReciprocalAverage


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    options.add_files(command)
    options.add_group(command)
    options.add_tolerance(command, 1e-3, "largest residual that passes")


def run(file: str, *, reading: files.Reading, group: str | None, symprec: float, tolerance: float) -> Result:
    """Check a density against every operator of a group."""
    density, _ = files.load(file, reading)
    found = files.find_group(density, group, symprec)
    total, spin = density.spin_parts()
    report = check_symmetry(total, found)
    average = None if report.fits else ReciprocalAverage(density, found)
    reciprocal = None if average is None else _through_factors(average(total), total, tolerance)
    symmetric = report.is_symmetric(tolerance) if reciprocal is None else bool(reciprocal["symmetric"])
    result: Result = {
        "space_group": results.name(found),
        "shape": density.shape,
        "tolerance": tolerance,
        "fits": report.fits,
        "next_compatible_shape": None if report.fits else results.fitting_shape(found, density),
        "reciprocal": reciprocal,
        "total": {"symmetric": symmetric, **report.to_dict()},
        "magnetization": None,
        "notes": [],
    }
    if spin is None:
        return {**result, "symmetric": symmetric}
    collinear = spin.ndim == 3
    report = check_symmetry(spin if collinear else np.linalg.norm(spin, axis=0), found)
    reciprocal, signs = None, report.signs
    if is_negligible(spin, total):
        keeps = True
        result["notes"].append(f"magnetization below {NEGLIGIBLE:g} of the largest density: taken for zero")
    elif not collinear:
        keeps = report.is_symmetric(tolerance)
        result["notes"].append(
            "non-collinear magnetization: its length is checked, its direction is not"
            + ("" if report.fits else "; it passes only on a grid that fits the group")
        )
    elif average is None:
        keeps = report.largest_signed_residual <= tolerance and is_character(found, signs)
    else:
        signs = average.signs(spin)
        definite = is_character(found, signs)
        reciprocal = _through_factors(average(spin, signs) if definite else 0 * spin, spin, tolerance)
        keeps = definite and bool(reciprocal["symmetric"])
    result["magnetization"] = {
        "symmetric": keeps,
        "measure": "value" if collinear else "length",
        "sign_changing_operators": sum(s < 0 for s in signs) if collinear else None,
        "reciprocal": reciprocal,
        **report.to_dict(),
    }
    return {**result, "symmetric": symmetric and keeps}


def _through_factors(average: FloatArray, grid: FloatArray, tolerance: float) -> Result:
    """Return how far a grid is from its average through the structure factors, which needs no fitting grid."""
    largest = float(np.abs(grid).max()) or 1.0
    residual = float(np.abs(grid - average).max()) / largest
    return {"symmetric": residual <= tolerance, "residual": residual}


def text(result: Result) -> str:
    """Return the report operator by operator, and the verdict."""
    total, magnetization = result["total"], result["magnetization"]
    width = max(len("operator"), *(len(o["triplet"]) for o in total["operators"]))
    lines = [f"{result['file']}: {words.group(result['space_group'])}, grid {words.shape(result['shape'])}"]
    heads = f"  {'operator':<{width}}  fits  density "
    lines.append(heads + ("" if magnetization is None else f"  magnetization ({magnetization['measure']})"))
    spins = [None] * len(total["operators"]) if magnetization is None else magnetization["operators"]
    for operator, spin in zip(total["operators"], spins, strict=True):
        row = f"  {operator['triplet']:<{width}}  {'yes ' if operator['fits'] else 'no  '}"
        if operator["fits"]:
            row += f"  {operator['even']:7.1e}"
            if spin is not None:
                row += f"  {'changes sign' if spin['sign'] < 0 else 'kept':<12}  {spin['residual']:7.1e}"
        lines.append(row)
    fitting = [o["even"] for o in total["operators"] if o["fits"]]
    if not result["fits"]:
        misfits = len(total["operators"]) - len(fitting)
        wanted = words.next_grid(result["shape"], result["next_compatible_shape"])
        lines.append(f"  the grid does not fit {misfits} operators; {wanted}")
    lines.append(f"  density: {_verdict(total['symmetric'], max(fitting), result, len(fitting))}")
    reciprocal = result["reciprocal"]
    if reciprocal is not None:
        answer = words.verdict(reciprocal["symmetric"], reciprocal["residual"], result["tolerance"])
        lines.append(f"  density through its structure factors, which need no such grid, all operators: {answer};")
        lines.append("  symfft symmetrize --reciprocal averages it on this grid; reduce needs one that fits")
    if magnetization is not None:
        changing = magnetization["sign_changing_operators"]
        sign = f"; {words.count(changing, 'operator')} of {len(spins)} change its sign" if changing else ""
        residual = magnetization[
            "largest_signed_residual" if magnetization["measure"] == "value" else "largest_residual"
        ]
        verdict = _verdict(magnetization["symmetric"], residual, result, len(fitting))
        through = magnetization["reciprocal"]
        if through is not None:
            verdict = words.verdict(through["symmetric"], through["residual"], result["tolerance"])
            verdict += ", through its structure factors"
        lines.append(f"  magnetization: {verdict}{sign}")
    return "\n".join(lines + words.notes(result))


def _verdict(symmetric: bool, largest: float, result: Result, fitting: int) -> str:
    """Return the verdict; where the grid does not fit, that on the operators which do."""
    if result["fits"]:
        return words.verdict(symmetric, largest, result["tolerance"])
    kept = "kept" if largest <= result["tolerance"] else "NOT kept"
    return f"{kept} within {result['tolerance']:g} by the {fitting} that fit (largest residual {largest:.1e})"


CHECK = Command(arguments, run, text, by_file=True)
