"""The envelope transform of the source paper: a fixed-size cosine transform of the asymmetric unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._arrays import TensorT, as_real, check_values, is_tensor
from symfft._shape import Shape, as_shape
from symfft._tables import on_device
from symfft.au import AsymmetricUnit
from symfft.errors import ShapeError


@overload
def au_dct(values: TensorT, au: AsymmetricUnit, *, shape: Sequence[int] | None = ...) -> TensorT: ...
@overload
def au_dct(values: ArrayLike, au: AsymmetricUnit, *, shape: Sequence[int] | None = ...) -> NDArray[np.floating]: ...
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
    (..., Nx, Ny, Nz) array or tensor
        Same kind, dtype and device as `values`; gradients pass through.

    Raises
    ------
    ShapeError
        If `values` does not match `au.size`, or the envelope is smaller than the brick.

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
    values = as_real(values)
    leading = values.shape[:-1]
    if is_tensor(values):
        padded = values.new_zeros(*leading, math.prod(envelope))
        padded = padded.index_copy(-1, _points(au, values, envelope), values / _weight(au, values))
        return _along_axes(padded.reshape(*leading, *envelope), au, inverse=False)
    import scipy.fft

    padded = np.zeros((*leading, math.prod(envelope)), dtype=values.dtype)
    padded[..., au.points_in(envelope)] = values / au.repetition_count.astype(values.dtype)
    return scipy.fft.dctn(padded.reshape(*leading, *envelope), axes=(-3, -2, -1), norm="ortho")


@overload
def au_idct(coefficients: TensorT, au: AsymmetricUnit) -> TensorT: ...
@overload
def au_idct(coefficients: ArrayLike, au: AsymmetricUnit) -> NDArray[np.floating]: ...
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
    coefficients = as_real(coefficients)
    leading = coefficients.shape[:-3]
    if is_tensor(coefficients):
        flat = _along_axes(coefficients, au, inverse=True).reshape(*leading, math.prod(envelope))
        return flat.index_select(-1, _points(au, flat, envelope)) * _weight(au, flat)
    import scipy.fft

    padded = scipy.fft.idctn(coefficients, axes=(-3, -2, -1), norm="ortho")
    flat = padded.reshape(*leading, math.prod(envelope))
    return flat[..., au.points_in(envelope)] * au.repetition_count.astype(coefficients.dtype)


def _envelope(shape: Sequence[int], au: AsymmetricUnit) -> Shape:
    envelope = as_shape(shape)
    if any(e < b for e, b in zip(envelope, au.brick_shape, strict=True)):
        raise ShapeError(
            f"envelope {envelope} is smaller than the brick {au.brick_shape} of {au!r}: "
            "each axis must be at least as long"
        )
    return envelope


def _points(au: AsymmetricUnit, tensor: Any, envelope: Shape) -> Any:
    return on_device(au.orbits, tensor.device, ("points", envelope), lambda: au.points_in(envelope))


def _weight(au: AsymmetricUnit, tensor: Any) -> Any:
    return on_device(au.orbits, tensor.device, "repetition_count", lambda: au.repetition_count).to(tensor.dtype)


def _along_axes(tensor: Any, au: AsymmetricUnit, *, inverse: bool) -> Any:
    """Transform a tensor along its last three axes, by matrices: the axes are short, and gradients pass through."""
    dtype = str(tensor.dtype).removeprefix("torch.")
    for axis in (-1, -2, -3):
        make = partial(_dct_matrix, tensor.shape[axis], dtype)
        matrix = on_device(au.orbits, tensor.device, ("dct", tensor.shape[axis], dtype), make)
        tensor = (tensor.movedim(axis, -1) @ (matrix if inverse else matrix.T)).movedim(-1, axis)
    return tensor


def _dct_matrix(n: int, dtype: str) -> NDArray[Any]:
    """Return the orthonormal DCT-II as a matrix ``C[k, x]``."""
    k, x = np.arange(n)[:, None], np.arange(n)[None, :]
    matrix = np.sqrt(2 / n) * np.cos(np.pi * k * (2 * x + 1) / (2 * n))
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix, dtype=dtype)
