"""One file in, one entry or one refusal out: a pure function of the path, the file and the options."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft import (
    AsymmetricUnit,
    Density,
    DensityFormatError,
    IncompatibleGridError,
    NotSymmetricError,
    ShapeError,
    SpaceGroup,
    SymfftError,
    asymmetric_unit,
    check_symmetry,
    next_compatible_shape,
    read_density,
)
from symfft.grid.averages import orbit_averages
from symfft.resampling import StandardCell, negative_part, standard_cell
from symfft_models.data.entry import Entry, Site
from symfft_models.data.formula import anonymous_formula, reduced_formula
from symfft_models.data.grids import COMMON_GRIDS
from symfft_models.data.split import split_of

Shape = tuple[int, int, int]
#: Size and time of change (ns) of a file.
State = tuple[int, int]

#: Points along an axis that a set may have.
LARGEST_AXIS = 4096

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
    grid: tuple[tuple[int, int], ...] = ((0, 56), *((group, shape[0]) for group, shape in COMMON_GRIDS.items()))
    symprec: float = 1e-3
    symmetry_tolerance: float = 1e-3
    electron_tolerance: float = 0.01
    negative_tolerance: float = 0.01
    valence: tuple[tuple[str, int], ...] = ()
    max_points: int = 2**26

    def __post_init__(self) -> None:
        """Refuse what no file could be prepared with.

        Raises
        ------
        SymfftError
            For a value out of range.
        """
        if not 0 < self.symprec < 1:
            raise SymfftError(f"symprec={self.symprec} must be a length in Å between 0 and 1, such as 0.001")
        for name in ("symmetry_tolerance", "electron_tolerance", "negative_tolerance"):
            if not 0 <= getattr(self, name) < math.inf:
                raise SymfftError(f"{name}={getattr(self, name)} must be a number from 0")
        if self.mode not in ("grid", "spacing"):
            raise SymfftError(f"mode={self.mode!r} must be 'grid' or 'spacing'")
        wrong = [number for number in (*self.groups, *(g for g, _ in self.grid if g)) if not 1 <= number <= 230]
        if wrong:
            raise SymfftError(f"space group {wrong[0]} does not exist: the numbers are 1 to 230")
        points = [n for _, n in self.grid]
        if self.max_points < 1 or not all(1 <= n <= LARGEST_AXIS for n in points):
            raise SymfftError(
                f"max_points={self.max_points} and grids {points} need 1 to {LARGEST_AXIS} points per axis"
            )
        unknown = [symbol for symbol, _ in self.valence if not _is_element(symbol)]
        if unknown:
            raise SymfftError(f"{unknown[0]!r} in valence is not an element")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one file: an entry with its fingerprint, or a reason of refusal; and the file's state then."""

    path: str
    entry: Entry | None = None
    fingerprint: tuple[float, ...] = ()
    reason: str = ""
    detail: str = ""
    measured: dict[str, Any] = field(default_factory=dict)
    state: State | None = None


class Refused(SymfftError):
    """A file that does not belong in the set: reason, detail, and measured figures."""

    def __init__(self, reason: str, detail: str, measured: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason, detail, measured)
        self.reason, self.detail, self.measured = reason, detail, dict(measured or {})


