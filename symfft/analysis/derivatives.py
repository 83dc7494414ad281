"""Derivatives of a density on its asymmetric unit, exact for its Fourier series.

``∂rho/∂r = Σ_G 2πi G c_G exp(2πi G·r)``. The Laplacian has the symmetry of the density. A derivative along one
direction d has that of the operators with W d = d only; along the images W⁻¹ d it takes the same values at other
points, so that one direction of each of few orbits is enough.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from symfft._array_types import Array, IntArray
from symfft._arrays import as_real, check_values
from symfft.analysis.frequencies import (
    Lattice,
    frequencies_of,
    hashable,
    reciprocal_metric,
    require_fit,
    unique_frequencies,
)
from symfft.au import AsymmetricUnit, asymmetric_unit
from symfft.crystal.space_group import SpaceGroup
from symfft.errors import ShapeError
from symfft.grid.shape import grid_operators
from symfft.transforms.dft import au_dft, au_idft

#: Directions that are tried, one of d and -d.
_DIRECTIONS = np.array([d for d in product(range(-2, 3), repeat=3) if d > (0, 0, 0) and np.gcd.reduce(d) == 1])


def au_gradient(values: ArrayLike, au: AsymmetricUnit, lattice: ArrayLike) -> Array:
    r"""Return the gradient of a density at the points of its asymmetric unit.

    .. math:: \nabla\rho(r) = \sum_G 2\pi i\, G\, c_G\, e^{2\pi i G \cdot r}

    Exact for the Fourier series of the samples; frequencies at the limit of the grid, of which G and -G are both
    shortest members, contribute nothing.

    Parameters
    ----------
    values : (..., n) array
        Density on the asymmetric unit; float32 or float64.
    au : AsymmetricUnit
        The plan.
    lattice : (3, 3) float
        Basis vectors as rows, in Å.

    Returns
    -------
    (..., 3, n) float64
        Cartesian components, in units of the density per Å, at ``au.indices``.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or the lattice does not fit the group.

    See Also
    --------
    au_gradient_norm, au_laplacian

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit
    >>> from symfft.analysis import au_gradient
    >>> au = asymmetric_unit("P 1", (16, 1, 1))
    >>> x = au.indices[:, 0] / 16
    >>> slope = au_gradient(np.sin(2 * np.pi * x), au, np.diag([4.0, 1.0, 1.0]))
    >>> bool(np.allclose(slope[0], 2 * np.pi / 4 * np.cos(2 * np.pi * x)))
    True
    """
    covariant = _fractional_gradient(values, au, lattice)
    inverse = np.linalg.inv(np.asarray(lattice, dtype=np.float64))
    return np.asarray(inverse @ covariant)


def au_gradient_norm(values: ArrayLike, au: AsymmetricUnit, lattice: ArrayLike) -> Array:
    """Return the length of the gradient at the points of the asymmetric unit.

    Parameters
    ----------
    values, au, lattice
        As in :func:`au_gradient`.

    Returns
    -------
    (..., n) float64
        ``|∇rho|``, in units of the density per Å.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or the lattice does not fit the group.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit
    >>> from symfft.analysis import au_gradient_norm
    >>> au = asymmetric_unit("P m -3 m", (8, 8, 8))
    >>> wave = np.cos(2 * np.pi * au.indices / 8).sum(axis=1)
    >>> norm = au_gradient_norm(wave, au, np.eye(3))
    >>> bool(np.allclose(norm, 2 * np.pi * np.linalg.norm(np.sin(2 * np.pi * au.indices / 8), axis=1)))
    True
    """
    covariant = _fractional_gradient(values, au, lattice)
    squared = (covariant * (reciprocal_metric(lattice) @ covariant)).sum(axis=-2)
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def au_laplacian(values: ArrayLike, au: AsymmetricUnit, lattice: ArrayLike) -> Array:
    r"""Return the Laplacian of a density on its asymmetric unit.

    .. math:: \nabla^2\rho(r) = -4\pi^2 \sum_G |G|^2 c_G\, e^{2\pi i G \cdot r}

    Parameters
    ----------
    values, au, lattice
        As in :func:`au_gradient`.

    Returns
    -------
    (..., n) float64
        In units of the density per Å².

    Raises
    ------
    ShapeError
        If the shapes do not fit, or the lattice does not fit the group.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit
    >>> from symfft.analysis import au_laplacian
    >>> au = asymmetric_unit("P m -3 m", (8, 8, 8))
    >>> wave = np.cos(2 * np.pi * au.indices / 8).sum(axis=1)
    >>> bool(np.allclose(au_laplacian(wave, au, np.eye(3)), -4 * np.pi**2 * wave))
    True
    """
    rho = _values(values, au)
    squared = unique_frequencies(au, lattice).squared
    return np.asarray(au_idft(au_dft(rho, au) * (-4 * np.pi**2 * squared), au))


def au_reduced_gradient(values: ArrayLike, au: AsymmetricUnit, lattice: ArrayLike) -> Array:
    r"""Return the reduced density gradient, which has no dimension.

    .. math:: s = \frac{|\nabla\rho|}{2 (3\pi^2)^{1/3} \rho^{4/3}}

    Small values at a small density mark weak interactions (Johnson et al., J. Am. Chem. Soc. 132, 6498, 2010).

    Parameters
    ----------
    values, au, lattice
        As in :func:`au_gradient`; the density in e/Å³.

    Returns
    -------
    (..., n) float64
        Infinite where the density is zero or negative.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or the lattice does not fit the group.

    Examples
    --------
    >>> import numpy as np
    >>> from symfft import asymmetric_unit
    >>> from symfft.analysis import au_reduced_gradient
    >>> au = asymmetric_unit("P m -3 m", (4, 4, 4))
    >>> bool(np.abs(au_reduced_gradient(np.ones(au.size), au, np.eye(3))).max() < 1e-14)
    True
    """
    rho = _values(values, au)
    norm = au_gradient_norm(rho, au, lattice)
    positive = rho > 0
    scale = 2 * np.cbrt(3 * np.pi**2) * np.where(positive, rho, 1.0) ** (4 / 3)
    return np.where(positive, norm / scale, np.inf)


# ---- inside ---------------------------------------------------------------------------------------------------------


def _values(values: ArrayLike, au: AsymmetricUnit) -> NDArray[np.float64]:
    check_values(values, au.size)
    rho = as_real(values).astype(np.float64, copy=False)
    if not np.isfinite(rho).all():
        raise ShapeError("the density holds NaN or infinite values: one of them would spread over the whole cell")
    return np.asarray(rho)


class Slope(NamedTuple):
    """How the derivative along one direction, and along some of its images, follows from the structure factors.

    Attributes
    ----------
    part : AsymmetricUnit
        Of the operators that leave the direction alone.
    label, factor, conjugate : (n_h,) arrays
        Of each reflection of `part`: the unique one of the whole group, what its structure factor is multiplied by, and
        whether its conjugate is.
    images : (k, 3) int
        Directions whose derivatives are had.
    places : (k, n) int32
        Where, on `part`, those of the points of the asymmetric unit are.
    """

    part: AsymmetricUnit
    label: IntArray
    factor: NDArray[np.complex128]
    conjugate: NDArray[np.bool_]
    images: IntArray
    places: NDArray[np.int32]


def _fractional_gradient(values: ArrayLike, au: AsymmetricUnit, lattice: ArrayLike) -> Array:
    """Return the derivatives along the basis vectors, (..., 3, n), in units of the density."""
    coefficients = au_dft(_values(values, au), au)
    slopes, images = [], []
    for slope in _slopes(au, hashable(lattice)):
        taken = coefficients[..., slope.label]
        along = au_idft(np.where(slope.conjugate, taken.conj(), taken) * slope.factor, slope.part)
        slopes.append(along[..., slope.places])
        images.append(slope.images)
    # d · gradient is known for more directions than needed where their orbits overlap
    return np.asarray(np.linalg.pinv(np.concatenate(images)) @ np.concatenate(slopes, axis=-2))


@lru_cache(maxsize=4)
def _slopes(au: AsymmetricUnit, lattice: Lattice) -> tuple[Slope, ...]:
    """Return what the gradient needs, direction by direction; the last 4 are cached."""
    require_fit(au, lattice)
    rotations, translations = grid_operators(au.space_group, au.shape)
    slopes = []
    for direction in directions_of(au.space_group):
        part = asymmetric_unit(stabilizer(au.space_group, direction), au.shape)
        label, factor, conjugate = au.fourier.reflections.relation(part.hkl)
        mean = frequencies_of(part.hkl, au.shape, lattice).mean
        factor = np.where(label < 0, 0, factor) * (2j * np.pi * (mean @ direction))
        operators, images = _independent(au.space_group, direction)
        points = [(au.indices @ rotations[g].T + translations[g]) % np.array(au.shape) for g in operators]
        places = np.stack([part.labels[tuple(p.T)] for p in points])
        slopes.append(Slope(part, np.maximum(label, 0), factor, conjugate, np.array(images), places))
    return tuple(slopes)


@lru_cache(maxsize=256)
def stabilizer(space_group: SpaceGroup, direction: tuple[int, int, int]) -> SpaceGroup:
    """Return the operators with W d = d."""
    keep = (space_group.rotations @ np.array(direction) == direction).all(axis=1)
    if keep.all():
        return space_group
    return SpaceGroup(space_group.rotations[keep], space_group.numerators[keep], space_group.denominator)


@lru_cache(maxsize=256)
def directions_of(space_group: SpaceGroup) -> tuple[tuple[int, int, int], ...]:
    """Return directions whose images span space, with the fewest images in all.

    The work for one direction is that of the asymmetric unit times the number of its images.

    Examples
    --------
    >>> from symfft import SpaceGroup
    >>> directions_of(SpaceGroup.from_number(225)), len(directions_of(SpaceGroup.from_number(47)))
    (((0, 0, 1),), 3)
    """
    rotations = np.unique(space_group.rotations, axis=0)
    rows = []
    for d in _DIRECTIONS:
        images = np.unique(rotations @ d, axis=0)
        rows.append((len(images), int(d @ d), tuple(d.tolist()), images))
    rows.sort(key=lambda row: row[:3])
    alone = next((row for row in rows if _rank(row[3]) == 3), None)
    chosen: list[Any] = []
    span = np.empty((0, 3), dtype=np.int64)
    for row in rows:
        wider = np.concatenate([span, row[3]])
        if _rank(wider) > _rank(span):
            chosen, span = [*chosen, row], wider
    if alone is not None and alone[0] <= sum(row[0] for row in chosen):
        chosen = [alone]
    return tuple(row[2] for row in chosen)


def _rank(vectors: IntArray) -> int:
    return int(np.linalg.matrix_rank(vectors)) if len(vectors) else 0


@lru_cache(maxsize=256)
def _independent(space_group: SpaceGroup, direction: tuple[int, int, int]) -> tuple[list[int], list[list[int]]]:
    """Return operators and the W⁻¹ d that they give, linearly independent."""
    inverses = np.rint(np.linalg.inv(space_group.rotations)).astype(np.int64)
    operators: list[int] = []
    images: list[list[int]] = []
    for g, image in enumerate((inverses @ np.array(direction)).tolist()):
        if _rank(np.array([*images, image])) > len(images):
            operators.append(g)
            images.append(image)
        if len(images) == 3:
            break
    return operators, images
