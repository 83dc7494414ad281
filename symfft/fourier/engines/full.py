"""The plain engine: expand to the cell, one real FFT, pick the unique reflections."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symfft.fourier._reflection_kernels import gather
from symfft.fourier.reflections import Filling, Reflections, find_reflections, half_space

if TYPE_CHECKING:
    from symfft.crystal.operators import IntArray
    from symfft.grid.orbits import GridOrbits
    from symfft.grid.shape import Shape


def full_cost(shape: Shape) -> float:
    """Return the modelled time of the plain engine in ns: the FFT, and one value of the grid gathered at a time."""
    points = math.prod(shape)
    return 5000 + points * (1.0 + 0.3 * math.log2(points))


class FullTransform:
    """The transform by way of the full grid: any group, any shape, no work saved.

    ``rho = values[labels]``, F = rfftn(rho) at the unique reflections; back through irfftn and the representatives.

    Parameters
    ----------
    au : GridOrbits
        The plan of the grid.
    """

    def __init__(self, au: GridOrbits) -> None:
        self._labels, self._points, self._shape = au.labels, au.points, au.shape
        self._half_shape = (au.shape[0], au.shape[1], au.shape[2] // 2 + 1)
        half = half_space(au.shape)
        self.reflections: Reflections = find_reflections(au.space_group, au.shape, half)
        self.hkl: IntArray = self.reflections.hkl
        self.cost = full_cost(au.shape)
        n = np.array(au.shape)
        unique = self.hkl % n
        self._unique = np.ravel_multi_index(tuple(unique.T), self._half_shape).astype(np.int32)
        self._fill = Filling(self.reflections, half)

    def forward(self, values: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return F at the unique reflections, (b, n_h), of values (b, n)."""
        import scipy.fft

        rho = np.empty((len(values), *self._shape), dtype=values.dtype)
        gather(values, self._labels.reshape(-1), rho.reshape(len(values), math.prod(self._shape)))
        half = scipy.fft.rfftn(rho, axes=(1, 2, 3), overwrite_x=True)
        unique = np.empty((len(values), len(self.hkl)), dtype=half.dtype) if out is None else out
        gather(half.reshape(len(values), math.prod(self._half_shape)), self._unique, unique)
        return unique

    def inverse(self, coefficients: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the values, (b, n), of coefficients (b, n_h)."""
        import scipy.fft

        half = self._fill(coefficients).reshape(len(coefficients), *self._half_shape)
        rho = scipy.fft.irfftn(half, s=self._shape, axes=(1, 2, 3), overwrite_x=True)
        values = np.empty((len(coefficients), len(self._points)), dtype=rho.dtype) if out is None else out
        gather(rho.reshape(len(coefficients), math.prod(self._shape)), self._points, values)
        return values
