"""Small symmetric densities for tests: Gaussians on Wyckoff positions of a few prototypes, band-limited by the grid."""

from __future__ import annotations

import numpy as np

from symfft import asymmetric_unit, reduce_to_au, symmetrize
from symfft_models.data.store import Entry, Site

GRID = 16
PROTOTYPES = {
    "CsCl": (221, [(0, 0, 0)], [(0.5, 0.5, 0.5)]),
    "perovskite": (221, [(0, 0, 0)], [(0.5, 0.5, 0.5)], [(0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]),
    "rock-salt": (225, [(0, 0, 0)], [(0.5, 0.5, 0.5)]),
    "fluorite": (225, [(0, 0, 0)], [(0.25, 0.25, 0.25), (0.75, 0.75, 0.75)]),
    "diamond": (227, [(0.125, 0.125, 0.125)]),
    "zintl": (227, [(0.125, 0.125, 0.125)], [(0.375, 0.375, 0.375)]),
}


def synthetic_entry(prototype: str, number: int, split: str = "train", grid: int = GRID) -> Entry:
    """Make one density; the same arguments give the same density."""
    space_group, *orbits = PROTOTYPES[prototype]
    rng = np.random.default_rng((number, sorted(PROTOTYPES).index(prototype)))
    a = rng.uniform(4.0, 6.0)
    shape = (grid, grid, grid)
    points = np.stack(np.meshgrid(*[np.arange(grid) / grid] * 3, indexing="ij"), axis=-1)
    rho = np.zeros(shape)
    for orbit in orbits:
        width, charge = rng.uniform(0.35, 0.6), rng.uniform(1.0, 8.0)
        for position in orbit:
            offset = points - np.array(position)
            offset = (offset - np.round(offset)) * a
            rho += charge * np.exp(-(offset**2).sum(-1) / (2 * width**2)) / (width * np.sqrt(2 * np.pi)) ** 3
    rho = symmetrize(rho, space_group)
    lattice_points = 1 if space_group == 221 else 4  # the primitive cell holds a whole number of electrons
    electrons = float(lattice_points * max(round(rho.mean() * a**3 / lattice_points), 1))
    rho *= electrons / (rho.mean() * a**3)
    values = reduce_to_au(rho, asymmetric_unit(space_group, shape)).astype(np.float32)
    elements = ("H", "He", "Li")
    return Entry(
        values=values,
        space_group=space_group,
        shape=shape,
        lattice=a * np.eye(3),
        electrons=electrons,
        id=f"{prototype}-{number}",
        composition=f"C{number}",
        prototype=prototype,
        split=split,
        sites=tuple(Site(symbol, "?", orbit[0]) for symbol, orbit in zip(elements, orbits, strict=False)),
    )


def synthetic_entries(split: str, each: int, start: int = 0, grid: int = GRID) -> list[Entry]:
    """Make `each` densities of every prototype."""
    return [synthetic_entry(p, start + k, split, grid) for p in PROTOTYPES for k in range(each)]
