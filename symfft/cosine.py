"""The envelope transform of the source paper: a fixed-size cosine transform of the asymmetric unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from symfft._arrays import as_real, check_values, is_tensor, tensors
from symfft.au import AsymmetricUnit
from symfft.errors import ShapeError
from symfft.grid.shape import Shape, as_shape


def au_dct(values: Any, au: AsymmetricUnit, *, shape: Sequence[int] | None = None) -> Any:
    r"""Transform values on the asymmetric unit into cosine coefficients of a rectangular envelope.

    ``rho' = rho / R_m`` at the representatives of the orbits, 0 elsewhere in the envelope (the brick, padded with
    zeros to `shape`), then the orthonormal DCT-II along the three axes:

    .. math::
        c_{klm} = \sum_{xyz} \rho'_{xyz}
        \prod_{(n,k,N)} \sqrt{\tfrac{2 - \delta_{k0}}{N}} \cos\frac{\pi k (2n + 1)}{2N}

    This is *not* the crystal's Fourier series: rho' jumps where R_m does and at the faces of the asymmetric unit, so
    the coefficients fall off slowly. It gives every crystal of a data set the same shape, which is what it is for.

    Parameters
    ----------
    values : (..., n) array or tensor
        Density on the asymmetric unit; float32 or float64.
    au : AsymmetricUnit
        The plan.
    shape : (3,) int, optional
        Envelope, at least as large as the brick along every axis; the brick itself by default.

    Returns
    -------
    (..., *shape) array or tensor
        Same kind, dtype and device as `values`; gradients pass through.

    Raises
    ------
    ShapeError
        If `values` has not the plan's size, or the envelope is smaller than the brick.

    References
    ----------
    Cai, "Apply DFT to DFT: Symmetry-preserved Generation of Crystalline Electron Densities".

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit, au_dct, au_idct
    >>> au = asymmetric_unit(221, (8, 8, 8))
    >>> values = np.random.default_rng(0).random(au.size)
    >>> coefficients = au_dct(values, au, shape=(8, 6, 6))
    >>> coefficients.shape, np.allclose(au_idct(coefficients, au), values)
    ((8, 6, 6), True)
    """
    check_values(values, au.size)
    envelope = au.brick_shape if shape is None else _envelope(shape, au)
    if is_tensor(values):
        return tensors().au_dct(values, au, envelope)
    import scipy.fft

    values = as_real(values)
    padded = np.zeros((*values.shape[:-1], math.prod(envelope)), dtype=values.dtype)
    padded[..., au.points_in(envelope)] = values / au.repetition_count.astype(values.dtype)
    return scipy.fft.dctn(padded.reshape(*values.shape[:-1], *envelope), axes=(-3, -2, -1), norm="ortho")


def au_idct(coefficients: Any, au: AsymmetricUnit) -> Any:
    """Return the values on the asymmetric unit of cosine coefficients; the inverse of :func:`au_dct`.

    Parameters
    ----------
    coefficients : (..., Ex, Ey, Ez) array or tensor
        Coefficients in an envelope at least as large as the brick.
    au : AsymmetricUnit
        The plan.

    Returns
    -------
    (..., n) array or tensor
        Same kind, dtype and device as `coefficients`; gradients pass through.

    Raises
    ------
    ShapeError
        If the envelope is smaller than the brick.
    """
    if len(np.shape(coefficients)) < 3:
        raise ShapeError(f"coefficients of shape {tuple(np.shape(coefficients))} must be (..., Ex, Ey, Ez)")
    envelope = _envelope(tuple(coefficients.shape[-3:]), au)
    if is_tensor(coefficients):
        return tensors().au_idct(coefficients, au, envelope)
    import scipy.fft

    coefficients = as_real(coefficients)
    padded = scipy.fft.idctn(coefficients, axes=(-3, -2, -1), norm="ortho")
    flat = padded.reshape(*coefficients.shape[:-3], math.prod(envelope))
    return flat[..., au.points_in(envelope)] * au.repetition_count.astype(coefficients.dtype)


def _envelope(shape: Sequence[int], au: AsymmetricUnit) -> Shape:
    envelope = as_shape(shape)
    if any(e < b for e, b in zip(envelope, au.brick_shape, strict=True)):
        raise ShapeError(
            f"envelope {envelope} is smaller than the brick {au.brick_shape} of {au!r}: "
            "each axis must be at least as long"
        )
    return envelope
