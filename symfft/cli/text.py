"""The results of the commands as text for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Result = dict[str, Any]

_UNITS = {"charge": " e/Å³", "potential": " eV", "elf": "", "kinetic_energy": " eV/Å³"}


def info(result: Result) -> str:
    """Return the description of a file."""
    cell = result["cell"]
    rows = [
        ("holds", result["holds"] + (" (reduced to the asymmetric unit)" if result["reduced"] else "")),
        ("composition", f"{result['formula']} ({_count(result['atoms'], 'atom')})" if result["atoms"] else "no atoms"),
        ("cell", "a {a:.4f}  b {b:.4f}  c {c:.4f} Å   α {alpha:.2f}  β {beta:.2f}  γ {gamma:.2f}°".format(**cell)),
        ("volume", f"{result['volume']:.3f} Å³"),
        ("grid", f"{_shape(result['shape'])} = {result['points']:,} points, every {_spacing(result['spacing'])} Å"),
        ("values", f"{result['min']:.5g} to {result['max']:.5g}{_UNITS[result['kind']]}"),
    ]
    if result["electrons"] is not None:
        rows.append(("electrons", f"{result['electrons']:.6f}"))
    if result["moment"] is not None:
        moment = result["moment"] if isinstance(result["moment"], list) else [result["moment"]]
        rows.append(("moment", f"{'  '.join(f'{m:.4f}' for m in moment)} μB"))
    if result["augmentation"]:
        rows.append(("augmentation", "PAW occupancies present"))
    group = result["space_group"]
    if group is not None:
        rows.append(("space group", _group(group)))
        misfits = group["order"] - group["fitting_operators"]
        verdict = "yes" if group["fits"] else f"no, {misfits} of {group['order']} operators do not fit"
        if result["next_compatible_shape"]:
            verdict += f"; the next grid that does is {_shape(result['next_compatible_shape'])}"
        rows.append(("grid fits", verdict))
    unit = result["asymmetric_unit"]
    if unit is not None:
        rows.append(("asym. unit", f"{unit['size']:,} points, 1/{unit['ratio']:.1f} of the cell"))
        rows.append(("brick", f"{_shape(unit['brick_shape'])} points from {tuple(unit['brick_origin'])}"))
    rows += [("note", note) for note in result["notes"]]
    return "\n".join([result["file"], *(f"  {name:<13} {value}" for name, value in rows)])


def check(result: Result) -> str:
    """Return the report operator by operator, and the verdict."""
    total, magnetization = result["total"], result["magnetization"]
    width = max(len("operator"), *(len(o["triplet"]) for o in total["operators"]))
    lines = [f"{result['file']}: {_group(result['space_group'])}, grid {_shape(result['shape'])}"]
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
    if not result["fits"]:
        misfits = sum(not o["fits"] for o in total["operators"])
        lines.append(
            f"  the grid does not fit {misfits} operators; the next grid that does is "
            f"{_shape(result['next_compatible_shape'])}"
        )
    largest = max(o["even"] for o in total["operators"] if o["fits"])
    lines.append(f"  density: {_verdict(total['symmetric'], largest, result['tolerance'])}")
    if magnetization is not None:
        changing = magnetization["sign_changing_operators"]
        sign = f"; {_count(changing, 'operator')} of {len(spins)} change its sign" if changing else ""
        verdict = _verdict(magnetization["symmetric"], magnetization["largest_residual"], result["tolerance"])
        lines.append(f"  magnetization: {verdict}{sign}")
    return "\n".join(lines + _notes(result))


def symmetrize(result: Result) -> str:
    """Return what was averaged."""
    lines = [
        f"{result['output']}: averaged over {_group(result['space_group'])}",
        f"  residual before {result['residual_before']:.1e}, "
        f"largest change {result['largest_change']:.1e} of the largest value",
    ]
    if result["magnetization"] is not None:
        changing = result["magnetization"]["sign_changing_operators"]
        lines.append(
            f"  magnetization: {_count(changing, 'operator')} of {result['space_group']['order']} change its sign, "
            f"residual before {result['magnetization']['residual_before']:.1e}"
        )
    return "\n".join(lines + _total(result) + _notes(result))


def reduce(result: Result) -> str:
    """Return how much smaller the density has become."""
    lines = [
        f"{result['output']}: {_group(result['space_group'])}, grid {_shape(result['shape'])}",
        f"  {result['points']:,} values -> {result['values']:,} ({result['dtype']}), ratio {result['ratio']:.1f}",
        f"  averaged away: residual {result['residual']:.1e}",
        f"  {result['bytes_before']:,} bytes -> {result['bytes_after']:,}, "
        f"ratio {result['bytes_before'] / result['bytes_after']:.1f}",
    ]
    lines += [
        f"  {name}: {grid['values']:,} values, {_count(grid['operators'], 'operator')}"
        for name, grid in result["grids"].items()
        if len(result["grids"]) > 1
    ]
    return "\n".join(lines + _total(result) + _notes(result))


def expand(result: Result) -> str:
    """Return what was written."""
    return "\n".join([f"{result['output']}: {_content(result)}", *_total(result), *_notes(result)])


def convert(result: Result) -> str:
    """Return what was written, and from which grid."""
    changed = result["shape"] != result["shape_before"]
    was = f" (was {_shape(result['shape_before'])})" if changed else ""
    return "\n".join([f"{result['output']}: {_content(result)}{was}", *_total(result), *_notes(result)])


def plot(result: Result) -> str:
    """Return what was drawn."""
    group = result["space_group"]
    return "\n".join([result["output"] + ("" if group is None else f": {_group(group)}"), *_notes(result)])


def _content(result: Result) -> str:
    return f"{result['formula'] or 'no atoms'}, grid {_shape(result['shape'])}"


def _group(group: Result) -> str:
    return f"{group['symbol']} (number {group['number']}), {_count(group['order'], 'operator')}"


def _verdict(symmetric: bool, largest: float, tolerance: float) -> str:
    answer = "symmetric" if symmetric else "NOT symmetric"
    return f"{answer} within {tolerance:g} (largest residual {largest:.1e})"


def _total(result: Result) -> list[str]:
    return [] if result["electrons"] is None else [f"  electrons {result['electrons']:.6f}"]


def _notes(result: Result) -> list[str]:
    return [f"  note: {note}" for note in result["notes"]]


def _shape(shape: Iterable[int]) -> str:
    return " × ".join(map(str, shape))


def _spacing(steps: Iterable[float]) -> str:
    return " × ".join(f"{step:.3f}" for step in steps)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
