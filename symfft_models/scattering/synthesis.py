"""From coefficients to structure factors, and from structure factors to a density on a grid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from symfft import AsymmetricUnit, IncompatibleGridError, SpaceGroup, asymmetric_unit, au_idft
from symfft_models._array_types import ComplexArray, FloatArray, IntArray
from symfft_models.scattering.crystal import Crystal
from symfft_models.scattering.geometry import Terms, scattering
from symfft_models.scattering.radial import WIDTHS, radial_functions

#: Numbers that a piece of a sum over reflections may hold.
PIECE = 4_000_000
#: Beyond this many widths a Gaussian has no value.
REACH = 6.5


def structure_factors(crystal: Crystal, terms: Terms, coefficients: FloatArray, hkl: IntArray) -> ComplexArray:
    """Return F (..., n_h) in electrons per cell of coefficients (..., k, RADIAL) at reflections (n_h, 3)."""
    result = np.zeros((*coefficients.shape[:-2], len(hkl)), dtype=np.complex128)
    length = np.linalg.norm(hkl @ np.linalg.inv(crystal.lattice).T, axis=1)
    seen = np.flatnonzero(length < REACH * WIDTHS[-1])
    cost = max(crystal.group.order * 25, len(terms) * len(WIDTHS))
    for rows in _pieces(seen, max(1, PIECE // cost)):
        factors = scattering(crystal, terms, hkl[rows])
        radial = radial_functions(length[rows], terms.degree)
        design = (factors[:, :, None] * radial).transpose(0, 2, 1).reshape(-1, len(rows))
        result[..., rows] = coefficients.reshape(*coefficients.shape[:-2], -1) @ design
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
    steps = group.translations.astype(np.float64) * sizes
    turned = group.rotations * sizes[:, None] / sizes[None, :]
    fits = (np.abs(steps - np.round(steps)) < 1e-9).all(axis=1) & (np.abs(turned - np.round(turned)) < 1e-9).all((1, 2))
    return SpaceGroup.from_operators(group.rotations[fits], group.translations[fits])


def density_values(crystal: Crystal, unit: AsymmetricUnit, factors: ComplexArray) -> FloatArray:
    """Return the density (n,) in e/Å³ on an asymmetric unit from F (n_h,) in electrons at ``unit.hkl``."""
    return np.asarray(au_idft(factors * (float(np.prod(unit.shape)) / crystal.volume), unit))
