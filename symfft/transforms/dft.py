"""The exact transform: density on the asymmetric unit to unique structure factors, and back."""

from __future__ import annotations

import math
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._arrays import TensorT, as_complex, as_real, check_values, is_tensor
from symfft.au import AsymmetricUnit
from symfft.errors import ShapeError


@overload
def au_dft(
    values: TensorT,
    au: AsymmetricUnit,
    *,
    norm: str = ...,
    workers: int | None = ...,
    out: NDArray[np.complexfloating] | None = ...,
) -> TensorT: ...
@overload
def au_dft(
    values: ArrayLike,
    au: AsymmetricUnit,
    *,
    norm: str = ...,
    workers: int | None = ...,
    out: NDArray[np.complexfloating] | None = ...,
) -> NDArray[np.complexfloating]: ...
def au_dft(
    values: Any, au: AsymmetricUnit, *, norm: str = "backward", workers: int | None = None, out: Any = None
) -> Any:
    r"""Transform a density on the asymmetric unit into its unique structure factors.

    .. math::
        F(h) = \sum_{m} \rho(x_m) e^{-2\pi i h \cdot x_m}

    over all points m of the cell, for one reflection h of each class under the point group and Friedel's law, without
    the systematically absent ones: ``np.fft.fftn(expand_from_au(values, au))`` at ``au.hkl``, with work that shrinks
    with the order of the group.

    Parameters
    ----------
    values : (..., n) array or tensor
        Density on the asymmetric unit; float32 or float64.
    au : AsymmetricUnit
        The plan. ``au.hkl`` lists the reflections, ``au.hkl_multiplicity`` how many share each value up to phase.
    norm : {"backward", "ortho", "forward"}
        Factor of the sum: 1, 1/√N or 1/N, N the number of grid points, as in :mod:`scipy.fft`.
    workers : int, optional
        Threads that share a batch; negative counts from the number of processors, as in :mod:`scipy.fft`. On the CPU
        only.
    out : (..., n_h) complex array, optional
        Array for the result, C-contiguous and aligned, of the dtype named below: large results of low groups cost as
        much to allocate as to compute. One that begins at a multiple of 64 bytes is filled quickest. NumPy arrays only.

    Returns
    -------
    (..., n_h) complex array or tensor
        complex64 for float32, complex128 for float64; device of `values`; gradients pass through.

    Raises
    ------
    ShapeError
        If `values` does not match `au.size`, or `norm`, `workers` or `out` is unusable.

    References
    ----------
    Ten Eyck, Acta Cryst. A29 (1973) 183; Bricogne, International Tables B, chapter 1.3.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit, au_dft, expand_from_au
    >>> au = asymmetric_unit(225, (8, 8, 8))
    >>> values = np.random.default_rng(0).random(au.size)
    >>> F = au_dft(values, au)
    >>> full = np.fft.fftn(expand_from_au(values, au))
    >>> F.shape, np.allclose(F, full[tuple(au.hkl.T)])
    ((14,), True)
    """
    check_values(values, au.size)
    scale = _scale(norm, au, inverse=False)
    if is_tensor(values):
        _refuse_place(out)
        from symfft.transforms import tensors

        return _scaled(tensors.dft(values, au, workers), scale)
    values = as_real(values)
    shape, dtype = (*values.shape[:-1], len(au.hkl)), np.result_type(values.dtype, np.complex64)
    place = None if out is None else _place(out, shape, dtype, values)
    result = au.fourier.forward(values.reshape(-1, au.size), workers, place)
    if scale != 1:
        result *= result.real.dtype.type(scale)
    return result.reshape(shape) if out is None else out


@overload
def au_idft(
    coefficients: TensorT,
    au: AsymmetricUnit,
    *,
    norm: str = ...,
    workers: int | None = ...,
    out: NDArray[np.floating] | None = ...,
) -> TensorT: ...
@overload
def au_idft(
    coefficients: ArrayLike,
    au: AsymmetricUnit,
    *,
    norm: str = ...,
    workers: int | None = ...,
    out: NDArray[np.floating] | None = ...,
) -> NDArray[np.floating]: ...
def au_idft(
    coefficients: Any, au: AsymmetricUnit, *, norm: str = "backward", workers: int | None = None, out: Any = None
) -> Any:
    r"""Transform unique structure factors into the density on the asymmetric unit; the inverse of :func:`au_dft`.

    .. math::
        \rho(x_m) = \frac{1}{N} \sum_{h} F(h) e^{2\pi i h \cdot x_m}

    over all reflections of the grid; those that ``au.hkl`` does not list follow from those that it does. Of a centric
    reflection only the component along its allowed phase counts.

    Parameters
    ----------
    coefficients : (..., n_h) array or tensor
        Structure factors in the order of ``au.hkl``; complex64 or complex128.
    au : AsymmetricUnit
        The plan.
    norm, workers, out
        As in :func:`au_dft`; the factor is 1/N, 1/√N or 1.

    Returns
    -------
    (..., n) array or tensor
        float32 for complex64, float64 for complex128.

    Raises
    ------
    ShapeError
        If the last axis has not one entry for each of ``au.hkl``, or `norm`, `workers` or `out` is unusable.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit, au_dft, au_idft
    >>> au = asymmetric_unit("P 21 21 21", (6, 8, 10))
    >>> values = np.random.default_rng(0).random((3, au.size))
    >>> np.allclose(au_idft(au_dft(values, au), au), values)
    True
    """
    if is_tensor(coefficients):
        from symfft.transforms import tensors

        tensors.number_of(au)  # a plan cannot be made while torch compiles
    _check_coefficients(coefficients, len(au.hkl), "one coefficient for each of au.hkl")
    scale = _scale(norm, au, inverse=True)
    if is_tensor(coefficients):
        _refuse_place(out)
        return _scaled(tensors.idft(coefficients, au, workers), scale)
    coefficients = as_complex(coefficients)
    shape, dtype = (*coefficients.shape[:-1], au.size), coefficients.real.dtype
    place = None if out is None else _place(out, shape, dtype, coefficients)
    result = au.fourier.inverse(coefficients.reshape(-1, len(au.hkl)), workers, place)
    if scale != 1:
        result *= result.real.dtype.type(scale)
    return result.reshape(shape) if out is None else out


