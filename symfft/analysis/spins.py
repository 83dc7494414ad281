"""Signs of a spin density under the operators of a group: kept, reversed, or neither."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symfft._array_types import FloatArray
from symfft.crystal.space_group import SpaceGroup
from symfft.errors import NotSymmetricError
from symfft.grid.symmetry_check import check_symmetry, even_subgroup

#: A spin density below this share of the largest density is numerical noise, whatever its symmetry.
NEGLIGIBLE = 1e-6


def is_negligible(spin: FloatArray, total: FloatArray) -> bool:
    """Whether a magnetization is nothing but noise."""
    return bool(np.abs(spin).max() <= NEGLIGIBLE * np.abs(total).max())


def is_character(group: SpaceGroup, signs: Sequence[int]) -> bool:
    """Whether the operators with sign +1 are all of them, or a subgroup that is half of them."""
    try:
        even_subgroup(group, signs)
    except NotSymmetricError:
        return False
    return True


def trusted_signs(
    spin: FloatArray, total: FloatArray, group: SpaceGroup, tolerance: float
) -> tuple[tuple[int, ...], float]:
    """Return the sign of a collinear magnetization under each operator, and the largest residual that it leaves.

    Raises
    ------
    NotSymmetricError
        If it is not collinear, or an operator neither keeps nor reverses it, or the signs do not
        form a one-dimensional representation.
    """
    if spin.ndim == 4:
        raise NotSymmetricError(
            "a non-collinear magnetization is not symmetrized, since the file does not say how spins turn with the "
            "crystal (spin axes, spin-orbit coupling)"
        )
    report = check_symmetry(spin, group)
    if is_negligible(spin, total):
        return (1,) * group.order, report.largest_residual
    if report.largest_signed_residual > tolerance:
        worst = max(report.operators, key=lambda o: o.residual or 0.0)
        raise NotSymmetricError(
            f"operator {worst.triplet} neither keeps nor reverses the magnetization (residual {worst.residual:.1e}, "
            f"tolerance {tolerance:g}): the magnetic order has less symmetry than {group.symbol}; choose its group"
        )
    if not is_character(group, report.signs):
        raise NotSymmetricError(
            f"the operators that keep the magnetization do not form a subgroup of {group.symbol} with half of its "
            "operators: its signs cannot be trusted"
        )
    return report.signs, report.largest_signed_residual
