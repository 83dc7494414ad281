"""The plain engine: expand to the cell, one real FFT, pick the unique reflections."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symfft.fourier._reflection_kernels import gather
from symfft.fourier.engines.engine import Engine
from symfft.fourier.reflections import Filling, Reflections, find_reflections, half_space

if TYPE_CHECKING:
    from symfft.grid.orbits import GridOrbits


class FullTransform(Engine):
    """The transform via the full grid: any group, any shape, no work saved.

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
        super().__init__(self.reflections.hkl, au.size)
        n = np.array(au.shape)
        unique = self.hkl % n
        self._unique = np.ravel_multi_index(tuple(unique.T), self._half_shape).astype(np.int32)
        self._fill = Filling(self.reflections, half)

    def _forward(self, values: NDArray[Any], out: NDArray[Any], threads: int) -> None:
        import scipy.fft

        rho = np.empty((len(values), *self._shape), dtype=values.dtype)
        gather(values, self._labels.reshape(-1), rho.reshape(len(values), math.prod(self._shape)))
        half = scipy.fft.rfftn(rho, axes=(1, 2, 3), overwrite_x=True, workers=threads)
        gather(half.reshape(len(values), math.prod(self._half_shape)), self._unique, out)

    def _inverse(self, coefficients: NDArray[Any], out: NDArray[Any], threads: int) -> None:
        import scipy.fft

        half = self._fill(coefficients).reshape(len(coefficients), *self._half_shape)
        rho = scipy.fft.irfftn(half, s=self._shape, axes=(1, 2, 3), overwrite_x=True, workers=threads)
        gather(rho.reshape(len(coefficients), math.prod(self._shape)), self._points, out)
