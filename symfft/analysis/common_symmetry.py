"""The asymmetric unit on which several densities can be held without an average changing them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft.au import TOLERANCE, AsymmetricUnit, asymmetric_unit, reduce_to_au
from symfft.crystal.space_group import SpaceGroup
from symfft.errors import IncompatibleGridError, NotSymmetricError, SpaceGroupError
from symfft.grid.symmetry_check import check_symmetry


def on_common_au(group: SpaceGroup, grids: list[NDArray[Any]]) -> tuple[AsymmetricUnit, list[NDArray[Any]]]:
    """Return densities on the asymmetric unit of those operators of a group that all of them have.

    Operators are left out that the grid does not fit, or that change a value by more than 1e-3 of the largest; where
    the others do not form a group, none is used.

    Parameters
    ----------
    group : SpaceGroup
        The operators to try.
    grids : list of (Nx, Ny, Nz) float
        At least one density, all on one grid.

    Examples
    --------
    >>> import numpy as np
    >>> wave = np.cos(2 * np.pi * np.arange(4) / 4) + np.zeros((4, 4, 4))
    >>> on_common_au(SpaceGroup.from_symbol("P m -3 m"), [wave])[0].space_group.order
    16
    """
    try:
        au = asymmetric_unit(group, grids[0].shape)
        return au, [reduce_to_au(grid, au) for grid in grids]
    except (IncompatibleGridError, NotSymmetricError):
        reports = [check_symmetry(grid, group).operators for grid in grids]
    rows = zip(*reports, strict=True)
    kept = np.array([all(o.even is not None and o.even <= TOLERANCE for o in row) for row in rows])
    try:
        group = SpaceGroup(group.rotations[kept], group.numerators[kept], group.denominator)
    except SpaceGroupError:
        group = SpaceGroup.from_number(1)
    au = asymmetric_unit(group, grids[0].shape)
    return au, [reduce_to_au(grid, au, tolerance=math.inf) for grid in grids]
