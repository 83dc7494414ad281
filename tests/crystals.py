"""Made-up crystals with a known space group, and densities on them."""

from __future__ import annotations

import numpy as np

import naive
from symfft import Density, SpaceGroup


def lattice(a, b, c, alpha=90.0, beta=90.0, gamma=90.0):
    """Basis vectors as rows: a along x, b in the plane of x and y."""
    ca, cb, cg = np.cos(np.radians([alpha, beta, gamma]))
    sg = np.sin(np.radians(gamma))
    z = (ca - cb * cg) / sg
    return np.array([[a, 0, 0], [b * cg, b * sg, 0], [c * cb, c * z, c * np.sqrt(1 - cb**2 - z**2)]])


#: group: lattice, grid, one site of every orbit with its atomic number.
CRYSTALS = {
    2: (lattice(5.1, 6.2, 7.3, 81, 97, 103), (6, 5, 7), [(8, (0.11, 0.23, 0.37)), (26, (0.41, 0.05, 0.82))]),
    14: (lattice(5.1, 6.2, 7.3, beta=101), (6, 8, 10), [(8, (0.11, 0.23, 0.37))]),
    62: (lattice(5.1, 6.2, 7.3), (8, 6, 10), [(14, (0.11, 0.13, 0.37)), (8, (0.3, 0.25, 0.6))]),
    76: (lattice(5.1, 5.1, 7.3), (6, 6, 8), [(34, (0.11, 0.23, 0.37)), (8, (0.41, 0.17, 0.1))]),
    166: (lattice(5.1, 5.1, 12.0, gamma=120), (6, 6, 12), [(26, (0, 0, 0)), (8, (0, 0, 0.21))]),
    194: (lattice(3.2, 3.2, 5.2, gamma=120), (6, 6, 8), [(12, (1 / 3, 2 / 3, 0.25))]),
    198: (lattice(4.6, 4.6, 4.6), (6, 6, 6), [(26, (0.137, 0.137, 0.137)), (14, (0.842, 0.842, 0.842))]),
    221: (lattice(4.1, 4.1, 4.1), (7, 7, 7), [(55, (0, 0, 0)), (17, (0.5, 0.5, 0.5))]),
    225: (lattice(5.6, 5.6, 5.6), (8, 8, 8), [(11, (0, 0, 0)), (17, (0.5, 0.5, 0.5))]),
    227: (lattice(5.4, 5.4, 5.4), (8, 8, 8), [(14, (0.125, 0.125, 0.125))]),
}


def crystal(number, *, shape=None, seed=0, **more):
    """Return a random positive density on the crystal of a group, with its symmetry where the grid fits the group."""
    cell, grid, sites = CRYSTALS[number]
    group = SpaceGroup.from_number(number)
    positions, numbers = [], []
    for element, site in sites:
        images = group.rotations @ np.array(site) + group.translations.astype(float)
        images = np.unique(np.round(images % 1.0, 9) % 1.0, axis=0)
        positions += images.tolist()
        numbers += [element] * len(images)
    values = 0.1 + np.random.default_rng(seed).random(shape or grid)
    if naive.fits(group, values.shape):
        values = naive.symmetrized(values, group)
    return Density(values, cell, positions, numbers, comment=f"made up, group {number}", **more)


def odd_magnetization(number, *, seed=1):
    """Return a magnetization on the crystal that every improper operator reverses, and those signs."""
    group = SpaceGroup.from_number(number)
    signs = np.rint(np.linalg.det(group.rotations)).astype(int)
    proper = SpaceGroup.from_operators(group.rotations[signs > 0], group.translations[signs > 0])
    field = naive.symmetrized(np.random.default_rng(seed).standard_normal(CRYSTALS[number][1]), proper)
    return field - naive.symmetrized(field, group), signs


#: Electrons and width, in Å, of a Gaussian atom.
ATOMS = {8: (8.0, 0.30), 26: (6.0, 0.32), 14: (4.0, 0.35), 12: (2.0, 0.35), 34: (6.0, 0.4), 55: (9.0, 0.5)} | {
    11: (1.0, 0.4),
    17: (7.0, 0.45),
}


def gaussians(cell, positions, numbers, shape, atoms=ATOMS):
    """Sum of normalised Gaussians at the atoms and their images, as far as these reach: exp(-100) of the maximum."""
    values = np.zeros(shape)
    metric = cell @ cell.T
    for position, number in zip(positions, numbers):
        electrons, sigma = atoms[int(number)]
        for shift in np.ndindex(5, 5, 5):
            x, y, z = (np.arange(n) / n - p - s + 2 for n, p, s in zip(shape, position, shift))
            squared = np.add.outer(metric[0, 0] * x**2, metric[1, 1] * y**2) + 2 * metric[0, 1] * np.outer(x, y)
            linear = 2 * np.add.outer(metric[0, 2] * x, metric[1, 2] * y)
            # the nearest point of each line along the third axis, and of all lines
            if (squared - linear**2 / (4 * metric[2, 2])).min() > 200 * sigma**2:
                continue
            squared = squared[..., None] + linear[..., None] * z + metric[2, 2] * z**2
            near = squared < 200 * sigma**2
            values[near] += electrons * np.exp(-squared[near] / (2 * sigma**2)) / (2 * np.pi * sigma**2) ** 1.5
    return values


def atoms_of(number, factor=3, atoms=ATOMS, **more):
    """A crystal whose density is a superposition of Gaussian atoms."""
    frame = crystal(number)
    shape = tuple(factor * n for n in frame.shape)
    return Density(
        gaussians(frame.lattice, frame.positions, frame.numbers, shape, atoms),
        frame.lattice,
        frame.positions,
        frame.numbers,
        **more,
    )
