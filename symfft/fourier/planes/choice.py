"""Which axis, and whether planes or their columns share vectors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from symfft.fourier.planes.column_transform import ColumnsTransform
from symfft.fourier.planes.columns import serves
from symfft.fourier.planes.frame import frames
from symfft.fourier.planes.layers import kinds_of_planes
from symfft.fourier.planes.plane import plan_plane, two_fold
from symfft.fourier.planes.transform import PlanesTransform, cost_of_planes

if TYPE_CHECKING:
    from symfft.grid.orbits import GridOrbits


#: Points of a grid from which on columns always cost less: rows of planes leave the second-level cache.
LARGE = 500_000


def cheapest(au: GridOrbits) -> PlanesTransform | ColumnsTransform | None:
    """Return the transform of lowest modelled cost, None where no axis is unique."""
    planned = [(frame, kinds_of_planes(frame)) for frame in frames(au)]
    if not planned:
        return None
    found: list[PlanesTransform | ColumnsTransform] = []
    # the longest rows of values side by side: planes across another axis than the last
    plain = [(frame, kinds) for frame, kinds in planned if serves(frame, kinds)]
    if plain:
        frame, kinds = max(plain, key=lambda choice: abs(choice[0].basis[:, 1]).tolist()[::-1])
        found.append(ColumnsTransform(au, frame, kinds[0], two_fold(kinds[0].operators)))
        if frame.basis[2, 1] and (math.prod(au.shape) > LARGE or len(plain) == len(planned)):
            return found[0]
    choices = [(f, kinds, [plan_plane(f.shape[:2], kind.operators) for kind in kinds]) for f, kinds in planned]
    found.append(PlanesTransform(au, *min(choices, key=lambda choice: cost_of_planes(*choice[1:]))))
    return min(found, key=lambda engine: engine.cost)
