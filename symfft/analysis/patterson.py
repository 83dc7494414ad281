"""The Patterson function, in the space group that it has: never that of the crystal unless the two agree.

The squared structure factors lose the phases, and with them every translation that belongs to a rotation:
``|F(Wᵀh)|² = |F(h)|²`` for all W of the crystal, and ``|F(-h)|² = |F(h)|²``.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._arrays import as_real, check_values
from symfft.analysis.frequencies import unique_frequencies
from symfft.au import AsymmetricUnit, asymmetric_unit
from symfft.crystal.space_group import SpaceGroup, as_space_group
from symfft.transforms.dft import au_dft, au_idft, structure_factors


class PattersonMap(NamedTuple):
    """A Patterson function with the asymmetric unit that it belongs to.

    Attributes
    ----------
    values : (..., n) float64
        ``P(u) = ∫ rho(r) rho(r + u) dr`` on the asymmetric unit, in e²/Å³.
    au : AsymmetricUnit
        Of the Patterson symmetry, on the grid of the density.
    """

    values: NDArray[np.float64]
    au: AsymmetricUnit


@lru_cache(maxsize=256)
def patterson_group(space_group: SpaceGroup | int | str) -> SpaceGroup:
    """Return the Patterson symmetry of a space group: the symmorphic group of its Laue class and its lattice.

    Its operators are (W, c) and (-W, c) for all rotations W and all centring translations c of the group
    (International Tables A, section 2.1.3.5). There are 24 types for the 230 groups.

    Parameters
    ----------
    space_group : SpaceGroup, int or str
        The group of the density.

    Returns
    -------
    SpaceGroup
        In the same axes.

    Examples
    --------
    >>> from symfft.analysis import patterson_group
    >>> patterson_group("P 21/c").symbol, patterson_group("P n m a").symbol, patterson_group("F d -3 m").symbol
    ('P 1 2/m 1', 'P m m m', 'F m -3 m')
    """
    group = as_space_group(space_group)
    rotations = np.unique(np.concatenate([group.rotations, -group.rotations]), axis=0)
    centring = group.numerators[(group.rotations == np.eye(3, dtype=np.int64)).all(axis=(1, 2))]
    return SpaceGroup(
        np.repeat(rotations, len(centring), axis=0), np.tile(centring, (len(rotations), 1)), group.denominator
    )


def au_patterson(values: ArrayLike, au: AsymmetricUnit, lattice: ArrayLike) -> PattersonMap:
    r"""Return the Patterson function of a density, with the asymmetric unit of its own symmetry.

    .. math:: P(u) = \int \rho(r)\, \rho(r + u)\, dr = V \sum_G |c_G|^2 e^{2\pi i G \cdot u}

    Exact for the Fourier series of the density: a frequency at the limit of the grid, whose class has several shortest
    members, counts once for each of them.

    Parameters
    ----------
    values : (..., n) array
        Density on the asymmetric unit, in e/Å³.
    au : AsymmetricUnit
        The plan, of the crystal's group.
    lattice : (3, 3) float
        Basis vectors as rows, in Å.

    Returns
    -------
    PattersonMap
        Values and their asymmetric unit, which is that of :func:`patterson_group`.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or the lattice does not fit the group.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit
    >>> from symfft.analysis import au_patterson
    >>> au = asymmetric_unit("P 21/c", (6, 8, 10))
    >>> rho = np.random.default_rng(0).random(au.size)
    >>> patterson = au_patterson(rho, au, np.diag([5.0, 6.0, 7.0]))
    >>> patterson.au.space_group.symbol, bool(patterson.values.argmax() == patterson.au.labels[0, 0, 0])
    ('P 1 2/m 1', True)
    """
    check_values(values, au.size)
    rho = as_real(values).astype(np.float64, copy=False)
    own = asymmetric_unit(patterson_group(au.space_group), au.shape)
    intensity = np.abs(structure_factors(au_dft(rho, au), au, own.hkl)) ** 2
    members = unique_frequencies(own, lattice).multiplicity
    # au_idft divides by N once, |F|² = N² |c|² needs it twice
    scale = abs(float(np.linalg.det(np.asarray(lattice, dtype=np.float64)))) / math.prod(au.shape)
    return PattersonMap(np.asarray(au_idft((intensity / members * scale).astype(np.complex128), own)), own)
