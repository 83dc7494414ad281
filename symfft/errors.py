"""What can go wrong: one base class, a few children, each naming what, value, rule and remedy."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any


class SymfftError(ValueError):
    """Base class of every error that symfft raises on purpose.

    Errors travel between processes whole: a child may have a constructor of its own, and attributes.
    """

    def __reduce__(self) -> tuple[Callable[..., SymfftError], tuple[object, ...]]:
        return _restored, (type(self), self.args, vars(self))


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

    def __init__(self, path: str | os.PathLike[str], message: str, line: int | None = None) -> None:
        where = f"{path}" if line is None else f"{path}, line {line}"
        super().__init__(f"{where}: {message}")
        self.path = str(path)
        self.line = line


class ChgcarFormatError(DensityFormatError):
    """A VASP volumetric file (CHGCAR, CHG, LOCPOT, AECCAR, ELFCAR) is truncated, garbled or not of that kind."""


def _restored(kind: type[SymfftError], args: tuple[object, ...], attributes: Mapping[str, Any]) -> SymfftError:
    """Return an error that was pickled or copied, without its constructor."""
    error = kind.__new__(kind, *args)
    vars(error).update(attributes)
    return error
