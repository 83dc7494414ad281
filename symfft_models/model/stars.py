"""Symmetric plane waves on the asymmetric unit, and the weights that turn its sums into means over the cell."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from symfft import AsymmetricUnit, au_real_idft
from symfft_models._array_types import FloatArray


def cell_weights(unit: AsymmetricUnit) -> FloatArray:
    """Return multiplicity / N, (n,): a sum with it is the mean over the full cell."""
    return np.asarray(unit.multiplicity / np.prod(unit.shape), dtype=np.float64)


@lru_cache(maxsize=32)
def star_functions(unit: AsymmetricUnit, count: int) -> FloatArray:
    r"""Return the `count` symmetric plane-wave sums of lowest \|h\| (h = 0 left out) on the AU, (count, n).

    Row k is the density whose only entry in `symfft.au_real_dft` is number k + 1, of mean square one over the cell. A
    grid that holds fewer of them gives all it has, n - 1.
    """
    kept = min(count, unit.size - 1)
    coefficients = np.zeros((kept, unit.size))
    coefficients[np.arange(kept), np.arange(1, kept + 1)] = np.sqrt(np.prod(unit.shape))
    return np.asarray(au_real_idft(coefficients, unit))


def exact_mean(values: FloatArray, weight: FloatArray) -> FloatArray:
    """Shift decoded densities (m, n) in float64 so that their mean over the cell is one to the last bits."""
    return values - (values @ weight - 1.0)[:, None]
