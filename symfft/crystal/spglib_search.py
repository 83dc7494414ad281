"""Space groups found by spglib, where the sites of a crystal leave a doubt that its tolerance decides."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import FloatArray, IntArray
from symfft.crystal.exact import PARTS
from symfft.crystal.operators import Exact, integer_rows, inverse_of, translation_lattice
from symfft.crystal.origins import equivalent_origins, point_operators
from symfft.crystal.primitive import Crystal, folded, primitive_crystal, to_primitive
from symfft.crystal.sites import CLEARLY, SiteSymmetry, site_symmetry
from symfft.crystal.space_group import SpaceGroup, reference_group
from symfft.crystal.structure import Cell
from symfft.errors import SpaceGroupError

#: How much larger a tolerance spglib gets first.
WIDER = 3.0


class Search(NamedTuple):
    """What spglib found; P and p lead to the reference setting, sites of one label are copies of one."""

    number: int
    transformation: Exact
    origin_shift: FloatArray
    rotations: NDArray[np.intc]
    labels: IntArray
    copies: int = 1

    @property
    def order(self) -> int:
        """How many operators the group has in the crystal's cell."""
        return self.copies * len(self.rotations)


def search_group(cell: Cell, symprec: float) -> Search:
    """Have spglib find the group and its reference setting, of the primitive cell where that is found before."""
    repeated = primitive_crystal(*cell, symprec, symprec)
    if repeated is None or len(repeated[0].kinds) == len(cell[2]):
        return _spglib_search(cell, symprec)
    crystal, copies = repeated
    inner = _spglib_search((crystal.lattice, crystal.positions, crystal.kinds), symprec)
    _, which = np.unique(copies, return_inverse=True)
    return inner._replace(
        transformation=inner.transformation @ to_primitive(crystal.denominator, crystal.basis),
        rotations=_rotations_of(cell[0], crystal, inner.rotations),
        labels=inner.labels[which],
        copies=len(cell[2]) // len(crystal.kinds),
    )


def widely_searched(cell: Cell, symprec: float) -> tuple[Search, Crystal, SiteSymmetry]:
    """Find a group that the sites and the lattice are within the tolerance of, with spglib.

    spglib compares sites with images, which are up to twice as far apart, and more where it combines operators. So it
    searches with a larger tolerance first, and what it finds counts where no site and no basis vector is further than
    `symprec` from its place.
    """
    try:
        search = search_group(cell, WIDER * symprec)
        crystal, symmetry = _searched_symmetry(cell, search, WIDER * symprec)
        if symmetry.displacement <= symprec and _lattice_fits(crystal.lattice, symmetry.rotations, symprec):
            return search, crystal, symmetry
    except SpaceGroupError:
        pass  # the tolerance may have been too large
    search = search_group(cell, symprec)
    return search, *_searched_symmetry(cell, search, symprec)


def _rotations_of(lattice: FloatArray, crystal: Crystal, rotations: NDArray[np.intc]) -> NDArray[np.intc]:
    """Return those matrices of a primitive cell that map the lattice of the crystal's own cell onto itself."""
    inner = crystal.lattice @ np.linalg.inv(lattice)
    own = inner.T @ rotations @ np.linalg.inv(inner.T)
    return np.asarray(rotations[np.abs(own - np.rint(own)).max(axis=(1, 2)) < 0.1 / crystal.denominator])


def _spglib_search(cell: Cell, symprec: float) -> Search:
    """Have spglib find the group; twice where its reference setting is another."""
    dataset = _dataset(cell, symprec, 0)
    number = int(dataset.number)
    if dataset.hall_number != _spglib_hall_number(number):
        dataset = _dataset(cell, symprec, _spglib_hall_number(number))
    p6 = np.rint(6 * dataset.transformation_matrix).astype(np.int64)
    if np.abs(p6 / 6 - dataset.transformation_matrix).max() > 0.02 or not round(np.linalg.det(p6)):
        raise SpaceGroupError(
            "the cell is not commensurate with the lattice that spglib found "
            f"(transformation {dataset.transformation_matrix.tolist()}): symprec={symprec} may be too large"
        )
    return Search(
        number,
        p6 * Fraction(1, 6),
        np.asarray(dataset.origin_shift),
        np.asarray(dataset.rotations),
        np.asarray(dataset.mapping_to_primitive, dtype=np.int64),
    )


def _lattice_fits(lattice: FloatArray, rotations: IntArray, symprec: float) -> bool:
    metric = lattice @ lattice.T
    change = (rotations.transpose(0, 2, 1) @ metric @ rotations).mean(axis=0) - metric
    size = np.sqrt(np.diag(metric))
    return bool((np.abs(change) <= symprec * np.add.outer(size, size)).all())


def _searched_symmetry(cell: Cell, search: Search, symprec: float) -> tuple[Crystal, SiteSymmetry]:
    """Return the primitive cell and the operators that spglib found, fitted to the sites."""
    lattice, positions, kinds = cell
    _, _, centring = equivalent_origins(search.number)
    back = inverse_of(search.transformation)
    own = np.array(centring, dtype=object) * Fraction(1, PARTS) @ back.T
    denominator, rows = integer_rows(own)
    basis = tuple(map(tuple, translation_lattice(np.array(rows), denominator)))
    crystal = folded(lattice, positions, kinds, denominator, basis, search.labels)
    reference = reference_group(search.number)
    matrices, first = point_operators(search.number)
    c = search.transformation @ inverse_of(to_primitive(denominator, basis))
    inverse = inverse_of(c).astype(np.float64)
    rotations = np.rint(inverse @ matrices @ c.astype(np.float64)).astype(np.int64)
    shifts = reference.numerators[first] / reference.denominator
    shifts = shifts + (matrices - np.eye(3, dtype=np.int64)) @ search.origin_shift
    return crystal, site_symmetry(crystal, rotations, shifts @ inverse.T, CLEARLY * symprec)


def _dataset(cell: Cell, symprec: float, hall_number: int) -> Any:
    import spglib

    lattice, positions, kinds = cell
    given = lattice, positions, kinds.astype(np.intc) + 1
    try:
        dataset = spglib.get_symmetry_dataset(given, symprec=symprec, hall_number=hall_number)
    except spglib.SpglibError as error:
        raise SpaceGroupError(f"spglib finds no space group at symprec={symprec}: {error}") from None
    if dataset is None:
        raise SpaceGroupError(f"spglib finds no space group at symprec={symprec}: are two atoms on one site?")
    return dataset


@cache
def _spglib_hall_number(number: int) -> int:
    """Return spglib's Hall number of the setting whose operators are those of the ITA reference setting."""
    import spglib

    reference = reference_group(number)
    for hall_number in range(1, 531):
        if spglib.get_spacegroup_type(hall_number).number == number:
            symmetry = spglib.get_symmetry_from_database(hall_number)
            if SpaceGroup.from_operators(symmetry["rotations"], symmetry["translations"]) == reference:
                return hall_number
    raise SpaceGroupError(f"spglib's table lacks the reference setting of group {number}")
