"""Any group: expand to the cell, one real FFT, pick the unique reflections."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symfft._array_types import IntArray
from symfft._shape import Shape
from symfft.au import AsymmetricUnit
from symfft.fourier.reflections import half_space
from symfft.transforms.torch_engines.engine import TorchEngine
from symfft.transforms.torch_engines.terms import Terms, View, filling, reading


class FullTransform(TorchEngine):
    """``torch.fft.rfftn`` of the full grid, and ``irfftn`` back."""

    def __init__(self, au: AsymmetricUnit, view: View) -> None:
        self._shape, self._view, self._reflections = au.shape, view, au.fourier.reflections
        self._labels, self._points = au.orbits.labels.reshape(-1), au.points
        points = math.prod(au.shape)
        self.operations = round(1.25 * points * math.log2(points))
        # each axis of the FFT reads and writes the grid
        self.moved = 8 * points + 5 * len(view.which)

    @cached_property
    def _read(self) -> Terms:
        """The numbers of the view from real and imaginary parts in the half grid."""
        place, mate = unique_in_half(self._reflections.hkl, self._shape)
        coefficients = np.stack([np.ones(len(mate)), np.where(mate, -1j, 1j)])
        return reading(self._view, 2 * place + np.array([[0], [1]]), coefficients)

    @cached_property
    def _fill(self) -> Terms:
        """Real and imaginary parts in the half grid from the numbers of the view."""
        label, factor, conjugate = self._reflections.relation(half_space(self._shape))
        factor = np.repeat(np.where(label < 0, 0, factor), 2)
        label, conjugate = np.repeat(np.maximum(label, 0), 2), np.repeat(conjugate, 2)
        part = factor * np.tile([1, -1j], len(factor) // 2)  # Im F = Re(-i F), and Re(z conj F) = Re(conj z F)
        return filling(self._view, self._reflections, label[None], np.where(conjugate, part.conj(), part)[None])

    def forward(self, values: Any) -> Any:
        """Transform values (b, n) into the numbers of the view, (b, m)."""
        import torch

        labels = self._table(values, "labels", lambda: self._labels)
        grid = values.index_select(1, labels).unflatten(1, self._shape)
        return self._read(torch.view_as_real(torch.fft.rfftn(grid, dim=(1, 2, 3))).flatten(1))

    def inverse(self, numbers: Any) -> Any:
        """Transform numbers of the view, (b, m), into values (b, n)."""
        import torch

        shape = (self._shape[0], self._shape[1], self._shape[2] // 2 + 1, 2)
        half = torch.view_as_complex(self._fill(numbers).unflatten(1, shape))
        grid = torch.fft.irfftn(half, s=self._shape, dim=(1, 2, 3))
        return grid.flatten(1).index_select(1, self._table(numbers, "points", lambda: self._points))


def unique_in_half(hkl: IntArray, shape: Shape) -> tuple[IntArray, NDArray[np.bool_]]:
    """Return where reflections lie in the half grid of a real FFT, and whether as their Friedel mates."""
    n = np.array(shape)
    half = shape[2] // 2 + 1
    h = hkl % n
    mate = h[:, 2] >= half
    h[mate] = -h[mate] % n
    return (h[:, 0] * n[1] + h[:, 1]) * half + h[:, 2], mate
