"""Wyckoff letters and site symmetry of the atoms of a structure, by spglib."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symfft.errors import SpaceGroupError


@dataclass(frozen=True)
class Site:
    """One orbit of atoms.

    Attributes
    ----------
    number : int
        Atomic number.
    wyckoff : str
        Letter of the position in the standard setting (ITA).
    site_symmetry : str
        Oriented symbol of the site symmetry.
    multiplicity : int
        Atoms of the orbit in this cell.
    position : (3,) tuple of float
        Fractional coordinates of the first atom, from which the operators generate the others.
    """

    number: int
    wyckoff: str
    site_symmetry: str
    multiplicity: int
    position: tuple[float, float, float]


def wyckoff_sites(
    lattice: NDArray[np.float64], positions: NDArray[np.float64], numbers: NDArray[np.int64], symprec: float = 1e-3
) -> tuple[Site, ...]:
    """Return the orbits of atoms in the order of their first atoms.

    Parameters
    ----------
    lattice : (3, 3) float64
        Basis vectors as rows, in Å.
    positions : (n, 3) float64
        Fractional coordinates.
    numbers : (n,) int
        Atomic numbers.
    symprec : float
        How far, in Å, an atom may lie from where symmetry puts it.

    Raises
    ------
    SpaceGroupError
        If spglib finds no space group.

    Examples
    --------
    >>> import numpy as np
    >>> fcc = 2.8 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    >>> [(s.wyckoff, s.site_symmetry) for s in wyckoff_sites(fcc, np.array([[0.0] * 3, [0.5] * 3]), np.array([11, 17]))]
    [('a', 'm-3m'), ('b', 'm-3m')]
    """
    import spglib

    cell = (lattice.tolist(), positions.tolist(), numbers.tolist())
    try:
        found = spglib.get_symmetry_dataset(cell, symprec=symprec)
    except spglib.error.SpglibError as error:
        raise SpaceGroupError(f"spglib finds no space group at symprec={symprec}: {error}") from error
    if found is None:
        raise SpaceGroupError(f"spglib finds no space group at symprec={symprec}")
    orbits = np.asarray(found.crystallographic_orbits)
    sites = []
    for orbit in dict.fromkeys(orbits.tolist()):
        atoms = np.flatnonzero(orbits == orbit)
        first = int(atoms[0])
        x, y, z = (positions[first] % 1.0).tolist()
        symmetry = str(found.site_symmetry_symbols[first])
        sites.append(Site(int(numbers[first]), str(found.wyckoffs[first]), symmetry, len(atoms), (x, y, z)))
    return tuple(sites)
