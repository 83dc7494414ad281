"""The Fourier series that samples on a grid stand for: which frequencies each coefficient of the DFT belongs to.

The DFT of a grid of shape N cannot tell the frequency h from h + N·Z³. Each class stands for its shortest members; where
several are equally short, they share the coefficient equally, so that the series is as symmetric as the samples. On the
grid all members of a class agree, hence

    ``rho(x) = Σ_h c_h · mean of exp(2πi G·x) over the shortest G of the class of h,  c_h = F(h) / N``

and every linear operation that multiplies exp(2πi G·x) by a number is exact on this series.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft.fourier.lengths import metric_of
from symfft.grid import Shape
from symfft.seitz import IntArray
from symfft.symmetry import SpaceGroup

#: Differences of equally short members, in a reduced basis of N·Z³.
_STEPS = np.array(list(itertools.product((-1, 0, 1), repeat=3)), dtype=np.int64)
#: Which rows of the metric's seven aliases are the basis vectors.
_BASIS = [3, 1, 0]


class Frequencies(NamedTuple):
    """The shortest members of frequency classes.

    Attributes
    ----------
    mean : (k, 3) float64
        Mean of the shortest members of each class, in fractional coordinates of the reciprocal cell.
    squared : (k,) float64
        Their squared length, in 1/Å², all members alike.
    count : (k,) int64
        How many there are.
    metric : (3, 3) float64
        Reciprocal metric, averaged over the point group: ``|G|² = G · metric · G``, in 1/Å².
    members : (m, 3) int64
        All of them, class by class.
    owner : (m,) int64
        Class of each member.
    """

    mean: NDArray[np.float64]
    squared: NDArray[np.float64]
    count: IntArray
    metric: NDArray[np.float64]
    members: IntArray
    owner: IntArray


def frequencies_of(hkl: IntArray, space_group: SpaceGroup, shape: Shape, lattice: ArrayLike) -> Frequencies:
    """Return the shortest members of the classes of some reflections.

    Parameters
    ----------
    hkl : (k, 3) int
        One reflection of each class.
    space_group : SpaceGroup
        Group whose point operators leave lengths unchanged.
    shape : (3,) int
        Shape of the grid.
    lattice : (3, 3) float
        Basis vectors as rows, in Å.

    Raises
    ------
    ShapeError
        If `lattice` is no lattice, or does not fit the group.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import SpaceGroup
    >>> found = frequencies_of(np.array([[1, 0, 0], [2, 0, 0]]), SpaceGroup.from_number(1), (4, 4, 4), 2 * np.eye(3))
    >>> found.count.tolist(), found.mean.tolist(), found.squared.tolist()
    ([1, 2], [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [0.25, 1.0])
    """
    metric = metric_of(space_group, shape, lattice)
    shortest = metric.shortest(hkl)
    squared = metric.squared(shortest)
    faces = metric.squared(metric.aliases)
    on_border = (2 * np.abs(shortest @ metric.form @ metric.aliases.T) == faces).any(axis=1)

    border = np.flatnonzero(on_border)
    candidates = shortest[border, None, :] + _STEPS @ metric.aliases[_BASIS]
    equal = np.einsum("kti,ij,ktj->kt", candidates, metric.form, candidates) == squared[border, None]
    inside = np.flatnonzero(~on_border)
    owner = np.concatenate([inside, np.repeat(border, equal.sum(axis=1))])
    members = np.concatenate([shortest[inside], candidates[equal]])
    order = np.argsort(owner, kind="stable")
    owner, members = owner[order], members[order]

    count = np.bincount(owner, minlength=len(hkl))
    sums = np.stack([np.bincount(owner, weights=column, minlength=len(hkl)) for column in members.T], axis=1)
    return Frequencies(
        sums / count[:, None], squared * metric.unit, count, metric.form * metric.unit, members, owner
    )
