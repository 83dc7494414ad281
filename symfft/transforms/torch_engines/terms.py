"""Structure factors as lists of real numbers, and sums of a few of them with weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from symfft._array_types import Array, ComplexArray, FloatArray, IntArray
from symfft._tables import on_device
from symfft.fourier.reflections import Reflections


class View(NamedTuple):
    """Real numbers that stand for the unique structure factors.

    ``c_i = Re(factors_i F(which_i))`` and ``F(j) = Σ_i inverse_factors_i c_i`` over the one or two i with
    ``which_i = j``, which are neighbours.

    Attributes
    ----------
    which : (m,) int64
    factors, inverse_factors : (m,) complex128
    """

    which: IntArray
    factors: ComplexArray
    inverse_factors: ComplexArray


def structure_factors(reflections: Reflections) -> View:
    """Return the view of real and imaginary parts as neighbours; of one number each where all are centric."""
    count, phases = len(reflections.hkl), allowed_phases(reflections)
    if phases is not None:
        return View(np.arange(count), phases.conj(), phases)
    return View(np.repeat(np.arange(count), 2), np.tile([1, -1j], count), np.tile([1, 1j], count))


def allowed_phases(reflections: Reflections) -> ComplexArray | None:
    """Return the phases that all structure factors have up to the sign, (n_h,); None where a reflection is acentric."""
    if (reflections.centric < 0).any():
        return None
    return np.asarray(np.exp(1j * np.pi * reflections.centric / reflections.denominator))


class Terms:
    """The linear map ``y_i = Σ_t weights[t, i] x[index[t, i]]``.

    Parameters
    ----------
    index, weights : (t, m) int and float
        Terms of weight zero are left out where no number has as many.
    """

    def __init__(self, index: IntArray, weights: FloatArray) -> None:
        order = np.argsort(weights == 0, axis=0, kind="stable")
        index, weights = np.take_along_axis(index, order, axis=0), np.take_along_axis(weights, order, axis=0)
        needed = max(1, int((weights != 0).any(axis=1).sum()))
        self._index, self._weights = index[:needed].astype(np.int32), weights[:needed]
        self._plain = needed == 1 and bool((weights[0] == 1).all())
        self.moved = self._index.size * (2 if self._plain else 5)

    def __call__(self, x: Any) -> Any:
        """Apply the map to a batch (b, n); the result is (b, m)."""
        device = x.device
        index = on_device(self, device, "index", lambda: self._index)
        if self._plain:
            return x.index_select(1, index[0])
        weights = on_device(self, device, ("weights", x.dtype), lambda: as_dtype(self._weights, x.dtype))
        total = x.index_select(1, index[0]) * weights[0]
        for t in range(1, len(index)):
            total = total.addcmul(x.index_select(1, index[t]), weights[t])
        return total


def reading(view: View, index: IntArray, coefficients: ComplexArray) -> Terms:
    """Return the numbers of a view where ``F(j) = Σ_p coefficients[p, j] x[index[p, j]]``, x real; tables (p, n_h)."""
    return Terms(index[:, view.which], (view.factors * coefficients[:, view.which]).real)


def filling(view: View, reflections: Reflections, labels: IntArray, coefficients: ComplexArray) -> Terms:
    """Return ``x_e = Σ_t Re(coefficients[t, e] F(labels[t, e]))`` from the numbers of a view; tables (t, n).

    Of a centric reflection only the component along its allowed phase counts.
    """
    centric = reflections.centric_factor[labels]
    # Re(z (F + c conj F) / 2), where F = c conj F is what the phase allows
    projected = np.where(centric == 0, coefficients, (coefficients + (coefficients * centric).conj()) / 2)
    first = np.searchsorted(np.sort(view.which), np.arange(len(reflections.hkl)))
    place = np.argsort(view.which, kind="stable")
    several = np.bincount(view.which, minlength=len(reflections.hkl)) > 1
    index, weights = [], []
    for entry in (0, 1):
        at = place[first[labels] + entry * several[labels]]
        index.append(at)
        weights.append(np.where(several[labels] | (entry == 0), (projected * view.inverse_factors[at]).real, 0))
    return Terms(np.concatenate(index), np.concatenate(weights))


def as_dtype(table: Array, dtype: Any) -> Array:
    """Return a real table in the precision of a torch dtype."""
    return table.astype(str(dtype).removeprefix("torch."))
