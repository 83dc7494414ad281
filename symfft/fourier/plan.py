"""The plan of a transform: which engine computes it, and what its structure factors stand for.

The rule, which knows group and shape alone. With D the operators that only change signs of the axes and add half
translations, and B those that permute the axes besides:

    Planes along the unique axis; but blocks for cubic groups; for orthorhombic ones that are centrosymmetric, have an
    F lattice, or are polar with a centred lattice or without translations along the axis; for centrosymmetric
    tetragonal ones with an I lattice all of whose operators are in B; for other tetragonal ones while no axis has more
    than 12 |D|²|B|/|G|² points, twice as many where no operator moves planes along an axis; and the plain FFT where an
    axis has a prime factor beyond 40 |G|.

A cubic group that has no blocks on its grid is transformed via its largest subgroup that leaves an axis unchanged.
``benchmarks/engines.py`` times all engines of all groups, and fails the rule where another one is 15 % faster.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symfft.fourier.engines.blocks import BlockTransform, find_cell
from symfft.fourier.engines.engine import Engine
from symfft.fourier.engines.full import FullTransform
from symfft.fourier.engines.planes.frame import Frame, frames
from symfft.fourier.engines.subgroup import SubgroupTransform, axis_subgroups
from symfft.fourier.reflections import Reflections, find_reflections
from symfft.fourier.threads import count_of

if TYPE_CHECKING:
    from symfft._shape import Shape
    from symfft.crystal.space_group import SpaceGroup
    from symfft.fourier.engines.blocks.cell import Cell
    from symfft.fourier.engines.blocks.codes import Folding
    from symfft.grid.orbits import GridOrbits

#: Points of an axis up to which products in blocks cost less than planes, for each operator of D where B is the group.
POINTS_OF_BLOCKS = 12
#: Traces of the rotations by 120 and 90 degrees.
THREEFOLD, FOURFOLD = 0, 1
#: Largest prime factor of an axis for each operator of the group: cost of ours grow with it, those of the FFT do not.
PRIME_FACTOR_PER_OPERATOR = 40
#: Points of the smallest asymmetric unit whose single transforms are shared: to wake a helper takes as long as others.
SHARED = 50_000


class FourierPlan:
    """The exact transform of one asymmetric unit; :class:`symfft.AsymmetricUnit` caches it.

    Engine and order of the reflections depend on group and shape alone: they are the same on every machine, in both
    precisions and for any number of threads.
    """

    def __init__(self, orbits: GridOrbits) -> None:
        self._orbits = orbits
        self.engine = choose_engine(orbits)
        self.hkl = self.engine.hkl
        self.hkl.flags.writeable = False

    def __reduce__(self) -> tuple[type[FourierPlan], tuple[GridOrbits]]:
        return FourierPlan, (self._orbits,)

    @cached_property
    def reflections(self) -> Reflections:
        """Classes of reflections, in the order of `hkl`."""
        return find_reflections(self._orbits.space_group, self._orbits.shape, self.hkl)

    def forward(
        self, values: NDArray[Any], workers: int | None = None, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Transform values (b, n) of float32 or float64; into `out` where it is given."""
        return self.engine.forward(values, out, self._threads(len(values), workers))

    def inverse(
        self, coefficients: NDArray[Any], workers: int | None = None, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Transform coefficients (b, n_h) of complex64 or complex128 back; into `out` where it is given."""
        return self.engine.inverse(coefficients, out, self._threads(len(coefficients), workers))

    def _threads(self, rows: int, workers: int | None) -> int:
        """Return how many threads share a batch: for a small unit not more than it has rows."""
        threads = count_of(workers)
        return threads if self.engine.size >= SHARED else max(1, min(threads, rows))


def choose_engine(orbits: GridOrbits) -> Engine:
    """Return the engine that the rule takes."""
    if _largest_prime_factor(orbits.shape) > PRIME_FACTOR_PER_OPERATOR * orbits.space_group.order:
        return FullTransform(orbits)
    return _direct(orbits) or through_subgroup(orbits) or FullTransform(orbits)


def _direct(orbits: GridOrbits) -> Engine | None:
    """Return the engine of blocks or planes; None where neither applies."""
    axes = frames(orbits)
    # trigonal and hexagonal groups have blocks too, of a cell along two-fold axes
    found = None if axes and _has_axis(orbits.space_group, THREEFOLD) else find_cell(orbits)
    if found is not None and (not axes or _blocks_serve(orbits.space_group, *found, axes)):
        return BlockTransform(*found)
    from symfft.fourier.engines.planes import plan_planes  # its kernels need numba to be defined

    return plan_planes(orbits)


def _blocks_serve(group: SpaceGroup, cell: Cell, blocks: Folding, axes: list[Frame]) -> bool:
    """Whether products in blocks cost less than planes along an axis."""
    order, used = group.order * cell.volume, blocks.diagonal * len(blocks.permutations)
    polar = [axis for axis in axes if (axis.signs == 1).all()]
    fixed = any(not axis.shifts.any() for axis in polar)
    if not _has_axis(group, FOURFOLD):
        centred = blocks.diagonal >= (8 if polar else 16)
        return group.is_centrosymmetric or fixed or centred
    if group.is_centrosymmetric and blocks.diagonal >= 16 and used == order:
        return True
    most = POINTS_OF_BLOCKS * blocks.diagonal**2 * used / order**2
    return max(cell.shape) <= (2 * most if fixed else most)


def through_subgroup(orbits: GridOrbits) -> SubgroupTransform | None:
    """Return the engine of the largest subgroup that keeps an axis; None where all operators keep all axes."""
    subgroups = axis_subgroups(orbits.space_group)
    if not subgroups:
        return None
    smaller = orbits.under(subgroups[-1])
    engine = _direct(smaller)
    return None if engine is None else SubgroupTransform(orbits, smaller, engine)


def _has_axis(group: SpaceGroup, trace: int) -> bool:
    """Whether a rotation, or rotoinversion, has the trace of an axis."""
    proper = group.rotations * np.rint(np.linalg.det(group.rotations)).astype(np.int64)[:, None, None]
    return bool((np.trace(proper, axis1=1, axis2=2) == trace).any())


def _largest_prime_factor(shape: Shape) -> int:
    largest = 1
    for n in shape:
        factor, rest = 2, n
        while factor * factor <= rest:
            if rest % factor:
                factor += 1
            else:
                rest //= factor
        largest = max(largest, rest)
    return largest
