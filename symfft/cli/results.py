"""Entries that the results of several subcommands share."""

from __future__ import annotations

from symfft._array_types import FloatArray
from symfft.cli.command import Result
from symfft.crystal.space_group import SpaceGroup
from symfft.density import Density
from symfft.errors import IncompatibleGridError
from symfft.grid.shape import next_compatible_shape
from symfft.grid.symmetry_check import check_symmetry

KINDS = {
    "charge": "electron density",
    "potential": "potential",
    "elf": "electron localization function",
    "kinetic_energy": "kinetic-energy density",
    "other": "another quantity",
}


def name(group: SpaceGroup) -> Result:
    """Return what a result says about a space group."""
    return {"number": group.number, "symbol": group.symbol, "order": group.order}


def what(density: Density) -> str:
    """Return what a density is, in words."""
    spin = {1: "", 2: ", collinear spin", 4: ", non-collinear spin"}[density.blocks]
    return KINDS[density.kind] + spin


def largest_residual(total: FloatArray, group: SpaceGroup) -> float:
    """Return the largest residual of the operators that the grid carries."""
    return check_symmetry(total, group).largest_residual


def fitting_shape(group: SpaceGroup, density: Density) -> tuple[int, int, int] | None:
    """Return the next grid that fits a group; None where there is none, as its origin lies between grid points."""
    try:
        return next_compatible_shape(group, density.shape)
    except IncompatibleGridError:
        return None


def electrons(density: Density) -> float | None:
    """Return the electrons of a charge density, None for other kinds."""
    return density.electrons if density.kind == "charge" else None


def moment(density: Density) -> float | list[float] | None:
    """Return the magnetic moment of the cell in μB."""
    if density.kind != "charge" or density.magnetization is None:
        return None
    moment: float | list[float] = (density.magnetization.mean(axis=(-3, -2, -1)) * density.volume).tolist()
    return moment
