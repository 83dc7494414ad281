"""The plan of a transform: which engine computes it, and what its structure factors stand for."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symfft.errors import ShapeError
from symfft.fourier.engines.blocks import BlockTransform, find_cell
from symfft.fourier.engines.blocks import least_cost as least_block_cost
from symfft.fourier.engines.engine import Engine
from symfft.fourier.engines.full import FullTransform, full_cost
from symfft.fourier.engines.subgroup import SubgroupTransform, axis_subgroups
from symfft.fourier.reflections import Reflections, find_reflections

if TYPE_CHECKING:
    from symfft.grid.orbits import GridOrbits


class FourierPlan:
    """The exact transform of one asymmetric unit; :class:`symfft.AsymmetricUnit` caches it.

    The engine is chosen by modelled cost, from group and shape alone: the order of the reflections is the same on every
    machine and for every dtype.
    """

    def __init__(self, au: GridOrbits) -> None:
        self._au = au
        self.engine = cheapest_engine(au)
        self.hkl = self.engine.hkl
        self.hkl.flags.writeable = False

    @cached_property
    def reflections(self) -> Reflections:
        """Classes of reflections, in the order of `hkl`."""
        return find_reflections(self._au.space_group, self._au.shape, self.hkl)

    def forward(
        self, values: NDArray[Any], workers: int | None = None, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Transform values (b, n) of float32 or float64; into `out` where it is given."""
        return _in_threads(self.engine.forward, np.ascontiguousarray(values), workers, out)

    def inverse(
        self, coefficients: NDArray[Any], workers: int | None = None, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Transform coefficients (b, n_h) of complex64 or complex128 back; into `out` where it is given."""
        return _in_threads(self.engine.inverse, np.ascontiguousarray(coefficients), workers, out)


class Choice(NamedTuple):
    """An engine that is not planned yet.

    Attributes
    ----------
    least : float
        What it costs at least, in ns.
    plan : callable
        Plans it; None where it does not apply.
    """

    least: float
    plan: Callable[[], Engine | None]


def cheapest_engine(au: GridOrbits) -> Engine:
    """Return the engine with the lowest modelled cost.

    One that would cost more than another even at the least is not planned.
    """
    best = _cheapest(direct_choices(au))
    subgroups = axis_subgroups(au.space_group)
    if best is None and subgroups:
        smaller = au.under(subgroups[-1])
        engine = _cheapest(direct_choices(smaller))
        best = None if engine is None else SubgroupTransform(au, smaller, engine)
    return FullTransform(au) if best is None or best.cost > full_cost(au.shape) else best


def _cheapest(choices: list[Choice]) -> Engine | None:
    best: Engine | None = None
    for choice in sorted(choices, key=lambda choice: choice.least):
        if best is None or choice.least < best.cost:
            engine = choice.plan()
            if engine is not None and (best is None or engine.cost < best.cost):
                best = engine
    return best


def direct_choices(au: GridOrbits) -> list[Choice]:
    """Return the engines that know the group and save work for it."""
    from symfft.fourier.engines.planes import plan_planes  # its kernels need numba to be defined

    choices = [Choice(least_planes_cost(au), lambda: plan_planes(au))]
    found = find_cell(au)
    if found is not None:
        choices.append(Choice(least_block_cost(*found), lambda: BlockTransform(*found)))
    return choices


def least_planes_cost(au: GridOrbits) -> float:
    """Return what planes and lines cost at least: some steps for each value of the asymmetric unit.

    Acentric groups have half as many reflections, but complex ones. The figures hold for orthorhombic and higher
    groups, of which blocks may be formed; others have no choice.
    """
    group, points = au.space_group, math.prod(au.shape)
    centric = (group.rotations == -np.eye(3, dtype=np.int64)).all(axis=(1, 2)).any()
    return (5.9 + 0.18 * math.log2(points)) * points / (1.0 if centric else 1.85) / group.order


def _in_threads(transform: Any, batch: NDArray[Any], workers: int | None, out: NDArray[Any] | None) -> NDArray[Any]:
    """Apply a transform to the rows of a batch, parts of it in threads of their own."""
    if workers is not None and (workers == 0 or not isinstance(workers, (int, np.integer))):
        raise ShapeError(f"workers={workers!r} must be a positive number of threads, or negative to count from all")
    if workers is None or workers == 1 or len(batch) < 2:
        return np.asarray(transform(batch, out))
    threads = workers if workers > 0 else max(1, (os.cpu_count() or 1) + 1 + workers)
    parts = np.array_split(batch, min(threads, len(batch)))
    with ThreadPoolExecutor(len(parts)) as pool:
        if out is None:
            return np.concatenate(list(pool.map(transform, parts)))
        list(pool.map(transform, parts, np.array_split(out, len(parts))))
        return out
