"""Frozen cores of the elements: what a density of valence electrons lacks, as a reference for Bader's partition.

``cores.csv`` holds the spherical core densities of free atoms in PBE, from the PAW setups that the densities of
``symfft_models`` were computed with: core electrons, and the logarithm of the density (electrons per cubic bohr) at
radii of equal steps in the logarithm. ``python -m symfft_models.datasets.paw.cores`` writes it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import resources

import numpy as np

from symfft._array_types import FloatArray
from symfft.constants import BOHR
from symfft.crystal.elements import SYMBOLS
from symfft.density import Density
from symfft.errors import SymfftError

FILE = "cores.csv"
#: Radii (bohr) of the table: first, last, number.
FIRST, LAST, COUNT = 0.002, 4.0, 48
#: Deviation of the electrons of a density from the valence electrons of the table's atoms.
ELECTRONS = 0.02


@cache
def load_cores() -> dict[str, tuple[int, FloatArray]]:
    """Return core electrons of each element, and the logarithm of their density at the radii of the table."""
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    found = {}
    for line in text.splitlines()[1:]:
        symbol, electrons, *values = line.split(",")
        found[symbol] = int(electrons), np.array([float(value) for value in values])
    return found


def core_radii() -> FloatArray:
    """Return the radii (bohr) of the table."""
    return np.geomspace(FIRST, LAST, COUNT)


def frozen_cores(density: Density) -> Density:
    r"""Return the frozen cores of a density's atoms, on its grid.

    .. math:: \rho_c(x) = \sum_a \rho_{c,Z_a}(|x - r_a|)

    A density of valence electrons often has no maximum at an atom; with its cores it has one at every atom but
    hydrogen, whose maximum is the valence density's own. What is integrated stays the valence density: the cores only
    say where basins end. They are not normalised on the grid, whose spacing is larger than the innermost shells.

    Parameters
    ----------
    density : Density
        Of valence electrons, with its atoms. Its electrons must be those that the table's cores leave.

    Returns
    -------
    Density
        In e/Å³.

    Raises
    ------
    SymfftError
        If the density lists no atoms, one of its elements is not in the table, or its electrons are counted otherwise.

    See Also
    --------
    bader : takes the sum of a density and its cores as `reference`.

    Examples
    --------
    >>> import numpy as np
    >>> import symfft
    >>> from symfft_models.datasets.paw import load_paw
    >>> valence = load_paw().find("rock-salt-MgO").density()
    >>> found = symfft.bader(valence, reference=valence + symfft.frozen_cores(valence))
    >>> found.electrons[[0, 4]].round(1).tolist()  # of 10 and 6 valence electrons
    [8.3, 7.7]
    """
    cores, symbols = load_cores(), [SYMBOLS[number - 1] for number in density.numbers.tolist()]
    if not symbols:
        raise SymfftError("the density lists no atoms, whose cores are asked for")
    if unknown := sorted(set(symbols) - cores.keys()):
        raise SymfftError(f"no frozen core is known of {', '.join(unknown)}: give AECCAR0 and AECCAR2 as references")
    left = sum(int(number) - cores[symbol][0] for symbol, number in zip(symbols, density.numbers.tolist(), strict=True))
    if abs(left - density.electrons) > ELECTRONS:
        raise SymfftError(
            f"the density holds {density.electrons:.4f} electrons, and the known frozen cores leave {left}: its "
            "valence is counted otherwise; give AECCAR0 and AECCAR2 as references"
        )
    values = np.zeros(density.shape)
    reach = np.ceil(LAST * BOHR * np.linalg.norm(np.linalg.inv(density.lattice), axis=0) * density.shape).astype(int)
    steps = [np.arange(-n, n + 1) for n in reach]
    window = np.stack(np.meshgrid(*steps, indexing="ij"), -1).reshape(-1, 3)
    logarithm = np.log(core_radii())
    for symbol, position in zip(symbols, density.positions, strict=True):
        electrons, core = cores[symbol]
        if not electrons:
            continue
        centre = np.rint(position * density.shape).astype(int)
        away = (centre + window) / np.array(density.shape) - position
        radius = np.linalg.norm(away @ density.lattice, axis=1) / BOHR
        near = radius < LAST
        found = np.exp(np.interp(np.log(np.maximum(radius[near], FIRST)), logarithm, core)) / BOHR**3
        points = (centre + window[near]) % np.array(density.shape)
        np.add.at(values, tuple(points.T), found)
    return replace(density, values=values, magnetization=None, spin_down=None, augmentation=None, site_moments=None)
