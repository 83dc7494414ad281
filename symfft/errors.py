"""What can go wrong: one base class, a few children, each naming what, value, rule and remedy."""

from __future__ import annotations

from pathlib import Path


class SymfftError(ValueError):
    """Base class of every error that symfft raises on purpose."""


class SpaceGroupError(SymfftError):
    """A space group is unknown, or operators do not form a group."""


class IncompatibleGridError(SymfftError):
    """A grid is not mapped onto itself by a space group."""


class NotSymmetricError(SymfftError):
    """A density lacks the symmetry it was said to have."""


class ShapeError(SymfftError):
    """An array does not have the shape, dtype or values an operation needs."""


class DensityFormatError(SymfftError):
    """A density file cannot be read: which file, what was expected, what was there."""

    def __init__(self, path: str | Path, message: str, line: int | None = None) -> None:
        where = f"{path}" if line is None else f"{path}, line {line}"
        super().__init__(f"{where}: {message}")
        self.path = str(path)
        self.line = line


class ChgcarFormatError(DensityFormatError):
    """A VASP volumetric file (CHGCAR, CHG, LOCPOT, AECCAR, ELFCAR) is truncated, garbled or not of that kind."""
