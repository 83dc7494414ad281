"""Small asymmetric units: the orthonormal real transform as one matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from symfft._array_types import FloatArray
from symfft.au import AsymmetricUnit
from symfft.transforms.arrays import real_dft
from symfft.transforms.packing import layout_of
from symfft.transforms.torch_engines.engine import TorchEngine
from symfft.transforms.torch_engines.terms import Terms, View, filling


class MatrixTransform(TorchEngine):
    """``c = C v`` and ``v = M⁻¹ Cᵀ c``, C the matrix of :func:`symfft.au_real_dft` and M the multiplicities.

    Other views than this real vector are read off it.
    """

    def __init__(self, au: AsymmetricUnit, view: View) -> None:
        layout = layout_of(au, None)
        real = View(layout.which, layout.factors, layout.inverse_factors)
        self._matrix, self._multiplicity = matrix_of(au), au.multiplicity.astype(np.float64)
        reflections = au.fourier.reflections
        same = np.array_equal(view.which, real.which) and np.array_equal(view.factors, real.factors)
        self._read: Terms | None = None if same else _between(real, view, reflections)
        self._fill: Terms | None = None if same else _between(view, real, reflections)
        self.operations = au.size**2
        self.moved = 2 * au.size + (self._read.moved if self._read else 0)

    def forward(self, values: Any) -> Any:
        """Transform values (b, n) into the numbers of the view, (b, m)."""
        numbers = values @ self._table(values, "matrix", lambda: self._matrix).T
        return numbers if self._read is None else self._read(numbers)

    def inverse(self, numbers: Any) -> Any:
        """Transform numbers of the view, (b, m), into values (b, n)."""
        numbers = numbers if self._fill is None else self._fill(numbers)
        weighted = numbers @ self._table(numbers, "matrix", lambda: self._matrix)
        return weighted / self._table(numbers, "multiplicity", lambda: self._multiplicity)


def matrix_of(au: AsymmetricUnit) -> FloatArray:
    """Return the matrix of the real transform, (n, n): the transforms of the unit vectors as its columns."""
    return np.ascontiguousarray(real_dft(np.eye(au.size), au, None).T)


def _between(source: View, target: View, reflections: Any) -> Terms:
    """Return the numbers of one view from those of another."""
    return filling(source, reflections, target.which[None], target.factors[None])
