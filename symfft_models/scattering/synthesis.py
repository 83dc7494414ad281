"""From coefficients to structure factors, and from structure factors to a density on a grid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from symfft import AsymmetricUnit, IncompatibleGridError, SpaceGroup, asymmetric_unit, au_idft, next_compatible_shape
from symfft_models._array_types import ComplexArray, FloatArray, IntArray
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.geometry import Terms, scattering
from symfft_models.scattering.model import Coefficients
from symfft_models.scattering.radial import WIDTHS, radial_by_degree

#: Numbers that a piece of a sum over reflections may hold.
PIECE = 4_000_000

Shape = tuple[int, int, int]
Number = TypeVar("Number", np.float64, np.complex128)


def structure_factors(
    crystal: Crystal, terms: Terms, coefficients: FloatArray, hkl: IntArray, longest: float = np.inf
) -> ComplexArray:
    """Return F (..., n_h) in electrons per cell of coefficients (..., k, RADIAL) at reflections (n_h, 3).

    Reflections with 1/d above `longest` (1/Å) are zero.
    """
    result = np.zeros((*coefficients.shape[:-2], len(hkl)), dtype=np.complex128)
    length = np.linalg.norm(hkl @ np.linalg.inv(crystal.lattice).T, axis=1)
    seen = np.flatnonzero(length <= longest)
    cost = max(crystal.group.order * 25, len(terms) * len(WIDTHS))
    for rows in _pieces(seen, max(1, PIECE // cost)):
        factors, radial = scattering(crystal, terms, hkl[rows]), radial_by_degree(length[rows])
        result[..., rows] = superposition(coefficients, factors, radial, terms.degree)
    return result


def superposition(
    coefficients: FloatArray, factors: NDArray[Number], radial: FloatArray, degree: IntArray
) -> NDArray[Number]:
    """Return ``Σ_nk c_nk R_nl(h) T_k(h)``, (..., n_h), of coefficients (..., k, RADIAL).

    Parameters
    ----------
    factors : (k, n_h)
        T, complex structure factors of terms or one of their parts.
    radial : (DEGREE + 1, n_h, RADIAL) float64
        R of each degree.
    degree : (k,) int64
        Degree l of each term.
    """
    result = np.zeros((*coefficients.shape[:-2], factors.shape[1]), dtype=factors.dtype)
    for term, level in enumerate(degree.tolist()):
        result += (coefficients[..., term, :] @ radial[level].T) * factors[term]
    return result


def _pieces(rows: IntArray, size: int) -> Iterator[IntArray]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def unit_for(crystal: Crystal, shape: tuple[int, int, int]) -> AsymmetricUnit:
    """Return the asymmetric unit of a grid: of all operators of the crystal, or of those that the grid carries."""
    try:
        return asymmetric_unit(crystal.group, shape)
    except IncompatibleGridError:
        return asymmetric_unit(carried(crystal.group, shape), shape)


def carried(group: SpaceGroup, shape: tuple[int, int, int]) -> SpaceGroup:
    """Return the operators of a group that map a grid onto itself: a subgroup."""
    sizes = np.array(shape)
    steps = group.numerators / group.denominator * sizes
    turned = group.rotations * sizes[:, None] / sizes[None, :]
    fits = (np.abs(steps - np.round(steps)) < 1e-9).all(axis=1) & (np.abs(turned - np.round(turned)) < 1e-9).all((1, 2))
    return SpaceGroup.from_operators(group.rotations[fits], group.translations[fits])


def grid_for(crystal: Crystal, spacing: float) -> Shape:
    """Return a grid with points at most `spacing` (Å) apart that the group maps onto itself, if there is one."""
    least = np.ceil(np.linalg.norm(crystal.lattice, axis=1) / spacing).astype(int).tolist()
    try:
        return next_compatible_shape(crystal.group, least)
    except IncompatibleGridError:
        return (least[0], least[1], least[2])


def density_values(
    crystal: Crystal, found: Coefficients, coefficients: FloatArray, shape: Shape
) -> tuple[FloatArray, AsymmetricUnit]:
    """Return densities (..., n) in e/Å³ of coefficients (..., k, RADIAL) on the AU of a grid, and that AU."""
    unit = unit_for(crystal, shape)
    inside = (2 * np.abs(unit.hkl) < np.array(shape)).all(axis=1)
    factors = np.zeros((*coefficients.shape[:-2], len(unit.hkl)), dtype=np.complex128)
    factors[..., inside] = structure_factors(crystal, found.terms, coefficients, unit.hkl[inside], found.longest)
    return np.asarray(au_idft(factors * (float(np.prod(shape)) / crystal.volume), unit)), unit
