"""The exact transform as an orthonormal change of basis: real vector in, real vector of the same length out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._arrays import as_real, check_values, is_tensor
from symfft._immutable import frozen
from symfft._tables import once
from symfft.errors import ShapeError
from symfft.fourier._real_kernels import join_parts, take_parts
from symfft.fourier.lengths import metric_of
from symfft.fourier.reflections import centred

if TYPE_CHECKING:
    from symfft.au import AsymmetricUnit
    from symfft.crystal.operators import IntArray

#: A lattice, hashable.
Rows = tuple[tuple[float, ...], ...]

#: What an entry holds of its structure factor.
REAL, IMAGINARY, CENTRIC = 0, 1, 2


class RealBasis(NamedTuple):
    """What the entries of :func:`au_real_dft` are.

    Attributes
    ----------
    hkl : (n, 3) int64
        The reflection whose structure factor the entry is a part of: of each class (*star*: equivalent reflections and
        their Friedel mates) the one whose components in (-N/2, N/2] come last lexicographically, as the shortest
        vector that the grid cannot tell from it.
    length : (n,) float64
        Its length, ascending: 1/d in 1/Å with a lattice, else in cycles per grid step, ``|h|/N`` in cubic axes.
    star : (n,) int64
        Number of its star: 0, 1, 2, …; the entries of a star are neighbours.
    multiplicity : (n,) int64
        Reflections in the star.
    part : (n,) int8
        0 for Re F and 1 for Im F of acentric stars, 2 for the component of a centric F along its allowed phase in
        [0, π).
    """

    hkl: IntArray
    length: NDArray[np.float64]
    star: IntArray
    multiplicity: IntArray
    part: NDArray[np.int8]

    def __reduce__(self) -> tuple[Callable[..., RealBasis], tuple[object, ...]]:
        return _read_only, tuple(self)

    def __deepcopy__(self, memo: object) -> RealBasis:
        return self


def au_real_dft(
    values: Any, au: AsymmetricUnit, *, lattice: ArrayLike | None = None, workers: int | None = None
) -> Any:
    r"""Transform a density on the asymmetric unit into an orthonormal real vector, ordered by \|h\|.

    .. math::
        c = \sqrt{\tfrac{m_h}{N}} \operatorname{Re} F(h), \quad
        \sqrt{\tfrac{m_h}{N}} \operatorname{Im} F(h), \quad \text{or} \quad
        \sqrt{\tfrac{m_h}{N}} \, e^{-i\varphi_h} F(h)

    for one reflection h of each star, m_h reflections in it; the last form where the star is centric and its phase
    is :math:`\varphi_h` or :math:`\varphi_h + \pi`. As many entries as values, none redundant, and
    :math:`\sum c^2 = \sum_m \text{multiplicity}_m \, \rho_m^2`, the norm over the full cell. The first k entries are a
    low-pass; the order depends on group, grid and lattice alone.

    Parameters
    ----------
    values : (..., n) array or tensor
        Density on the asymmetric unit; float32 or float64.
    au : AsymmetricUnit
        The plan.
    lattice : (3, 3) float, optional
        Basis vectors as rows, in Å, to order by the crystal's own \|G\|. Without it the steps of the grid count as
        equally long: the order is then the same for every crystal on this grid.
    workers : int, optional
        As in :func:`au_dft`.

    Returns
    -------
    (..., n) array or tensor
        Same kind, dtype and device as `values`; gradients pass through. :func:`real_basis` lists what the entries are.

    Raises
    ------
    ShapeError
        If `values` has not the plan's size, or the lattice does not fit the group.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit, au_real_dft, expand_from_au
    >>> au = asymmetric_unit(198, (8, 8, 8))
    >>> values = np.random.default_rng(0).random(au.size)
    >>> c = au_real_dft(values, au)
    >>> c.shape == values.shape, np.allclose(np.linalg.norm(c), np.linalg.norm(expand_from_au(values, au)))
    (True, True)
    """
    check_values(values, au.size)
    rows = _rows(lattice)
    if is_tensor(values):
        from symfft.fourier import tensors

        return tensors.real_dft(values, au, rows, workers)
    layout = layout_of(au, rows)
    values = as_real(values)
    coefficients = au.fourier.forward(values.reshape(-1, au.size), workers)
    parts = np.empty((len(coefficients), au.size), dtype=values.dtype)
    take_parts(coefficients, layout.which, layout.factors.astype(coefficients.dtype, copy=False), parts)
    return parts.reshape(values.shape)


def au_real_idft(
    coefficients: Any, au: AsymmetricUnit, *, lattice: ArrayLike | None = None, workers: int | None = None
) -> Any:
    """Transform an orthonormal real vector into the density on the asymmetric unit; inverse of :func:`au_real_dft`.

    Parameters
    ----------
    coefficients : (..., n) array or tensor
        Entries in the order of :func:`au_real_dft` with the same `lattice`; zeros in the place of the last ones give
        the low-passed density.
    au, lattice, workers
        As in :func:`au_real_dft`.

    Returns
    -------
    (..., n) array or tensor
        Same kind, dtype and device as `coefficients`; gradients pass through.

    Raises
    ------
    ShapeError
        If `coefficients` has not the plan's size, or the lattice does not fit the group.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit, au_real_dft, au_real_idft
    >>> au = asymmetric_unit("P 21/c", (6, 8, 10))
    >>> values = np.random.default_rng(0).random((3, au.size))
    >>> np.allclose(au_real_idft(au_real_dft(values, au), au), values)
    True
    """
    check_values(coefficients, au.size)
    rows = _rows(lattice)
    if is_tensor(coefficients):
        from symfft.fourier import tensors

        return tensors.real_idft(coefficients, au, rows, workers)
    layout = layout_of(au, rows)
    coefficients = as_real(coefficients)
    flat = np.ascontiguousarray(coefficients.reshape(-1, au.size))
    f = np.empty((len(flat), len(au.hkl)), dtype=np.result_type(flat.dtype, np.complex64))
    join_parts(flat, layout.which, layout.inverse_factors.astype(f.dtype, copy=False), f)
    return au.fourier.inverse(f, workers).reshape(coefficients.shape)


def real_basis(au: AsymmetricUnit, *, lattice: ArrayLike | None = None) -> RealBasis:
    """Return what the entries of :func:`au_real_dft` are: reflection, length, star, multiplicity, part.

    Parameters
    ----------
    au : AsymmetricUnit
        The plan.
    lattice : (3, 3) float, optional
        As in :func:`au_real_dft`.

    Returns
    -------
    RealBasis

    Raises
    ------
    ShapeError
        If the lattice does not fit the group.

    Examples
    --------
    >>> from symfft import asymmetric_unit, real_basis
    >>> basis = real_basis(asymmetric_unit(216, (8, 8, 8)))
    >>> basis.hkl[:5].tolist()
    [[0, 0, 0], [1, 1, 1], [1, 1, 1], [2, 0, 0], [2, 2, 0]]
    >>> basis.part[:5].tolist(), basis.multiplicity[:5].tolist()
    ([2, 0, 1, 2, 2], [1, 8, 8, 6, 12])
    >>> int((basis.length <= 0.25).sum())  # entries of a low-pass at half the grid's frequencies
    4
    """
    return layout_of(au, _rows(lattice)).basis


class Layout(NamedTuple):
    """How the real vector is cut out of the structure factors.

    ``c_i = Re(a_i F(h_i))`` and ``F(h) = Σ_i conj(a_i) / |a_i|² c_i`` over the one or two i of h: ``which`` (n,) says
    where h_i is in `au.hkl`, ``factors`` are the a_i, ``inverse_factors`` those of the way back.
    """

    basis: RealBasis
    which: IntArray
    factors: NDArray[np.complex128]
    inverse_factors: NDArray[np.complex128]


def layout_of(au: AsymmetricUnit, lattice: Rows | None) -> Layout:
    """Return the layout of an asymmetric unit's real vector, cached with the unit."""
    return once(au.fourier, ("layout", lattice), lambda: _layout(au, lattice))


