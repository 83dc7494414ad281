"""Averages over the planes that are parallel to two basis vectors, and over slabs of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft.errors import ShapeError

AXES = {"a": 0, "b": 1, "c": 2, 0: 0, 1: 1, 2: 2}


def axis_number(axis: int | str) -> int:
    """Accept 0, 1, 2 or "a", "b", "c".

    Raises
    ------
    ShapeError
        If it is anything else.
    """
    if isinstance(axis, bool) or axis not in AXES:
        raise ShapeError(f"axis {axis!r} is not one of the cell: give 'a', 'b', 'c' or 0, 1, 2")
    return AXES[axis]


def plane_period(lattice: ArrayLike, axis: int) -> float:
    """Return the period, in Å, along the normal of the planes spanned by the other two basis vectors."""
    rows = np.asarray(lattice, dtype=np.float64)
    return float(1 / np.linalg.norm(np.linalg.inv(rows)[:, axis]))


def planar_average(rho: NDArray[Any], axis: int) -> NDArray[np.float64]:
    r"""Average a density over the planes spanned by the other two basis vectors.

    .. math:: \bar\rho(z_k) = \frac{1}{N_1 N_2} \sum_{ij} \rho_{ijk}

    the integral over the plane divided by its area, exactly so for all frequencies below the limit of the grid.

    Parameters
    ----------
    rho : (..., Nx, Ny, Nz) float
        Density on the full grid.
    axis : {0, 1, 2}
        Basis vector that is not in the planes.

    Returns
    -------
    (..., N) float64

    Examples
    --------
    >>> import numpy as np
    >>> planar_average(np.arange(8.0).reshape(2, 2, 2), 0).tolist()
    [1.5, 5.5]
    """
    others = tuple(k - 3 for k in range(3) if k != axis)
    return np.asarray(rho.mean(axis=others, dtype=np.float64))


def macroscopic_average(line: NDArray[np.float64], period: float, window: float) -> NDArray[np.float64]:
    r"""Average a periodic function of one coordinate over a window that slides along it.

    .. math:: \bar{\bar\rho}(z) = \frac{1}{L} \int_{z-L/2}^{z+L/2} \bar\rho(t)\, dt
        = \sum_k \bar c_k \frac{\sin(\pi k L / d)}{\pi k L / d}\, e^{2\pi i k z / d}

    Exact for the Fourier series, for any length L; at an interface of two crystals it is applied with both periods
    (Baldereschi, Baroni and Resta, Phys. Rev. Lett. 61, 734, 1988).

    Parameters
    ----------
    line : (..., N) float64
        Values at z = 0, d/N, 2d/N, ….
    period : float
        d, in Å.
    window : float
        L, in Å.

    Returns
    -------
    (..., N) float64

    Raises
    ------
    ShapeError
        If the window is not a positive length.

    Examples
    --------
    >>> import numpy as np
    >>> wave = 1 + np.cos(2 * np.pi * np.arange(12) / 12 * 3)
    >>> bool(np.allclose(macroscopic_average(wave, period=6.0, window=2.0), 1.0))
    True
    """
    if not (np.isfinite(window) and window > 0):
        raise ShapeError(f"window {window!r} is not a length: give a positive number of Å")
    import scipy.fft

    n = line.shape[-1]
    damping = np.sinc(np.arange(n // 2 + 1) * window / period)
    return np.asarray(scipy.fft.irfft(scipy.fft.rfft(line) * damping, n=n))
