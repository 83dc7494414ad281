"""The same operations on torch tensors: any device, any batch, with gradients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch

if TYPE_CHECKING:
    from symfft.au import AsymmetricUnit
    from symfft.grid.shape import Shape

_tables: WeakKeyDictionary[AsymmetricUnit, dict[Any, Any]] = WeakKeyDictionary()


def reduce_to_au(rho: Any, au: AsymmetricUnit) -> tuple[Any, list[float], list[float]]:
    """Return orbit means, and for each density the largest distance from them and the largest absolute value."""
    labels = _table(au, rho.device, "labels", lambda: au.labels.reshape(-1).astype(np.int64))
    multiplicity = _table(au, rho.device, "multiplicity", lambda: au.multiplicity)
    points = _table(au, rho.device, "points", lambda: au.points.astype(np.int64))
    rho = rho if rho.is_floating_point() else rho.double()
    flat = rho.reshape(-1, math.prod(au.shape))
    wide = flat.double() if rho.device.type != "mps" else flat
    first = wide.index_select(1, points)
    deviations = wide - first.index_select(1, labels)
    means = first + wide.new_zeros(len(flat), au.size).index_add(1, labels, deviations) / multiplicity
    with torch.no_grad():
        distance = (wide - means[:, labels]).abs().amax(1).tolist()
        largest = flat.abs().amax(1).tolist()
    return means.to(rho.dtype).reshape(*rho.shape[:-3], au.size), distance, largest


def expand_from_au(values: Any, au: AsymmetricUnit) -> Any:
    """Return ``values[..., labels]``."""
    labels = _table(au, values.device, "labels", lambda: au.labels.reshape(-1).astype(np.int64))
    return values.index_select(-1, labels).reshape(*values.shape[:-1], *au.shape)


def au_dct(values: Any, au: AsymmetricUnit, envelope: Shape) -> Any:
    """Return the cosine coefficients of rho' in an envelope."""
    places = _table(au, values.device, ("places", envelope), lambda: au.points_in(envelope))
    weight = _table(au, values.device, "R", lambda: au.repetition_count)
    padded = values.new_zeros(*values.shape[:-1], math.prod(envelope))
    padded = padded.index_copy(-1, places, values / weight.to(values.dtype))
    return _along_axes(padded.reshape(*values.shape[:-1], *envelope), au, inverse=False)


def au_idct(coefficients: Any, au: AsymmetricUnit, envelope: Shape) -> Any:
    """Return the values on the asymmetric unit."""
    places = _table(au, coefficients.device, ("places", envelope), lambda: au.points_in(envelope))
    weight = _table(au, coefficients.device, "R", lambda: au.repetition_count)
    padded = _along_axes(coefficients, au, inverse=True)
    flat = padded.reshape(*coefficients.shape[:-3], math.prod(envelope))
    return flat.index_select(-1, places) * weight.to(coefficients.dtype)


def _along_axes(array: Any, au: AsymmetricUnit, *, inverse: bool) -> Any:
    for axis in (-1, -2, -3):
        n = array.shape[axis]
        matrix = _table(au, array.device, ("dct", n, array.dtype), lambda n=n: _dct_matrix(n)).to(array.dtype)
        array = torch.tensordot(array, matrix, dims=([axis], [0 if inverse else 1])).movedim(-1, axis)
    return array


def _dct_matrix(n: int) -> Any:
    """Return the orthonormal DCT-II as a matrix ``C[k, x]``."""
    k, x = np.arange(n)[:, None], np.arange(n)[None, :]
    matrix = np.sqrt(2 / n) * np.cos(np.pi * k * (2 * x + 1) / (2 * n))
    matrix[0] /= np.sqrt(2)
    return matrix


def _table(au: AsymmetricUnit, device: Any, name: Any, make: Any) -> Any:
    """Return an array of the plan as a tensor on a device; made once."""
    kept = _tables.setdefault(au, {})
    if (device, name) not in kept:
        kept[device, name] = torch.as_tensor(np.array(make()), device=device)
    return kept[device, name]
