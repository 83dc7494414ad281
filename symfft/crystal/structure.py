"""What is taken for a crystal structure: lattice, positions and kinds of atoms, and a tolerance, each checked once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from symfft._array_types import FloatArray, IntArray
from symfft.errors import SpaceGroupError

#: Tolerances in Å: below, the rounding of coordinates decides; above, two sites of one crystal are alike.
SYMPRECS = 1e-10, 1.0
#: Coordinates this large have lost the digits that matter.
LARGEST_COORDINATE = 1e6
#: Shortest and longest basis vector, in Å.
LENGTHS = 1e-3, 1e6

#: Lattice vectors as rows (Å), fractional positions, and a number from 0 for each kind of atom.
Cell = tuple[FloatArray, FloatArray, IntArray]


def require_symprec(symprec: float) -> None:
    """Check a tolerance on positions before spglib sees it.

    Raises
    ------
    SpaceGroupError
        If it is not a number from 1e-10 to 1.
    """
    try:
        usable = not isinstance(symprec, bool) and SYMPRECS[0] <= float(symprec) <= SYMPRECS[1]
    except (TypeError, ValueError, OverflowError):
        usable = False
    if not usable:
        raise SpaceGroupError(
            f"symprec={symprec!r} is not usable: it is a distance in Å, from {SYMPRECS[0]:g} to {SYMPRECS[1]:g}, such "
            "as 1e-3"
        )


def checked_structure(lattice: ArrayLike, positions: ArrayLike, numbers: ArrayLike, symprec: float) -> Cell:
    """Accept a structure: lattice, positions in [0, 1), and a number from 0 for each kind of atom."""
    require_symprec(symprec)
    if np.iscomplexobj(lattice) or np.iscomplexobj(positions) or np.iscomplexobj(numbers):
        raise SpaceGroupError("the structure has complex numbers: lattice, positions and numbers are real")
    try:
        rows, sites = np.array(lattice, dtype=np.float64), np.array(positions, dtype=np.float64).reshape(-1, 3)
        labels = np.asarray(numbers)
    except (TypeError, ValueError, OverflowError) as error:
        raise SpaceGroupError(f"the structure is not made of numbers: {error}") from None
    if rows.shape != (3, 3) or labels.ndim != 1 or len(sites) != len(labels) or not len(labels):
        raise SpaceGroupError(
            f"a structure needs a (3, 3) lattice and as many positions as numbers; got {rows.shape}, {len(sites)} "
            f"positions and {labels.shape} numbers"
        )
    if labels.dtype.kind not in "iufUSb" or (labels.dtype.kind == "f" and not np.isfinite(labels).all()):
        raise SpaceGroupError(f"numbers of type {labels.dtype} are not usable: give an atomic number for each position")
    if not (np.isfinite(rows).all() and np.isfinite(sites).all()):
        raise SpaceGroupError("a lattice vector or a coordinate is not finite: check the structure")
    if np.abs(sites).max() > LARGEST_COORDINATE:
        raise SpaceGroupError(
            f"a fractional coordinate is {np.abs(sites).max():.3g}, where digits after the point are lost: coordinates "
            f"up to {LARGEST_COORDINATE:g} are usable; check that they are fractional"
        )
    longest = np.abs(rows).max(axis=1)
    if not (LENGTHS[0] <= longest.min() and longest.max() <= LENGTHS[1]):
        raise SpaceGroupError(
            f"the lattice is singular, or not in Å: its vectors {rows.tolist()} should be {LENGTHS[0]:g} to "
            f"{LENGTHS[1]:g} Å long"
        )
    lengths = np.linalg.norm(rows, axis=1)
    if abs(np.linalg.det(rows / lengths[:, None])) < 1e-6:
        raise SpaceGroupError(f"the lattice is singular: its vectors {rows.tolist()} lie in a plane")
    _, kinds = np.unique(labels, return_inverse=True)
    return rows, sites - np.floor(sites), kinds.reshape(-1).astype(np.int64)
