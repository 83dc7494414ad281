"""The operators that the sites of a crystal obey, measured on all of them.

A crystal maps onto itself by an isometry W of its lattice and a translation that takes one site to another of its kind.
Where every distance is far below or far above the tolerance, so that no way of searching could find another group, the
operators found this way are complete. Everything else is left to spglib.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from symfft._array_types import FloatArray, IntArray
from symfft.crystal.lattice import near_isometries, reduced_basis
from symfft.crystal.primitive import FEW, Crystal, Sites, primitive_crystal
from symfft.errors import SpaceGroupError

#: Distances count as clear below a tenth and above ten times the tolerance.
CLEARLY = 10.0
#: With more sites than this, spglib searches faster.
MOST_SITES = 128
#: Differences of sites that are worked out without a choice among candidates.
AT_ONCE = 2**14
#: Differences of sites held in memory at a time.
CHUNK = 2**20


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
    repeated = primitive_crystal(lattice, positions, kinds, near, far)
    if repeated is None or len(repeated[0].kinds) > MOST_SITES:
        return None
    crystal = repeated[0]
    rotations = _clear_isometries(crystal.lattice, near, far)
    if rotations is None:
        return None
    found = _matches(crystal.lattice, crystal.positions, crystal.kinds, rotations, near, far)
    if found is None or len(np.unique(found[0])) != len(found[0]):
        return None
    return crystal, site_symmetry(crystal, rotations[found[0]], found[1], far)


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
        sites = Sites(lattice, positions[own])
        step = max(1, CHUNK // len(own) ** 2) if len(own) <= FEW else max(1, CHUNK // len(own))
        for start in range(0, g, step):
            part = slice(start, start + step)
            images = sites.positions @ rotations[part].transpose(0, 2, 1) + translations[part, None]
            found, apart, least = sites.nearest(images.reshape(-1, 3))
            nearest = found.reshape(len(images), -1)
            rows, columns = np.arange(len(images))[:, None], np.arange(len(own))
            source = nearest.argsort(axis=1)
            if least.max() > limit or (nearest[rows, source] != columns).any():
                raise SpaceGroupError(
                    f"an operator that was found misses sites by {float(least.max()):.2g} Å, or takes two of them to "
                    "one: use a smaller symprec"
                )
            onto = -apart.reshape(*images.shape)[rows, source]
            total[part] += onto.sum(axis=1)
            squares[part] += (least**2).reshape(len(images), -1).sum(axis=1)
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
    first = by_count if len(which) * int(counts.max()) ** 2 > AT_ONCE else by_count[:0]
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
    basis = reduced_basis(metric)
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
