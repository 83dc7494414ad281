"""The plan of a transform: which engine computes it, and what its structure factors stand for."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from symfft.errors import ShapeError
from symfft.fourier.blocks import plan_blocks
from symfft.fourier.full import FullTransform, full_cost
from symfft.fourier.reciprocal import Reflections, find_reflections
from symfft.fourier.subgroup import SubgroupTransform, axis_subgroups

if TYPE_CHECKING:
    from symfft.asymmetric_unit import AsymmetricUnit
    from symfft.seitz import IntArray


class Engine(Protocol):
    """What computes a transform: values (b, n) to structure factors (b, n_h) in the order of its `hkl`, and back."""

    hkl: IntArray
    #: Expected time of a transform in ns: operations counted, times what a machine of 2025 took for them at 96³.
    cost: float

    def forward(self, values: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return ``F(h) = Σ_m rho(m) exp(-2πi h·x_m)``."""
        ...

    def inverse(self, coefficients: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return ``rho(m) = 1/N Σ_h F(h) exp(2πi h·x_m)``, of the symmetric part of the coefficients."""
        ...


class FourierPlan:
    """The exact transform of one asymmetric unit; :class:`AsymmetricUnit` keeps it.

    The engine is chosen by modelled cost, from group and shape alone: the order of the reflections is the same on every
    machine and for every dtype.
    """

    def __init__(self, au: AsymmetricUnit) -> None:
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


def cheapest_engine(au: AsymmetricUnit) -> Engine:
    """Return the engine with the lowest modelled cost."""
    engines = direct_engines(au)
    subgroups = axis_subgroups(au.space_group)
    if not engines and subgroups:
        smaller = au.under(subgroups[-1])
        engines = [SubgroupTransform(au, smaller, engine) for engine in direct_engines(smaller)]
    best = min(engines, key=lambda engine: engine.cost, default=None)
    return FullTransform(au) if best is None or best.cost > full_cost(au.shape) else best


def direct_engines(au: AsymmetricUnit) -> list[Engine]:
    """Return the engines that know the group and save work for it."""
    from symfft.fourier.planes import plan_planes  # its kernels need numba to be defined

    found: list[Engine | None] = [plan_blocks(au), plan_planes(au)]
    return [engine for engine in found if engine is not None]


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
