"""The Fourier series that samples on a grid stand for: which frequencies each coefficient of the DFT belongs to.

The DFT of a grid of shape N cannot tell the frequency h from h + N·Z³. Each class stands for its shortest members;
where several are equally short, they share the coefficient equally, so that the series is as symmetric as the samples.
On the grid all members of a class agree, hence

    ``rho(x) = Σ_h c_h · mean of exp(2πi G·x) over the shortest G of the class of h,  c_h = F(h) / N``

and every linear operation that multiplies exp(2πi G·x) by a number is exact on this series.
"""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._array_types import IntArray
from symfft._shape import Shape
from symfft.crystal.lattice import invariant_form, obtuse_superbase
from symfft.errors import ShapeError
from symfft.fourier.lengths import Metric, metric_of

if TYPE_CHECKING:
    from symfft.au import AsymmetricUnit

#: Differences of equally short members, in a reduced basis of N·Z³.
_STEPS = np.array(list(itertools.product((-1, 0, 1), repeat=3)), dtype=np.int64)
_SUBSETS = np.array([s for s in itertools.product((0, 1), repeat=3) if any(s)], dtype=np.int64)
#: Of a lattice of volume one.
_DECIMALS = 12

Lattice = tuple[tuple[float, ...], ...]


class Frequencies(NamedTuple):
    """The shortest members of frequency classes.

    Attributes
    ----------
    mean : (k, 3) float64
        Mean of the shortest members of each class, in fractional coordinates of the reciprocal cell.
    squared : (k,) float64
        Their squared length, in 1/Å².
    multiplicity : (k,) int64
        How many there are.
    members : (m, 3) int64
        All of them, class by class.
    owner : (m,) int64
        Class of each member.
    """

    mean: NDArray[np.float64]
    squared: NDArray[np.float64]
    multiplicity: IntArray
    members: IntArray
    owner: IntArray


def frequencies_of(hkl: IntArray, shape: Shape, lattice: ArrayLike) -> Frequencies:
    """Return the shortest members of the classes of some reflections.

    Which members are equally short is decided by a quadratic form that is exactly invariant under all isometries of the
    lattice N·Z³ (:func:`symfft.crystal.lattice.invariant_form`): neither the last decimals of a lattice nor the choice
    of a larger cell with the same grid points can break a symmetry.

    Parameters
    ----------
    hkl : (k, 3) int
        One reflection of each class.
    shape : (3,) int
        Shape of the grid.
    lattice : (3, 3) float
        Basis vectors as rows, in Å.

    Raises
    ------
    ShapeError
        If `lattice` is not a lattice.

    Examples
    --------
    >>> import numpy as np
    >>> found = frequencies_of(np.array([[1, 0, 0], [2, 0, 0]]), (4, 4, 4), 2 * np.eye(3))
    >>> found.multiplicity.tolist(), found.mean.tolist(), found.squared.tolist()
    ([1, 2], [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [0.25, 1.0])
    """
    rows = as_lattice(lattice)
    metric, basis = _comparison(_scaled(rows), shape)
    shortest = metric.shortest(hkl)
    on_border = (2 * np.abs(shortest @ metric.form @ metric.aliases.T) == metric.squared(metric.aliases)).any(axis=1)

    border, inside = np.flatnonzero(on_border), np.flatnonzero(~on_border)
    candidates = shortest[border, None, :] + _STEPS @ basis
    equal = np.einsum("kti,ij,ktj->kt", candidates, metric.form, candidates)
    equal = equal == metric.squared(shortest[border])[:, None]
    owner = np.concatenate([inside, np.repeat(border, equal.sum(axis=1))])
    members = np.concatenate([shortest[inside], candidates[equal]])
    order = np.argsort(owner, kind="stable")
    owner, members = owner[order], members[order]

    count = np.bincount(owner, minlength=len(hkl))
    lengths = (members @ reciprocal_metric(rows) * members).sum(axis=1)
    columns = [*members.T, lengths]
    *mean, squared = (np.bincount(owner, weights=c, minlength=len(hkl)) / count for c in columns)
    return Frequencies(np.stack(mean, axis=1), squared, count, members, owner)


class UniqueFrequencies(NamedTuple):
    """What is needed of the frequencies of ``au.hkl``.

    Attributes
    ----------
    squared : (n_h,) float64
        Squared length, in 1/Å².
    multiplicity : (n_h,) int64
        How many shortest members each class has.
    """

    squared: NDArray[np.float64]
    multiplicity: IntArray


def unique_frequencies(au: AsymmetricUnit, lattice: ArrayLike) -> UniqueFrequencies:
    """Return lengths and numbers of the shortest members of the classes of ``au.hkl``; the last 4 are cached.

    Raises
    ------
    ShapeError
        If `lattice` is not a lattice, or does not fit the group.
    """
    return _unique(au, hashable(lattice))


@lru_cache(maxsize=4)
def _unique(au: AsymmetricUnit, lattice: Lattice) -> UniqueFrequencies:
    require_fit(au, lattice)
    found = frequencies_of(au.hkl, au.shape, lattice)
    return UniqueFrequencies(found.squared, found.multiplicity)


def require_fit(au: AsymmetricUnit, lattice: ArrayLike) -> None:
    """Require that the operators of an asymmetric unit leave the lengths and angles of a lattice unchanged.

    Raises
    ------
    ShapeError
        If they do not.
    """
    metric_of(au.space_group, au.shape, as_lattice(lattice))


def hashable(lattice: ArrayLike) -> Lattice:
    """Return the rows of a lattice as tuples, for caches.

    Raises
    ------
    ShapeError
        If it is not a lattice.
    """
    return tuple(map(tuple, as_lattice(lattice).tolist()))


def as_lattice(lattice: ArrayLike) -> NDArray[np.float64]:
    """Accept three independent basis vectors.

    Raises
    ------
    ShapeError
        If they are not.
    """
    try:
        rows = np.asarray(lattice, dtype=np.float64)
    except (TypeError, ValueError):
        rows = np.empty(0)
    if rows.shape != (3, 3) or not np.isfinite(rows).all():
        raise ShapeError(
            f"a lattice of shape {rows.shape} is not usable: give three finite basis vectors as rows, in Å"
        )
    if abs(np.linalg.det(rows)) <= 1e-9 * float(np.prod(np.linalg.norm(rows, axis=1))):
        raise ShapeError(f"the basis vectors {rows.tolist()} lie in a plane: they span no cell")
    return rows


def reciprocal_metric(lattice: ArrayLike) -> NDArray[np.float64]:
    """Return M of ``|G|² = G · M · G`` in 1/Å², for G in fractional coordinates of the reciprocal cell."""
    inverse = np.linalg.inv(np.asarray(lattice, dtype=np.float64))
    return np.asarray(inverse.T @ inverse)


def _scaled(rows: NDArray[np.float64]) -> Lattice:
    """Return a lattice of volume one: lattices that differ in size only compare lengths in the same way."""
    scaled = np.round(rows / abs(np.linalg.det(rows)) ** (1 / 3), _DECIMALS)
    return tuple(map(tuple, scaled.tolist()))


@lru_cache(maxsize=32)
def _comparison(lattice: Lattice, shape: Shape) -> tuple[Metric, IntArray]:
    """Return the invariant form with the aliases of the grid, and a reduced basis of these."""
    aliases = np.diag(shape).tolist()
    form = invariant_form(reciprocal_metric(lattice), (1, aliases), [(1, aliases)])
    basis = np.array(obtuse_superbase(form, aliases)[:3], dtype=np.int64)
    return Metric(np.array(form, dtype=np.int64), 1.0, _SUBSETS @ basis), basis
