"""The operators that the sites of a crystal obey, measured on all of them.

A crystal maps onto itself by an isometry W of its lattice and a translation that takes one site to another of its kind.
Where every distance is far below or far above the tolerance, so that no way of searching could find another group, the
operators found this way are complete. Everything else is left to spglib.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from symfft._array_types import FloatArray, IntArray
from symfft.crystal.lattice import METRIC_STEPS, near_isometries, obtuse_superbase
from symfft.crystal.operators import translation_lattice
from symfft.errors import SpaceGroupError

Triangle = tuple[tuple[int, ...], ...]

#: Distances count as clear below a tenth and above ten times the tolerance.
CLEARLY = 10.0
#: With more sites than this, spglib searches faster.
MOST_SITES = 128
#: Differences of sites that are worked out without a choice among candidates.
FEW = 2**14
#: Differences of sites held in memory at a time.
CHUNK = 2**20


class Crystal(NamedTuple):
    """Sites in a primitive cell.

    Attributes
    ----------
    denominator, basis : int, 3 × 3 int
        The primitive cell's basis vectors, as rows of basis / denominator in those of the crystal's own cell.
    lattice : (3, 3) float64
        The same in Å.
    positions, kinds : (n, 3) float64, (n,) int64
        Sites in the primitive cell, fractional; of sites that a translation repeats, the mean.
    """

    denominator: int
    basis: Triangle
    lattice: FloatArray
    positions: FloatArray
    kinds: IntArray


class SiteSymmetry(NamedTuple):
    """Operators of a primitive cell, one for each matrix.

    Attributes
    ----------
    rotations : (g, 3, 3) int64
    translations : (g, 3) float64
        Means over all sites of the difference between a site and the image that falls on it: the least-squares fit.
    deviation : float
        Root mean square distance, in Å, between sites and images, of the operator that fits worst.
    displacement : float
        Largest distance, in Å, of a site from the mean of the images that fall on it: from where symmetry puts it.
    """

    rotations: IntArray
    translations: FloatArray
    deviation: float
    displacement: float


def clear_symmetry(
    lattice: FloatArray, positions: FloatArray, kinds: IntArray, symprec: float
) -> tuple[Crystal, SiteSymmetry] | None:
    """Find the primitive cell and operators of a crystal; None where the tolerance decides, or there are many sites."""
    near, far = symprec / CLEARLY, symprec * CLEARLY
    if len(kinds) > MOST_SITES or not _are_apart(lattice, positions, far):
        return None
    one = np.eye(3, dtype=np.int64)[None]
    found = _matches(lattice, positions, kinds, one, near, far)
    if found is None:
        return None
    copies = len(found[1])
    numerators = np.rint(copies * found[1]).astype(np.int64)
    if not (np.linalg.norm((found[1] - numerators / copies) @ lattice, axis=1) <= near).all():
        return None
    basis = tuple(map(tuple, translation_lattice(numerators % copies, copies)))
    if basis[0][0] * basis[1][1] * basis[2][2] * copies != copies**3:
        return None
    crystal = _clear_crystal(lattice, positions, kinds, copies, basis, far)
    rotations = _clear_isometries(crystal.lattice, near, far)
    if rotations is None:
        return None
    found = _matches(crystal.lattice, crystal.positions, crystal.kinds, rotations, near, far)
    if found is None or len(np.unique(found[0])) != len(found[0]):
        return None
    return crystal, site_symmetry(crystal, rotations[found[0]], found[1], far)


def folded(
    lattice: FloatArray, positions: FloatArray, kinds: IntArray, denominator: int, basis: Triangle, label: IntArray
) -> Crystal:
    """Return a crystal in a primitive cell; sites with the same label are copies of one.

    Raises
    ------
    SpaceGroupError
        If sites have not as many copies as the cell holds primitive cells.
    """
    cell = np.array(basis) / denominator
    inner = positions @ np.linalg.inv(cell)
    _, first, which, copies = np.unique(label, return_index=True, return_inverse=True, return_counts=True)
    expected = len(first) * denominator**3 / abs(basis[0][0] * basis[1][1] * basis[2][2])
    if (copies * len(first) != len(label)).any() or abs(expected - len(label)) > 1e-6 * len(label):
        raise SpaceGroupError(
            f"{len(label)} sites are not whole copies of the {len(first)} in the primitive cell: use another symprec"
        )
    apart = inner - inner[first][which]
    mean = np.zeros((len(first), 3))
    np.add.at(mean, which, apart - np.rint(apart))
    return Crystal(denominator, basis, cell @ lattice, inner[first] + mean / copies[:, None], kinds[first])


def site_symmetry(crystal: Crystal, rotations: IntArray, translations: FloatArray, limit: float) -> SiteSymmetry:
    """Fit the translations of operators to all sites, by least squares.

    Parameters
    ----------
    crystal : Crystal
        In a primitive cell.
    rotations, translations : (g, 3, 3) int64, (g, 3) float
        Operators, translations known roughly.
    limit : float
        Largest distance, in Å, of a site from an image.

    Raises
    ------
    SpaceGroupError
        If an operator does not permute the sites of a kind, within the limit.
    """
    lattice, positions, kinds = crystal.lattice, crystal.positions, crystal.kinds
    n, g = len(kinds), len(rotations)
    total, squares, offsets = np.zeros((g, 3)), np.zeros(g), np.zeros((n, 3))
    for kind in np.unique(kinds):
        own = np.flatnonzero(kinds == kind)
        sites = positions[own]
        step = max(1, CHUNK // len(sites) ** 2)
        for start in range(0, g, step):
            part = slice(start, start + step)
            images = sites @ rotations[part].transpose(0, 2, 1) + translations[part, None]
            apart = sites - images[:, :, None]
            apart -= np.rint(apart)
            distance = ((apart @ lattice) ** 2).sum(axis=-1)
            rows, columns = np.arange(len(distance))[:, None], np.arange(len(sites))
            nearest = distance.argmin(axis=2)
            source = nearest.argsort(axis=1)
            least = distance[rows, columns, nearest]
            if least.max() > limit**2 or (nearest[rows, source] != columns).any():
                raise SpaceGroupError(
                    f"an operator that was found misses sites by {float(np.sqrt(least.max())):.2g} Å, or takes two of "
                    "them to one: use a smaller symprec"
                )
            onto = apart[rows, source, columns]
            total[part] += onto.sum(axis=1)
            squares[part] += least.sum(axis=1)
            offsets[own] += onto.sum(axis=0)
    mean = total / n
    variance = squares / n - ((mean @ lattice) ** 2).sum(axis=1)
    offsets = (offsets / g - mean.mean(axis=0)) @ lattice
    deviation, displacement = np.maximum(variance, 0).max(), (offsets**2).sum(axis=1).max()
    return SiteSymmetry(rotations, translations + mean, float(np.sqrt(deviation)), float(np.sqrt(displacement)))


def site_orbits(
    rotations: IntArray,
    translations: FloatArray,
    lattice: FloatArray,
    positions: FloatArray,
    kinds: IntArray,
    limit: float,
) -> tuple[IntArray, IntArray, FloatArray]:
    """Find the orbits of sites, and for the first site of each the mean of its images that fall on it.

    Parameters
    ----------
    rotations, translations : (g, 3, 3) int64, (g, 3) float64
        Operators.
    lattice : (3, 3) float64
        Basis vectors as rows, in Å.
    positions, kinds : (n, 3) float64, (n,) int64
        Sites, fractional, and their kinds.
    limit : float
        Distance in Å below which sites coincide.

    Returns
    -------
    tuple
        First sites (m,), how many sites their orbits have (m,), and the means (m, 3).
    """
    left = np.ones(len(kinds), dtype=bool)
    firsts, sizes, exact = [], [], []
    for first, kind in enumerate(kinds):
        if not left[first]:
            continue
        others = np.flatnonzero(left & (kinds == kind))
        apart = (rotations @ positions[first] + translations)[:, None] - positions[others]
        apart -= np.rint(apart)
        near = ((apart @ lattice) ** 2).sum(axis=-1) < limit**2
        left[others[near.any(axis=0)]] = False
        firsts.append(first)
        sizes.append(int(near.any(axis=0).sum()))
        exact.append(positions[first] + apart[near[:, 0], 0].mean(axis=0))  # others[0] is first
    return np.array(firsts), np.array(sizes), np.array(exact)


# ---- inside ---------------------------------------------------------------------------------------------------------


def _are_apart(lattice: FloatArray, positions: FloatArray, far: float) -> bool:
    apart = positions[:, None] - positions
    apart -= np.rint(apart)
    distance = ((apart @ lattice) ** 2).sum(axis=-1)
    np.fill_diagonal(distance, np.inf)
    return bool(distance.min() > far**2)


def _clear_crystal(
    lattice: FloatArray, positions: FloatArray, kinds: IntArray, copies: int, basis: Triangle, far: float
) -> Crystal:
    if copies == 1:
        return Crystal(1, basis, lattice, positions, kinds)
    cell = np.array(basis) / copies
    inner = positions @ np.linalg.inv(cell)
    apart = inner[:, None] - inner
    apart -= np.rint(apart)
    same = (((apart @ (cell @ lattice)) ** 2).sum(axis=-1) <= far**2) & (kinds[:, None] == kinds)
    return folded(lattice, positions, kinds, copies, basis, same.argmax(axis=1))


def _matches(
    lattice: FloatArray, positions: FloatArray, kinds: IntArray, rotations: IntArray, near: float, far: float
) -> tuple[IntArray, FloatArray] | None:
    """Return number and translation of all (W, t) that take every site to one of its kind; None if that is unclear."""
    names, counts = np.unique(kinds, return_counts=True)
    by_count = names[np.argsort(counts, kind="stable")]
    pivots = positions[kinds == by_count[0]]
    which = np.repeat(np.arange(len(rotations)), len(pivots))
    translations = (pivots - (rotations @ pivots[0])[:, None]).reshape(-1, 3)
    largest = np.zeros(len(which))
    # where there are many sites, the first of every kind leaves few candidates for the others
    first = by_count if len(which) * int(counts.max()) ** 2 > FEW else by_count[:0]
    for kind, tried in (*((kind, 1) for kind in first), *((kind, len(kinds)) for kind in by_count)):
        sites = positions[kinds == kind]
        some = sites[:tried]
        step = max(1, CHUNK // (len(some) * len(sites)))
        worst = np.empty(len(which))
        for start in range(0, len(which), step):
            part = slice(start, start + step)
            images = some @ rotations[which[part]].transpose(0, 2, 1) + translations[part, None]
            apart = images[:, :, None] - sites
            apart -= np.rint(apart)
            worst[part] = ((apart @ lattice) ** 2).sum(axis=-1).min(axis=2).max(axis=1)
        stay = worst <= far**2
        which, translations, largest = which[stay], translations[stay], np.maximum(largest, worst)[stay]
    return None if (largest > near**2).any() else (which, translations)


def _clear_isometries(lattice: FloatArray, near: float, far: float) -> IntArray | None:
    """Return all integer matrices W, for columns of coordinates, that keep lengths and angles of the lattice."""
    metric = lattice @ lattice.T
    form = np.rint(metric * (METRIC_STEPS / np.abs(metric).max())).astype(np.int64).tolist()
    basis = obtuse_superbase(form, np.eye(3, dtype=np.int64).tolist())[:3].astype(np.float64)
    reduced = basis @ metric @ basis.T
    size = np.sqrt(np.diag(reduced))
    # a product of two vectors changes by this when one of them moves by a unit of length
    change = np.maximum.outer(size, size) * (1 + np.eye(3))
    rows = near_isometries(reduced, far * change)
    if (np.abs(rows @ reduced @ rows.transpose(0, 2, 1) - reduced) > near * change).any():
        return None
    # the rows of `rows` say where the reduced basis vectors go; coordinates are turned by the transpose
    turned = np.linalg.inv(basis) @ rows @ basis
    return np.ascontiguousarray(np.rint(turned).astype(np.int64).transpose(0, 2, 1))
