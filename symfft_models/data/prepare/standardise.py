"""One file in, one entry or one refusal out: a pure function of the path, the file and the options."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft import (
    AsymmetricUnit,
    Density,
    DensityFormatError,
    NotSymmetricError,
    ShapeError,
    SpaceGroup,
    SymfftError,
    asymmetric_unit,
    check_symmetry,
    expand_from_au,
    next_compatible_shape,
    read_density,
    reduce_to_au,
    standardize,
)
from symfft.resample import negative_part
from symfft_models.data.bundle import GRIDS
from symfft_models.data.entry import Entry, Site
from symfft_models.data.prepare.kind import Plan, group_of, kind_of, plan_of
from symfft_models.data.split import split_of

#: Words of a reader's message that say that a file stops too early.
ENDS_EARLY = ("the file ends", "cut off", "more bytes", "the file is empty")


@dataclass(frozen=True)
class Options:
    """What a set is made of; fixed for a set, so that resumed runs agree.

    Attributes
    ----------
    groups : tuple of int
        Space groups to take; empty for all.
    mode : {"grid", "spacing"}
        "grid": every density of a group on one grid. "spacing": every density on the smallest standard grid that keeps
        all frequencies of its file; lengths differ, and are zero-padded to the largest asymmetric unit when used.
    grid : tuple of (group, points)
        Points along each axis for a group, in mode "grid"; group 0 stands for all others. Raised to the next shape
        that the group allows.
    symprec : float
        Largest displacement of a symmetric atom, in Å.
    symmetry_tolerance : float
        Largest |rho - orbit mean| / max |rho|.
    electron_tolerance : float
        Largest distance of the number of electrons from an integer, per cell of the file.
    negative_tolerance : float
        Largest integral of the negative values, relative to the number of electrons.
    valence : tuple of (symbol, electrons)
        Valence electrons of elements, where known; the number of electrons must then agree.
    max_points : int
        Largest grid to read or make.
    """

    groups: tuple[int, ...] = ()
    mode: str = "grid"
    grid: tuple[tuple[int, int], ...] = ((0, 56), *((group, shape[0]) for group, shape in GRIDS.items()))
    symprec: float = 1e-3
    symmetry_tolerance: float = 1e-3
    electron_tolerance: float = 0.01
    negative_tolerance: float = 0.01
    valence: tuple[tuple[str, int], ...] = ()
    max_points: int = 2**26


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one file: an entry with its fingerprint, or a reason of refusal."""

    path: str
    entry: Entry | None = None
    fingerprint: tuple[float, ...] = ()
    reason: str = ""
    detail: str = ""
    measured: dict[str, Any] = field(default_factory=dict)


class Refused(ValueError):
    """A file that does not belong in the set."""

    def __init__(self, reason: str, detail: str, **measured: Any) -> None:
        super().__init__(detail)
        self.reason, self.measured = reason, measured


def prepare_file(path: str, options: Options) -> Outcome:
    """Read a file, check it, bring it to the standard cell, origin and grid, and reduce it.

    Never raises for what a file holds: the outcome then has a reason, one of ``missing``, ``unreadable``,
    ``truncated``, ``wrong kind``, ``unknown element``, ``no symmetry found``, ``group not selected``, ``wrong electron
    count``, ``negative``, ``broken symmetry``, ``too large``, ``out of memory``, ``failed``.
    """
    try:
        entry, unit = _entry(path, options)
        return Outcome(path, entry, fingerprint(entry, unit))
    except Refused as refusal:
        return Outcome(path, reason=refusal.reason, detail=str(refusal), measured=refusal.measured)
    except DensityFormatError as error:
        early = any(words in str(error) for words in ENDS_EARLY) or _ends_within(path, error.line)
        return Outcome(path, reason="truncated" if early else "unreadable", detail=str(error))
    except FileNotFoundError as error:
        return Outcome(path, reason="missing", detail=str(error))
    except MemoryError as error:
        return Outcome(path, reason="out of memory", detail=str(error))
    except (SymfftError, OSError) as error:
        return Outcome(path, reason="unreadable" if isinstance(error, OSError) else "failed", detail=str(error))
    except Exception as error:  # a file must not stop a run; the ledger keeps the kind of error
        return Outcome(path, reason="failed", detail=f"{type(error).__name__}: {error}")


def fingerprint(entry: Entry, unit: AsymmetricUnit) -> tuple[float, ...]:
    """Return numbers that do not depend on cell, origin and grid: volume and moments 2, 3, 4 of rho / mean."""
    weights = unit.multiplicity / math.prod(unit.shape)
    values = entry.values.astype(np.float64)
    scaled = values / float(weights @ values)
    return (float(abs(np.linalg.det(entry.lattice))), *(float(weights @ scaled**n) ** (1 / n) for n in (2, 4, 6)))


