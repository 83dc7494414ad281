"""The orthonormal real vector of NumPy arrays, rows of a batch."""

from __future__ import annotations

import numpy as np

from symfft._array_types import Array
from symfft.au import AsymmetricUnit
from symfft.transforms._real_kernels import join_parts, take_parts
from symfft.transforms.packing import Rows, layout_of


def real_dft(values: Array, au: AsymmetricUnit, lattice: Rows | None, workers: int | None = None) -> Array:
    """Return the orthonormal real vectors of values (b, n)."""
    layout = layout_of(au, lattice)
    coefficients = au.fourier.forward(values, workers)
    parts = np.empty((len(coefficients), au.size), dtype=values.dtype)
    take_parts(coefficients, layout.which, layout.factors.astype(coefficients.dtype, copy=False), parts)
    return parts


def real_idft(parts: Array, au: AsymmetricUnit, lattice: Rows | None, workers: int | None = None) -> Array:
    """Return values (b, n) of orthonormal real vectors."""
    layout = layout_of(au, lattice)
    parts = np.ascontiguousarray(parts)
    f = np.empty((len(parts), len(au.hkl)), dtype=np.result_type(parts.dtype, np.complex64))
    join_parts(parts, layout.which, layout.inverse_factors.astype(f.dtype, copy=False), f)
    return au.fourier.inverse(f, workers)
