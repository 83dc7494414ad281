"""CHGCAR text made the slow way, one Python format at a time: what the reader is tested on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float64]


def vasp_number(value: float, digits: int = 11) -> str:
    """Fortran's E17.11 as VASP prints it: no zero before the point of a negative number, no E before three digits."""
    mantissa, exponent = f"{abs(value):.{digits - 1}E}".split("E")
    power = int(exponent) + 1 if value else 0
    letter = "E" if abs(power) < 100 else ""
    return f"{'-' if value < 0 else '0'}.{mantissa.replace('.', '')}{letter}{power:+03d}"


def grid_text(grid: Grid, per_line: int = 5, digits: int = 11) -> str:
    """One block: dimensions, then values with x fastest."""
    numbers = [vasp_number(x, digits) for x in grid.ravel(order="F").tolist()]
    lines = [" " + " ".join(numbers[i : i + per_line]) for i in range(0, len(numbers), per_line)]
    return "".join(f"{n:5d}" for n in grid.shape) + "\n" + "\n".join(lines) + "\n"


def occupancies_text(atoms: int, count: int, seed: int = 0) -> str:
    """Augmentation occupancies of all ions."""
    rng = np.random.default_rng(seed)
    lines = []
    for ion in range(1, atoms + 1):
        lines.append(f"augmentation occupancies{ion:4d}{count:4d}")
        fields = [f"{x:15.7E}" for x in rng.standard_normal(count)]
        lines += ["".join(fields[i : i + 5]) for i in range(0, count, 5)]
    return "\n".join(lines) + "\n"


HEADER = """\
two atoms
   1.00000000000000
     4.000000    0.000000    0.000000
     0.000000    5.000000    0.000000
     1.000000    0.000000    6.000000
   Na   Cl
     1     1
Direct
  0.000000  0.000000  0.000000
  0.500000  0.500000  0.500000

"""
VOLUME = 120.0


def chgcar_text(
    blocks: Sequence[Grid], header: str = HEADER, occupancies: int = 0, moments: str = "", per_line: int = 5
) -> str:
    """A whole file of two atoms."""
    text = header
    for i, block in enumerate(blocks):
        text += grid_text(block, per_line)
        if occupancies:
            text += occupancies_text(2, occupancies, seed=i)
        if moments and i + 1 < len(blocks):
            text += moments
    return text


def random_grids(count: int, shape: tuple[int, int, int] = (3, 4, 5), seed: int = 1) -> list[Grid]:
    """Grids of numbers with eleven digits, of either sign and many sizes."""
    rng = np.random.default_rng(seed)
    raw = rng.standard_normal((count, *shape)) * 10.0 ** rng.integers(-6, 6, (count, *shape))
    return [np.array([float(vasp_number(x)) for x in grid.ravel()]).reshape(shape) for grid in raw]