def file_state(path: str) -> State | None:
    """Return size and time of change (ns) of a file, None where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns


def prepare_file(path: str, options: Options) -> Outcome:
    """Read a file, check it, bring it to the standard cell, origin and grid, and reduce it.

    Never raises for what a file holds: the outcome then has a reason, one of ``missing``, ``unreadable``,
    ``truncated``, ``wrong kind``, ``unknown element``, ``no symmetry found``, ``group not selected``, ``wrong electron
    count``, ``negative``, ``broken symmetry``, ``too large``, ``out of memory``, ``failed``.
    """
    state = file_state(path)  # before it is read: a change while it is read counts as a later one
    return replace(_outcome(path, options), state=state)


def _outcome(path: str, options: Options) -> Outcome:
    try:
        entry, unit = _entry(path, options)
        return Outcome(path, entry, fingerprint(entry, unit))
    except Refused as refusal:
        return Outcome(path, reason=refusal.reason, detail=refusal.detail, measured=refusal.measured)
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


def fingerprint(entry: Entry, unit: AsymmetricUnit | Unit) -> tuple[float, ...]:
    """Return numbers that do not depend on cell, origin and grid: volume and moments 2, 3, 4 of rho / mean."""
    weights = unit.multiplicity / math.prod(unit.shape)
    values = entry.values.astype(np.float64)
    squares = (values / float(weights @ values)) ** 2
    moments = float(weights @ squares), float(weights @ squares**2), float(weights @ (squares**2 * squares))
    volume = abs(float(np.linalg.det(entry.lattice)))
    return volume, *(moment ** (1 / n) for n, moment in zip((2, 4, 6), moments, strict=True))


# ---- inside ---------------------------------------------------------------------------------------------------------


def _entry(path: str, options: Options) -> tuple[Entry, AsymmetricUnit | Unit]:
    raw = read_density(path, max_points=options.max_points)
    electrons = raw.electrons if raw.kind == "charge" else 0.0
    if electrons <= 0:
        raise Refused("wrong kind", f"the values are not an electron density (kind {raw.kind})")
    if not len(raw.numbers) or (raw.numbers < 1).any():
        raise Refused("unknown element", "the file has no atoms, or does not name their elements")
    density = raw if raw.blocks == 1 else raw.with_values(raw.values)
    _check_electrons(density, electrons, options)
    minimum = float(density.values.min())
    if minimum < 0 and -(negative := negative_part(density)).integral > options.negative_tolerance * electrons:
        raise Refused(
            "negative",
            f"negative values hold {-negative.integral:.4g} of {electrons:.4g} electrons, more than "
            f"{options.negative_tolerance:g} of them; smallest value {negative.minimum:.4g} e/Å³",
            {"minimum": negative.minimum, "integral": negative.integral},
        )
    try:
        standard = standard_cell(density, options.symprec)
    except SymfftError as error:
        raise Refused("no symmetry found", str(error)) from None
    group = standard.group
    if options.groups and group.number not in options.groups:
        raise Refused(
            "group not selected", f"space group {group.number} ({group.symbol})", {"space_group": group.number}
        )
    residual, symmetric = _symmetry_residual(density, standard.own_group, options)
    shape = _shape(group.number, options) or standard.lossless_shape(density.shape)
    if math.prod(shape) > options.max_points:
        raise Refused("too large", f"the standard grid {shape} has more than {options.max_points} points")
    unit = _planned(group.number, shape) if options.mode == "grid" else _unit(group.number, shape)
    if symmetric is not None and standard.is_whole:
        values = standard.values(symmetric, shape, unit if isinstance(unit, AsymmetricUnit) else unit.indices)
    else:
        values, left = _reduced(density, standard, unit, options)
        residual = max(residual, left)
    lattice = standard.lattice
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
        sites=_sites(density, standard, options.symprec),
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
    """Whether a file ends within a line: a number cut short in the middle of its exponent is not a number."""
    lines, last = 1, b""
    with open(path, "rb") as file:
        while chunk := file.read(2**20):
            lines, last = lines + chunk.count(b"\n"), chunk[-1:]
    return lines == line and last != b"\n"


def _check_electrons(density: Density, counted: float, options: Options) -> None:
    """Require an integer between one per atom and all electrons, equal for equal formula units, and as tabulated."""
    symbols = Counter(map(_symbol, density.numbers.tolist()))
    units = math.gcd(*symbols.values())
    whole = round(counted)
    table = dict(options.valence)
    most = int(density.numbers.sum())
    problem = ""
    if abs(counted - whole) > options.electron_tolerance:
        problem = "which is not an integer"
    elif not len(density.numbers) <= whole <= most:
        problem = f"outside {len(density.numbers)} (one per atom) to {most} (all electrons)"
    elif whole % units:
        problem = f"no multiple of the {units} formula units in the cell"
    elif table.keys() >= symbols.keys():
        expected = sum(table[symbol] * count for symbol, count in symbols.items())
        problem = "" if whole == expected else f"expected {expected} from the valences given"
    if problem:
        raise Refused("wrong electron count", f"{counted:.6g} electrons in the cell, {problem}", {"electrons": counted})


def _symmetry_residual(
    density: Density, group: SpaceGroup, options: Options
) -> tuple[float, NDArray[np.float64] | None]:
    """Return the largest deviation from an orbit's mean, relative to the peak, on the file's own grid; and the means.

    Every operator's residual is at most twice that, so operators are looked at one by one only where it is too large
    or the grid breaks the group; then there are no means.
    """
    try:
        means, residual = orbit_averages(density.values, group)
    except IncompatibleGridError:
        report = check_symmetry(density.values, group)
        if report.largest_residual > 2 * options.symmetry_tolerance:
            raise _broken("the file's grid breaks some operators, the density others", density, group) from None
        return report.largest_residual / 2, None
    if residual > options.symmetry_tolerance:
        message = (
            f"the density is not symmetric under {group.symbol}: it is {residual:.2e} of its peak off the mean of an "
            f"orbit, and {options.symmetry_tolerance:g} is allowed"
        )
        raise _broken(message, density, group)
    return residual, means


def _reduced(
    density: Density, standard: StandardCell, unit: AsymmetricUnit | Unit, options: Options
) -> tuple[NDArray[np.float64], float]:
    """Bring a density, whose own grid or cell hides a part of the group, to the standard grid, and check all of it."""
    try:
        full = standard.values(density.values, unit.shape)
        means, residual = orbit_averages(full, standard.group)
    except NotSymmetricError as error:
        raise _broken(str(error), density, standard.own_group) from None
    if residual > options.symmetry_tolerance:
        message = (
            f"on a grid that fits {standard.group.symbol} the density is {residual:.2e} of its peak off the mean of an "
            f"orbit, and {options.symmetry_tolerance:g} is allowed"
        )
        raise _broken(message, density.with_values(full), standard.group)
    return means[tuple(unit.indices.T)], residual


def _broken(message: str, density: Density, group: SpaceGroup) -> Refused:
    residuals = {check.triplet: check.even for check in check_symmetry(density.values, group).operators}
    return Refused("broken symmetry", message, {"space_group": group.number, "operators": residuals})


def _shape(number: int, options: Options) -> Shape | None:
    """Return the grid of a group; None to keep every frequency of the file."""
    if options.mode == "spacing":
        return None
    points = dict(options.grid)
    if number not in points and 0 not in points:
        raise ShapeError(f"no grid for space group {number}: give one, or a default for group 0")
    return _compatible(number, points.get(number, points.get(0, 0)))


@lru_cache(maxsize=128)
def _planned(number: int, shape: Shape) -> AsymmetricUnit:
    """Cache the units of a set's grids, one per group, and with them the plans of their transforms."""
    return asymmetric_unit(number, shape)