# ---- inside ---------------------------------------------------------------------------------------------------------


def _entry(path: str, options: Options) -> tuple[Entry, AsymmetricUnit]:
    raw = read_density(path, max_points=options.max_points)
    electrons = raw.electrons if raw.kind == "charge" else 0.0
    if electrons <= 0:
        raise Refused("wrong kind", f"the values are no electron density (kind {raw.kind})")
    if not len(raw.numbers) or (raw.numbers < 1).any():
        raise Refused("unknown element", "the file has no atoms, or does not name their elements")
    density = replace(raw, magnetization=None, augmentation=None, site_moments=None, selective_dynamics=None)
    _check_electrons(density, electrons, options)
    minimum = float(density.values.min())
    if minimum < 0 and -(negative := negative_part(density)).integral > options.negative_tolerance * electrons:
        raise Refused(
            "negative",
            f"negative values hold {-negative.integral:.4g} of {electrons:.4g} electrons, more than "
            f"{options.negative_tolerance:g} of them; smallest value {negative.minimum:.4g} e/Å³",
            minimum=negative.minimum,
            integral=negative.integral,
        )
    kind = kind_of(density, options.symprec)
    try:
        group = group_of(kind, options.symprec)[0] if kind else density.space_group(options.symprec)
    except SymfftError as error:
        raise Refused("no symmetry found", str(error)) from None
    if options.groups and group.number not in options.groups:
        raise Refused("group not selected", f"space group {group.number} ({group.symbol})", space_group=group.number)
    residual, symmetric = _symmetry_residual(density, group, options)
    goal = _shape(group.number, options)
    plan = plan_of(kind, density.shape, goal, options.symprec) if kind else None
    if plan is not None and symmetric is not None:
        unit, values = plan.target, plan.standard_values(symmetric)
        _check_size(unit.shape, options)
        lattice, sites = plan.standard_lattice(density), _sites_of_kind(plan, options.symprec, density)
    else:
        standard = standardize(density, group.number, goal, symprec=options.symprec)
        _check_size(standard.shape, options)
        unit = asymmetric_unit(group.number, standard.shape)
        try:
            values = reduce_to_au(standard.values, unit, tolerance=options.symmetry_tolerance)
        except NotSymmetricError as error:
            raise _broken(str(error), standard, unit.space_group) from None
        change = np.abs(expand_from_au(values, unit) - standard.values).max() / np.abs(standard.values).max()
        residual = max(residual, float(change))
        lattice = standard.lattice
        sites = _sites(standard, unit.space_group, options.symprec)
    volume = abs(float(np.linalg.det(lattice)))
    composition, anonymous = _formula(density)
    entry = Entry(
        values=values.astype(np.float32),
        space_group=group.number,
        shape=unit.shape,
        lattice=lattice,
        electrons=electrons * volume / density.volume,
        id=path,
        composition=composition,
        prototype=f"{anonymous} {group.number}",
        split=split_of(composition),
        sites=sites,
        metadata={
            "native_grid": "x".join(map(str, density.shape)),
            "native_atoms": len(density.numbers),
            "spin_blocks": raw.blocks,
            "symmetry_residual": residual,
            "minimum": float(values.min()),
            "native_minimum": minimum,
            "comment": raw.comment.strip(),
        },
    )
    return entry, unit


def _ends_within(path: str, line: int | None) -> bool:
    """Whether a file ends within a line: a number cut short in the middle of its exponent is no number."""
    lines, last = 1, b""
    with open(path, "rb") as file:
        while chunk := file.read(2**20):
            lines, last = lines + chunk.count(b"\n"), chunk[-1:]
    return lines == line and last != b"\n"


def _check_electrons(density: Density, counted: float, options: Options) -> None:
    """Require an integer between one an atom and all electrons, equal for equal formula units, and as tabulated."""
    symbols = Counter(map(_symbol, density.numbers.tolist()))
    units = math.gcd(*symbols.values())
    whole = round(counted)
    table = dict(options.valence)
    most = int(density.numbers.sum())
    problem = ""
    if abs(counted - whole) > options.electron_tolerance:
        problem = "which is no integer"
    elif not len(density.numbers) <= whole <= most:
        problem = f"outside {len(density.numbers)} (one an atom) to {most} (all electrons)"
    elif whole % units:
        problem = f"no multiple of the {units} formula units in the cell"
    elif table.keys() >= symbols.keys():
        expected = sum(table[symbol] * count for symbol, count in symbols.items())
        problem = "" if whole == expected else f"expected {expected} from the valences given"
    if problem:
        raise Refused("wrong electron count", f"{counted:.6g} electrons in the cell, {problem}", electrons=counted)


