"""Structures of other libraries as crystals."""

from __future__ import annotations

from typing import Any

import numpy as np

from symfft import SymfftError
from symfft_models.data.entry import Site, atoms_of
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.elements import LAST

#: Largest displacement (Å) of an atom at which symmetry is still found.
SYMPREC = 1e-3
#: Atoms nearer than this (Å) are one.
NEAREST = 0.3


class StructureError(SymfftError):
    """A structure that cannot be a crystal of whole atoms."""


def crystal_of(structure: Any, symprec: float = SYMPREC) -> Crystal:
    """Return a structure as a crystal; its space group is found where it does not say one.

    Parameters
    ----------
    structure : Crystal, Density, PawEntry, Entry, ase.Atoms, pymatgen Structure, or any object with their attributes
        ``space_group``, ``lattice`` and ``sites``; ``lattice``, ``positions`` and ``numbers``; or what ASE and
        pymatgen call these.
    symprec : float
        Largest displacement (Å) of an atom at which symmetry is still found.

    Raises
    ------
    StructureError
        If it has no atoms, no cell, partial or unknown atoms, numbers that are not finite, or atoms that overlap.
    """
    if isinstance(structure, Crystal):
        return structure
    if all(hasattr(structure, name) for name in ("lattice", "positions", "numbers")):
        lattice, positions, numbers = structure.lattice, structure.positions, structure.numbers
    elif hasattr(structure, "sites") and hasattr(structure, "space_group"):
        sites = [site if isinstance(site, Site) else Site(site[0], site[1], tuple(site[2])) for site in structure.sites]
        positions, _, numbers = atoms_of(int(structure.space_group), sites)
        lattice = np.asarray(structure.lattice, dtype=np.float64)
    elif hasattr(structure, "get_scaled_positions"):
        lattice, positions = np.array(structure.get_cell()), structure.get_scaled_positions(wrap=False)
        numbers = structure.get_atomic_numbers()
    elif hasattr(structure, "frac_coords"):
        if not getattr(structure, "is_ordered", True):
            raise StructureError("a site of the structure is shared by several elements: give one whole atom per site")
        lattice, positions, numbers = structure.lattice.matrix, structure.frac_coords, structure.atomic_numbers
    else:
        raise StructureError(f"{type(structure).__name__} is no structure that is known here")
    return whole_crystal(lattice, positions, numbers, symprec)


def whole_crystal(lattice: Any, positions: Any, numbers: Any, symprec: float = SYMPREC) -> Crystal:
    """Return cell vectors (rows, Å), fractional positions and atomic numbers as a crystal, with checks.

    Raises
    ------
    StructureError
        See :func:`crystal_of`.
    """
    cell = np.asarray(lattice, dtype=np.float64)
    points, kinds = np.asarray(positions, dtype=np.float64), np.asarray(numbers, dtype=np.int64)
    if cell.shape != (3, 3) or not np.isfinite(cell).all() or abs(np.linalg.det(cell)) < 1e-3:
        raise StructureError(
            f"the cell {cell.tolist()} is not that of a crystal: give three vectors with a volume, in Å"
        )
    if not len(points) or points.shape != (len(kinds), 3) or not np.isfinite(points).all():
        raise StructureError(
            f"{len(points)} positions of {len(kinds)} atoms: give one finite triple for each, and one atom"
        )
    if kinds.min() < 1 or kinds.max() > LAST:
        wrong = int(kinds[(kinds < 1) | (kinds > LAST)][0])
        raise StructureError(f"atomic number {wrong} is not between 1 and {LAST}")
    steps = points[:, None] - points
    steps -= np.round(steps)
    distance = np.linalg.norm(steps @ cell, axis=-1) + 10 * np.eye(len(points))
    if distance.min() < NEAREST:
        first, second = np.unravel_index(int(distance.argmin()), distance.shape)
        raise StructureError(
            f"atoms {first + 1} and {second + 1} are {distance.min():.3f} Å apart: "
            "two atoms at one place, or the cell is not in Å"
        )
    from symfft import SpaceGroup

    group = SpaceGroup.from_structure(cell, points, kinds, symprec)
    return Crystal.of_atoms(cell, points, kinds, group)