class Unit(NamedTuple):
    """What is needed of an asymmetric unit whose grid may not come again: labels and plan would take much memory."""

    shape: Shape
    indices: NDArray[np.int64]
    multiplicity: NDArray[np.int32]


@lru_cache(maxsize=256)
def _unit(number: int, shape: Shape) -> Unit:
    unit = asymmetric_unit(number, shape)
    return Unit(unit.shape, unit.indices, unit.multiplicity)


@cache
def _compatible(number: int, points: int) -> Shape:
    return next_compatible_shape(number, (points,) * 3)


def _formula(density: Density) -> tuple[str, str]:
    """Return the reduced formula with elements in alphabetical order, and the anonymous one (AB2)."""
    counts = Counter(map(_symbol, density.numbers.tolist()))
    return reduced_formula(counts), anonymous_formula(counts)


def _sites(density: Density, standard: StandardCell, symprec: float) -> tuple[Site, ...]:
    """Return one site for each orbit; of its Wyckoff position only the multiplicity is given."""
    positions, numbers, sizes = (column.tolist() for column in standard.site_orbits(density, symprec))
    return tuple(Site(_symbol(z), str(n), tuple(x)) for x, z, n in zip(positions, numbers, sizes, strict=True))


@cache
def _symbol(number: int) -> str:
    import gemmi

    return str(gemmi.Element(number).name)


def _is_element(symbol: str) -> bool:
    import gemmi

    element = gemmi.Element(symbol)
    return element.atomic_number > 0 and element.name == symbol