def _check_size(shape: tuple[int, int, int], options: Options) -> None:
    if math.prod(shape) > options.max_points:
        raise Refused("too large", f"the standard grid {shape} has more than {options.max_points} points")


def _symmetry_residual(
    density: Density, group: SpaceGroup, options: Options
) -> tuple[float, NDArray[np.float64] | None]:
    """Return the largest deviation from an orbit's mean, relative to the peak, on the file's own grid; and the means.

    Every operator's residual is at most twice that, so operators are looked at one by one only where it is too large
    or the grid breaks the group; then there are no means.
    """
    try:
        unit = asymmetric_unit(group, density.shape)
    except SymfftError:
        report = check_symmetry(density.values, group)
        if report.largest_residual > 2 * options.symmetry_tolerance:
            raise _broken("the file's grid breaks some operators, the density others", density, group) from None
        return report.largest_residual / 2, None
    reduced = reduce_to_au(density.values, unit, tolerance=math.inf)
    means = expand_from_au(reduced, unit)
    apart = means - density.values
    residual = max(float(apart.max()), -float(apart.min())) / float(np.abs(reduced).max())
    if residual > options.symmetry_tolerance:
        message = (
            f"the density is not symmetric under {group.symbol}: it is {residual:.2e} of its peak off the mean of an "
            f"orbit, and {options.symmetry_tolerance:g} is allowed"
        )
        raise _broken(message, density, group)
    return residual, means


def _broken(message: str, density: Density, group: SpaceGroup) -> Refused:
    residuals = {check.triplet: check.even for check in check_symmetry(density.values, group).operators}
    return Refused("broken symmetry", message, space_group=group.number, operators=residuals)


def _shape(number: int, options: Options) -> tuple[int, int, int] | None:
    """Return the grid of a group; None to keep every frequency of the file."""
    if options.mode == "spacing":
        return None
    points = dict(options.grid)
    if number not in points and 0 not in points:
        raise ShapeError(f"no grid for space group {number}: give one, or a default for group 0")
    return _compatible(number, points.get(number, points.get(0, 0)))


@cache
def _compatible(number: int, points: int) -> tuple[int, int, int]:
    return next_compatible_shape(number, (points,) * 3)


def _formula(density: Density) -> tuple[str, str]:
    """Return the reduced formula with elements in alphabetical order, and the anonymous one (AB2)."""
    counts = Counter(map(_symbol, density.numbers.tolist()))
    divisor = math.gcd(*counts.values())
    reduced = {symbol: count // divisor for symbol, count in sorted(counts.items())}
    letters = zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ" * 4, sorted(reduced.values()), strict=False)
    return _joined(reduced.items()), _joined(letters)


def _joined(items: Any) -> str:
    return "".join(f"{symbol}{count if count > 1 else ''}" for symbol, count in items)


def _sites(standard: Density, group: SpaceGroup, symprec: float) -> tuple[Site, ...]:
    """Return one site for each orbit, moved to where its site symmetry puts it exactly.

    Files carry six decimals: 0.333333 would have three times the images of 1/3. Only the multiplicity of the Wyckoff
    position is told.
    """
    rotations, translations = group.rotations, group.translations.astype(np.float64)
    left = np.ones(len(standard.numbers), dtype=bool)
    sites = []
    for atom, position in enumerate(standard.positions):
        if not left[atom]:
            continue
        images = rotations @ position + translations
        apart = standard.positions[:, None, :] - images[None, :, :]
        distance = np.linalg.norm((apart - np.rint(apart)) @ standard.lattice, axis=2)
        orbit = (distance.min(axis=1) < 10 * symprec) & left & (standard.numbers == standard.numbers[atom])
        left &= ~orbit
        own = images[distance[atom] < 10 * symprec]
        exact = (own - np.rint(own - position)).mean(axis=0) % 1.0
        exact[exact > 1 - 1e-12] = 0.0
        sites.append(Site(_symbol(int(standard.numbers[atom])), str(int(orbit.sum())), tuple(exact.tolist())))
    return tuple(sites)


@cache
def _exact_sites(plan: Plan, symprec: float) -> tuple[Site, ...]:
    return _sites(plan.standard, plan.target.space_group, symprec)


def _sites_of_kind(plan: Plan, symprec: float, density: Density) -> tuple[Site, ...]:
    """Return the sites of a kind with the elements of a file: in a kind they are numbered as they first appear."""
    elements = list(dict.fromkeys(density.numbers.tolist()))
    names = {_symbol(label): _symbol(number) for label, number in enumerate(elements, start=1)}
    return tuple(replace(site, symbol=names[site.symbol]) for site in _exact_sites(plan, symprec))


@cache
def _symbol(number: int) -> str:
    import gemmi

    return str(gemmi.Element(number).name)
