"""Means over orbits of densities on a grid: NumPy arrays, and torch tensors on any device with gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from symfft._arrays import is_tensor
from symfft._tables import on_device
from symfft.grid._kernels import orbit_means
from symfft.grid.orbits import GridOrbits


class Means(NamedTuple):
    """Orbit means of a batch of densities.

    Attributes
    ----------
    values : (b, n) array or tensor
        The means.
    spread, largest : (b,) list of float
        Largest difference between two values of an orbit, and largest absolute value; where a value is not finite, one
        of the two is not either.
    """

    values: Any
    spread: list[float]
    largest: list[float]


def means_of(batch: Any, orbits: GridOrbits) -> Means:
    """Average densities (b, N) over orbits, in float64, as deviations from the representatives.

    Values that are equal on an orbit stay as they are.
    """
    if is_tensor(batch):
        return _means_of_tensors(batch, orbits)
    means, extremes = np.empty((len(batch), orbits.size)), np.zeros((len(batch), 2))
    labels, work = orbits.labels.reshape(-1), np.empty((3, orbits.size))
    orbit_means(np.ascontiguousarray(batch), labels, orbits.points, orbits.multiplicity, work, means, extremes)
    return Means(means.astype(batch.dtype, copy=False), *extremes.T.tolist())


def labels_on(orbits: GridOrbits, device: Any) -> Any:
    """Return the orbit number of every grid point, (N,) int64, as a tensor."""
    return on_device(orbits, device, "labels", lambda: orbits.labels.reshape(-1).astype(np.int64))


def _means_of_tensors(batch: Any, orbits: GridOrbits) -> Means:
    device = batch.device
    labels = labels_on(orbits, device)
    multiplicity = on_device(orbits, device, "multiplicity", lambda: orbits.multiplicity)
    points = on_device(orbits, device, "points", lambda: orbits.points.astype(np.int64))
    wide = batch if device.type == "mps" else batch.double()
    first = wide.index_select(1, points)
    deviations = wide - first.index_select(1, labels)
    means = first + wide.new_zeros(len(batch), orbits.size).index_add(1, labels, deviations) / multiplicity
    values, where = wide.detach(), labels.expand(len(batch), -1)
    most, least = (first.detach().scatter_reduce(1, where, values, kind) for kind in ("amax", "amin"))
    spread = (most - least).amax(1).tolist()
    return Means(means.to(batch.dtype), spread, batch.detach().abs().amax(1).tolist())