@overload
def structure_factors(coefficients: TensorT, au: AsymmetricUnit, hkl: ArrayLike) -> TensorT: ...
@overload
def structure_factors(coefficients: ArrayLike, au: AsymmetricUnit, hkl: ArrayLike) -> NDArray[np.complexfloating]: ...
def structure_factors(coefficients: Any, au: AsymmetricUnit, hkl: ArrayLike) -> Any:
    r"""Return the structure factors of any reflections from the unique ones.

    ``F(Wᵀh) = exp(2πi h·w) F(h)`` and ``F(-h) = conj F(h)``; 0 for systematic absences. With it the full grid, a
    sphere of reflections or another program's list is filled.

    Parameters
    ----------
    coefficients : (..., n_h) array or tensor
        Structure factors in the order of ``au.hkl``, as :func:`au_dft` gives them.
    au : AsymmetricUnit
        The plan.
    hkl : (..., 3) int
        Reflections; they count modulo the grid.

    Returns
    -------
    complex array or tensor of shape (...,) + hkl.shape[:-1]

    Raises
    ------
    ShapeError
        If the shapes do not fit, or `hkl` holds no integers.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit, au_dft, expand_from_au, structure_factors
    >>> au = asymmetric_unit(198, (8, 8, 8))
    >>> values = np.random.default_rng(0).random(au.size)
    >>> grid = np.moveaxis(np.indices(au.shape), 0, -1)
    >>> full = structure_factors(au_dft(values, au), au, grid)
    >>> np.allclose(full, np.fft.fftn(expand_from_au(values, au)))
    True
    """
    _check_coefficients(coefficients, len(au.hkl), "one coefficient for each of au.hkl")
    wanted = np.asarray(hkl)
    if wanted.shape[-1:] != (3,) or wanted.dtype.kind not in "iu":
        raise ShapeError(f"reflections of shape {wanted.shape} and dtype {wanted.dtype} must be (..., 3) integers")
    label, factor, conjugate = au.fourier.reflections.relation(wanted.astype(np.int64))
    if is_tensor(coefficients):
        from symfft.transforms import tensors

        return tensors.structure_factors(coefficients, (label, factor, conjugate))
    coefficients = as_complex(coefficients)
    taken = coefficients[..., np.maximum(label, 0)]
    factor = np.where(label < 0, 0, factor).astype(coefficients.dtype)
    return np.where(conjugate, taken.conj(), taken) * factor


def _scale(norm: str, au: AsymmetricUnit, *, inverse: bool) -> float:
    """Return the factor on top of the engines' own convention, "backward"."""
    points = float(math.prod(au.shape))
    factors = {"backward": 1.0, "ortho": 1 / math.sqrt(points), "forward": 1 / points}
    if norm not in factors:
        raise ShapeError(f"norm={norm!r} is unknown: give 'backward', 'ortho' or 'forward'")
    return 1 / factors[norm] if inverse else factors[norm]


def _scaled(result: Any, scale: float) -> Any:
    return result if scale == 1 else result * scale


def _refuse_place(out: Any) -> None:
    if out is not None:
        raise ShapeError("out is for NumPy arrays: gradients cannot pass through a tensor that is overwritten")


def _place(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any], source: Any) -> Any:
    """Return an array for results as rows of a batch."""
    fits = isinstance(out, np.ndarray) and out.shape == shape and out.dtype == dtype
    if not fits or not out.flags.carray or np.may_share_memory(out, source):
        raise ShapeError(
            f"out must be a C-contiguous, aligned and writeable array of shape {shape} and dtype {dtype}, apart from "
            "the input"
        )
    return out.reshape(-1, shape[-1])


def _check_coefficients(coefficients: Any, size: int, what: str) -> None:
    found = tuple(np.shape(coefficients))
    if not found or found[-1] != size:
        raise ShapeError(f"an array of shape {found} does not hold {what}: it must be (..., {size})")
