"""The transform of a group via a subgroup that an engine knows: exact, at a higher cost.

The asymmetric unit of a subgroup holds several copies of the group's; its unique reflections hold the group's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symfft.crystal.space_group import SpaceGroup
from symfft.fourier._reflection_kernels import gather
from symfft.fourier.engines.engine import Engine
from symfft.fourier.reflections import Filling, find_reflections

if TYPE_CHECKING:
    from symfft.grid.orbits import GridOrbits


class SubgroupTransform(Engine):
    """The transform through an engine for a subgroup.

    Parameters
    ----------
    au : GridOrbits
        Of the group.
    smaller : GridOrbits
        Of the same grid under the subgroup.
    engine : Engine
        For `smaller`.
    """

    def __init__(self, au: GridOrbits, smaller: GridOrbits, engine: Engine) -> None:
        self._engine = engine
        self._entry = au.labels.reshape(-1)[smaller.points].astype(np.uint32)
        self._copy = smaller.labels.reshape(-1)[au.points].astype(np.uint32)
        reflections = find_reflections(au.space_group, au.shape, engine.hkl)
        self._unique = reflections.candidate.astype(np.uint32)
        self._fill = Filling(reflections, engine.hkl)
        super().__init__(reflections.hkl, au.size)

    def _forward(self, values: NDArray[Any], out: NDArray[Any], threads: int) -> None:
        more = np.empty((len(values), len(self._entry)), dtype=values.dtype)
        found = np.empty((len(values), len(self._engine.hkl)), dtype=out.dtype)
        gather(values, self._entry, more)
        self._engine.forward(more, found, threads)
        gather(found, self._unique, out)

    def _inverse(self, coefficients: NDArray[Any], out: NDArray[Any], threads: int) -> None:
        found = np.empty((len(coefficients), len(self._entry)), dtype=out.dtype)
        self._engine.inverse(self._fill(coefficients), found, threads)
        gather(found, self._copy, out)


def axis_subgroups(group: SpaceGroup) -> list[SpaceGroup]:
    """Return, for each axis of the cell, the largest subgroup that takes it to itself or its opposite; those that are
    smaller than the group.
    """
    found = []
    for axis in range(3):
        row = group.rotations[:, axis, :]
        keeps = (np.abs(row) == np.eye(3, dtype=np.int64)[axis]).all(axis=1)
        if not keeps.all():
            operators = group.rotations[keeps], group.numerators[keeps]
            found.append(SpaceGroup(*operators, group.denominator))
    return found
