"""Radial functions of a pseudoatom, as they appear in its scattering factor."""

from __future__ import annotations

import numpy as np

from symfft_models._array_types import FloatArray, IntArray
from symfft_models.scattering.harmonics import DEGREE

#: Number of radial functions of each degree.
RADIAL = 16
#: Widths s of the radial functions, 1/Å.
WIDTHS = np.geomspace(0.1, 2.5, RADIAL)


def radial_functions(length: FloatArray, degree: IntArray) -> FloatArray:
    """Return R (k, n_h, RADIAL), ``R_nl(q) = (q / s_n)^l exp(-(q / s_n)² / 2)`` at lengths q = 1/d (n_h,) in 1/Å."""
    return np.asarray(radial_by_degree(length)[degree])


def radial_by_degree(length: FloatArray) -> FloatArray:
    """Return R (DEGREE + 1, n_h, RADIAL) of all degrees l, see :func:`radial_functions`."""
    x = length[:, None] / WIDTHS
    found = [np.exp(-(x**2) / 2)]
    for _ in range(DEGREE):
        found.append(found[-1] * x)
    return np.stack(found)