def _layout(au: AsymmetricUnit, lattice: Rows | None) -> Layout:
    reflections = au.fourier.reflections
    hkl = _last_of_each_class(reflections.labels, len(reflections.hkl))
    metric = metric_of(au.space_group, au.shape, lattice)
    shortest = metric.shortest(hkl)
    order = np.lexsort((*hkl.T[::-1], metric.squared(shortest)))

    # F(hkl) = exp(2πi phase / denominator) F(au.hkl), of its conjugate where mirrored
    _, phase, mirrored = reflections.exact_relation(hkl)
    conjugated = np.where(mirrored, -1, 1)
    centric = reflections.centric >= 0
    axis = (2 * phase + conjugated * reflections.centric) % reflections.denominator
    turns = conjugated * (phase - np.where(centric, axis / 2, 0)) / reflections.denominator

    entries = np.where(centric, 1, 2)[order]
    star = np.repeat(np.arange(len(order)), entries)
    which = order[star]
    second = np.append(False, star[1:] == star[:-1])
    # Im F = Re(-i F), Im conj F = Re(i F)
    quarter = np.where(second, -conjugated[which], 0) / 4
    size = np.sqrt(reflections.multiplicity[which] / math.prod(au.shape))
    factors = size * np.exp(2j * np.pi * (turns[which] + quarter))

    part = np.where(centric[which], CENTRIC, np.where(second, IMAGINARY, REAL)).astype(np.int8)
    lengths, multiplicity = metric.lengths(shortest)[which], reflections.multiplicity[which]
    basis = _read_only(shortest[which], lengths, star, multiplicity, part)
    return Layout(basis, frozen(which), frozen(factors), frozen(factors.conj() / size**2))


def _read_only(
    hkl: IntArray, length: NDArray[np.float64], star: IntArray, multiplicity: IntArray, part: NDArray[np.int8]
) -> RealBasis:
    return RealBasis(frozen(hkl), frozen(length), frozen(star), frozen(multiplicity), frozen(part))


def _rows(lattice: ArrayLike | None) -> Rows | None:
    if lattice is None:
        return None
    try:
        rows = np.asarray(lattice, dtype=np.float64)
    except (TypeError, ValueError):
        rows = np.empty(0)
    if rows.shape != (3, 3):
        raise ShapeError(f"lattice={lattice!r} is no lattice: give three basis vectors as rows, in Å")
    return tuple(map(tuple, rows.tolist()))


def _last_of_each_class(labels: NDArray[np.int32], classes: int) -> IntArray:
    """Return of each class the reflection that comes last, its components in (-N/2, N/2], (n_h, 3)."""
    shape = labels.shape
    descending = [np.arange(n // 2, n // 2 - n, -1) % n for n in shape]
    labels = labels[np.ix_(*descending)].reshape(-1)
    places = np.flatnonzero(labels >= 0)
    first = np.full(classes, labels.size)
    np.minimum.at(first, labels[places], places)
    found = np.unravel_index(first, shape)
    residues = np.stack([d[i] for d, i in zip(descending, found, strict=True)], axis=-1)
    return centred(residues, (shape[0], shape[1], shape[2]))
