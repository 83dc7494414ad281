"""Other cells of the same crystal: supercells and primitive cells, without a change of orientation."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft.crystal.lattice import integer_form, obtuse_superbase
from symfft.crystal.operators import translation_lattice
from symfft.crystal.space_group import SpaceGroup
from symfft.density import Density
from symfft.errors import NotSymmetricError, ShapeError
from symfft.resampling.densities import carried_to
from symfft.resampling.interpolation import lossless_shape

#: How often a cell may be repeated along one vector.
LARGEST_REPEAT = 10_000


def supercell(density: Density, cell: int | ArrayLike) -> Density:
    """Return a density in a larger cell of its lattice.

    No value is interpolated for multiples of the cell: the grid is repeated. Other cells take a grid from which the
    old one could be had back.

    Parameters
    ----------
    density : Density
        Of any kind.
    cell : int, (3,) int or (3, 3) int
        How often to repeat the cell along its vectors; or the matrix T of new basis vectors ``T @ lattice``.

    Returns
    -------
    Density
        Same orientation and spacing, ``|det T|`` times the atoms. Augmentation occupancies, site moments and selective
        dynamics are left behind.

    Raises
    ------
    ShapeError
        If `cell` does not span a cell, or holds anything but integers.

    See Also
    --------
    primitive, symfft.standardize, symfft.resample

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import Density, supercell
    >>> small = Density(np.arange(8.0).reshape(2, 2, 2), 3 * np.eye(3), [[0, 0, 0]], [84])
    >>> large = supercell(small, (2, 1, 1))
    >>> large.shape, large.positions.tolist(), large.electrons / small.electrons
    ((4, 2, 2), [[0.0, 0.0, 0.0], [0.5, 0.0, 0.0]], 2.0)
    """
    matrix = _integer_cell(cell)
    if (matrix == np.diag(np.diag(matrix))).all() and (np.diag(matrix) > 0).all():
        shape: Sequence[int] = tuple((np.array(density.shape) * np.diag(matrix)).tolist())
    else:
        shape = lossless_shape(density.lattice, matrix, density.shape)
    return carried_to(density, matrix, shape)


def primitive(density: Density, space_group: SpaceGroup | None = None) -> Density:
    """Return a density in a primitive cell of its crystal, in the orientation it has.

    The basis vectors are part of an obtuse superbase, mostly the shortest ones. Where the points of the old grid are
    those of a grid of the new cell nothing is interpolated; else the Fourier series is evaluated on a grid that keeps
    all of it.

    Parameters
    ----------
    density : Density
        Of any kind.
    space_group : SpaceGroup, optional
        Group in the density's cell, whose centring translations count; by default that of the atoms.

    Returns
    -------
    Density
        The density itself where its cell is primitive.

    Raises
    ------
    NotSymmetricError
        If the atoms repeat with a smaller cell than the density does, as in an antiferromagnet.

    See Also
    --------
    supercell, symfft.standardize

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import Density, primitive, supercell
    >>> small = Density(np.arange(8.0).reshape(2, 2, 2), 3 * np.eye(3), [[0, 0, 0]], [84])
    >>> primitive(supercell(small, (2, 1, 1))).values.tolist() == small.values.tolist()
    True
    """
    group = density.space_group() if space_group is None else space_group
    centring = group.numerators[(group.rotations == np.eye(3, dtype=np.int64)).all(axis=(1, 2))]
    if len(centring) == 1:
        return density
    d = group.denominator
    rows = translation_lattice(centring, d)
    form = integer_form(density.lattice @ density.lattice.T)
    basis = np.array(obtuse_superbase(form, rows)[:3], dtype=np.int64)
    if np.linalg.det(basis) < 0:
        basis = -basis
    cell = np.array([[Fraction(v, d) for v in row] for row in basis.tolist()], dtype=object)
    try:
        return carried_to(density, cell, lossless_shape(density.lattice, cell, density.shape))
    except NotSymmetricError as error:
        raise NotSymmetricError(
            f"the atoms repeat with a smaller cell than the density does, as in an antiferromagnet: {error}; give the "
            "density without its magnetization, total()"
        ) from None


def _integer_cell(cell: Any) -> NDArray[np.int64]:
    try:
        given = np.asarray(cell, dtype=np.float64)
    except (TypeError, ValueError):
        given = np.empty(0)
    matrix = np.diag(np.broadcast_to(given, 3)) if given.shape in ((), (3,)) else given
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or (matrix != np.rint(matrix)).any():
        raise ShapeError(f"cell {cell!r} is not usable: give an integer, three integers or a 3 × 3 matrix of integers")
    if np.abs(matrix).max() > LARGEST_REPEAT:
        raise ShapeError(f"cell {cell!r} is too large: its integers must be at most {LARGEST_REPEAT}")
    if abs(np.linalg.det(matrix)) < 0.5:
        raise ShapeError(f"cell {cell!r} spans no cell: its rows must be independent")
    return matrix.astype(np.int64)
